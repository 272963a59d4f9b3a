//! Writes what was acknowledged: one JSON line for each request of a marked step, for [`crate::reconcile`].
//!
//! ```text
//! {"at":1732000000000000,"step":"shop / pay","user":"anna","order":"17"}
//! ```
//!
//! `at` is in µs since 1970, `step` is `journey / step`, the rest is what the step's `acknowledge` names. Each
//! event-loop thread gathers lines in a [`Sink`] of its own; one thread writes them, so that a slow disk stops no
//! event loop until [`MOST_WAITING`] buffers wait. What is written are whole lines, except the last one when the
//! process is killed in the middle of a write.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::Error;

/// Bytes that a sink gathers before it hands them over.
const BUFFER: usize = 64 << 10;
/// Buffers that wait for the disk, 16 MiB in all; who has one more waits.
const MOST_WAITING: usize = 256;

/// The file and the thread that writes it.
#[derive(Debug)]
pub struct Acknowledgements {
    path: PathBuf,
    queue: SyncSender<Message>,
    thread: JoinHandle<io::Result<u64>>,
}

/// Where one thread puts its lines. What it still holds is handed over when it is dropped.
#[derive(Debug)]
pub struct Sink {
    queue: SyncSender<Message>,
    buffer: Vec<u8>,
    lines: u64,
}

/// A line that is being made; it counts only with [`Line::end`].
#[derive(Debug)]
pub struct Line<'a> {
    sink: &'a mut Sink,
    start: usize,
}

#[derive(Debug)]
enum Message {
    Lines(Vec<u8>, u64),
    End,
}

impl Acknowledgements {
    /// Creates the file, which replaces an earlier one.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be written.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref().to_owned();
        let file = File::create(&path).map_err(|e| Error::file(&path, e))?;
        let (queue, waiting) = sync_channel(MOST_WAITING);
        let thread = thread::Builder::new()
            .name("acknowledged".into())
            .spawn(move || write_all(file, &waiting))
            .map_err(|e| Error::file(&path, e))?;
        Ok(Self { path, queue, thread })
    }

    /// For one more thread.
    pub fn sink(&self) -> Sink {
        Sink {
            queue: self.queue.clone(),
            buffer: Vec::with_capacity(BUFFER + BUFFER / 8),
            lines: 0,
        }
    }

    /// Waits until everything handed over is written; returns how many lines that were. Sinks are to be dropped or
    /// flushed before: what comes later is not written.
    ///
    /// # Errors
    /// [`Error::File`] with the first failure to write; nothing was written after it.
    pub fn finish(self) -> Result<u64, Error> {
        // It fails only when the thread is gone, which joining tells.
        let _ = self.queue.send(Message::End);
        let written = self
            .thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the writing thread panicked")));
        written.map_err(|e| Error::file(&self.path, e))
    }
}

/// The writing thread: after a failure it only takes what comes, so that nobody waits for it.
fn write_all(mut file: File, waiting: &Receiver<Message>) -> io::Result<u64> {
    let (mut written, mut length) = (Ok(0), 0);
    while let Ok(Message::Lines(bytes, lines)) = waiting.recv() {
        let Ok(before) = written else { continue };
        written = file.write_all(&bytes).map(|()| before + lines);
        if written.is_err() {
            // Part of the bytes may have come through: whole lines only. When even that fails the reader copes.
            let _ = file.set_len(length);
        }
        length += bytes.len() as u64;
    }
    written
}

impl Sink {
    /// Writes a line whose values are at hand; `at` in µs since 1970.
    pub fn write<'f>(&mut self, at: i64, step: &str, fields: impl IntoIterator<Item = (&'f str, &'f str)>) {
        let mut line = self.line(at, step);
        for (name, value) in fields {
            line.field(name, value);
        }
        line.end();
    }

    /// Begins a line; `at` in µs since 1970.
    pub fn line(&mut self, at: i64, step: &str) -> Line<'_> {
        let start = self.buffer.len();
        // Writing to memory does not fail.
        let _ = write!(self.buffer, "{{\"at\":{at},\"step\":");
        push_string(step, &mut self.buffer);
        Line { sink: self, start }
    }

    /// Hands over what is gathered. Call it once a second or so: a process that is killed loses what it still holds.
    pub fn flush(&mut self) {
        if !self.buffer.is_empty() {
            let bytes = std::mem::replace(&mut self.buffer, Vec::with_capacity(BUFFER + BUFFER / 8));
            // It fails only after the end, when nobody counts any more.
            let _ = self
                .queue
                .send(Message::Lines(bytes, std::mem::take(&mut self.lines)));
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.flush();
    }
}

