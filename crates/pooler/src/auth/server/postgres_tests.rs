//! Logins to a real PostgreSQL, and of a real client.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use canvass_testkit::{Place, TestDb, block_on, eventually, shared_cluster};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::NoTls;

use super::*;
use crate::auth::client::{ClientLogin, Found, Origin, Proof, authenticate};
use crate::auth::secret::{Password, Secret};
use crate::auth::userlist::Userlist;
use crate::auth::{Method, query};
use crate::tls::{ServerSide, Settings, SslMode, Started};

/// PostgreSQL with a role for each way of asking; the passwords are `hunter2`.
struct Server {
    database: TestDb,
    place: Place,
}

/// A password that SASLprep changes: a soft hyphen goes, and the Roman numeral becomes two letters.
const PREPARED: &str = "pass\u{ad}word \u{2168}";

fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let (database, place) = (shared_cluster().database(), Place::new());
        database.execute(&format!(
            "SET password_encryption = 'md5';
             CREATE ROLE pool_md5 LOGIN PASSWORD 'hunter2';
             SET password_encryption = 'scram-sha-256';
             CREATE ROLE pool_scram LOGIN PASSWORD 'hunter2';
             CREATE ROLE pool_clear LOGIN PASSWORD 'hunter2';
             CREATE ROLE pool_prepared LOGIN PASSWORD '{PREPARED}';
             CREATE ROLE pool_expired LOGIN PASSWORD 'hunter2' VALID UNTIL '2001-01-01';
             CREATE ROLE pool_auth SUPERUSER LOGIN PASSWORD 'hunter2';
             CREATE ROLE pool_nologin PASSWORD 'hunter2';
             CREATE ROLE pool_cert LOGIN"
        ));
        let hba = PathBuf::from(database.value("SHOW hba_file"));
        let owner = std::fs::metadata(&hba).unwrap();
        let rules = "host all pool_md5 127.0.0.1/32 md5\n\
                     host all pool_clear 127.0.0.1/32 password\n\
                     hostssl all pool_cert 127.0.0.1/32 cert\n";
        std::fs::write(&hba, rules.to_owned() + &std::fs::read_to_string(&hba).unwrap()).unwrap();
        make_certificates(place.path());
        for name in ["server.key", "server.crt", "ca.crt"] {
            let path = place.path().join(name);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        let place_name = place.path().display();
        for (name, value) in [
            ("ssl_cert_file", format!("{place_name}/server.crt")),
            ("ssl_key_file", format!("{place_name}/server.key")),
            ("ssl_ca_file", format!("{place_name}/ca.crt")),
            ("ssl", "on".to_owned()),
        ] {
            database.execute(&format!("ALTER SYSTEM SET {name} = '{value}'"));
        }
        database.execute("SELECT pg_reload_conf()");
        let this = Server { database, place };
        eventually("PostgreSQL to speak TLS", || {
            let started = block_on(async {
                let io = TcpStream::connect(("127.0.0.1", shared_cluster().port()))
                    .await
                    .unwrap();
                this.tls(SslMode::Require, false).start(io, "localhost").await
            });
            matches!(started, Ok(Started::Tls(_))).then_some(())
        });
        this
    })
}

