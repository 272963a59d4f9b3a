use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use canvass_testkit::block_on;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::auth::message::{self, Message, encode};
use crate::auth::scram::messages as scram;
use crate::auth::scram::{Keys, Verifier, client_proof};
use crate::auth::server::{ServerCredentials, answer};
use crate::auth::userlist::Userlist;
use crate::auth::{LoginError, Password};

/// Few, so that the tests are quick.
const ITERATIONS: u32 = 64;
const SALT: [u8; 16] = *b"0123456789abcdef";

fn keyring() -> Keyring {
    Keyring::with_secret([9; 32])
}

/// `ann` has a password in clear, `bob` an MD5 hash of `hunter2`, `eve` a verifier of it, `nil` no password.
fn users() -> Userlist {
    let verifier = Verifier::of_keys(&Keys::derive(b"hunter2", &SALT, ITERATIONS), &SALT, ITERATIONS);
    let hash = "md5".to_owned() + &hex(b"hunter2bob");
    let text = format!(
        "\"ann\" \"hunter2\"\n\"bob\" \"{hash}\"\n\"eve\" \"{verifier}\"\n\"eva\" \"{verifier}\"\n\"nil\" \"\"\n"
    );
    Userlist::parse("userlist.txt".as_ref(), &text).unwrap()
}

