use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong before or around a rehearsal. Every message is one line that names the thing and the way out;
/// what goes wrong for a person *during* the run is no error of ours: it is counted by cause in the report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something that was given (a file's content, an option's value) does not make sense; the message says what and where.
    #[error("{0}")]
    Bad(String),
    /// The target cannot be used: not allowed, not known, not answering.
    #[error("{0}")]
    Target(String),
}

impl Error {
    /// A file that could not be read or written.
    pub fn file(path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::File {
            path: path.as_ref().to_owned(),
            source,
        }
    }

    /// Bad input, in words.
    pub fn bad(message: impl Into<String>) -> Self {
        Self::Bad(message.into())
    }
}
