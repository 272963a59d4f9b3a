//! `duration: …`, and what `log_statement` writes.

use memchr::{memchr, memmem};

use crate::event::Stage;

/// A message that begins with `duration: `, told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told<'a> {
    /// µs.
    pub micros: u64,
    /// Which step.
    pub stage: Stage,
    /// The statement, if there is one.
    pub sql: Option<&'a [u8]>,
    /// The plan that auto_explain wrote, instead of a statement.
    pub plan: Option<&'a [u8]>,
}

/// Reads `duration: 1.234 ms[  STEP NAME: SQL]` (PostgreSQL's `postgres.c`, `check_log_duration` and its callers).
pub fn told(message: &[u8]) -> Option<Told<'_>> {
    let rest = message.strip_prefix(b"duration: ")?;
    let (micros, used) = milliseconds(rest)?;
    let rest = rest[used..].strip_prefix(b" ms")?;
    let told = |stage, sql| {
        Some(Told {
            micros,
            stage,
            sql,
            plan: None,
        })
    };
    let rest = match rest.strip_prefix(b"  ") {
        Some(rest) => rest,
        None if rest.trim_ascii().is_empty() => return told(Stage::Bare, None),
        None => return None,
    };
    if let Some(plan) = rest.strip_prefix(b"plan:") {
        return Some(Told {
            micros,
            stage: Stage::Bare,
            sql: None,
            plan: Some(plan),
        });
    }
    if rest.starts_with(b"fastpath function call") {
        return told(Stage::FastPath, None);
    }
    let (stage, sql) = step(rest)?;
    told(stage, Some(sql))
}

/// Reads a duration in another language than English, by its shape: `Dauer: 1.234 ms  Anweisung: SQL`. PostgreSQL's
/// translations keep the order, the colons, and the two spaces. A word alone before the statement is a simple query's; one
/// with a name behind it is a step of the extended protocol, and which cannot be told: it counts as a duration without a
/// statement.
pub fn translated(message: &[u8]) -> Option<Told<'_>> {
    let head = &message[..message.len().min(80)];
    let (colon, behind) = match memmem::find(head, b": ") {
        Some(colon) => (colon, colon + 2),
        // As Chinese and Japanese write it.
        None => memmem::find(head, "：".as_bytes()).map(|colon| (colon, colon + 3))?,
    };
    let word = std::str::from_utf8(&message[..colon]).ok()?;
    if word.is_empty() || !word.chars().all(|c| c.is_alphabetic() || c == ' ') {
        return None;
    }
    let rest = &message[behind..];
    let (micros, used) = milliseconds(rest)?;
    // Three decimals, always: other messages have none.
    if used < 5 || rest[used - 4] != b'.' {
        return None;
    }
    let unit = rest[used..].strip_prefix(b" ")?;
    let letters = unit.iter().take_while(|b| !b.is_ascii_whitespace()).count();
    if letters == 0 || letters > 8 {
        return None;
    }
    let told = |stage, sql| {
        Some(Told {
            micros,
            stage,
            sql,
            plan: None,
        })
    };
    let Some(step) = unit[letters..].strip_prefix(b"  ") else {
        return told(Stage::Bare, None);
    };
    let simple =
        memmem::find(&step[..step.len().min(64)], b": ").filter(|at| memchr(b' ', &step[..*at]).is_none());
    match simple {
        Some(at) => told(Stage::Simple, Some(&step[at + 2..])),
        None => told(Stage::Bare, None),
    }
}

/// Reads `statement: SQL` or `execute NAME: SQL`, as `log_statement` writes them.
pub fn began(message: &[u8]) -> Option<(Stage, &[u8])> {
    match message.first()? {
        b's' | b'e' => match step(message)? {
            found @ (Stage::Simple | Stage::Execute | Stage::Fetch, _) => Some(found),
            _ => None,
        },
        _ => None,
    }
}

fn step(text: &[u8]) -> Option<(Stage, &[u8])> {
    if let Some(sql) = text.strip_prefix(b"statement: ") {
        return Some((Stage::Simple, sql));
    }
    let (stage, rest) = if let Some(rest) = text.strip_prefix(b"execute fetch from ") {
        (Stage::Fetch, rest)
    } else if let Some(rest) = text.strip_prefix(b"execute ") {
        (Stage::Execute, rest)
    } else if let Some(rest) = text.strip_prefix(b"bind ") {
        (Stage::Bind, rest)
    } else if let Some(rest) = text.strip_prefix(b"parse ") {
        (Stage::Parse, rest)
    } else {
        return None;
    };
    // `<unnamed>: SQL` or `name/portal: SQL`. A name may hold a colon, hardly one with a space behind it.
    let colon = memmem::find(rest, b": ")?;
    Some((stage, &rest[colon + 2..]))
}

