//! `canvass logs`: what PostgreSQL did, from its own log.

mod choose;
mod cluster;
mod compare;
mod days;
mod follow;
mod output;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use canvass_pglog::fold::Options;
use canvass_pglog::job::{Done, Job, KeepIn};
use canvass_pglog::prefix::Prefix;
use canvass_pglog::report::{self, Report, Settings};
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;

/// Report what PostgreSQL did, from its own log: statements, errors, what waited, what was asked twice
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  canvass logs /var/log/postgresql/*.log*\n  \
                  canvass logs --since 2026-11-26 --database school --html report.html postgresql.csv\n  \
                  canvass logs --state /var/lib/canvass-logs --html week.html --days last-7 /var/log/postgresql/*\n  \
                  canvass logs --data canvass-data\n\n\
                  docs/logs.md is the guide; docs/logs-pgbadger.md has pgBadger's options and ours.\n\
                  Exit code 0: complete; 1: incomplete (the report says why) or failed; 2: wrong usage.")]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct LogsArgs {
    #[command(subcommand)]
    command: Option<Command>,
    /// Logs: files, directories, patterns in quotes, `-` for standard input
    #[arg(value_name = "LOG")]
    logs: Vec<PathBuf>,
    /// The logs of the PostgreSQL that `canvass up --data DIR` runs
    #[arg(long, value_name = "DIR", conflicts_with = "logs")]
    data: Option<PathBuf>,
    /// The log_line_prefix of stderr and syslog logs, when it is not found by itself
    #[arg(long)]
    prefix: Option<String>,
    /// Threads that read [default: one a core]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    choose: choose::Chosen,
    #[command(flatten)]
    output: output::Output,
    /// Keep what was counted in this directory, and read only what is new; without logs: report what is kept
    #[arg(long, value_name = "DIR", help_heading = "From run to run")]
    state: Option<PathBuf>,
    /// Report these days of the state: 2026-11-26, 2026-11-20..2026-11-26, 2026-W48, 2026-11, last-7
    #[arg(
        long,
        value_name = "DAYS",
        requires = "state",
        help_heading = "From run to run"
    )]
    days: Option<String>,
    /// Drop days from the state that are older than so many
    #[arg(
        long,
        value_name = "DAYS",
        requires = "state",
        help_heading = "From run to run"
    )]
    keep_days: Option<u32>,
    /// Go on reading as the log grows, and print a summary every so many seconds until Ctrl-C
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "10",
        conflicts_with = "state",
        help_heading = "From run to run"
    )]
    follow: Option<u32>,
}

/// What is done with reports.
#[derive(Debug, Subcommand)]
enum Command {
    Compare(compare::CompareArgs),
}

/// Reads and reports.
///
/// # Errors
/// What cannot be read at all, or written.
pub(crate) fn run(args: &LogsArgs) -> anyhow::Result<ExitCode> {
    if let Some(Command::Compare(args)) = &args.command {
        return compare::run(args);
    }
    let zone = args.output.zone()?;
    let mut notes = Vec::new();
    let logs = match &args.data {
        Some(dir) => cluster::logs(dir, &mut notes)?,
        None => args.logs.clone(),
    };
    if logs.is_empty() && args.state.is_none() {
        bail!("no log: name one, or --data DIR, or --state DIR for what was kept; see canvass logs --help");
    }
    let job = Job {
        files: logs,
        prefix: args.prefix()?,
        threads: args.threads.unwrap_or_else(cores).max(1),
        options: Options {
            with_values: args.output.with_values,
            samples: args.output.samples,
            ..Options::default()
        },
        choice: args.choose.choice(&zone)?,
        state: args.state.as_ref().map(|dir| keep_in(args, dir)).transpose()?,
    };
    if let Some(seconds) = args.follow {
        return follow::run(&job, seconds, &args.output, &zone);
    }
    if args.output.per_database.is_some() {
        return output::per_database(&job, &args.output, &zone);
    }
    let report = report_of(&job, &args.output, &zone, notes)?;
    args.output.write(&report)?;
    Ok(verdict(&report))
}

impl LogsArgs {
    /// The `log_line_prefix` that is given or known.
    fn prefix(&self) -> anyhow::Result<Option<Prefix>> {
        let known = self.data.as_ref().map(|_| canvass_stack::LOG_LINE_PREFIX);
        let text = self.prefix.as_deref().or(known);
        text.map(Prefix::parse).transpose().context("--prefix")
    }
}

fn verdict(report: &Report) -> ExitCode {
    if report.complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn report_of(
    job: &Job,
    output: &output::Output,
    zone: &TimeZone,
    notes: Vec<String>,
) -> anyhow::Result<Report> {
    let done = match &output.dump {
        None => job.run()?,
        Some(path) => dumped(job, path)?,
    };
    let settings = Settings {
        with_values: output.with_values,
        time_zone: done.time_zone.clone().unwrap_or_else(|| zone.clone()),
        ..Settings::default()
    };
    let mut report = report::build(&done.totals, &done.counts, done.inputs, done.logged, &settings);
    report.problems.extend(notes);
    // Never an empty report that looks like a good one; of one that read nothing this is said already.
    if report.period.is_none() && report.records.read > 0 {
        report.complete = false;
        let read = report.records.read;
        report.problems.push(format!(
            "of {read} records none is among those chosen: the report is empty"
        ));
    }
    Ok(report)
}

/// Reads, and writes every execution to a file.
fn dumped(job: &Job, path: &std::path::Path) -> anyhow::Result<Done> {
    let failed = || format!("cannot write {}", path.display());
    let mut following = job.follow();
    following.dump_to(Box::new(std::io::BufWriter::new(
        output::private(path).with_context(failed)?,
    )));
    following.read_on();
    following.finish_dump().with_context(failed)?;
    Ok(following.finish())
}

fn keep_in(args: &LogsArgs, dir: &std::path::Path) -> anyhow::Result<KeepIn> {
    Ok(KeepIn {
        dir: dir.to_owned(),
        time_zone: args.output.timezone.clone(),
        keep_days: args.keep_days,
        days: args.days.as_deref().map(days::parse).transpose()?,
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
