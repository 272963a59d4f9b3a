//! Those who wait for a server: a queue a thread and lane, one order for all.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Pool, Terms};
use crate::refusal::Refusal;
use crate::server::Server;

/// A server goes to its own thread's next in line as long as nobody on another thread has waited this much longer: that
/// saves moving it between event loops, and bounds by how much the order can be bent. In microseconds.
const BEND: u64 = 10_000;

/// What kind of work waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Begins with a word that changes nothing: SELECT, SHOW and the like.
    Read,
    /// Anything else.
    Write,
}

/// A place in the queue.
#[derive(Debug)]
pub struct Ticket {
    /// When it was drawn, in [`crate::clock::micros`].
    pub since: u64,
    pub(super) thread: usize,
    lane: Lane,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    Ended(Outcome),
    Gone,
}

/// What the wait ended with.
#[derive(Debug)]
pub enum Outcome {
    /// A server.
    Server(Box<Server>),
    /// Nothing, and why.
    Refused(Refusal),
}

impl Ticket {
    /// A place at the end.
    pub fn new(thread: usize, lane: Lane, since: u64) -> Self {
        Self {
            since,
            thread,
            lane,
            state: Mutex::new(State::Waiting(None)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands the server over; gives it back when nobody waits here any more.
    pub fn give(&self, server: Box<Server>) -> Option<Box<Server>> {
        let mut state = self.lock();
        if !matches!(*state, State::Waiting(_)) {
            return Some(server);
        }
        wake(&mut state, Outcome::Server(server));
        None
    }

    /// Ends the wait without a server.
    pub fn refuse(&self, refusal: Refusal) {
        let mut state = self.lock();
        if matches!(*state, State::Waiting(_)) {
            wake(&mut state, Outcome::Refused(refusal));
        }
    }

    /// Ends the wait from the waiting side; the server that came all the same.
    pub fn abandon(&self) -> Option<Box<Server>> {
        match std::mem::replace(&mut *self.lock(), State::Gone) {
            State::Ended(Outcome::Server(server)) => Some(server),
            _ => None,
        }
    }

    /// What the wait ended with.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Gone) {
            State::Ended(outcome) => Poll::Ready(outcome),
            State::Waiting(_) => {
                *state = State::Waiting(Some(cx.waker().clone()));
                Poll::Pending
            }
            State::Gone => Poll::Pending,
        }
    }
}

fn wake(state: &mut State, outcome: Outcome) {
    if let State::Waiting(Some(waker)) = std::mem::replace(state, State::Ended(outcome)) {
        waker.wake();
    }
}

/// A place in a pool's queue; dropping it leaves the queue, and sends back the server that came too late.
#[derive(Debug)]
pub struct Place {
    pool: Arc<Pool>,
    ticket: Arc<Ticket>,
    is_over: bool,
}

impl Place {
    pub(super) fn new(pool: Arc<Pool>, ticket: Arc<Ticket>) -> Self {
        Self {
            pool,
            ticket,
            is_over: false,
        }
    }

    /// What the wait ended with; not to be asked again afterwards.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = self.ticket.poll(cx);
        self.is_over |= outcome.is_ready();
        outcome
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_over {
            self.pool.abandon(&self.ticket);
        }
    }
}

/// All who wait.
#[derive(Debug)]
pub(super) struct Queue {
    /// Per lane and thread, the longest waiting first.
    lanes: [Vec<VecDeque<Arc<Ticket>>>; 2],
    len: usize,
    /// Servers given to each lane while both waited, in their shares: the lane that is behind is next.
    given: [u64; 2],
}