/// `12.345` as µs, and how many bytes it took. PostgreSQL writes three decimals, and a comma in no language.
pub(crate) fn milliseconds(text: &[u8]) -> Option<(u64, usize)> {
    let (whole, used) = crate::time::digits(text)?;
    let whole = whole.checked_mul(1000)?;
    if text.get(used) != Some(&b'.') {
        return Some((whole, used));
    }
    let (mut micros, mut unit, mut at) = (0, 100, used + 1);
    while let Some(figure) = text.get(at).filter(|b| b.is_ascii_digit()) {
        micros += u64::from(figure - b'0') * unit;
        unit /= 10;
        at += 1;
    }
    Some((whole.checked_add(micros)?, at))
}

/// The parameters in a `DETAIL`: `parameters: $1 = '…'` up to version 15, `Parameters: …` from 16 on.
pub fn parameters(detail: &[u8]) -> Option<&[u8]> {
    let rest = detail
        .strip_prefix(b"parameters: ")
        .or_else(|| detail.strip_prefix(b"Parameters: "))?;
    memchr(b'$', rest).map(|_| rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(micros: u64, stage: Stage, sql: &'a str) -> Option<Told<'a>> {
        Some(Told {
            micros,
            stage,
            sql: Some(sql.as_bytes()),
            plan: None,
        })
    }

    #[test]
    fn every_step_is_told_apart() {
        assert_eq!(
            told(b"duration: 0.123 ms  statement: SELECT 1"),
            found(123, Stage::Simple, "SELECT 1")
        );
        assert_eq!(
            told(b"duration: 12.000 ms  parse <unnamed>: SELECT $1"),
            found(12_000, Stage::Parse, "SELECT $1")
        );
        assert_eq!(
            told(b"duration: 1.5 ms  bind a/b: SELECT 1"),
            found(1500, Stage::Bind, "SELECT 1")
        );
        assert_eq!(
            told(b"duration: 1 ms  execute P_0: BEGIN"),
            found(1000, Stage::Execute, "BEGIN")
        );
        assert_eq!(
            told(b"duration: 1 ms  execute fetch from a/c: X"),
            found(1000, Stage::Fetch, "X")
        );
        assert_eq!(told(b"duration: 7.001 ms").unwrap().stage, Stage::Bare);
        assert_eq!(
            told(b"duration: 7.001 ms  plan:\nQuery Text: x").unwrap().plan,
            Some(&b"\nQuery Text: x"[..])
        );
        assert_eq!(
            began(b"execute <unnamed>: SELECT 1"),
            Some((Stage::Execute, &b"SELECT 1"[..]))
        );
        assert_eq!(
            began(b"statement: SELECT 1"),
            Some((Stage::Simple, &b"SELECT 1"[..]))
        );
    }

    #[test]
    fn other_languages_are_told_by_shape() {
        assert_eq!(
            translated("Dauer: 0.123 ms  Anweisung: SELECT 1".as_bytes()),
            found(123, Stage::Simple, "SELECT 1")
        );
        assert_eq!(
            translated("durée : 12.000 ms  instruction: SELECT 1".as_bytes()),
            found(12_000, Stage::Simple, "SELECT 1")
        );
        let bare = |micros| {
            Some(Told {
                micros,
                stage: Stage::Bare,
                sql: None,
                plan: None,
            })
        };
        assert_eq!(translated("продолжительность: 1.500 мс".as_bytes()), bare(1500));
        assert_eq!(
            translated("Dauer: 1.500 ms  Binden <unnamed>: SELECT 1".as_bytes()),
            bare(1500)
        );
        for text in [
            "Verbindung: host=1.500 x",
            "Größe: 12 Bytes",
            "x",
            "a: 1.5 ms",
            ": 1.500 ms",
        ] {
            assert_eq!(translated(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_not() {
        for text in [
            "duration: x ms",
            "duration: 1.0 ms statement: x",
            "duration: 1.0",
            "duration: 99999999999999999999 ms",
        ] {
            assert_eq!(told(text.as_bytes()), None, "{text}");
        }
        assert_eq!(began(b"sending cancel to blocking autovacuum PID 4"), None);
    }
}
