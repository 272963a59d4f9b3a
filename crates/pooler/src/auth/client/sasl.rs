//! SCRAM-SHA-256 with a client, the pooler being the server (RFC 5802), inside PostgreSQL's SASL messages.
//!
//! <https://www.postgresql.org/docs/15/sasl-authentication.html>

use tokio::io::{AsyncRead, AsyncWrite};

use super::{ClientLogin, Found, MAX_MESSAGE, Refused, Usual, passed_through};
use crate::auth::message;
use crate::auth::scram::messages::{self, ClientFinal, ClientFirst, ServerFirst};
use crate::auth::scram::{DeriveError, MECHANISM, Verifier, server_signature};
use crate::auth::secret::{Credentials, Secret};

/// AuthenticationSASL; a list of mechanisms follows.
const SASL: [u8; 4] = 10_i32.to_be_bytes();
/// AuthenticationSASLContinue.
const SASL_CONTINUE: [u8; 4] = 11_i32.to_be_bytes();
/// AuthenticationSASLFinal.
const SASL_FINAL: [u8; 4] = 12_i32.to_be_bytes();

/// Runs the exchange: four messages, two of them the client's.
pub(super) async fn scram<S>(
    io: &mut S,
    login: &ClientLogin<'_>,
    found: Found,
    usual: Usual,
) -> Result<Credentials, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broken = message::ReadError::Io;
    message::write(io, b'R', &[&SASL, MECHANISM.as_bytes(), b"\0\0"])
        .await
        .map_err(broken)?;
    let initial = message::read(io, password_message).await?;
    let failed = |error: messages::ScramError| Refused::sasl(format!("user {}: {error}", login.user));
    let client_first = ClientFirst::read(initial_response(&initial.body)?).map_err(failed)?;

    let (salt, iterations) = shown(login, &found);
    let added = messages::nonce().map_err(|error| Refused::random(&error))?;
    let nonce = format!("{}{added}", client_first.nonce);
    let server_first = ServerFirst {
        nonce: &nonce,
        salt,
        iterations,
    };
    let text = server_first.write();
    message::write(io, b'R', &[&SASL_CONTINUE, text.as_bytes()])
        .await
        .map_err(broken)?;

    // while the client derives its keys, so does the pooler, whether the user exists or not
    let (verifier, last) = tokio::join!(
        verifier(login, &found, usual),
        message::read(io, password_message)
    );
    let (last, verifier) = (last?, verifier?);
    let last = ClientFinal::read(&last.body, client_first.gs2_header, &nonce).map_err(failed)?;
    let auth_message = messages::auth_message(client_first.bare, &text, last.without_proof);
    let client_key = verifier.check(&auth_message, &last.proof);
    let (Some(client_key), Found::Secret(secret)) = (client_key, &found) else {
        return Err(Refused::sasl(why_not(login, &found)));
    };

    let signature = messages::server_final(&server_signature(&verifier.server_key, &auth_message));
    message::write(io, b'R', &[&SASL_FINAL, signature.as_bytes()])
        .await
        .map_err(broken)?;
    Ok(match secret {
        Secret::Scram(verifier) => passed_through(verifier, client_key),
        secret => secret.into(),
    })
}

fn password_message(kind: u8) -> Option<usize> {
    (kind == b'p').then_some(MAX_MESSAGE)
}

/// The client's first SCRAM message out of a SASLInitialResponse: mechanism, length, data.
fn initial_response(body: &[u8]) -> Result<&[u8], Refused> {
    let malformed = || Refused::malformed("the first SASL message is malformed");
    let (mechanism, rest) = message::split_string(body).ok_or_else(malformed)?;
    if mechanism != MECHANISM.as_bytes() {
        return Err(Refused::mechanism(&String::from_utf8_lossy(mechanism)));
    }
    let (length, data) = message::split_number(rest).ok_or_else(malformed)?;
    // a length that is negative, or other than what is there, must never become a size (CVE-2026-6664)
    match usize::try_from(length) {
        Ok(length) if length == data.len() => Ok(data),
        _ => Err(malformed()),
    }
}

/// Salt and iterations that the client gets to see.
fn shown(login: &ClientLogin<'_>, found: &Found) -> (Vec<u8>, u32) {
    match found {
        Found::Secret(Secret::Scram(verifier)) => (verifier.salt.to_vec(), verifier.iterations),
        _ => (login.keyring.salt(login.user).to_vec(), login.scram_iterations),
    }
}

/// What the proof is checked against: for whoever cannot log in by SCRAM, a verifier that nothing fits.
async fn verifier(login: &ClientLogin<'_>, found: &Found, usual: Usual) -> Result<Verifier, DeriveError> {
    match found {
        Found::Secret(Secret::Scram(verifier)) => Ok(verifier.as_ref().clone()),
        Found::Secret(Secret::Clear(password)) => {
            let salt = login.keyring.salt(login.user);
            let keys = login
                .keyring
                .derive(password, &salt, login.scram_iterations)
                .await?;
            Ok(Verifier::of_keys(&keys, &salt, login.scram_iterations))
        }
        Found::Secret(Secret::Md5(_)) | Found::NoPassword | Found::Unknown => {
            if usual == Usual::Clear {
                login.keyring.pretend(login.user, login.scram_iterations).await?;
            }
            Ok(login.keyring.unfitting(login.user, login.scram_iterations))
        }
    }
}

fn why_not(login: &ClientLogin<'_>, found: &Found) -> String {
    let user = login.user;
    match found {
        Found::Unknown => format!("no such user: {user}"),
        Found::NoPassword => format!("user {user} has no password, or one that has expired"),
        Found::Secret(Secret::Md5(_)) => format!(
            "user {user} has an MD5 hash, which SCRAM cannot use: give the user a SCRAM verifier, or set auth_type=md5"
        ),
        Found::Secret(_) => format!("wrong password for user {user}"),
    }
}
