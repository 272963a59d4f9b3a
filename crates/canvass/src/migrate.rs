//! `canvass migrate`: brings a database to this program's schema.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use crate::config::ConfigArgs;

/// Bring a database to this program's schema; harmless when it is there already
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  CANVASS_DATABASE_URL=postgres://canvass@db/canvass canvass migrate")]
pub(crate) struct MigrateArgs {
    #[command(flatten)]
    settings: ConfigArgs,
}

/// Runs `canvass migrate`.
///
/// # Errors
/// The database cannot be reached, or a migration fails and is rolled back.
pub(crate) fn run(args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let config = args.settings.load()?;
    config.database()?;
    let report = crate::serve::block_on(canvass_store::migrate(&config.database_url))??;
    let mut out = io::stdout().lock();
    match report.applied.as_slice() {
        [] => writeln!(out, "The schema is up to date.")?,
        applied => writeln!(out, "Applied: {}", applied.join(", "))?,
    }
    Ok(ExitCode::SUCCESS)
}
