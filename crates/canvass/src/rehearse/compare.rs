//! `canvass rehearse compare`: runs before a change against runs after it.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use canvass_rehearse::report::Report;
use canvass_rehearse::report::compare::{Comparison, Named, compare};
use clap::Args;

/// Compare runs before a change with runs after it
///
/// At least three valid runs a side, because two runs of the same thing differ, too. Prints medians, ranges and whether a
/// difference is shown.
///
/// Exit code 0; 1 with --fail-if-worse when a figure of all steps together is worse; 2 when the runs cannot be compared.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  canvass rehearse compare --before a1.json a2.json a3.json --after b1.json b2.json b3.json\n\
                  docs/rehearse-report.md says what the figures mean."
)]
pub(super) struct CompareArgs {
    /// Reports (run --json) from before the change
    #[arg(long, value_name = "REPORT", num_args = 1.., required = true)]
    before: Vec<PathBuf>,
    /// Reports from after it
    #[arg(long, value_name = "REPORT", num_args = 1.., required = true)]
    after: Vec<PathBuf>,
    /// Compare runs of different scenarios, arrivals or steps, too
    #[arg(long)]
    force: bool,
    /// Exit code 1 when a figure of all steps together is worse
    #[arg(long)]
    fail_if_worse: bool,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `canvass rehearse compare`.
///
/// # Errors
/// Standard output cannot be written to.
pub(super) fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let comparison = match compared(args) {
        Ok(comparison) => comparison,
        Err(refused) => {
            crate::log::complain(&refused);
            return Ok(ExitCode::from(2));
        }
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &comparison).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        write!(out, "{}", comparison.table())?;
    }
    Ok(if args.fail_if_worse && comparison.worse() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn compared(args: &CompareArgs) -> anyhow::Result<Comparison> {
    Ok(compare(&read(&args.before)?, &read(&args.after)?, args.force)?)
}

fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Named>> {
    let read = |path: &PathBuf| -> anyhow::Result<Named> {
        Ok(Named {
            name: path.display().to_string(),
            report: Report::read(path)?,
        })
    };
    paths.iter().map(read).collect()
}
