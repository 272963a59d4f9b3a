//! What the log says beside durations, as a report shows it: a section a file, with its content, how it is made of totals, and
//! its text.

mod connections;
mod locks;
mod messages;
mod plans;
mod pooler;
mod temporary;
mod upkeep;

use std::fmt::Write;

use serde::{Deserialize, Serialize};

pub use connections::{Connections, End, Method, Peak, SessionsOf};
pub use locks::{Deadlock, DeadlockStep, Edge, LockedObject, Locks};
pub use messages::{Cancelled, ErrorClass, MessageGroup, MessageSample, Messages, ServerEvent};
pub use plans::{FarOff, Node, PlanShape, Plans, StatementPlans};
pub(super) use pooler::measures;
pub use pooler::{
    Pooler, PoolerBucket, PoolerCaller, PoolerClosed, PoolerMeasure, PoolerNote, PoolerReason, PoolerStats,
};
pub use temporary::TemporaryFiles;
pub use upkeep::{Checkpoint, Checkpoints, Table, Vacuums, Work};

use super::build::Settings;
use super::text::Done;
use super::words;
use crate::totals::{self, Ledger, Totals};

/// What the log says beside durations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// Errors, warnings, and what an operator has to see.
    pub messages: Messages,
    /// Connections and sessions.
    pub connections: Connections,
    /// Temporary files.
    pub temporary: TemporaryFiles,
    /// Waits for locks, and deadlocks.
    pub locks: Locks,
    /// Checkpoints and restartpoints.
    pub checkpoints: Checkpoints,
    /// Autovacuum.
    pub vacuums: Vacuums,
    /// Plans, by auto_explain.
    pub plans: Plans,
    /// A pooler's own log.
    #[serde(default)]
    pub pooler: Pooler,
    /// Records of the severity `LOG` that say something else, which is not told apart.
    pub untold: u64,
}

/// How often, and when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// How often.
    pub count: u64,
    /// When first, RFC 3339.
    pub first: String,
    /// When last.
    pub last: String,
}

/// A statement and how often it is meant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatementCount {
    /// Its fingerprint, 16 hexadecimal digits; empty: not logged.
    pub id: String,
    /// Its beginning, normalised; empty: not known any more.
    pub text: String,
    /// How often.
    pub count: u64,
}

/// A statement and how much of something it is charged with: µs or bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatementAmount {
    /// Its fingerprint, 16 hexadecimal digits; empty: not logged.
    pub id: String,
    /// Its beginning, normalised.
    pub text: String,
    /// How often, how much.
    #[serde(flatten)]
    pub amount: Amount,
}

/// How often and how much: µs or bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// How often.
    pub count: u64,
    /// In all.
    pub sum: u64,
    /// The largest.
    pub max: u64,
}

/// Who, and how much: µs or bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallerAmount {
    /// `%a`.
    pub application: String,
    /// `%u`.
    pub user: String,
    /// `%d`.
    pub database: String,
    /// How often, how much.
    #[serde(flatten)]
    pub amount: Amount,
}

/// Five minutes, and how much in them: µs or bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AmountBucket {
    /// When they begin.
    pub from: String,
    /// How often, how much.
    #[serde(flatten)]
    pub amount: Amount,
}

/// Characters of a statement that stand beside its id.
const TEXT: usize = 300;

/// Makes sections of totals.
pub(super) struct Builder<'t> {
    pub totals: &'t Totals,
    pub settings: &'t Settings,
}

impl Builder<'_> {
    pub fn time(&self, micros: i64) -> String {
        words::time(micros, &self.settings.time_zone)
    }

    pub fn seen(&self, seen: &totals::Seen) -> Seen {
        if seen.count == 0 {
            return Seen::default();
        }
        Seen {
            count: seen.count,
            first: self.time(seen.first),
            last: self.time(seen.last),
        }
    }

    /// A statement's id and the beginning of its text.
    pub fn statement(&self, fingerprint: u64) -> (String, String) {
        if fingerprint == 0 {
            return Default::default();
        }
        let known = self.totals.statements.get(&fingerprint);
        let text = known.map_or(String::new(), |s| super::text::shortened(&s.text, TEXT));
        (format!("{fingerprint:016x}"), text)
    }

    pub fn counted<const MOST: usize>(
        &self,
        ledger: &Ledger<u64, u64, MOST>,
        most: usize,
    ) -> Vec<StatementCount> {
        let largest = ledger.largest(most, |count| *count);
        let counted = largest.into_iter().map(|(fingerprint, count)| {
            let (id, text) = self.statement(*fingerprint);
            StatementCount {
                id,
                text,
                count: *count,
            }
        });
        counted.collect()
    }

    pub fn amounts<const MOST: usize>(
        &self,
        ledger: &Ledger<u64, totals::Amount, MOST>,
    ) -> Vec<StatementAmount> {
        let largest = ledger.largest(self.settings.names, |a| (a.sum, a.count));
        let amounts = largest.into_iter().map(|(fingerprint, amount)| {
            let (id, text) = self.statement(*fingerprint);
            StatementAmount {
                id,
                text,
                amount: (*amount).into(),
            }
        });
        amounts.collect()
    }

    pub fn series<const MOST: usize>(&self, ledger: &Ledger<i64, totals::Amount, MOST>) -> Vec<AmountBucket> {
        let bucket = |(from, amount): (&i64, &totals::Amount)| AmountBucket {
            from: self.time(*from),
            amount: (*amount).into(),
        };
        ledger.iter().map(bucket).collect()
    }
}

impl From<totals::Amount> for Amount {
    fn from(amount: totals::Amount) -> Self {
        Self {
            count: amount.count,
            sum: amount.sum,
            max: amount.max,
        }
    }
}

/// All sections.
pub(super) fn build(totals: &Totals, settings: &Settings) -> Events {
    let builder = Builder { totals, settings };
    let events = &totals.events;
    Events {
        messages: messages::build(&builder, &events.messages),
        connections: connections::build(&builder, &events.connections),
        temporary: temporary::build(&builder, &events.temporary),
        locks: locks::build(&builder, &events.locks),
        checkpoints: upkeep::checkpoints(&builder, &events.checkpoints),
        vacuums: upkeep::vacuums(&builder, &events.vacuums),
        plans: plans::build(&builder, &events.plans),
        pooler: pooler::build(&builder, &events.pooler),
        untold: events.untold,
    }
}

/// All sections as text, those of which the log says something.
pub(super) fn write(out: &mut String, events: &Events, top: usize) -> Done {
    messages::write(out, &events.messages, top)?;
    locks::write(out, &events.locks, top)?;
    connections::write(out, &events.connections, top)?;
    temporary::write(out, &events.temporary, top)?;
    upkeep::write_checkpoints(out, &events.checkpoints)?;
    upkeep::write_vacuums(out, &events.vacuums, top)?;
    plans::write(out, &events.plans, top)?;
    pooler::write(out, &events.pooler, top)?;
    if events.untold > 0 {
        let number = words::count(events.untold);
        writeln!(out, "\n{number} other records of the log are not told apart")?;
    }
    Ok(())
}
