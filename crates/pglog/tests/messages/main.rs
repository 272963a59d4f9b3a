//! What the log says beside durations: messages of PostgreSQL 12 to 18, in every format, and what is counted of them.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test: a panic is its message"
)]

mod days;
mod locks;
mod mutated;
mod plans;
mod pooler;
mod real;
mod server;
mod sessions;
mod stated;
#[path = "../support/mod.rs"]
mod support;
mod upkeep;
mod values;

use canvass_pglog::input::Reading;
use canvass_pglog::prefix::Prefix;
use canvass_pglog::report::Report;
use support::{Entry, Outcome, read, read_as, write};

const PREFIX: &str = "%m [%p] %c %l %e %u@%d %a %h %b %Q ";

/// A record of a client's session.
fn said(pid: u32, at: i64, severity: &str, sqlstate: &str, message: &str) -> Entry {
    Entry {
        at: 1_795_705_130_000 + at,
        pid,
        started: 1_795_705_000,
        line: 7,
        is_client: true,
        user: "ann".to_owned(),
        database: "shop".to_owned(),
        application: "web".to_owned(),
        host: "10.1.2.3".to_owned(),
        port: 5432,
        backend: "client backend".to_owned(),
        sqlstate: sqlstate.to_owned(),
        severity: severity.to_owned(),
        message: message.to_owned(),
        ..Entry::default()
    }
}

/// A record of the log.
fn log(pid: u32, at: i64, message: &str) -> Entry {
    said(pid, at, "LOG", "00000", message)
}

/// A record of a process without a client.
fn background(at: i64, message: &str) -> Entry {
    Entry {
        is_client: false,
        user: String::new(),
        database: String::new(),
        application: String::new(),
        host: String::new(),
        backend: "checkpointer".to_owned(),
        ..log(2, at, message)
    }
}

/// Reads a log by its prefix.
fn read_stderr(bytes: &[u8]) -> Outcome {
    let reading = Reading {
        prefix: Some(Prefix::parse(PREFIX).unwrap()),
        ..Reading::default()
    };
    read_as(bytes, &reading, 1).unwrap().unwrap()
}

/// What all formats tell of the records.
fn told(entries: &[Entry]) -> Report {
    let stderr = read_stderr(write::stderr(PREFIX, entries).as_bytes());
    assert_eq!(stderr.counts.broken + stderr.counts.orphans, 0);
    assert_eq!(stderr.counts.records, entries.len() as u64);
    let csv = read(write::csv(entries).as_bytes());
    assert!(csv.json() == stderr.json(), "csvlog and stderr differ");
    let json = read(write::json(entries).as_bytes());
    assert!(json.json() == stderr.json(), "jsonlog and stderr differ");
    stderr.report
}
