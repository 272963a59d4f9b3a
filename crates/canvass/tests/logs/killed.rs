//! Runs on a state that are killed at any moment.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use canvass_testkit::Dice;
use serde_json::Value;

fn lines(calls: u32) -> String {
    let line = |n: u32| {
        let (hour, minute, second) = (n / 3600 % 24, n / 60 % 60, n % 60);
        format!(
            "2026-11-{:02} {hour:02}:{minute:02}:{second:02}.000 UTC [{}] LOG:  duration: 1.{:03} ms  statement: SELECT a{} FROM t\n",
            20 + n / 86_400,
            n % 97,
            n % 1000,
            n % 500,
        )
    };
    (0..calls).map(line).collect()
}

/// When a run is killed: judged by what it has written so far. The number is how many files there are to be.
const MOMENTS: [fn(&Path, usize) -> bool; 5] = [
    |_, _| true,
    |state, _| state.join("lock").exists(),
    |state, files| names(state).len() > files,
    |state, _| names(state).iter().any(|name| name.ends_with(".new")),
    |state, files| {
        names(state)
            .iter()
            .filter(|name| name.starts_with("open."))
            .count()
            > files.min(1)
    },
];

fn names(state: &Path) -> Vec<String> {
    let entries = fs::read_dir(state).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn a_run_that_is_killed_at_any_moment_counts_nothing_twice_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let text = lines(200_000);
    let mut dice = Dice::rolled();
    let mut length = 0;
    while length < text.len() {
        length = (length + 300_000 + dice.roll(0..2_000_000)).min(text.len());
        fs::write(dir.path().join("a.log"), &text[..length]).unwrap();
        let mut run = Command::new(env!("CARGO_BIN_EXE_canvass"))
            .args(["logs", "--state", "state", "a.log", "--json", "report.json"])
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moment = dice.roll(0..MOMENTS.len());
        let files = dice.roll(1..5);
        while run.try_wait().unwrap().is_none() && !MOMENTS[moment](&dir.path().join("state"), files) {
            std::thread::yield_now();
        }
        let _ = run.kill();
        let _ = run.wait();
    }
    let last: Value = serde_json::from_str(&crate::told(
        &["--state", "state", "a.log", "--json", "-"],
        dir.path(),
    ))
    .unwrap();
    assert_eq!(last["all"]["calls"], 200_000);
    let left: Vec<_> = fs::read_dir(dir.path().join("state")).unwrap().collect();
    // state.json, lock, what is open, and one file a day.
    assert_eq!(left.len(), 3 + 3, "{left:?}");
}
