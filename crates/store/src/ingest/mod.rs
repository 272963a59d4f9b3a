//! The write path. Every start, save and submission goes this way and no other:
//!
//! ```text
//! handler ── Ingest::save() ──> Queue (bounded)            who queues: this file and queue.rs
//!                                 │ all that is waiting
//!                               Writer::run()              who batches: writer.rs
//!                                 │ one transaction a batch
//!                               Connection::commit()       who commits: connection.rs, statements.rs
//!                                 │ COMMIT came back
//! handler <── acknowledged ── Batch::answer()              who acknowledges: writer.rs, only after COMMIT
//! ```
//!
//! There is one queue, one writer and one connection per core, all on that core's thread. Nothing here reads an
//! answer; nothing here updates or deletes. Every fact has a key, so sending it again is harmless, and that is what
//! happens when a connection breaks: `failure.rs` says after which errors.

mod batch;
mod config;
mod connection;
mod disk;
mod fact;
mod failure;
mod queue;
mod statements;
mod writer;

use std::sync::Arc;

use canvass_survey::{Save, Stamp};

pub use config::Config;
pub use disk::DiskGate;
pub use fact::{Fact, What};
pub use failure::NotCommitted;
use queue::Queue;
pub use writer::Writer;

use crate::{Database, ResponseId, WaveId};

/// A fact is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// When its transaction had committed: µs since the Unix epoch, this machine's clock.
    pub at: i64,
}

/// One core's entrance to the write path; cheap to clone.
#[derive(Clone)]
pub struct Ingest {
    queue: Arc<Queue>,
    disk: DiskGate,
}

/// Makes the queue and the writer of the core with this number. The caller spawns [`Writer::run`] on that core.
pub fn open(database: Database, config: &Config, disk: DiskGate, core: usize) -> (Ingest, Writer) {
    let queue = Arc::new(Queue::new(config));
    let writer = Writer::new(queue.clone(), database, core);
    (Ingest { queue, disk }, writer)
}

impl Ingest {
    /// Writes that a response was started; harmless when it was already.
    ///
    /// # Errors
    /// [`NotCommitted`].
    pub async fn start(
        &self,
        wave: WaveId,
        response: ResponseId,
        unit: Option<i32>,
        language: Option<&str>,
    ) -> Result<Committed, NotCommitted> {
        let what = What::Start {
            unit,
            language: language.map(str::to_owned),
        };
        self.write(Fact { wave, response, what }).await
    }

    /// Writes a save. Returns when it is committed: that is what may be acknowledged.
    ///
    /// # Errors
    /// [`NotCommitted`].
    pub async fn save(
        &self,
        wave: WaveId,
        response: ResponseId,
        save: Save,
        language: Option<String>,
    ) -> Result<Committed, NotCommitted> {
        self.write(Fact {
            wave,
            response,
            what: What::Save { save, language },
        })
        .await
    }

    /// Writes that the respondent is done.
    ///
    /// # Errors
    /// [`NotCommitted`].
    pub async fn submit(
        &self,
        wave: WaveId,
        response: ResponseId,
        stamp: Stamp,
    ) -> Result<Committed, NotCommitted> {
        self.write(Fact {
            wave,
            response,
            what: What::Submission { stamp },
        })
        .await
    }

    async fn write(&self, fact: Fact) -> Result<Committed, NotCommitted> {
        if self.disk.is_shut() {
            return Err(NotCommitted::DiskFull);
        }
        let answer = self.queue.push(fact)?;
        // The writer answers everything that it took; a dropped answer means that it is gone.
        answer.await.unwrap_or(Err(NotCommitted::Stopping))
    }

    /// How many facts wait in this core's queue.
    pub fn depth(&self) -> usize {
        self.queue.depth()
    }

    /// Lets nothing more in. What was accepted is still committed; then the writer ends.
    pub fn close(&self) {
        self.queue.close();
    }
}
