//! What a record says: its message told apart into an [`Event`](crate::event::Event).

pub mod duration;

use crate::parse::{Scribe, is_failure};
use crate::record::Record;

/// What a record says that is neither a duration nor a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// An error or something like it.
    Failure(Failure),
}

impl Said {
    /// The statement that it is about, as an index into [`Parsed::statements`](crate::event::Parsed::statements).
    pub fn statement(&self) -> Option<u32> {
        match self {
            Self::Failure(failure) => failure.statement,
        }
    }
}

/// A failed statement or session.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// SQLSTATE, where logged.
    pub sqlstate: Option<[u8; 5]>,
    /// The message without values.
    pub message: String,
    /// Index into [`Parsed::statements`](crate::event::Parsed::statements) of the statement that failed.
    pub statement: Option<u32>,
}

/// Tells a record apart that is neither a duration nor a statement.
pub fn told(record: &Record<'_>, scribe: &mut Scribe<'_, '_>) -> Option<Said> {
    if !is_failure(record.severity) {
        return None;
    }
    let statement = record.statement.as_deref().map(|sql| scribe.statement(sql).0);
    Some(Said::Failure(Failure {
        sqlstate: record.sqlstate,
        message: String::new(),
        statement,
    }))
}
