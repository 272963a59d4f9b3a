//! A core's writer: takes what is waiting, commits it, acknowledges it. No timers: batches grow with load.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::Committed;
use super::batch::{Batch, Group};
use super::connection::{Connection, MOST_GROUPS};
use super::failure::{Failure, NotCommitted};
use super::queue::Queue;
use crate::{Database, Error};

/// The pause before connecting again after a failure; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A core's writer. Runs until its queue is closed and empty.
pub struct Writer {
    queue: Arc<Queue>,
    database: Database,
    connection: Option<Connection>,
    pause: Duration,
    depth: metrics::Gauge,
    rows: metrics::Histogram,
    commit_seconds: metrics::Histogram,
}

impl Writer {
    pub(super) fn new(queue: Arc<Queue>, database: Database, core: usize) -> Self {
        Self {
            queue,
            database,
            connection: None,
            pause: FIRST_PAUSE,
            depth: metrics::gauge!("canvass_queue_depth", "core" => core.to_string()),
            rows: metrics::histogram!("canvass_batch_rows"),
            commit_seconds: metrics::histogram!("canvass_commit_seconds"),
        }
    }

    /// Opens the connection, so that a wrong address or an unsafe server is found before the first save.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn connect(&mut self) -> Result<(), Error> {
        self.connection = Some(Connection::open(&self.database).await?);
        Ok(())
    }

    /// Takes, commits, acknowledges, again and again.
    pub async fn run(mut self) {
        while let Some(batch) = self.queue.take().await {
            let began = Instant::now();
            self.rows.record(batch.len() as f64);
            self.depth.set((self.queue.depth() + batch.len()) as f64);
            self.write(batch).await;
            self.queue.batch_took(began.elapsed());
            self.depth.set(self.queue.depth() as f64);
        }
    }

    /// Writes a batch as one transaction; in smaller ones when somebody in it is to blame for a failure.
    async fn write(&mut self, batch: Batch) {
        if batch.groups().len() > MOST_GROUPS {
            return self.write_each(batch.into_groups()).await;
        }
        let Some((batch, failure)) = self.write_as_one(batch).await else {
            return;
        };
        if batch.groups().len() > 1 {
            return self.write_each(batch.into_groups()).await;
        }
        match failure {
            Failure::Row(_) if batch.len() > 1 => self.write_each(batch.into_rows()).await,
            Failure::Row(code) => {
                tracing::error!(
                    sqlstate = code,
                    "PostgreSQL refused a row that had passed validation"
                );
                batch.answer(Err(NotCommitted::Refused));
            }
            Failure::Wave(cause) | Failure::Again(cause) => {
                let wave = batch.groups().first().map(|(wave, _, _)| wave.0);
                tracing::error!(wave, cause, "ALARM: this wave cannot be written");
                metrics::counter!("canvass_wave_broken_total").increment(1);
                batch.answer(Err(NotCommitted::WaveBroken));
            }
            Failure::Prepare => batch.answer(Err(NotCommitted::WaveBroken)),
        }
    }

    async fn write_each(&mut self, batches: Vec<Batch>) {
        for batch in batches {
            Box::pin(self.write(batch)).await;
        }
    }

    /// Tries until the batch is committed or every deadline is over. Gives back a batch that fails for what is in it.
    async fn write_as_one(&mut self, mut batch: Batch) -> Option<(Batch, Failure)> {
        let mut prepared_again = false;
        loop {
            batch.drop_expired();
            if batch.len() == 0 {
                return None;
            }
            let began = Instant::now();
            match self.commit_or_expire(&mut batch).await {
                Some(Ok(())) => {
                    self.pause = FIRST_PAUSE;
                    self.commit_seconds.record(began.elapsed().as_secs_f64());
                    batch.answer(Ok(Committed { at: now_micros() }));
                    return None;
                }
                Some(Err(Failure::Prepare)) if !prepared_again => {
                    prepared_again = true;
                    if let Some(connection) = &mut self.connection {
                        connection.forget_statements();
                    }
                }
                Some(Err(Failure::Prepare)) => {
                    return Some((batch, Failure::Wave("prepared statement lost twice".into())));
                }
                Some(Err(Failure::Again(cause))) => self.pause_before_again(&cause, &mut batch).await,
                Some(Err(failure)) => return Some((batch, failure)),
                // Nobody waits any more: what that connection is doing is no longer known.
                None => self.connection = None,
            }
        }
    }

    /// Commits, and meanwhile answers everyone whose deadline comes. `None` when that was everyone.
    async fn commit_or_expire(&mut self, batch: &mut Batch) -> Option<Result<(), Failure>> {
        let (groups, mut waiters) = batch.split();
        let mut commit = pin!(self.commit_once(&groups));
        loop {
            let next = waiters.next_deadline()?;
            tokio::select! {
                outcome = &mut commit => return Some(outcome),
                () = tokio::time::sleep_until(next.into()) => waiters.answer_expired(),
            }
        }
    }

    async fn commit_once(&mut self, groups: &[Group<'_>]) -> Result<(), Failure> {
        if self.connection.is_none() {
            let opened = Connection::open(&self.database).await;
            self.connection = Some(opened.map_err(|e| Failure::Again(e.to_string()))?);
            tracing::info!("writer connected to PostgreSQL");
        }
        match &mut self.connection {
            Some(connection) => connection.commit(groups).await,
            None => Err(Failure::Again("no connection".into())),
        }
    }

    /// Forgets the connection; waits a little before the next one is opened, and no longer than anyone waits.
    async fn pause_before_again(&mut self, cause: &str, batch: &mut Batch) {
        let pause_ms = self.pause.as_millis();
        tracing::warn!(
            cause,
            pause_ms,
            "commit failed; connecting again, then the same batch again"
        );
        metrics::counter!("canvass_commit_retries_total").increment(1);
        self.connection = None;
        let (_, waiters) = batch.split();
        let until = Instant::now() + self.pause;
        let until = waiters
            .next_deadline()
            .map_or(until, |deadline| deadline.min(until));
        tokio::time::sleep_until(until.into()).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

/// Now, in µs since the Unix epoch.
fn now_micros() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
