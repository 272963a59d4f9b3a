//! More distinct statements than have accounts of their own.

use canvass_pglog::input::Reading;
use canvass_pglog::totals::MOST_STATEMENTS;

use crate::support::read_as;

#[test]
fn what_is_too_many_is_added_up_and_neither_chunks_nor_threads_make_a_difference() {
    let many = MOST_STATEMENTS as u64 + 20_000;
    let mut log = String::new();
    for n in 0..many {
        // One that matters comes again and again, and at the end.
        let (statement, micros) = match n % 1000 {
            999 => ("SELECT important FROM t".to_owned(), 900),
            _ => (format!("SELECT a{n} FROM t"), n % 300 + 100),
        };
        let second = n % 60;
        log += &format!(
            "2026-11-26 10:00:{second:02}.000 UTC [7] LOG:  duration: 0.{micros} ms  statement: {statement}\n"
        );
    }
    let whole = read_as(log.as_bytes(), &Reading::default(), 1).unwrap().unwrap();
    let report = &whole.report;
    assert_eq!(report.all.calls, many);
    assert_eq!(report.statements[0].text, "select important from t");
    assert_eq!(report.statements[0].figures.calls, many / 1000);
    let folded: u64 = report.folded.values().map(|f| f.share.calls).sum();
    assert!(folded >= many / 3, "{folded}");
    let small = Reading {
        chunk: 1 << 16,
        start: 1 << 14,
        ..Reading::default()
    };
    for (reading, threads) in [(&small, 1), (&small, 3), (&Reading::default(), 3)] {
        let other = read_as(log.as_bytes(), reading, threads).unwrap().unwrap();
        assert!(
            other.json() == whole.json(),
            "chunks of {} bytes, {threads} threads",
            reading.chunk
        );
    }
}
