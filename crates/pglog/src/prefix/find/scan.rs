//! What a piece of a line's beginning looks like.

use super::super::is_backend;
use crate::time::{self, Clock};

/// What something looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// A time; whether with ms.
    Time(bool),
    /// Seconds since 1970 with ms.
    Epoch,
    /// `6921f0aa.1092`.
    Session,
    /// A host; whether with a port.
    Host(bool),
    /// `3/42`.
    Virtual,
    /// A number, or what else may be a SQLSTATE.
    Number,
    /// `42P01`.
    State,
    /// One of PostgreSQL's processes.
    Backend,
    /// What a session does.
    Tag,
    /// Any word.
    Word,
}

/// What the front of `text` looks like, and how long it is; `None`: a mark that stands for itself.
pub(super) fn look(text: &[u8]) -> Option<(Look, usize)> {
    if let Some((_, length)) = Clock::default().read(text) {
        return Some((Look::Time(text.get(19) == Some(&b'.')), length));
    }
    let digits = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_digit()).count();
    let count = digits(text);
    if count == 10 && text.get(10) == Some(&b'.') && digits(&text[11..]) == 3 {
        return Some((Look::Epoch, time::epoch(text)?.1));
    }
    if let Some(length) = session(text) {
        return Some((Look::Session, length));
    }
    if let Some((length, has_port)) = host(text) {
        return Some((Look::Host(has_port), length));
    }
    if text.starts_with(b"[unknown]") {
        return Some((Look::Word, 9));
    }
    if count > 0 && text.get(count) == Some(&b'/') && digits(&text[count + 1..]) > 0 {
        return Some((Look::Virtual, count + 1 + digits(&text[count + 1..])));
    }
    if let Some(length) = backend(text) {
        return Some((Look::Backend, length));
    }
    let behind_minus = digits(text.get(1..).unwrap_or_default());
    if text.first() == Some(&b'-') && behind_minus > 5 {
        return Some((Look::Number, 1 + behind_minus));
    }
    let length = word(text);
    match &text[..length] {
        [] => None,
        figures if count == figures.len() => Some((Look::Number, count)),
        // A number and a mark, such as 42-1.
        figures if count > 0 && figures[count] == b'-' => Some((Look::Number, count)),
        state if state.len() == 5 && is_state(state) => Some((Look::State, 5)),
        words if is_tag(words) => Some((Look::Tag, tag(text, length))),
        name if name.iter().any(|b| b.is_ascii_alphabetic() || *b >= 0x80) => Some((Look::Word, length)),
        _ => None,
    }
}

fn is_state(text: &[u8]) -> bool {
    text.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
        && text.iter().filter(|b| b.is_ascii_digit()).count() >= 2
}

fn word(text: &[u8]) -> usize {
    let ends = |b: &u8| b.is_ascii_whitespace() || b",;:|@=[](){}<>/\"'".contains(b);
    text.iter().position(ends).unwrap_or(text.len())
}

fn session(text: &[u8]) -> Option<usize> {
    let hex = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let first = hex(text);
    if !(6..=9).contains(&first) || text.get(first) != Some(&b'.') {
        return None;
    }
    let second = hex(&text[first + 1..]);
    let end = first + 1 + second;
    let goes_on = text
        .get(end)
        .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'.');
    ((1..=8).contains(&second) && !goes_on).then_some(end)
}

/// A host's address or `[local]` at the front, and whether a port follows; how long with it.
pub(in super::super) fn host(text: &[u8]) -> Option<(usize, bool)> {
    if text.starts_with(b"[local]") {
        return Some((7, false));
    }
    let is_of = |b: &&u8| b.is_ascii_hexdigit() || **b == b'.' || **b == b':';
    let length = text.iter().take_while(is_of).count();
    let address = text[..length].strip_suffix(b":").unwrap_or(&text[..length]);
    let candidate = std::str::from_utf8(address).ok()?;
    let (length, is_one) = match candidate.parse::<std::net::IpAddr>() {
        Ok(_) => (address.len(), true),
        // Marks may stand behind it.
        Err(_) => {
            let end = candidate.find(':').unwrap_or(candidate.len());
            (end, candidate[..end].parse::<std::net::Ipv4Addr>().is_ok())
        }
    };
    if is_one {
        let port = port(&text[length..]);
        return Some((length + port, port > 0));
    }
    // A host's name is one when a port follows.
    let length = word(text);
    let port = port(&text[length..]);
    (length > 0 && port > 0).then_some((length + port, true))
}

fn port(text: &[u8]) -> usize {
    let Some(rest) = text.strip_prefix(b"(") else {
        return 0;
    };
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if (1..=5).contains(&digits) && rest.get(digits) == Some(&b')') {
        digits + 2
    } else {
        0
    }
}

/// An address, `[local]`, or what may be a host's name.
pub(super) fn may_be_host(text: &[u8]) -> bool {
    host(text).is_some_and(|(length, _)| length == text.len())
        || text == b"???"
        || memchr::memchr(b'.', text).is_some()
            && text
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-._".contains(b))
        || text == b"localhost"
}

/// The longest name of a process at the front.
fn backend(text: &[u8]) -> Option<usize> {
    let mut longest = None;
    let mut end = 0;
    for _ in 0..5 {
        let length = word(&text[end..]);
        if length == 0 {
            break;
        }
        end += length;
        if is_backend(&text[..end]) {
            longest = Some(end);
        }
        if text.get(end) != Some(&b' ') {
            break;
        }
        end += 1;
    }
    longest
}

fn is_tag(word: &[u8]) -> bool {
    matches!(
        word,
        b"SELECT"
            | b"INSERT"
            | b"UPDATE"
            | b"DELETE"
            | b"BEGIN"
            | b"COMMIT"
            | b"ROLLBACK"
            | b"PARSE"
            | b"BIND"
            | b"EXECUTE"
            | b"COPY"
            | b"SET"
            | b"SHOW"
            | b"VACUUM"
            | b"ANALYZE"
            | b"CREATE"
            | b"ALTER"
            | b"DROP"
            | b"TRUNCATE"
            | b"FETCH"
            | b"DEALLOCATE"
            | b"idle"
            | b"authentication"
            | b"MERGE"
            | b"CALL"
            | b"EXPLAIN"
            | b"GRANT"
            | b"LOCK"
    )
}

/// A tag of several words: `CREATE TABLE`, `idle in transaction`.
fn tag(text: &[u8], first: usize) -> usize {
    if text.starts_with(b"idle in transaction") {
        return 19;
    }
    let next = text.get(first + 1..).unwrap_or_default();
    let length = next.iter().take_while(|b| b.is_ascii_uppercase()).count();
    let is_more = text.get(first) == Some(&b' ')
        && matches!(
            &next[..length],
            b"TABLE" | b"INDEX" | b"TABLE AS" | b"DATABASE" | b"ROLE" | b"VIEW" | b"ALL" | b"FUNCTION"
        );
    if is_more { first + 1 + length } else { first }
}
