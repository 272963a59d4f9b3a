//! Messages that are cut, mixed and broken in any way are read without a panic.

use proptest::prelude::*;

use super::read_stderr;
use super::support::{Entry, read};

fn records(log: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    let mut start = 0;
    for (at, _) in log.iter().enumerate().filter(|(_, b)| **b == b'\n') {
        if log[at + 1..].starts_with(b"2026-") {
            records.push(&log[start..=at]);
            start = at + 1;
        }
    }
    records.push(&log[start..]);
    records
}

#[derive(Clone, Debug)]
struct Change {
    record: prop::sample::Index,
    at: prop::sample::Index,
    length: usize,
    with: Vec<u8>,
}

fn change() -> impl Strategy<Value = Change> {
    let bytes = prop::collection::vec(
        prop_oneof![
            any::<u8>(),
            Just(b'"'),
            Just(b'\''),
            Just(b'\n'),
            Just(b'9'),
            Just(b'('),
            Just(b' ')
        ],
        0..12,
    );
    (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..40usize,
        bytes,
    )
        .prop_map(|(record, at, length, with)| Change {
            record,
            at,
            length,
            with,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(changes in prop::collection::vec(change(), 1..40)) {
        let log = include_bytes!("real15.log");
        let mut records: Vec<Vec<u8>> = records(log).into_iter().map(<[u8]>::to_vec).collect();
        for change in changes {
            let record = change.record.get_mut(&mut records);
            // The prefix stays: it is read elsewhere.
            let from = 60.min(record.len());
            let at = from + change.at.index(record.len() - from + 1);
            let end = (at + change.length).min(record.len());
            record.splice(at..end, change.with);
        }
        let outcome = read_stderr(&records.concat());
        prop_assert!(outcome.counts.records > 0);
    }

    #[test]
    fn any_words_of_any_severity_are_read(words in "(process|checkpoint complete: wrote|automatic vacuum of table \"|connection authorized: user=|disconnection: session time: |duration: 1.0 ms  plan:\nQuery Text: |temporary file: path|deadlock detected)[ -~\n]{0,60}", detail in "(Process [0-9]{1,12} waits for [a-zA-Z]{0,9} on [a-z0-9 ]{0,9}; blocked by process [0-9]\\.\n){0,3}[ -~\n]{0,40}") {
        for severity in ["LOG", "ERROR", "FATAL"] {
            let entry = Entry { detail: detail.clone(), ..super::said(1, 0, severity, "40P01", &words) };
            read(super::write::csv(&[entry]).as_bytes());
        }
    }
}
