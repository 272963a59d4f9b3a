//! `canvass logs`: what PostgreSQL did, from its own log.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use canvass_pglog::choose::Choice;
use canvass_pglog::fold::{Calendar, Fold, Options};
use canvass_pglog::input::Source;
use canvass_pglog::parse::Memory;
use canvass_pglog::prefix::{Field, Prefix};
use canvass_pglog::report::phases::Phases;
use canvass_pglog::report::{self, Input, Logged, Settings};
use canvass_pglog::run;
use clap::Args;

/// Report what PostgreSQL did, from its own log: statements, errors, what waited, what was asked twice
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  canvass logs /var/log/postgresql/postgresql-15-main.log\n\n\
                        docs/logs.md is the guide. Exit code 1: the report is incomplete, and says why."
)]
pub(crate) struct LogsArgs {
    /// Logs: stderr or csvlog
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The log_line_prefix of stderr logs, when it is not found by itself
    #[arg(long)]
    prefix: Option<String>,
    /// Write the report as JSON to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Lay the phases of a rehearsal over the plots: the JSON that `canvass rehearse run --json` wrote
    #[arg(long, value_name = "FILE", requires = "html")]
    phases: Option<PathBuf>,
    /// Entries in every list
    #[arg(long, default_value_t = 10)]
    top: usize,
    /// Show literals and parameters; without it no value from a statement is written anywhere
    #[arg(long)]
    with_values: bool,
    /// Threads that read
    #[arg(long)]
    threads: Option<usize>,
}

/// Reads and reports.
///
/// # Errors
/// What cannot be read at all, or written.
pub(crate) fn run(args: &LogsArgs) -> anyhow::Result<ExitCode> {
    let prefix = args.prefix.as_deref().map(Prefix::parse).transpose()?;
    let threads = args
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut fold = Fold::new(Options::default(), Choice::default(), Calendar::Whole);
    let mut memories: Vec<Memory> = Vec::new();
    let mut inputs = Vec::new();
    let mut logged = Logged::default();
    for path in &args.files {
        let name = path.display().to_string();
        match Source::open(path, prefix.as_ref()) {
            Ok(None) => inputs.push(Input {
                name,
                ..Input::default()
            }),
            Ok(Some(mut source)) => {
                let read = run::read(&mut source, &mut fold, threads, &mut memories);
                let has = |field| source.format.has(field);
                logged.user |= has(Field::User);
                logged.database |= has(Field::Database);
                logged.application |= has(Field::Application);
                logged.host |= has(Field::Host);
                logged.session |= has(Field::Session);
                logged.process |= has(Field::Pid);
                logged.sqlstate |= has(Field::SqlState);
                logged.query_id |= has(Field::QueryId);
                inputs.push(Input {
                    name,
                    format: source.format.name().to_owned(),
                    prefix: source.format.prefix().map(str::to_owned),
                    bytes: read.bytes,
                    cut: read.cut,
                    failed: read.failed,
                });
            }
            Err(error) => inputs.push(Input {
                name,
                failed: Some(error.to_string()),
                ..Input::default()
            }),
        }
    }
    let settings = Settings {
        with_values: args.with_values,
        ..Settings::default()
    };
    let (mut days, counts) = fold.finish();
    let totals = days.pop_first().map(|(_, totals)| totals).unwrap_or_default();
    let report = report::build(&totals, &counts, inputs, logged, &settings);
    let phases = args.phases.as_deref().map(phases).transpose()?;
    if let Some(path) = &args.html {
        write(path, &report::to_html(&report, phases.as_ref()))?;
    }
    if let Some(path) = &args.json {
        write(path, &report::to_json(&report))?;
    }
    if args.json.is_none() && args.html.is_none() {
        std::io::stdout().write_all(report::to_text(&report, args.top).as_bytes())?;
    }
    Ok(if report.complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn phases(path: &Path) -> anyhow::Result<Phases> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Phases::read(&text).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))
}

/// Writes a report to a file that nobody else may read, or to standard output.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return Ok(std::io::stdout().write_all(text.as_bytes())?);
    }
    let attempt = || {
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        // One that was there before keeps its own mode. What is no file, such as /dev/full, has none to set.
        if file.metadata()?.is_file() {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
        }
        file.write_all(text.as_bytes())
    };
    attempt().with_context(|| format!("cannot write {}", path.display()))
}
