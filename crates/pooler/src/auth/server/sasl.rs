//! SCRAM-SHA-256 with a server, the pooler being the client (RFC 5802).

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::{LoginError, Request, ServerCredentials};
use crate::auth::message;
use crate::auth::scram::messages::{self, ScramError, ServerFirst};
use crate::auth::scram::{Key, MECHANISM, client_proof, server_signature};
use crate::auth::secret::{Credentials, same_bytes};

/// Runs the exchange; AuthenticationOk comes after it.
pub(super) async fn scram<S>(
    io: &mut S,
    login: &ServerCredentials<'_>,
    mechanisms: &[String],
) -> Result<(), LoginError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if !mechanisms.iter().any(|name| name == MECHANISM) {
        return Err(LoginError::Unsupported(format!(
            "SASL with {}",
            mechanisms.join(", ")
        )));
    }
    if !matches!(login.credentials, Credentials::Clear(_) | Credentials::Scram(_)) {
        return Err(LoginError::missing(login, "SCRAM authentication"));
    }
    let nonce = messages::nonce()?;
    let bare = messages::client_first_bare(&nonce);
    initial_response(io, &format!("n,,{bare}")).await?;

    let Request::SaslContinue(text) = Request::read(io).await? else {
        return Err(LoginError::protocol(
            "no SCRAM server-first-message where one was due",
        ));
    };
    let server_first = ServerFirst::read(&text, &nonce)?;
    let (client_key, server_key) = keys(login, &server_first).await?;
    let without_proof = messages::client_final_without_proof(server_first.nonce);
    let auth_message = messages::auth_message(&bare, &String::from_utf8_lossy(&text), &without_proof);
    let proof = client_proof(&client_key, &auth_message);
    message::write(
        io,
        b'p',
        &[messages::client_final(&without_proof, &proof).as_bytes()],
    )
    .await?;

    let Request::SaslFinal(text) = Request::read(io).await? else {
        return Err(LoginError::protocol(
            "no SCRAM server-final-message where one was due",
        ));
    };
    let signature = messages::read_server_final(&text)?;
    if same_bytes(&signature, &server_signature(&server_key, &auth_message)) {
        Ok(())
    } else {
        Err(LoginError::Impostor {
            user: login.user.to_owned(),
        })
    }
}

/// SASLInitialResponse: mechanism, length, data.
async fn initial_response<S>(io: &mut S, client_first: &str) -> Result<(), LoginError>
where
    S: AsyncWrite + Unpin,
{
    // a nonce of 24 characters and a few more
    let length = u32::try_from(client_first.len()).unwrap_or(0).to_be_bytes();
    let parts: [&[u8]; 4] = [MECHANISM.as_bytes(), b"\0", &length, client_first.as_bytes()];
    Ok(message::write(io, b'p', &parts).await?)
}

/// ClientKey and ServerKey for the salt and iterations that the server shows.
async fn keys(login: &ServerCredentials<'_>, shown: &ServerFirst<'_>) -> Result<(Key, Key), LoginError> {
    match login.credentials {
        Credentials::Clear(password) => {
            let derived = login.keyring.derive(password, &shown.salt, shown.iterations);
            let keys: Arc<_> = derived.await?;
            Ok((keys.client_key, keys.server_key))
        }
        Credentials::Scram(keys) if *keys.salt == shown.salt[..] && keys.iterations == shown.iterations => {
            Ok((keys.client_key, keys.server_key))
        }
        Credentials::Scram(_) => Err(LoginError::OtherVerifier {
            user: login.user.to_owned(),
        }),
        Credentials::Nothing | Credentials::Md5(_) => Err(LoginError::missing(login, "SCRAM authentication")),
    }
}

impl From<ScramError> for LoginError {
    fn from(error: ScramError) -> Self {
        Self::Protocol(error.to_string())
    }
}
