use canvass_testkit::block_on;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;
use crate::auth::message::encode;
use crate::auth::scram::messages as scram;
use crate::auth::scram::{Keys, Verifier, server_signature};
use crate::auth::secret::Password;

const SALT: &[u8] = b"0123456789abcdef";
const ITERATIONS: u32 = 32;

fn clear() -> Credentials {
    Credentials::Clear(Password::new(*b"hunter2"))
}

fn pass_through() -> Credentials {
    let keys = Keys::derive(b"hunter2", SALT, ITERATIONS);
    let verifier = Verifier::of_keys(&keys, SALT, ITERATIONS);
    Credentials::Scram(std::sync::Arc::new(verifier.pass_through(keys.client_key)))
}

/// Answers a server that is played by `server`.
fn answering<R>(
    credentials: &Credentials,
    may_send_clear_text: bool,
    server: impl AsyncFnOnce(&mut DuplexStream) -> R,
) -> (Result<(), LoginError>, R) {
    block_on(async {
        let keyring = Keyring::with_secret([2; 32]);
        let login = ServerCredentials {
            user: "ann",
            credentials,
            may_send_clear_text,
            keyring: &keyring,
        };
        let (mut ours, mut theirs) = duplex(1 << 16);
        let client = async {
            let result = answer(&mut ours, &login).await;
            drop(ours);
            result
        };
        let server = async {
            let result = server(&mut theirs).await;
            drop(theirs);
            result
        };
        tokio::join!(client, server)
    })
}

async fn ask(io: &mut DuplexStream, code: i32, rest: &[u8]) {
    message::write(io, b'R', &[&code.to_be_bytes(), rest])
        .await
        .unwrap();
}

async fn read(io: &mut DuplexStream) -> Vec<u8> {
    message::read(io, |kind| (kind == b'p').then_some(5000))
        .await
        .unwrap()
        .body
}

/// A server that asks once, takes the answer and lets in; the answer.
fn asked_once(credentials: &Credentials, code: i32, rest: &[u8]) -> (Result<(), LoginError>, Vec<u8>) {
    answering(credentials, true, async |io| {
        ask(io, code, rest).await;
        let mut answer = Vec::new();
        let got = message::read(io, |_| Some(5000)).await;
        if let Ok(message) = got {
            answer = message.body;
            ask(io, 0, b"").await;
        }
        answer
    })
}

