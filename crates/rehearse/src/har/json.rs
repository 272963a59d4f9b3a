//! From bytes to JSON, forgiving what browsers get wrong.

use std::borrow::Cow;

use serde_json::Value;

use crate::Error;

/// The document, or one line that says where it breaks.
pub fn value(bytes: &[u8]) -> Result<Value, Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Error::bad("empty: a HAR file was expected"));
    }
    let text = String::from_utf8_lossy(bytes);
    // Half a character (`\ud83d` alone) is legal in JavaScript's strings, not in JSON's; the check costs a pass, so it is
    // made only when reading fails.
    serde_json::from_str(&text)
        .or_else(|error| match with_whole_surrogates(&text) {
            Cow::Borrowed(_) => Err(error),
            Cow::Owned(repaired) => serde_json::from_str(&repaired),
        })
        .map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let what = error.to_string();
            let what = what.split(" at line ").next().unwrap_or(&what);
            Error::bad(format!(
                "line {line}, column {column}: not JSON ({what}): a HAR file was expected"
            ))
        })
}

/// Replaces every `\uD8xx`–`\uDFxx` that has no partner by U+FFFD.
fn with_whole_surrogates(text: &str) -> Cow<'_, str> {
    let mut repaired = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &text.as_bytes()[at..]) {
        let start = at + found;
        at = start + 2;
        match escaped(text, start) {
            Some(0xD800..=0xDBFF) if matches!(escaped(text, start + 6), Some(0xDC00..=0xDFFF)) => {
                at = start + 12
            }
            Some(0xD800..=0xDFFF) => {
                repaired.push_str(&text[kept..start]);
                repaired.push_str("\\ufffd");
                (kept, at) = (start + 6, start + 6);
            }
            _ => {}
        }
        if at >= text.len() {
            break;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    repaired.push_str(&text[kept..]);
    Cow::Owned(repaired)
}

/// The code unit of the escape `\uXXXX` that begins here.
fn escaped(text: &str, at: usize) -> Option<u32> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u32::from_str_radix(digits, 16).ok()
}
