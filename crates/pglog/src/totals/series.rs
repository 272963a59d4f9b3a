//! What happened in five minutes.

use serde::{Deserialize, Serialize};

use super::Histogram;

/// Length of a bucket, µs.
pub const BUCKET: i64 = 300_000_000;

/// Counts of five minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Executions.
    pub calls: u64,
    /// µs.
    pub micros: u64,
    /// Executions that change data.
    pub writes: u64,
    /// Of the executions.
    pub times: Histogram,
    /// Errors and worse.
    pub failures: u64,
}

impl Bucket {
    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        self.micros += other.micros;
        self.writes += other.writes;
        self.times.merge(&other.times);
        self.failures += other.failures;
    }
}
