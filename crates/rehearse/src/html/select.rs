//! Selectors that name a form: a compound selector of CSS (tag, `#id`, `.class`, `[attribute]`, `[attribute="value"]`
//! and its operators) without combinators, matched against a form that was scanned.

use super::Form;

/// A compound selector, such as `form#answers.page[action$="/save"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compound {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Any,
    Tag(String),
    Id(String),
    Class(String),
    Attribute(String, Operator, String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Exists,
    Equals,
    Word,
    Starts,
    Ends,
    Contains,
    Dash,
}

impl Compound {
    /// Reads a selector.
    ///
    /// # Errors
    /// One sentence: which selector, and what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut rest = text.trim();
        let mut parts = Vec::new();
        while let Some(first) = rest.chars().next() {
            let (part, after) = match first {
                '#' => identifier(&rest[1..]).map(|(id, after)| (Part::Id(id), after)),
                '.' => identifier(&rest[1..]).map(|(class, after)| (Part::Class(class), after)),
                '[' => bracket(&rest[1..]),
                '*' if parts.is_empty() => Some((Part::Any, &rest[1..])),
                _ if parts.is_empty() => {
                    identifier(rest).map(|(tag, after)| (Part::Tag(tag.to_ascii_lowercase()), after))
                }
                _ => None,
            }
            .ok_or_else(|| {
                format!(
                    "form {text:?}: {rest:?} is not understood; a form is named by tag, #id, .class and \
                     [attribute=\"value\"], such as form#answers"
                )
            })?;
            parts.push(part);
            rest = after;
        }
        if parts.is_empty() {
            return Err("form \"\": a selector is missing, such as \"#answers\"".into());
        }
        Ok(Self { parts })
    }

    /// Whether it names this form.
    pub fn matches(&self, form: &Form) -> bool {
        self.parts.iter().all(|part| match part {
            Part::Any => true,
            Part::Tag(tag) => tag == "form",
            Part::Id(id) => form.attribute("id") == Some(id),
            Part::Class(class) => Operator::Word.holds(form.attribute("class").unwrap_or_default(), class),
            Part::Attribute(name, operator, wanted) => form
                .attribute(name)
                .is_some_and(|value| operator.holds(value, wanted)),
        })
    }
}

impl Operator {
    /// As CSS Selectors 4, section 6.1 and 6.2 say; an empty text is no part of anything.
    fn holds(self, value: &str, wanted: &str) -> bool {
        match self {
            Self::Exists => true,
            Self::Equals => value == wanted,
            Self::Word => value.split_ascii_whitespace().any(|word| word == wanted),
            Self::Starts => !wanted.is_empty() && value.starts_with(wanted),
            Self::Ends => !wanted.is_empty() && value.ends_with(wanted),
            Self::Contains => !wanted.is_empty() && value.contains(wanted),
            Self::Dash => value
                .strip_prefix(wanted)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('-')),
        }
    }
}

/// A name at the start of the text, `\` taking the next character as it is, and what follows it.
fn identifier(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    let mut end = text.len();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.push(chars.next()?.1),
            c if c.is_alphanumeric() || c == '-' || c == '_' || !c.is_ascii() => name.push(c),
            _ => {
                end = at;
                break;
            }
        }
    }
    (!name.is_empty()).then_some((name, &text[end..]))
}

/// The inside of `[…]` and what follows the bracket.
fn bracket(text: &str) -> Option<(Part, &str)> {
    let (name, rest) = identifier(text.trim_start())?;
    let name = name.to_ascii_lowercase();
    let rest = rest.trim_start();
    if let Some(after) = rest.strip_prefix(']') {
        return Some((Part::Attribute(name, Operator::Exists, String::new()), after));
    }
    let operators = [
        ("=", Operator::Equals),
        ("~=", Operator::Word),
        ("^=", Operator::Starts),
        ("$=", Operator::Ends),
        ("*=", Operator::Contains),
        ("|=", Operator::Dash),
    ];
    let (rest, operator) = operators
        .iter()
        .find_map(|(sign, operator)| Some((rest.strip_prefix(sign)?.trim_start(), *operator)))?;
    let (value, rest) = match rest.chars().next()? {
        quote @ ('"' | '\'') => quoted(&rest[1..], quote)?,
        _ => identifier(rest)?,
    };
    let after = rest.trim_start().strip_prefix(']')?;
    Some((Part::Attribute(name, operator, value), after))
}

fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            c if c == quote => return Some((value, &text[at + 1..])),
            c => value.push(c),
        }
    }
    None
}
