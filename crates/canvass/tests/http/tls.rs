//! TLS: towards respondents, and towards the database.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use canvass_testkit::{
    Place, SMALL_SURVEY, Server, TestCluster, WaveTimes, make_wave, now_micros, shared_cluster,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::json;

use crate::support::{BINARY, status};

/// A certificate for `localhost` and its key.
struct Pair {
    certificate: CertificateDer<'static>,
    certificate_file: PathBuf,
    key_file: PathBuf,
}

fn pair(place: &Place, name: &str) -> Pair {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = [
        place.path().join(format!("{name}.pem")),
        place.path().join(format!("{name}.key")),
    ];
    fs::write(&files[0], made.cert.pem()).unwrap();
    fs::write(&files[1], made.signing_key.serialize_pem()).unwrap();
    let [certificate_file, key_file] = files;
    Pair {
        certificate: made.cert.der().clone(),
        certificate_file,
        key_file,
    }
}

/// One request over TLS to `localhost`; what came back, as text.
fn over_tls(address: SocketAddr, trusted: &CertificateDer<'static>, request: &str) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address).unwrap());
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn respondents_are_served_over_tls_with_cookies_bound_to_it() {
    let db = shared_cluster().database();
    let wave = make_wave(&db.url, "w", SMALL_SURVEY, WaveTimes::default(), 1);
    let place = Place::new();
    let pair = pair(&place, "site");
    let (certificate, key) = (
        pair.certificate_file.display().to_string(),
        pair.key_file.display().to_string(),
    );
    let settings = [
        ("CANVASS_WEB_TLS_CERT", certificate.as_str()),
        ("CANVASS_WEB_TLS_KEY", &key),
    ];
    let server = Server::start(BINARY, &db.url, &settings);
    assert!(server.log().contains("listening on https://"), "{}", server.log());
    let pid = server.pid();
    let form = format!("code={}", wave.codes[0]);

    let entered = over_tls(
        server.address(),
        &pair.certificate,
        &format!(
            "POST /enter HTTP/1.1\r\nHost: localhost\r\nOrigin: https://localhost\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
            form.len()
        ),
    );

    assert_eq!(status(&entered), 303, "{entered}");
    let cookie = entered
        .split("set-cookie: ")
        .nth(1)
        .unwrap()
        .split("\r\n")
        .next()
        .unwrap();
    assert!(cookie.starts_with("__Host-canvass="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    let request = format!(
        "GET /take/p01 HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\nConnection: close\r\n\r\n",
        cookie.split(';').next().unwrap()
    );
    assert_eq!(
        status(&over_tls(server.address(), &pair.certificate, &request)),
        200
    );

    // Plain HTTP, half a handshake and noise on the same port harm nobody.
    for noise in [
        &b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..],
        b"\x16\x03\x01\x00\x05\x01",
        &[0xff; 5_000],
        b"",
    ] {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        let _ = stream.write_all(noise);
        drop(stream);
    }
    assert_eq!(
        status(&over_tls(server.address(), &pair.certificate, &request)),
        200
    );
    assert_eq!(server.pid(), pid);
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn a_wrong_certificate_or_key_is_one_clear_line() {
    let db = shared_cluster().database();
    let server = Server::start(BINARY, &db.url, &[]);
    let place = Place::new();
    let (one, other) = (pair(&place, "one"), pair(&place, "other"));
    let nothing = place.path().join("nothing.pem");
    let empty = place.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    let serve = |certificate: Option<&PathBuf>, key: Option<&PathBuf>| {
        let mut command = Command::new(BINARY);
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--database-url",
                &db.url,
                "--keys",
            ])
            .arg(server.keys());
        for (option, file) in [("--tls-cert", certificate), ("--tls-key", key)] {
            if let Some(file) = file {
                command.arg(option).arg(file);
            }
        }
        let output = command.env("CANVASS_WEB_METRICS_LISTEN", "").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), said.lines().count()),
            (Some(1), 1),
            "{said}"
        );
        said
    };
    assert!(serve(Some(&one.certificate_file), Some(&other.key_file)).contains("does not go with"));
    assert!(serve(Some(&one.certificate_file), None).contains("tls_cert is set without tls_key"));
    assert!(serve(None, Some(&one.key_file)).contains("tls_key is set without tls_cert"));
    assert!(serve(Some(&nothing), Some(&one.key_file)).contains("nothing.pem"));
    assert!(serve(Some(&empty), Some(&one.key_file)).contains("empty.pem"));
    assert!(serve(Some(&one.certificate_file), Some(&empty)).contains("empty.pem"));
    assert!(serve(Some(&one.key_file), Some(&one.certificate_file)).contains("one.key"));
}

