//! `canvass keys`: the file with the secret keys.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use canvass_web::keys::KeyRing;
use clap::{Args, Subcommand};

/// What `canvass keys` takes.
#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a keys file with fresh secrets, readable by its owner only
    #[command(after_help = "Example:\n  canvass keys new keys.toml")]
    New {
        /// Where; an existing file is not touched
        file: PathBuf,
    },
    /// Add a key that signs an hour from now; what older keys signed stays valid
    ///
    /// Within that hour give the file to every serve process and restart one after the other: each then accepts what
    /// the new key signs before any of them signs with it.
    #[command(after_help = "Example:\n  canvass keys rotate keys.toml")]
    Rotate {
        /// The keys file
        file: PathBuf,
        /// Minutes until the new key signs
        #[arg(long, value_name = "MINUTES", default_value_t = 60, value_parser = clap::value_parser!(u32).range(0..=525_600))]
        signs_in: u32,
    },
}

/// Runs `canvass keys`.
///
/// # Errors
/// The file cannot be read or written.
pub(crate) fn run(args: &KeysArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        KeysCommand::New { file } => {
            KeyRing::create(file)?;
            writeln!(
                io::stdout(),
                "{}: made. Keep a copy in a safe place.",
                file.display()
            )?;
        }
        KeysCommand::Rotate { file, signs_in } => {
            let id = KeyRing::rotate(file, signs_in * 60)?;
            let mut out = io::stdout().lock();
            writeln!(
                out,
                "{}: key {id} added; it signs in {signs_in} minutes.",
                file.display()
            )?;
            writeln!(
                out,
                "Before that, restart every serve process, one after the other."
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a keys file unless there is one.
///
/// # Errors
/// It cannot be written.
pub(crate) fn create_if_missing(path: &Path) -> anyhow::Result<()> {
    if !path.exists() {
        KeyRing::create(path)?;
    }
    Ok(())
}
