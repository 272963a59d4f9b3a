//! `log_destination = csvlog`: the columns of PostgreSQL 12 (23), 13 (24) and from 14 on (26). Read strictly, so that half a
//! record is seen as such; what follows it is found again at the next line that begins like a record.

use std::borrow::Cow;

use memchr::{memchr, memmem, memrchr};

use super::{Scribe, without_mark};
use crate::record::{Part, Record, is_english, some};
use crate::time::{self, Clock};

/// Most columns.
const COLUMNS: usize = 26;

/// Whether a log's first bytes are of this format.
pub fn looks_like_it(start: &[u8]) -> bool {
    if begins_record(start) && has_commas(start) {
        return true;
    }
    next_border(start).is_some_and(|at| has_commas(&start[at..]))
}

fn has_commas(line: &[u8]) -> bool {
    let end = memchr(b'\n', line).unwrap_or(line.len());
    line[..end].iter().filter(|b| **b == b',').count() >= 10
}

/// `2026-11-26 14:58:50.123 UTC,`: how a record begins.
fn begins_record(line: &[u8]) -> bool {
    if !line.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let read = Clock::default().read(&line[..line.len().min(64)]);
    read.is_some_and(|(_, length)| line.get(length) == Some(&b','))
}

/// Where the last record begins, if not at the front.
pub fn last_border(bytes: &[u8]) -> Option<usize> {
    // Outside quotes is where the number of quotes before is even: the front is outside.
    let mut inside = bytes.iter().filter(|b| **b == b'"').count() % 2 == 1;
    let mut end = bytes.len();
    while let Some(feed) = memrchr(b'\n', &bytes[..end]) {
        let behind = bytes[feed + 1..end].iter().filter(|b| **b == b'"').count() % 2 == 1;
        inside ^= behind;
        if !inside && begins_record(&bytes[feed + 1..]) {
            return Some(feed + 1);
        }
        end = feed;
    }
    // A quote is missing somewhere: whatever looks like a record.
    let mut end = bytes.len();
    while let Some(feed) = memrchr(b'\n', &bytes[..end]) {
        if begins_record(&bytes[feed + 1..]) {
            return Some(feed + 1);
        }
        end = feed;
    }
    None
}

/// Of the last bytes of a log, which end without a line feed: where the record begins that is not all there.
pub fn cut_at(bytes: &[u8]) -> usize {
    let mut inside = bytes.iter().filter(|b| **b == b'"').count() % 2 == 1;
    let mut end = bytes.len();
    while let Some(feed) = memrchr(b'\n', &bytes[..end]) {
        inside ^= bytes[feed + 1..end].iter().filter(|b| **b == b'"').count() % 2 == 1;
        let line = &bytes[feed + 1..];
        // What is cut may be within the time.
        if !inside && (begins_record(line) || line.len() < 40) {
            return feed + 1;
        }
        end = feed;
    }
    0
}

/// Where something that looks like a record begins behind the front.
pub fn next_border(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(feed) = memchr(b'\n', &bytes[at..]) {
        at += feed + 1;
        if begins_record(&bytes[at..]) {
            return Some(at);
        }
    }
    None
}

/// Reads a chunk.
pub fn parse<'b>(bytes: &'b [u8], scribe: &mut Scribe<'b, '_>) {
    let mut columns: Vec<&'b [u8]> = Vec::with_capacity(COLUMNS);
    let mut at = bytes.len() - without_mark(bytes).len();
    while at < bytes.len() {
        let rest = &bytes[at..];
        if rest[0] == b'\n' || rest.starts_with(b"\r\n") {
            at += 1 + usize::from(rest[0] == b'\r');
            continue;
        }
        columns.clear();
        let length = fields(rest, &mut columns);
        match length.filter(|_| columns.len() >= 23) {
            Some(length) => match record(&columns, &mut scribe.memory.clock) {
                Some(record) => {
                    let is_foreign = !is_english(&unquoted(columns[11]));
                    scribe.out.counts.foreign += u64::from(is_foreign);
                    scribe.record(&record);
                    at += length;
                }
                None => at = skip(bytes, at, scribe),
            },
            None => at = skip(bytes, at, scribe),
        }
    }
}

