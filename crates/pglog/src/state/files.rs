//! Which logs were read, and how far. A log is known by its first bytes, not by its name or inode: it may be renamed, copied and
//! truncated, compressed, and its name used again.

use serde::{Deserialize, Serialize};

use super::ReadLog;
use crate::hash::hash;

/// Bytes by which a log is known, or as many as it has.
pub const START: usize = 4096;
/// Most logs that are remembered: those read last.
const MOST: usize = 10_000;

/// A log that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownFile {
    /// As it was named last, for people only.
    pub name: String,
    /// A hash of its first `start_bytes` bytes.
    pub start: u64,
    /// How many bytes that are.
    pub start_bytes: u64,
    /// How far it was read, uncompressed bytes.
    pub read: u64,
}

/// A log's first bytes, by which it is known.
pub fn identity(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(START)]
}

/// All logs that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReadLogs(Vec<KnownFile>);

impl ReadLogs {
    /// How far a log was read that begins with `start`, in uncompressed bytes; 0 when it is new.
    pub fn read_of(&self, start: &[u8]) -> u64 {
        self.find(identity(start)).map_or(0, |i| self.0[i].read)
    }

    /// The log that begins like this: of several the one that more bytes speak for.
    fn find(&self, start: &[u8]) -> Option<usize> {
        let is_it = |file: &KnownFile| {
            let length = file.start_bytes as usize;
            length > 0 && start.len() >= length && hash(&start[..length]) == file.start
        };
        let found = self.0.iter().enumerate().filter(|(_, f)| is_it(f));
        found.max_by_key(|(_, f)| f.start_bytes).map(|(i, _)| i)
    }

    /// Notes how far a log was read.
    pub fn note(&mut self, log: &ReadLog) {
        let start = identity(&log.start);
        // Of a log that ends in the middle of its first record nothing was read, and nothing is known by it.
        let length = start.len().min(usize::try_from(log.read).unwrap_or(usize::MAX));
        let known = self.find(start).map(|i| self.0.remove(i));
        if length == 0 {
            self.0.extend(known);
            return;
        }
        self.0.push(KnownFile {
            name: log.name.clone(),
            start: hash(&start[..length]),
            start_bytes: length as u64,
            read: log.read.max(known.map_or(0, |k| k.read)),
        });
        if self.0.len() > MOST {
            self.0.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(start: &str, read: u64) -> ReadLog {
        ReadLog {
            name: "x".to_owned(),
            start: start.into(),
            read,
        }
    }

    #[test]
    fn a_log_that_grows_stays_the_same_log() {
        let mut files = ReadLogs::default();
        files.note(&log("one\n", 4));
        assert_eq!(files.read_of(b"one\ntwo\n"), 4);
        files.note(&log("one\ntwo\n", 8));
        assert_eq!(files.0.len(), 1);
        assert_eq!(files.read_of(b"one\ntwo\nthree\n"), 8);
        assert_eq!(
            files.read_of(b"one\n"),
            0,
            "shorter than what was read: another log"
        );
        assert_eq!(files.read_of(b"other\n"), 0);
    }

    #[test]
    fn a_log_of_which_nothing_was_read_is_not_known() {
        let mut files = ReadLogs::default();
        files.note(&log("cut", 0));
        assert_eq!(files, ReadLogs::default());
    }
}
