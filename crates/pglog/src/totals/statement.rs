//! What is counted of one statement.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Histogram, Share};
use crate::sql::Kind;

/// Most places from which a statement is called that are told apart.
const MOST_CALLERS: usize = 32;
/// Most of PostgreSQL's own identifiers that are kept.
const MOST_IDS: usize = 8;
/// Length of an hour, µs.
pub const HOUR: i64 = 3_600_000_000;

/// One normalised statement.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatementTotals {
    /// Normalised.
    pub text: Arc<str>,
    /// What it does.
    pub kind: Kind,
    /// It says itself that it changes data or definitions.
    pub writes: bool,
    /// How many statements its text holds.
    pub statements: u32,
    /// Its text was cut off in the log.
    pub cut: bool,
    /// Executions that ended well.
    pub calls: u64,
    /// µs in all: Parse, Bind, Execute and later fetches.
    pub micros: u64,
    /// Of it, µs of Parse.
    pub parse_micros: u64,
    /// Of it, µs of Bind.
    pub bind_micros: u64,
    /// Executions of a portal that was executed in part before: no calls of their own.
    pub fetches: u64,
    /// Shortest execution, µs.
    pub min: u64,
    /// Longest execution, µs.
    pub max: u64,
    /// Of the executions.
    pub times: Histogram,
    /// (hour since 1970, calls, µs).
    pub hours: Vec<(i64, u64, u64)>,
    /// Who calls it: (application, user, database) by number.
    pub callers: Vec<([u32; 3], Share)>,
    /// Executions that asked the same as one shortly before in the same session, and the µs they took.
    pub repeats_in_session: (u64, u64),
    /// Executions that asked the same as another in the same second, and the µs they took.
    pub repeats_in_second: (u64, u64),
    /// Runs of it with ever other values in one session (N+1), and the executions and µs in them.
    pub bursts: (u64, u64, u64),
    /// Times that it failed.
    pub failures: u64,
    /// PostgreSQL's own identifiers of it: more than one is a difference in what the two call the same.
    pub query_ids: Vec<i64>,
    /// The slowest executions, slowest first.
    pub slowest: Vec<Sample>,
}

/// What is known of a statement before anything is counted.
#[derive(Clone, Debug)]
pub struct Known {
    /// Normalised.
    pub text: Arc<str>,
    /// What it does.
    pub kind: Kind,
    /// It says itself that it changes data or definitions.
    pub writes: bool,
    /// How many statements its text holds.
    pub statements: u32,
    /// Its text was cut off in the log.
    pub cut: bool,
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// µs.
    pub micros: u64,
    /// When it ended, µs since 1970 UTC.
    pub at: i64,
    /// (application, user, database) by number.
    pub caller: [u32; 3],
    /// The process.
    pub pid: u32,
    /// As logged, with its values: never written unless asked for.
    pub text: Box<[u8]>,
    /// Its parameters as logged.
    pub parameters: Box<[u8]>,
}

impl StatementTotals {
    /// Of a statement that was just met.
    pub fn new(met: &Known) -> Self {
        Self {
            text: met.text.clone(),
            kind: met.kind,
            writes: met.writes,
            statements: met.statements,
            cut: met.cut,
            calls: 0,
            micros: 0,
            parse_micros: 0,
            bind_micros: 0,
            fetches: 0,
            min: u64::MAX,
            max: 0,
            times: Histogram::default(),
            hours: Vec::new(),
            callers: Vec::new(),
            repeats_in_session: (0, 0),
            repeats_in_second: (0, 0),
            bursts: (0, 0, 0),
            failures: 0,
            query_ids: Vec::new(),
            slowest: Vec::new(),
        }
    }

    /// Counts an execution that took `micros` in all.
    pub fn called(&mut self, at: i64, micros: u64, caller: [u32; 3]) {
        self.calls += 1;
        self.micros += micros;
        self.min = self.min.min(micros);
        self.max = self.max.max(micros);
        self.times.record(micros);
        self.in_hour(at.div_euclid(HOUR), 1, micros);
        let share = self.caller(caller);
        share.calls += 1;
        share.micros += micros;
    }

    /// Counts calls in an hour since 1970.
    pub fn in_hour(&mut self, hour: i64, calls: u64, micros: u64) {
        // Nearly always the last.
        let found = self.hours.iter().rposition(|(h, _, _)| *h == hour);
        match found.map(|at| &mut self.hours[at]) {
            Some((_, all, sum)) => {
                *all += calls;
                *sum += micros;
            }
            None => self.hours.push((hour, calls, micros)),
        }
    }

    /// PostgreSQL calls it by this identifier.
    pub fn knows_as(&mut self, id: i64) {
        if self.query_ids.len() < MOST_IDS && !self.query_ids.contains(&id) {
            self.query_ids.push(id);
        }
    }

    /// What was known of it before anything was counted.
    pub fn known(&self) -> Known {
        Known {
            text: self.text.clone(),
            kind: self.kind,
            writes: self.writes,
            statements: self.statements,
            cut: self.cut,
        }
    }

    /// What is counted of a caller; of the 33rd and later ones together as number 1, "(others)".
    pub fn caller(&mut self, caller: [u32; 3]) -> &mut Share {
        let found = self.callers.iter().position(|(c, _)| *c == caller);
        let index = found.unwrap_or_else(|| {
            let full = self.callers.len() >= MOST_CALLERS;
            let caller = if full { [1; 3] } else { caller };
            let others = full
                .then(|| self.callers.iter().position(|(c, _)| *c == caller))
                .flatten();
            others.unwrap_or_else(|| {
                self.callers.push((caller, Share::default()));
                self.callers.len() - 1
            })
        });
        &mut self.callers[index].1
    }
}
