//! JSON objects (RFC 8259), one a line: their members as they stand, without building anything. Strict, so that half a line is
//! seen as such.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Deepest nesting of what is passed over.
const DEEPEST: usize = 64;

/// A member's value, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'b> {
    /// A string: what stands between its quotes. `true`: with escapes.
    Text(&'b [u8], bool),
    /// A number.
    Number(&'b [u8]),
    /// An object with its braces, or an array with its brackets.
    Nested(&'b [u8]),
    /// `true`, `false`, `null`.
    Word,
}

impl<'b> Value<'b> {
    /// The text of a string; `None`: it is none, it is empty, or its escapes are broken.
    pub fn text(self) -> Option<Cow<'b, [u8]>> {
        match self {
            Self::Text(b"", _) => None,
            Self::Text(text, false) => Some(Cow::Borrowed(text)),
            Self::Text(text, true) => unescaped(text).map(Cow::Owned),
            _ => None,
        }
    }

    /// What stands between quotes without escapes, or a number's figures.
    pub fn plain(self) -> Option<&'b [u8]> {
        match self {
            Self::Text(text, false) | Self::Number(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

/// Reads the object that `bytes` consist of, with white space around it, and hands out its members in their order. Keys with
/// escapes are handed out as they stand. `None`: it breaks a rule, or is not all there.
pub fn members<'b>(bytes: &'b [u8], mut member: impl FnMut(&'b [u8], Value<'b>)) -> Option<()> {
    let end = object(bytes, space(bytes, 0), &mut member)?;
    (space(bytes, end) == bytes.len()).then_some(())
}

/// The object at the front of `bytes`; where it ends.
pub fn first_object(bytes: &[u8]) -> Option<usize> {
    object(bytes, space(bytes, 0), &mut |_, _| ())
}

fn space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

fn object<'b>(bytes: &'b [u8], at: usize, member: &mut impl FnMut(&'b [u8], Value<'b>)) -> Option<usize> {
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    let mut at = space(bytes, at + 1);
    if bytes.get(at) == Some(&b'}') {
        return Some(at + 1);
    }
    loop {
        let (key, _, end) = string(bytes, at)?;
        at = space(bytes, end);
        if bytes.get(at) != Some(&b':') {
            return None;
        }
        let (found, end) = value(bytes, space(bytes, at + 1))?;
        member(key, found);
        at = space(bytes, end);
        match bytes.get(at)? {
            b',' => at = space(bytes, at + 1),
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The string at `at`: what stands between its quotes, whether there are escapes, and where it ends.
#[inline]
fn string(bytes: &[u8], at: usize) -> Option<(&[u8], bool, usize)> {
    if bytes.get(at) != Some(&b'"') {
        return None;
    }
    let start = at + 1;
    let mut end = start;
    let mut has_escapes = false;
    loop {
        end += memchr2(b'"', b'\\', &bytes[end..])?;
        if bytes[end] == b'"' {
            return Some((&bytes[start..end], has_escapes, end + 1));
        }
        has_escapes = true;
        end += 2;
        if end > bytes.len() {
            return None;
        }
    }
}

#[inline]
fn value(bytes: &[u8], at: usize) -> Option<(Value<'_>, usize)> {
    match bytes.get(at)? {
        b'"' => {
            let (text, has_escapes, end) = string(bytes, at)?;
            Some((Value::Text(text, has_escapes), end))
        }
        b'-' | b'0'..=b'9' => {
            let is_of = |b: &&u8| matches!(**b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
            let end = at + bytes[at..].iter().take_while(is_of).count();
            Some((Value::Number(&bytes[at..end]), end))
        }
        b'{' | b'[' => {
            let end = nested(bytes, at)?;
            Some((Value::Nested(&bytes[at..end]), end))
        }
        _ => ["true", "false", "null"]
            .iter()
            .find(|word| bytes[at..].starts_with(word.as_bytes()))
            .map(|word| (Value::Word, at + word.len())),
    }
}

/// Passes over an object or an array: brackets that fit, whatever stands between them.
fn nested(bytes: &[u8], start: usize) -> Option<usize> {
    let mut open = Vec::with_capacity(4);
    let mut at = start;
    loop {
        match bytes.get(at)? {
            b'"' => at = string(bytes, at)?.2 - 1,
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            closing @ (b'}' | b']') => {
                if open.pop() != Some(*closing) {
                    return None;
                }
                if open.is_empty() {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        if open.len() > DEEPEST {
            return None;
        }
        at += 1;
    }
}

/// A string's text without its escapes. `None`: one is broken.
pub fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let letter = *rest.get(at + 1)?;
        let mut used = at + 2;
        match letter {
            b'"' | b'\\' | b'/' => out.push(letter),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'u' => {
                let (character, more) = unicode(&rest[used..])?;
                used += more;
                let mut encoded = [0; 4];
                out.extend_from_slice(character.encode_utf8(&mut encoded).as_bytes());
            }
            _ => return None,
        }
        rest = &rest[used..];
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// What follows `\u`: a character, and how many bytes it took. Half a surrogate pair is U+FFFD.
fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let first = four(text)?;
    if !(0xd800..0xe000).contains(&first) {
        return Some((char::from_u32(first)?, 4));
    }
    let second = text
        .get(4..6)
        .filter(|t| *t == b"\\u")
        .and_then(|_| four(&text[6..]));
    match second {
        Some(second) if first < 0xdc00 && (0xdc00..0xe000).contains(&second) => {
            let character = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            Some((char::from_u32(character)?, 10))
        }
        _ => Some((char::REPLACEMENT_CHARACTER, 4)),
    }
}

fn four(text: &[u8]) -> Option<u32> {
    let mut number = 0;
    for byte in text.get(..4)? {
        number = number * 16 + char::from(*byte).to_digit(16)?;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        members(text.as_bytes(), |key, value| {
            let value = match value {
                Value::Text(..) => value.text().map_or("broken".to_owned(), |t| {
                    String::from_utf8(t.into_owned()).unwrap()
                }),
                Value::Number(n) | Value::Nested(n) => String::from_utf8(n.to_vec()).unwrap(),
                Value::Word => "word".to_owned(),
            };
            found.push((String::from_utf8(key.to_vec()).unwrap(), value));
        })?;
        Some(found)
    }

    #[test]
    fn members_are_handed_out_in_order() {
        let text =
            r#" {"a":"x\"y\\","b" : -1.5e3, "c":{"d":["}",1,{}]},"e":null,"f":"\u00e9\ud83d\ude00\n"} "#;
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        let wanted = vec![
            pair("a", "x\"y\\"),
            pair("b", "-1.5e3"),
            pair("c", r#"{"d":["}",1,{}]}"#),
            pair("e", "word"),
            pair("f", "é😀\n"),
        ];
        assert_eq!(all(text), Some(wanted));
        assert_eq!(all("{}"), Some(vec![]));
    }

    #[test]
    fn what_is_broken_is_none() {
        for text in [
            "",
            "{",
            "x",
            r#"{"a""#,
            r#"{"a":"#,
            r#"{"a":1"#,
            r#"{"a":1,}"#,
            r#"{"a":1}}"#,
            r#"{"a":"x}"#,
            r#"{"a":[}"#,
            r#"{"a":"x\"#,
            r#"{"a" 1}"#,
            r#"{"a":nul}"#,
        ] {
            assert_eq!(all(text), None, "{text}");
        }
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        assert_eq!(all(&deep), None);
        assert_eq!(unescaped(br"\ud800x"), Some("\u{fffd}x".into()));
        assert_eq!(unescaped(br"\u12"), None);
    }
}
