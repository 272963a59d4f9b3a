//! What was asked again: the same with the same values (what to cache), and the same with ever other values (N+1).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::ByHash;
use crate::totals::Totals;

/// A session's window: so many executions back the same is looked for.
pub const WINDOW: usize = 32;
/// A run of a statement goes on while it comes again within so many executions of its session,
const GAP: u64 = 8;
/// and within this time, µs.
const PAUSE: i64 = 1_000_000;
/// From so many executions on a run counts as N+1.
const RUN: u32 = 10;
/// Statements of a session whose runs are followed at a time.
const RUNS: usize = 8;
/// Seconds that are open at a time.
const OPEN_SECONDS: usize = 4;
/// Most different things asked in one second that are told apart.
const MOST_IN_SECOND: usize = 20_000;

/// The last executions of a session.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Window {
    asked: Vec<u64>,
    next: usize,
    count: u64,
    runs: Vec<Run>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Run {
    fingerprint: u64,
    length: u32,
    micros: u64,
    /// Executions of the session until its last.
    seen_at: u64,
    last_at: i64,
    asked: u64,
}

impl Window {
    /// Whether the same was asked within the window.
    pub fn asked_before(&self, asked: u64) -> bool {
        self.asked.contains(&asked)
    }

    /// Notes an execution.
    pub fn note(&mut self, totals: &mut Totals, fingerprint: u64, asked: u64, at: i64, micros: u64) {
        self.count += 1;
        if self.asked.len() < WINDOW {
            self.asked.push(asked);
        } else {
            self.asked[self.next] = asked;
            self.next = (self.next + 1) % WINDOW;
        }
        let now = self.count;
        let goes_on = |run: &Run| now - run.seen_at <= GAP && at - run.last_at <= PAUSE;
        if let Some(index) = self.runs.iter().position(|r| r.fingerprint == fingerprint) {
            let run = &mut self.runs[index];
            // The same again is no N+1, but something to cache.
            if goes_on(run) && run.asked != asked {
                run.length += 1;
                run.micros += micros;
                (run.seen_at, run.last_at, run.asked) = (now, at, asked);
                return;
            }
            self.runs.swap_remove(index).end(totals);
        }
        if self.runs.len() == RUNS {
            let oldest = self
                .runs
                .iter()
                .enumerate()
                .min_by_key(|(_, r)| r.seen_at)
                .map(|(i, _)| i);
            if let Some(oldest) = oldest {
                self.runs.swap_remove(oldest).end(totals);
            }
        }
        self.runs.push(Run {
            fingerprint,
            length: 1,
            micros,
            seen_at: now,
            last_at: at,
            asked,
        });
    }

    /// The session ends.
    pub fn end(&mut self, totals: &mut Totals) {
        for run in self.runs.drain(..) {
            run.end(totals);
        }
    }
}

impl Run {
    fn end(self, totals: &mut Totals) {
        if self.length < RUN {
            return;
        }
        if let Some(statement) = totals.statements.get_mut(&self.fingerprint) {
            let (runs, calls, micros) = &mut statement.bursts;
            *runs += 1;
            *calls += u64::from(self.length);
            *micros += self.micros;
        }
    }
}

/// What was asked in the last seconds, by all sessions together. Each execution counts in the second of its own time, so the
/// order of records that come a little late makes no difference.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Seconds {
    open: BTreeMap<i64, ByHash<Asked>>,
}

/// One thing asked in one second.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Asked {
    fingerprint: u64,
    calls: u64,
    micros: u64,
    longest: u64,
}

impl Seconds {
    /// Notes an execution.
    pub fn executed(&mut self, totals: &mut Totals, fingerprint: u64, asked: u64, at: i64, micros: u64) {
        let second = at.div_euclid(1_000_000);
        let in_second = self.open.entry(second).or_default();
        if in_second.len() < MOST_IN_SECOND || in_second.contains_key(&asked) {
            let known = in_second.entry(asked).or_default();
            known.fingerprint = fingerprint;
            known.calls += 1;
            known.micros += micros;
            known.longest = known.longest.max(micros);
        }
        while self.open.len() > OPEN_SECONDS
            && let Some((_, done)) = self.open.pop_first()
        {
            count(totals, done);
        }
    }

    /// The log ends.
    pub fn end(&mut self, totals: &mut Totals) {
        while let Some((_, done)) = self.open.pop_first() {
            count(totals, done);
        }
    }
}

/// All but one were asked again; the longest is taken for the one that would have been needed.
fn count(totals: &mut Totals, second: ByHash<Asked>) {
    for asked in second.into_values().filter(|a| a.calls > 1) {
        if let Some(statement) = totals.statements.get_mut(&asked.fingerprint) {
            statement.repeats_in_second.0 += asked.calls - 1;
            statement.repeats_in_second.1 += asked.micros - asked.longest;
        }
    }
}
