//! What syslog, journald, logplex and Cloud Logging make of PostgreSQL's lines says the same as the lines themselves.

use std::fmt::Write;

use canvass_pglog::input::Reading;
use canvass_pglog::prefix::Prefix;
use fastrand::Rng;
use jiff::Timestamp;

use crate::support::{Entry, Outcome, dice, read_as, write};

const INNER: &str = "[%l] user=%u,db=%d,app=%a,client=%h ";
const NEWEST: i64 = 1_795_792_000_000_000;

/// A message of a process as syslog gets it: PostgreSQL splits at lines' ends and at words (`elog.c`, `write_syslog`).
struct Piece {
    at: i64,
    pid: u32,
    number: String,
    text: String,
}

/// Every record's pieces; those of different processes mixed.
fn pieces(entries: &[Entry], longest: usize, dice: &mut Rng) -> Vec<Piece> {
    let mut waiting: Vec<Piece> = Vec::new();
    let mut all = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        // What the same process said before comes before.
        let luck = dice.u32(..);
        all.extend(waiting.extract_if(.., |p| p.pid == entry.pid || (p.pid ^ luck).count_ones() % 2 == 0));
        let mut part = 0;
        for line in write::stderr(INNER, std::slice::from_ref(entry)).lines() {
            let mut rest = line;
            while !rest.is_empty() {
                let mut end = rest.len().min(longest);
                while !rest.is_char_boundary(end) {
                    end -= 1;
                }
                part += 1;
                waiting.push(Piece {
                    at: entry.at,
                    pid: entry.pid,
                    number: format!("[{}-{part}] ", index + 1),
                    text: rest[..end].to_owned(),
                });
                rest = &rest[end..];
            }
        }
    }
    all.extend(waiting);
    all
}

fn read(log: &[u8]) -> Outcome {
    let reading = Reading {
        newest: NEWEST,
        ..Reading::default()
    };
    read_as(log, &reading, 1).unwrap().unwrap()
}

fn stamp(ms: i64, format: &str) -> String {
    Timestamp::from_millisecond(ms)
        .unwrap()
        .strftime(format)
        .to_string()
}

/// What does not depend on how exactly times are written.
fn essence(outcome: &Outcome) -> String {
    let report = &outcome.report;
    let statements: Vec<_> = report
        .statements
        .iter()
        .map(|s| {
            (
                &s.id,
                &s.figures,
                s.parse_micros,
                s.bind_micros,
                s.failures,
                &s.callers,
            )
        })
        .collect();
    format!(
        "{:?} {:?} {:?} {statements:#?}",
        report.records, report.by, report.all
    )
}

fn check(name: &str, log: &[u8], format: &str, entries: &[Entry]) {
    let given = Reading {
        prefix: Some(Prefix::parse(&format!("%m [%p] {INNER}")).unwrap()),
        ..Reading::default()
    };
    let plain = write::stderr(&format!("%m [%p] {INNER}"), entries);
    let plain = read_as(plain.as_bytes(), &given, 1).unwrap().unwrap();
    let found = read(log);
    assert_eq!(found.format, format, "{name}");
    assert_eq!(
        essence(&found),
        essence(&plain),
        "{name}, read by {:?}",
        found.prefix
    );
    let (found, plain) = (found.report.period.unwrap(), plain.report.period.unwrap());
    assert_eq!(found.from[..19], plain.from[..19], "{name}");
}

#[test]
fn syslog_of_every_kind() {
    for seed in 0..4 {
        let mut dice = Rng::with_seed(seed);
        let entries = dice::records(&mut dice, 150);
        for longest in [150, 900] {
            let pieces = pieces(&entries, longest, &mut dice);
            for kind in [
                "3164", "priority", "escaped", "iso", "5424", "data", "precise", "none",
            ] {
                let mut log = String::from("Nov 26 14:58:50 db1 kernel: [    0.000000] Linux version\n");
                for Piece {
                    at,
                    pid,
                    number,
                    text,
                } in &pieces
                {
                    let short = stamp(*at, "%b %e %H:%M:%S");
                    let long = stamp(*at, "%Y-%m-%dT%H:%M:%S%.6f+00:00");
                    let _ = match kind {
                        "3164" => writeln!(log, "{short} db1 postgres[{pid}]: {number}{text}"),
                        "priority" => writeln!(log, "<134>{short} db1 postgres[{pid}]: {number}{text}"),
                        "escaped" => writeln!(
                            log,
                            "{short} db1 pg-main[{pid}]: {number}{}",
                            text.replace('\t', "#011")
                        ),
                        "iso" => writeln!(log, "{long} db1 postgres[{pid}]: {number}{text}"),
                        "5424" => writeln!(log, "<134>1 {long} db1 postgres {pid} - - {number}{text}"),
                        "data" => writeln!(
                            log,
                            "1 {long} db1 postgres {pid} ID [a b=\"x] y\"][c] {number}{text}"
                        ),
                        "precise" => writeln!(log, "{}.123456 db1 postgres[{pid}]: {number}{text}", short),
                        _ => writeln!(log, "{short} db1 postgres[{pid}]: {text}"),
                    };
                }
                check(
                    &format!("{kind}, seed {seed}, {longest}"),
                    log.as_bytes(),
                    "syslog",
                    &entries,
                );
            }
        }
    }
}

