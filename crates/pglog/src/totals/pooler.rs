//! What pgbouncer or `canvass pool` says of its connections and its work.

use serde::{Deserialize, Serialize};

use super::Histogram;
use super::ledger::{Caller, Ledger, Merge, Seen};
use crate::message::pooler::{Side, Stats};
use crate::record::Severity;

/// A mean and the highest of what a pooler measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// What was measured: lines, or of times the transactions or queries a second.
    pub weight: u64,
    /// Each value times its weight.
    pub sum: u64,
    /// The highest.
    pub max: u64,
}

impl Measure {
    fn add(&mut self, value: u64, weight: u64) {
        self.merge(&Self {
            weight,
            sum: value.saturating_mul(weight),
            max: value,
        });
    }
}

impl Merge for Measure {
    fn merge(&mut self, other: &Self) {
        self.weight = self.weight.saturating_add(other.weight);
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }
}

/// The lines with statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolerStats {
    /// How many.
    pub lines: u64,
    /// Transactions a second.
    pub xacts: Measure,
    /// Queries a second.
    pub queries: Measure,
    /// Bytes a second from clients.
    pub received: Measure,
    /// Bytes a second to clients.
    pub sent: Measure,
    /// µs of a transaction.
    pub xact: Measure,
    /// µs of a query.
    pub query: Measure,
    /// µs that a client waited for a server.
    pub wait: Measure,
}

impl PoolerStats {
    /// One line more. Times are weighed by how much there was: a quiet minute's says little.
    pub fn add(&mut self, stats: &Stats) {
        self.lines += 1;
        self.xacts.add(stats.xacts, 1);
        self.queries.add(stats.queries, 1);
        self.received.add(stats.received, 1);
        self.sent.add(stats.sent, 1);
        // Less than one a second is written as none.
        self.xact.add(stats.xact, stats.xacts.max(1));
        self.query.add(stats.query, stats.queries.max(1));
        self.wait.add(stats.wait, stats.xacts.max(1));
    }
}

impl Merge for PoolerStats {
    fn merge(&mut self, other: &Self) {
        self.lines += other.lines;
        self.xacts.merge(&other.xacts);
        self.queries.merge(&other.queries);
        self.received.merge(&other.received);
        self.sent.merge(&other.sent);
        self.xact.merge(&other.xact);
        self.query.merge(&other.query);
        self.wait.merge(&other.wait);
    }
}

/// Connections that ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Closed {
    /// How many.
    pub count: u64,
    /// How old they were, µs.
    pub ages: Histogram,
    /// The oldest, µs.
    pub oldest: u64,
}

impl Closed {
    /// One more.
    pub fn add(&mut self, micros: Option<u64>) {
        self.count += 1;
        if let Some(micros) = micros {
            self.ages.record(micros);
            self.oldest = self.oldest.max(micros);
        }
    }
}

impl Merge for Closed {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.ages.merge(&other.ages);
        self.oldest = self.oldest.max(other.oldest);
    }
}

/// Everything that a pooler says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pooler {
    /// Its records.
    pub records: u64,
    /// Logins that were tried.
    pub logins: u64,
    /// Of them, with TLS.
    pub encrypted: u64,
    /// Logins by database and user; the application is empty.
    pub callers: Ledger<Caller, u64>,
    /// New connections to servers.
    pub connected: u64,
    /// Connections that ended, by whose they were.
    pub closed: Ledger<Side, Closed, 3>,
    /// The same by whose and why.
    pub reasons: Ledger<(Side, Box<str>), Closed, 300>,
    /// How often the reserve pool was used.
    pub reserve: Seen,
    /// Warnings, errors, and what an operator should see.
    pub noted: Ledger<(Severity, Box<str>), Seen, 300>,
    /// Statistics.
    pub stats: PoolerStats,
    /// The same by the beginning of five minutes, µs since 1970 UTC.
    pub series: Ledger<i64, PoolerStats, 100_000>,
    /// Records that say something else.
    pub untold: u64,
}

impl Merge for Pooler {
    fn merge(&mut self, other: &Self) {
        self.records += other.records;
        self.logins += other.logins;
        self.encrypted += other.encrypted;
        self.callers.merge(&other.callers);
        self.connected += other.connected;
        self.closed.merge(&other.closed);
        self.reasons.merge(&other.reasons);
        self.reserve.merge(&other.reserve);
        self.noted.merge(&other.noted);
        self.stats.merge(&other.stats);
        self.series.merge(&other.series);
        self.untold += other.untold;
    }
}
