//! Why a client was not let in: what it is told, in pgbouncer's words, and what is logged.

use super::{ClientLogin, LookupError};
use crate::auth::message::ReadError;
use crate::auth::scram::DeriveError;

/// `invalid_password`.
const INVALID_PASSWORD: &str = "28P01";
/// `invalid_authorization_specification`.
const NOT_AUTHORIZED: &str = "28000";
/// `protocol_violation`.
const PROTOCOL_VIOLATION: &str = "08P01";
/// `config_file_error`.
const CONFIGURATION: &str = "F0000";
/// `internal_error`.
const INTERNAL: &str = "XX000";

/// A login that failed. The connection must be closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// What the client is told in a FATAL ErrorResponse, with its SQLSTATE. `None`: nothing, the connection is only
    /// closed.
    pub told: Option<(String, &'static str)>,
    /// The reason for the log. It names the user and holds no secret.
    pub reason: String,
}

impl Refused {
    fn telling(message: &str, sqlstate: &'static str, reason: impl Into<String>) -> Self {
        Self {
            told: Some((message.to_owned(), sqlstate)),
            reason: reason.into(),
        }
    }

    /// `reject`, or no rule matches.
    pub(super) fn rejected(login: &ClientLogin<'_>) -> Self {
        let (user, database) = (login.user, login.database);
        let reason = format!("no rule lets user {user} into database {database} from where it connects");
        Self::telling("login rejected", NOT_AUTHORIZED, reason)
    }

    pub(super) fn trust(login: &ClientLogin<'_>) -> Self {
        let reason = format!("no such user: {}", login.user);
        Self::telling("\"trust\" authentication failed", NOT_AUTHORIZED, reason)
    }

    /// A password that is wrong, or that nobody could have given right.
    pub(super) fn password(reason: impl Into<String>) -> Self {
        Self::telling("password authentication failed", INVALID_PASSWORD, reason)
    }

    pub(super) fn empty_password(login: &ClientLogin<'_>) -> Self {
        let reason = format!("user {} gave an empty password", login.user);
        Self::telling("empty password returned by client", INVALID_PASSWORD, reason)
    }

    /// A SCRAM exchange that failed.
    pub(super) fn sasl(reason: impl Into<String>) -> Self {
        Self::telling("SASL authentication failed", INVALID_PASSWORD, reason)
    }

    pub(super) fn mechanism(asked: &str) -> Self {
        let message = "client selected an invalid SASL authentication mechanism";
        let asked: String = asked.chars().take(40).collect();
        Self::telling(
            message,
            PROTOCOL_VIOLATION,
            format!("{message}: {asked:?}, offered is SCRAM-SHA-256"),
        )
    }

    pub(super) fn certificate(reason: impl Into<String>) -> Self {
        Self::telling("certificate authentication failed", NOT_AUTHORIZED, reason)
    }

    pub(super) fn unix_user(reason: impl Into<String>) -> Self {
        Self::telling("unix socket login rejected", NOT_AUTHORIZED, reason)
    }

    pub(super) fn configuration(reason: impl Into<String>) -> Self {
        Self::telling("bouncer config error", CONFIGURATION, reason)
    }

    pub(super) fn malformed(reason: impl Into<String>) -> Self {
        Self::telling("bad packet", PROTOCOL_VIOLATION, reason)
    }

    pub(super) fn random(error: &std::io::Error) -> Self {
        Self::telling(
            "internal error",
            INTERNAL,
            format!("no random bytes from the operating system: {error}"),
        )
    }

    fn silent(reason: impl Into<String>) -> Self {
        Self {
            told: None,
            reason: reason.into(),
        }
    }
}

impl From<ReadError> for Refused {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(_) => Self::silent("client unexpected eof"),
            ReadError::Unexpected(b'X') => Self::silent("client close request"),
            // a start-up message has no type: its length comes first, and the first byte of that is zero
            ReadError::Unexpected(0) => {
                let message = "client re-sent startup pkt";
                Self::telling(message, PROTOCOL_VIOLATION, message)
            }
            ReadError::Unexpected(kind) => Self::malformed(format!(
                "message of type 0x{kind:02x} before the login was complete"
            )),
            ReadError::Length { length, .. } => {
                Self::malformed(format!("a message before login gives its length as {length}"))
            }
        }
    }
}

impl From<LookupError> for Refused {
    fn from(error: LookupError) -> Self {
        Self::telling(&error.message, error.sqlstate, error.reason)
    }
}

impl From<DeriveError> for Refused {
    fn from(error: DeriveError) -> Self {
        match error {
            DeriveError::TooManyIterations(_) => {
                Self::configuration(format!("cannot derive the keys of a password: {error}"))
            }
            DeriveError::Ending => Self::telling("the pooler is shutting down", "57P01", error.to_string()),
        }
    }
}
