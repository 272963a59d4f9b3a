//! `canvass record`: a reverse proxy that writes what a person clicks as a HAR file.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use canvass_rehearse::record::{Config, Recorder, Say, Target};
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

/// Record what a person does in a browser as a HAR file
///
/// Listens in front of a web application: open its address instead of the application's, click, end with Ctrl-C. The
/// file holds everything that was sent, passwords and cookies too, so only its owner can read it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  canvass record --target https://app.example.org/ --output anna.har\n  \
                  (click through http://127.0.0.1:8089/ in a private window, then press Ctrl-C)\n  \
                  canvass rehearse init anna.har -o scenario.toml"
)]
pub(crate) struct RecordArgs {
    /// The application, with the page to begin with
    #[arg(long, value_name = "URL")]
    target: String,
    /// Address and port for the browser: loopback only; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8089")]
    listen: String,
    /// The file to write, HAR 1.2; it must not be there yet
    #[arg(long, short, value_name = "FILE", default_value = "session.har")]
    output: PathBuf,
    /// Certificates (PEM) to trust besides the system's, for a target with one of its own
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Records until Ctrl-C or SIGTERM.
///
/// # Errors
/// What keeps it from starting, or from writing the file, in one line.
pub(crate) fn run(args: &RecordArgs) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(record(args))
}

async fn record(args: &RecordArgs) -> anyhow::Result<ExitCode> {
    let target: Target = args.target.parse()?;
    let start = target.start.clone();
    let mut interrupt = signal(SignalKind::interrupt()).context("Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
    let config = Config {
        target,
        listen: args.listen.clone(),
        output: args.output.clone(),
        ca: args.ca.clone(),
    };
    let recorder = Recorder::bind(config, Arc::new(line) as Say).await?;
    let output = args.output.display();
    line(&format!(
        "Recording {} into {output} (it will hold passwords and cookies: only you can read it).",
        args.target
    ));
    line(&format!(
        "Open http://{}{start} in a private window; Ctrl-C ends the recording.",
        recorder.address()
    ));
    let stop = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    let summary = recorder.run(stop).await?;
    let Some(file) = summary.file else {
        line("Nothing was recorded, and no file written.");
        return Ok(ExitCode::FAILURE);
    };
    let file = file.display();
    line(&format!(
        "{} requests are in {file} (mode 0600: it holds what was typed, do not pass it on). Next:\n  \
         canvass rehearse init {file} -o scenario.toml",
        summary.requests
    ));
    Ok(ExitCode::SUCCESS)
}

/// A line for the person.
fn line(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
