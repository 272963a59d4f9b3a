//! One request while it is under way: what is known of it so far, written when it is over, however it ends.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Say;
use super::journal::Journal;
use crate::Error;
use crate::har::{self, Entry, PostBody};

/// Larger bodies pass, but are not kept.
pub const MAX_KEPT: usize = 1 << 30;

/// Where requests are written when they are over.
pub struct Deck {
    journal: Mutex<Option<Journal>>,
    under_way: watch::Sender<usize>,
    failed: watch::Sender<Option<String>>,
    say: Say,
}

impl Deck {
    /// Writes into this journal, and a line for each request to `say`.
    pub fn new(journal: Journal, say: Say) -> Self {
        Self {
            journal: Mutex::new(Some(journal)),
            under_way: watch::Sender::new(0),
            failed: watch::Sender::new(None),
            say,
        }
    }

    /// Tells the person something.
    pub fn say(&self, line: &str) {
        (self.say)(line);
    }

    /// Waits until nothing is under way.
    pub async fn quiet(&self) {
        let mut under_way = self.under_way.subscribe();
        let _ = under_way.wait_for(|n| *n == 0).await;
    }

    /// Waits until the journal could not be written.
    pub async fn failure(&self) -> String {
        let mut failed = self.failed.subscribe();
        loop {
            if let Some(error) = failed.borrow_and_update().clone() {
                return error;
            }
            if failed.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// Ends the recording: how many requests, and the file's name if there are any. What is still under way is lost.
    ///
    /// # Errors
    /// As [`Journal::finish`].
    pub fn finish(&self) -> Result<(usize, Option<PathBuf>), Error> {
        let journal = self.journal().take();
        journal.map_or(Ok((0, None)), |journal| Ok((journal.len(), journal.finish()?)))
    }

    fn journal(&self) -> MutexGuard<'_, Option<Journal>> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, entry: &Entry, left: bool) {
        let mut guard = self.journal();
        let Some(journal) = guard.as_mut() else { return };
        if let Err(error) = journal.append(entry) {
            self.failed.send_if_modified(|failed| {
                let first = failed.is_none();
                failed.get_or_insert_with(|| error.to_string());
                first
            });
            return;
        }
        let (n, line) = (journal.len(), line(entry, left));
        drop(guard);
        self.say(&format!("{n:>4}  {line}"));
    }
}

/// Method, path (its query may hold secrets), status, time.
fn line(entry: &Entry, left: bool) -> String {
    let after_scheme = entry.request.url.split_once("://").map_or("", |(_, rest)| rest);
    let path = after_scheme.find('/').map_or("/", |at| &after_scheme[at..]);
    let path = path.split('?').next().unwrap_or("/");
    let path: String = path.chars().take(100).collect();
    let (method, ms) = (&entry.request.method, entry.millis);
    match (entry.response.status, left) {
        (0, _) => format!("{method:<4} {path}  left before a response came  {ms:.0} ms"),
        (status, true) => format!("{method:<4} {path}  {status}  {ms:.0} ms, left before its end"),
        (status, false) => format!("{method:<4} {path}  {status}  {ms:.0} ms"),
    }
}

/// Bytes that pass, kept up to [`MAX_KEPT`].
#[derive(Debug, Default)]
pub struct Kept {
    bytes: Vec<u8>,
    passed: usize,
}

impl Kept {
    /// Room for a body of this length.
    pub fn with_length(length: Option<u64>) -> Self {
        // Only so much is reserved on the word of a header.
        let room = length.map_or(0, |length| length.min(256 << 20) as usize);
        Self {
            bytes: Vec::with_capacity(room),
            passed: 0,
        }
    }

    /// Keeps these too.
    pub fn push(&mut self, bytes: &[u8]) {
        self.passed += bytes.len();
        if self.passed <= MAX_KEPT {
            self.bytes.extend_from_slice(bytes);
        } else {
            self.bytes = Vec::new();
        }
    }
}

/// The request that is under way. Dropped, it is written: when the response ended, when the browser left, when the
/// recording ends.
pub struct Tape {
    deck: Arc<Deck>,
    clock: Instant,
    entry: Option<Entry>,
    sent: Arc<Mutex<Kept>>,
    received: Kept,
    whole: bool,
}

impl Tape {
    /// Begins now.
    pub fn new(deck: Arc<Deck>, request: har::Request, length: Option<u64>) -> Self {
        deck.under_way.send_modify(|n| *n += 1);
        Self {
            deck,
            clock: Instant::now(),
            entry: Some(Entry {
                started: Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap_or_default(),
                millis: 0.0,
                request,
                response: har::Response::default(),
            }),
            sent: Arc::new(Mutex::new(Kept::with_length(length))),
            received: Kept::default(),
            whole: false,
        }
    }

    /// Where the request's body is kept as it passes.
    pub fn sent(&self) -> Arc<Mutex<Kept>> {
        self.sent.clone()
    }

    /// The response's head came.
    pub fn answered(&mut self, status: u16, headers: Vec<(String, String)>, length: Option<u64>) {
        let Some(entry) = &mut self.entry else { return };
        let response = &mut entry.response;
        response.status = status;
        response.headers = headers;
        response.mime = response.header("content-type").unwrap_or("").to_owned();
        response.redirect = response.header("location").unwrap_or("").to_owned();
        self.received = Kept::with_length(length);
    }

    /// Some of the response's body came, decoded.
    pub fn received(&mut self, bytes: &[u8]) {
        self.received.push(bytes);
    }

    /// The response has ended as it should.
    pub fn ended(&mut self) {
        if !self.whole {
            self.whole = true;
            self.stamp();
        }
    }

    fn stamp(&mut self) {
        if let Some(entry) = &mut self.entry {
            entry.millis = self.clock.elapsed().as_micros() as f64 / 1e3;
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        if !self.whole {
            self.stamp();
        }
        if let Some(mut entry) = self.entry.take() {
            let sent = std::mem::take(&mut *self.sent.lock().unwrap_or_else(PoisonError::into_inner));
            let received = std::mem::take(&mut self.received);
            let url = &entry.request.url;
            if sent.passed.max(received.passed) > MAX_KEPT {
                self.deck.say(&format!(
                    "warning: {url}: a body of more than 1 GiB is not kept in the recording"
                ));
            }
            if sent.passed > 0 {
                let mime = entry.request.header("content-type").unwrap_or("").to_owned();
                entry.request.body = Some(PostBody::new(mime, sent.bytes));
            }
            entry.response.body = received.bytes;
            self.deck.write(&entry, !self.whole);
        }
        self.deck.under_way.send_modify(|n| *n -= 1);
    }
}
