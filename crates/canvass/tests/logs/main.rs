//! `canvass logs` beside a real PostgreSQL, and as a person meets it on the command line.
#![allow(clippy::unwrap_used)] // helpers too: a panic there is the failure's message
#![allow(clippy::print_stdout)] // figures, beside a test that failed

mod choose;
mod follow;
mod killed;
mod truth;

use std::path::Path;
use std::process::{Command, Output};

/// Runs `canvass logs`.
fn logs(args: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_canvass"))
        .arg("logs")
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap()
}

/// What it printed, when all was well.
fn told(args: &[&str], dir: &Path) -> String {
    let output = logs(args, dir);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}
