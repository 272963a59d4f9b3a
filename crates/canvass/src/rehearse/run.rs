//! `canvass rehearse run`: plays a scenario and says what came of it.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::{Context, bail};
use canvass_rehearse::client::Origin;
use canvass_rehearse::live::Live;
use canvass_rehearse::person::data::{People, Unique};
use canvass_rehearse::report::verdict::{Limits, parse_share};
use canvass_rehearse::report::{Report, html, summary};
use canvass_rehearse::run::{Options, rehearse};
use canvass_rehearse::scenario::Scenario;
use canvass_rehearse::scenario::read::{self, duration};
use clap::Args;

use super::arrivals::ArrivalArgs;

/// Play a scenario as many people
///
/// Exit code 0: the run is valid and within its limits; 1: it is not, or could not begin; 2: wrong usage.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  canvass rehearse run scenario.toml --users 50\n  \
                        canvass rehearse run scenario.toml --data people.csv --takers-per-hour 50000 --for 10m \\\n      \
                        --report report.html --max-p99 200ms --max-errors 0.1%\n  \
                        canvass rehearse run scenario.toml --day school-day.toml --speed 60\n  \
                        canvass rehearse run --get http://127.0.0.1:8080/ --requests-per-second max --for 10s\n\
                        docs/rehearse.md is the guide.")]
pub(super) struct RunArgs {
    /// What people do
    #[arg(value_name = "SCENARIO", required_unless_present = "get")]
    scenario: Option<PathBuf>,
    /// Instead of a scenario: GET this one URL
    #[arg(long, value_name = "URL", conflicts_with = "scenario")]
    get: Option<String>,
    /// Scheme, host and port to aim at, instead of the scenario's target
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// The data file with a row for each person, instead of the scenario's
    #[arg(long, value_name = "CSV")]
    data: Option<PathBuf>,
    /// Use rows of the data file again when there are more people than rows
    #[arg(long)]
    reuse_rows: bool,
    /// Event loops; as many as there are processors when not given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// The longest that a step may take, redirects included
    #[arg(long, value_name = "TIME", default_value = "30s")]
    timeout: String,
    /// How long people may go on after the last arrival; when not given, twice the longest journey's pauses and a minute
    #[arg(long, value_name = "TIME")]
    grace: Option<String>,
    /// Write a line for every acknowledged request of the marked steps, for `canvass rehearse reconcile`
    #[arg(long, value_name = "FILE")]
    acknowledged: Option<PathBuf>,
    /// Write the report as one HTML file
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Write the report as JSON (docs/rehearse-report.md)
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Fail when the 99th percentile, from when requests were due, is above this
    #[arg(long, value_name = "TIME")]
    max_p99: Option<String>,
    /// Fail when more of the requests than this fail: 0.1%
    #[arg(long, value_name = "SHARE")]
    max_errors: Option<String>,
    /// A host that is yours: anything but this machine is refused without it
    #[arg(long, value_name = "HOST")]
    i_own: Vec<String>,
    /// A PEM file with certificates to trust besides the system's
    #[arg(long, value_name = "PEM")]
    ca: Option<PathBuf>,
    /// Throw other dice than the scenario's seed
    #[arg(long)]
    seed: Option<u64>,
    /// Show nothing while it runs
    #[arg(long, short)]
    quiet: bool,
    // Last, because its heading holds for everything that follows.
    #[command(flatten)]
    arrivals: ArrivalArgs,
}

