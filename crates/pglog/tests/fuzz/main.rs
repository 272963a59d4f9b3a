//! Logs that are nearly right: whole ones, changed where it hurts. No panic, no end that does not come, the same report from one
//! thread and from four, and, where a line is a record, wherever chunks end.
//!
//! Every case has a number of its own from which it is made, and which is printed when it fails. `CANVASS_FUZZ_SECONDS` says how
//! long each format goes on (2 s), `CANVASS_TEST_SEED` with which number it begins.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: a panic is its message"
)]

#[path = "../support/mod.rs"]
mod support;

use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use canvass_pglog::input::Reading;
use canvass_pglog::prefix::Prefix;
use fastrand::Rng;
use support::{Entry, dice, read_as, write};

const PREFIX: &str = "%m [%p] %c %l %e %u@%d %a %h %b %Q ";
/// What breaks readers.
const NASTY: [&[u8]; 27] = [
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"\"\"",
    b",",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\t",
    b"#012#011",
    b"LOG:  ",
    b"ERROR:  ",
    b"duration: 99999999999999999999.999 ms",
    b"2026-11-26 14:58:50.123 UTC,",
    b"<134>1 ",
    b"C-0x1: a/b@c:1 ",
    b"closing because: x (age=99999999999999999s)",
    b"stats: 9999999999999999999 xacts/s, xact 9999999999999999999 us\n",
    b"__CURSOR=\n",
    b"MESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff",
];

fn changed(dice: &mut Rng, mut log: Vec<u8>) -> Vec<u8> {
    for _ in 0..dice.usize(1..8) {
        let at = dice.usize(..=log.len());
        let end = (at + dice.usize(..200)).min(log.len());
        match dice.u8(..8) {
            0 => drop(log.drain(at..end)),
            1 => {
                let piece = log[at..end].to_vec();
                let to = dice.usize(..=log.len());
                log.splice(to..to, piece);
            }
            2 | 3 => drop(log.splice(at..at, NASTY[dice.usize(..NASTY.len())].iter().copied())),
            4 if at < log.len() => log[at] ^= 1 << dice.u8(..8),
            5 => log.truncate(at.max(100)),
            6 => drop(log.splice(at..end, std::iter::repeat_n(b'9', end - at))),
            _ => {
                let byte = dice.u8(..);
                let times = dice.usize(..3000);
                log.splice(at..at, std::iter::repeat_n(byte, times));
            }
        }
    }
    log
}

/// Makes cases until the time is over. `exact`: the report must not depend on where chunks end either.
fn fuzz(name: &str, exact: bool, make: fn(&[Entry]) -> Vec<u8>) {
    let seconds = std::env::var("CANVASS_FUZZ_SECONDS").map_or(2, |text| text.parse().unwrap());
    let first: u64 = std::env::var("CANVASS_TEST_SEED").map_or(1, |text| text.parse().unwrap());
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut number = first;
    while Instant::now() < until {
        let done = catch_unwind(AssertUnwindSafe(|| case(number, exact, make)));
        if let Err(cause) = done {
            println!("{name}: case {number} (CANVASS_TEST_SEED={number})");
            resume_unwind(cause);
        }
        number += 1;
    }
    println!("{name}: {} cases", number - first);
}

fn case(number: u64, exact: bool, make: fn(&[Entry]) -> Vec<u8>) {
    let mut dice = Rng::with_seed(number);
    let count = dice.usize(1..60);
    let log = make(&dice::records(&mut dice, count));
    let log = changed(&mut dice, log);
    // Finding a prefix takes long: it is tried now and then.
    let given = (!number.is_multiple_of(16)).then(|| Prefix::parse(PREFIX).unwrap());
    let reading = Reading {
        prefix: given,
        chunk: dice.usize(1..3000),
        record: dice.usize(3000..9000),
        start: dice.usize(200..5000),
        ..Reading::default()
    };
    let Ok(Some(one)) = read_as(&log, &reading, 1) else {
        return;
    };
    let four = read_as(&log, &reading, 4).unwrap().unwrap();
    assert_eq!(one.json(), four.json(), "one thread and four");
    if exact {
        let whole = Reading {
            chunk: log.len() + 1,
            record: 1 << 24,
            ..reading.clone()
        };
        let whole = read_as(&log, &whole, 1).unwrap().unwrap();
        if one.counts.too_long == 0 {
            assert_eq!(one.json(), whole.json(), "small chunks and one");
        }
    }
}

#[test]
fn stderr() {
    fuzz("stderr", false, |e| write::stderr(PREFIX, e).into());
}

#[test]
fn csvlog() {
    fuzz("csvlog", false, |e| write::csv(e).into());
}

#[test]
fn jsonlog() {
    fuzz("jsonlog", true, |e| write::json(e).into());
}

#[test]
fn pooler() {
    fuzz("pooler", true, |e| {
        let mut log = Vec::new();
        for (i, entry) in e.iter().enumerate() {
            let words = match i % 4 {
                0 => "LOG C-0x1: a/b@10.0.0.1:1 login attempt: db=a user=b tls=no",
                1 => "LOG S-0x1: a/b@10.0.0.1:1 closing because: server lifetime over (age=3600s)",
                2 => "WARNING C-0x1: a/b@10.0.0.1:1 pooler error: query_wait_timeout",
                _ => {
                    "LOG stats: 1 xacts/s, 2 queries/s, in 3 B/s, out 4 B/s, xact 5 us, query 6 us, wait 7 us"
                }
            };
            let at = jiff::Timestamp::from_millisecond(entry.at).unwrap();
            let at = at.strftime("%Y-%m-%d %H:%M:%S%.3f UTC");
            writeln!(log, "{at} [{}] {words}", entry.pid).unwrap();
        }
        log
    });
}

#[test]
fn syslog() {
    fuzz("syslog", false, |e| {
        let mut log = Vec::new();
        for entry in e {
            for line in write::stderr(PREFIX, std::slice::from_ref(entry)).lines() {
                writeln!(
                    log,
                    "Nov 26 14:58:50 db1 postgres[{}]: [{}-1] {line}",
                    entry.pid, entry.line
                )
                .unwrap();
            }
        }
        log
    });
}

#[test]
fn journal() {
    fuzz("journal", false, |e| {
        let mut log = Vec::new();
        for entry in e {
            for line in write::stderr(PREFIX, std::slice::from_ref(entry)).lines() {
                let at = entry.at * 1000;
                write!(
                    log,
                    "__CURSOR=s\n__REALTIME_TIMESTAMP={at}\n_PID={}\n_COMM=postgres\n",
                    entry.pid
                )
                .unwrap();
                log.extend_from_slice(b"MESSAGE\n");
                log.extend_from_slice(&(line.len() as u64).to_le_bytes());
                log.extend_from_slice(line.as_bytes());
                log.extend_from_slice(b"\n\n");
            }
        }
        log
    });
}

#[test]
fn archives() {
    fuzz("archives", false, |e| {
        let archives: [&[u8]; 5] = [
            include_bytes!("../archives/log.gz"),
            include_bytes!("../archives/log.bz2"),
            include_bytes!("../archives/log.xz"),
            include_bytes!("../archives/log.zst"),
            include_bytes!("../archives/log.lz4"),
        ];
        archives[e.len() % 5].to_vec()
    });
}
