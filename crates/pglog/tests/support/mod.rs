//! Logs of our own making: the same records written in every format, with any `log_line_prefix`.
#![allow(dead_code, reason = "not every test needs all of it")]

pub mod dice;
pub mod write;

use std::io::Cursor;

use canvass_pglog::choose::Choice;
use canvass_pglog::event::Counts;
use canvass_pglog::fold::{Calendar, Fold, Options};
use canvass_pglog::input::{InputError, Reading, Source};
use canvass_pglog::report::{self, Input, Logged, Report, Settings};
use canvass_pglog::run;

/// One record.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// ms since 1970 UTC.
    pub at: i64,
    pub pid: u32,
    /// Seconds since 1970 at which the session began.
    pub started: u32,
    pub line: u64,
    /// A client's session; background processes have none of the next five.
    pub is_client: bool,
    pub user: String,
    pub database: String,
    pub application: String,
    pub host: String,
    pub port: u16,
    pub backend: String,
    pub tag: String,
    pub sqlstate: String,
    pub query_id: i64,
    pub severity: String,
    pub message: String,
    pub detail: String,
    pub hint: String,
    pub context: String,
    pub statement: String,
}

/// A log that was read whole.
pub struct Outcome {
    pub report: Report,
    pub counts: Counts,
    pub cut: u64,
    pub failed: Option<String>,
    pub prefix: Option<String>,
    pub format: &'static str,
}

impl Outcome {
    /// The report as JSON, without what says which file it is of.
    pub fn json(&self) -> String {
        let mut report = self.report.clone();
        report.inputs.clear();
        report::to_json(&report)
    }
}

/// Reads a log.
pub fn read_as(bytes: &[u8], reading: &Reading, threads: usize) -> Result<Option<Outcome>, InputError> {
    let reader = Box::new(Cursor::new(bytes.to_vec()));
    let Some(source) = Source::begin("log".to_owned(), reader, reading)? else {
        return Ok(None);
    };
    Ok(Some(read_source(source, threads)))
}

/// Reads a log to its end.
pub fn read_source(mut source: Source, threads: usize) -> Outcome {
    let mut fold = Fold::new(Options::default(), Choice::default(), Calendar::Whole);
    let read = run::read(&mut source, &mut fold, threads, &mut Vec::new());
    let (mut days, counts) = fold.finish();
    let totals = days.pop_first().map(|(_, totals)| totals).unwrap_or_default();
    let logged = Logged::of(&source.format);
    let inputs = vec![Input {
        bytes: read.bytes,
        failed: read.failed.clone(),
        ..Input::default()
    }];
    Outcome {
        report: report::build(&totals, &counts, inputs, logged, &Settings::default()),
        counts,
        cut: read.cut,
        failed: read.failed,
        prefix: source.prefix().map(str::to_owned),
        format: source.format_name(),
    }
}

/// Reads a log in one piece, with one thread.
pub fn read(bytes: &[u8]) -> Outcome {
    read_as(bytes, &Reading::default(), 1).unwrap().unwrap()
}