fn hex(data: &[u8]) -> String {
    use md5::Digest;
    let digest = md5::Md5::digest(data);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn login<'a>(keyring: &'a Keyring, user: &'a str, method: Method) -> ClientLogin<'a> {
    ClientLogin {
        user,
        database: "shop",
        physical_replication: false,
        method,
        rules: None,
        maps: None,
        origin: Origin::Tcp([127, 0, 0, 1].into()),
        tls: None,
        forced_user: false,
        scram_iterations: ITERATIONS,
        keyring,
    }
}

/// Runs a login against what a client does with its end of the connection.
async fn with_client<R>(
    login: &ClientLogin<'_>,
    secrets: &impl Lookup,
    client: impl AsyncFnOnce(&mut DuplexStream) -> R,
) -> (Result<Proof, Refused>, R) {
    let (mut ours, mut theirs) = duplex(1 << 16);
    let server = async {
        let result = authenticate(&mut ours, login, secrets).await;
        if result.is_ok() {
            // a client that was asked nothing may have gone
            let _ = message::write(&mut ours, b'R', &[&[0; 4]]).await;
        }
        drop(ours);
        result
    };
    let client = async {
        let result = client(&mut theirs).await;
        drop(theirs);
        result
    };
    tokio::join!(server, client)
}

/// Logs in with the pooler's own client side and a password.
fn log_in(method: Method, user: &str, password: &str) -> (Result<Proof, Refused>, Result<(), LoginError>) {
    block_on(async {
        let (keyring, theirs) = (keyring(), Keyring::with_secret([1; 32]));
        let credentials = Credentials::Clear(Password::new(password.as_bytes()));
        let answering = ServerCredentials {
            user,
            credentials: &credentials,
            may_send_clear_text: true,
            keyring: &theirs,
        };
        with_client(&login(&keyring, user, method), &users(), async |io| {
            answer(io, &answering).await
        })
        .await
    })
}

fn told(refused: &Refused) -> (&str, &str) {
    let (message, code) = refused.told.as_ref().unwrap();
    (message, code)
}

async fn read(io: &mut DuplexStream) -> Message {
    message::read(io, |_| Some(10_000)).await.unwrap()
}

/// Sends bytes instead of an answer to the first question; how the login ended.
fn instead_of_an_answer(method: Method, user: &str, sent: &[u8]) -> Refused {
    block_on(async {
        let keyring = keyring();
        let client = async |io: &mut DuplexStream| {
            read(io).await;
            io.write_all(sent).await.unwrap();
            io.shutdown().await.unwrap();
        };
        with_client(&login(&keyring, user, method), &users(), client)
            .await
            .0
            .unwrap_err()
    })
}

#[test]
fn the_right_password_logs_in_by_every_method_that_asks_for_one() {
    use Method::{Md5, Plain, ScramSha256};
    for (method, user) in [
        (Plain, "ann"),
        (Plain, "bob"),
        (Plain, "eve"),
        (Md5, "ann"),
        (Md5, "bob"),
        (Md5, "eve"),
        (ScramSha256, "ann"),
        (ScramSha256, "eve"),
    ] {
        let (proof, client) = log_in(method, user, "hunter2");
        assert!(client.is_ok(), "{method:?} {user}: {client:?}");
        let proof = proof.unwrap();
        assert_eq!(proof.method, method);

        // and leaves as much as there is to log in to a server with
        match (method, user) {
            (Plain, _) | (_, "ann") => assert!(matches!(proof.credentials, Credentials::Clear(_))),
            (_, "bob") => assert!(matches!(proof.credentials, Credentials::Md5(_))),
            _ => assert!(matches!(proof.credentials, Credentials::Scram(_))),
        }
    }
}

#[test]
fn a_wrong_password_is_refused_in_pgbouncers_words() {
    for (method, user, message) in [
        (Method::Plain, "ann", "password authentication failed"),
        (Method::Plain, "bob", "password authentication failed"),
        (Method::Plain, "eve", "password authentication failed"),
        (Method::Plain, "nil", "password authentication failed"),
        (Method::Plain, "who", "password authentication failed"),
        (Method::Md5, "ann", "password authentication failed"),
        (Method::Md5, "bob", "password authentication failed"),
        (Method::Md5, "eve", "SASL authentication failed"),
        (Method::ScramSha256, "ann", "SASL authentication failed"),
        (Method::ScramSha256, "eve", "SASL authentication failed"),
        (Method::ScramSha256, "nil", "SASL authentication failed"),
        (Method::ScramSha256, "who", "SASL authentication failed"),
    ] {
        let (proof, client) = log_in(method, user, "wrong");
        let refused = proof.unwrap_err();
        assert_eq!(told(&refused), (message, "28P01"), "{method:?} {user}");
        assert!(refused.reason.contains(user), "{}", refused.reason);
        assert!(client.is_err());
    }
}

#[test]
fn an_md5_hash_is_no_use_for_scram_and_the_log_says_so() {
    let (proof, _) = log_in(Method::ScramSha256, "bob", "hunter2");
    let refused = proof.unwrap_err();
    assert_eq!(told(&refused), ("SASL authentication failed", "28P01"));
    assert!(
        refused.reason.starts_with("user bob has an MD5 hash"),
        "{}",
        refused.reason
    );
}

/// What a client sees of a SCRAM login that fails: salt, iterations, lengths of all messages, and the last words.
fn seen_of_scram(user: &str) -> (String, String, Vec<usize>, (String, &'static str)) {
    block_on(async {
        let keyring = keyring();
        let client = async |io: &mut DuplexStream| {
            let offer = read(io).await;
            let first = b"n,,n=,r=clientnonce";
            let parts: [&[u8]; 3] = [b"SCRAM-SHA-256\0", &19_u32.to_be_bytes(), first];
            message::write(io, b'p', &parts).await.unwrap();
            let reply = read(io).await;
            let text = String::from_utf8(reply.body[4..].to_vec()).unwrap();
            let shown = scram::ServerFirst::read(text.as_bytes(), "clientnonce").unwrap();
            let without_proof = scram::client_final_without_proof(shown.nonce);
            let last = scram::client_final(&without_proof, &client_proof(&[5; 32], b"guess"));
            message::write(io, b'p', &[last.as_bytes()]).await.unwrap();
            let mut rest = Vec::new();
            io.read_to_end(&mut rest).await.unwrap();
            let lengths = vec![offer.body.len(), reply.body.len(), rest.len()];
            (
                BASE64_STANDARD.encode(&shown.salt),
                shown.iterations.to_string(),
                lengths,
            )
        };
        let login = login(&keyring, user, Method::ScramSha256);
        let (result, (salt, iterations, lengths)) = with_client(&login, &users(), client).await;
        (salt, iterations, lengths, result.unwrap_err().told.unwrap())
    })
}

#[test]
fn a_client_cannot_tell_who_exists() {
    // given somebody with a verifier, and others without: in clear, with an MD5 hash, with none, and nobody
    let (salt, iterations, lengths, told) = seen_of_scram("eve");
    for user in ["ann", "bob", "nil", "who"] {
        // when somebody guesses a password, then he sees the same
        let seen = seen_of_scram(user);
        assert_eq!(
            (&seen.1, &seen.2, &seen.3),
            (&iterations, &lengths, &told),
            "{user}"
        );
        assert_eq!(seen.0.len(), salt.len());
        // and the next time again, salt included
        assert_eq!(seen_of_scram(user), seen);
    }
    assert_ne!(seen_of_scram("who").0, seen_of_scram("whose").0);
}

#[test]
fn with_md5_whoever_does_not_exist_is_asked_as_most_users_are() {
    for (text, kind) in [
        ("", 10),
        ("\"x\" \"clear\"", 5),
        ("\"x\" \"md545f2603610af569b6155c45067268c6b\"", 5),
    ] {
        block_on(async {
            let (keyring, users) = (keyring(), Userlist::parse("u".as_ref(), text).unwrap());
            let client = async |io: &mut DuplexStream| read(io).await;
            let (result, question) = with_client(&login(&keyring, "who", Method::Md5), &users, client).await;
            assert_eq!(question.body[..4], i32::to_be_bytes(kind), "{text}");
            assert!(result.is_err());
        });
    }
}

#[test]
fn trust_asks_nothing_but_that_the_user_exists() {
    let (proof, client) = log_in(Method::Trust, "ann", "");
    assert!(client.is_ok() && matches!(proof.unwrap().credentials, Credentials::Clear(_)));
    // a verifier alone makes no proof for a server
    assert_eq!(
        log_in(Method::Trust, "eve", "").0.unwrap().credentials,
        Credentials::Nothing
    );
    let refused = log_in(Method::Trust, "who", "").0.unwrap_err();
    assert_eq!(told(&refused), ("\"trust\" authentication failed", "28000"));
    assert_eq!(refused.reason, "no such user: who");
}

#[test]
fn any_needs_a_forced_user() {
    block_on(async {
        let keyring = keyring();
        let mut login = login(&keyring, "who", Method::Any);
        let (refused, ()) = with_client(&login, &users(), async |_| ()).await;
        assert_eq!(told(&refused.unwrap_err()), ("bouncer config error", "F0000"));

        login.forced_user = true;
        let (proof, ()) = with_client(&login, &users(), async |_| ()).await;
        assert_eq!(
            proof.unwrap(),
            Proof {
                method: Method::Any,
                credentials: Credentials::Nothing
            }
        );
    });
}

#[test]
fn the_first_rule_decides() {
    let text = "hostssl all all all cert\nhost shop ann all scram-sha-256\nhost all bob all reject\nlocal all all trust\n";
    let rules = hba::Rules::parse("hba.conf".as_ref(), text, None).unwrap();
    block_on(async {
        let keyring = keyring();
        let deciding = |user, origin| ClientLogin {
            rules: Some(&rules),
            origin,
            ..login(&keyring, user, Method::Hba)
        };
        let tcp = Origin::Tcp([10, 0, 0, 1].into());
        let client = async |io: &mut DuplexStream| read(io).await.body[..4].to_vec();
        let (_, question) = with_client(&deciding("ann", tcp), &users(), client).await;
        assert_eq!(question, 10_i32.to_be_bytes());
        for (user, origin) in [("bob", tcp), ("eve", tcp)] {
            let (refused, ()) = with_client(&deciding(user, origin), &users(), async |_| ()).await;
            assert_eq!(told(&refused.unwrap_err()), ("login rejected", "28000"), "{user}");
        }
        let unix = Origin::Unix { user: None };
        let (proof, ()) = with_client(&deciding("bob", unix), &users(), async |_| ()).await;
        assert_eq!(proof.unwrap().method, Method::Trust);
    });
}

#[test]
fn a_certificate_must_name_the_user() {
    let maps = ident::Maps::parse("i".as_ref(), "m cert.acme.org eve\nm bob all\n").unwrap();
    let text = "host mapped all all cert map=m\nhost all all all cert\n";
    let rules = hba::Rules::parse("h".as_ref(), text, Some(&maps)).unwrap();
    let attempt = |user: &str, database: &str, tls: Option<Option<&str>>| {
        block_on(async {
            let keyring = keyring();
            let login = ClientLogin {
                database,
                rules: Some(&rules),
                maps: Some(&maps),
                tls: tls.map(|common_name| TlsPeer { common_name }),
                ..login(&keyring, user, Method::Hba)
            };
            with_client(&login, &users(), async |_| ()).await.0
        })
    };

    assert_eq!(
        attempt("ann", "shop", Some(Some("ann"))).unwrap().method,
        Method::Cert
    );
    assert!(attempt("eve", "mapped", Some(Some("cert.acme.org"))).is_ok());
    assert!(attempt("ann", "mapped", Some(Some("bob"))).is_ok());
    for (user, database, tls, reason) in [
        ("ann", "shop", None, "user ann: TLS connection required"),
        (
            "ann",
            "shop",
            Some(None),
            "user ann: TLS client certificate required",
        ),
        (
            "ann",
            "shop",
            Some(Some("bob")),
            "TLS certificate name mismatch: bob wants to be user ann",
        ),
        ("who", "shop", Some(Some("who")), "no such user: who"),
        (
            "ann",
            "mapped",
            Some(Some("cert.acme.org")),
            "TLS certificate name mismatch: ident map m",
        ),
        (
            "ann",
            "mapped",
            Some(Some("ann")),
            "TLS certificate name mismatch: ident map m",
        ),
    ] {
        let refused = attempt(user, database, tls).unwrap_err();
        assert_eq!(told(&refused), ("certificate authentication failed", "28000"));
        assert!(refused.reason.starts_with(reason), "{}", refused.reason);
    }
}

#[test]
fn a_unix_user_must_be_the_user() {
    let attempt = |user: &str, origin| {
        block_on(async {
            let keyring = keyring();
            let login = ClientLogin {
                origin,
                ..login(&keyring, user, Method::Peer)
            };
            with_client(&login, &users(), async |_| ()).await.0
        })
    };
    assert!(attempt("ann", Origin::Unix { user: Some("ann") }).is_ok());
    for (user, origin) in [
        ("ann", Origin::Unix { user: Some("bob") }),
        ("ann", Origin::Unix { user: None }),
        ("ann", Origin::Tcp([127, 0, 0, 1].into())),
        ("who", Origin::Unix { user: Some("who") }),
    ] {
        let refused = attempt(user, origin).unwrap_err();
        assert_eq!(told(&refused), ("unix socket login rejected", "28000"));
    }
    // the name of this process's own user can be found
    assert!(unix_user(nix::unistd::getuid().as_raw()).unwrap().is_some());
}

/// CVE-2026-107350: a start-up message in the middle of a SCRAM exchange must not restart anything.
#[test]
fn a_second_startup_message_ends_the_login() {
    let mut startup = vec![0, 0, 0, 0, 0, 3, 0, 0];
    startup.extend(b"user\0eve\0database\0shop\0\0");
    startup[3] = u8::try_from(startup.len()).unwrap();
    let ssl_request = [0, 0, 0, 8, 4, 210, 22, 47];
    let cancel = [0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 1, 0, 0, 0, 2];
    for method in [Method::ScramSha256, Method::Md5, Method::Plain] {
        for sent in [&startup[..], &ssl_request, &cancel] {
            let refused = instead_of_an_answer(method, "eve", sent);
            assert_eq!(
                told(&refused),
                ("client re-sent startup pkt", "08P01"),
                "{method:?}"
            );
        }
    }

    // also where the client's last message is due
    let refused = block_on(async {
        let keyring = keyring();
        let client = async |io: &mut DuplexStream| {
            read(io).await;
            let parts: [&[u8]; 3] = [b"SCRAM-SHA-256\0", &9_u32.to_be_bytes(), b"n,,n=,r=a"];
            message::write(io, b'p', &parts).await.unwrap();
            read(io).await;
            io.write_all(&startup).await.unwrap();
        };
        with_client(&login(&keyring, "eve", Method::ScramSha256), &users(), client)
            .await
            .0
    });
    assert_eq!(
        told(&refused.unwrap_err()),
        ("client re-sent startup pkt", "08P01")
    );
}

#[test]
fn other_messages_end_the_login() {
    for kind in [b'Q', b'P', b'S', b'd', b'R', 1, 22, 255] {
        let refused = instead_of_an_answer(Method::ScramSha256, "eve", &encode(kind, &[b"select 1\0"]));
        assert_eq!(told(&refused), ("bad packet", "08P01"), "{kind}");
    }
    // who says goodbye or hangs up is told nothing
    assert_eq!(
        instead_of_an_answer(Method::Md5, "bob", b"X\0\0\0\x04").told,
        None
    );
    assert_eq!(
        instead_of_an_answer(Method::Md5, "bob", b"").reason,
        "client unexpected eof"
    );
    assert_eq!(
        instead_of_an_answer(Method::Md5, "bob", b"p\0\0\0\x08md").told,
        None
    );
}

#[test]
fn messages_before_login_are_capped() {
    let greatest = u32::try_from(MAX_MESSAGE).unwrap() + 4;
    for length in [0, 3, greatest + 1, i32::MAX as u32, u32::MAX] {
        let mut sent = vec![b'p'];
        sent.extend(length.to_be_bytes());
        let refused = instead_of_an_answer(Method::Plain, "ann", &sent);
        assert_eq!(told(&refused), ("bad packet", "08P01"), "{length}");
        assert!(refused.reason.contains(&length.to_string()));
    }
    // the greatest that fits is read
    let mut password = vec![b'x'; MAX_MESSAGE - 1];
    password.push(0);
    let refused = instead_of_an_answer(Method::Plain, "ann", &encode(b'p', &[&password]));
    assert_eq!(told(&refused), ("password authentication failed", "28P01"));
}

#[test]
fn passwords_that_are_none_are_refused() {
    for method in [Method::Plain, Method::Md5] {
        let refused = instead_of_an_answer(method, "bob", &encode(b'p', &[b"\0"]));
        assert_eq!(told(&refused), ("empty password returned by client", "28P01"));
        for body in [&b""[..], b"hunter2", b"hunter2\0more\0"] {
            let refused = instead_of_an_answer(method, "bob", &encode(b'p', &[body]));
            assert_eq!(told(&refused), ("bad packet", "08P01"), "{body:?}");
        }
    }
}

/// CVE-2026-6664: lengths inside a SCRAM message are the client's word.
#[test]
fn lengths_inside_a_sasl_message_are_not_believed() {
    let first = b"n,,n=,r=abc";
    for length in [
        0_u32,
        1,
        10,
        12,
        4096,
        i32::MAX as u32,
        1 << 31,
        u32::MAX - 7,
        u32::MAX,
    ] {
        let sent = encode(b'p', &[b"SCRAM-SHA-256\0", &length.to_be_bytes(), first]);
        let refused = instead_of_an_answer(Method::ScramSha256, "eve", &sent);
        assert_eq!(told(&refused), ("bad packet", "08P01"), "{length}");
    }
    for body in [
        &b""[..],
        b"SCRAM-SHA-256",
        b"SCRAM-SHA-256\0",
        b"SCRAM-SHA-256\0\0\0",
    ] {
        let refused = instead_of_an_answer(Method::ScramSha256, "eve", &encode(b'p', &[body]));
        assert_eq!(told(&refused), ("bad packet", "08P01"), "{body:?}");
    }
}

#[test]
fn a_mechanism_that_was_not_offered_is_refused() {
    for mechanism in ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1", ""] {
        let sent = encode(b'p', &[mechanism.as_bytes(), b"\0\0\0\0\x0bn,,n=,r=abc"]);
        let refused = instead_of_an_answer(Method::ScramSha256, "eve", &sent);
        let expected = "client selected an invalid SASL authentication mechanism";
        assert_eq!(told(&refused), (expected, "08P01"), "{mechanism}");
    }
}

#[test]
fn nothing_is_read_beyond_the_exchange() {
    block_on(async {
        // given a client that sends its first query together with its password
        let keyring = keyring();
        let (mut ours, mut theirs) = duplex(1 << 16);
        let query = encode(b'Q', &[b"select 1\0"]);
        theirs.write_all(&encode(b'p', &[b"hunter2\0"])).await.unwrap();
        theirs.write_all(&query).await.unwrap();

        let login = login(&keyring, "ann", Method::Plain);
        authenticate(&mut ours, &login, &users()).await.unwrap();

        // then the query is still there
        let mut rest = vec![0; query.len()];
        ours.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, query);
    });
}

