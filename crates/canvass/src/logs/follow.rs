//! A log read as it grows, with a line of summary every few seconds.

use std::collections::HashMap;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use canvass_pglog::job::Job;
use canvass_pglog::report::{self, Settings, length};
use canvass_pglog::totals::{Histogram, Totals};
use jiff::tz::TimeZone;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::output::Output;

/// Reads until Ctrl-C, then reports.
///
/// # Errors
/// What concerns the logs.
pub(super) fn run(job: &Job, seconds: u32, output: &Output, zone: &TimeZone) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _inside = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt()).context("Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let mut following = job.follow();
    let mut before = Snapshot::default();
    loop {
        following.read_on();
        let now = Snapshot::of(following.totals());
        say(&line(&before, &now, following.totals(), zone))?;
        before = now;
        let pause = Duration::from_secs(u64::from(seconds.max(1)));
        if runtime.block_on(stopped(&mut interrupt, &mut terminate, pause)) {
            break;
        }
    }
    following.read_on();
    let done = following.finish();
    let settings = Settings {
        with_values: output.with_values,
        time_zone: zone.clone(),
        ..Settings::default()
    };
    let report = report::build(&done.totals, &done.counts, done.inputs, done.logged, &settings);
    say("")?;
    output.write(&report)?;
    Ok(super::verdict(&report))
}

async fn stopped(interrupt: &mut Signal, terminate: &mut Signal, pause: Duration) -> bool {
    tokio::select! {
        _ = interrupt.recv() => true,
        _ = terminate.recv() => true,
        () = tokio::time::sleep(pause) => false,
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("cannot write to standard output")
}

/// What was counted at some moment.
struct Snapshot {
    taken: Instant,
    is_first: bool,
    calls: u64,
    failures: u64,
    times: Histogram,
    micros: HashMap<u64, u64>,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            taken: Instant::now(),
            is_first: true,
            calls: 0,
            failures: 0,
            times: Histogram::default(),
            micros: HashMap::new(),
        }
    }
}

impl Snapshot {
    fn of(totals: &Totals) -> Self {
        Self {
            taken: Instant::now(),
            is_first: false,
            calls: totals.all.calls,
            failures: totals.failures(),
            times: totals.times.clone(),
            micros: totals.statements.iter().map(|(f, s)| (*f, s.micros)).collect(),
        }
    }
}

/// The time of the last record, executions a second, what 95 % of them kept to, errors, and the statement that took most time.
fn line(before: &Snapshot, now: &Snapshot, totals: &Totals, zone: &TimeZone) -> String {
    let last = totals
        .period
        .map_or_else(|| "--:--:--".to_owned(), |(_, last)| report::clock(last, zone));
    let calls = now.calls - before.calls;
    let failures = now.failures - before.failures;
    if before.is_first {
        return format!("{last}  {calls} executions, {failures} errors so far; Ctrl-C ends and reports");
    }
    let seconds = now.taken.duration_since(before.taken).as_secs_f64().max(0.001);
    let p95 = length(now.times.since(&before.times).percentile(95.0));
    let grown = |(f, micros): (&u64, &u64)| (micros - before.micros.get(f).copied().unwrap_or(0), *f);
    let busiest = now
        .micros
        .iter()
        .map(grown)
        .max()
        .filter(|(micros, _)| *micros > 0);
    let busiest = busiest
        .and_then(|(_, f)| totals.statements.get(&f))
        .map_or("", |s| &s.text);
    let line = format!(
        "{last} {:>9.0}/s  p95 {p95:>8} {failures:>5} errors  {busiest}",
        calls as f64 / seconds
    );
    line.chars().take(80).collect()
}
