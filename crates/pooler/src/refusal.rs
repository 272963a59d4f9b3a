//! Why a client is refused or sent away: the words that pgbouncer uses, so that alerts on them go on working, with an
//! SQLSTATE that tells the truth. One table.

use std::borrow::Cow;
use std::time::Duration;

use crate::wire::error::{Severity, put_error};

/// A reason with everything that a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Five characters.
    pub sqlstate: Cow<'static, str>,
    /// The message, which the log has too.
    pub message: Cow<'static, str>,
    /// The way out, where the message alone does not say it.
    pub hint: Option<Cow<'static, str>>,
    /// True: the client is told nothing, the connection just ends.
    pub silent: bool,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident, $sqlstate:literal, $message:literal;)*) => {
        impl Refusal { $(
            $(#[$doc])*
            pub const $name: Self = Self::fixed($sqlstate, $message);
        )* }
    };
}

refusals! {
    /// The client waited longer than `query_wait_timeout` for a server.
    QUERY_WAIT_TIMEOUT, "53300", "query_wait_timeout";
    /// A query ran longer than `query_timeout`.
    QUERY_TIMEOUT, "57014", "query_timeout";
    /// A transaction was idle longer than `idle_transaction_timeout`.
    IDLE_TRANSACTION_TIMEOUT, "25P03", "idle transaction timeout";
    /// A transaction took longer than `transaction_timeout`.
    TRANSACTION_TIMEOUT, "25P04", "transaction timeout";
    /// The client said nothing for `client_idle_timeout`.
    CLIENT_IDLE_TIMEOUT, "57P05", "client_idle_timeout";
    /// The client did not log in within `client_login_timeout`.
    CLIENT_LOGIN_TIMEOUT, "08P01", "client_login_timeout";
    /// More clients than `max_client_conn`.
    MAX_CLIENT_CONN, "53300", "no more connections allowed (max_client_conn)";
    /// An administrator ended it.
    KILLED, "57P01", "admin forced disconnect";
    /// The pooler ends.
    SHUTDOWN, "57P01", "pooler is shut down";
    /// A client that waits for a server while the pooler ends.
    SERVER_SHUTTING_DOWN, "57P01", "server shutting down";
    /// SUSPEND waited long enough for the client to take what it was sent.
    SUSPEND_TIMEOUT, "57P01", "suspend_timeout";
    /// The pooler restarts, and the client's connection, or its server's, is inside TLS.
    RESTART_TLS, "57P01", "pooler is restarted, connections with TLS are not taken over";
    /// The pooler restarts, and the client's login was not over, or it is for replication.
    RESTART, "57P01", "pooler is restarted";
    /// RELOAD found that the database has gone from the configuration.
    DATABASE_REMOVED, "57P01", "database removed";
    /// The server that a session was bound to is to be replaced, with `server_fast_close`.
    CONFIGURATION_CHANGED, "57P01", "database configuration changed";
    /// The pooler is ending and lets nobody in.
    SHUTTING_DOWN, "57P01", "pooler is shutting down";
    /// The server connection broke.
    SERVER_CONNECTION_CRASHED, "08006", "server conn crashed?";
    /// The server is down, or refuses the pooler.
    SERVER_LOGIN_FAILING, "08001", "server login has been failing, try again later (server_login_retry)";
    /// A transaction block in statement mode.
    TRANSACTION_IN_STATEMENT_MODE, "0A000", "transaction blocks not allowed in statement pooling mode";
    /// A simple query where `disable_pqexec` is on.
    PQEXEC_DISABLED, "0A000", "PQexec disabled";
    /// The start-up packet names no user.
    NO_USERNAME, "28000", "no username supplied";
    /// The client needs TLS.
    SSL_REQUIRED, "28000", "SSL required";
    /// A message that is none.
    BAD_PACKET, "08P01", "bad packet header";
    /// A message longer than `max_packet_size`.
    PACKET_TOO_LARGE, "54000", "packet too large (max_packet_size)";
    /// Bytes behind a request for encryption that were not encrypted.
    UNENCRYPTED_BYTES, "08P01", "received unencrypted data after SSL request";
    /// The wait for a server is cancelled.
    CANCELLED, "57014", "canceling statement due to user request";
}

