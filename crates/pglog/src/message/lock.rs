//! `log_lock_waits`: `process 12 still waiting for ShareLock on transaction 778 after 1000.123 ms`.

use super::scan;
use crate::parse::Scribe;
use crate::record::Record;

/// What became of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Waiting,
    /// The lock was taken.
    Acquired,
    /// The queue was rearranged so that no deadlock came of it.
    Avoided,
    /// A deadlock was found.
    Deadlock,
    /// It was not waited for (`NOWAIT`; `log_lock_failures`, 18).
    Failed,
}

/// A record about a lock.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// The process that waits.
    pub pid: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// µs so far.
    pub micros: u64,
    /// `ShareLock`.
    pub mode: Box<str>,
    /// What is locked, without its numbers: `transaction`, `relation`, `tuple`.
    pub kind: &'static str,
    /// What is locked, all of it: a hash.
    pub object: u64,
    /// The relation: its name from the context, else its number.
    pub relation: Option<Box<str>>,
    /// Who holds it.
    pub holders: Vec<u32>,
    /// Index of the statement that waits.
    pub statement: Option<u32>,
}

/// Most holders of a lock that are taken note of.
const MOST_HOLDERS: usize = 32;

/// Reads a record that begins with `process `.
pub(super) fn told(record: &Record<'_>, scribe: &mut Scribe<'_, '_>) -> Option<Lock> {
    let rest = record.message.strip_prefix(b"process ")?;
    let (pid, used) = crate::time::digits(rest)?;
    let rest = &rest[used..];
    let kinds = [
        (" still waiting for ", Outcome::Waiting),
        (" acquired ", Outcome::Acquired),
        (" avoided deadlock for ", Outcome::Avoided),
        (" detected deadlock while waiting for ", Outcome::Deadlock),
        (" failed to acquire ", Outcome::Failed),
        (" could not obtain ", Outcome::Failed),
    ];
    let (outcome, rest) = kinds
        .iter()
        .find_map(|(mark, outcome)| Some((*outcome, rest.strip_prefix(mark.as_bytes())?)))?;
    let (what, rest) = match scan::split(rest, " after ") {
        Some(found) => found,
        None if outcome == Outcome::Failed => (rest, &b"0"[..]),
        None => return None,
    };
    let micros = super::duration::milliseconds(rest)?.0;
    let what = scan::split(what, " by rearranging queue order").map_or(what, |(what, _)| what);
    let (mode, object) = scan::split(what, " on ")?;
    let context = record.context.as_deref().unwrap_or_default();
    let statement = record.statement.as_deref().map(|sql| scribe.statement(sql).0);
    Some(Lock {
        pid: u32::try_from(pid).ok()?,
        outcome,
        micros,
        mode: mode_name(mode),
        kind: kind(object),
        object: crate::hash::hash(object),
        relation: relation(context, object),
        holders: record.detail.as_deref().map_or_else(Vec::new, holders),
        statement,
    })
}

/// `ShareLock`: letters only.
pub(super) fn mode_name(mode: &[u8]) -> Box<str> {
    let letters = mode.len() <= 40 && mode.iter().all(u8::is_ascii_alphabetic);
    match letters {
        true => String::from_utf8_lossy(mode).into(),
        false => "another mode".into(),
    }
}

/// What sort of thing is locked (PostgreSQL's `DescribeLockTag`), without the numbers.
pub(super) fn kind(object: &[u8]) -> &'static str {
    let kinds = [
        ("relation ", "relation"),
        ("extension of relation ", "extension of a relation"),
        ("tuple ", "row"),
        ("transaction ", "transaction"),
        ("virtual transaction ", "virtual transaction"),
        ("advisory lock ", "advisory lock"),
        ("user lock ", "advisory lock"),
        ("page ", "page"),
        ("speculative token ", "speculative token"),
        ("object ", "object"),
        ("remote transaction ", "remote transaction"),
        ("pg_database.datfrozenxid ", "database's oldest transaction"),
    ];
    kinds
        .iter()
        .find(|(start, _)| object.starts_with(start.as_bytes()))
        .map_or("something else", |(_, kind)| kind)
}

/// `while updating tuple (0,3) in relation "t"`, else `… relation 16384 of database …`.
fn relation(context: &[u8], object: &[u8]) -> Option<Box<str>> {
    if context.starts_with(b"while ")
        && let Some(name) = scan::behind(context, " in relation ").and_then(scan::quoted)
    {
        return Some(name.into());
    }
    let number = match object.strip_prefix(b"relation ") {
        Some(rest) => scan::number(rest),
        None => scan::behind(object, " of relation ").and_then(scan::number),
    };
    number.map(|oid| format!("relation {oid}").into())
}

/// `Process holding the lock: 456. Wait queue: 123.`, or `Processes holding the lock: 1, 2. …`.
fn holders(detail: &[u8]) -> Vec<u32> {
    let list = scan::behind(detail, " holding the lock: ").unwrap_or_default();
    let list = list.split(|b| *b == b'.').next().unwrap_or_default();
    list.split(|b| *b == b',')
        .filter_map(|pid| u32::try_from(scan::number(pid.trim_ascii())?).ok())
        .take(MOST_HOLDERS)
        .collect()
}
