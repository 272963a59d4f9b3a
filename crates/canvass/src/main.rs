//! The binary: one file per subcommand; wiring only.

mod codes;
mod config;
mod demo;
mod export;
mod keys;
mod log;
mod logs;
mod migrate;
mod open_files;
mod pool;
mod record;
mod rehearse;
mod serve;
mod survey_cmd;
mod times;
mod up;
mod up_plan;
mod up_pool;
mod up_program;
mod up_screen;
mod up_serve;
mod wave;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A save is some fifty small allocations: with the C library's they are a fifth of what it costs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A survey server for the day when everyone answers at once.
#[derive(Debug, Parser)]
#[command(
    name = "canvass",
    version,
    after_help = "Settings: canvass.toml in the working directory or --config, CANVASS_… in the environment, then the \
                  command line; docs/configuration.md has them all.\n\
                  Exit code 0: good; 1: what was asked for failed; 2: wrong usage."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::UpArgs),
    Serve(serve::ServeArgs),
    Migrate(migrate::MigrateArgs),
    /// The questionnaire as a file
    Survey(survey_cmd::SurveyArgs),
    /// Make, list, open and close waves
    Wave(wave::WaveArgs),
    Codes(codes::CodesArgs),
    Export(export::ExportArgs),
    Record(record::RecordArgs),
    Rehearse(rehearse::RehearseArgs),
    Pool(pool::PoolArgs),
    Logs(Box<logs::LogsArgs>),
    /// The file with the secret keys
    Keys(keys::KeysArgs),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Up(args) => up::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Migrate(args) => migrate::run(&args),
        Command::Survey(args) => survey_cmd::run(&args),
        Command::Wave(args) => wave::run(&args),
        Command::Codes(args) => codes::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Rehearse(args) => rehearse::run(&args),
        Command::Pool(args) => pool::run(&args),
        Command::Logs(args) => logs::run(&args),
        Command::Keys(args) => keys::run(&args),
    };
    outcome.unwrap_or_else(|error| {
        log::complain(&error);
        ExitCode::FAILURE
    })
}
