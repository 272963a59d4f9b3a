//! Log formats: one a file. Each reads whole chunks, which begin with a record, and hands its records to the [`Scribe`].

pub mod csv;
pub mod json;
pub mod object;
pub mod pooler;
mod scribe;
pub mod stderr;

pub use scribe::{Memory, Scribe};

use crate::event::Parsed;
use crate::prefix::{Field, Prefix};
use crate::record::Severity;

/// How a log is written.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// `log_destination = stderr`, with its `log_line_prefix`.
    Stderr(Prefix),
    /// `log_destination = csvlog`.
    Csv,
    /// `log_destination = jsonlog`.
    Json,
    /// pgbouncer's own, or `canvass pool`'s.
    Pooler,
}

/// Name of a pooler's format.
pub const POOLER: &str = "pooler";

/// Shortest record that a text can be: to guess at how much room is needed.
const SHORTEST: usize = 64;

impl Format {
    /// Its name in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stderr(_) => "stderr",
            Self::Csv => "csvlog",
            Self::Json => "jsonlog",
            Self::Pooler => POOLER,
        }
    }

    /// The `log_line_prefix` by which it is read.
    pub fn prefix(&self) -> Option<&str> {
        match self {
            Self::Stderr(prefix) => Some(prefix.text()),
            Self::Csv | Self::Json | Self::Pooler => None,
        }
    }

    /// From the first bytes of a log, if its records have a form of their own, whatever the prefix.
    pub fn of_form(start: &[u8]) -> Option<Self> {
        let start = without_mark(start);
        if csv::looks_like_it(start) {
            return Some(Self::Csv);
        }
        if json::looks_like_it(start) {
            return Some(Self::Json);
        }
        pooler::looks_like_it(start).then_some(Self::Pooler)
    }

    /// From the first bytes of a log that is written in lines with a prefix.
    pub fn of_lines(start: &[u8]) -> Option<Self> {
        let lines: Vec<&[u8]> = without_mark(start)
            .split(|b| *b == b'\n')
            .take(20_000)
            .filter(|l| !l.is_empty())
            .collect();
        crate::prefix::find(&lines).map(Self::Stderr)
    }

    /// Whether its records carry this field.
    pub fn has(&self, field: Field) -> bool {
        match self {
            Self::Stderr(prefix) => match field {
                Field::Host => prefix.has(Field::Host) || prefix.has(Field::HostPort),
                Field::Time => prefix.has(Field::Time) || prefix.has(Field::Epoch),
                _ => prefix.has(field),
            },
            Self::Csv | Self::Json => true,
            // What PostgreSQL's records carry is asked for.
            Self::Pooler => false,
        }
    }

    /// Where the last record of `bytes` begins, beyond the first: what is before it are whole records. `None` when only one
    /// record was seen to begin.
    pub fn last_border(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Stderr(prefix) => stderr::last_border(prefix, bytes),
            Self::Csv => csv::last_border(bytes),
            Self::Json => json::last_border(bytes),
            Self::Pooler => pooler::last_border(bytes),
        }
    }

    /// Where the first record begins behind the start of `bytes`.
    pub fn next_border(&self, bytes: &[u8]) -> Option<usize> {
        match self {
            Self::Stderr(prefix) => stderr::next_border(prefix, bytes),
            Self::Csv => csv::next_border(bytes),
            Self::Json => json::next_border(bytes),
            Self::Pooler => pooler::next_border(bytes),
        }
    }

    /// Of the last bytes of a log that does not end with a line feed: where the record begins that is not all there.
    pub fn cut_at(&self, bytes: &[u8]) -> usize {
        match self {
            Self::Stderr(prefix) => stderr::cut_at(prefix, bytes),
            Self::Csv => csv::cut_at(bytes),
            Self::Json => json::cut_at(bytes),
            Self::Pooler => pooler::cut_at(bytes),
        }
    }

    /// Reads a chunk of whole records.
    pub fn parse(&self, bytes: Vec<u8>, memory: &mut Memory) -> Parsed {
        let mut out = Parsed {
            events: Vec::with_capacity(bytes.len() / SHORTEST / 4),
            ..Parsed::default()
        };
        out.counts.bytes = bytes.len() as u64;
        let mut scribe = Scribe::new(&bytes, memory, out);
        match self {
            Self::Stderr(prefix) => stderr::parse(prefix, &bytes, &mut scribe),
            Self::Csv => csv::parse(&bytes, &mut scribe),
            Self::Json => json::parse(&bytes, &mut scribe),
            Self::Pooler => pooler::parse(&bytes, &mut scribe),
        }
        let mut out = scribe.done();
        out.bytes = bytes;
        out
    }
}

/// Without the mark of byte order that some programs put at the front of a file (U+FEFF).
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Whether a record of this severity is an error or worse.
pub(crate) fn is_failure(severity: Severity) -> bool {
    severity >= Severity::Error
}