impl Line<'_> {
    /// Appends a value.
    pub fn field(&mut self, name: &str, value: &str) {
        self.sink.buffer.push(b',');
        push_string(name, &mut self.sink.buffer);
        self.sink.buffer.push(b':');
        push_string(value, &mut self.sink.buffer);
    }

    /// Completes the line.
    pub fn end(mut self) {
        self.sink.buffer.extend_from_slice(b"}\n");
        self.sink.lines += 1;
        self.start = self.sink.buffer.len();
        if self.sink.buffer.len() >= BUFFER {
            self.sink.flush();
        }
    }
}

impl Drop for Line<'_> {
    /// Takes back a line that was not completed.
    fn drop(&mut self) {
        self.sink.buffer.truncate(self.start);
    }
}

/// Appends a JSON string (RFC 8259, section 7).
fn push_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            // Writing to memory does not fail.
            _ => drop(write!(out, "\\u{byte:04x}")),
        }
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;

    fn file() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("acks.ndjson");
        (dir, path)
    }

    fn lines(path: &Path) -> Vec<Value> {
        let text = fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_holds_the_moment_the_step_and_the_values() {
        let (_dir, path) = file();
        let book = Acknowledgements::create(&path).unwrap();
        let mut sink = book.sink();
        let every: String = (0..0x300)
            .filter_map(char::from_u32)
            .chain(['\u{2028}', '🦀'])
            .collect();
        sink.write(
            1_732_000_000_000_000,
            "shop / \"pay\"",
            [("user", "anna"), ("a\\b", &every)],
        );
        sink.write(-1, "s", []);
        drop(sink);
        assert_eq!(book.finish().unwrap(), 2);
        let expected =
            json!({"at": 1_732_000_000_000_000_i64, "step": "shop / \"pay\"", "user": "anna", "a\\b": every});
        assert_eq!(lines(&path), [expected, json!({"at": -1, "step": "s"})]);
    }

    #[test]
    fn a_line_that_is_not_completed_is_taken_back() {
        let (_dir, path) = file();
        let book = Acknowledgements::create(&path).unwrap();
        let mut sink = book.sink();
        sink.write(1, "a", []);
        sink.line(2, "b").field("user", "anna");
        sink.write(3, "c", []);
        sink.flush();
        assert_eq!(book.finish().unwrap(), 2);
        assert_eq!(lines(&path).len(), 2);
    }

    #[test]
    fn lines_of_many_threads_are_whole_and_counted() {
        let (_dir, path) = file();
        let book = Acknowledgements::create(&path).unwrap();
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let mut sink = book.sink();
                thread::spawn(move || {
                    for n in 0..20_000 {
                        sink.write(n, "step", [("thread", ["a", "b", "c", "d"][thread])]);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(book.finish().unwrap(), 80_000);
        let lines = lines(&path);
        for thread in ["a", "b", "c", "d"] {
            let mut own = lines.iter().filter(|line| line["thread"] == thread);
            assert!(
                (0..20_000).all(|n| own.next().is_some_and(|line| line["at"] == n)),
                "in order"
            );
        }
        assert_eq!(lines.len(), 80_000);
    }

    #[test]
    fn a_full_disk_is_reported_once_and_stops_nobody() {
        let book = Acknowledgements::create("/dev/full").unwrap();
        let mut sink = book.sink();
        let long = "x".repeat(1000);
        // More than may wait.
        for n in 0..(MOST_WAITING * BUFFER / 500) as i64 {
            sink.write(n, "step", [("long", long.as_str())]);
        }
        drop(sink);
        let error = book.finish().unwrap_err().to_string();
        assert!(error.starts_with("/dev/full: No space left"), "{error}");
    }

    #[test]
    fn a_file_that_cannot_be_written_fails_beforehand() {
        let error = Acknowledgements::create("/nowhere/acks.ndjson").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/nowhere/acks.ndjson: No such file"),
            "{error}"
        );
    }
}