pub(super) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let mut scenario = scenario(args)?;
    if let Some(seed) = args.seed {
        scenario.persona.seed = seed;
    }
    let target = target(args, &scenario)?;
    let (mode, wanted) = args.arrivals.mode(scenario.persona.seed)?;
    let data = args.data.clone().or_else(|| scenario.data.clone());
    let people = match data.filter(|_| !scenario.columns.is_empty()) {
        Some(path) => Some(People::read(path, &scenario.columns, None, unique(args))?),
        None => None,
    };
    check_outputs(args, &scenario)?;
    let threads = args
        .threads
        .unwrap_or_else(|| available_parallelism().map_or(1, usize::from));
    if threads == 0 {
        bail!("--threads 0: there must be at least one");
    }
    let options = Options {
        grace: match &args.grace {
            Some(text) => duration(text)?,
            None => usual_grace(&scenario),
        },
        target,
        owned: args.i_own.clone(),
        authority: args.ca.clone(),
        mode,
        people,
        reuse_rows: args.reuse_rows,
        threads,
        time_out: duration(&args.timeout)?,
        acknowledged: args.acknowledged.clone(),
        limits: Limits {
            max_p99: args.max_p99.as_deref().map(duration).transpose()?,
            max_errors: args.max_errors.as_deref().map(parse_share).transpose()?,
        },
        wanted,
        live: (!args.quiet).then(|| Live::new(io::stderr().is_terminal())),
        scenario,
    };
    let report = rehearse(options)?;
    write_reports(args, &report)?;
    write!(
        io::stdout(),
        "{}",
        summary::summary(&report, io::stdout().is_terminal())
    )?;
    Ok(if report.verdict.passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn scenario(args: &RunArgs) -> anyhow::Result<Scenario> {
    match (&args.scenario, &args.get) {
        (Some(path), _) => Ok(read::read(path)?),
        (None, Some(url)) => {
            let (origin, path) = Origin::of(url)?;
            let text =
                format!("name = {url:?}\ntarget = \"{origin}\"\n[[step]]\nname = \"GET\"\npath = {path:?}\n");
            Ok(read::parse(&text, Path::new("."))?)
        }
        (None, None) => bail!("name a scenario, or --get URL"),
    }
}

fn target(args: &RunArgs, scenario: &Scenario) -> anyhow::Result<Origin> {
    let Some(url) = args.target.as_ref().or(scenario.target.as_ref()) else {
        bail!("the scenario names no target: say --target http://127.0.0.1:8080");
    };
    let (origin, path) = Origin::of(url)?;
    if path != "/" {
        bail!("target {url:?}: only scheme, host and port; paths belong into the steps");
    }
    Ok(origin)
}

/// Room that must be left on the disk of every file that is to be written, in bytes.
const LEAST_ROOM: u64 = 16 << 20;

/// Better now than after an hour: every file can be written, and none is another or one that is read.
fn check_outputs(args: &RunArgs, scenario: &Scenario) -> anyhow::Result<()> {
    let data = args.data.as_ref().or(scenario.data.as_ref());
    let mut taken: Vec<PathBuf> = args
        .scenario
        .iter()
        .chain(data)
        .filter_map(|path| path.canonicalize().ok())
        .collect();
    for path in [&args.report, &args.json, &args.acknowledged]
        .into_iter()
        .flatten()
    {
        can_be_written(path)?;
        // A pipe behind /dev/stdout has no path.
        let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if whole.is_file() && taken.contains(&whole) {
            bail!(
                "{}: this file is named twice: every output needs one of its own",
                path.display()
            );
        }
        taken.push(whole);
    }
    for path in [&args.report, &args.json]
        .into_iter()
        .flatten()
        .filter(|path| path.is_file())
    {
        let new = beside(path);
        File::create_new(&new).with_context(|| new.display().to_string())?;
        fs::remove_file(&new).with_context(|| new.display().to_string())?;
    }
    Ok(())
}

/// A name that nothing else has, beside the file that a link leads to.
fn beside(path: &Path) -> PathBuf {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = whole
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    whole.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

fn can_be_written(path: &Path) -> anyhow::Result<()> {
    File::options()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| path.display().to_string())?;
    let disk = nix::sys::statvfs::statvfs(path).with_context(|| path.display().to_string())?;
    let room = disk.blocks_available() * disk.fragment_size();
    if room < LEAST_ROOM && path.is_file() {
        bail!(
            "{}: only {} MB are left on its disk; the files of a run want at least 16",
            path.display(),
            room >> 20
        );
    }
    Ok(())
}

/// Rows that are used again are not unique to anybody.
fn unique(args: &RunArgs) -> Unique {
    if args.reuse_rows {
        Unique::Nothing
    } else {
        Unique::First
    }
}

/// Twice the pauses of the longest journey, and a minute.
fn usual_grace(scenario: &Scenario) -> Duration {
    let pauses = |journey: &canvass_rehearse::scenario::Journey| {
        journey
            .steps
            .iter()
            .map(|s| (s.think.mean + s.think.spread) * s.repeat)
            .sum::<Duration>()
    };
    let longest = scenario.journeys.iter().map(pauses).max().unwrap_or_default();
    let away = if scenario.persona.resume > 0.0 {
        scenario.persona.resume_after
    } else {
        Duration::ZERO
    };
    longest * 2 + away + Duration::from_secs(60)
}

fn write_reports(args: &RunArgs, report: &Report) -> anyhow::Result<()> {
    let write = |path: &Path, text: &[u8]| {
        let written = if path.is_file() {
            // Whole or not at all: a report that was there stays until the new one is.
            let new = beside(path);
            fs::write(&new, text).and_then(|()| fs::rename(&new, path.canonicalize()?))
        } else {
            File::options()
                .write(true)
                .open(path)
                .and_then(|mut file| file.write_all(text))
        };
        written.with_context(|| path.display().to_string())
    };
    if let Some(path) = &args.json {
        write(path, &serde_json::to_vec(report)?)?;
    }
    if let Some(path) = &args.report {
        write(path, html::html(report)?.as_bytes())?;
    }
    Ok(())
}
