//! What is wrong with TLS settings, files and connections.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A setting asks for what cannot be had.
    #[error("{setting} = {value}: {problem}")]
    Setting {
        /// Its name.
        setting: String,
        /// Its value.
        value: String,
        /// What is wrong, and the way out.
        problem: String,
    },
    /// A setting is needed and not there.
    #[error("{setting} is not set: {problem}")]
    Missing {
        /// Its name.
        setting: String,
        /// What it is needed for.
        problem: String,
    },
    /// A file cannot be used.
    #[error("{setting} = {}: {problem}", path.display())]
    File {
        /// The setting that names it.
        setting: String,
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The server has no TLS, and `server_tls_sslmode` asks for it.
    #[error("server refused SSL, and server_tls_sslmode is {0}")]
    Refused(&'static str),
    /// The server answered the request for TLS with something else.
    #[error("the server answered the request for TLS with byte 0x{0:02x} instead of S or N")]
    Answer(u8),
    /// The server went on speaking, unencrypted, after it had answered the request for TLS.
    #[error("the server sent more than its answer to the request for TLS")]
    Early,
    /// The host's name cannot be in a certificate.
    #[error(
        "host {0:?} is not a name that a certificate could hold: set server_tls_sslmode=verify-ca, or name the host"
    )]
    HostName(String),
    /// The handshake failed.
    #[error("TLS handshake failed: {0}")]
    Handshake(io::Error),
    /// The connection broke before the handshake.
    #[error("{0}")]
    Io(io::Error),
}

impl TlsError {
    pub(super) fn setting(setting: String, value: &str, problem: impl Into<String>) -> Self {
        Self::Setting {
            setting,
            value: value.to_owned(),
            problem: problem.into(),
        }
    }

    pub(super) fn missing(setting: String, problem: impl Into<String>) -> Self {
        Self::Missing {
            setting,
            problem: problem.into(),
        }
    }

    pub(super) fn file(setting: String, path: &Path, problem: impl Into<String>) -> Self {
        Self::File {
            setting,
            path: path.to_owned(),
            problem: problem.into(),
        }
    }
}
