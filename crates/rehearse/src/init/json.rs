//! The leaves of a JSON document with their places in the text, so that one of them can be replaced and all else stays
//! as it was written.

use std::ops::Range;

/// A text, number, boolean or null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leaf {
    /// RFC 6901.
    pub(super) pointer: String,
    /// A text decoded, anything else as written.
    pub(super) value: String,
    /// Where it stands; of a text, without its quotes.
    pub(super) span: Range<usize>,
    /// Whether it stands in quotes.
    pub(super) string: bool,
}

/// The leaves in order; None when the text is not JSON, or only one scalar.
pub(super) fn leaves(text: &str) -> Option<Vec<Leaf>> {
    serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
    let mut walk = Walk {
        text,
        at: 0,
        pointer: String::new(),
        leaves: Vec::new(),
    };
    walk.blanks();
    matches!(walk.next(), Some(b'{' | b'[')).then_some(())?;
    walk.value();
    Some(walk.leaves)
}

/// Walks a text that is known to be JSON.
struct Walk<'a> {
    text: &'a str,
    at: usize,
    pointer: String,
    leaves: Vec<Leaf>,
}

impl Walk<'_> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.next().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Goes over a byte and the blanks behind it.
    fn step(&mut self) {
        self.at += 1;
        self.blanks();
    }

    fn value(&mut self) {
        match self.next() {
            Some(b'{') => self.members(b'}', true),
            Some(b'[') => self.members(b']', false),
            Some(b'"') => {
                let (span, value) = self.string();
                self.leaf(span, value, true);
            }
            _ => {
                let rest = &self.text[self.at..];
                let length = rest
                    .find(|c: char| c == ',' || c == '}' || c == ']' || c.is_ascii_whitespace())
                    .unwrap_or(rest.len());
                let span = self.at..self.at + length;
                let value = self.text[span.clone()].to_owned();
                self.at += length;
                self.leaf(span, value, false);
            }
        }
        self.blanks();
    }

    fn leaf(&mut self, span: Range<usize>, value: String, string: bool) {
        self.leaves.push(Leaf {
            pointer: self.pointer.clone(),
            value,
            span,
            string,
        });
    }

    /// The members of an object or the elements of an array.
    fn members(&mut self, end: u8, named: bool) {
        self.step();
        let mut number = 0;
        while let Some(b) = self.next() {
            if b == end {
                self.at += 1;
                return;
            }
            if b == b',' {
                self.step();
                continue;
            }
            let length = self.pointer.len();
            self.pointer.push('/');
            if named {
                let (_, name) = self.string();
                self.pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                self.blanks();
                self.step();
            } else {
                self.pointer.push_str(&number.to_string());
            }
            self.value();
            self.pointer.truncate(length);
            number += 1;
        }
    }

    /// A text in quotes: the place of its inside, and what it says.
    fn string(&mut self) -> (Range<usize>, String) {
        let start = self.at + 1;
        self.at = start;
        while let Some(b) = self.next() {
            match b {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        let span = start..self.at;
        self.at += 1;
        let value = serde_json::from_str(&self.text[start - 1..self.at]).unwrap_or_default();
        (span, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_has_its_pointer_and_its_place() {
        let text = r#" { "a/b": [ 1, "x\"y" , {"c~":null} ], "d":true,"":-2.5e3 } "#;
        let found: Vec<_> = leaves(text)
            .unwrap()
            .into_iter()
            .map(|l| (l.pointer, l.value, text[l.span].to_owned(), l.string))
            .collect();
        let leaf = |p: &str, v: &str, s: &str, q| (p.to_owned(), v.to_owned(), s.to_owned(), q);
        assert_eq!(
            found,
            [
                leaf("/a~1b/0", "1", "1", false),
                leaf("/a~1b/1", "x\"y", "x\\\"y", true),
                leaf("/a~1b/2/c~0", "null", "null", false),
                leaf("/d", "true", "true", false),
                leaf("/", "-2.5e3", "-2.5e3", false),
            ]
        );
        assert_eq!(leaves("{\"a\":}"), None);
        assert_eq!(leaves("12"), None);
        assert_eq!(leaves("[]"), Some(vec![]));
    }
}
