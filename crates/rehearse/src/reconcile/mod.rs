//! Compares what was acknowledged with what the application holds: lost, doubled, different.
//!
//! Rows are told apart by a key, some columns together; other columns are compared. Of each acknowledged row a hash of
//! its key (128 bits) and of its compared values (64 bits) is kept in memory, 65 bytes at worst; what the application
//! holds streams past it. `docs/reconcile.md` is the guide.

mod acknowledged;
mod canonical;
mod database;
mod held;
mod ledger;
mod outcome;

use std::path::PathBuf;

use ledger::{Ledger, key_of};
pub use outcome::{Difference, Finding, Outcome, Sample};

use crate::Error;

/// How many samples of each finding are kept.
pub(crate) const SAMPLES: usize = 10;

/// What is compared with what, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file that a rehearsal wrote with `--acknowledged`.
    pub acknowledged: PathBuf,
    /// Only the lines of this step, `journey / step` or the step's name alone; None for all.
    pub step: Option<String>,
    /// What the application holds.
    pub held: Held,
    /// The columns that together say which row it is; at least one. They are compared as text.
    pub key: Vec<String>,
    /// The columns whose values must be equal, as JSON if both are JSON, as text otherwise.
    pub compare: Vec<String>,
    /// Whether rows that are held but were never acknowledged fail the comparison.
    pub no_extra: bool,
    /// Whether samples hold the values that differ, and not only the names of their columns.
    pub show_values: bool,
}

/// Where the rows that the application holds come from. In both, no value is the same as an empty one.
#[derive(Debug, Clone)]
pub enum Held {
    /// A CSV file with a header line.
    Csv(PathBuf),
    /// A query to a PostgreSQL database, in a transaction that only reads.
    Database {
        /// `postgres://user@host/name` or `host=… dbname=…`. Plain over a socket or loopback, elsewhere TLS with a
        /// verified certificate (unless `sslmode=disable`).
        url: String,
        /// The query; its columns are matched by name.
        query: String,
    },
}

/// Compares.
///
/// # Errors
/// [`Error::File`] for a file that cannot be read, [`Error::Target`] for a database that cannot be asked,
/// [`Error::Bad`] for a line, a column or a query that makes no sense. What was lost is no error: see
/// [`Outcome::passed`].
pub fn reconcile(options: &Options) -> Result<Outcome, Error> {
    let columns = columns(options)?;
    let mut ledger = Ledger::new(options.key.len());
    let acknowledged = acknowledged::read(options, &columns, &mut |row| ledger.acknowledge(row))?;
    if acknowledged.lines > 0 {
        held::read(options, &columns, &mut |row| ledger.hold(row))?;
    }
    let mut outcome = ledger.outcome(options);
    outcome.acknowledged_lines = acknowledged.lines;
    outcome.torn_line = acknowledged.torn;
    if outcome.lost.count > 0 || !outcome.different.samples.is_empty() {
        let mut samples = Samples::of(&mut outcome, options);
        acknowledged::read(options, &columns, &mut |row| samples.look_at(&ledger, row))?;
    }
    outcome.judge();
    Ok(outcome)
}

/// The key's columns, then the compared ones.
fn columns(options: &Options) -> Result<Vec<String>, Error> {
    let columns: Vec<String> = options.key.iter().chain(&options.compare).cloned().collect();
    if options.key.is_empty() {
        return Err(Error::bad("--key names no column"));
    }
    for (at, column) in columns.iter().enumerate() {
        if columns[..at].contains(column) {
            return Err(Error::bad(format!(
                "column {column:?} is named twice in --key and --compare"
            )));
        }
    }
    Ok(columns)
}

/// What only the acknowledged rows themselves can tell of the samples: they are read a second time for it.
struct Samples<'a> {
    outcome: &'a mut Outcome,
    /// The keys of the samples of different values, and what is held of them.
    different: Vec<(ledger::Key, Vec<String>)>,
    lost: Vec<ledger::Key>,
    options: &'a Options,
}

impl<'a> Samples<'a> {
    fn of(outcome: &'a mut Outcome, options: &'a Options) -> Self {
        let different = outcome.different.samples.iter_mut();
        Self {
            different: different
                .map(|sample| (key_of(&sample.key), std::mem::take(&mut sample.held)))
                .collect(),
            outcome,
            lost: Vec::new(),
            options,
        }
    }

    fn look_at(&mut self, ledger: &Ledger, row: &[String]) {
        let (key, values) = row.split_at(self.options.key.len());
        let hash = key_of(key);
        if self.lost.len() < SAMPLES && ledger.is_lost(hash) && !self.lost.contains(&hash) {
            self.lost.push(hash);
            self.outcome.lost.samples.push(Sample::of(key));
        }
        let Some(at) = self.different.iter().position(|(known, _)| *known == hash) else {
            return;
        };
        let pairs = self
            .options
            .compare
            .iter()
            .zip(values.iter().zip(&self.different[at].1));
        let differ = pairs.filter(|(_, (sent, held))| !canonical::equal(sent, held));
        let shown = |value: &str| self.options.show_values.then(|| value.to_owned());
        self.outcome.different.samples[at].columns = differ
            .map(|(column, (sent, held))| Difference {
                column: column.clone(),
                acknowledged: shown(sent),
                held: shown(held),
            })
            .collect();
    }
}
