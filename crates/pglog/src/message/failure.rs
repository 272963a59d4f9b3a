//! Errors, warnings and what else is told apart by its words alone.

use super::known::{self, Cancel, Category, Effect};
use super::{deadlock, scan};
use crate::event::Text;
use crate::hash::hash;
use crate::parse::Scribe;
use crate::record::{Record, Severity};

/// A message, told apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// SQLSTATE, as logged or as the words have it.
    pub state: Option<[u8; 5]>,
    /// What it means.
    pub effect: Effect,
    /// What an operator's message is about.
    pub category: Option<Category>,
    /// Which messages are the same apart from their values: a hash.
    pub group: u64,
    /// What may be shown of it, when it is the first of its group in the chunk; empty: nothing may.
    pub shown: Option<Box<str>>,
    /// Index into [`Parsed::statements`](crate::event::Parsed::statements) of the statement that it is about.
    pub statement: Option<u32>,
    /// Message, detail, hint and context as logged: with values.
    pub texts: [Text; 4],
    /// Who waited for whom, of a deadlock.
    pub deadlock: Option<Box<deadlock::Deadlock>>,
    /// The table whose autovacuum made way.
    pub table: Option<Box<str>>,
}

/// Tells a record apart by its words; `None`: it is no failure and nothing that is known.
pub fn told(record: &Record<'_>, scribe: &mut Scribe<'_, '_>) -> Option<Message> {
    let message = without_place(&record.message);
    let context = record.context.as_deref().unwrap_or_default();
    let raised = raised_in(context);
    // `jsonlog` leaves out what the others write of a message that is no error.
    let logged = record.sqlstate.filter(|state| state != b"00000");
    let known = match raised {
        // Whatever it reads like, a function's author wrote it.
        Some(_) => None,
        None => {
            let statement = || {
                let texts = [&record.statement, &record.internal_query];
                let normal = texts.map(|t| t.as_deref().map_or(String::new(), |sql| scribe.normalized(sql)));
                normal.join(" ")
            };
            known::look_up(message, record.severity, logged, statement)
        }
    };
    if known.is_none() && record.severity == Severity::Log {
        return None;
    }
    let state = known.as_ref().map_or(logged, |k| k.state);
    let effect = match &known {
        Some(known) => known.effect,
        None if record.severity == Severity::Fatal => Effect::Ends(known::End::Fatal),
        None => Effect::None,
    };
    let category = match effect {
        Effect::Event(Category::Io) if record.severity == Severity::Error => {
            state.and_then(known::category_of)
        }
        Effect::Event(category) | Effect::Clears(category) => Some(category),
        _ => None,
    };
    let category = category
        .or_else(|| state.and_then(known::category_of))
        .or_else(|| (record.severity == Severity::Panic).then_some(Category::Panic));
    let shown = match known {
        Some(known) => known.shown,
        None => raised
            .as_ref()
            .map_or(String::new(), |place| format!("raised by {place}")),
    };
    let hidden = if shown.is_empty() || raised.is_some() {
        outline(message)
    } else {
        0
    };
    let key = (
        record.severity as u8,
        state.unwrap_or_default(),
        hash(shown.as_bytes()),
        hidden,
    );
    let group = {
        let mut bytes = [0; 32];
        bytes[0] = key.0;
        bytes[1..6].copy_from_slice(&key.1);
        bytes[8..16].copy_from_slice(&key.2.to_le_bytes());
        bytes[16..18].copy_from_slice(&key.3.to_le_bytes());
        hash(&bytes)
    };
    let shown = scribe.is_first(group).then(|| shown.into());
    let statement = record.statement.as_deref().map(|sql| scribe.statement(sql).0);
    let deadlock = match effect {
        Effect::Deadlock => deadlock::told(record, scribe).map(Box::new),
        _ => None,
    };
    let table = match effect {
        Effect::Cancels(Cancel::Autovacuum) => scan::quoted(context).map(Into::into),
        _ => None,
    };
    let text = |scribe: &mut Scribe<'_, '_>, part: Option<&[u8]>| scribe.text(cut(part.unwrap_or_default()));
    let texts = [
        text(scribe, Some(&record.message)),
        text(scribe, record.detail.as_deref()),
        text(scribe, record.hint.as_deref()),
        text(scribe, record.context.as_deref()),
    ];
    Some(Message {
        state,
        effect,
        category,
        group,
        shown,
        statement,
        texts,
        deadlock,
        table,
    })
}

/// Bytes of a text that a sample keeps.
const SAMPLE: usize = 2_000;

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(SAMPLE)]
}

/// Without ` at character 15`, which stderr logs have behind a message about a place in the statement.
fn without_place(message: &[u8]) -> &[u8] {
    let digits = message.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let rest = &message[..message.len() - digits];
    match (digits, rest.strip_suffix(b" at character ")) {
        (1.., Some(rest)) => rest,
        _ => message,
    }
}

/// The function and line of a message that `RAISE` made.
fn raised_in(context: &[u8]) -> Option<String> {
    let line = context.split(|b| *b == b'\n').next()?;
    let place = line
        .strip_prefix(b"PL/pgSQL function ")?
        .strip_suffix(b" at RAISE")?;
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b" _.,()[]\"$".contains(b) || *b >= 0x80;
    let shown = match place.len() <= 300 && place.iter().all(is_plain) {
        true => crate::clean(&String::from_utf8_lossy(place)).into_owned(),
        false => "a function".to_owned(),
    };
    Some(shown)
}

/// Tells messages apart that are not shown: a hash of their words, without what stands in quotes, behind a colon, and in digits.
/// Of 16 bits only, so that nobody can find out by trying which words they were.
fn outline(message: &[u8]) -> u16 {
    let mut words = Vec::with_capacity(message.len().min(200));
    let mut quote = None;
    for byte in message.iter().take(1000) {
        match (quote, byte) {
            (Some(open), byte) if *byte == open => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(*byte),
            (None, b':') => break,
            (None, byte) if byte.is_ascii_digit() => {}
            (None, byte) => words.push(*byte),
        }
    }
    hash(&words) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_in_a_statement_is_no_part_of_the_message() {
        assert_eq!(without_place(b"a b at character 12"), b"a b");
        assert_eq!(without_place(b"a b at character x"), b"a b at character x");
        assert_eq!(without_place(b"12"), b"12");
    }

    #[test]
    fn a_raised_message_is_named_by_its_function() {
        assert_eq!(
            raised_in(b"PL/pgSQL function check_answer(integer,text) line 5 at RAISE\nSQL statement x")
                .as_deref(),
            Some("check_answer(integer,text) line 5")
        );
        assert_eq!(raised_in(b"PL/pgSQL function f() line 5 at SQL statement"), None);
    }

    #[test]
    fn outlines_do_not_depend_on_values() {
        assert_eq!(
            outline(b"bad code \"abc\" for 7"),
            outline(b"bad code \"x\" for 123")
        );
        assert_ne!(outline(b"bad code"), outline(b"no access"));
    }
}
