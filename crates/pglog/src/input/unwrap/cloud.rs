//! Cloud Logging's entries: `textPayload`, or `jsonPayload` with a `message`, and their `timestamp`.

use super::Message;
use crate::parse::object::{self, Value};
use crate::time::Clock;

pub(super) fn looks_like_it(start: &[u8]) -> bool {
    let lines = start
        .split(|b| *b == b'\n')
        .take(200)
        .filter(|line| line.first() == Some(&b'{'));
    lines.into_iter().any(|line| {
        let mut found = false;
        entry(line, &mut |message| found |= message.is_some());
        found
    })
}

/// One object.
pub(super) fn entry<'b>(line: &'b [u8], each: &mut dyn FnMut(Option<Message<'b>>)) {
    let (mut at, mut text, mut payload) = (None, None, None);
    let whole = object::members(line, |key, value| match key {
        b"timestamp" => {
            at = value
                .plain()
                .and_then(|t| Clock::default().read(t))
                .map(|(at, _)| at)
        }
        b"textPayload" => text = value.text(),
        b"jsonPayload" => {
            if let Value::Nested(inner) = value {
                payload = Some(inner);
            }
        }
        _ => {}
    });
    if let (None, Some(inner)) = (&text, payload) {
        let _ = object::members(inner, |key, value| {
            if key == b"message" {
                text = value.text();
            }
        });
    }
    let message = match (whole, at, text) {
        (Some(()), Some(at), Some(text)) => Some(Message {
            at,
            has_zone: true,
            pid: 0,
            who: b"postgres",
            text,
        }),
        // Of something else.
        (Some(()), Some(_), None) => return,
        _ => None,
    };
    each(message);
}