/// The SCRAM part of a server, whose password is `hunter2`; `lie` may change what it says last.
async fn scram_server(io: &mut DuplexStream, lie: impl FnOnce(String) -> String) {
    ask(io, 10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0").await;
    let body = read(io).await;
    let first = body.strip_prefix(b"SCRAM-SHA-256\0").unwrap();
    let first = scram::ClientFirst::read(&first[4..]).unwrap();
    assert_eq!(first.gs2_header, "n,,");
    let nonce = format!("{}server", first.nonce);
    let shown = scram::ServerFirst {
        nonce: &nonce,
        salt: SALT.to_vec(),
        iterations: ITERATIONS,
    };
    let text = shown.write();
    ask(io, 11, text.as_bytes()).await;
    let Ok(last) = message::read(io, |_| Some(5000)).await else {
        return;
    };
    let last = scram::ClientFinal::read(&last.body, "n,,", &nonce).unwrap();
    let keys = Keys::derive(b"hunter2", SALT, ITERATIONS);
    let auth = scram::auth_message(first.bare, &text, last.without_proof);
    let verifier = Verifier::of_keys(&keys, SALT, ITERATIONS);
    assert_eq!(verifier.check(&auth, &last.proof), Some(keys.client_key));
    let signature = scram::server_final(&server_signature(&keys.server_key, &auth));
    ask(io, 12, lie(signature).as_bytes()).await;
    ask(io, 0, b"").await;
}

#[test]
fn a_server_that_asks_nothing_is_logged_in_to_with_nothing() {
    let (result, ()) = answering(&Credentials::Nothing, false, async |io| ask(io, 0, b"").await);
    assert!(result.is_ok());
}

#[test]
fn md5_is_answered_from_a_password_and_from_a_hash() {
    let hash = Md5Hash::of_password(b"hunter2", "ann");
    for credentials in [clear(), Credentials::Md5(hash.clone())] {
        let (result, answer) = asked_once(&credentials, 5, &[1, 2, 3, 4]);
        assert!(result.is_ok());
        assert!(hash.accepts([1, 2, 3, 4], answer.strip_suffix(b"\0").unwrap()));
    }
}

#[test]
fn a_clear_text_password_is_sent_only_where_it_may() {
    let (result, answer) = asked_once(&clear(), 3, b"");
    assert!(result.is_ok());
    assert_eq!(answer, b"hunter2\0");

    let (result, rest) = answering(&clear(), false, async |io| {
        ask(io, 3, b"").await;
        let mut rest = Vec::new();
        io.read_to_end(&mut rest).await.unwrap();
        rest
    });
    assert!(matches!(result, Err(LoginError::ClearTextRefused { .. })));
    assert_eq!(rest, b"", "not a byte of it left");
}

#[test]
fn scram_is_answered_from_a_password_and_from_a_clients_keys() {
    for credentials in [clear(), pass_through()] {
        let (result, ()) = answering(&credentials, false, async |io| {
            scram_server(io, |truth| truth).await
        });
        assert!(result.is_ok(), "{result:?}");
    }
}

#[test]
fn a_server_that_does_not_know_the_password_is_not_believed() {
    for credentials in [clear(), pass_through()] {
        let lie = |_| scram::server_final(&[7; 32]);
        let (result, ()) = answering(&credentials, false, async |io| scram_server(io, lie).await);
        assert!(matches!(result, Err(LoginError::Impostor { .. })), "{result:?}");
    }
    // nor one that skips the proof
    let (result, ()) = answering(&clear(), false, async |io| {
        ask(io, 10, b"SCRAM-SHA-256\0\0").await;
        read(io).await;
        ask(io, 0, b"").await;
    });
    assert!(matches!(result, Err(LoginError::Protocol(_))), "{result:?}");
    let refusal = |_| "e=other-error".to_owned();
    let (result, ()) = answering(&clear(), false, async |io| scram_server(io, refusal).await);
    assert!(result.unwrap_err().to_string().contains("other-error"));
}

#[test]
fn keys_of_another_verifier_are_not_tried() {
    let other = Verifier::of_keys(
        &Keys::derive(b"hunter2", b"pepper", ITERATIONS),
        b"pepper",
        ITERATIONS,
    );
    let credentials = Credentials::Scram(std::sync::Arc::new(other.pass_through([1; 32])));
    let (result, ()) = answering(&credentials, false, async |io| {
        scram_server(io, |truth| truth).await
    });
    let error = result.unwrap_err();
    assert!(matches!(error, LoginError::OtherVerifier { .. }));
    assert!(
        error
            .to_string()
            .contains("copy rolpassword from the server's pg_authid"),
        "{error}"
    );
}

#[test]
fn what_is_missing_is_named_with_the_way_out() {
    let md5 = Credentials::Md5(Md5Hash::of_password(b"hunter2", "ann"));
    for (credentials, code, rest, words) in [
        (
            &Credentials::Nothing,
            5,
            &b"salt"[..],
            "an MD5 response of user ann, and no password is known",
        ),
        (
            &Credentials::Nothing,
            10,
            b"SCRAM-SHA-256\0\0",
            "SCRAM authentication of user ann, and no password is known",
        ),
        (
            &md5,
            10,
            b"SCRAM-SHA-256\0\0",
            "SCRAM authentication of user ann, and an MD5 hash is known",
        ),
        (
            &md5,
            3,
            b"",
            "the password in clear text of user ann, and an MD5 hash is known",
        ),
        (
            &pass_through(),
            5,
            b"salt",
            "an MD5 response of user ann, and only keys from a client's SCRAM login",
        ),
    ] {
        let error = asked_once(credentials, code, rest).0.unwrap_err().to_string();
        assert!(
            error.starts_with("wrong password type: the server asks for "),
            "{error}"
        );
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn ways_of_asking_that_are_not_spoken_are_named() {
    for (code, rest, name) in [
        (2, &b""[..], "Kerberos V5"),
        (7, b"", "GSSAPI"),
        (9, b"", "SSPI"),
        (10, b"SCRAM-SHA-256-PLUS\0\0", "SASL with SCRAM-SHA-256-PLUS"),
        (10, b"OAUTHBEARER\0\0", "SASL with OAUTHBEARER"),
        (99, b"", "request 99"),
    ] {
        let error = asked_once(&clear(), code, rest).0.unwrap_err();
        assert!(
            matches!(&error, LoginError::Unsupported(found) if found == name),
            "{error}"
        );
    }
}

#[test]
fn a_server_that_refuses_is_quoted() {
    let body = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"ann\"\0Fauth.c\0\0";
    let (result, ()) = answering(&clear(), true, async |io| {
        io.write_all(&encode(b'E', &[body])).await.unwrap()
    });
    let Err(LoginError::Server(error)) = result else {
        panic!("{result:?}")
    };
    assert_eq!(error.sqlstate.as_deref(), Some("28P01"));
    assert_eq!(error.severity.as_deref(), Some("FATAL"));
    assert_eq!(
        error.to_string(),
        "password authentication failed for user \"ann\""
    );
}

/// CVE-2026-6666: nothing says that an error has a SQLSTATE, or anything.
#[test]
fn an_error_without_its_fields_is_still_an_error() {
    for (body, message) in [
        (&b"SFATAL\0Mno code\0\0"[..], "no code"),
        (b"\0", "the server refused without giving a reason"),
        (b"", "the server refused without giving a reason"),
        (b"C28P01\0", "the server refused without giving a reason"),
        (b"Mcut off", "the server refused without giving a reason"),
        (b"M\xff\0", "\u{fffd}"),
    ] {
        let (result, ()) = answering(&clear(), true, async |io| {
            io.write_all(&encode(b'E', &[body])).await.unwrap()
        });
        assert_eq!(result.unwrap_err().to_string(), message, "{body:?}");
    }
}

/// CVE-2026-6665: what a server puts into a SCRAM message has no bounds of its own.
#[test]
fn a_server_cannot_send_more_than_fits() {
    for code in [10, 11, 12] {
        let (result, ()) = answering(&clear(), true, async |io| {
            if code != 10 {
                ask(io, 10, b"SCRAM-SHA-256\0\0").await;
                read(io).await;
            }
            let long = format!("r={}", "n".repeat(MAX_REQUEST));
            let _ = io
                .write_all(&encode(b'R', &[&i32::to_be_bytes(code), long.as_bytes()]))
                .await;
        });
        assert!(matches!(result, Err(LoginError::Protocol(_))), "{result:?}");
    }
    // and the longest that fits does no harm
    let (result, ()) = answering(&clear(), true, async |io| {
        ask(io, 10, b"SCRAM-SHA-256\0\0").await;
        let body = read(io).await;
        let first = scram::ClientFirst::read(&body[18..]).unwrap();
        let rest = ",s=MDEyMw==,i=1";
        let nonce = format!(
            "{}{}",
            first.nonce,
            "n".repeat(MAX_REQUEST - 6 - first.nonce.len() - rest.len())
        );
        ask(io, 11, format!("r={nonce}{rest}").as_bytes()).await;
        let last = read(io).await;
        assert!(scram::ClientFinal::read(&last, "n,,", &nonce).is_ok());
    });
    assert!(matches!(result, Err(LoginError::Io(_))), "{result:?}");
}

#[test]
fn a_server_cannot_keep_the_pooler_busy() {
    let (result, ()) = answering(&clear(), true, async |io| {
        ask(io, 10, b"SCRAM-SHA-256\0\0").await;
        let body = read(io).await;
        let first = scram::ClientFirst::read(&body[18..]).unwrap();
        ask(
            io,
            11,
            format!("r={}x,s=MDEyMw==,i=4000000000", first.nonce).as_bytes(),
        )
        .await;
    });
    let error = result.unwrap_err();
    assert!(matches!(error, LoginError::Derive(_)), "{error}");

    // nor send notices for ever
    let (result, ()) = answering(&clear(), true, async |io| {
        while io.write_all(&encode(b'N', &[b"\0"])).await.is_ok() {}
    });
    assert!(matches!(result, Err(LoginError::Protocol(_))), "{result:?}");
}

#[test]
fn notices_are_skipped_and_nothing_is_read_beyond_the_login() {
    block_on(async {
        let (mut ours, mut theirs) = duplex(1 << 16);
        theirs.write_all(&encode(b'N', &[b"SNOTICE\0\0"])).await.unwrap();
        ask(&mut theirs, 0, b"").await;
        let status = encode(b'S', &[b"TimeZone\0UTC\0"]);
        theirs.write_all(&status).await.unwrap();

        let keyring = Keyring::with_secret([2; 32]);
        let credentials = Credentials::Nothing;
        let login = ServerCredentials {
            user: "ann",
            credentials: &credentials,
            may_send_clear_text: false,
            keyring: &keyring,
        };
        answer(&mut ours, &login).await.unwrap();

        let mut rest = vec![0; status.len()];
        ours.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, status);
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_a_server_sends_the_login_ends(code in 0..14_i32, rest: Vec<u8>, raw: bool) {
        let sent = if raw { rest } else { encode(b'R', &[&code.to_be_bytes(), &rest]) };
        let (_, ()) = answering(&clear(), true, async |io| {
            let _ = io.write_all(&sent).await;
            let _ = io.shutdown().await;
        });
    }

    #[test]
    fn any_error_can_be_read(body: Vec<u8>) {
        let _ = ServerError::read(&body).to_string();
    }
}