/// `ca.crt`, `server.crt` for `localhost` and `client.crt` for `pool_cert`, with the keys of both.
fn make_certificates(place: &Path) {
    let mut authority = CertificateParams::default();
    authority
        .distinguished_name
        .push(DnType::CommonName, "pooler test authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    std::fs::write(
        place.join("ca.crt"),
        authority.self_signed(&authority_key).unwrap().pem(),
    )
    .unwrap();
    let issuer = Issuer::new(authority, authority_key);
    for (file, name, hosts) in [
        ("server", "server", vec!["localhost".to_owned()]),
        ("client", "pool_cert", vec![]),
    ] {
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        std::fs::write(place.join(format!("{file}.crt")), certificate.pem()).unwrap();
        std::fs::write(place.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }
}

impl Server {
    fn tls(&self, sslmode: SslMode, with_certificate: bool) -> ServerSide {
        let path = |name: &str| Some(self.place.path().join(name));
        let settings = Settings {
            sslmode,
            ca_file: sslmode.verifies().then(|| path("ca.crt")).flatten(),
            cert_file: with_certificate.then(|| path("client.crt")).flatten(),
            key_file: with_certificate.then(|| path("client.key")).flatten(),
            ..Settings::default()
        };
        ServerSide::load(&settings).unwrap()
    }

    /// Logs in over TCP as far as ReadyForQuery.
    fn log_in(&self, user: &str, credentials: &Credentials, tls: &ServerSide) -> Result<(), LoginError> {
        block_on(async {
            let io = TcpStream::connect(("127.0.0.1", shared_cluster().port()))
                .await
                .unwrap();
            match tls.start(io, "localhost").await.unwrap() {
                Started::Plain(mut io) => self.finish(&mut io, user, credentials, false).await,
                Started::Tls(mut io) => self.finish(&mut io, user, credentials, true).await,
            }
        })
    }

    fn log_in_plainly(&self, user: &str, credentials: &Credentials) -> Result<(), LoginError> {
        self.log_in(user, credentials, &self.tls(SslMode::Disable, false))
    }

    async fn finish<S>(
        &self,
        io: &mut S,
        user: &str,
        credentials: &Credentials,
        tls: bool,
    ) -> Result<(), LoginError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut startup = 196_608_i32.to_be_bytes().to_vec();
        startup.extend(format!("user\0{user}\0database\0{}\0\0", self.database.name).as_bytes());
        let length = u32::try_from(startup.len() + 4).unwrap();
        io.write_all(&length.to_be_bytes()).await.unwrap();
        io.write_all(&startup).await.unwrap();
        let keyring = Keyring::new().unwrap();
        let login = ServerCredentials {
            user,
            credentials,
            may_send_clear_text: tls,
            keyring: &keyring,
        };
        answer(io, &login).await?;
        loop {
            let Message { kind, body } = message::read(io, |_| Some(10_000)).await?;
            match kind {
                b'Z' => return Ok(()),
                b'E' => return Err(LoginError::Server(ServerError::read(&body))),
                _ => {}
            }
        }
    }

    fn secret(&self, user: &str) -> Secret {
        let sql = format!("SELECT rolpassword FROM pg_authid WHERE rolname = '{user}'");
        Secret::parse(&self.database.value(&sql)).unwrap()
    }
}

fn clear(password: &str) -> Credentials {
    Credentials::Clear(Password::new(password.as_bytes()))
}

#[test]
fn passwords_and_hashes_log_in_to_postgresql() {
    let server = server();
    server.log_in_plainly("pool_scram", &clear("hunter2")).unwrap();
    server.log_in_plainly("pool_md5", &clear("hunter2")).unwrap();
    server
        .log_in_plainly("pool_md5", &(&server.secret("pool_md5")).into())
        .unwrap();
    server.log_in_plainly("pool_prepared", &clear(PREPARED)).unwrap();
    server
        .log_in_plainly("pool_prepared", &clear("password IX"))
        .unwrap();

    let error = server.log_in_plainly("pool_scram", &clear("wrong")).unwrap_err();
    let LoginError::Server(error) = error else {
        panic!("{error}")
    };
    assert_eq!(
        error.to_string(),
        "password authentication failed for user \"pool_scram\""
    );
    assert_eq!(error.sqlstate.as_deref(), Some("28P01"));
    let error = server
        .log_in_plainly("pool_scram", &(&server.secret("pool_scram")).into())
        .unwrap_err();
    assert!(
        matches!(error, LoginError::Missing { .. }),
        "a verifier is no password: {error}"
    );
}

#[test]
fn a_clear_text_password_goes_to_postgresql_over_tls_only() {
    let server = server();
    let error = server
        .log_in_plainly("pool_clear", &clear("hunter2"))
        .unwrap_err();
    assert!(matches!(error, LoginError::ClearTextRefused { .. }), "{error}");
    server
        .log_in(
            "pool_clear",
            &clear("hunter2"),
            &server.tls(SslMode::VerifyFull, false),
        )
        .unwrap();
}

