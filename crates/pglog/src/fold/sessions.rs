//! What is open in a session: steps that wait for their execution, a statement that waits for its duration.

use serde::{Deserialize, Serialize};

use super::window::Window;
use crate::hash::ByHash;
use crate::totals::Totals;

/// Most sessions that are remembered; beyond, those that were silent longest are forgotten.
const MOST: usize = 50_000;
/// Most steps of a session that wait.
const MOST_PENDING: usize = 32;

/// A step that waits for its execution.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    pub fingerprint: u64,
    pub micros: u64,
    pub is_bind: bool,
}

impl Pending {
    /// No execution follows: the time counts, a call does not.
    pub fn count(&self, totals: &mut Totals) {
        totals.unfinished.calls += 1;
        totals.unfinished.micros += self.micros;
        totals.all.micros += self.micros;
        if let Some(statement) = totals.statements.get_mut(&self.fingerprint) {
            statement.micros += self.micros;
            match self.is_bind {
                true => statement.bind_micros += self.micros,
                false => statement.parse_micros += self.micros,
            }
        }
    }
}

/// One session.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Session {
    pub last_at: i64,
    pending: Vec<Pending>,
    /// Fingerprint and values of a statement that began.
    pub began: Option<(u64, u64)>,
    pub window: Window,
}

impl Session {
    /// A step waits. Returns one that has waited too long.
    pub fn wait(&mut self, step: Pending) -> Option<Pending> {
        self.pending.push(step);
        (self.pending.len() > MOST_PENDING).then(|| self.pending.remove(0))
    }

    /// The µs of Parse and Bind that belong to an execution of a statement: what waited longest, one of each.
    pub fn steps_of(&mut self, fingerprint: u64) -> (u64, u64) {
        let mut take = |is_bind| {
            let found = self
                .pending
                .iter()
                .position(|p| p.fingerprint == fingerprint && p.is_bind == is_bind);
            found.map_or(0, |at| self.pending.remove(at).micros)
        };
        (take(false), take(true))
    }

    /// The session ends, or is forgotten.
    pub fn end(&mut self, totals: &mut Totals) {
        for step in self.pending.drain(..) {
            step.count(totals);
        }
        self.window.end(totals);
    }
}

/// All sessions that are remembered.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, Session)>", into = "Vec<(u64, Session)>")]
pub(super) struct Sessions {
    index: ByHash<usize>,
    held: Vec<(u64, Session)>,
    last: usize,
}

impl From<Vec<(u64, Session)>> for Sessions {
    fn from(held: Vec<(u64, Session)>) -> Self {
        let index = held.iter().enumerate().map(|(i, (key, _))| (*key, i)).collect();
        Self { index, held, last: 0 }
    }
}

impl From<Sessions> for Vec<(u64, Session)> {
    fn from(sessions: Sessions) -> Self {
        sessions.held
    }
}

impl Sessions {
    /// A session.
    pub fn get(&mut self, key: u64, at: i64) -> &mut Session {
        if self.held.get(self.last).is_none_or(|(k, _)| *k != key) {
            self.last = *self.index.entry(key).or_insert_with(|| {
                self.held.push((key, Session::default()));
                self.held.len() - 1
            });
        }
        let session = &mut self.held[self.last].1;
        session.last_at = at;
        session
    }

    /// The session that was asked for last.
    pub fn last(&mut self) -> &mut Session {
        &mut self.held[self.last].1
    }

    /// When there are too many, forgets the half that was silent longest.
    pub fn forget_old(&mut self, totals: &mut Totals) {
        if self.held.len() <= MOST {
            return;
        }
        self.held
            .sort_by_key(|(key, session)| (std::cmp::Reverse(session.last_at), *key));
        for (_, mut session) in self.held.drain(MOST / 2..) {
            session.end(totals);
        }
        *self = std::mem::take(&mut self.held).into();
    }

    /// The log ends.
    pub fn end_all(&mut self, totals: &mut Totals) {
        for (_, session) in &mut self.held {
            session.end(totals);
        }
    }
}
