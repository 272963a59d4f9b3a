//! Which records count: by time, by who, by what.

use regex::Regex;

use crate::event::{Event, Parsed, Who};
use crate::sql::Kind;
use crate::totals::{By, Known};

/// What is chosen. Empty lists choose everything.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// From this time on, µs since 1970 UTC.
    pub since: Option<i64>,
    /// Before this time.
    pub until: Option<i64>,
    /// By application, user, database and host, in the order of [`By::ALL`].
    pub names: [Names; 4],
    /// Sessions (`%c`); their hashes.
    pub sessions: Vec<u64>,
    /// Processes.
    pub pids: Vec<u32>,
    /// Statements whose normalised text any of these finds.
    pub queries: Vec<Regex>,
    /// Statements whose normalised text none of these finds.
    pub not_queries: Vec<Regex>,
    /// Only records of errors and worse.
    pub errors_only: bool,
    /// Only statements that read.
    pub select_only: bool,
}

/// Names that count and names that don't.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Only these, if there are any.
    pub only: Vec<String>,
    /// None of these.
    pub without: Vec<String>,
}

impl Names {
    fn want(&self, name: &[u8]) -> bool {
        let is = |names: &[String]| names.iter().any(|n| n.as_bytes() == name);
        (self.only.is_empty() || is(&self.only)) && !is(&self.without)
    }
}

impl Choice {
    /// Whether records of this speaker count.
    pub fn wants_who(&self, chunk: &Parsed, who: &Who) -> bool {
        let texts = [who.application, who.user, who.database, who.host];
        By::ALL
            .iter()
            .all(|by| self.names[*by as usize].want(chunk.text(texts[*by as usize])))
    }

    /// A hash by which two choices are known to be the same.
    pub fn identity(&self) -> u64 {
        crate::hash::hash(format!("{self:?}").as_bytes())
    }

    /// How a session (`%c`) is known.
    pub fn session(id: &str) -> u64 {
        crate::hash::hash(id.as_bytes())
    }

    /// Whether a record counts, as far as its time and session go.
    pub fn wants(&self, event: &Event) -> bool {
        self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
            && (self.pids.is_empty() || self.pids.contains(&event.pid))
            && (self.sessions.is_empty() || self.sessions.contains(&event.session))
    }

    /// Whether a statement counts.
    pub fn wants_statement(&self, statement: &Known) -> bool {
        let finds = |patterns: &[Regex]| patterns.iter().any(|p| p.is_match(&statement.text));
        (!self.select_only || (statement.kind == Kind::Select && !statement.writes))
            && (self.queries.is_empty() || finds(&self.queries))
            && !finds(&self.not_queries)
    }

    /// Whether only certain statements count: then what belongs to no statement does not.
    pub fn is_of_statements(&self) -> bool {
        self.select_only || !self.queries.is_empty() || !self.not_queries.is_empty()
    }
}