/// Counts what stands at `at` as broken; where to read on.
fn skip(bytes: &[u8], at: usize, scribe: &mut Scribe<'_, '_>) -> usize {
    scribe.broken(&bytes[at..]);
    next_border(&bytes[at..]).map_or(bytes.len(), |offset| at + offset)
}

/// Splits a record (RFC 4180, section 2) into its columns as they stand, with their quotes; its length with its line feed.
/// `None`: it breaks a rule, or does not end.
fn fields<'b>(bytes: &'b [u8], columns: &mut Vec<&'b [u8]>) -> Option<usize> {
    let mut at = 0;
    loop {
        let start = at;
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            loop {
                at += memchr(b'"', &bytes[at..])? + 1;
                if bytes.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
        } else {
            while !matches!(bytes.get(at), None | Some(b',' | b'\n')) {
                if bytes[at] == b'"' {
                    return None;
                }
                at += 1;
            }
        }
        let end = at;
        if columns.len() == 40 {
            return None;
        }
        match bytes.get(at) {
            Some(b',') => columns.push(&bytes[start..end]),
            Some(b'\n') => {
                columns.push(
                    bytes[start..end]
                        .strip_suffix(b"\r")
                        .unwrap_or(&bytes[start..end]),
                );
                return Some(at + 1);
            }
            Some(b'\r') if bytes.get(at + 1) == Some(&b'\n') => {
                columns.push(&bytes[start..end]);
                return Some(at + 2);
            }
            None if columns.len() >= 22 => {
                columns.push(&bytes[start..end]);
                return Some(at);
            }
            _ => return None,
        }
        at += 1;
    }
}

/// A column's text, without quotes.
fn unquoted(column: &[u8]) -> Cow<'_, [u8]> {
    let Some(inner) = column.strip_prefix(b"\"").and_then(|c| c.strip_suffix(b"\"")) else {
        return Cow::Borrowed(column);
    };
    if memchr(b'"', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memmem::find(rest, b"\"\"") {
        text.extend_from_slice(&rest[..=at]);
        rest = &rest[at + 2..];
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}

fn optional(column: &[u8]) -> Option<Cow<'_, [u8]>> {
    let text = unquoted(column);
    (!text.is_empty()).then_some(text)
}

fn record<'b>(columns: &[&'b [u8]], clock: &mut Clock) -> Option<Record<'b>> {
    let (at, _) = clock.read(columns[0])?;
    let number = |column: &[u8]| time::digits(column).map(|(n, _)| n);
    // Other languages' words too (`lc_messages`).
    let word = unquoted(columns[11]);
    let Part::Message(severity) = Part::of(&word)? else {
        return None;
    };
    let state: Option<[u8; 5]> = unquoted(columns[12]).as_ref().try_into().ok();
    let text = |index: usize| columns.get(index).and_then(|c| optional(c));
    let query_id = columns
        .get(25)
        .and_then(|c| std::str::from_utf8(c).ok()?.parse().ok());
    Some(Record {
        at: Some(at),
        pid: number(columns[3]).and_then(|n| u32::try_from(n).ok()),
        session: some(columns[5]),
        line: number(columns[6]),
        user: text(1),
        database: text(2),
        application: text(22).filter(|_| has_client(columns[1], columns[2])),
        host: text(4).map(host),
        backend: text(23),
        sqlstate: state,
        query_id: query_id.filter(|id| *id != 0),
        severity,
        message: unquoted(columns[13]),
        detail: text(14),
        hint: text(15),
        context: text(18),
        statement: text(19),
        internal_query: text(16),
    })
}

/// Whether a process serves a client. Others, such as parallel workers, have no application name in a stderr log, and their
/// leader's in the other formats: it counts for none.
pub(super) fn has_client(user: &[u8], database: &[u8]) -> bool {
    !user.is_empty() || !database.is_empty()
}

/// `10.1.2.3:5432` without its port.
pub(super) fn host(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let end = memrchr(b':', &text).filter(|at| text[at + 1..].iter().all(u8::is_ascii_digit));
    match (end, text) {
        (Some(end), Cow::Borrowed(text)) => Cow::Borrowed(&text[..end]),
        (Some(end), Cow::Owned(text)) => Cow::Owned(text[..end].to_vec()),
        (None, text) => text,
    }
}
