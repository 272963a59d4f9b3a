//! Everything that is counted. Totals of two logs can be added.

mod connections;
mod events;
mod histogram;
mod ledger;
mod locks;
mod merge;
mod messages;
mod names;
mod plans;
mod pooler;
mod series;
mod statement;
mod upkeep;

pub use connections::{ConnectionBucket, Connections, Of, Peak};
pub use events::Events;
pub use histogram::Histogram;
pub use ledger::{Amount, Caller, Ledger, Merge, Seen};
pub use locks::{DeadlockStep, Locked, Locks};
pub use messages::{CancelTotals, MessageSample, MessageTotals, Messages, TemporaryFiles};
pub use names::Names;
pub use plans::{FarOff, Plans, PlansOf, Shape};
pub use pooler::{Closed, Measure, Pooler, PoolerStats};
pub use series::{Bucket, FIVE_MINUTES, Series};
pub use statement::{HOUR, Known, Sample, StatementTotals};
pub use upkeep::{CheckpointTotals, Checkpoints, TableTotals, VacuumBucket, Vacuums, WorkTotals};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::ByHash;
use crate::record::Severity;
use crate::sql::Kind;

/// Calls and the time they took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Executions.
    pub calls: u64,
    /// µs.
    pub micros: u64,
    /// Errors and worse.
    pub failures: u64,
}

impl Share {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.micros += other.micros;
        self.failures += other.failures;
    }
}

/// By whom something is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// `%a`.
    Application,
    /// `%u`.
    User,
    /// `%d`.
    Database,
    /// `%h`.
    Host,
}

impl By {
    /// All.
    pub const ALL: [Self; 4] = [Self::Application, Self::User, Self::Database, Self::Host];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::User => "user",
            Self::Database => "database",
            Self::Host => "host",
        }
    }
}

/// Names of one kind and what is counted of each.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Dimension {
    /// The names.
    pub names: Names,
    /// By a name's number.
    pub shares: Vec<Share>,
}

impl Dimension {
    /// What is counted of a name.
    pub fn share(&mut self, number: u32) -> &mut Share {
        let index = number as usize;
        if self.shares.len() <= index {
            self.shares.resize(index + 1, Share::default());
        }
        &mut self.shares[index]
    }
}

/// Everything that is counted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Totals {
    /// First and last time.
    pub period: Option<(i64, i64)>,
    /// Records by severity, in the order of [`Severity`](crate::record::Severity).
    pub severities: [u64; 8],
    /// All executions.
    pub all: Share,
    /// Of all executions.
    pub times: Histogram,
    /// Durations without a statement (`log_duration` alone).
    pub nameless: Share,
    /// Durations of Parse and Bind that no execution followed.
    pub unfinished: Share,
    /// By fingerprint.
    pub statements: ByHash<StatementTotals>,
    /// Statements that were folded away because there were too many, by kind.
    pub folded: BTreeMap<Kind, (u64, Share)>,
    /// By what a statement does.
    pub kinds: BTreeMap<Kind, Share>,
    /// By [`By`], in its order.
    pub dimensions: [Dimension; 4],
    /// Over time.
    pub series: Series,
    /// What the log says beside durations.
    pub events: Events,
}

/// Most distinct statements.
pub const MOST_STATEMENTS: usize = 100_000;

impl Totals {
    /// Records of errors and worse.
    pub fn failures(&self) -> u64 {
        self.severities[Severity::Error as usize..].iter().sum()
    }

    /// A time was seen.
    pub fn saw(&mut self, at: i64) {
        self.period = Some(match self.period {
            None => (at, at),
            Some((first, last)) => (first.min(at), last.max(at)),
        });
    }

    /// An execution whose statement has no account counts with those that were added up.
    pub fn count_folded(&mut self, kind: Kind, micros: u64) {
        let share = Share {
            calls: 1,
            micros,
            failures: 0,
        };
        self.all.add(&share);
        self.times.record(micros);
        self.folded.entry(kind).or_default().1.add(&share);
    }

    /// When there are too many distinct statements: keeps the half that took most time (of equals, those with the lower
    /// fingerprint), and adds the others up by what they do. Depends on the order of the log alone.
    pub fn fold_away(&mut self) {
        if self.statements.len() < MOST_STATEMENTS {
            return;
        }
        let mut order: Vec<(u64, u64)> = self.statements.iter().map(|(f, s)| (s.micros, *f)).collect();
        order.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, fingerprint) in order.drain(MOST_STATEMENTS / 2..) {
            if let Some(gone) = self.statements.remove(&fingerprint) {
                let (distinct, share) = self.folded.entry(gone.kind).or_default();
                *distinct += 1;
                share.add(&Share {
                    calls: gone.calls,
                    micros: gone.micros,
                    failures: gone.failures,
                });
            }
        }
    }
}
