//! `canvass logs compare`: what changed between two reports.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use canvass_pglog::report::compare::{self, compare};
use canvass_pglog::report::{self, Report};
use clap::Args;

use super::output::{is_coloured, print, write_to};

/// Compare two reports that --json wrote: which statements are better, worse, new and gone
#[derive(Debug, Args)]
pub(super) struct CompareArgs {
    /// The report from before
    before: PathBuf,
    /// The report from after
    after: PathBuf,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    /// Write it as one HTML file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Exit code 1 when the mean, p95 or time per hour of a statement that counts rose by so many per cent
    #[arg(long, value_name = "PERCENT")]
    fail_on_worse: Option<f64>,
    /// Entries in every list of the text
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
}

/// Compares.
///
/// # Errors
/// A report that cannot be read or has nothing to compare; a file that cannot be written.
pub(super) fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let (before, after) = (read(&args.before)?, read(&args.after)?);
    let result = compare(&before, &after).map_err(anyhow::Error::msg)?;
    if args.json {
        print(&(serde_json::to_string_pretty(&result)? + "\n"))?;
    }
    if let Some(path) = &args.html {
        write_to(path, &report::compare_to_html(&result))?;
    }
    if !args.json && args.html.is_none() {
        print(&compare::to_text(&result, args.top, is_coloured()))?;
    }
    let failed = args
        .fail_on_worse
        .is_some_and(|percent| result.is_worse_by(percent));
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn read(path: &Path) -> anyhow::Result<Report> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    report::from_json(&text).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))
}
