//! The types that settings have beyond numbers and texts: each can hold only what the pooler can act on.

use std::fmt;

/// When a server connection may serve another client (`pool_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PoolMode {
    /// When its client has gone.
    #[default]
    Session,
    /// After each transaction.
    Transaction,
    /// After each statement; transactions of several statements are refused.
    Statement,
}

impl PoolMode {
    /// As `SHOW DATABASES` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::Statement => "statement",
        }
    }
}

/// How a client proves who it is (`auth_type`, and the method of a rule in `auth_hba_file`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AuthType {
    /// Not at all, and its user name is ignored: every database must have a `user` of its own.
    Any,
    /// Not at all, but the user must be known.
    Trust,
    /// With its password in clear text.
    Plain,
    /// With an MD5 digest, or with SCRAM when the stored secret is a SCRAM secret.
    #[default]
    Md5,
    /// With a TLS certificate that names the user.
    Cert,
    /// As the rules in `auth_hba_file` say.
    Hba,
    /// Through PAM. Refused when the configuration is read.
    Pam,
    /// Through an LDAP server. Refused when the configuration is read.
    Ldap,
    /// By the operating system's user at the other end of a Unix socket; only in `auth_hba_file`.
    Peer,
    /// With SCRAM-SHA-256 (RFC 7677).
    ScramSha256,
}

/// Whether a connection is encrypted and whom it trusts (`client_tls_sslmode`, `server_tls_sslmode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SslMode {
    /// Never encrypted.
    #[default]
    Disable,
    /// Encrypted if the other side asks for it.
    Allow,
    /// Encrypted if the other side can.
    Prefer,
    /// Encrypted, whoever the other side is.
    Require,
    /// Encrypted, and the certificate is signed by somebody trusted.
    VerifyCa,
    /// Encrypted, and the certificate is signed by somebody trusted for this very host.
    VerifyFull,
}

impl SslMode {
    /// Whether an unencrypted connection is never used.
    pub fn is_required(self) -> bool {
        matches!(self, Self::Require | Self::VerifyCa | Self::VerifyFull)
    }

    /// Whether the other side's certificate is looked at.
    pub fn verifies(self) -> bool {
        matches!(self, Self::VerifyCa | Self::VerifyFull)
    }
}

/// Which of a database's hosts the next server connection goes to (`load_balance_hosts`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LoadBalanceHosts {
    /// To the next one in the list.
    #[default]
    RoundRobin,
    /// To the same one, until a connection to it fails.
    Disable,
}

/// What is sent to a server that has rested, before it serves the next client (`server_check_query`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CheckQuery {
    /// Nothing: the server is not checked. Written as an empty value.
    Off,
    /// A query without text, which the server answers with EmptyQueryResponse. Written `<empty>`.
    #[default]
    Empty,
    /// This query.
    Query(String),
}

/// What happens when a client leaves session state behind where the next client would find it
/// (`[canvass] session_state`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SessionState {
    /// What pgbouncer does: nothing in transaction mode, `server_reset_query` in session mode.
    #[default]
    Pgbouncer,
    /// The server is reset before it serves another client.
    Reset,
    /// The server stays with its client until the client has gone.
    Pin,
    /// The client is told that this cannot be done here, and its server is closed.
    Refuse,
}

/// The TLS versions that may be spoken (`client_tls_protocols`, `server_tls_protocols`). TLS 1.0 and 1.1 can be
/// written, as pgbouncer allows, but are never spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsProtocols {
    /// Whether TLS 1.2 may be spoken.
    pub tls12: bool,
    /// Whether TLS 1.3 may be spoken.
    pub tls13: bool,
    /// As it stands in the file, for `SHOW CONFIG`.
    written: String,
}

/// Where the cap over all server connections comes from (`[canvass] max_server_connections`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerCap {
    /// There is none; only pgbouncer's limits hold.
    #[default]
    Off,
    /// What each database machine offers: `max_connections` without the reserved ones, asked when connecting.
    Auto,
    /// This many, over all pools. Never zero.
    At(u32),
}

/// A password. It can be used but not shown: neither `Debug` nor an error message holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a password out of sight.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    /// The password itself, for proving it to somebody; never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl TlsProtocols {
    /// Reads a list of versions, or `secure`, `all`, `legacy` for all of them; `!` takes one away.
    ///
    /// # Errors
    /// When a version is unknown, or none is left that can be spoken.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut protocols = Self {
            tls12: false,
            tls13: false,
            written: text.to_owned(),
        };
        for version in text.split([',', ':']).map(str::trim) {
            let allowed = !version.starts_with('!');
            match version.trim_start_matches('!').to_ascii_lowercase().as_str() {
                "" | "secure" | "default" | "all" | "legacy" => {
                    (protocols.tls12, protocols.tls13) = (allowed, allowed);
                }
                "tlsv1.2" => protocols.tls12 = allowed,
                "tlsv1.3" => protocols.tls13 = allowed,
                "tlsv1.0" | "tlsv1.1" => {}
                _ => return Err("it must be `secure`, `all`, or versions such as tlsv1.2,tlsv1.3".to_owned()),
            }
        }
        if protocols.tls12 || protocols.tls13 {
            Ok(protocols)
        } else {
            Err("TLS 1.0 and 1.1 are not safe and not supported; use secure (TLS 1.2 and 1.3)".to_owned())
        }
    }

    /// As it stands in the file.
    pub fn written(&self) -> &str {
        &self.written
    }
}
