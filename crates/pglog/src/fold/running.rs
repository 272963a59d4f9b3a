//! What goes on beside statements: who is connected, who waits for a lock, which checkpoint runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::message::checkpoint::Checkpoint;
use crate::totals::{Connections, FIVE_MINUTES, Locked, Locks, Totals};

/// Most sessions that are counted as connected, and most that are counted as waiting.
const MOST: usize = 50_000;

/// The beginning of a time's five minutes.
pub(super) fn five_minutes(at: i64) -> i64 {
    at.div_euclid(FIVE_MINUTES) * FIVE_MINUTES
}

/// What goes on.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Running {
    present: BTreeMap<u64, [Box<str>; 4]>,
    now: [BTreeMap<Box<str>, u64>; 4],
    waits: BTreeMap<u32, Waiting>,
    /// Whether connections say who a session is, and the prefix does not.
    pub fills: bool,
    /// Why the checkpoint that runs began: on a primary, on a standby.
    reasons: [Box<str>; 2],
}

/// A wait for a lock that has not ended.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub object: u64,
    pub what: Locked,
    pub statement: u64,
    /// What the holders had executed last.
    pub holders: Vec<u64>,
    pub micros: u64,
    pub at: i64,
}

impl Waiting {
    fn count(self, locks: &mut Locks, is_acquired: bool) {
        locks.waits.add(self.micros);
        locks.times.record(self.micros);
        locks.acquired += u64::from(is_acquired);
        locks.statements.of(&self.statement).add(self.micros);
        for holder in &self.holders {
            locks.edges.of(&(self.statement, *holder)).add(self.micros);
        }
        locks.objects.of(&self.what).add(self.micros);
        locks.series.of(&five_minutes(self.at)).add(self.micros);
    }
}

impl Running {
    /// A session began. Names in the order of [`By`](crate::totals::By).
    pub fn connected(&mut self, totals: &mut Connections, session: u64, names: [Box<str>; 4], at: i64) {
        for (by, name) in totals.by.iter_mut().zip(&names) {
            by.of(name).connections += 1;
        }
        totals.series.of(&five_minutes(at)).began += 1;
        if self.present.len() >= MOST || self.present.contains_key(&session) {
            return;
        }
        for (i, name) in names.iter().enumerate() {
            let now = self.now[i].entry(name.clone()).or_default();
            *now += 1;
            totals.by[i].of(name).peak.saw(*now, at);
        }
        self.present.insert(session, names);
        let now = self.present.len() as u64;
        totals.peak.saw(now, at);
        let bucket = totals.series.of(&five_minutes(at));
        bucket.peak = bucket.peak.max(now);
    }

    /// A session ended. Returns its names, if it began in the log.
    pub fn disconnected(&mut self, session: u64) -> Option<[Box<str>; 4]> {
        let names = self.present.remove(&session)?;
        for (now, name) in self.now.iter_mut().zip(&names) {
            if let Some(count) = now.get_mut(name) {
                *count -= 1;
                if *count == 0 {
                    now.remove(name);
                }
            }
        }
        Some(names)
    }

    /// The server began anew: nobody is connected, nobody waits.
    pub fn clear(&mut self, totals: &mut Totals) {
        self.end_waits(&mut totals.events.locks);
        self.present.clear();
        self.now = Default::default();
    }

    /// A process waits for a lock, or still does.
    pub fn waits(&mut self, locks: &mut Locks, pid: u32, wait: Waiting) {
        if let Some(known) = self.waits.get_mut(&pid)
            && known.object == wait.object
            && known.what.mode == wait.what.mode
        {
            known.micros = known.micros.max(wait.micros);
            return;
        }
        self.wait_ended(locks, pid);
        if self.waits.len() < MOST {
            self.waits.insert(pid, wait);
        }
    }

    /// A process has the lock for which it waited.
    pub fn acquired(&mut self, locks: &mut Locks, pid: u32, wait: Waiting) {
        let micros = wait.micros;
        match self.waits.remove(&pid) {
            Some(known) if known.object == wait.object => Waiting { micros, ..known }.count(locks, true),
            other => {
                if let Some(other) = other {
                    other.count(locks, false);
                }
                wait.count(locks, true);
            }
        }
    }

    /// A process waits no more: it counts with what is known.
    pub fn wait_ended(&mut self, locks: &mut Locks, pid: u32) {
        if let Some(wait) = self.waits.remove(&pid) {
            wait.count(locks, false);
        }
    }

    /// The log ends.
    pub fn end_waits(&mut self, locks: &mut Locks) {
        while let Some((_, wait)) = self.waits.pop_first() {
            wait.count(locks, false);
        }
    }

    /// A checkpoint began or ended.
    pub fn checkpoint(&mut self, totals: &mut Totals, checkpoint: &Checkpoint, at: i64) {
        let totals = &mut totals.events.checkpoints;
        match checkpoint {
            Checkpoint::Starting {
                is_restartpoint,
                reasons,
            } => {
                totals.begun += 1;
                self.reasons[usize::from(*is_restartpoint)].clone_from(reasons);
            }
            Checkpoint::Complete {
                is_restartpoint,
                done,
            } => {
                let reason = std::mem::take(&mut self.reasons[usize::from(*is_restartpoint)]);
                totals.all.add(done, *is_restartpoint);
                totals.reasons.of(&reason).add(done, *is_restartpoint);
                totals.series.of(&five_minutes(at)).add(done, *is_restartpoint);
            }
            Checkpoint::TooFrequent { .. } => {
                totals.all.too_frequent += 1;
                totals.series.of(&five_minutes(at)).too_frequent += 1;
            }
        }
    }
}
