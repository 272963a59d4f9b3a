//! Quoted names in the normalised bytes.

use super::bytes::{self, CLASS, DIGIT, DOLLAR, LETTER, UPPER};
use super::lexer::Token;
use super::spacing::Class;
use super::writer::Writer;
use super::{keywords, literal};

impl Writer<'_> {
    /// `"abc"` is `abc` unless that is a key word; behind a dot it is even then.
    pub(super) fn quoted(&mut self, token: Token) {
        let inside = token.start + 1..token.end - 1;
        let name = &self.sql[inside.clone()];
        if is_simple(name) && (self.last.class == Class::Dot || keywords::category(name).is_none()) {
            self.put(Class::Name);
            self.copy_lower(inside.start, inside.end);
        } else {
            self.put(Class::Name);
            self.name(inside.start, inside.end);
        }
    }

    /// `U&"…"`: kept as it is written, since another way of writing it is the same name only once it is decoded.
    pub(super) fn unicode_name(&mut self, token: Token, escape: u8) {
        let start = token.start + 3;
        let end = literal::quoted(self.sql, start, b'"')
            .unwrap_or(token.end)
            .max(start + 1);
        self.put(Class::Name);
        self.out.extend_from_slice(b"u&");
        if escape != b'\\' {
            self.hide(&[escape]);
        }
        self.name(start, end - 1);
    }

    /// A quoted name that does not end may have swallowed anything behind it, literals as well.
    pub(super) fn cut_name(&mut self) {
        self.put(Class::Name);
        self.out.extend_from_slice("\"…".as_bytes());
    }

    fn name(&mut self, start: usize, end: usize) {
        self.out.push(b'"');
        for at in start..end {
            self.printable(self.sql[at]);
        }
        self.out.push(b'"');
    }
}

/// Whether the name could be written without its quotes: it begins and goes on as a word, without upper case.
fn is_simple(name: &[u8]) -> bool {
    let Some(&first) = name.first() else { return false };
    bytes::entry(first) & CLASS == LETTER
        && name.iter().all(|&byte| {
            let entry = bytes::entry(byte);
            entry & UPPER == 0 && matches!(entry & CLASS, LETTER | DIGIT | DOLLAR)
        })
}
