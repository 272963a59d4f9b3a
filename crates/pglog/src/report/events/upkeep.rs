//! Checkpoints and autovacuum.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::Builder;
use crate::report::text::{Done, shortened, title};
use crate::report::words::{bytes, count, length};
use crate::totals::{self, CheckpointTotals, TableTotals, WorkTotals};

/// Checkpoints and restartpoints.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoints {
    /// How many began.
    pub begun: u64,
    /// All that were done.
    pub all: Checkpoint,
    /// By reason, the most first.
    pub reasons: Vec<Checkpoint>,
    /// Five minutes each.
    pub series: Vec<Checkpoint>,
}

/// Checkpoints added up. Times are µs. What a version does not log is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The reason, or when the five minutes begin; of all together empty.
    pub name: String,
    /// How many.
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
    pub write_micros: u64,
    /// Syncing.
    pub sync_micros: u64,
    /// In all.
    pub total_micros: u64,
    /// The longest.
    pub max_micros: u64,
    /// Files synced.
    pub sync_files: u64,
    /// The longest sync of a file.
    pub longest_sync_micros: u64,
    /// WAL since the checkpoint before, kB, added up.
    pub distance_kb: u64,
    /// PostgreSQL's last estimate of the next distance, kB.
    pub estimate_kb: u64,
    /// Times that they were too frequent.
    pub too_frequent: u64,
}

/// Autovacuum.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Vacuums {
    /// All tables.
    pub all: Table,
    /// By table, the most time first.
    pub tables: Vec<Table>,
    /// Five minutes each.
    pub series: Vec<VacuumBucket>,
}

/// What autovacuum did to a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// `database.schema.table`; of all together empty.
    pub table: String,
    /// Vacuum.
    pub vacuum: Work,
    /// Analyze.
    pub analyze: Work,
    /// Times that a lock stood in the way.
    pub skipped: u64,
    /// Times that it made way for a lock.
    pub cancelled: u64,
}

/// Runs added up. What a version does not log is 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Runs.
    pub count: u64,
    /// Of them, aggressive ones.
    pub aggressive: u64,
    /// Of them, those against wraparound.
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
    /// WAL records (13).
    pub wal_records: u64,
    /// Whole pages in WAL (13).
    pub wal_images: u64,
    /// Bytes of WAL (13).
    pub wal_bytes: u64,
    /// µs of the processor.
    pub cpu_micros: u64,
    /// µs from begin to end.
    pub micros: u64,
    /// µs of the longest run.
    pub max_micros: u64,
}

/// Five minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VacuumBucket {
    /// When they begin.
    pub from: String,
    /// Vacuums that ended.
    pub vacuums: u64,
    /// Analyzes that ended.
    pub analyzes: u64,
    /// µs that they took.
    pub micros: u64,
}

fn checkpoint(name: String, c: &CheckpointTotals) -> Checkpoint {
    Checkpoint {
        name,
        count: c.count,
        restartpoints: c.restartpoints,
        buffers: c.buffers,
        slru_buffers: c.slru_buffers,
        wal_added: c.wal_added,
        wal_removed: c.wal_removed,
        wal_recycled: c.wal_recycled,
        write_micros: c.write,
        sync_micros: c.sync,
        total_micros: c.total,
        max_micros: c.longest,
        sync_files: c.sync_files,
        longest_sync_micros: c.longest_sync,
        distance_kb: c.distance,
        estimate_kb: c.estimate,
        too_frequent: c.too_frequent,
    }
}

pub(super) fn checkpoints(builder: &Builder<'_>, c: &totals::Checkpoints) -> Checkpoints {
    let reason = |reason: &str, c: &CheckpointTotals| {
        let name = if reason.is_empty() { "not logged" } else { reason };
        checkpoint(name.to_owned(), c)
    };
    Checkpoints {
        begun: c.begun,
        all: checkpoint(String::new(), &c.all),
        reasons: c
            .reasons
            .largest(usize::MAX, |c| c.count)
            .into_iter()
            .map(|(name, c)| reason(name, c))
            .collect(),
        series: c
            .series
            .iter()
            .map(|(from, c)| checkpoint(builder.time(*from), c))
            .collect(),
    }
}

