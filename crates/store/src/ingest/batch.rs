//! What a writer has taken from its queue: facts, and beside each whoever waits for it.

use std::time::Instant;

use tokio::sync::oneshot;

use super::Committed;
use super::fact::{Fact, Table};
use super::failure::NotCommitted;
use crate::WaveId;

/// Somebody who waits for a fact to be committed.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) deadline: Instant,
    /// None when they were answered already.
    answer: Option<oneshot::Sender<Result<Committed, NotCommitted>>>,
}

impl Waiter {
    pub(super) fn new(deadline: Instant, answer: oneshot::Sender<Result<Committed, NotCommitted>>) -> Self {
        Self {
            deadline,
            answer: Some(answer),
        }
    }

    /// Tells whoever waits, once. They may have gone; the fact is no less written.
    pub(super) fn answer(&mut self, outcome: Result<Committed, NotCommitted>) {
        if let Some(answer) = self.answer.take() {
            let _ = answer.send(outcome);
        }
    }
}

/// Facts in the order of writing; `waiters[i]` waits for `facts[i]`.
#[derive(Debug)]
pub(super) struct Batch {
    facts: Vec<Fact>,
    waiters: Vec<Waiter>,
}

/// Rows of a batch that go into one table of one wave.
pub(super) type Group<'a> = (WaveId, Table, &'a [Fact]);

impl Batch {
    /// A batch of what was waiting, sorted by [`Fact::order`].
    pub(super) fn new(mut waiting: Vec<(Fact, Waiter)>) -> Self {
        waiting.sort_unstable_by_key(|(fact, _)| fact.order());
        collect(waiting.into_iter())
    }

    pub(super) fn len(&self) -> usize {
        self.facts.len()
    }

    /// The batch's groups, in order.
    pub(super) fn groups(&self) -> Vec<Group<'_>> {
        groups(&self.facts)
    }

    /// The facts, and those who wait: to be looked at while the facts are being committed.
    pub(super) fn split(&mut self) -> (Vec<Group<'_>>, Waiters<'_>) {
        (groups(&self.facts), Waiters(&mut self.waiters))
    }

    /// Drops the facts that nobody waits for any more because their deadline is over.
    pub(super) fn drop_expired(&mut self) {
        Waiters(&mut self.waiters).answer_expired();
        if self.waiters.iter().all(|w| w.answer.is_some()) {
            return;
        }
        let all = std::mem::take(&mut self.facts)
            .into_iter()
            .zip(std::mem::take(&mut self.waiters));
        *self = collect(all.filter(|(_, waiter)| waiter.answer.is_some()));
    }

    /// Answers everyone.
    pub(super) fn answer(mut self, outcome: Result<Committed, NotCommitted>) {
        for waiter in &mut self.waiters {
            waiter.answer(outcome);
        }
    }

    /// A batch for each group.
    pub(super) fn into_groups(self) -> Vec<Self> {
        let sizes: Vec<usize> = self.groups().iter().map(|(_, _, rows)| rows.len()).collect();
        self.into_pieces(sizes)
    }

    /// A batch for each row.
    pub(super) fn into_rows(self) -> Vec<Self> {
        let sizes = vec![1; self.len()];
        self.into_pieces(sizes)
    }

    fn into_pieces(self, sizes: Vec<usize>) -> Vec<Self> {
        let mut rows = self.facts.into_iter().zip(self.waiters);
        sizes
            .into_iter()
            .map(|size| collect(rows.by_ref().take(size)))
            .collect()
    }
}

/// Those who wait for a batch.
pub(super) struct Waiters<'a>(&'a mut [Waiter]);

impl Waiters<'_> {
    /// The next deadline of somebody who still waits.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.0
            .iter()
            .filter(|w| w.answer.is_some())
            .map(|w| w.deadline)
            .min()
    }

    /// Answers those whose deadline is over. Their facts may be committed all the same.
    pub(super) fn answer_expired(&mut self) {
        let now = Instant::now();
        for waiter in self.0.iter_mut().filter(|w| w.deadline <= now) {
            waiter.answer(Err(NotCommitted::Deadline));
        }
    }
}

fn groups(facts: &[Fact]) -> Vec<Group<'_>> {
    facts
        .chunk_by(|a, b| (a.wave, a.table()) == (b.wave, b.table()))
        .map(|rows| (rows[0].wave, rows[0].table(), rows))
        .collect()
}

fn collect(rows: impl Iterator<Item = (Fact, Waiter)>) -> Batch {
    let (facts, waiters) = rows.unzip();
    Batch { facts, waiters }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use canvass_survey::{Save, Stamp};

    use super::*;
    use crate::ResponseId;
    use crate::ingest::What;

    type Receiver = oneshot::Receiver<Result<Committed, NotCommitted>>;

    fn waiting(wave: i32, response: i64, what: What, deadline: Instant) -> ((Fact, Waiter), Receiver) {
        let (answer, receiver) = oneshot::channel();
        let fact = Fact {
            wave: WaveId(wave),
            response: ResponseId(response),
            what,
        };
        ((fact, Waiter::new(deadline, answer)), receiver)
    }

    fn save() -> What {
        let save = Save::new(Stamp::from_micros(5).unwrap(), "p01", "{}".into());
        What::Save { save, language: None }
    }

    fn start() -> What {
        What::Start {
            unit: None,
            language: None,
        }
    }

    #[test]
    fn a_batch_is_written_by_wave_then_table_then_key() {
        let later = Instant::now() + Duration::from_secs(60);
        let all = [(2, 1, save()), (1, 9, save()), (1, 3, save()), (1, 9, start())];
        let (waiting, _receivers): (Vec<_>, Vec<_>) = all
            .map(|(w, r, what)| waiting(w, r, what, later))
            .into_iter()
            .unzip();

        let batch = Batch::new(waiting);

        let groups = batch.groups().into_iter();
        let seen: Vec<_> = groups
            .map(|(w, t, rows)| (w.0, t, rows.iter().map(|f| f.response.0).collect::<Vec<_>>()))
            .collect();
        assert_eq!(
            seen,
            [
                (1, Table::Response, vec![9]),
                (1, Table::Save, vec![3, 9]),
                (2, Table::Save, vec![1])
            ]
        );
        assert_eq!(
            batch.into_groups().iter().map(Batch::len).collect::<Vec<_>>(),
            [1, 2, 1]
        );
    }

    #[test]
    fn whoever_is_late_is_told_so_while_the_others_still_wait() {
        let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(60));
        let (early, mut told) = waiting(1, 1, save(), now);
        let (late, mut waits) = waiting(1, 2, save(), later);
        let mut batch = Batch::new(vec![early, late]);

        let (groups, mut waiters) = batch.split();
        assert_eq!(waiters.next_deadline(), Some(now));
        waiters.answer_expired();

        assert_eq!(groups[0].2.len(), 2, "both are still being written");
        assert_eq!(waiters.next_deadline(), Some(later));
        assert_eq!(told.try_recv(), Ok(Err(NotCommitted::Deadline)));
        assert!(waits.try_recv().is_err(), "not answered yet");
        batch.drop_expired();
        assert_eq!(batch.len(), 1, "and only the other one is sent again");
        batch.answer(Ok(Committed { at: 7 }));
        assert_eq!(waits.try_recv(), Ok(Ok(Committed { at: 7 })));
    }
}
