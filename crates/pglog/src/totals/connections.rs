//! Connections, sessions and how they ended.

use serde::{Deserialize, Serialize};

use super::Histogram;
use super::ledger::{Ledger, Merge};
use crate::message::End;

/// The most sessions at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peak {
    /// How many.
    pub sessions: u64,
    /// When there were so many for the first time, µs since 1970 UTC.
    pub at: i64,
}

impl Peak {
    /// So many there are.
    pub fn saw(&mut self, sessions: u64, at: i64) {
        if sessions > self.sessions {
            *self = Self { sessions, at };
        }
    }
}

impl Merge for Peak {
    fn merge(&mut self, other: &Self) {
        if other.sessions > self.sessions || other.sessions == self.sessions && other.at < self.at {
            *self = *other;
        }
    }
}

/// Sessions of one name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Of {
    /// Sessions that began.
    pub connections: u64,
    /// Sessions that ended.
    pub ended: u64,
    /// µs that they lasted.
    pub micros: u64,
    /// The most at one time.
    pub peak: Peak,
}

impl Merge for Of {
    fn merge(&mut self, other: &Self) {
        self.connections += other.connections;
        self.ended += other.ended;
        self.micros += other.micros;
        self.peak.merge(&other.peak);
    }
}

/// Five minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionBucket {
    /// Sessions that began.
    pub began: u64,
    /// Sessions that ended.
    pub ended: u64,
    /// The most at one time.
    pub peak: u64,
}

impl Merge for ConnectionBucket {
    fn merge(&mut self, other: &Self) {
        self.began += other.began;
        self.ended += other.ended;
        self.peak = self.peak.max(other.peak);
    }
}

/// Everything about connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Connections {
    /// `connection received`.
    pub received: u64,
    /// `connection authorized`.
    pub authorized: u64,
    /// Of them, encrypted.
    pub encrypted: u64,
    /// Of them, for replication.
    pub replication: u64,
    /// `disconnection`.
    pub disconnected: u64,
    /// How long sessions lasted, µs.
    pub times: Histogram,
    /// µs that they lasted in all.
    pub micros: u64,
    /// The longest, µs.
    pub longest: u64,
    /// The most sessions at one time.
    pub peak: Peak,
    /// By authentication method.
    pub methods: Ledger<Box<str>, u64, 50>,
    /// Authentication that failed, by method, or by what was wrong.
    pub refused: Ledger<Box<str>, u64, 50>,
    /// How sessions ended, or did not begin.
    pub ends: Ledger<End, u64>,
    /// By application, user, database and host, in the order of [`By`](super::By).
    pub by: [Ledger<Box<str>, Of, 2000>; 4],
    /// By the beginning of five minutes, µs since 1970 UTC.
    pub series: Ledger<i64, ConnectionBucket, 100_000>,
}

impl Merge for Connections {
    fn merge(&mut self, other: &Self) {
        self.received += other.received;
        self.authorized += other.authorized;
        self.encrypted += other.encrypted;
        self.replication += other.replication;
        self.disconnected += other.disconnected;
        self.times.merge(&other.times);
        self.micros += other.micros;
        self.longest = self.longest.max(other.longest);
        self.peak.merge(&other.peak);
        self.methods.merge(&other.methods);
        self.refused.merge(&other.refused);
        self.ends.merge(&other.ends);
        for (by, other) in self.by.iter_mut().zip(&other.by) {
            by.merge(other);
        }
        self.series.merge(&other.series);
    }
}
