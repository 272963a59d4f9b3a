//! What the server does by itself: checkpoints and autovacuum.

use serde::{Deserialize, Serialize};

use super::ledger::{Ledger, Merge};
use crate::message::checkpoint::Done;
use crate::message::vacuum::Work;

/// Checkpoints added up. Times are µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointTotals {
    /// How many were done.
    pub count: u64,
    /// Of them, restartpoints.
    pub restartpoints: u64,
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
    /// Writing.
    pub write: u64,
    /// Syncing.
    pub sync: u64,
    /// In all.
    pub total: u64,
    /// The longest of all.
    pub longest: u64,
    /// Files synced.
    pub sync_files: u64,
    /// The longest sync of a file.
    pub longest_sync: u64,
    /// WAL between checkpoints, kB.
    pub distance: u64,
    /// PostgreSQL's last estimate of it, kB.
    pub estimate: u64,
    /// Times that they were too frequent.
    pub too_frequent: u64,
}

impl CheckpointTotals {
    /// One more.
    pub fn add(&mut self, done: &Done, is_restartpoint: bool) {
        self.merge(&Self {
            count: 1,
            restartpoints: u64::from(is_restartpoint),
            buffers: done.buffers,
            slru_buffers: done.slru_buffers,
            wal_added: done.wal_added,
            wal_removed: done.wal_removed,
            wal_recycled: done.wal_recycled,
            write: done.write,
            sync: done.sync,
            total: done.total,
            longest: done.total,
            sync_files: done.sync_files,
            longest_sync: done.longest_sync,
            distance: done.distance,
            estimate: done.estimate,
            too_frequent: 0,
        });
    }
}

impl Merge for CheckpointTotals {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.restartpoints += other.restartpoints;
        self.buffers += other.buffers;
        self.slru_buffers += other.slru_buffers;
        self.wal_added += other.wal_added;
        self.wal_removed += other.wal_removed;
        self.wal_recycled += other.wal_recycled;
        self.write += other.write;
        self.sync += other.sync;
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
        self.sync_files += other.sync_files;
        self.longest_sync = self.longest_sync.max(other.longest_sync);
        self.distance += other.distance;
        if other.count > 0 {
            self.estimate = other.estimate;
        }
        self.too_frequent += other.too_frequent;
    }
}

/// All checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// All.
    pub all: CheckpointTotals,
    /// How many began.
    pub begun: u64,
    /// By reason; empty: it is not logged.
    pub reasons: Ledger<Box<str>, CheckpointTotals, 100>,
    /// By the beginning of five minutes, µs since 1970 UTC.
    pub series: Ledger<i64, CheckpointTotals, 100_000>,
}

impl Merge for Checkpoints {
    fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        self.begun += other.begun;
        self.reasons.merge(&other.reasons);
        self.series.merge(&other.series);
    }
}

/// Runs of autovacuum or autoanalyze added up. Times are µs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkTotals {
    /// Runs.
    pub count: u64,
    /// Runs that read all pages that may hold old rows.
    pub aggressive: u64,
    /// Runs so that transaction numbers do not run out.
    pub wraparound: u64,
    /// Times that the indexes were read.
    pub index_scans: u64,
    /// Pages cut off.
    pub pages_removed: u64,
    /// Pages left by the last run.
    pub pages_remain: u64,
    /// Dead rows removed.
    pub tuples_removed: u64,
    /// Rows left by the last run.
    pub tuples_remain: u64,
    /// The most dead rows that could not be removed yet.
    pub tuples_dead: u64,
    /// Pages found in the cache.
    pub hits: u64,
    /// Pages read.
    pub misses: u64,
    /// Pages changed.
    pub dirtied: u64,
    /// WAL records.
    pub wal_records: u64,
    /// Whole pages in WAL.
    pub wal_images: u64,
    /// Bytes of WAL.
    pub wal_bytes: u64,
    /// Processor, user mode and system.
    pub cpu: u64,
    /// From begin to end.
    pub elapsed: u64,
    /// The longest run.
    pub longest: u64,
}

impl WorkTotals {
    /// One more.
    pub fn add(&mut self, work: &Work) {
        self.merge(&Self {
            count: 1,
            aggressive: u64::from(work.is_aggressive),
            wraparound: u64::from(work.prevents_wraparound),
            index_scans: work.index_scans,
            pages_removed: work.pages_removed,
            pages_remain: work.pages_remain,
            tuples_removed: work.tuples_removed,
            tuples_remain: work.tuples_remain,
            tuples_dead: work.tuples_dead,
            hits: work.hits,
            misses: work.misses,
            dirtied: work.dirtied,
            wal_records: work.wal_records,
            wal_images: work.wal_images,
            wal_bytes: work.wal_bytes,
            cpu: work.user.saturating_add(work.system),
            elapsed: work.elapsed,
            longest: work.elapsed,
        });
    }
}

impl Merge for WorkTotals {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.aggressive += other.aggressive;
        self.wraparound += other.wraparound;
        self.index_scans += other.index_scans;
        self.pages_removed += other.pages_removed;
        self.tuples_removed += other.tuples_removed;
        if other.count > 0 {
            self.pages_remain = other.pages_remain;
            self.tuples_remain = other.tuples_remain;
        }
        self.tuples_dead = self.tuples_dead.max(other.tuples_dead);
        self.hits += other.hits;
        self.misses += other.misses;
        self.dirtied += other.dirtied;
        self.wal_records += other.wal_records;
        self.wal_images += other.wal_images;
        self.wal_bytes += other.wal_bytes;
        self.cpu += other.cpu;
        self.elapsed += other.elapsed;
        self.longest = self.longest.max(other.longest);
    }
}

/// What autovacuum did to a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableTotals {
    /// Vacuum.
    pub vacuum: WorkTotals,
    /// Analyze.
    pub analyze: WorkTotals,
    /// Times that a lock stood in the way.
    pub skipped: u64,
    /// Times that it made way for a lock.
    pub cancelled: u64,
}

impl Merge for TableTotals {
    fn merge(&mut self, other: &Self) {
        self.vacuum.merge(&other.vacuum);
        self.analyze.merge(&other.analyze);
        self.skipped += other.skipped;
        self.cancelled += other.cancelled;
    }
}

/// Autovacuum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vacuums {
    /// All tables together.
    pub all: TableTotals,
    /// By table, `database.schema.table`.
    pub tables: Ledger<Box<str>, TableTotals, 10_000>,
    /// By the beginning of five minutes, µs since 1970 UTC: (vacuums, analyzes, µs).
    pub series: Ledger<i64, VacuumBucket, 100_000>,
}

/// Five minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VacuumBucket {
    /// Vacuums that ended.
    pub vacuums: u64,
    /// Analyzes that ended.
    pub analyzes: u64,
    /// µs that they took.
    pub micros: u64,
}

impl Merge for VacuumBucket {
    fn merge(&mut self, other: &Self) {
        self.vacuums += other.vacuums;
        self.analyzes += other.analyzes;
        self.micros += other.micros;
    }
}

impl Merge for Vacuums {
    fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        self.tables.merge(&other.tables);
        self.series.merge(&other.series);
    }
}
