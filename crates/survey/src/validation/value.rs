//! One answer: from what was sent to its canonical JSON.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::{Refusal, number};
use crate::definition::{Choice, Kind, Question};

/// Writes the canonical form of an answer sent as JSON.
pub(super) fn from_json(question: &Question, raw: &str, out: &mut String) -> Result<(), Refusal> {
    if raw == "null" {
        out.push_str("null");
        return Ok(());
    }
    match &question.kind {
        Kind::Single { choices } => single(choices, &json_string(raw)?, out),
        Kind::Multiple { choices } => {
            if !raw.starts_with('[') {
                return Err(Refusal::WrongType);
            }
            let raws: Vec<&RawValue> = serde_json::from_str(raw).map_err(|_| Refusal::WrongType)?;
            let chosen = raws
                .iter()
                .map(|r| json_string(r.get()))
                .collect::<Result<Vec<_>, _>>()?;
            multiple(choices, chosen.iter().map(AsRef::as_ref), out)
        }
        Kind::Number { .. } => {
            if !raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
                return Err(Refusal::WrongType);
            }
            number::from_json(&question.kind, raw, out)
        }
        Kind::Text { max_length, .. } => text(&json_string(raw)?, *max_length, out),
    }
}

fn json_string(raw: &str) -> Result<Cow<'_, str>, Refusal> {
    let inner = raw
        .strip_prefix('"')
        .and_then(|r| r.strip_suffix('"'))
        .ok_or(Refusal::WrongType)?;
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    // An escape may name half a surrogate pair, which is no character.
    serde_json::from_str(raw)
        .map(Cow::Owned)
        .map_err(|_| Refusal::BadCharacter)
}

/// Writes the canonical form of an answer typed or chosen in a form.
pub(super) fn from_form(question: &Question, values: &[String], out: &mut String) -> Result<(), Refusal> {
    let first = values.first().map_or("", |v| v.trim());
    match &question.kind {
        Kind::Multiple { choices } => multiple(
            choices,
            values.iter().map(|v| v.trim()).filter(|v| !v.is_empty()),
            out,
        ),
        _ if first.is_empty() => {
            out.push_str("null");
            Ok(())
        }
        Kind::Single { choices } => single(choices, first, out),
        Kind::Number { .. } => number::from_form(&question.kind, first, out),
        Kind::Text { max_length, .. } => text(first, *max_length, out),
    }
}

fn single(choices: &[Choice], id: &str, out: &mut String) -> Result<(), Refusal> {
    let choice = choices
        .iter()
        .find(|c| c.id == id)
        .ok_or(Refusal::UnknownChoice)?;
    push_id(&choice.id, out);
    Ok(())
}

fn multiple<'v>(
    choices: &[Choice],
    chosen: impl Iterator<Item = &'v str>,
    out: &mut String,
) -> Result<(), Refusal> {
    let mut marked = vec![false; choices.len()];
    for id in chosen {
        let index = choices
            .iter()
            .position(|c| c.id == id)
            .ok_or(Refusal::UnknownChoice)?;
        marked[index] = true;
    }
    if !marked.contains(&true) {
        out.push_str("null");
        return Ok(());
    }
    out.push('[');
    let ids = choices.iter().zip(marked).filter(|(_, marked)| *marked);
    for (n, (choice, _)) in ids.enumerate() {
        if n > 0 {
            out.push(',');
        }
        push_id(&choice.id, out);
    }
    out.push(']');
    Ok(())
}

/// Ids are plain ASCII (`definition`): nothing to escape.
fn push_id(id: &str, out: &mut String) {
    out.push('"');
    out.push_str(id);
    out.push('"');
}

/// Line breaks become `\n` and white space around the text goes, so that a form and a program say the same.
fn text(typed: &str, max_length: usize, out: &mut String) -> Result<(), Refusal> {
    let unified = if typed.contains('\r') {
        Cow::Owned(typed.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(typed)
    };
    let typed = unified.trim();
    if typed.is_empty() {
        out.push_str("null");
        return Ok(());
    }
    if typed.contains('\0') {
        return Err(Refusal::BadCharacter);
    }
    if typed.len() > max_length && typed.chars().count() > max_length {
        return Err(Refusal::TooLong);
    }
    out.push('"');
    for c in typed.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    Ok(())
}
