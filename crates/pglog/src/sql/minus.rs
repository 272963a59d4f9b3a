//! The sign of minus: `a - 1` subtracts a value, `a = -1` has one.
//!
//! To PostgreSQL a minus in front of a number is part of the number, in front of anything else an operator; and `-1::int`
//! is `-(1::int)`, a minus in front of a cast.

use super::keywords;
use super::lexer::{Lex, Token};
use super::lists::VALUE;
use super::spacing::Class;
use super::writer::{Last, MINUS, Writer};

/// A sign of minus in front of a number belongs to the value; whether it is one shows only behind the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Minus {
    None,
    /// Only signs have been written since.
    Signs(Mark),
    /// Signs and a number.
    Number(Mark),
    /// Signs and opening parentheses.
    Parenthesis,
    /// The same and a number. If a parenthesis closes now, PostgreSQL makes a difference between `-(1)`, which is a
    /// number, and `-('1')`.
    Enclosed,
}

/// A point of the output to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    length: usize,
    last: Last,
    second: Last,
    /// Signs and parentheses stand before: `-(-1)`.
    parenthesis: bool,
}

/// What goes into the fingerprint for a number behind a sign and a parenthesis.
const NUMBER: &[u8] = b"-number";

impl Writer<'_> {
    pub(super) fn minus(&mut self) {
        if !self.follows_operand() {
            let mark = Mark {
                length: self.out.len(),
                last: self.last,
                second: self.second,
                parenthesis: self.minus == Minus::Parenthesis,
            };
            if !matches!(self.minus, Minus::Signs(_)) {
                self.minus = Minus::Signs(mark);
                self.attention |= MINUS;
            }
        }
        self.plain(Class::Operator, b"-");
    }

    pub(super) fn attend_minus(&mut self, token: Token) {
        let lex = token.lex;
        match (self.minus, lex) {
            (Minus::Number(mark), _) if lex != Lex::Cast => {
                self.take_sign(mark);
                if mark.parenthesis && lex == Lex::Close {
                    self.hide(NUMBER);
                }
            }
            (Minus::Signs(_), Lex::Number) => return,
            (Minus::Signs(_) | Minus::Parenthesis, Lex::Operator)
                if self.sql[token.start..token.end] == *b"-" =>
            {
                return;
            }
            (Minus::Signs(_) | Minus::Parenthesis, Lex::Open) => {
                self.minus = Minus::Parenthesis;
                return;
            }
            (Minus::Parenthesis, Lex::Number) => {
                self.minus = Minus::Enclosed;
                return;
            }
            (Minus::Enclosed, Lex::Close) => self.hide(NUMBER),
            _ => {}
        }
        self.minus = Minus::None;
        self.attention &= !MINUS;
    }

    /// `- 1` becomes one value.
    pub(super) fn take_sign(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        self.last = mark.last;
        self.second = mark.second;
        self.put(Class::Value);
        self.out.push(VALUE);
    }

    /// Whether what was written last can end an operand, so that a minus behind it subtracts. In doubt it can: the
    /// minus then stays, and nothing is taken for equal that is not.
    pub(super) fn follows_operand(&self) -> bool {
        match self.last.class {
            Class::Value | Class::Name | Class::Close | Class::CloseBracket | Class::Other => true,
            Class::Word => match self.text(self.last) {
                b"by" => !matches!(self.text(self.second), b"order" | b"group" | b"partition"),
                b"like" | b"ilike" => false,
                b"between" => !matches!(
                    self.second.class,
                    Class::Word | Class::Name | Class::Value | Class::Close | Class::CloseBracket
                ),
                word => !keywords::is_reserved(word) || ends_operand(word),
            },
            _ => false,
        }
    }
}

/// Reserved words that are a value or end one.
fn ends_operand(word: &[u8]) -> bool {
    matches!(word, b"null" | b"true" | b"false" | b"end" | b"user")
        || word.starts_with(b"current_")
        || word.starts_with(b"localtime")
        || word.ends_with(b"_user")
}
