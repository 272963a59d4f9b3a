//! Errors, warnings and what an operator has to see, by group: messages that are the same apart from their values.

use serde::{Deserialize, Serialize};

use super::ledger::{Amount, Caller, Ledger, Merge, Seen};
use crate::message::{Cancel, Category};
use crate::record::Severity;

/// Messages that are the same apart from their values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MessageTotals {
    /// How serious.
    pub severity: Severity,
    /// SQLSTATE.
    pub state: Option<Box<str>>,
    /// What an operator's message is about.
    pub category: Option<Category>,
    /// What may be shown of it; empty: nothing may.
    pub text: Box<str>,
    /// How often, and when.
    pub seen: Seen,
    /// By fingerprint of the statement that it was about.
    pub statements: Ledger<u64, u64, 64>,
    /// By whom.
    pub callers: Ledger<Caller, u64, 64>,
    /// The first one as logged, with its values; only when asked for.
    pub sample: Option<Box<MessageSample>>,
}

/// A message as logged: with values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSample {
    /// The message.
    pub message: Box<[u8]>,
    /// `DETAIL`.
    pub detail: Box<[u8]>,
    /// `HINT`.
    pub hint: Box<[u8]>,
    /// `CONTEXT`.
    pub context: Box<[u8]>,
}

impl Merge for MessageTotals {
    fn merge(&mut self, other: &Self) {
        if self.seen.count == 0 {
            self.severity = other.severity;
            self.state.clone_from(&other.state);
            self.category = other.category;
            self.text.clone_from(&other.text);
        }
        self.seen.merge(&other.seen);
        self.statements.merge(&other.statements);
        self.callers.merge(&other.callers);
        if self.sample.is_none() {
            self.sample.clone_from(&other.sample);
        }
    }
}

/// All messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Messages {
    /// By group.
    pub groups: Ledger<u64, MessageTotals, 5000>,
    /// Cancelled statements by reason, with their fingerprints.
    pub cancels: Ledger<Cancel, CancelTotals>,
    /// Errors and worse by SQLSTATE; an empty one: not logged.
    pub states: Ledger<Box<str>, u64>,
}

/// Statements cancelled for one reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CancelTotals {
    /// How often, and when.
    pub seen: Seen,
    /// By fingerprint.
    pub statements: Ledger<u64, u64>,
}

impl Merge for CancelTotals {
    fn merge(&mut self, other: &Self) {
        self.seen.merge(&other.seen);
        self.statements.merge(&other.statements);
    }
}

impl Merge for Messages {
    fn merge(&mut self, other: &Self) {
        self.groups.merge(&other.groups);
        self.cancels.merge(&other.cancels);
        self.states.merge(&other.states);
    }
}

/// Temporary files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TemporaryFiles {
    /// All, bytes.
    pub all: Amount,
    /// By fingerprint of the statement, bytes.
    pub statements: Ledger<u64, Amount, 5000>,
    /// By whom, bytes.
    pub callers: Ledger<Caller, Amount, 200>,
    /// By the beginning of five minutes, µs since 1970 UTC.
    pub series: Ledger<i64, Amount, 100_000>,
}

impl Merge for TemporaryFiles {
    fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        self.statements.merge(&other.statements);
        self.callers.merge(&other.callers);
        self.series.merge(&other.series);
    }
}
