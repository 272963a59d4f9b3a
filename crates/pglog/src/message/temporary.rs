//! `log_temp_files`: `temporary file: path "base/pgsql_tmp/pgsql_tmp123.0", size 14000000`.

use super::scan;
use crate::parse::Scribe;
use crate::record::Record;

/// A temporary file that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemporaryFile {
    /// Its size.
    pub bytes: u64,
    /// Index of the statement that needed it.
    pub statement: Option<u32>,
}

/// Reads a record that begins with `temporary file: `.
pub(super) fn told(record: &Record<'_>, scribe: &mut Scribe<'_, '_>) -> Option<TemporaryFile> {
    let rest = record.message.strip_prefix(b"temporary file: ")?;
    let bytes = scan::number(scan::behind(rest, "\", size ")?)?;
    let statement = record.statement.as_deref().map(|sql| scribe.statement(sql).0);
    Some(TemporaryFile { bytes, statement })
}
