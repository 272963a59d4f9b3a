//! Proving to a server who the pooler is: from after the start-up packet it sent up to AuthenticationOk.

mod error;
mod sasl;

#[cfg(test)]
mod postgres_tests;
#[cfg(test)]
mod tests;

use tokio::io::{AsyncRead, AsyncWrite};

use super::message::{self, Message};
use super::secret::Credentials;
use super::{Keyring, md5::Md5Hash};

pub use error::{LoginError, ServerError};

/// The greatest body of an authentication request, in bytes: libpq's limit.
const MAX_REQUEST: usize = 2000;
/// The greatest body of an error or notice, in bytes: libpq's limit.
const MAX_REPORT: usize = 30_000;
/// Notices before the login is complete that are skipped. A server with verbose logging sends a few.
const MAX_NOTICES: usize = 100;

/// What to log in to a server with.
#[derive(Debug, Clone, Copy)]
pub struct ServerCredentials<'a> {
    /// The user name in the start-up packet that was sent.
    pub user: &'a str,
    /// What is known of that user's password.
    pub credentials: &'a Credentials,
    /// True when the password itself may be sent if the server asks for it: over TLS, over a Unix socket, or where the
    /// configuration allows it on an open wire.
    pub may_send_clear_text: bool,
    /// What all logins share.
    pub keyring: &'a Keyring,
}

/// Answers what a server asks until it sends AuthenticationOk. Not a byte beyond that is read.
///
/// # Errors
/// When the server refuses, asks for what is not known or not supported, or is not the server that knows the
/// password. The connection must be closed.
pub async fn answer<S>(io: &mut S, login: &ServerCredentials<'_>) -> Result<(), LoginError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match Request::read(io).await? {
        Request::Ok => return Ok(()),
        Request::ClearText => clear_text(io, login).await?,
        Request::Md5(salt) => md5(io, login, salt).await?,
        Request::Sasl(mechanisms) => sasl::scram(io, login, &mechanisms).await?,
        Request::SaslContinue(_) | Request::SaslFinal(_) => {
            return Err(LoginError::protocol("a SASL message before an exchange began"));
        }
    }
    match Request::read(io).await? {
        Request::Ok => Ok(()),
        _ => Err(LoginError::protocol(
            "a second authentication request after the first was answered",
        )),
    }
}

async fn clear_text<S>(io: &mut S, login: &ServerCredentials<'_>) -> Result<(), LoginError>
where
    S: AsyncWrite + Unpin,
{
    let Credentials::Clear(password) = login.credentials else {
        return Err(LoginError::missing(login, "the password in clear text"));
    };
    if !login.may_send_clear_text {
        return Err(LoginError::ClearTextRefused {
            user: login.user.to_owned(),
        });
    }
    send_password(io, password.bytes()).await
}

async fn md5<S>(io: &mut S, login: &ServerCredentials<'_>, salt: [u8; 4]) -> Result<(), LoginError>
where
    S: AsyncWrite + Unpin,
{
    let response = match login.credentials {
        Credentials::Clear(password) => Md5Hash::of_password(password.bytes(), login.user).response(salt),
        Credentials::Md5(hash) => hash.response(salt),
        Credentials::Nothing | Credentials::Scram(_) => {
            return Err(LoginError::missing(login, "an MD5 response"));
        }
    };
    send_password(io, &response).await
}

async fn send_password<S>(io: &mut S, password: &[u8]) -> Result<(), LoginError>
where
    S: AsyncWrite + Unpin,
{
    if password.contains(&0) {
        return Err(LoginError::protocol(
            "the password contains a zero byte and cannot be sent",
        ));
    }
    Ok(message::write(io, b'p', &[password, b"\0"]).await?)
}

/// What a server asks for, <https://www.postgresql.org/docs/15/protocol-message-formats.html>, Authentication*.
enum Request {
    Ok,
    ClearText,
    Md5([u8; 4]),
    /// The mechanisms it offers.
    Sasl(Vec<String>),
    SaslContinue(Vec<u8>),
    SaslFinal(Vec<u8>),
}

impl Request {
    /// The next one; notices on the way are skipped.
    async fn read<S>(io: &mut S) -> Result<Self, LoginError>
    where
        S: AsyncRead + Unpin,
    {
        for _ in 0..=MAX_NOTICES {
            let limit = |kind| match kind {
                b'R' => Some(MAX_REQUEST),
                b'E' | b'N' => Some(MAX_REPORT),
                _ => None,
            };
            let Message { kind, body } = message::read(io, limit).await?;
            match kind {
                b'N' => {}
                b'E' => return Err(LoginError::Server(ServerError::read(&body))),
                _ => return Self::parse(&body),
            }
        }
        Err(LoginError::protocol("nothing but notices"))
    }

    fn parse(body: &[u8]) -> Result<Self, LoginError> {
        let short = || LoginError::protocol("an authentication request that is too short");
        let (code, rest) = message::split_number(body).ok_or_else(short)?;
        Ok(match code {
            0 if rest.is_empty() => Self::Ok,
            3 if rest.is_empty() => Self::ClearText,
            5 => Self::Md5(
                rest.try_into()
                    .map_err(|_| LoginError::protocol("an MD5 salt that is not 4 bytes"))?,
            ),
            10 => Self::Sasl(mechanisms(rest)?),
            11 => Self::SaslContinue(rest.to_vec()),
            12 => Self::SaslFinal(rest.to_vec()),
            0 | 3 => return Err(LoginError::protocol("an authentication request that is too long")),
            2 => return Err(LoginError::Unsupported("Kerberos V5".to_owned())),
            6 => return Err(LoginError::Unsupported("SCM credentials".to_owned())),
            7 | 8 => return Err(LoginError::Unsupported("GSSAPI".to_owned())),
            9 => return Err(LoginError::Unsupported("SSPI".to_owned())),
            code => return Err(LoginError::Unsupported(format!("request {code}"))),
        })
    }
}

/// A list of strings, each ended by a zero and the list by another one.
fn mechanisms(mut body: &[u8]) -> Result<Vec<String>, LoginError> {
    let mut names = Vec::new();
    loop {
        let split = message::split_string(body);
        let (name, rest) =
            split.ok_or_else(|| LoginError::protocol("a list of SASL mechanisms without an end"))?;
        if name.is_empty() {
            return Ok(names);
        }
        names.push(String::from_utf8_lossy(name).into_owned());
        body = rest;
    }
}
