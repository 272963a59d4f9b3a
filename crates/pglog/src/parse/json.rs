//! `log_destination = jsonlog` (PostgreSQL 15 and later): one object a line. The same columns under csvlog's names are what
//! CloudNativePG writes, within a line of its own.

use std::borrow::Cow;

use memchr::{memchr, memrchr};

use super::Scribe;
use super::csv::has_client;
use super::object::{self, Value};
use super::without_mark;
use crate::record::{Part, Record, is_english, some};
use crate::time::{self, Clock};

/// What a line is.
enum Line<'b> {
    /// A record; `false`: in another language than English.
    Record(Box<Record<'b>>, bool),
    /// Something that another program says of itself.
    Other,
    Broken,
}

/// Whether a log's first bytes are of this format.
pub fn looks_like_it(start: &[u8]) -> bool {
    let lines = start.split(|b| *b == b'\n').take(1000).filter(|l| !l.is_empty());
    let mut clock = Clock::default();
    let mut objects = lines.filter(|line| line.first() == Some(&b'{'));
    objects.any(|line| matches!(read(line, &mut clock), Line::Record(..)))
}

/// Where the last line begins, if not at the front: no record has more than one.
pub fn last_border(bytes: &[u8]) -> Option<usize> {
    memrchr(b'\n', bytes).map(|feed| feed + 1)
}

/// Where the next line begins.
pub fn next_border(bytes: &[u8]) -> Option<usize> {
    memchr(b'\n', bytes).map(|feed| feed + 1)
}

/// Of the last bytes of a log, which end without a line feed: where the line begins that is not all there.
pub fn cut_at(bytes: &[u8]) -> usize {
    let start = last_border(bytes).unwrap_or(0);
    match object::members(&bytes[start..], |_, _| ()) {
        Some(()) => bytes.len(),
        None => start,
    }
}

/// Reads a chunk.
pub fn parse<'b>(bytes: &'b [u8], scribe: &mut Scribe<'b, '_>) {
    let mut rest = without_mark(bytes);
    while !rest.is_empty() {
        let end = memchr(b'\n', rest);
        let line = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(b"", |end| &rest[end + 1..]);
        match read(line, &mut scribe.memory.clock) {
            Line::Record(record, english) => {
                scribe.out.counts.foreign += u64::from(!english);
                scribe.record(&record);
            }
            Line::Other => {}
            Line::Broken => {
                if !line.trim_ascii().is_empty() {
                    scribe.broken(line);
                }
            }
        }
    }
}

fn read<'b>(line: &'b [u8], clock: &mut Clock) -> Line<'b> {
    let mut fields = Fields::default();
    let mut wrapped = None;
    let mut logger = None;
    let whole = object::members(line, |key, value| match (key, value) {
        (b"record", Value::Nested(inner)) => wrapped = Some(inner),
        (b"logger", Value::Text(text, _)) => logger = Some(text),
        _ => fields.set(key, value, clock),
    });
    if whole.is_none() {
        return Line::Broken;
    }
    if let Some(inner) = wrapped.filter(|_| logger.is_some()) {
        fields = Fields::default();
        if object::members(inner, |key, value| fields.set(key, value, clock)).is_none() {
            return Line::Broken;
        }
    } else if logger.is_some() {
        // The operator's own words.
        return Line::Other;
    }
    if fields.broken || !fields.has_severity || fields.record.at.is_none() {
        return Line::Broken;
    }
    let record = &mut fields.record;
    if !has_client(
        record.user.as_deref().unwrap_or_default(),
        record.database.as_deref().unwrap_or_default(),
    ) {
        record.application = None;
    }
    Line::Record(Box::new(fields.record), fields.english)
}

#[derive(Default)]
struct Fields<'b> {
    record: Record<'b>,
    has_severity: bool,
    english: bool,
    broken: bool,
}

impl<'b> Fields<'b> {
    #[inline]
    fn set(&mut self, key: &[u8], value: Value<'b>, clock: &mut Clock) {
        let Self { record, broken, .. } = self;
        match key {
            b"timestamp" | b"log_time" => {
                record.at = value.plain().and_then(|t| clock.read(t)).map(|(at, _)| at);
            }
            b"pid" | b"process_id" => {
                record.pid = number(value).and_then(|n| u32::try_from(n).ok());
            }
            b"session_id" => record.session = value.plain().and_then(some),
            b"line_num" | b"session_line_num" => record.line = number(value),
            b"user" | b"user_name" => record.user = text(value, broken),
            b"dbname" | b"database_name" => record.database = text(value, broken),
            b"application_name" => record.application = text(value, broken),
            b"remote_host" => record.host = text(value, broken),
            b"connection_from" => record.host = text(value, broken).map(super::csv::host),
            b"backend_type" => record.backend = text(value, broken),
            b"state_code" | b"sql_state_code" => {
                record.sqlstate = value.plain().and_then(|t| t.try_into().ok());
            }
            b"query_id" => {
                let id = value
                    .plain()
                    .and_then(|t| std::str::from_utf8(t).ok()?.parse().ok());
                record.query_id = id.filter(|id| *id != 0);
            }
            b"error_severity" => {
                let word = text(value, broken).unwrap_or_default();
                if let Some(Part::Message(severity)) = Part::of(&word) {
                    record.severity = severity;
                    self.has_severity = true;
                    self.english = is_english(&word);
                }
            }
            b"message" => record.message = text(value, broken).unwrap_or_default(),
            b"detail" => record.detail = text(value, broken),
            b"hint" => record.hint = text(value, broken),
            b"context" => record.context = text(value, broken),
            b"statement" | b"query" => record.statement = text(value, broken),
            b"internal_query" => record.internal_query = text(value, broken),
            _ => {}
        }
    }
}

/// A string's text, if it is not empty; whether its escapes are broken.
fn text<'b>(value: Value<'b>, broken: &mut bool) -> Option<Cow<'b, [u8]>> {
    let text = value.text();
    *broken |= text.is_none() && matches!(value, Value::Text(text, _) if !text.is_empty());
    text
}

fn number(value: Value<'_>) -> Option<u64> {
    time::digits(value.plain()?).map(|(n, _)| n)
}
