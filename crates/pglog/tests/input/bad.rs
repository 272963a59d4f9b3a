//! What is broken in the middle is named, and what is around it counted.

use canvass_pglog::input::Reading;
use fastrand::Rng;

use crate::support::{Entry, dice, read, read_as, write};

const PREFIX: &str = "%m [%p] %c %l %e %u@%d %a %h %b %Q ";

fn entries() -> Vec<Entry> {
    dice::records(&mut Rng::with_seed(11), 200)
}

#[test]
fn half_a_record_in_the_middle_costs_that_record() {
    let entries = entries();
    for (log, behind) in [
        (write::csv(&entries[..100]), write::csv(&entries[100..])),
        (write::json(&entries[..100]), write::json(&entries[100..])),
    ] {
        for missing in [30, 60, 90] {
            let broken = format!("{}\n{behind}", &log[..log.len() - missing]);
            let found = read(broken.as_bytes());
            assert_eq!(
                (found.counts.records, found.counts.broken),
                (entries.len() as u64 - 1, 1),
                "{missing}"
            );
            let start = log[..log.len() - 1]
                .rfind("\n20")
                .or(log[..log.len() - 1].rfind("\n{"))
                .unwrap() as u64
                + 1;
            assert_eq!(found.counts.first_bad, Some(start));
            assert!(!found.report.complete);
            assert!(found.report.problems[0].contains(&format!("byte {start}")));
        }
    }
}

#[test]
fn a_log_that_begins_in_the_middle_of_a_record_is_read_from_the_next_on() {
    let entries = entries();
    for (log, orphans) in [
        (write::stderr(PREFIX, &entries), true),
        (write::csv(&entries), false),
        (write::json(&entries), false),
    ] {
        let found = read(&log.as_bytes()[30..]);
        assert_eq!(found.counts.records, entries.len() as u64 - 1);
        assert_eq!(
            (found.counts.orphans, found.counts.broken),
            if orphans { (1, 0) } else { (0, 1) }
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_read_like_others() {
    let mut entries = entries();
    entries[5].message = "duration: 1.000 ms  statement: SELECT 'MARK'".to_owned();
    for log in [
        write::stderr(PREFIX, &entries),
        write::csv(&entries),
        write::json(&entries),
    ] {
        let plain = read(log.as_bytes());
        let (before, behind) = log.split_once("MARK").unwrap();
        for bytes in [&b"\0\0\0"[..], b"\xff\xfe", b"\xc3", b"\xed\xa0\x80", b"\x1b[31m"] {
            let odd = [before.as_bytes(), bytes, behind.as_bytes()].concat();
            let odd = read(&odd);
            assert_eq!(odd.json(), plain.json(), "{bytes:?}");
        }
    }
}

#[test]
fn zeros_between_records_do_not_hide_them() {
    // A crash of the machine may leave a block of zeros.
    let entries = entries();
    let zeros = "\0".repeat(5000);
    for write in [|e: &[Entry]| write::stderr(PREFIX, e), write::csv, write::json] {
        let log = format!("{}{zeros}\n{}", write(&entries[..100]), write(&entries[100..]));
        let found = read(log.as_bytes());
        assert_eq!(found.counts.records, entries.len() as u64);
    }
}

#[test]
fn a_clock_that_goes_back_changes_the_order_of_nothing() {
    let mut entries = entries();
    let plain = read(write::csv(&entries).as_bytes());
    for entry in &mut entries[100..] {
        entry.at -= 3_600_000;
    }
    let back = read(write::csv(&entries).as_bytes());
    assert_eq!(back.report.all, plain.report.all);
    assert_eq!(back.report.records, plain.report.records);
    let period = back.report.period.unwrap();
    assert!(period.micros > 0 && period.from < period.to);
}

#[test]
fn nothing_to_read_is_no_report() {
    assert!(read_as(b"", &Reading::default(), 1).unwrap().is_none());
    for nothing in ["hello\nworld\n", "\0\0\0", "\n\n\n", "{\"a\":1}\n", "a,b,c\n"] {
        let error = read_as(nothing.as_bytes(), &Reading::default(), 1)
            .err()
            .expect(nothing);
        assert!(error.to_string().contains("--prefix"), "{error}");
    }
    let half = read(b"2026-11-26 14:58:50.123 UTC [7] LOG:  half");
    assert!(
        !half.report.complete,
        "never an empty report that says that all is well"
    );
    assert!(half.report.problems[0].contains("nothing to report"));
}

#[test]
fn records_of_another_prefix_than_was_found_are_told_and_not_joined_to_others() {
    let mut log = String::new();
    for n in 0..40_000 {
        let second = n % 60;
        log += &format!(
            "2026-11-26 10:00:{second:02}.000 UTC [7] LOG:  checkpoint starting: time, the {n}th time that this line is here\n"
        );
    }
    log += "2026-11-26 10:01:00.000 UTC [9] ann@school LOG:  duration: 1.000 ms  statement: SELECT\n\t1\n";
    log += "2026-11-26 10:01:00.000 P00   INFO: another program's line\n";
    log += "2026-11-26 10:01:01.000 UTC [7] LOG:  duration: 1.000 ms  statement: SELECT 2\n";
    let outcome = read(log.as_bytes());
    assert_eq!((outcome.counts.records, outcome.counts.unread), (40_001, 1));
    assert!(!outcome.report.complete);
    assert!(
        outcome.report.problems.iter().any(|p| p.contains("--prefix")),
        "{:?}",
        outcome.report.problems
    );
    assert_eq!(outcome.report.all.calls, 1);
}

#[test]
fn what_another_language_says_is_counted_as_far_as_its_form_tells() {
    let log = "\
2026-11-26 10:00:00.000 UTC [7] LOG:  Dauer: 1.000 ms  Anweisung: SELECT name FROM pupil WHERE id = 7
2026-11-26 10:00:00.000 UTC [7] LOG:  Dauer: 2.000 ms  Binden <unnamed>: SELECT $1
2026-11-26 10:00:00.000 UTC [7] LOG:  Dauer: 3.000 ms  Ausführen <unnamed>: SELECT $1
2026-11-26 10:00:01.000 UTC [7] FEHLER:  Relation »nichts« existiert nicht bei Zeichen 15
2026-11-26 10:00:01.000 UTC [7] ANWEISUNG:  SELECT * FROM nichts
";
    let outcome = read(log.as_bytes());
    let report = &outcome.report;
    assert_eq!(report.records.foreign, 4);
    assert_eq!(
        (report.all.calls, report.nameless.calls, report.nameless.micros),
        (1, 2, 5000)
    );
    assert_eq!(report.statements[0].text, "select name from pupil where id = ?");
    assert_eq!(report.records.severities["ERROR"], 1);
    assert!(
        report.problems.iter().any(|p| p.contains("lc_messages")),
        "{:?}",
        report.problems
    );
    assert!(
        !outcome.json().contains("existiert"),
        "what is not understood is not shown"
    );
}
