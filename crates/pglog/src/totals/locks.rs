//! Waits for locks, and deadlocks.

use serde::{Deserialize, Serialize};

use super::Histogram;
use super::ledger::{Amount, Ledger, Merge, Seen};

/// Waits for locks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Locks {
    /// All waits, µs: the whole where the lock was taken, else as far as is known.
    pub waits: Amount,
    /// Of them.
    pub times: Histogram,
    /// Waits that ended with the lock.
    pub acquired: u64,
    /// Deadlocks that PostgreSQL avoided by rearranging a queue.
    pub avoided: u64,
    /// Locks that were refused at once (`NOWAIT`; `log_lock_failures`, 18).
    pub failed: u64,
    /// By fingerprint of the statement that waited; 0: not logged. µs.
    pub statements: Ledger<u64, Amount, 5000>,
    /// By (statement that waited, statement that the holder had executed last): 0 is unknown. µs.
    pub edges: Ledger<(u64, u64), Amount, 5000>,
    /// By what is locked, µs.
    pub objects: Ledger<Locked, Amount, 2000>,
    /// By the beginning of five minutes, µs since 1970 UTC.
    pub series: Ledger<i64, Amount, 100_000>,
    /// Deadlocks by shape.
    pub deadlocks: Ledger<Vec<DeadlockStep>, Seen, 500>,
    /// Deadlocks whose details are not logged.
    pub bare_deadlocks: Seen,
}

/// What is locked.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Locked {
    /// `transaction`, `relation`, `row`, ….
    pub kind: Box<str>,
    /// The relation; empty: not known.
    pub relation: Box<str>,
    /// `ShareLock`, ….
    pub mode: Box<str>,
}

/// One process of a deadlock: waits for what the next one holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeadlockStep {
    /// Its statement's fingerprint; 0: not logged.
    pub statement: u64,
    /// `ShareLock`.
    pub mode: Box<str>,
    /// `transaction`, `relation`, ….
    pub kind: Box<str>,
}

impl Merge for Locks {
    fn merge(&mut self, other: &Self) {
        self.waits.merge(&other.waits);
        self.times.merge(&other.times);
        self.acquired += other.acquired;
        self.avoided += other.avoided;
        self.failed += other.failed;
        self.statements.merge(&other.statements);
        self.edges.merge(&other.edges);
        self.objects.merge(&other.objects);
        self.series.merge(&other.series);
        self.deadlocks.merge(&other.deadlocks);
        self.bare_deadlocks.merge(&other.bare_deadlocks);
    }
}
