//! `canvass pool`: the connection pooler, with pgbouncer's command line.

use std::path::PathBuf;
use std::process::ExitCode;

use canvass_pooler::process::{self, Options};
use clap::{ArgAction, Args};

/// Share few PostgreSQL connections among many clients, from a pgbouncer.ini
///
/// A drop-in for pgbouncer: same file, same console, same log lines; what is new stands in the file's section [canvass].
#[derive(Debug, Args)]
#[command(
    version,
    disable_version_flag = true,
    after_help = "Example:\n  canvass pool pgbouncer.ini\n  psql -p 6432 -U admin pgbouncer -c 'SHOW POOLS'\n\n\
                  docs/pool.md is the guide, docs/pool-settings.md has every setting."
)]
pub(crate) struct PoolArgs {
    /// The configuration, a pgbouncer.ini
    #[arg(value_name = "FILE")]
    config: PathBuf,
    /// Run in the background
    #[arg(short = 'd', long)]
    daemon: bool,
    /// Take the sockets over from the pooler that is running with this configuration
    #[arg(short = 'R', long)]
    reboot: bool,
    /// Write nothing to standard error
    #[arg(short = 'q', long)]
    quiet: bool,
    /// Say more; twice: much more
    #[arg(short = 'v', long, action = ArgAction::Count)]
    verbose: u8,
    /// Become this user
    #[arg(short = 'u', long, value_name = "USER")]
    user: Option<String>,
    /// Show the version
    #[arg(short = 'V', long, action = ArgAction::Version)]
    version: Option<bool>,
}

/// Runs the pooler until it is told to end.
///
/// # Errors
/// What keeps it from starting.
pub(crate) fn run(args: &PoolArgs) -> anyhow::Result<ExitCode> {
    process::run(&Options {
        config: args.config.clone(),
        daemon: args.daemon,
        takes_over: args.reboot,
        quiet: args.quiet,
        verbose: u32::from(args.verbose),
        user: args.user.clone(),
    })?;
    Ok(ExitCode::SUCCESS)
}
