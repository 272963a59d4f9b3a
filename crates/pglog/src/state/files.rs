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

/// The log that begins like this: of several the one that more bytes speak for.
pub(super) fn find(files: &[KnownFile], start: &[u8]) -> Option<usize> {
    let is_it = |file: &KnownFile| {
        let length = file.start_bytes as usize;
        length > 0 && start.len() >= length && hash(&start[..length]) == file.start
    };
    let found = files.iter().enumerate().filter(|(_, f)| is_it(f));
    found.max_by_key(|(_, f)| f.start_bytes).map(|(i, _)| i)
}

/// Notes how far a log was read.
pub(super) fn note(files: &mut Vec<KnownFile>, log: &ReadLog) {
    let start = identity(&log.start);
    // Bytes that were not read yet may change still: a cut record may be overwritten by nothing else, but a log of less than
    // one record is known by nothing.
    let length = start.len().min(usize::try_from(log.read).unwrap_or(usize::MAX));
    let known = find(files, start).map(|i| files.remove(i));
    if length == 0 {
        files.extend(known);
        return;
    }
    files.push(KnownFile {
        name: log.name.clone(),
        start: hash(&start[..length]),
        start_bytes: length as u64,
        read: log.read.max(known.map_or(0, |k| k.read)),
    });
    if files.len() > MOST {
        files.remove(0);
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
        let mut files = Vec::new();
        note(&mut files, &log("one\n", 4));
        assert_eq!(find(&files, b"one\ntwo\n"), Some(0));
        note(&mut files, &log("one\ntwo\n", 8));
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].read, 8);
        assert_eq!(
            find(&files, b"one\n"),
            None,
            "shorter than what was read: another log"
        );
        assert_eq!(find(&files, b"other\n"), None);
    }

    #[test]
    fn a_log_of_which_nothing_was_read_is_not_known() {
        let mut files = Vec::new();
        note(&mut files, &log("cut", 0));
        assert_eq!(files, []);
    }
}
