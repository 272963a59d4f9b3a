//! What the program says: logs and errors on standard error, results on standard output.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

/// Starts logging to standard error: `CANVASS_LOG` sets the level, as `info` or `canvass_store=debug`.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("CANVASS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours)
        .try_init();
}

/// Prints an error with its causes as one line on standard error.
pub(crate) fn complain(error: &anyhow::Error) {
    if broken_pipe(error) {
        return;
    }
    let mut line = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if !line.contains(&cause) {
            line = if line.is_empty() {
                cause
            } else {
                format!("{line}: {cause}")
            };
        }
    }
    let _ = writeln!(io::stderr(), "canvass: {line}");
}

/// The reader of our output has had enough, as `head` does.
fn broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|e| e.kind() == io::ErrorKind::BrokenPipe)
}
