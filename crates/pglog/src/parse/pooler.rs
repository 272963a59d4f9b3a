//! The log of pgbouncer or of `canvass pool`: `TIME ZONE [PID] LEVEL words`, one record a line. PostgreSQL ends its severity with a
//! colon, a pooler with a space: so no line is both. Before 1.9 pgbouncer wrote neither zone nor brackets.

use std::borrow::Cow;

use memchr::{memchr, memrchr};

use super::{Scribe, without_mark};
use crate::message::pooler::{self, About};
use crate::message::{Said, pooler::is_own_word};
use crate::record::{Part, Record, Severity, some};
use crate::time::{self, Clock};

/// Lines by which the format is found.
const LINES: usize = 1000;

/// A line of the form that poolers write.
struct Line<'b> {
    at: i64,
    pid: u32,
    severity: Severity,
    words: &'b [u8],
}

/// Whether a log's first bytes are a pooler's: most of the lines that begin with a time have its form, and one at least says what
/// only a pooler says.
pub fn looks_like_it(start: &[u8]) -> bool {
    let mut clock = Clock::default();
    let (mut poolers, mut others, mut is_sure) = (0, 0, false);
    for line in start.split(|b| *b == b'\n').take(LINES) {
        if !begins_record(line, &mut clock) {
            continue;
        }
        match read(line, &mut clock) {
            Some(line) => {
                poolers += 1;
                is_sure |= is_own_word(line.words);
            }
            None => others += 1,
        }
    }
    is_sure && poolers > others
}

/// Where the last record begins, if not at the front.
pub fn last_border(bytes: &[u8]) -> Option<usize> {
    let mut clock = Clock::default();
    let mut end = bytes.len();
    while let Some(feed) = memrchr(b'\n', &bytes[..end]) {
        let line = &bytes[feed + 1..end];
        // A line that is not all there yet may be read otherwise once it is.
        if end < bytes.len() && begins_record(line, &mut clock) {
            return Some(feed + 1);
        }
        end = feed;
    }
    None
}

/// Where the next record begins behind the front.
pub fn next_border(bytes: &[u8]) -> Option<usize> {
    let mut clock = Clock::default();
    let mut at = 0;
    while let Some(feed) = memchr(b'\n', &bytes[at..]) {
        at += feed + 1;
        let end = at + memchr(b'\n', &bytes[at..])?;
        if begins_record(&bytes[at..end], &mut clock) {
            return Some(at);
        }
    }
    None
}

/// Of the last bytes of a log, which end without a line feed: where the record begins that is not all there.
pub fn cut_at(bytes: &[u8]) -> usize {
    let line = memrchr(b'\n', bytes).map_or(0, |feed| feed + 1);
    if begins_record(&bytes[line..], &mut Clock::default()) {
        return line;
    }
    last_border(&bytes[..line]).unwrap_or(0)
}

