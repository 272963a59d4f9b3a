//! Who a client is, and how the pooler proves itself to a server: SCRAM, MD5, certificates, rules.
//!
//! * [`client::authenticate`] asks a client for proof, after its start-up packet and before AuthenticationOk.
//! * [`server::answer`] answers what a server asks, until its AuthenticationOk.
//! * [`userlist`], [`query`], [`hba`] and [`ident`] are the four places where the configuration says who may log in.
//! * [`scram`] is the arithmetic both directions share; the slow part of it runs off the event threads.
//!
//! Nothing here logs, and no `Debug` of a type here shows a password or a key.

pub mod client;
mod file;
pub mod hba;
pub mod ident;
pub mod md5;
mod message;
pub mod query;
pub mod scram;
pub mod secret;
pub mod server;
pub mod userlist;

pub use client::{ClientLogin, Found, Lookup, LookupError, Origin, Proof, Refused, TlsPeer, Usual};
pub use file::FileError;
pub use scram::Keyring;
pub use secret::{Credentials, Password, Secret};
pub use server::{LoginError, ServerCredentials};

/// How a client proves who it is: `auth_type`, or the method of a rule in `auth_hba_file`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Nobody is asked, but the user must exist.
    Trust,
    /// Nobody is asked, and whatever user name was given is ignored; the database must force one. Only as `auth_type`.
    Any,
    /// A salted MD5 digest; a SCRAM exchange when the user's secret is a SCRAM verifier.
    Md5,
    /// SCRAM-SHA-256 (RFC 5802 and RFC 7677).
    ScramSha256,
    /// The password itself, over the wire. `plain` as `auth_type`, `password` in rules.
    Plain,
    /// The CommonName of the client's TLS certificate.
    Cert,
    /// The operating system's user at the other end of a Unix socket.
    Peer,
    /// Nobody gets in. Only in rules.
    Reject,
    /// The first matching rule of `auth_hba_file` decides. Only as `auth_type`.
    Hba,
}

impl Method {
    /// As it is written in the configuration and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trust => "trust",
            Self::Any => "any",
            Self::Md5 => "md5",
            Self::ScramSha256 => "scram-sha-256",
            Self::Plain => "plain",
            Self::Cert => "cert",
            Self::Peer => "peer",
            Self::Reject => "reject",
            Self::Hba => "hba",
        }
    }
}