impl Queue {
    pub(super) fn new(threads: usize) -> Self {
        let lane = || (0..threads).map(|_| VecDeque::new()).collect();
        Self {
            lanes: [lane(), lane()],
            len: 0,
            given: [0, 0],
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn push(&mut self, ticket: Arc<Ticket>) {
        self.lanes[ticket.lane as usize][ticket.thread].push_back(ticket);
        self.len += 1;
    }

    pub(super) fn remove(&mut self, ticket: &Arc<Ticket>) {
        let queue = &mut self.lanes[ticket.lane as usize][ticket.thread];
        if let Some(at) = queue.iter().position(|other| Arc::ptr_eq(other, ticket)) {
            queue.remove(at);
            self.len -= 1;
        }
    }

    /// When the one who has waited longest began.
    pub(super) fn oldest(&self) -> Option<u64> {
        let all = self.lanes.iter().flatten();
        all.filter_map(|queue| Some(queue.front()?.since)).min()
    }

    /// How many get a server before one who joins `lane` now.
    pub(super) fn ahead_of(&self, lane: Lane, terms: &Terms) -> usize {
        if !terms.lanes {
            return self.len;
        }
        let waiting = |lane: Lane| self.lanes[lane as usize].iter().map(VecDeque::len).sum::<usize>();
        let (mine, share) = match lane {
            Lane::Read => (waiting(Lane::Read), terms.read_share),
            Lane::Write => (waiting(Lane::Write), 100 - terms.read_share),
        };
        self.len.min((mine + 1) * 100 / share.max(1) as usize)
    }

    /// The next in line for a server of `thread`.
    pub(super) fn next(&mut self, thread: usize, terms: &Terms) -> Option<Arc<Ticket>> {
        if self.len == 0 {
            return None;
        }
        let heads = [Lane::Read, Lane::Write].map(|lane| self.head(lane, thread));
        let lane = match heads {
            [Some(_), None] => Lane::Read,
            [None, Some(_)] => Lane::Write,
            [Some((read, _)), Some((write, _))] if !terms.lanes => {
                if read <= write {
                    Lane::Read
                } else {
                    Lane::Write
                }
            }
            [Some(_), Some(_)] => self.lane_behind(terms),
            [None, None] => return None,
        };
        let (_, from) = heads[lane as usize]?;
        let ticket = self.lanes[lane as usize][from].pop_front()?;
        self.len -= 1;
        Some(ticket)
    }

    /// Who is first in a lane: since when, and on which thread.
    fn head(&self, lane: Lane, thread: usize) -> Option<(u64, usize)> {
        let queues = &self.lanes[lane as usize];
        let head = |thread: usize| Some((queues[thread].front()?.since, thread));
        let oldest = (0..queues.len()).filter_map(head).min()?;
        match queues.get(thread).and_then(VecDeque::front) {
            Some(own) if own.since <= oldest.0 + BEND => Some((own.since, thread)),
            _ => Some(oldest),
        }
    }

    /// Both lanes wait: the one that has had less than its share.
    fn lane_behind(&mut self, terms: &Terms) -> Lane {
        let shares = [
            u64::from(terms.read_share.clamp(1, 99)),
            u64::from(100 - terms.read_share.clamp(1, 99)),
        ];
        let lane = if self.given[0] * shares[1] <= self.given[1] * shares[0] {
            Lane::Read
        } else {
            Lane::Write
        };
        self.given[lane as usize] += 1;
        if self.given[0] + self.given[1] >= 1_000 {
            self.given = self.given.map(|n| n / 2);
        }
        lane
    }

    /// Takes out everybody.
    pub(super) fn drain(&mut self) -> Vec<Arc<Ticket>> {
        self.len = 0;
        self.lanes
            .iter_mut()
            .flatten()
            .flat_map(|queue| queue.drain(..))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(since: u64, thread: usize, lane: Lane) -> Arc<Ticket> {
        Arc::new(Ticket::new(thread, lane, since))
    }

    #[test]
    fn the_order_is_bent_for_the_own_thread_but_not_by_much() {
        let start = 0;
        let terms = Terms::default();
        let mut queue = Queue::new(2);
        let elsewhere = ticket(start, 1, Lane::Write);
        let soon = ticket(start + BEND / 2, 0, Lane::Write);
        let later = ticket(start + BEND * 2, 0, Lane::Write);
        for ticket in [&elsewhere, &soon, &later] {
            queue.push(ticket.clone());
        }
        let mut next = || queue.next(0, &terms).unwrap();
        assert!(
            Arc::ptr_eq(&next(), &soon),
            "of the own thread, and not much younger"
        );
        assert!(
            Arc::ptr_eq(&next(), &elsewhere),
            "has waited too long to be passed over"
        );
        assert!(Arc::ptr_eq(&next(), &later));
        assert!(queue.is_empty());
    }

    #[test]
    fn lanes_get_their_shares_and_nobody_starves() {
        let start = 0;
        let terms = Terms {
            lanes: true,
            read_share: 25,
            ..Terms::default()
        };
        let mut queue = Queue::new(1);
        for _ in 0..100 {
            queue.push(ticket(start, 0, Lane::Read));
            queue.push(ticket(start, 0, Lane::Write));
        }
        let reads = (0..100)
            .filter(|_| queue.next(0, &terms).unwrap().lane == Lane::Read)
            .count();
        assert!((24..=26).contains(&reads), "{reads} of 100");
    }
}