#[test]
fn users_that_cannot_be_looked_up_are_told_what_the_lookup_says() {
    struct Broken;
    impl Lookup for Broken {
        async fn find(&self, _: &str) -> Result<Found, LookupError> {
            Err(LookupError {
                message: "bouncer config error".to_owned(),
                sqlstate: "F0000",
                reason: "authentication database \"x\" is not configured.".to_owned(),
            })
        }
    }
    block_on(async {
        let keyring = keyring();
        let (refused, ()) = with_client(&login(&keyring, "ann", Method::Md5), &Broken, async |_| ()).await;
        let refused = refused.unwrap_err();
        assert_eq!(told(&refused), ("bouncer config error", "F0000"));
        assert_eq!(refused.reason, "authentication database \"x\" is not configured.");
    });
}

#[test]
fn the_keys_of_a_login_are_those_of_the_password() {
    // given a login by SCRAM against a verifier
    let credentials = log_in(Method::ScramSha256, "eve", "hunter2")
        .0
        .unwrap()
        .credentials;

    // then the keys that are left over are the ones that the password would give
    let keys = Keys::derive(b"hunter2", &SALT, ITERATIONS);
    let expected = Verifier::of_keys(&keys, &SALT, ITERATIONS).pass_through(keys.client_key);
    assert_eq!(credentials, Credentials::Scram(Arc::new(expected)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_client_sends_the_login_ends(sent: Vec<u8>, scram: bool, message: bool) {
        let method = if scram { Method::ScramSha256 } else { Method::Md5 };
        let sent = if message { encode(b'p', &[&sent]) } else { sent };
        instead_of_an_answer(method, "eve", &sent);
    }
}
