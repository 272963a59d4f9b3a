//! One run, every format: one report.

use canvass_pglog::input::Reading;
use canvass_pglog::prefix::Prefix;
use fastrand::Rng;

use crate::support::{dice, read, read_as, write};

/// Every field that csvlog has too.
const PREFIX: &str = "%m [%p] %c %l %e %u@%d %a %h %b %Q ";

#[test]
fn stderr_csvlog_jsonlog_and_its_wrapping_say_the_same() {
    for seed in 0..20 {
        let entries = dice::records(&mut Rng::with_seed(seed), 300);
        let reading = Reading {
            prefix: Some(Prefix::parse(PREFIX).unwrap()),
            ..Reading::default()
        };
        let stderr = read_as(write::stderr(PREFIX, &entries).as_bytes(), &reading, 1)
            .unwrap()
            .unwrap();
        assert_eq!(
            stderr.counts.ambiguous + stderr.counts.orphans + stderr.counts.broken,
            0
        );
        assert_eq!(stderr.report.records.read, entries.len() as u64);
        for (format, log) in [
            ("csvlog", write::csv(&entries)),
            ("jsonlog", write::json(&entries)),
            ("jsonlog", cnpg(&entries)),
        ] {
            let other = read(log.as_bytes());
            assert_eq!(other.format, format);
            assert_eq!(other.json(), stderr.json(), "seed {seed}, {format}");
        }
    }
}

/// Lines as CloudNativePG's instance manager writes them.
fn cnpg(entries: &[crate::support::Entry]) -> String {
    let own = r#"{"level":"info","ts":"2026-11-26T14:00:00Z","logger":"instance-manager","msg":"hello","logging_pod":"a-1"}"#;
    let mut out = format!("{own}\n");
    for entry in entries {
        let line = serde_json::json!({"level": "info", "ts": 1.5, "logger": "postgres", "msg": "record",
            "record": write::object(entry, true), "logging_pod": "a-1"});
        out.push_str(&line.to_string());
        out.push('\n');
    }
    out
}

#[test]
fn a_mark_of_byte_order_and_carriage_returns_change_nothing() {
    let entries = dice::records(&mut Rng::with_seed(7), 100);
    for log in [
        write::stderr("%m [%p] %q%u@%d ", &entries),
        write::csv(&entries),
        write::json(&entries),
    ] {
        let plain = read(log.as_bytes());
        let marked = read(format!("\u{feff}{log}").as_bytes());
        assert_eq!(plain.json(), marked.json());
        let returns = read(log.replace('\n', "\r\n").as_bytes());
        assert_eq!(plain.report.records, returns.report.records);
        assert_eq!(plain.report.all, returns.report.all);
    }
}