#[test]
fn the_database_is_reached_over_tls_and_its_certificate_is_looked_at_when_asked_for() {
    // Given a PostgreSQL that lets the application in over TLS only, with a certificate for localhost of a private CA.
    let cluster = TestCluster::start();
    let db = cluster.database();
    let wave = make_wave(&db.url, "w", SMALL_SURVEY, WaveTimes::default(), 1);
    let place = Place::new();
    let mut ca = CertificateParams::new(vec![]).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    let file = |name: &str, pem: String| {
        let path = place.path().join(name);
        fs::write(&path, pem).unwrap();
        path.display().to_string()
    };
    let root = file("ca.pem", ca.pem());
    let strangers_root = pair(&place, "stranger").certificate_file.display().to_string();
    let install = |name: &str, text: &str| {
        let sql = format!(
            "COPY (SELECT unnest(string_to_array('{text}', E'\\n'))) TO PROGRAM 'umask 077; cat > {name}'"
        );
        cluster.execute("postgres", &sql);
    };
    install("server.crt", certificate.pem().trim_end());
    install("server.key", key.serialize_pem().trim_end());
    install(
        "pg_hba.conf",
        "hostnossl all canvass all reject\nhost all all 127.0.0.1/32 scram-sha-256",
    );
    cluster.execute("postgres", "ALTER SYSTEM SET ssl = on");
    cluster.execute("postgres", "SELECT pg_reload_conf()");
    canvass_testkit::eventually("TLS to be on", || (db.value("SHOW ssl") == "on").then_some(()));
    let with = |host: &str, settings: &str| {
        let url = db.url.replace("127.0.0.1", host);
        format!("{url}{}{settings}", if url.contains('?') { "&" } else { "?" })
    };
    let migrate = |url: &str| -> Output {
        Command::new(BINARY)
            .arg("migrate")
            .env("CANVASS_DATABASE_URL", url)
            .output()
            .unwrap()
    };
    let ca = format!("sslrootcert={root}");

    for (host, settings) in [
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("127.0.0.1", "sslmode=prefer".to_owned()),
        ("127.0.0.1", format!("sslmode=verify-ca&{ca}")),
        ("127.0.0.1", format!("sslmode=require&{ca}")),
        ("localhost", format!("sslmode=verify-full&{ca}")),
    ] {
        let output = migrate(&with(host, &settings));
        assert!(
            output.status.success(),
            "{host} {settings}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    for (host, settings, words) in [
        ("127.0.0.1", "sslmode=disable".to_owned(), "pg_hba.conf"),
        (
            "127.0.0.1",
            format!("sslmode=verify-full&{ca}"),
            "not valid for name",
        ),
        (
            "localhost",
            format!("sslmode=verify-full&sslrootcert={strangers_root}"),
            "invalid peer certificate",
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-ca&sslrootcert={strangers_root}"),
            "invalid peer certificate",
        ),
        (
            "localhost",
            "sslmode=verify-full&sslrootcert=/nowhere.pem".to_owned(),
            "sslrootcert /nowhere.pem",
        ),
    ] {
        let output = migrate(&with(host, &settings));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), said.lines().count()),
            (Some(1), 1),
            "{settings}: {said}"
        );
        assert!(said.contains(words), "{settings}: {said}");
    }
    let server = Server::start(
        BINARY,
        &with("localhost", &format!("sslmode=verify-full&{ca}")),
        &[],
    );
    let reply = server
        .api()
        .enter(&wave.codes[0])
        .save(now_micros(), "p01", &json!({ "single01": "a" }));
    assert_eq!(reply.status, 200, "{}", reply.text);
    let sql =
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'canvass'";
    assert_eq!(db.value(sql), "t", "every connection of the application");
}
