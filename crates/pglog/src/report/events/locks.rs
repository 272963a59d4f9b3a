//! Waits for locks, and deadlocks.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Amount, AmountBucket, Builder, Seen, StatementAmount};
use crate::report::text::{Done, shortened, title, wrapped};
use crate::report::words::{count, length};
use crate::totals;

/// Waits for locks (`log_lock_waits`: those longer than `deadlock_timeout`), µs. A wait counts once, with its whole time where
/// the lock was taken in the log, else as far as the log tells.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Locks {
    /// All.
    pub waits: Amount,
    /// Half were as short or shorter.
    pub p50: u64,
    /// 95 %.
    pub p95: u64,
    /// Waits that ended with the lock.
    pub acquired: u64,
    /// Deadlocks that rearranging the queue avoided.
    pub avoided: u64,
    /// Locks refused at once (18).
    pub failed: u64,
    /// By the statement that waited, the most time first.
    pub statements: Vec<StatementAmount>,
    /// Who waited for whom, the most time first.
    pub edges: Vec<Edge>,
    /// By what was locked, the most time first.
    pub objects: Vec<LockedObject>,
    /// Five minutes each.
    pub series: Vec<AmountBucket>,
    /// Deadlocks by shape, the most frequent first.
    pub deadlocks: Vec<Deadlock>,
    /// Deadlocks whose details are not logged.
    pub bare_deadlocks: u64,
}

/// A statement that waited for what another session held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// The statement that waited; empty: not logged.
    pub waiting: String,
    /// Its beginning.
    pub waiting_text: String,
    /// What the holder's session had executed last; empty: not known.
    pub holding: String,
    /// Its beginning.
    pub holding_text: String,
    /// How often, µs.
    #[serde(flatten)]
    pub amount: Amount,
}

/// What was locked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LockedObject {
    /// `transaction`, `relation`, `row`, ….
    pub kind: String,
    /// The relation, where it is known.
    pub relation: String,
    /// `ShareLock`, ….
    pub mode: String,
    /// How often, µs.
    #[serde(flatten)]
    pub amount: Amount,
}

/// A deadlock: each step waited for the next, the last for the first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Deadlock {
    /// The processes.
    pub steps: Vec<DeadlockStep>,
    /// How often, and when.
    #[serde(flatten)]
    pub seen: Seen,
}

/// A process of a deadlock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DeadlockStep {
    /// Its statement; empty: not logged.
    pub statement: String,
    /// Its beginning.
    pub text: String,
    /// The lock for which it waited.
    pub mode: String,
    /// On what.
    pub kind: String,
}

pub(super) fn build(builder: &Builder<'_>, locks: &totals::Locks) -> Locks {
    let most = builder.settings.names;
    let edge = |((waiting, holding), amount): (&(u64, u64), &totals::Amount)| {
        let (waiting, waiting_text) = builder.statement(*waiting);
        let (holding, holding_text) = builder.statement(*holding);
        Edge {
            waiting,
            waiting_text,
            holding,
            holding_text,
            amount: (*amount).into(),
        }
    };
    let object = |(locked, amount): (&totals::Locked, &totals::Amount)| LockedObject {
        kind: locked.kind.to_string(),
        relation: crate::clean(&locked.relation).into_owned(),
        mode: locked.mode.to_string(),
        amount: (*amount).into(),
    };
    let deadlock = |(steps, seen): (&Vec<totals::DeadlockStep>, &totals::Seen)| Deadlock {
        steps: steps.iter().map(|s| step(builder, s)).collect(),
        seen: builder.seen(seen),
    };
    let by_time = |a: &totals::Amount| (a.sum, a.count);
    Locks {
        waits: locks.waits.into(),
        p50: locks.times.percentile(50.0).min(locks.waits.max),
        p95: locks.times.percentile(95.0).min(locks.waits.max),
        acquired: locks.acquired,
        avoided: locks.avoided,
        failed: locks.failed,
        statements: builder.amounts(&locks.statements),
        edges: locks.edges.largest(most, by_time).into_iter().map(edge).collect(),
        objects: locks
            .objects
            .largest(most, by_time)
            .into_iter()
            .map(object)
            .collect(),
        series: builder.series(&locks.series),
        deadlocks: locks
            .deadlocks
            .largest(most, |seen| seen.count)
            .into_iter()
            .map(deadlock)
            .collect(),
        bare_deadlocks: locks.bare_deadlocks.count,
    }
}

fn step(builder: &Builder<'_>, step: &totals::DeadlockStep) -> DeadlockStep {
    let (statement, text) = builder.statement(step.statement);
    DeadlockStep {
        statement,
        text,
        mode: step.mode.to_string(),
        kind: step.kind.to_string(),
    }
}

pub(super) fn write(out: &mut String, locks: &Locks, top: usize) -> Done {
    if locks.waits.count > 0 {
        write_waits(out, locks, top)?;
    }
    if locks.deadlocks.is_empty() && locks.bare_deadlocks == 0 {
        return Ok(());
    }
    title(out, "Deadlocks")?;
    for deadlock in locks.deadlocks.iter().take(top) {
        let seen = &deadlock.seen;
        writeln!(out, "{:>11}  {} to {}", count(seen.count), seen.first, seen.last)?;
        for step in &deadlock.steps {
            let line = format!(
                "waits for {} on {}, {}",
                step.mode,
                step.kind,
                line(&step.statement, &step.text)
            );
            wrapped(out, "             ", "               ", &line)?;
        }
    }
    if locks.bare_deadlocks > 0 {
        writeln!(out, "{:>11}  without details", count(locks.bare_deadlocks))?;
    }
    Ok(())
}

fn line(id: &str, text: &str) -> String {
    match id.get(..8) {
        Some(id) => format!("{id} {}", shortened(text, 120)),
        None => "statement not known".to_owned(),
    }
}

fn write_waits(out: &mut String, locks: &Locks, top: usize) -> Done {
    title(out, "Waits for locks")?;
    writeln!(
        out,
        "{:>11}  waits, {} in all, half {} at most, the longest {}",
        count(locks.waits.count),
        length(locks.waits.sum),
        length(locks.p50),
        length(locks.waits.max)
    )?;
    if locks.avoided > 0 {
        let avoided = count(locks.avoided);
        writeln!(out, "{avoided:>11}  deadlocks avoided by rearranging the queue")?;
    }
    writeln!(out, "{:>9} {:>9} {:>9}  on", "time", "waits", "longest")?;
    for object in locks.objects.iter().take(top) {
        let a = &object.amount;
        writeln!(
            out,
            "{:>9} {:>9} {:>9}  {} {} {}",
            length(a.sum),
            count(a.count),
            length(a.max),
            object.mode,
            object.kind,
            shortened(&object.relation, 20)
        )?;
    }
    writeln!(out, "{:>9} {:>9} {:>9}  who for whom", "time", "waits", "longest")?;
    for edge in locks.edges.iter().take(top) {
        let a = &edge.amount;
        writeln!(
            out,
            "{:>9} {:>9} {:>9}",
            length(a.sum),
            count(a.count),
            length(a.max)
        )?;
        wrapped(
            out,
            "    waiting ",
            "      ",
            &line(&edge.waiting, &edge.waiting_text),
        )?;
        wrapped(
            out,
            "    holder's last ",
            "      ",
            &line(&edge.holding, &edge.holding_text),
        )?;
    }
    Ok(())
}
