//! Asking a client who it is: from after its start-up packet up to, and without, AuthenticationOk.

mod certificate;
mod password;
mod refused;
mod sasl;

#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

use super::secret::{Credentials, Secret};
use super::{Keyring, Method, hba, ident};

pub use certificate::unix_user;
pub use refused::Refused;

/// The greatest body of a message before login, in bytes. pgbouncer takes passwords of up to 2 kB and tokens in the
/// place of passwords grow to 4 kB; a SCRAM message has some hundred bytes.
pub const MAX_MESSAGE: usize = 8192;

/// Where a client connects from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin<'a> {
    /// A Unix socket.
    Unix {
        /// The name of the operating system's user at its other end, from [`unix_user`]. `None` when it has none, or
        /// was not looked up since nothing asks for it.
        user: Option<&'a str>,
    },
    /// TCP.
    Tcp(IpAddr),
}

/// What TLS says of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsPeer<'a> {
    /// The CommonName of its certificate, if it showed one that `client_tls_ca_file` vouches for.
    pub common_name: Option<&'a str>,
}

/// A client that wants to log in.
#[derive(Debug, Clone, Copy)]
pub struct ClientLogin<'a> {
    /// The user name in its start-up packet.
    pub user: &'a str,
    /// The database it asked for, as the pooler names it.
    pub database: &'a str,
    /// True for `replication=true`, which rules for databases do not cover.
    pub physical_replication: bool,
    /// `auth_type`.
    pub method: Method,
    /// `auth_hba_file`. Without it `hba` refuses everybody.
    pub rules: Option<&'a hba::Rules>,
    /// `auth_ident_file`.
    pub maps: Option<&'a ident::Maps>,
    /// Where it comes from.
    pub origin: Origin<'a>,
    /// `Some` when the connection is encrypted.
    pub tls: Option<TlsPeer<'a>>,
    /// True when the database has `user=`, without which `any` cannot work.
    pub forced_user: bool,
    /// `scram_iterations`: shown for users with a clear-text password, and for those who do not exist.
    pub scram_iterations: u32,
    /// What all logins share.
    pub keyring: &'a Keyring,
}

/// A login that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// How.
    pub method: Method,
    /// What the pooler can log in to a server with, as this user.
    pub credentials: Credentials,
}

/// What is known of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// There is no such user.
    Unknown,
    /// There is, but no password fits: none is set, or it has expired.
    NoPassword,
    /// There is, and this is the secret.
    Secret(Secret),
}

/// Users could not be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct LookupError {
    /// What the client is told.
    pub message: String,
    /// The error code it is told.
    pub sqlstate: &'static str,
    /// What is logged.
    pub reason: String,
}

/// The secrets that most users have: what is pretended for users who do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Usual {
    /// SCRAM verifiers, PostgreSQL's default.
    #[default]
    Scram,
    /// MD5 hashes.
    Md5,
    /// Clear-text passwords.
    Clear,
}

/// Where users' secrets come from: `auth_file`, then `auth_query`.
pub trait Lookup {
    /// Finds a user. Asked once a login, and by every method but `any` and `reject`.
    fn find(&self, user: &str) -> impl Future<Output = Result<Found, LookupError>>;

    /// What most of the secrets are.
    fn usual(&self) -> Usual {
        Usual::default()
    }
}

/// Runs the authentication exchange with a client that has sent its start-up packet, up to what comes before
/// AuthenticationOk. Not a byte beyond the exchange is read.
///
/// A user who does not exist, has no password or has the wrong kind of secret goes through the same exchange as one
/// who mistypes a password, and is told the same.
///
/// # Errors
/// When the client is not let in: what to tell it, and why in truth.
pub async fn authenticate<S>(
    io: &mut S,
    login: &ClientLogin<'_>,
    secrets: &impl Lookup,
) -> Result<Proof, Refused>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if login.method == Method::Any {
        return any(login);
    }
    let (method, map) = decide(login)?;
    let found = secrets.find(login.user).await?;
    let credentials = match method {
        Method::Trust => trust(login, found)?,
        Method::Cert => certificate::by_certificate(login, map, &found).map(|()| stored(&found))?,
        Method::Peer => certificate::by_unix_user(login, map, &found).map(|()| stored(&found))?,
        Method::Plain => password::plain(io, login, found, secrets.usual()).await?,
        Method::ScramSha256 => sasl::scram(io, login, found, secrets.usual()).await?,
        Method::Md5 if speaks_scram(&found, secrets.usual()) => {
            sasl::scram(io, login, found, secrets.usual()).await?
        }
        Method::Md5 => password::md5(io, login, found).await?,
        Method::Reject | Method::Any | Method::Hba => return Err(Refused::rejected(login)),
    };
    Ok(Proof { method, credentials })
}

fn any(login: &ClientLogin<'_>) -> Result<Proof, Refused> {
    if !login.forced_user {
        let reason = format!(
            "auth_type=any needs user= in the entry of database {}",
            login.database
        );
        return Err(Refused::configuration(reason));
    }
    Ok(Proof {
        method: Method::Any,
        credentials: Credentials::Nothing,
    })
}

/// The method for this client, and the user name map of the rule that decided it.
fn decide<'a>(login: &ClientLogin<'a>) -> Result<(Method, Option<&'a str>), Refused> {
    if login.method != Method::Hba {
        return Ok((login.method, None));
    }
    let rule = login
        .rules
        .and_then(|rules| rules.first_match(login))
        .ok_or_else(|| Refused::rejected(login))?;
    match rule.method {
        Method::Reject => Err(Refused::rejected(login)),
        method => Ok((method, rule.map.as_deref())),
    }
}

fn trust(login: &ClientLogin<'_>, found: Found) -> Result<Credentials, Refused> {
    match found {
        Found::Unknown => Err(Refused::trust(login)),
        found => Ok(stored(&found)),
    }
}

/// What the stored secret is good for, when the client has shown none.
fn stored(found: &Found) -> Credentials {
    match found {
        Found::Secret(secret) => secret.into(),
        Found::NoPassword | Found::Unknown => Credentials::Nothing,
    }
}

/// With `md5`, whoever has a verifier is asked by SCRAM; whoever does not exist is asked as most users are.
fn speaks_scram(found: &Found, usual: Usual) -> bool {
    match found {
        Found::Secret(secret) => matches!(secret, Secret::Scram(_)),
        Found::Unknown | Found::NoPassword => usual == Usual::Scram,
    }
}

/// Keys out of a client's exchange, to log in to servers with.
fn passed_through(verifier: &super::scram::Verifier, client_key: super::scram::Key) -> Credentials {
    Credentials::Scram(Arc::new(verifier.pass_through(client_key)))
}
