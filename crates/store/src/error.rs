//! What can go wrong between this program and its database.

/// An error of the store. Messages name the thing and the way out and never hold an answer, a code or a name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The connection string cannot be read.
    #[error("database URL: {0}; expected postgres://user@host:port/database")]
    Url(String),
    /// No connection.
    #[error("PostgreSQL cannot be reached at {target}: {cause}")]
    Connect {
        /// Host and port or socket, without user and password.
        target: String,
        /// The reason in words.
        cause: String,
    },
    /// A setting makes acknowledgements untrue.
    #[error("this PostgreSQL has {setting} = off: an acknowledged answer could be lost; turn it on")]
    Unsafe {
        /// `fsync` or `full_page_writes`.
        setting: String,
    },
    /// The server is older than 14.
    #[error("PostgreSQL {0} is too old: 14 or newer is needed")]
    TooOld(String),
    /// A migration failed.
    #[error("migration: {0}")]
    Migration(String),
    /// The schema is not this program's.
    #[error("the database's schema is not up to date: run `canvass migrate`")]
    NotMigrated,
    /// A statement failed.
    #[error("{doing}: {cause}")]
    Statement {
        /// What was being done.
        doing: &'static str,
        /// The primary message of PostgreSQL with its SQLSTATE; never the detail, which may hold values.
        cause: String,
    },
    /// All connections are busy.
    #[error("no database connection became free within {0} ms")]
    Busy(u64),
    /// Something in the database is not what this program wrote.
    #[error("{0}")]
    Corrupt(String),
    /// What was asked for does not exist or contradicts what exists.
    #[error("{0}")]
    Refused(String),
}

/// The constraints that a person can run into, as a sentence with the way out.
const CONSTRAINTS: &[(&str, &str)] = &[
    (
        "wave_name_unique",
        "there is a wave with this name already: choose another name, or see `canvass wave list`",
    ),
    (
        "wave_closes_after_it_opens",
        "a wave closes after it opens: check --opens and --closes",
    ),
    (
        "wave_late_period_not_negative",
        "the late period cannot be negative",
    ),
    ("respondent_role_known", "a role is student, teacher or parent"),
];

impl Error {
    /// A failed statement: the sentence for a known constraint, else PostgreSQL's primary message.
    pub(crate) fn statement(doing: &'static str, error: &tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            return Self::Statement {
                doing,
                cause: plain(error),
            };
        };
        let known = CONSTRAINTS.iter().find(|(name, _)| db.constraint() == Some(name));
        match known {
            Some((_, sentence)) => Self::Refused((*sentence).to_owned()),
            None => Self::Statement {
                doing,
                cause: format!("{} ({})", db.message(), db.code().code()),
            },
        }
    }
}

/// An error of the driver with its cause, on one line.
pub(crate) fn plain(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    match error.source() {
        Some(source) => format!("{error}: {source}").replace('\n', " "),
        None => error.to_string(),
    }
}
