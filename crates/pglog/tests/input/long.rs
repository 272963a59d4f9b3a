//! Records longer than any should be: their beginning is read, the rest passed over, and memory stays what it was.

use std::io::Read;

use canvass_pglog::input::{CHUNK, RECORD, Reading, Source};

use crate::support::{Outcome, read_source};

const BEFORE: &str = "2026-11-26 14:58:50.123 UTC [7] LOG:  duration: 1.000 ms  statement: SELECT 1\n";
const CSV: &str = "2026-11-26 14:58:50.123 UTC,\"u\",\"d\",7,\"[local]\",6921f0aa.7,1,\"SELECT\",2026-11-26 14:58:50 UTC,3/4,0,LOG,00000,\"duration: 1.000 ms  statement: SELECT 1\",,,,,,,,,\"psql\",\"client backend\",,0\n";
const JSON: &str = "{\"timestamp\":\"2026-11-26 14:58:50.123 UTC\",\"pid\":7,\"session_id\":\"6921f0aa.7\",\"error_severity\":\"LOG\",\"message\":\"duration: 1.000 ms  statement: SELECT 1\"}\n";

/// `head`, then so many letters, then `tail`.
struct Long {
    head: Vec<u8>,
    letters: u64,
    tail: Vec<u8>,
    wrap: bool,
}

impl Read for Long {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.head.is_empty() && self.letters > 0 {
            let count = self.letters.min(out.len() as u64) as usize;
            out[..count].fill(b'x');
            if self.wrap {
                // A statement of many lines.
                out[..count].chunks_mut(100).for_each(|line| line[0] = b'\n');
                out[..count]
                    .chunks_mut(100)
                    .filter(|l| l.len() > 1)
                    .for_each(|line| line[1] = b'\t');
            }
            self.letters -= count as u64;
            return Ok(count);
        }
        let part = if self.head.is_empty() {
            &mut self.tail
        } else {
            &mut self.head
        };
        let count = part.len().min(out.len());
        out[..count].copy_from_slice(&part[..count]);
        part.drain(..count);
        Ok(count)
    }
}

/// The most memory that this process ever took, bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        * 1024
}

fn read(record: &str, letters: u64, wrap: bool) -> Outcome {
    let at = record.find("SELECT 1").unwrap();
    let reader = Long {
        head: [record, &record[..at]].concat().into(),
        letters,
        tail: [&record[at..], record, record].concat().into(),
        wrap,
    };
    let source = Source::begin("log".to_owned(), Box::new(reader), &Reading::default());
    read_source(source.unwrap().unwrap(), 2)
}

fn check(letters: u64) {
    for (record, wrap) in [
        (BEFORE, false),
        (BEFORE, true),
        (CSV, false),
        (CSV, true),
        (JSON, false),
    ] {
        let found = read(record, letters, wrap);
        assert_eq!((found.counts.too_long, found.failed), (1, None));
        let others = found.counts.records + found.counts.broken;
        assert!(
            others == 4,
            "{} records, {} broken",
            found.counts.records,
            found.counts.broken
        );
        assert_eq!(found.report.all.calls, found.counts.records);
        assert!(found.counts.records >= 3);
        assert!(!found.report.complete);
    }
    let most = most_memory();
    // Several tests at once in one process.
    assert!(most < 16 * (RECORD + CHUNK) as u64, "{} MB", most >> 20);
}

#[test]
fn a_record_of_40_mb_costs_only_itself() {
    check(40 << 20);
}

#[test]
#[ignore = "a minute: make check-long"]
fn a_record_of_1_gb_costs_only_itself() {
    check(1 << 30);
}

#[test]
fn a_record_of_15_mb_is_read_whole() {
    for record in [BEFORE, CSV, JSON] {
        let found = read(record, 15 << 20, false);
        assert_eq!((found.counts.too_long, found.counts.broken), (0, 0));
        assert_eq!((found.counts.records, found.report.all.calls), (4, 4));
    }
}
