//! PostgreSQL's message texts with places where something of its own stands in each message. What a place holds is shown only
//! where a text says that it may be: names of relations, roles and the like; never a value.

use memchr::memmem;

/// A message's text, in pieces. Written as PostgreSQL's own with these marks:
///
/// * `%n`: a name between quotes; shown.
/// * `%s`: names, types, operators; shown.
/// * `%d`: a number; shown as `?`. `%D`: a number; shown.
/// * `%v`: anything; shown as `?`.
#[derive(Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Text(&'static str),
    Name,
    Names,
    Number,
    ShownNumber,
    Value,
}

/// Longest name: two identifiers and a point.
const NAME: usize = 130;
/// Longest list of names: a function with the types of its arguments.
const NAMES: usize = 300;
/// Most tries before a text counts as not matched, so that no message takes long.
const TRIES: u32 = 200;

impl Template {
    /// Takes a text with marks apart.
    pub fn new(text: &'static str) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            let part = match rest.as_bytes().get(at + 1) {
                Some(b'n') => Part::Name,
                Some(b's') => Part::Names,
                Some(b'd') => Part::Number,
                Some(b'D') => Part::ShownNumber,
                _ => Part::Value,
            };
            if at > 0 {
                parts.push(Part::Text(&rest[..at]));
            }
            parts.push(part);
            rest = rest.get(at + 2..).unwrap_or_default();
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest));
        }
        Self { parts }
    }

    /// The first word, when it is always the same.
    pub fn first_word(&self) -> Option<&'static str> {
        match self.parts.first()? {
            Part::Text(text) => match text.find(' ') {
                Some(end) => Some(&text[..end]),
                None if self.parts.len() == 1 => Some(text),
                None => None,
            },
            _ => None,
        }
    }

    /// The message with what may be shown of it, or `None` if it is another's. Names are shown that `may` allows.
    pub fn shown(&self, message: &[u8], may: &mut dyn FnMut(&str) -> bool) -> Option<String> {
        let mut found = [(0, 0); 12];
        let mut tries = TRIES;
        if !matches(&self.parts, message, 0, &mut found, &mut tries) {
            return None;
        }
        let mut shown = String::with_capacity(message.len().min(200));
        let mut held = found.iter();
        for part in &self.parts {
            if let Part::Text(text) = part {
                shown.push_str(text);
                continue;
            }
            let (start, end) = held.next().copied().unwrap_or_default();
            let held = String::from_utf8_lossy(&message[start..end]);
            match part {
                Part::Name | Part::Names if !may(&held) => shown.push('?'),
                Part::Value | Part::Number => shown.push('?'),
                _ => shown.push_str(&crate::clean(&held)),
            }
        }
        Some(shown)
    }
}

/// Whether `part` may hold these bytes.
fn holds(part: Part, text: &[u8]) -> bool {
    match part {
        Part::Name => {
            (1..=NAME).contains(&text.len()) && text.iter().all(|b| *b >= b' ' && !matches!(b, b'"' | 0x7f))
        }
        Part::Names => {
            (1..=NAMES).contains(&text.len())
                && text.iter().all(|b| {
                    b.is_ascii_alphanumeric() || *b >= 0x80 || b" _.,()[]\"+-*/<>=~!@#%^&|`?$:".contains(b)
                })
        }
        Part::Number | Part::ShownNumber => {
            (1..=40).contains(&text.len())
                && text
                    .iter()
                    .all(|b| b.is_ascii_hexdigit() || b"-+./x ".contains(b))
                && text.iter().any(u8::is_ascii_digit)
        }
        Part::Value | Part::Text(_) => true,
    }
}

/// Matches the parts against all of `message` from `at` on. A value reaches as far as it can, so that nothing of it passes for a
/// name behind it; everything else ends as early as it can.
fn matches(parts: &[Part], message: &[u8], at: usize, found: &mut [(usize, usize)], tries: &mut u32) -> bool {
    let Some((part, rest)) = parts.split_first() else {
        return at == message.len();
    };
    if *tries == 0 {
        return false;
    }
    *tries -= 1;
    if let Part::Text(text) = part {
        return message[at..].starts_with(text.as_bytes())
            && matches(rest, message, at + text.len(), found, tries);
    }
    let Some((slot, others)) = found.split_first_mut() else {
        return false;
    };
    let mut ends_at = |end: usize, tries: &mut u32| {
        *slot = (at, end);
        holds(*part, &message[at..end]) && matches(rest, message, end, others, tries)
    };
    match (part, rest.first()) {
        (_, None) => ends_at(message.len(), tries),
        (Part::Value, Some(Part::Text(next))) => {
            let mut end = message.len();
            while let Some(place) = memmem::rfind(&message[at..end], next.as_bytes()) {
                if ends_at(at + place, tries) {
                    return true;
                }
                if *tries == 0 {
                    return false;
                }
                end = at + place + next.len() - 1;
            }
            false
        }
        (_, Some(Part::Text(next))) => {
            let furthest = message.len().min(at + NAMES + next.len());
            let mut from = at;
            while let Some(place) = memmem::find(&message[from..furthest], next.as_bytes()) {
                if ends_at(from + place, tries) {
                    return true;
                }
                if *tries == 0 {
                    return false;
                }
                from += place + 1;
            }
            false
        }
        (_, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(template: &'static str, message: &str) -> Option<String> {
        Template::new(template).shown(message.as_bytes(), &mut |_| true)
    }

    #[test]
    fn names_are_shown_and_values_are_not() {
        assert_eq!(
            shown(
                r#"relation "%n" does not exist"#,
                r#"relation "a.b" does not exist"#
            )
            .as_deref(),
            Some(r#"relation "a.b" does not exist"#)
        );
        assert_eq!(
            shown(
                r#"invalid input syntax for type %s: "%v""#,
                r#"invalid input syntax for type double precision: "pi""#
            )
            .as_deref(),
            Some(r#"invalid input syntax for type double precision: "?""#)
        );
        assert_eq!(
            shown("limit of %D kB, %d more", "limit of 12 kB, 77 more").as_deref(),
            Some("limit of 12 kB, ? more")
        );
        assert_eq!(shown("division by zero", "division by zero!"), None);
    }

    #[test]
    fn a_value_cannot_pass_for_a_name() {
        let template = r#"value "%v" is out of range for type %s"#;
        let forged = r#"value "x" is out of range for type secret" is out of range for type integer"#;
        assert_eq!(
            shown(template, forged).as_deref(),
            Some(r#"value "?" is out of range for type integer"#)
        );
        assert_eq!(
            shown(
                r#"relation "%n" does not exist"#,
                r#"relation "a" of "b" does not exist"#
            ),
            None
        );
        let long = format!(r#"relation "{}" does not exist"#, "a".repeat(200));
        assert_eq!(shown(r#"relation "%n" does not exist"#, &long), None);
    }
}
