//! `log_checkpoints`: checkpoints and restartpoints, versions 12 to 18.

use super::scan::{self, behind, millionths_behind, number, number_before};

/// What a checkpoint did. Fields that a version does not log are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Buffers written.
    pub buffers: u64,
    /// SLRU buffers written (17).
    pub slru_buffers: u64,
    /// WAL files added.
    pub wal_added: u64,
    /// WAL files removed.
    pub wal_removed: u64,
    /// WAL files recycled.
    pub wal_recycled: u64,
    /// µs of writing.
    pub write: u64,
    /// µs of syncing.
    pub sync: u64,
    /// µs in all.
    pub total: u64,
    /// Files synced.
    pub sync_files: u64,
    /// Longest sync, µs.
    pub longest_sync: u64,
    /// Average sync, µs.
    pub average_sync: u64,
    /// WAL since the checkpoint before, kB.
    pub distance: u64,
    /// PostgreSQL's estimate of it, kB.
    pub estimate: u64,
}

/// A record about a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checkpoint {
    /// It begins, for these reasons.
    Starting {
        /// On a standby.
        is_restartpoint: bool,
        /// In PostgreSQL's words.
        reasons: Box<str>,
    },
    /// It is done.
    Complete {
        /// On a standby.
        is_restartpoint: bool,
        /// What it did.
        done: Box<Done>,
    },
    /// `checkpoints are occurring too frequently`.
    TooFrequent {
        /// Seconds between two.
        seconds: u64,
    },
}

/// PostgreSQL's words for why a checkpoint begins.
const REASONS: [&str; 12] = [
    "shutdown",
    "end-of-recovery",
    "immediate",
    "fast",
    "force",
    "wait",
    "wal",
    "xlog",
    "time",
    "flush-all",
    "flush-unlogged",
    "requested",
];

/// Reads a message.
pub(super) fn told(message: &[u8]) -> Option<Checkpoint> {
    if let Some(rest) = message.strip_prefix(b"checkpoints are occurring too frequently (") {
        let seconds = number(rest)?;
        return Some(Checkpoint::TooFrequent { seconds });
    }
    let (is_restartpoint, rest) = match message.strip_prefix(b"checkpoint ") {
        Some(rest) => (false, rest),
        None => (true, message.strip_prefix(b"restartpoint ")?),
    };
    if let Some(words) = rest.strip_prefix(b"starting:") {
        let words = words
            .split(|b| *b == b' ')
            .filter_map(|word| REASONS.iter().find(|r| r.as_bytes() == word).copied());
        let reasons = words.collect::<Vec<_>>().join(" ").into();
        return Some(Checkpoint::Starting {
            is_restartpoint,
            reasons,
        });
    }
    let rest = rest.strip_prefix(b"complete: wrote ")?;
    let seconds = |mark| millionths_behind(rest, mark).unwrap_or(0);
    let done = Done {
        buffers: number(rest)?,
        slru_buffers: number_before(rest, " SLRU buffers").unwrap_or(0),
        wal_added: number_before(rest, " WAL file(s) added").unwrap_or(0),
        wal_removed: number_before(rest, " removed").unwrap_or(0),
        wal_recycled: number_before(rest, " recycled").unwrap_or(0),
        write: seconds("; write="),
        sync: seconds(", sync="),
        total: seconds(", total="),
        sync_files: behind(rest, "sync files=").and_then(number).unwrap_or(0),
        longest_sync: seconds(", longest="),
        average_sync: seconds(", average="),
        distance: behind(rest, "; distance=").and_then(scan::number).unwrap_or(0),
        estimate: behind(rest, ", estimate=").and_then(scan::number).unwrap_or(0),
    };
    Some(Checkpoint::Complete {
        is_restartpoint,
        done: Box::new(done),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(message: &str) -> Done {
        match told(message.as_bytes()) {
            Some(Checkpoint::Complete { done, .. }) => *done,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_field_of_every_version_is_read() {
        let all = Done {
            buffers: 4013,
            slru_buffers: 0,
            wal_added: 1,
            wal_removed: 2,
            wal_recycled: 31,
            write: 26_968_000,
            sync: 17_000,
            total: 27_013_000,
            sync_files: 58,
            longest_sync: 12_000,
            average_sync: 1_000,
            distance: 524_421,
            estimate: 530_000,
        };
        let tail = "1 WAL file(s) added, 2 removed, 31 recycled; write=26.968 s, sync=0.017 s, total=27.013 s; sync files=58, longest=0.012 s, average=0.001 s; distance=524421 kB, estimate=530000 kB";
        assert_eq!(
            done(&format!(
                "checkpoint complete: wrote 4013 buffers (24.5%); {tail}"
            )),
            all
        );
        assert_eq!(
            done(&format!(
                "restartpoint complete: wrote 4013 buffers (24.5%); {tail}; lsn=0/5F4A8D8, redo lsn=0/5F4A8A0"
            )),
            all
        );
        assert_eq!(
            done(&format!(
                "checkpoint complete: wrote 4013 buffers (24.5%), wrote 3 SLRU buffers; {tail}; lsn=0/5F4A8D8, redo lsn=0/5F4A8A0"
            )),
            Done {
                slru_buffers: 3,
                ..all
            }
        );
    }

    #[test]
    fn reasons_are_postgresqls_words_only() {
        let reasons = |message: &str| match told(message.as_bytes()) {
            Some(Checkpoint::Starting { reasons, .. }) => reasons.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            reasons("checkpoint starting: immediate force wait"),
            "immediate force wait"
        );
        assert_eq!(reasons("checkpoint starting: fast secret wait"), "fast wait");
        assert_eq!(
            told(b"checkpoints are occurring too frequently (9 seconds apart)"),
            Some(Checkpoint::TooFrequent { seconds: 9 })
        );
    }
}
