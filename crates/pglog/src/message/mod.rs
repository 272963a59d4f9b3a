//! What a record says: its message told apart into an [`Event`](crate::event::Event). One kind of message a file.

pub mod checkpoint;
pub mod connection;
pub mod deadlock;
pub mod duration;
pub mod failure;
pub mod known;
pub mod lock;
pub mod plan;
pub mod pooler;
mod scan;
mod template;
pub mod temporary;
pub mod vacuum;

pub use known::{Cancel, Category, Effect, End, class_name};

use crate::parse::Scribe;
use crate::record::{Record, Severity};

/// What a record says that is neither a duration nor a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// An error, a warning, or something else that is told apart by its words.
    Message(failure::Message),
    /// A wait for a lock.
    Lock(lock::Lock),
    /// A temporary file.
    TemporaryFile(temporary::TemporaryFile),
    /// A checkpoint.
    Checkpoint(checkpoint::Checkpoint),
    /// Autovacuum.
    Vacuum(vacuum::Vacuum),
    /// A connection.
    Connection(connection::Connection),
    /// A plan.
    Plan(plan::Plan),
    /// What a pooler says.
    Pooler(pooler::Pooler),
}

impl Said {
    /// The statement that it is about, as an index into [`Parsed::statements`](crate::event::Parsed::statements).
    pub fn statement(&self) -> Option<u32> {
        match self {
            Self::Message(message) => message.statement,
            Self::Lock(lock) => lock.statement,
            Self::TemporaryFile(file) => file.statement,
            Self::Plan(plan) => plan.statement.map(|s| s.statement),
            Self::Checkpoint(_) | Self::Vacuum(_) | Self::Connection(_) | Self::Pooler(_) => None,
        }
    }
}

/// Tells a record apart that is neither a duration nor a statement.
pub fn told(record: &Record<'_>, scribe: &mut Scribe<'_, '_>) -> Option<Said> {
    if record.severity == Severity::Log
        && let Some(said) = routine(record, scribe)
    {
        return Some(said);
    }
    failure::told(record, scribe).map(Said::Message)
}

/// What PostgreSQL logs of its daily work, found by the beginning of the message.
fn routine(record: &Record<'_>, scribe: &mut Scribe<'_, '_>) -> Option<Said> {
    let message = &record.message;
    match message.get(..4)? {
        b"proc" => lock::told(record, scribe).map(Said::Lock),
        b"temp" => temporary::told(record, scribe).map(Said::TemporaryFile),
        b"chec" | b"rest" => checkpoint::told(message).map(Said::Checkpoint),
        b"auto" | b"skip" => vacuum::told(message).map(Said::Vacuum),
        b"conn" | b"disc" | b"repl" => connection::told(message, scribe).map(Said::Connection),
        b"dura" => plan::told(record, scribe).map(Said::Plan),
        _ => None,
    }
}
