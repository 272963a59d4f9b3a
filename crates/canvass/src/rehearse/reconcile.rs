//! `canvass rehearse reconcile`: compares what was acknowledged with what the application holds.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use canvass_rehearse::reconcile::{Held, Options, reconcile};
use clap::Args;

/// Compare what a rehearsal was told is saved with what the application holds
///
/// Lost: acknowledged, not held. Doubled: held more than once. Different: held with a value that was not acknowledged.
/// Rows are told apart by the --key columns, matched by name; --compare columns must be equal, as JSON if both are
/// JSON, as text otherwise. Exit code 0 only when nothing was lost, doubled or different.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  canvass rehearse reconcile --acknowledged acks.ndjson --csv held.csv --key person,stamp\n  \
                        canvass rehearse reconcile --acknowledged acks.ndjson --query-file held.sql \\\n      \
                        --database postgres://app@127.0.0.1/app --key person,stamp --compare answers\n\
                        docs/reconcile.md is the guide."
)]
#[command(group = clap::ArgGroup::new("held").required(true).args(["csv", "query", "query_file"]))]
pub(crate) struct ReconcileArgs {
    /// What the rehearsal wrote with --acknowledged
    #[arg(long, value_name = "FILE")]
    acknowledged: PathBuf,
    /// Only what this step acknowledged: "journey / step", or the step's name
    #[arg(long, value_name = "NAME")]
    step: Option<String>,
    /// What the application holds, as CSV with a header
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// What the application holds, as a query to PostgreSQL, in a transaction that only reads
    #[arg(long, value_name = "SQL", requires = "database")]
    query: Option<String>,
    /// The same, with the query in a file
    #[arg(long, value_name = "FILE", requires = "database")]
    query_file: Option<PathBuf>,
    /// The database that is asked: postgres://user:password@host:port/name
    #[arg(
        long,
        value_name = "URL",
        env = "CANVASS_REHEARSE_DATABASE",
        hide_env_values = true
    )]
    database: Option<String>,
    /// The columns that together say which row it is
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', required = true)]
    key: Vec<String>,
    /// The columns whose values must be equal
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    compare: Vec<String>,
    /// Fail when something is held that was not acknowledged, as when nobody else uses the application
    #[arg(long)]
    no_extra: bool,
    /// Print the values that differ; without it only keys and columns are printed
    #[arg(long)]
    show_values: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `canvass rehearse reconcile`.
///
/// # Errors
/// In one line, with the way out: a file, a column, a line or the database that cannot be used.
pub(crate) fn run(args: &ReconcileArgs) -> anyhow::Result<ExitCode> {
    let outcome = reconcile(&Options {
        acknowledged: args.acknowledged.clone(),
        step: args.step.clone(),
        held: held(args)?,
        key: args.key.clone(),
        compare: args.compare.clone(),
        no_extra: args.no_extra,
        show_values: args.show_values,
    })?;
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer_pretty(&mut out, &outcome).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        outcome.write_text(&mut out)?;
    }
    Ok(if outcome.passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn held(args: &ReconcileArgs) -> anyhow::Result<Held> {
    if let Some(path) = &args.csv {
        return Ok(Held::Csv(path.clone()));
    }
    let query = match &args.query_file {
        Some(path) => fs::read_to_string(path).with_context(|| path.display().to_string())?,
        None => args.query.clone().unwrap_or_default(),
    };
    let url = args.database.clone().unwrap_or_default();
    Ok(Held::Database { url, query })
}
