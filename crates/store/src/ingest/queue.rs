//! The bounded queue between a core's handlers and its writer.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};

use super::batch::{Batch, Waiter};
use super::fact::Fact;
use super::failure::NotCommitted;
use super::{Committed, Config};

/// Never contended in practice: handlers and writer of a core share its thread.
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Notify,
    limits: Config,
}

struct State {
    waiting: VecDeque<(Fact, Waiter)>,
    bytes: usize,
    closed: bool,
    /// How long a batch took lately.
    pace: Duration,
    /// What may wait at this pace.
    most_rows: usize,
    most_bytes: usize,
}

pub(super) type Answer = oneshot::Receiver<Result<Committed, NotCommitted>>;

impl Queue {
    pub(super) fn new(limits: &Config) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            bytes: 0,
            closed: false,
            pace: Duration::ZERO,
            most_rows: limits.queue_rows,
            most_bytes: limits.queue_bytes,
        };
        Self {
            state: Mutex::new(state),
            filled: Notify::new(),
            limits: limits.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a fact, or refuses it at once.
    pub(super) fn push(&self, fact: Fact) -> Result<Answer, NotCommitted> {
        let bytes = fact.bytes();
        let (answer, receiver) = oneshot::channel();
        let mut state = self.state();
        if state.closed {
            return Err(NotCommitted::Stopping);
        }
        if state.waiting.len() >= state.most_rows || state.bytes + bytes > state.most_bytes {
            return Err(NotCommitted::QueueFull);
        }
        state.bytes += bytes;
        let deadline = Instant::now() + self.limits.deadline();
        state.waiting.push_back((fact, Waiter::new(deadline, answer)));
        drop(state);
        self.filled.notify_one();
        Ok(receiver)
    }

    /// All that is waiting, up to a batch's limits; waits for the first. `None` when closed and empty.
    pub(super) async fn take(&self) -> Option<Batch> {
        loop {
            {
                let mut state = self.state();
                state.drop_expired();
                if !state.waiting.is_empty() {
                    return Some(Batch::new(state.take(&self.limits)));
                }
                if state.closed {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Learns how long the writer took for a batch. What could not be committed in time at this pace is refused when it
    /// comes, rather than at its deadline; and a batch is not spent on those who will be late.
    pub(super) fn batch_took(&self, took: Duration) {
        let mut state = self.state();
        state.pace = state.pace * 7 / 8 + took / 8;
        let in_time = self.limits.deadline() * 3 / 4;
        let batches = in_time.as_micros() / state.pace.as_micros().max(1);
        let batches = usize::try_from(batches).unwrap_or(usize::MAX).max(1);
        let most = |of_a_batch: usize, limit: usize| of_a_batch.saturating_mul(batches).min(limit);
        state.most_rows = most(self.limits.batch_rows, self.limits.queue_rows);
        state.most_bytes = most(self.limits.batch_bytes, self.limits.queue_bytes);
    }

    pub(super) fn depth(&self) -> usize {
        self.state().waiting.len()
    }

    pub(super) fn close(&self) {
        self.state().closed = true;
        self.filled.notify_one();
    }
}

impl State {
    /// Answers those whose deadline is over: they stand in front.
    fn drop_expired(&mut self) {
        let now = Instant::now();
        while self
            .waiting
            .front()
            .is_some_and(|(_, waiter)| waiter.deadline <= now)
        {
            if let Some((fact, mut waiter)) = self.waiting.pop_front() {
                self.bytes -= fact.bytes();
                waiter.answer(Err(NotCommitted::Deadline));
            }
        }
    }

    fn take(&mut self, limits: &Config) -> Vec<(Fact, Waiter)> {
        let mut bytes = 0;
        let fits = |waiting: &&(Fact, Waiter)| {
            bytes += waiting.0.bytes();
            bytes <= limits.batch_bytes
        };
        let rows = self
            .waiting
            .iter()
            .take(limits.batch_rows)
            .take_while(fits)
            .count()
            .max(1);
        let batch: Vec<(Fact, Waiter)> = self.waiting.drain(..rows).collect();
        self.bytes -= batch.iter().map(|(fact, _)| fact.bytes()).sum::<usize>();
        batch
    }
}

#[cfg(test)]
mod tests {
    use canvass_survey::{Save, Stamp};

    use super::*;
    use crate::ingest::What;
    use crate::{ResponseId, WaveId};

    fn limits() -> Config {
        Config {
            queue_rows: 100,
            batch_rows: 10,
            deadline_ms: 8_000,
            ..Config::default()
        }
    }

    fn fact() -> Fact {
        let save = Save::new(Stamp::from_micros(5).unwrap(), "p01", "{}".into());
        Fact {
            wave: WaveId(1),
            response: ResponseId(1),
            what: What::Save { save, language: None },
        }
    }

    /// How many are let in; they all stay.
    fn room(queue: &Queue) -> usize {
        (0..1_000).take_while(|_| queue.push(fact()).is_ok()).count()
    }

    #[test]
    fn as_many_may_wait_as_can_be_committed_in_time() {
        let after = |batches_ms: &[u64]| {
            let queue = Queue::new(&limits());
            for ms in batches_ms {
                queue.batch_took(Duration::from_millis(*ms));
            }
            room(&queue)
        };
        assert_eq!(after(&[]), 100, "nothing is known yet: the limit");
        assert_eq!(after(&[2; 50]), 100, "a fast disk: the limit");
        assert_eq!(after(&[2_000; 50]), 30, "6 s at 2 s a batch of 10: 3 batches");
        assert_eq!(after(&[60_000; 50]), 10, "a batch may always wait");
        assert_eq!(
            after(&[[2; 50].as_slice(), &[5_000]].concat()),
            90,
            "one restart changes little"
        );
        assert_eq!(
            after(&[[60_000; 50].as_slice(), &[2; 50]].concat()),
            100,
            "and all is forgotten in time"
        );
    }

    #[test]
    fn who_is_late_is_answered_and_takes_no_place_in_a_batch() {
        let queue = Queue::new(&Config {
            deadline_ms: 0,
            ..limits()
        });
        let mut late = queue.push(fact()).unwrap();
        let mut state = queue.state();

        state.drop_expired();

        assert_eq!(late.try_recv(), Ok(Err(NotCommitted::Deadline)));
        assert_eq!((state.waiting.len(), state.bytes), (0, 0));
    }
}
