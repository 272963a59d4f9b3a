//! Lines of syslog: RFC 3164 (section 4.1) and RFC 5424 (section 6), with a priority before them or without, as files have them; and
//! what looks alike: `journalctl -o short`, `short-precise`, `short-iso`, `short-iso-precise`, and Heroku's logplex.

use std::borrow::Cow;

use super::Message;
use crate::time::{self, Clock, days_from_civil};

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const DAY: i64 = 86_400_000_000;

pub(super) fn looks_like_it(start: &[u8]) -> bool {
    let lines = start.split(|b| *b == b'\n').take(2000);
    let mut messages = lines.filter_map(|line| message(line, i64::MAX / 2));
    messages.any(|m| crate::prefix::is_record(&m.text))
}

/// One line. `newest`: the latest that it can be of, µs since 1970.
pub(super) fn message(line: &[u8], newest: i64) -> Option<Message<'_>> {
    let mut rest = line;
    let mut is_5424 = false;
    if rest.first() == Some(&b'<') {
        let end = rest.iter().take(5).position(|b| *b == b'>')?;
        rest = &rest[end + 1..];
        if let Some(behind) = rest.strip_prefix(b"1 ") {
            (rest, is_5424) = (behind, true);
        }
    } else if let Some(behind) = rest.strip_prefix(b"1 ") {
        (rest, is_5424) = (behind, true);
    }
    let (at, has_zone, used) = stamp(rest, newest)?;
    let rest = rest[used..].strip_prefix(b" ")?;
    let found = match is_5424 {
        true => fields_5424(rest),
        false => tagged(rest),
    };
    let (who, pid, text) = found?;
    Some(Message {
        at,
        has_zone,
        pid,
        who,
        text: Cow::Borrowed(without_number(text)),
    })
}

/// A time, whether it says its zone, and how many bytes it took.
fn stamp(text: &[u8], newest: i64) -> Option<(i64, bool, usize)> {
    if text.first()?.is_ascii_digit() {
        let (at, used) = Clock::default().read(text)?;
        let zone = text.get(10) == Some(&b'T')
            && text[..used]
                .iter()
                .skip(19)
                .any(|b| matches!(b, b'Z' | b'+' | b'-'));
        // The hosts' names behind a time without a zone are none.
        return zone.then_some((at, true, used));
    }
    let month = MONTHS.iter().position(|m| text.starts_with(m))? as i64 + 1;
    let figures = |at: usize| {
        text.get(at)
            .filter(|b| b.is_ascii_digit())
            .map(|b| i64::from(b - b'0'))
    };
    let day = figures(4).unwrap_or(0) * 10 + figures(5)?;
    let (of_day, length) = time::time_of_day(text.get(7..)?)?;
    if text[3] != b' ' || text[6] != b' ' || !(1..=31).contains(&day) {
        return None;
    }
    // The last such day before the newest record; a clock may be ahead by a day.
    let year = time::year_of(newest);
    let at = |year| days_from_civil(year, month, day) * DAY + of_day;
    let is_later = at(year) > newest.saturating_add(DAY);
    Some((at(year - i64::from(is_later)), false, 7 + length))
}

/// `HOST APP PID MSGID SD MESSAGE`.
fn fields_5424(rest: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let mut parts = rest.splitn(5, |b| *b == b' ');
    let _host = parts.next()?;
    let who = parts.next()?;
    let pid = time::digits(parts.next()?).map_or(0, |(pid, _)| pid);
    let _id = parts.next()?;
    let rest = parts.next()?;
    let text = match rest.strip_prefix(b"- ") {
        Some(text) => text,
        // Structured data: quoted values may hold brackets.
        None => {
            let mut is_quoted = false;
            let end = rest.iter().enumerate().position(|(at, byte)| {
                is_quoted ^= *byte == b'"' && rest[at.saturating_sub(1)] != b'\\';
                !is_quoted && *byte == b']' && rest.get(at + 1) != Some(&b'[')
            })?;
            rest.get(end + 2..)?
        }
    };
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    Some((who, u32::try_from(pid).ok()?, text))
}

/// `HOST NAME[PID]: MESSAGE`, or without the host.
fn tagged(rest: &[u8]) -> Option<(&[u8], u32, &[u8])> {
    let colon = memchr::memmem::find(rest, b": ")?;
    let tag = rest[..colon].rsplit(|b| *b == b' ').next()?;
    if rest[..colon].iter().filter(|b| **b == b' ').count() > 1 {
        return None;
    }
    let text = &rest[colon + 2..];
    let Some(open) = memchr::memchr(b'[', tag) else {
        return Some((tag, 0, text));
    };
    let inner = tag[open + 1..].strip_suffix(b"]")?;
    // `app[postgres.123]: [DATABASE] …` of logplex.
    if let Some(number) = inner.strip_prefix(b"postgres.") {
        let text = match text.first() {
            Some(b'[') => memchr::memmem::find(text, b"] ").map_or(text, |end| &text[end + 2..]),
            _ => text,
        };
        return Some((
            b"postgres",
            time::digits(number).map_or(0, |(n, _)| n as u32),
            text,
        ));
    }
    let pid = time::digits(inner).and_then(|(pid, _)| u32::try_from(pid).ok());
    Some((&tag[..open], pid.unwrap_or(0), text))
}

/// Without the `[7-1] ` by which PostgreSQL numbers messages and their parts.
fn without_number(text: &[u8]) -> &[u8] {
    let number = |text: &[u8]| time::digits(text).map(|(_, used)| used);
    let end = || {
        let rest = text.strip_prefix(b"[")?;
        let first = number(rest)?;
        let second = number(rest.get(first..)?.strip_prefix(b"-")?)?;
        let end = first + second + 2;
        text.get(end..)?.starts_with(b"] ").then_some(end + 2)
    };
    end().map_or(text, |end| &text[end..])
}
