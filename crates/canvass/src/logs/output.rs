//! Where reports go and what is in them.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use canvass_pglog::job::Job;
use canvass_pglog::report::phases::Phases;
use canvass_pglog::report::{self, Report};
use clap::Args;
use jiff::tz::TimeZone;

/// The command line's wishes.
#[derive(Debug, Args)]
#[command(next_help_heading = "The report")]
pub(super) struct Output {
    /// Write it as text to this file [default: standard output, when nothing else is asked for]
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Write it as JSON to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write it as one HTML file that needs nothing else: plots, tables that sort, search; `-` is standard output
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Lay the phases and faults of a rehearsal over the plots: what `canvass rehearse run --json` wrote
    #[arg(long, value_name = "FILE", requires = "html")]
    phases: Option<PathBuf>,
    /// Print the normalised statements alone, one a line, most time first
    #[arg(long)]
    normalized_only: bool,
    /// Write every execution as a line of CSV to this file; with --with-values as it was logged
    #[arg(long, value_name = "FILE", conflicts_with_all = ["state", "follow", "per_database"])]
    pub(super) dump: Option<PathBuf>,
    /// A report for each database, as text, JSON and HTML, in this directory; reads the logs once for each
    #[arg(long, value_name = "DIR", conflicts_with_all = ["state", "follow"])]
    pub(super) per_database: Option<PathBuf>,
    /// Entries in every list of the text
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Slowest executions kept of each statement
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(super) samples: usize,
    /// Show literals and parameters; without it no value from a statement is written anywhere
    #[arg(long)]
    pub(super) with_values: bool,
    /// The time zone of the report, such as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub(super) timezone: Option<String>,
}

impl Output {
    /// The time zone of times on the command line and in the report.
    ///
    /// # Errors
    /// There is no such zone.
    pub(super) fn zone(&self) -> anyhow::Result<TimeZone> {
        match &self.timezone {
            None => Ok(TimeZone::UTC),
            Some(name) => {
                TimeZone::get(name).with_context(|| format!("--timezone: {name:?} is no time zone"))
            }
        }
    }

    /// Writes a report to wherever it was asked for.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn write(&self, report: &Report) -> anyhow::Result<()> {
        if self.normalized_only {
            let lines: Vec<String> = report
                .statements
                .iter()
                .map(|s| format!("{};\n", s.text))
                .collect();
            return print(&lines.concat());
        }
        if let Some(path) = &self.json {
            write_to(path, &report::to_json(report))?;
        }
        if let Some(path) = &self.html {
            let phases = self.phases.as_deref().map(phases).transpose()?;
            write_to(path, &report::to_html(report, phases.as_ref()))?;
        }
        match &self.text {
            Some(path) => write_to(path, &report::to_text(report, self.top))?,
            None if self.json.is_none() && self.html.is_none() => print(&if is_coloured() {
                report::to_terminal(report, self.top)
            } else {
                report::to_text(report, self.top)
            })?,
            None => {}
        }
        Ok(())
    }
}

fn phases(path: &Path) -> anyhow::Result<Phases> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Phases::read(&text).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))
}

/// Whether what is printed may be in colour: on a terminal, unless NO_COLOR is set.
pub(super) fn is_coloured() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Writes to standard output; a reader that has seen enough is no error.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write to standard output"),
    }
}

/// Writes a file that is its owner's alone, whole or not at all; `-` is standard output.
pub(super) fn write_to(path: &Path, text: &str) -> anyhow::Result<()> {
    if path.as_os_str() == "-" {
        return print(text);
    }
    let failed = || format!("cannot write {}", path.display());
    // A device or a pipe is written to, never replaced.
    if std::fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        let file = OpenOptions::new().write(true).open(path);
        return file
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(failed);
    }
    let mut name = path.file_name().with_context(failed)?.to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    private(&new)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(failed)?;
    std::fs::rename(&new, path).with_context(failed)
}

/// A new file that is its owner's alone.
pub(super) fn private(path: &Path) -> std::io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    // One that was there keeps the rights that it had.
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

/// A report for each database: reads the logs once to find them, and once for each.
///
/// # Errors
/// The file system's, and what concerns the logs.
pub(super) fn per_database(job: &Job, output: &Output, zone: &TimeZone) -> anyhow::Result<ExitCode> {
    let Some(dir) = &output.per_database else {
        return Ok(ExitCode::SUCCESS);
    };
    if job.files.iter().any(|log| log.as_os_str() == "-") {
        bail!("--per-database reads its logs several times: standard input can be read once");
    }
    std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let all = super::report_of(job, output, zone, Vec::new())?;
    let names = all
        .by
        .get("database")
        .context("the log does not say which database a record is of (%d)")?;
    for name in names.iter().filter(|named| !named.name.is_empty()) {
        let mut one = job.clone();
        one.choice.names[canvass_pglog::totals::By::Database as usize].only = vec![name.name.clone()];
        let report = super::report_of(&one, output, zone, Vec::new())?;
        let path = dir.join(file_name(&name.name));
        write_to(&path.with_extension("txt"), &report::to_text(&report, output.top))?;
        write_to(&path.with_extension("json"), &report::to_json(&report))?;
        write_to(&path.with_extension("html"), &report::to_html(&report, None))?;
        print(&format!(
            "{}: {}\n",
            name.name,
            path.with_extension("txt").display()
        ))?;
    }
    Ok(super::verdict(&all))
}

/// A database's name as the name of a file: a database may be called anything. The extension is still to come.
fn file_name(database: &str) -> String {
    let safe = |c: char| {
        if c.is_alphanumeric() || c == '-' || c == '_' {
            c
        } else {
            '_'
        }
    };
    let name: String = database.chars().map(safe).collect();
    if name == database {
        return format!("{name}.txt");
    }
    // Two names may have become one.
    let mark = database
        .bytes()
        .fold(0u32, |sum, b| sum.wrapping_mul(31).wrapping_add(u32::from(b)));
    format!("{name}-{mark:08x}.txt")
}