#[test]
fn a_certificate_logs_in_to_postgresql() {
    let server = server();
    server
        .log_in(
            "pool_cert",
            &Credentials::Nothing,
            &server.tls(SslMode::VerifyFull, true),
        )
        .unwrap();
    let error = server
        .log_in(
            "pool_cert",
            &Credentials::Nothing,
            &server.tls(SslMode::Require, false),
        )
        .unwrap_err();
    assert!(matches!(error, LoginError::Server(_)), "{error}");
}

/// A login of tokio-postgres, an implementation that is not ours, with a password.
fn client_logs_in(method: Method, user: &str, users: &Userlist, password: &str) -> Result<Proof, String> {
    block_on(async {
        let (mut ours, theirs) = tokio::io::duplex(1 << 16);
        let mut config = tokio_postgres::Config::new();
        config.user(user).dbname("shop").password(password);
        let client = config.connect_raw(theirs, NoTls);
        let keyring = Keyring::new().unwrap();
        let pooler = async {
            let length = usize::try_from(ours.read_u32().await.unwrap()).unwrap();
            let mut startup = vec![0; length - 4];
            ours.read_exact(&mut startup).await.unwrap();
            let login = ClientLogin {
                user,
                database: "shop",
                physical_replication: false,
                method,
                rules: None,
                maps: None,
                origin: Origin::Tcp([127, 0, 0, 1].into()),
                tls: None,
                forced_user: false,
                scram_iterations: 4096,
                keyring: &keyring,
            };
            let proof = authenticate(&mut ours, &login, users).await;
            if proof.is_ok() {
                message::write(&mut ours, b'R', &[&[0; 4]]).await.unwrap();
                message::write(&mut ours, b'Z', &[b"I"]).await.unwrap();
            }
            drop(ours);
            proof.map_err(|refused| refused.reason)
        };
        let (proof, connected) = tokio::join!(pooler, client);
        assert_eq!(proof.is_ok(), connected.is_ok());
        proof
    })
}

fn list_of(user: &str, secret: &str) -> Userlist {
    Userlist::parse("userlist.txt".as_ref(), &format!("\"{user}\" \"{secret}\"\n")).unwrap()
}

#[test]
fn the_keys_of_a_clients_login_log_in_to_postgresql() {
    // given the verifier that PostgreSQL has, and no password anywhere in the pooler
    let server = server();
    let stored = server
        .database
        .value("SELECT rolpassword FROM pg_authid WHERE rolname = 'pool_scram'");
    let users = list_of("pool_scram", &stored);

    // when a client logs in with SCRAM, asked so or by md5
    for method in [Method::ScramSha256, Method::Md5] {
        let proof = client_logs_in(method, "pool_scram", &users, "hunter2").unwrap();

        // then what it leaves logs in to PostgreSQL as that user, and as no other
        assert!(matches!(proof.credentials, Credentials::Scram(_)));
        server.log_in_plainly("pool_scram", &proof.credentials).unwrap();
        let error = server
            .log_in_plainly("pool_prepared", &proof.credentials)
            .unwrap_err();
        assert!(matches!(error, LoginError::OtherVerifier { .. }), "{error}");
    }
    let error = client_logs_in(Method::ScramSha256, "pool_scram", &users, "wrong").unwrap_err();
    assert_eq!(error, "wrong password for user pool_scram");
}

#[test]
fn a_client_logs_in_by_every_kind_of_secret() {
    let server = server();
    let stored = |user| {
        server.database.value(&format!(
            "SELECT rolpassword FROM pg_authid WHERE rolname = '{user}'"
        ))
    };
    for (method, user, secret, password) in [
        (Method::Md5, "pool_md5", stored("pool_md5"), "hunter2"),
        (Method::Plain, "pool_md5", stored("pool_md5"), "hunter2"),
        (Method::Plain, "pool_scram", stored("pool_scram"), "hunter2"),
        (Method::ScramSha256, "ann", "in clear".to_owned(), "in clear"),
        (Method::Md5, "ann", "in clear".to_owned(), "in clear"),
        (
            Method::ScramSha256,
            "pool_prepared",
            stored("pool_prepared"),
            PREPARED,
        ),
        (Method::ScramSha256, "ann", PREPARED.to_owned(), "password IX"),
    ] {
        let users = list_of(user, &secret);
        client_logs_in(method, user, &users, password).unwrap();
        assert!(
            client_logs_in(method, user, &users, "wrong").is_err(),
            "{method:?} {user}"
        );
    }
}

