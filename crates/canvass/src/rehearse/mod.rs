//! `canvass rehearse`: make a scenario, play it, compare what was acknowledged with what is held, compare runs.

mod arrivals;
mod compare;
mod init;
mod reconcile;
mod run;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// Rehearse the whole day: any HTTP application, thousands of people, a truthful verdict
#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    #[command(subcommand)]
    command: RehearseCommand,
}

#[derive(Debug, Subcommand)]
enum RehearseCommand {
    Init(init::InitArgs),
    Run(Box<run::RunArgs>),
    Reconcile(reconcile::ReconcileArgs),
    Compare(compare::CompareArgs),
}

/// Runs the subcommand.
pub(crate) fn run(args: &RehearseArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        RehearseCommand::Init(args) => init::run(args),
        RehearseCommand::Run(args) => run::run(args),
        RehearseCommand::Reconcile(args) => reconcile::run(args),
        RehearseCommand::Compare(args) => compare::run(args),
    }
}
