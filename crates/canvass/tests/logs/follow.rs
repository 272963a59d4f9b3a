//! A log that is read as it grows, across rotation.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

fn line(second: u32) -> String {
    format!("2026-11-26 10:00:{second:02}.000 UTC [7] LOG:  duration: 1.000 ms  statement: SELECT {second}\n")
}

#[test]
fn a_log_is_followed_across_rotation_and_reported_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("a.log");
    fs::write(&log, line(0) + &line(1)).unwrap();
    let mut follow = Command::new(env!("CARGO_BIN_EXE_canvass"))
        .args(["logs", "a.log*", "--follow", "1", "--json", "r.json"])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(follow.stdout.take().unwrap()).lines();
    let mut next = || said.next().unwrap().unwrap();
    let first = next();
    assert!(first.contains("2 executions"), "{first}");

    let grow = |second| {
        OpenOptions::new()
            .append(true)
            .open(&log)
            .unwrap()
            .write_all(line(second).as_bytes())
    };
    grow(2).unwrap();
    let lines = [next(), next()];
    assert!(
        lines.iter().any(|l| l.contains("select ?")),
        "the busiest statement: {lines:?}"
    );
    // What is written between the last look and the rotation is read from the renamed log.
    grow(3).unwrap();
    fs::rename(&log, dir.path().join("a.log.1")).unwrap();
    fs::write(&log, line(4)).unwrap();
    next();
    next();
    assert!(lines.iter().all(|l| l.chars().count() <= 80));

    kill(Pid::from_raw(i32::try_from(follow.id()).unwrap()), Signal::SIGINT).unwrap();
    assert_eq!(follow.wait().unwrap().code(), Some(0));
    let report: Value =
        serde_json::from_str(&fs::read_to_string(dir.path().join("r.json")).unwrap()).unwrap();
    assert_eq!(report["all"]["calls"], 5);
}
