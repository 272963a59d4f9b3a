//! What speaks for and against a prefix, in the lines that it reads.

use std::collections::HashMap;

use memchr::memmem;

use super::super::{Field, Head, Prefix, Step, is_backend};
use super::scan;
use crate::record::{Part, Severity};
use crate::time::Clock;

/// How a prefix does on lines.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evidence {
    /// Lines that it reads.
    pub read: usize,
    /// Fields that are filled, in all.
    pub fields: usize,
    /// Facts that contradict it.
    pub against: usize,
}

impl Evidence {
    /// `in_order`: the lines follow each other without gaps.
    pub(super) fn of(prefix: &Prefix, lines: &[&[u8]], in_order: bool) -> Self {
        let mut clock = Clock::default();
        let mut found = Self::default();
        let mut numbers: HashMap<(u32, &[u8]), u64> = HashMap::new();
        let mut last_at = None;
        for line in lines {
            let Some(head) = prefix.read(line, &mut clock) else {
                continue;
            };
            found.read += 1;
            found.fields += filled(prefix, &head);
            found.against += contradictions(prefix, &head, &line[head.text_at..]);
            if !in_order {
                continue;
            }
            if let (Some(at), Some(last)) = (head.at, last_at) {
                // A little out of order is usual; the begin of a session is not the time.
                found.against += usize::from(at + 2_000_000 < last);
            }
            last_at = head.at.or(last_at);
            if let (Some(number), Part::Message(_)) = (head.line, head.part) {
                let last = numbers.insert((head.pid.unwrap_or(0), head.session.unwrap_or_default()), number);
                found.against += usize::from(last.is_some_and(|last| number <= last || number > last + 16));
            }
        }
        found
    }
}

fn contradictions(prefix: &Prefix, head: &Head<'_>, text: &[u8]) -> usize {
    let mut against = 0;
    let mut is_against = |what: bool| against += usize::from(what);
    if let (Some(session), Some(pid)) = (head.session, head.pid) {
        let of_session = session.rsplit(|b| *b == b'.').next();
        is_against(of_session != Some(format!("{pid:x}").as_bytes()));
    }
    for name in [head.user, head.database] {
        is_against(name.contains(&b' '));
    }
    for name in [head.user, head.database, head.application] {
        is_against(scan::host(name).is_some_and(|(length, _)| length == name.len()));
        is_against(is_backend(name));
        is_against(!name.is_empty() && name.iter().all(u8::is_ascii_digit));
        is_against(!is_closed(name));
        is_against(name != name.trim_ascii());
    }
    is_against(!is_closed(head.host) || (prefix.has(Field::Host) && head.host.ends_with(b")")));
    is_against(!head.host.is_empty() && !scan::may_be_host(head.host));
    is_against(head.pid == Some(0));
    // A hash is hardly ever small.
    is_against(head.query_id.is_some_and(|id| (1..1 << 32).contains(&id)));
    is_against(head.sqlstate.is_some_and(|state| is_odd(state, head.part)));
    if is_background(text) && head.part == Part::Message(Severity::Log) {
        is_against(!head.user.is_empty());
        is_against(!head.database.is_empty());
        is_against(!head.application.is_empty());
    }
    if let Some(rest) = text.strip_prefix(b"connection authorized: ") {
        let says = |key: &[u8], value: &[u8]| {
            let Some(at) = memmem::find(rest, key) else {
                return true;
            };
            value.is_empty() || value == b"[unknown]" || rest[at + key.len()..].starts_with(value)
        };
        is_against(!says(b"user=", head.user));
        is_against(!says(b"database=", head.database));
        is_against(!says(b"application_name=", head.application));
    }
    against
}

/// A log record that is no error has the SQLSTATE 00000, and an error has another.
fn is_odd(state: [u8; 5], part: Part) -> bool {
    match part {
        Part::Message(Severity::Log) => state[0] != b'0',
        Part::Message(severity) if severity >= Severity::Error => &state == b"00000",
        _ => false,
    }
}

/// No bracket of it is closed elsewhere.
fn is_closed(text: &[u8]) -> bool {
    let count = |byte| text.iter().filter(|b| **b == byte).count();
    count(b'[') == count(b']') && count(b'(') == count(b')')
}

/// What only processes without a client say.
fn is_background(text: &[u8]) -> bool {
    let says: [&[u8]; 10] = [
        b"checkpoint starting:",
        b"checkpoint complete:",
        b"restartpoint ",
        b"automatic vacuum of ",
        b"automatic analyze of ",
        b"database system ",
        b"starting PostgreSQL ",
        b"listening on ",
        b"received fast shutdown",
        b"autovacuum launcher ",
    ];
    says.iter().any(|words| text.starts_with(words))
}

fn filled(prefix: &Prefix, head: &Head<'_>) -> usize {
    let names = [
        head.user,
        head.database,
        head.application,
        head.host,
        head.backend,
    ];
    names.iter().filter(|n| !n.is_empty()).count() + prefix.steps.iter().filter(|s| is_fixed(s)).count()
}

fn is_fixed(step: &Step) -> bool {
    matches!(step, Step::Field(field) if !field.is_free())
}
