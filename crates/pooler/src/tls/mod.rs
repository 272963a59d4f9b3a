//! TLS on both sides: with clients ([`ClientSide`]) and with PostgreSQL servers ([`ServerSide`]).
//!
//! The settings are pgbouncer's, given as text; what OpenSSL can do and rustls cannot is refused by name, never left
//! out in silence. Each side is built from the files as they are at that moment; after a reload, equal
//! [`Fingerprint`]s say that nothing has changed.

mod ciphers;
mod client_side;
mod error;
mod files;
mod names;
mod parameters;
mod server_side;
mod trust;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use crate::config::SslMode;
pub use client_side::ClientSide;
pub use error::TlsError;
pub use server_side::{ServerSide, Started};

/// As it is written in the configuration.
fn name_of(mode: SslMode) -> &'static str {
    match mode {
        SslMode::Disable => "disable",
        SslMode::Allow => "allow",
        SslMode::Prefer => "prefer",
        SslMode::Require => "require",
        SslMode::VerifyCa => "verify-ca",
        SslMode::VerifyFull => "verify-full",
    }
}

/// The settings of one side, as they are in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `*_tls_sslmode`.
    pub sslmode: SslMode,
    /// `*_tls_key_file`.
    pub key_file: Option<PathBuf>,
    /// `*_tls_cert_file`.
    pub cert_file: Option<PathBuf>,
    /// `*_tls_ca_file`.
    pub ca_file: Option<PathBuf>,
    /// `*_tls_protocols`.
    pub protocols: String,
    /// `*_tls_ciphers`, for TLS 1.2.
    pub ciphers: String,
    /// `*_tls13_ciphers`; empty for all.
    pub tls13_ciphers: String,
    /// `client_tls_ecdhcurve`.
    pub ecdhcurve: String,
    /// `client_tls_dheparams`.
    pub dheparams: String,
}

impl Default for Settings {
    /// pgbouncer's defaults for everything but the mode, which differs between the sides and is `disable` here.
    fn default() -> Self {
        Self {
            sslmode: SslMode::Disable,
            key_file: None,
            cert_file: None,
            ca_file: None,
            protocols: "secure".to_owned(),
            ciphers: "default".to_owned(),
            tls13_ciphers: String::new(),
            ecdhcurve: "auto".to_owned(),
            dheparams: "auto".to_owned(),
        }
    }
}

/// A digest of settings and of the contents of the files they name: equal ones make equal connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// Which side settings are for; their names begin with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Client,
    Server,
}

impl Side {
    /// The full name of a setting.
    fn setting(self, name: &str) -> String {
        match self {
            Self::Client => format!("client_tls_{name}"),
            Self::Server => format!("server_tls_{name}"),
        }
        .replace("_tls_tls13_", "_tls13_")
    }
}
