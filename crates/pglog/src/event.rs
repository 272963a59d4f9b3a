//! What a chunk of a log said, read and told apart, in the order of the log: made by workers in parallel, folded by one.

use serde::{Deserialize, Serialize};

use crate::record::Severity;
use crate::sql::Kind;

/// Everything in one chunk.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The chunk itself, to which [`Text`]s refer.
    pub bytes: Vec<u8>,
    /// Texts that do not stand in the chunk as such: unquoted, or put together of several lines.
    pub arena: Vec<u8>,
    /// In the order of the log.
    pub events: Vec<Event>,
    /// Who spoke; each once.
    pub whos: Vec<Who>,
    /// Which statements occurred; each once.
    pub statements: Vec<Statement>,
    /// Counts.
    pub counts: Counts,
}

/// A piece of [`Parsed::bytes`] or [`Parsed::arena`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text {
    /// Where it begins; from [`Text::ARENA`] on in the arena.
    pub start: u32,
    /// Bytes.
    pub length: u32,
}

impl Text {
    /// The highest bit of `start`: the text stands in the arena.
    pub const ARENA: u32 = 1 << 31;
}

impl Parsed {
    /// A text's bytes.
    pub fn text(&self, text: Text) -> &[u8] {
        let (from, start) = match text.start & Text::ARENA {
            0 => (&self.bytes, text.start),
            _ => (&self.arena, text.start & !Text::ARENA),
        };
        &from[start as usize..(start + text.length) as usize]
    }
}

/// What was read, and what could not be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Bytes.
    pub bytes: u64,
    /// Records.
    pub records: u64,
    /// Lines before the first record that belong to none, or parts of a record that is not there.
    pub orphans: u64,
    /// Records that can be read in two ways, because of their application name; they count nowhere else.
    pub ambiguous: u64,
    /// Records of a broken form.
    pub broken: u64,
    /// Records of another `log_line_prefix` than the one that they are read by.
    #[serde(default)]
    pub unread: u64,
    /// Records longer than a record may be, of which the beginning was read.
    pub too_long: u64,
    /// Records in another language than English.
    pub foreign: u64,
    /// Records without a time.
    pub timeless: u64,
    /// The first that could not be read, by the number of its byte in the input.
    pub first_bad: Option<u64>,
    /// The name of a time zone that is not known.
    pub unknown_zone: Option<String>,
}

impl Counts {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.records += other.records;
        self.orphans += other.orphans;
        self.unread += other.unread;
        self.ambiguous += other.ambiguous;
        self.broken += other.broken;
        self.too_long += other.too_long;
        self.foreign += other.foreign;
        self.timeless += other.timeless;
        self.first_bad = self.first_bad.or(other.first_bad);
        if self.unknown_zone.is_none() {
            self.unknown_zone.clone_from(&other.unknown_zone);
        }
    }
}

/// Who a record is of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Who {
    /// `%u`.
    pub user: Text,
    /// `%d`.
    pub database: Text,
    /// `%a`.
    pub application: Text,
    /// `%h`.
    pub host: Text,
    /// `%b`.
    pub backend: Text,
}

/// A statement, whatever its values.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Of the normalised statement.
    pub fingerprint: u64,
    /// Its text as logged, where the chunk has it first.
    pub raw: Text,
    /// What it does.
    pub kind: Kind,
    /// It says itself that it changes data or definitions.
    pub writes: bool,
    /// How many statements the text holds.
    pub statements: u32,
    /// The text was cut off.
    pub cut: bool,
}

/// One record.
#[derive(Debug)]
pub struct Event {
    /// µs since 1970 UTC; of a record without a time, that of the one before.
    pub at: i64,
    /// Tells sessions apart: a hash of `%c`, else the process.
    pub session: u64,
    /// The process, 0 when not logged.
    pub pid: u32,
    /// Index into [`Parsed::whos`].
    pub who: u32,
    /// How serious.
    pub severity: Severity,
    /// What happened.
    pub what: What,
}

/// What a record says.
#[derive(Debug)]
pub enum What {
    /// `duration: …`.
    Duration(Duration),
    /// `log_statement`: a statement that begins, without a duration.
    Began(StatementAt),
    /// A record that says something else, told apart by what it says.
    Said(Box<crate::message::Said>),
    /// A record that is counted by its severity, and no more.
    Other,
}

impl What {
    /// The statement that it is about, as an index into [`Parsed::statements`].
    pub fn statement(&self) -> Option<u32> {
        match self {
            Self::Duration(duration) => duration.statement.map(|s| s.statement),
            Self::Began(statement) => Some(statement.statement),
            Self::Said(said) => said.statement(),
            Self::Other => None,
        }
    }
}

/// A duration and what took it.
#[derive(Debug)]
pub struct Duration {
    /// µs.
    pub micros: u64,
    /// Which step.
    pub stage: Stage,
    /// Of which statement; not logged with `log_duration` alone.
    pub statement: Option<StatementAt>,
}

/// A statement as it occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementAt {
    /// Index into [`Parsed::statements`].
    pub statement: u32,
    /// A hash of the text with its literals and parameters: equal when the same was asked.
    pub values: u64,
    /// The text as logged.
    pub text: Text,
    /// Its parameters as logged, from `DETAIL`.
    pub parameters: Text,
    /// PostgreSQL's own identifier of the statement.
    pub query_id: Option<i64>,
}

/// What a duration is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// A simple query, whole.
    Simple,
    /// Extended protocol: Parse.
    Parse,
    /// Extended protocol: Bind.
    Bind,
    /// Extended protocol: Execute.
    Execute,
    /// Extended protocol: Execute of a portal that was executed in part before.
    Fetch,
    /// A function call by the fast path.
    FastPath,
    /// `log_duration` alone: of the statement logged before, if any.
    Bare,
}
