//! What is open in a session: steps that wait for their execution, a statement that waits for its duration.

use serde::{Deserialize, Serialize};

use super::plans::Planned;
use super::window::Window;
use crate::hash::ByHash;
use crate::message::End;
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
    /// The process.
    pub pid: u32,
    /// What it executed last; 0: nothing yet.
    pub last: u64,
    /// How it ended.
    pub end: Option<End>,
    /// Who it is, from its connection.
    pub names: Option<Box<Names>>,
    /// Executions of which a plan is logged, and perhaps soon a duration.
    planned: Vec<Planned>,
}

/// Who a session is.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Names {
    /// Application, user, database and host.
    pub names: [Box<str>; 4],
    /// Their numbers in the totals of a day.
    #[serde(skip)]
    pub numbers: Option<(i64, [u32; 4])>,
}

/// How far apart the times of a plan and its duration may be, µs: both are rounded to ms.
const SLACK: i64 = 2_000;
/// Most plans that wait for a duration.
const MOST_PLANNED: usize = 64;

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

    /// A plan is logged. Returns earlier ones for which no duration can come any more; those within the new one's time were
    /// queries of its functions, and are none of their own.
    pub fn planned(&mut self, planned: Planned) -> Vec<Planned> {
        let mut before = self.covered(planned.at, planned.micros);
        self.planned.push(planned);
        if self.planned.len() > MOST_PLANNED {
            before.push(self.planned.remove(0));
        }
        before
    }

    /// A statement ended at `at` after so many µs. Takes the plans that belong to it away; returns the others, which had no
    /// duration logged.
    pub fn covered(&mut self, at: i64, micros: u64) -> Vec<Planned> {
        if self.planned.is_empty() {
            return Vec::new();
        }
        let began = at.saturating_sub_unsigned(micros).saturating_sub(SLACK);
        let planned = std::mem::take(&mut self.planned);
        planned
            .into_iter()
            .filter(|p| p.at.saturating_sub_unsigned(p.micros) < began)
            .collect()
    }

    /// What is left of plans without a duration.
    pub fn take_planned(&mut self) -> Vec<Planned> {
        std::mem::take(&mut self.planned)
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
    /// By process: the last of its sessions.
    pids: ByHash<usize>,
    held: Vec<(u64, Session)>,
    last: usize,
}

impl From<Vec<(u64, Session)>> for Sessions {
    fn from(held: Vec<(u64, Session)>) -> Self {
        let index = held.iter().enumerate().map(|(i, (key, _))| (*key, i)).collect();
        let pids = held
            .iter()
            .enumerate()
            .map(|(i, (_, session))| (u64::from(session.pid), i));
        Self {
            index,
            pids: pids.collect(),
            held,
            last: 0,
        }
    }
}

impl From<Sessions> for Vec<(u64, Session)> {
    fn from(sessions: Sessions) -> Self {
        sessions.held
    }
}

impl Sessions {
    /// A session.
    pub fn get(&mut self, key: u64, at: i64, pid: u32) -> &mut Session {
        if self.held.get(self.last).is_none_or(|(k, _)| *k != key) {
            self.last = *self.index.entry(key).or_insert_with(|| {
                let session = Session {
                    pid,
                    ..Session::default()
                };
                self.held.push((key, session));
                self.pids.insert(u64::from(pid), self.held.len() - 1);
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

    /// What a process executed last; 0: not known.
    pub fn last_of(&self, pid: u32) -> u64 {
        let at = self.pids.get(&u64::from(pid));
        at.map_or(0, |at| self.held[*at].1.last)
    }

    /// Takes what plans are left without a duration, of all sessions; only when some will be forgotten, or the log ends.
    pub fn take_planned(&mut self, at_end: bool) -> Vec<(u64, Vec<Planned>)> {
        if !at_end && self.held.len() <= MOST {
            return Vec::new();
        }
        let held = self.held.iter_mut();
        held.map(|(key, session)| (*key, session.take_planned()))
            .filter(|(_, planned)| !planned.is_empty())
            .collect()
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