#[test]
fn messages_that_syslog_did_not_split() {
    let entries = dice::records(&mut Rng::with_seed(5), 150);
    let mut log = String::new();
    for e in &entries {
        let text = write::stderr(INNER, std::slice::from_ref(e));
        let text = text.trim_end().replace('\n', "#012").replace('\t', "#011");
        let _ = writeln!(
            log,
            "{} db1 postgres[{}]: {text}",
            stamp(e.at, "%b %e %H:%M:%S"),
            e.pid
        );
    }
    // Tabs within a line stay as syslog wrote them: they count in no figure here.
    let found = read(log.as_bytes());
    assert_eq!(found.counts.records, entries.len() as u64);
    assert_eq!(found.counts.orphans + found.counts.broken, 0);
}

#[test]
fn journal_as_json_and_as_export() {
    let entries = dice::records(&mut Rng::with_seed(6), 150);
    let (mut json, mut export) = (String::new(), Vec::new());
    for e in &entries {
        for line in write::stderr(INNER, std::slice::from_ref(e)).lines() {
            let (at, pid) = (e.at * 1000, e.pid);
            let message = match line.contains('\t') {
                true => serde_json::Value::from(line.as_bytes()),
                false => line.into(),
            };
            let object = serde_json::json!({"__CURSOR": "s=1", "__REALTIME_TIMESTAMP": at.to_string(),
                "_PID": pid.to_string(), "SYSLOG_IDENTIFIER": "postgres", "MESSAGE": message});
            let _ = writeln!(json, "{object}");
            let head =
                format!("__CURSOR=s=1\n__REALTIME_TIMESTAMP={at}\n_PID={pid}\nSYSLOG_IDENTIFIER=postgres\n");
            export.extend_from_slice(head.as_bytes());
            if line.contains('\t') {
                export.extend_from_slice(b"MESSAGE\n");
                export.extend_from_slice(&(line.len() as u64).to_le_bytes());
                export.extend_from_slice(format!("{line}\n\n").as_bytes());
            } else {
                export.extend_from_slice(format!("MESSAGE={line}\n\n").as_bytes());
            }
        }
    }
    check("json", json.as_bytes(), "journal", &entries);
    check("export", &export, "journal", &entries);
    let broken = json.replacen("\"MESSAGE\"", "\"MESS", 1);
    assert_eq!(read(broken.as_bytes()).counts.broken, 1);
}

#[test]
fn cloud_logging_and_logplex() {
    let entries = dice::records(&mut Rng::with_seed(8), 150);
    let (mut cloud, mut logplex) = (String::new(), String::new());
    let inner = "%m [%p]: [%l-1] db=%d,user=%u ";
    for e in &entries {
        let text = write::stderr(inner, std::slice::from_ref(e));
        let object = serde_json::json!({"insertId": "s=1", "textPayload": text.trim_end(),
            "timestamp": stamp(e.at, "%Y-%m-%dT%H:%M:%S%.6fZ"), "labels": {"a": "b"}});
        let _ = writeln!(cloud, "{object}");
        let head = write::prefix("sql_error_code = %e pid=\"%p\" user=\"%u\" database=\"%d\" ", e);
        let at = stamp(e.at, "%Y-%m-%dT%H:%M:%S+00:00");
        let message = e.message.replace('\n', "#012#011");
        let _ = writeln!(
            logplex,
            "{at} app[postgres.{}]: [DATABASE] [{}-1] {head}{}:  {message}",
            e.pid, e.line, e.severity
        );
    }
    let cloud = read(cloud.as_bytes());
    assert_eq!(
        (cloud.format, cloud.counts.records, cloud.counts.orphans),
        ("cloud", entries.len() as u64, 0)
    );
    assert_eq!(cloud.prefix.as_deref(), Some(inner));
    let logplex = read(logplex.as_bytes());
    assert_eq!(
        (logplex.format, logplex.counts.records, logplex.counts.orphans),
        ("syslog", entries.len() as u64, 0)
    );
    assert!(
        logplex.report.by["user"]
            .iter()
            .any(|n| n.name == "ann" || n.name == "bob"),
        "{:?}",
        logplex.prefix
    );
    assert_eq!(logplex.report.all.calls, cloud.report.all.calls);
}

#[test]
fn a_time_without_a_year_is_of_the_last_before_the_newest() {
    // The log was changed last on 2026-01-02.
    let reading = Reading {
        newest: 1_767_312_000_000_000,
        ..Reading::default()
    };
    let log = "Dec 31 23:59:59 h postgres[1]: LOG:  a\nJan  1 00:00:01 h postgres[1]: LOG:  b\n";
    let period = read_as(log.as_bytes(), &reading, 1)
        .unwrap()
        .unwrap()
        .report
        .period
        .unwrap();
    assert_eq!(
        (&period.from[..10], &period.to[..10]),
        ("2025-12-31", "2026-01-01")
    );
}
