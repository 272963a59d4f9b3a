//! `journalctl -o json` and `-o export` (systemd's documentation, "Journal Export Formats").

use std::borrow::Cow;

use super::Message;
use crate::parse::object::{self, Value};
use crate::time;

#[derive(Default)]
struct Fields<'b> {
    at: Option<i64>,
    pid: u32,
    identifier: &'b [u8],
    command: &'b [u8],
    text: Option<Cow<'b, [u8]>>,
}

impl<'b> Fields<'b> {
    fn set(&mut self, key: &[u8], value: &'b [u8]) {
        let number = || time::digits(value).map(|(n, _)| n);
        match key {
            b"__REALTIME_TIMESTAMP" => self.at = number().and_then(|n| i64::try_from(n).ok()),
            // PostgreSQL's own with syslog; of a stream it is the postmaster's, and the prefix knows better.
            b"_PID" => self.pid = number().and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            b"SYSLOG_IDENTIFIER" => self.identifier = value,
            b"_COMM" => self.command = value,
            _ => {}
        }
    }

    fn message(self) -> Option<Message<'b>> {
        Some(Message {
            at: self.at?,
            has_zone: true,
            pid: self.pid,
            who: if self.identifier.is_empty() {
                self.command
            } else {
                self.identifier
            },
            text: self.text?,
        })
    }
}

pub(super) fn looks_like_json(start: &[u8]) -> bool {
    let line = start.split(|b| *b == b'\n').next().unwrap_or_default();
    line.first() == Some(&b'{') && memchr::memmem::find(line, b"\"__REALTIME_TIMESTAMP\"").is_some()
}

pub(super) fn looks_like_export(start: &[u8]) -> bool {
    start.starts_with(b"__CURSOR=") && memchr::memmem::find(start, b"\n__REALTIME_TIMESTAMP=").is_some()
}

/// One object.
pub(super) fn object<'b>(line: &'b [u8], each: &mut dyn FnMut(Option<Message<'b>>)) {
    let mut fields = Fields::default();
    let whole = object::members(line, |key, value| match (key, value) {
        // Text that is not UTF-8 is an array of bytes.
        (b"MESSAGE", Value::Nested(array)) => fields.text = bytes(array).map(Cow::Owned),
        (b"MESSAGE", _) => fields.text = value.text(),
        _ => fields.set(key, value.plain().unwrap_or_default()),
    });
    each(whole.and_then(|()| fields.message()));
}

fn bytes(array: &[u8]) -> Option<Vec<u8>> {
    let inner = array.strip_prefix(b"[")?.strip_suffix(b"]")?;
    let byte = |text: &[u8]| u8::try_from(time::digits(text.trim_ascii())?.0).ok();
    inner.split(|b| *b == b',').map(byte).collect()
}

/// Whole entries; how many bytes they are. An entry ends with an empty line; a field is `KEY=VALUE`, or `KEY`, a line's end, eight bytes of
/// length with the lowest first, so many bytes, and a line's end.
pub(super) fn export(bytes: &[u8], at_end: bool, each: &mut dyn FnMut(Option<Message<'_>>)) -> usize {
    let mut used = 0;
    let mut at = 0;
    let mut fields = Fields::default();
    let mut is_empty = true;
    while let Some(end) = memchr::memchr(b'\n', &bytes[at..]).map(|end| at + end) {
        let line = &bytes[at..end];
        at = end + 1;
        if line.is_empty() {
            if !is_empty {
                // An entry without a message, of another program, is none.
                let entry = std::mem::take(&mut fields);
                if entry.text.is_some() {
                    each(entry.message());
                }
            }
            (is_empty, used) = (true, at);
            continue;
        }
        is_empty = false;
        let (key, value) = match memchr::memchr(b'=', line) {
            Some(equals) => (&line[..equals], &line[equals + 1..]),
            None => {
                let length = bytes
                    .get(at..at + 8)
                    .and_then(|l| l.try_into().ok())
                    .map(u64::from_le_bytes);
                let end = length
                    .and_then(|l| usize::try_from(l).ok())
                    .and_then(|l| (at + 8).checked_add(l));
                let Some(value) = end.and_then(|end| bytes.get(at + 8..end)) else {
                    break;
                };
                at = at + 8 + value.len() + 1;
                if at > bytes.len() {
                    break;
                }
                (line, value)
            }
        };
        match key {
            b"MESSAGE" => fields.text = Some(Cow::Borrowed(value)),
            _ => fields.set(key, value),
        }
    }
    if at_end || bytes.len() - used > 2 * super::LONGEST {
        if !is_empty || used < bytes.len() {
            each(fields.message());
        }
        return bytes.len();
    }
    used
}
