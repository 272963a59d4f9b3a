//! `canvass rehearse init`: a recording becomes a scenario.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use canvass_rehearse::har;
use canvass_rehearse::init::{InitOptions, init};
use clap::Args;

/// Make a scenario of one recording, or of two recordings of two people
///
/// With two recordings, what differs and comes from nowhere becomes a column of the data file. What could not be
/// explained is listed. Secrets of the recording stay out of the scenario unless --keep-secrets.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  canvass record --target http://127.0.0.1:8000 --listen 127.0.0.1:8100 -o session.har\n  \
                        canvass rehearse init session.har -o scenario.toml\ndocs/rehearse-init.md is the guide."
)]
pub(super) struct InitArgs {
    /// One HAR file, or two of two people doing the same
    #[arg(value_name = "HAR", required = true, num_args = 1..=2)]
    recordings: Vec<PathBuf>,
    /// Where the scenario is written; an existing file is not replaced
    #[arg(short, long, value_name = "FILE", default_value = "scenario.toml")]
    output: PathBuf,
    /// What reports call it; the output file's name when not given
    #[arg(long)]
    name: Option<String>,
    /// Keep images, styles and scripts as assets of their pages
    #[arg(long)]
    with_assets: bool,
    /// Keep passwords, codes and typed texts of the recording: the files are then as secret as the recording
    #[arg(long)]
    keep_secrets: bool,
    /// Another host whose requests belong to the application
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    /// Replace an existing scenario
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let hars = args
        .recordings
        .iter()
        .map(har::read)
        .collect::<Result<Vec<_>, _>>()?;
    let stem = args
        .output
        .file_stem()
        .and_then(|s| s.to_str())
        .unwrap_or("scenario");
    let data = "people.csv";
    let made = init(
        &hars,
        &InitOptions {
            name: args.name.clone().unwrap_or_else(|| stem.to_owned()),
            with_assets: args.with_assets,
            keep_secrets: args.keep_secrets,
            hosts: args.host.clone(),
            data: data.to_owned(),
        },
    )?;
    write(&args.output, &made.toml, args.force)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}: written", args.output.display())?;
    if let Some(csv) = &made.columns_csv {
        let path = args.output.parent().unwrap_or(Path::new("")).join(data);
        if path.exists() {
            writeln!(out, "{}: is there already, left as it is", path.display())?;
        } else {
            write(&path, csv, false)?;
            writeln!(out, "{}: written; give it a row for every person", path.display())?;
        }
    }
    for note in &made.notes {
        writeln!(out, "note: {note}")?;
    }
    if !made.unexplained.is_empty() {
        writeln!(out, "\nNOT EXPLAINED (look for UNEXPLAINED in the scenario):")?;
        for unexplained in &made.unexplained {
            writeln!(out, "  {unexplained}")?;
        }
    }
    writeln!(out, "\nnext: canvass rehearse run {}", args.output.display())?;
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, text: &str, replace: bool) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(!replace)
        .create(true)
        .truncate(true);
    let mut file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{}: is there already; --force replaces it", path.display())
        }
        other => other.with_context(|| path.display().to_string())?,
    };
    file.write_all(text.as_bytes())
        .with_context(|| path.display().to_string())
}
