//! The two methods with one question and one answer: the password itself, and MD5.

use tokio::io::{AsyncRead, AsyncWrite};

use super::{ClientLogin, Found, MAX_MESSAGE, Refused, Usual};
use crate::auth::md5::Md5Hash;
use crate::auth::message;
use crate::auth::secret::{Credentials, Password, Secret, same_bytes};

/// AuthenticationCleartextPassword.
const CLEAR_TEXT: [u8; 4] = 3_i32.to_be_bytes();
/// AuthenticationMD5Password; four bytes of salt follow.
const MD5: [u8; 4] = 5_i32.to_be_bytes();

/// Asks for the password. A right one is worth more than the stored secret: it fits servers that ask otherwise.
pub(super) async fn plain<S>(
    io: &mut S,
    login: &ClientLogin<'_>,
    found: Found,
    usual: Usual,
) -> Result<Credentials, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let password = Password::new(ask(io, login, &[&CLEAR_TEXT]).await?);
    let right = match &found {
        Found::Secret(Secret::Clear(stored)) => same_bytes(stored.bytes(), password.bytes()),
        Found::Secret(Secret::Md5(hash)) => hash.is_of(password.bytes(), login.user),
        Found::Secret(Secret::Scram(verifier)) => login.keyring.fits(&password, verifier).await?,
        // whoever cannot log in is refused no sooner than most who can
        Found::NoPassword | Found::Unknown if usual == Usual::Scram => {
            let nobody = login.keyring.unfitting(login.user, login.scram_iterations);
            login.keyring.fits(&password, &nobody).await?
        }
        Found::NoPassword | Found::Unknown => false,
    };
    if right {
        Ok(Credentials::Clear(password))
    } else {
        Err(wrong(login, &found))
    }
}

/// Asks for an MD5 response.
pub(super) async fn md5<S>(io: &mut S, login: &ClientLogin<'_>, found: Found) -> Result<Credentials, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut salt = [0; 4];
    getrandom::fill(&mut salt).map_err(|error| Refused::random(&std::io::Error::other(error)))?;
    let response = ask(io, login, &[&MD5, &salt]).await?;
    let (hash, credentials) = match &found {
        Found::Secret(secret @ Secret::Md5(hash)) => (hash.clone(), Credentials::from(secret)),
        Found::Secret(secret @ Secret::Clear(password)) => (
            Md5Hash::of_password(password.bytes(), login.user),
            Credentials::from(secret),
        ),
        Found::Secret(Secret::Scram(_)) | Found::NoPassword | Found::Unknown => (
            Md5Hash::of_password(&login.keyring.salt(login.user), login.user),
            Credentials::Nothing,
        ),
    };
    let known = credentials != Credentials::Nothing;
    if hash.accepts(salt, &response) && known {
        Ok(credentials)
    } else {
        Err(wrong(login, &found))
    }
}

/// One question, one PasswordMessage; its password without the terminating zero.
async fn ask<S>(io: &mut S, login: &ClientLogin<'_>, question: &[&[u8]]) -> Result<Vec<u8>, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    message::write(io, b'R', question)
        .await
        .map_err(message::ReadError::Io)?;
    let answer = message::read(io, |kind| (kind == b'p').then_some(MAX_MESSAGE)).await?;
    let (password, rest) = message::split_string(&answer.body).unwrap_or((&[], &answer.body));
    if !rest.is_empty() || answer.body.is_empty() {
        let user = login.user;
        return Err(Refused::malformed(format!(
            "the password message of user {user} is not one string"
        )));
    }
    if password.is_empty() {
        return Err(Refused::empty_password(login));
    }
    Ok(password.to_vec())
}

fn wrong(login: &ClientLogin<'_>, found: &Found) -> Refused {
    let user = login.user;
    Refused::password(match found {
        Found::Unknown => format!("no such user: {user}"),
        Found::NoPassword => format!("user {user} has no password, or one that has expired"),
        Found::Secret(_) => format!("wrong password for user {user}"),
    })
}