impl Refusal {
    const fn fixed(sqlstate: &'static str, message: &'static str) -> Self {
        Self {
            sqlstate: Cow::Borrowed(sqlstate),
            message: Cow::Borrowed(message),
            hint: None,
            silent: false,
        }
    }

    /// Another process has taken the client over: the client is told nothing, and its socket stays open.
    pub const HANDED_OVER: Self = Self {
        sqlstate: Cow::Borrowed(""),
        message: Cow::Borrowed("handed over"),
        hint: None,
        silent: true,
    };

    /// True for [`Self::HANDED_OVER`].
    pub fn is_hand_over(&self) -> bool {
        *self == Self::HANDED_OVER
    }

    /// A reason with a value in its message.
    pub fn new(sqlstate: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
            ..Self::fixed(sqlstate, "")
        }
    }

    /// The connection ends without a word: the client has gone, or has been told already.
    pub fn silent(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            silent: true,
            ..Self::new("", message)
        }
    }

    /// The same with a way out.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// No database of this name.
    pub fn no_such_database(name: &str) -> Self {
        Self::new("3D000", format!("no such database: {name}"))
    }

    /// The database takes no new clients.
    pub fn database_disabled(name: &str) -> Self {
        Self::new("3D000", format!("database \"{name}\" is disabled"))
    }

    /// A start-up parameter that is neither tracked nor ignored.
    pub fn unsupported_parameter(name: &str) -> Self {
        Self::new("08P01", format!("unsupported startup parameter: {name}")).with_hint(
            "name it in ignore_startup_parameters, or in track_extra_parameters if PostgreSQL reports it",
        )
    }

    /// The same inside `options`.
    pub fn unsupported_option(name: &str) -> Self {
        Self::new(
            "08P01",
            format!("unsupported startup parameter in options: {name}"),
        )
        .with_hint(
            "name it in ignore_startup_parameters, or in track_extra_parameters if PostgreSQL reports it",
        )
    }

    /// The last login at the server failed, and the next one is not due.
    pub fn login_failing(sqlstate: &str, cause: &str) -> Self {
        let sqlstate = if sqlstate.len() == 5 {
            sqlstate.to_owned()
        } else {
            "08001".to_owned()
        };
        Self {
            sqlstate: sqlstate.into(),
            message: format!("server login has been failing, cached error: {cause} (server_login_retry)")
                .into(),
            hint: None,
            silent: false,
        }
    }

    /// The wait for a server would take longer than the client waits.
    pub fn wait_too_long(expected: Duration, deadline: Duration) -> Self {
        let whole = |time: Duration| Duration::from_millis(time.as_millis() as u64);
        Self::new(
            "53300",
            format!(
                "no server connection expected within {:?}, this client waits {:?}: refused early",
                whole(expected),
                whole(deadline)
            ),
        )
        .with_hint("try again later; [canvass] refuse_early decides this")
    }

    /// Session state in a mode that does not keep it, with `session_state = refuse`.
    pub fn session_state() -> Self {
        Self::new(
            "0A000",
            "state of the session is not kept in this pool mode (session_state = refuse)",
        )
        .with_hint(
            "use settings that are tracked (track_extra_parameters), set_config(..., true), protocol-level prepared \
             statements, or pool_mode = session",
        )
    }

    /// Appends it as an ErrorResponse, or nothing when it is silent.
    pub fn put(&self, severity: Severity, out: &mut Vec<u8>) {
        if !self.silent {
            put_error(severity, &self.sqlstate, &self.message, self.hint.as_deref(), out);
        }
    }
}