/// Looks users up as the pooler does, with a connection of `auth_user`.
fn looked_up(auth_user: &str, text: &str, users: &[&str]) -> Vec<Result<Found, String>> {
    let server = server();
    block_on(async {
        let mut io = TcpStream::connect(("127.0.0.1", shared_cluster().port()))
            .await
            .unwrap();
        server
            .finish(&mut io, auth_user, &clear("hunter2"), false)
            .await
            .unwrap();
        let mut found = Vec::new();
        for user in users {
            io.write_all(&query::request(text, user)).await.unwrap();
            let mut reply = query::Reply::default();
            let answer = loop {
                let Message { kind, body } = message::read(&mut io, |_| Some(10_000)).await.unwrap();
                if let Some(answer) = reply.take(kind, &body).unwrap() {
                    break answer;
                }
            };
            let result = answer.and_then(|answer| query::found(user, answer));
            found.push(result.map_err(|error| error.to_string()));
        }
        found
    })
}

#[test]
fn the_default_query_finds_who_may_log_in() {
    let secret = Found::Secret(server().secret("pool_scram"));
    let long = "x".repeat(70);
    let users = [
        "pool_scram",
        "pool_expired",
        "pool_cert",
        "pool_nologin",
        "nobody",
        "' OR true --",
        &long,
    ];
    let expected = [
        secret,
        Found::NoPassword,
        Found::NoPassword,
        Found::Unknown,
        Found::Unknown,
        Found::Unknown,
    ];
    let expected: Vec<_> = expected.into_iter().chain([Found::Unknown]).map(Ok).collect();
    for text in [query::QUALIFIED, query::DEFAULTS[0], query::DEFAULTS[1]] {
        assert_eq!(looked_up("pool_auth", text, &users), expected);
    }
}

#[test]
fn a_query_that_fails_leaves_the_connection_in_step() {
    // given a user for whom the query fails, between two for whom it does not
    let text = "SELECT $1::name, (1 / (length($1::text) - 3))::text";
    let found = looked_up("pool_auth", text, &["long", "abc", "long"]);
    let fine = Ok(Found::Secret(Secret::parse("1").unwrap()));
    assert_eq!(
        found,
        [
            fine.clone(),
            Err("auth_query failed: division by zero".to_owned()),
            fine
        ]
    );
    let error = Err("expected 2 columns from auth_query, not 1".to_owned());
    assert_eq!(looked_up("pool_auth", "SELECT $1::name", &["ann"]), [error]);
}

/// CVE-2025-12819: whoever chooses the `search_path` chooses what `<`, `now()` and `pg_authid` are.
#[test]
fn a_hostile_search_path_does_not_fool_the_default_query() {
    // given a connection whose search_path somebody else has chosen
    let server = server();
    server.database.execute(
        "CREATE SCHEMA evil;
         CREATE VIEW evil.pg_authid AS SELECT 'pool_scram'::name AS rolname, true AS rolcanlogin,
             'known to the attacker'::text AS rolpassword, NULL::timestamptz AS rolvaliduntil;
         CREATE ROLE pool_fooled SUPERUSER LOGIN PASSWORD 'hunter2';
         ALTER ROLE pool_fooled SET search_path = evil, pg_catalog",
    );

    // then the queries as pgbouncer has them are fooled, and ours is not
    let fooled = Found::Secret(Secret::parse("known to the attacker").unwrap());
    for text in query::DEFAULTS {
        assert_eq!(
            looked_up("pool_fooled", text, &["pool_scram"]),
            [Ok(fooled.clone())]
        );
    }
    let secret = Found::Secret(server.secret("pool_scram"));
    assert_eq!(
        looked_up(
            "pool_fooled",
            query::effective(query::DEFAULTS[0]),
            &["pool_scram"]
        ),
        [Ok(secret)]
    );
}