/// Reads a chunk. What follows a record on lines of its own belongs to it, and nothing in it is told apart.
pub fn parse<'b>(bytes: &'b [u8], scribe: &mut Scribe<'b, '_>) {
    let mut rest = without_mark(bytes);
    let mut is_inside = false;
    while !rest.is_empty() {
        let end = memchr(b'\n', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(b"", |end| &rest[end + 1..]);
        if !begins_record(line, &mut scribe.memory.clock) {
            let is_lost = !is_inside && !line.trim_ascii().is_empty();
            scribe.out.counts.orphans += u64::from(is_lost);
            continue;
        }
        is_inside = true;
        match read(line, &mut scribe.memory.clock) {
            Some(read) => write(&read, scribe),
            None => scribe.broken(line),
        }
    }
}

fn write(line: &Line<'_>, scribe: &mut Scribe<'_, '_>) {
    let (about, words) = pooler::about(line.words);
    let said = pooler::told(about.side, words, line.severity);
    let About { user, database, .. } = pooler::of_login(words).unwrap_or(about);
    let record = Record {
        at: Some(line.at),
        pid: Some(line.pid),
        user: some(user),
        database: some(database),
        severity: line.severity,
        message: Cow::Borrowed(words),
        ..Record::default()
    };
    scribe.said(&record, Said::Pooler(said));
}

fn begins_record(line: &[u8], clock: &mut Clock) -> bool {
    line.first().is_some_and(u8::is_ascii_digit) && clock.read(line).is_some()
}

fn read<'b>(line: &'b [u8], clock: &mut Clock) -> Option<Line<'b>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (at, used) = clock.read(line)?;
    let rest = line.get(used..)?.strip_prefix(b" ").unwrap_or(&line[used..]);
    let (pid, rest) = process(rest)?;
    let (word, words) = rest.split_at(memchr(b' ', rest)?);
    let severity = match word {
        b"LOG" => Severity::Log,
        b"WARNING" => Severity::Warning,
        b"ERROR" => Severity::Error,
        b"FATAL" => Severity::Fatal,
        b"NOISE" | b"DEBUG" => Severity::Debug,
        _ => return None,
    };
    let words = &words[1..];
    // A prefix of PostgreSQL's that ends with a name, and the name is a level.
    if memchr(b':', words).is_some_and(|colon| Part::of(&words[..colon]).is_some()) {
        return None;
    }
    Some(Line {
        at,
        pid,
        severity,
        words,
    })
}

/// `[812] `, or `812 `.
fn process(text: &[u8]) -> Option<(u32, &[u8])> {
    let inner = text.strip_prefix(b"[");
    let (pid, used) = time::digits(inner.unwrap_or(text))?;
    let rest = &inner.unwrap_or(text)[used..];
    let rest = if inner.is_some() {
        rest.strip_prefix(b"]")?
    } else {
        rest
    };
    Some((u32::try_from(pid).ok()?, rest.strip_prefix(b" ")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOLER: &str = "2026-11-26 14:58:50.123 UTC [812] LOG C-0x55d0: school/ann@10.0.0.1:5432 login attempt: db=school user=ann tls=no\n";

    #[test]
    fn a_poolers_log_and_a_servers_are_told_apart() {
        assert!(looks_like_it(POOLER.as_bytes()));
        assert!(looks_like_it(
            b"2015-04-05 06:15:20.549 3224 LOG C-0x7f0e: abc/xyz@unix:6432 closing because: client close request (age=0)\n"
        ));
        for other in [
            "2026-11-26 14:58:50.123 UTC [812] LOG:  connection received: host=10.0.0.1 port=5\n",
            // The database is called LOG, and the prefix ends with it.
            "2026-11-26 14:58:50.123 UTC [812] LOG LOG:  C-0x1: a/b@c:1 x\n",
            "2026-11-26 14:58:50.123 UTC [812] LOG ERROR:  stats: 1 xacts/s\n",
            // It has the form, and could be anybody's.
            "2026-11-26 14:58:50.123 UTC [812] LOG hello\n",
        ] {
            assert!(!looks_like_it(other.as_bytes()), "{other}");
        }
        // A statement of PostgreSQL's that quotes a pooler's log.
        let quoted = format!(
            "2026-11-26 14:58:50.123 UTC [1] ERROR:  x\n2026-11-26 14:58:50.123 UTC [1] STATEMENT:  select '\n{POOLER}'\n"
        );
        assert!(!looks_like_it(quoted.as_bytes()));
    }

    #[test]
    fn every_line_that_begins_with_a_time_begins_a_record() {
        let log = format!("{POOLER}and more\n{POOLER}2026-11-26 14:5");
        let second = POOLER.len() + "and more\n".len();
        assert_eq!(next_border(log.as_bytes()), Some(second));
        assert_eq!(last_border(log.as_bytes()), Some(second));
        assert_eq!(last_border(POOLER.as_bytes()), None);
        assert_eq!(cut_at(&log.as_bytes()[..log.len() - 15]), second);
        assert_eq!(cut_at(POOLER.trim_end().as_bytes()), 0);
    }
}