fn work(w: &WorkTotals) -> Work {
    Work {
        count: w.count,
        aggressive: w.aggressive,
        wraparound: w.wraparound,
        index_scans: w.index_scans,
        pages_removed: w.pages_removed,
        pages_remain: w.pages_remain,
        tuples_removed: w.tuples_removed,
        tuples_remain: w.tuples_remain,
        tuples_dead: w.tuples_dead,
        hits: w.hits,
        misses: w.misses,
        dirtied: w.dirtied,
        wal_records: w.wal_records,
        wal_images: w.wal_images,
        wal_bytes: w.wal_bytes,
        cpu_micros: w.cpu,
        micros: w.elapsed,
        max_micros: w.longest,
    }
}

fn table(name: &str, t: &TableTotals) -> Table {
    Table {
        table: crate::clean(name).into_owned(),
        vacuum: work(&t.vacuum),
        analyze: work(&t.analyze),
        skipped: t.skipped,
        cancelled: t.cancelled,
    }
}

pub(super) fn vacuums(builder: &Builder<'_>, v: &totals::Vacuums) -> Vacuums {
    let key = |t: &TableTotals| {
        (
            t.vacuum.elapsed + t.analyze.elapsed,
            t.vacuum.count,
            t.analyze.count,
        )
    };
    Vacuums {
        all: table("", &v.all),
        tables: v
            .tables
            .largest(builder.settings.names, key)
            .into_iter()
            .map(|(name, t)| table(name, t))
            .collect(),
        series: v
            .series
            .iter()
            .map(|(from, b)| VacuumBucket {
                from: builder.time(*from),
                vacuums: b.vacuums,
                analyzes: b.analyzes,
                micros: b.micros,
            })
            .collect(),
    }
}

pub(super) fn write_checkpoints(out: &mut String, c: &Checkpoints) -> Done {
    if c.begun + c.all.count + c.all.too_frequent == 0 {
        return Ok(());
    }
    title(out, "Checkpoints")?;
    let all = &c.all;
    writeln!(
        out,
        "{:>11}  done, {} of them restartpoints; {} buffers, {} WAL",
        count(all.count),
        count(all.restartpoints),
        count(all.buffers),
        bytes(all.distance_kb.saturating_mul(1000))
    )?;
    writeln!(
        out,
        "{:>11}  in all; writing {}, syncing {}, the longest {}",
        length(all.total_micros),
        length(all.write_micros),
        length(all.sync_micros),
        length(all.max_micros)
    )?;
    writeln!(
        out,
        "{:>11}  WAL files added, {} removed, {} recycled",
        count(all.wal_added),
        count(all.wal_removed),
        count(all.wal_recycled)
    )?;
    if all.too_frequent > 0 {
        let times = count(all.too_frequent);
        writeln!(out, "{times:>11}  times too frequent: raise max_wal_size")?;
    }
    for reason in &c.reasons {
        writeln!(
            out,
            "{:>11}  {} ({} buffers)",
            count(reason.count),
            reason.name,
            count(reason.buffers)
        )?;
    }
    Ok(())
}

pub(super) fn write_vacuums(out: &mut String, v: &Vacuums, top: usize) -> Done {
    if v.tables.is_empty() {
        return Ok(());
    }
    title(out, "Autovacuum")?;
    writeln!(
        out,
        "{:>11} {:>9} {:>9} {:>13} {:>11} {:>9}  table",
        "time", "vacuums", "analyzes", "rows gone", "not yet", "WAL"
    )?;
    for t in v.tables.iter().take(top) {
        writeln!(
            out,
            "{:>11} {:>9} {:>9} {:>13} {:>11} {:>9}\n    {}",
            length(t.vacuum.micros + t.analyze.micros),
            count(t.vacuum.count),
            count(t.analyze.count),
            count(t.vacuum.tuples_removed),
            count(t.vacuum.tuples_dead),
            bytes(t.vacuum.wal_bytes),
            shortened(&t.table, 76)
        )?;
        let notes = [
            (t.vacuum.aggressive, "aggressive"),
            (t.vacuum.wraparound, "against wraparound"),
            (t.skipped, "skipped for a lock"),
            (t.cancelled, "made way for a lock"),
        ];
        for (times, what) in notes.iter().filter(|(times, _)| *times > 0) {
            writeln!(out, "{:>11} {what}", count(*times))?;
        }
    }
    Ok(())
}
