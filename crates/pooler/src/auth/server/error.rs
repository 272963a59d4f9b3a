//! Why a server could not be logged in to, and the way out.

use std::io;

use super::ServerCredentials;
use crate::auth::message::{ReadError, split_string};
use crate::auth::scram::DeriveError;
use crate::auth::secret::Credentials;

/// Why a server could not be logged in to. No text of it holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The connection broke.
    #[error("the connection broke during the login: {0}")]
    Io(#[from] io::Error),
    /// The server said no. Clients are to be told what it said.
    #[error("{0}")]
    Server(ServerError),
    /// What the server asks for cannot be made from what is known.
    #[error("wrong password type: the server asks for {asked} of user {user}, {known}")]
    Missing {
        /// The user.
        user: String,
        /// What it asks for.
        asked: &'static str,
        /// What is known, and what would help.
        known: &'static str,
    },
    /// It asks for the password over an open wire.
    #[error(
        "the server asks for the password of user {user} in clear text over a connection without TLS: set \
         server_tls_sslmode=require, let the server ask for scram-sha-256, or allow clear-text passwords in [canvass]"
    )]
    ClearTextRefused {
        /// The user.
        user: String,
    },
    /// It asks in a way that is not spoken here.
    #[error(
        "the server asks for authentication by {0}, which is not supported: let its pg_hba.conf say scram-sha-256"
    )]
    Unsupported(String),
    /// Its verifier is not the one a client logged in with.
    #[error(
        "the SCRAM verifier of user {user} on the server has another salt or number of iterations than the pooler's: \
         copy rolpassword from the server's pg_authid, or use auth_query"
    )]
    OtherVerifier {
        /// The user.
        user: String,
    },
    /// It does not know the password: it is not the server it says it is.
    #[error(
        "the server could not prove that it knows the verifier of user {user}: it may not be the right server"
    )]
    Impostor {
        /// The user.
        user: String,
    },
    /// It asks for more work than is done.
    #[error("the server's SCRAM verifier: {0}")]
    Derive(#[from] DeriveError),
    /// It does not keep to the protocol.
    #[error("the server broke the protocol during the login: {0}")]
    Protocol(String),
}

impl LoginError {
    /// The SQLSTATE for clients that wait for this login: the server's own where it gave one.
    pub fn sqlstate(&self) -> &str {
        match self {
            Self::Server(error) => error.sqlstate.as_deref().unwrap_or("08001"),
            _ => "08001",
        }
    }

    pub(super) fn protocol(what: impl Into<String>) -> Self {
        Self::Protocol(what.into())
    }

    pub(super) fn missing(login: &ServerCredentials<'_>, asked: &'static str) -> Self {
        let known = match login.credentials {
            Credentials::Nothing => {
                "and no password is known: put one into auth_file, or password= into the database's entry; a SCRAM \
                 verifier serves only once a client has logged in with SCRAM"
            }
            Credentials::Md5(_) => {
                "and an MD5 hash is known: store the password in clear text, or a SCRAM verifier in both places"
            }
            Credentials::Scram(_) => {
                "and only keys from a client's SCRAM login are known: let the server ask for scram-sha-256"
            }
            Credentials::Clear(_) => "and the password is known",
        };
        Self::Missing {
            user: login.user.to_owned(),
            asked,
            known,
        }
    }
}

impl From<ReadError> for LoginError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => Self::Io(error),
            ReadError::Unexpected(kind) => Self::Protocol(format!("a message of type 0x{kind:02x}")),
            ReadError::Length { kind, length } => {
                Self::Protocol(format!("a message of type 0x{kind:02x} with length {length}"))
            }
        }
    }
}

/// An ErrorResponse of a server. Every field may be missing (CVE-2026-6666).
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("{}", self.text())]
pub struct ServerError {
    /// `FATAL` and the like, not translated where the server says so.
    pub severity: Option<String>,
    /// The SQLSTATE.
    pub sqlstate: Option<String>,
    /// The primary message.
    pub message: Option<String>,
}

impl ServerError {
    /// Reads the body of an ErrorResponse as far as it can be read.
    pub fn read(mut body: &[u8]) -> Self {
        let mut error = Self::default();
        let mut translated = None;
        while let Some((field, rest)) = body.split_first().filter(|(field, _)| **field != 0) {
            let Some((value, rest)) = split_string(rest) else {
                break;
            };
            let value = Some(String::from_utf8_lossy(value).into_owned());
            match field {
                b'V' => error.severity = value,
                b'S' => translated = value,
                b'C' => error.sqlstate = value,
                b'M' => error.message = value,
                _ => {}
            }
            body = rest;
        }
        error.severity = error.severity.or(translated);
        error
    }

    /// What can be told of it.
    fn text(&self) -> &str {
        self.message
            .as_deref()
            .unwrap_or("the server refused without giving a reason")
    }
}
