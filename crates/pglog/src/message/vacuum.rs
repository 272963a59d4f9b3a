//! `log_autovacuum_min_duration`: what autovacuum did to a table, versions 12 to 18.

use super::scan::{self, behind, millionths_behind, number_before};

/// What autovacuum did. Fields that a version does not log are 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// `database.schema.table`.
    pub table: Box<str>,
    /// `automatic analyze`.
    pub is_analyze: bool,
    /// It read all pages that may hold old rows.
    pub is_aggressive: bool,
    /// It ran so that transaction numbers do not run out.
    pub prevents_wraparound: bool,
    /// Times that the indexes were read.
    pub index_scans: u64,
    /// Pages cut off at the end.
    pub pages_removed: u64,
    /// Pages left.
    pub pages_remain: u64,
    /// Dead rows removed.
    pub tuples_removed: u64,
    /// Rows left.
    pub tuples_remain: u64,
    /// Dead rows that somebody may still see.
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
    /// µs of the processor in user mode.
    pub user: u64,
    /// µs of the processor in the system.
    pub system: u64,
    /// µs from begin to end.
    pub elapsed: u64,
}

/// A record about autovacuum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vacuum {
    /// It worked on a table.
    Done(Box<Work>),
    /// It left a table alone, because of a lock or because the table had gone.
    Skipped {
        /// The table, without its database.
        table: Box<str>,
        /// `skipping analyze`.
        is_analyze: bool,
    },
}

/// Reads a message.
pub(super) fn told(message: &[u8]) -> Option<Vacuum> {
    if let Some(rest) = message.strip_prefix(b"skipping ") {
        let is_analyze = rest.starts_with(b"analyze of ");
        if !is_analyze && !rest.starts_with(b"vacuum of ") {
            return None;
        }
        let is_lock = behind(rest, "\" --- lock not available").is_some();
        if !is_lock && behind(rest, "\" --- relation no longer exists").is_none() {
            return None;
        }
        let table = scan::quoted(rest)?.into();
        return Some(Vacuum::Skipped { table, is_analyze });
    }
    let rest = message.strip_prefix(b"automatic ")?;
    let (head, rest) = scan::split(rest, "of table \"")?;
    let is_analyze = head == b"analyze ";
    if !is_analyze && memchr::memmem::find(head, b"vacuum").is_none() {
        return None;
    }
    let (table, rest) = scan::split(rest, "\"")?;
    if !scan::is_name(table) {
        return None;
    }
    let mut work = Work {
        table: String::from_utf8_lossy(table).into(),
        is_analyze,
        is_aggressive: head.starts_with(b"aggressive"),
        prevents_wraparound: behind(head, "to prevent wraparound").is_some(),
        index_scans: behind(rest, "index scans: ").and_then(scan::number).unwrap_or(0),
        ..Work::default()
    };
    for line in scan::lines(rest) {
        work.line(line.trim_ascii());
    }
    Some(Vacuum::Done(Box::new(work)))
}

impl Work {
    fn line(&mut self, line: &[u8]) {
        let of = |mark| number_before(line, mark).unwrap_or(0);
        if line.starts_with(b"pages: ") {
            self.pages_removed = of(" removed");
            self.pages_remain = of(" remain");
        } else if line.starts_with(b"tuples: ") {
            self.tuples_removed = of(" removed");
            self.tuples_remain = of(" remain");
            self.tuples_dead = of(" are dead but not yet removable");
        } else if line.starts_with(b"buffer usage: ") {
            self.hits = of(" hits");
            // `misses` up to 17, then `reads`.
            self.misses = of(" misses") + of(" reads");
            self.dirtied = of(" dirtied");
        } else if line.starts_with(b"WAL usage: ") {
            self.wal_records = of(" records");
            self.wal_images = of(" full page images");
            self.wal_bytes = of(" bytes");
        } else if let Some(usage) = behind(line, "system usage: CPU: ") {
            let seconds = |mark| millionths_behind(usage, mark).unwrap_or(0);
            self.user = seconds("user: ");
            self.system = seconds("system: ");
            self.elapsed = seconds("elapsed: ");
        }
    }
}
