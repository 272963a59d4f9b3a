//! The detail of `deadlock detected`: who waited for what, and with which statements.

use super::{lock, scan};
use crate::parse::Scribe;
use crate::record::Record;

/// A circle of processes that waited for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlock {
    /// In the order of the circle: each waits for the next, the last for the first.
    pub waits: Vec<Wait>,
}

/// A process in a deadlock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The process.
    pub pid: u32,
    /// `ShareLock`.
    pub mode: Box<str>,
    /// `transaction`, `relation`, ….
    pub kind: &'static str,
    /// Index of its statement; `None`: not logged, or the process did something else.
    pub statement: Option<u32>,
}

/// Most processes of a deadlock.
const MOST: usize = 64;

/// Reads the detail.
pub(super) fn told(record: &Record<'_>, scribe: &mut Scribe<'_, '_>) -> Option<Deadlock> {
    let detail = record.detail.as_deref()?;
    let mut waits: Vec<Wait> = Vec::new();
    let mut rest = detail;
    while let Some((wait, used)) = wait(rest) {
        waits.push(wait);
        rest = &rest[used..];
        if waits.len() == MOST {
            break;
        }
    }
    if waits.is_empty() {
        return None;
    }
    // Each statement reaches to the next line that begins like one.
    while let Some((pid, text)) = process(rest) {
        let mut end = text.len();
        let mut from = 0;
        while let Some(feed) = memchr::memchr(b'\n', &text[from..]) {
            let next = from + feed + 1;
            if process(&text[next..]).is_some_and(|(pid, _)| waits.iter().any(|w| w.pid == pid)) {
                end = next;
                break;
            }
            from = next;
        }
        let sql = text[..end].trim_ascii();
        if let Some(wait) = waits.iter_mut().find(|w| w.pid == pid && w.statement.is_none())
            && !sql.is_empty()
            && !sql.starts_with(b"<")
        {
            wait.statement = Some(scribe.statement(sql).0);
        }
        // What is behind may be the rest of a literal that only looks like another process.
        if scribe.is_cut(sql) {
            break;
        }
        rest = &text[end..];
    }
    Some(Deadlock { waits })
}

/// `Process 12: UPDATE …`.
fn process(text: &[u8]) -> Option<(u32, &[u8])> {
    let text = text.strip_prefix(b"\t").unwrap_or(text);
    let rest = text.strip_prefix(b"Process ")?;
    let (pid, used) = crate::time::digits(rest)?;
    Some((u32::try_from(pid).ok()?, rest[used..].strip_prefix(b": ")?))
}

/// `Process 12 waits for ShareLock on transaction 778; blocked by process 13.`, and how long the line is.
fn wait(text: &[u8]) -> Option<(Wait, usize)> {
    let length = memchr::memchr(b'\n', text).map_or(text.len(), |feed| feed + 1);
    let line = text[..length].trim_ascii();
    let rest = line.strip_prefix(b"Process ")?;
    let (pid, used) = crate::time::digits(rest)?;
    let what = rest[used..].strip_prefix(b" waits for ")?;
    let (what, _) = scan::split(what, "; blocked by process ")?;
    let (mode, object) = scan::split(what, " on ")?;
    Some((
        Wait {
            pid: u32::try_from(pid).ok()?,
            mode: lock::mode_name(mode),
            kind: lock::kind(object),
            statement: None,
        },
        length,
    ))
}
