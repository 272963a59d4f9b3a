//! YAML as other readers of a questionnaire see it: the core schema of YAML 1.2 as JSON.

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::{Map, Number, Value};

/// The first document; `None` when it is no YAML or uses aliases.
pub(crate) fn as_json(source: &str) -> Option<Value> {
    let mut parser = Parser::new_from_str(source.strip_prefix('\u{feff}').unwrap_or(source));
    while !matches!(next(&mut parser)?, Event::DocumentStart(_)) {}
    let first = next(&mut parser)?;
    value(first, &mut parser)
}

fn next<'s>(parser: &mut Parser<'s, StrInput<'s>>) -> Option<Event<'s>> {
    parser.next_event()?.ok().map(|(event, _)| event)
}

fn value<'s>(event: Event<'s>, parser: &mut Parser<'s, StrInput<'s>>) -> Option<Value> {
    match event {
        Event::Scalar(text, ScalarStyle::Plain, ..) => Some(plain(&text)),
        Event::Scalar(text, ..) => Some(Value::String(text.into_owned())),
        Event::SequenceStart(..) => {
            let mut list = vec![];
            loop {
                match next(parser)? {
                    Event::SequenceEnd => return Some(Value::Array(list)),
                    event => list.push(value(event, parser)?),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                let key = match next(parser)? {
                    Event::MappingEnd => return Some(Value::Object(map)),
                    Event::Scalar(text, ..) => text.into_owned(),
                    _ => return None,
                };
                let event = next(parser)?;
                map.insert(key, value(event, parser)?);
            }
        }
        _ => None,
    }
}

/// <https://yaml.org/spec/1.2.2/#1032-tag-resolution>
fn plain(text: &str) -> Value {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let numeric = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        // JSON has no such numbers; for the schema they are no numbers either.
        ".inf" | "-.inf" | ".nan" => Value::String(text.to_owned()),
        _ if numeric => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
        _ => Value::String(text.to_owned()),
    }
}

fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    text.parse().ok().and_then(Number::from_f64).map(Value::Number)
}
