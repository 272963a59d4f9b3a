//! Texts as TOML writes them.

use std::fmt::Write as _;

/// A text in quotes: literal when that is shorter to read and possible, basic otherwise (TOML 1.0, "String").
pub(super) fn quoted(text: &str) -> String {
    let control = |c: char| c.is_control();
    let escapes = text.contains(['"', '\\']);
    if escapes && !text.contains('\'') && !text.chars().any(control) {
        return format!("'{text}'");
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A key: bare when it can be.
pub(super) fn key(text: &str) -> String {
    let bare = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !text.is_empty() && text.bytes().all(bare) {
        return text.to_owned();
    }
    quoted(text)
}

/// Names with texts: an inline table when it is short and no name comes twice, an array of pairs otherwise.
pub(super) fn pairs(pairs: &[(String, String)]) -> String {
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).any(|two| two[0] == two[1]);
    let table: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{} = {}", key(name), quoted(value)))
        .collect();
    let table = format!("{{ {} }}", table.join(", "));
    if !twice && table.chars().count() <= 100 {
        return table;
    }
    let lines: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("[{}, {}]", quoted(name), quoted(value)))
        .collect();
    lines_of(&lines)
}

/// An array with one element a line.
pub(super) fn lines_of(elements: &[String]) -> String {
    let mut out = String::from("[\n");
    for element in elements {
        let _ = writeln!(out, "  {element},");
    }
    out.push(']');
    out
}

/// Texts in an array: on one line when it is short.
pub(super) fn list(texts: &[String]) -> String {
    let elements: Vec<_> = texts.iter().map(|t| quoted(t)).collect();
    let line = format!("[{}]", elements.join(", "));
    if line.chars().count() <= 100 {
        return line;
    }
    lines_of(&elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_as_it_was() {
        for text in [
            "",
            "plain",
            "a \"b\"",
            "back\\slash",
            "it's \"both\"",
            "line\nend\t\u{7f}\u{1b}",
            "ä ☃ '",
            "''' \\",
        ] {
            let document = format!("{} = {}\nx = {}", key(text), quoted(text), quoted(text));
            let table: ::toml::Table = document.parse().unwrap();
            assert_eq!(table["x"].as_str(), Some(text));
            assert_eq!(table[text].as_str(), Some(text));
        }
    }

    #[test]
    fn names_that_come_twice_become_an_array() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            pairs(&[pair("a", "1"), pair("b c", "2")]),
            "{ a = \"1\", \"b c\" = \"2\" }"
        );
        assert_eq!(
            pairs(&[pair("a", "1"), pair("a", "2")]),
            "[\n  [\"a\", \"1\"],\n  [\"a\", \"2\"],\n]"
        );
    }
}
