//! Temporary files.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Amount, AmountBucket, Builder, CallerAmount, StatementAmount};
use crate::report::text::{Done, shortened, title, wrapped};
use crate::report::words::{bytes, count};
use crate::totals;

/// Temporary files, bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TemporaryFiles {
    /// All.
    pub all: Amount,
    /// By statement, the most bytes first.
    pub statements: Vec<StatementAmount>,
    /// By whom, the most bytes first.
    pub callers: Vec<CallerAmount>,
    /// Five minutes each.
    pub series: Vec<AmountBucket>,
}

pub(super) fn build(builder: &Builder<'_>, files: &totals::TemporaryFiles) -> TemporaryFiles {
    let callers = files
        .callers
        .largest(builder.settings.names, |a| (a.sum, a.count));
    TemporaryFiles {
        all: files.all.into(),
        statements: builder.amounts(&files.statements),
        callers: callers
            .into_iter()
            .map(|(caller, amount)| CallerAmount {
                application: caller.application.to_string(),
                user: caller.user.to_string(),
                database: caller.database.to_string(),
                amount: (*amount).into(),
            })
            .collect(),
        series: builder.series(&files.series),
    }
}

pub(super) fn write(out: &mut String, files: &TemporaryFiles, top: usize) -> Done {
    if files.all.count == 0 {
        return Ok(());
    }
    title(out, "Temporary files: more work_mem, or another plan")?;
    writeln!(
        out,
        "{:>11}  files, {}, the largest {}",
        count(files.all.count),
        bytes(files.all.sum),
        bytes(files.all.max)
    )?;
    writeln!(out, "{:>9} {:>9} {:>9}  statement", "bytes", "files", "largest")?;
    for s in files.statements.iter().take(top) {
        let a = &s.amount;
        writeln!(
            out,
            "{:>9} {:>9} {:>9}  {}",
            bytes(a.sum),
            count(a.count),
            bytes(a.max),
            s.id.get(..8).unwrap_or("not logged")
        )?;
        if !s.text.is_empty() {
            wrapped(out, "    ", "    ", &shortened(&s.text, 150))?;
        }
    }
    Ok(())
}
