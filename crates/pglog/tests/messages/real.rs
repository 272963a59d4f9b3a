//! What PostgreSQL 15 wrote of statements that failed, waited and were explained, in three formats at once.

use canvass_pglog::report::{to_json, to_text};

use canvass_pglog::fold::Options;
use canvass_pglog::input::Reading;
use canvass_pglog::job::Job;
use canvass_pglog::report::{self, Settings};

use super::read;
use super::support::read_as;

#[test]
fn three_formats_give_one_report_without_a_value() {
    let stderr = read(include_bytes!("real15.log"));
    let csv = read(include_bytes!("real15.csv"));
    let json = read(include_bytes!("real15.json"));
    assert_eq!(stderr.counts.broken + stderr.counts.orphans, 0);
    assert_eq!(csv.json(), stderr.json());
    assert_eq!(json.json(), stderr.json());
    let report = stderr.report;
    for text in [to_json(&report), to_text(&report, 1000)] {
        // What was hidden in the statements.
        let words = text.split(|c: char| !c.is_alphanumeric());
        let shown: Vec<&str> = words
            .filter(|w| {
                w.to_lowercase().starts_with("hidden")
                    || w.starts_with("47") && w.len() == 4 && w.parse::<u32>().is_ok()
            })
            .collect();
        assert_eq!(shown, Vec::<&str>::new());
    }
    let messages = &report.events.messages;
    let not_shown: Vec<_> = messages
        .errors
        .iter()
        .filter(|e| e.text.starts_with("(message"))
        .map(|e| e.text.as_str())
        .collect();
    assert_eq!(
        not_shown,
        [
            "(message not shown: SQLSTATE 42P01, ERROR, raised by f(integer) line 1)",
            "(message not shown: SQLSTATE P0001, ERROR, raised by inline_code_block line 1)"
        ]
    );
    let reasons: Vec<_> = messages.cancelled.iter().map(|c| c.reason.as_str()).collect();
    assert_eq!(reasons, ["statement timeout", "lock timeout", "user request"]);
    assert_eq!(
        (
            report.events.locks.waits.count,
            report.events.locks.deadlocks.len()
        ),
        (3, 1)
    );
    assert_eq!(report.events.temporary.all.count, 2);
    assert_eq!((report.events.plans.read, report.events.plans.not_read), (8, 8));
    assert_eq!(
        report.events.plans.executions, 0,
        "their durations are logged too"
    );
    for plans in &report.events.plans.statements {
        assert_eq!(plans.shapes.len(), 1, "text and JSON differ: {:#?}", plans.shapes);
    }
    let ends: Vec<_> = report
        .events
        .connections
        .ends
        .iter()
        .map(|e| e.how.as_str())
        .collect();
    assert_eq!(
        ends,
        [
            "normal",
            "connection lost in a transaction",
            "administrator's command",
            "idle session timeout",
            "idle in transaction timeout",
            "authentication failed",
            "no such database"
        ]
    );
}

#[test]
fn neither_threads_nor_the_size_of_chunks_make_a_difference() {
    let log = include_bytes!("real15.log");
    let whole = read(log).json();
    for (chunk, threads) in [(600, 1), (1_500, 3), (20_000, 2)] {
        let reading = Reading {
            chunk,
            ..Reading::default()
        };
        let other = read_as(log, &reading, threads).unwrap().unwrap();
        assert_eq!(other.json(), whole, "chunks of {chunk} bytes, {threads} threads");
    }
}

#[test]
fn values_are_shown_when_they_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("postgresql.log");
    std::fs::write(&path, include_bytes!("real15.log")).unwrap();
    let job = Job {
        files: vec![path],
        threads: 1,
        options: Options {
            with_values: true,
            ..Options::default()
        },
        ..Job::default()
    };
    let done = job.run().unwrap();
    let report = |with_values| {
        let settings = Settings {
            with_values,
            ..Settings::default()
        };
        report::build(&done.totals, &done.counts, Vec::new(), done.logged, &settings)
    };
    let raised = report(true)
        .events
        .messages
        .errors
        .into_iter()
        .find(|e| e.sqlstate.as_deref() == Some("P0001"))
        .unwrap();
    let sample = raised.sample.unwrap();
    assert_eq!(sample.message, "Hidden Value 4720");
    assert_eq!(sample.detail, "Hidden Detail 4721");
    assert!(to_text(&report(true), 100).contains("Hidden hint 4722"));
    assert!(
        report(false)
            .events
            .messages
            .errors
            .iter()
            .all(|e| e.sample.is_none())
    );
}

#[test]
fn a_server_that_crashed_and_was_damaged_tells_so_with_the_shortest_prefix() {
    let outcome = read(include_bytes!("server15.log"));
    let report = outcome.report;
    let events = &report.events;
    let about = |name: &str| {
        let of = events.messages.server.iter().filter(|e| e.about == name);
        of.map(|e| e.seen.count).sum::<u64>()
    };
    assert_eq!((about("damage"), about("crash"), about("disk full")), (3, 6, 2));
    assert_eq!((about("archiving"), about("replication slots")), (24, 7));
    let ends: Vec<_> = events
        .connections
        .ends
        .iter()
        .map(|e| (e.how.as_str(), e.count))
        .collect();
    assert_eq!(
        ends,
        [
            ("normal", 21),
            ("authentication failed", 3),
            ("server not ready", 3),
            ("administrator's command", 2),
            ("too many connections", 1)
        ]
    );
    // The prefix has neither user nor database: connections tell.
    let psql = events.messages.errors.iter().flat_map(|e| &e.callers);
    assert!(
        psql.into_iter()
            .any(|c| c.application == "psql" && c.database == "postgres")
    );
    let state = |text: &str| {
        let found = events.messages.errors.iter().find(|e| e.text == text);
        found.and_then(|e| e.sqlstate.clone())
    };
    assert_eq!(
        state("invalid page in block ? of relation ?").as_deref(),
        Some("XX001")
    );
    // auto_explain is all there is of statements.
    assert_eq!(events.plans.executions, report.all.calls);
    assert_eq!(events.checkpoints.all.too_frequent, 2);
}
