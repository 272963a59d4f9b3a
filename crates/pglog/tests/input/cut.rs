//! A last record that is not all there.

use std::io::Cursor;

use canvass_pglog::input::{Reading, Source};
use fastrand::Rng;

use crate::support::{Entry, Outcome, dice, read_source, write};

fn read(log: &[u8], leaves_cut: bool) -> Outcome {
    let reader = Box::new(Cursor::new(log.to_vec()));
    let mut source = Source::begin("log".to_owned(), reader, &Reading::default())
        .unwrap()
        .unwrap();
    source.leaves_cut = leaves_cut;
    read_source(source, 1)
}

#[test]
fn of_the_newest_log_it_is_left_for_later_and_is_no_error() {
    let entries = dice::records(&mut Rng::with_seed(3), 30);
    let but_last = entries.len() - 1;
    for (name, write) in [
        (
            "stderr",
            (|e| write::stderr("%m [%p] ", e)) as fn(&[Entry]) -> String,
        ),
        ("csv", write::csv),
        ("json", write::json),
    ] {
        let (log, before) = (write(&entries), write(&entries[..but_last]));
        let wanted = read(before.as_bytes(), true).json();
        // Of stderr, while the beginning of a line is missing, nobody knows whether it goes on with the record before.
        let or = read(write(&entries[..but_last - 1]).as_bytes(), true).json();
        // A record whose lines so far are whole cannot be told from a whole one: PostgreSQL writes them in one go.
        for end in (before.len() + 1..log.len() - 1).filter(|end| log.as_bytes()[end - 1] != b'\n') {
            let cut = read(&log.as_bytes()[..end], true);
            let is_early = name == "stderr" && end < before.len() + 45;
            assert!(
                cut.json() == wanted || is_early && cut.json() == or,
                "{name} cut at {end}"
            );
            assert!(cut.report.complete && cut.cut as usize >= end - before.len());
        }
    }
}

#[test]
fn of_an_older_log_it_is_read_as_it_is_or_counted_as_broken() {
    let entries = dice::records(&mut Rng::with_seed(3), 30);
    let all = entries.len() as u64;
    for log in [write::csv(&entries), write::json(&entries)] {
        let cut = read(&log.as_bytes()[..log.len() - 60], false);
        assert_eq!((cut.counts.records, cut.counts.broken, cut.cut), (all - 1, 1, 0));
        assert!(!cut.report.complete);
    }
    let log = write::stderr("%m [%p] ", &entries);
    let cut = read(&log.as_bytes()[..log.len() - 1], false);
    assert_eq!((cut.counts.records, cut.counts.broken, cut.cut), (all, 0, 0));
}
