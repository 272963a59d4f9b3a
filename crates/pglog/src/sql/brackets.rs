//! Parentheses, square brackets and commas, and the lists they make.

use super::keywords;
use super::lexer::Lex;
use super::lists::{Frame, List, Shape};
use super::spacing::{Class, space};
use super::writer::{Last, NEXT_ROW, ROW_ENDED, Writer};

impl Writer<'_> {
    #[inline(always)]
    pub(super) fn comma(&mut self) {
        if let Some(frame) = self.frames.last_mut()
            && frame.depth == self.depth
        {
            if self.attention & ROW_ENDED != 0 {
                self.attention = self.attention & !ROW_ENDED | NEXT_ROW;
            } else if frame.end_element(self.out, self.hidden) {
                self.second = Last {
                    class: Class::Start,
                    start: self.out.len(),
                };
                self.last = Last {
                    class: Class::Value,
                    start: self.out.len(),
                };
            }
            frame.next(self.out);
        }
        self.plain(Class::Comma, b",");
    }

    pub(super) fn open(&mut self) {
        let mut list = None;
        if self.last.class == Class::Word {
            let word = self.text(self.last);
            match word {
                b"in" if self.text(self.second) == b"values" => list = Some(List::Values),
                b"in" => list = Some(List::In),
                b"values" => list = Some(List::Rows),
                _ => {}
            }
            if spaced(word) || self.names_table() {
                self.out.push(b' ');
            }
        } else if self.last.class == Class::Name {
            if self.names_table() {
                self.out.push(b' ');
            }
        } else if space(self.last.class, Class::Open) {
            self.out.push(b' ');
        }
        self.note(Class::Open);
        let start = self.out.len();
        self.out.push(b'(');
        if self.attention & NEXT_ROW != 0 {
            self.attention &= !NEXT_ROW;
            list = Some(List::Values);
        } else if list == Some(List::Rows) {
            self.push_frame(Frame::new(
                List::Rows,
                self.depth,
                Shape::Rows,
                start,
                self.hidden,
            ));
            list = Some(List::Values);
        }
        self.depth = self.depth.saturating_add(1);
        if let Some(list) = list {
            self.push_frame(Frame::new(
                list,
                self.depth,
                Shape::Parentheses,
                start + 1,
                self.hidden,
            ));
        }
    }

    pub(super) fn open_bracket(&mut self) {
        let nested = matches!(self.last.class, Class::OpenBracket | Class::Comma)
            && self
                .frames
                .last()
                .is_some_and(|frame| frame.shape == Shape::Array && frame.depth == self.depth);
        let array = nested || self.last.class == Class::Word && self.text(self.last) == b"array";
        self.plain(Class::OpenBracket, b"[");
        self.depth = self.depth.saturating_add(1);
        if array {
            self.push_frame(Frame::new(
                List::Values,
                self.depth,
                Shape::Array,
                self.out.len(),
                self.hidden,
            ));
        }
    }

    pub(super) fn close(&mut self, class: Class, text: &[u8]) {
        if let Some(frame) = self.frames.last_mut()
            && frame.depth == self.depth
        {
            frame.end_element(self.out, self.hidden);
            self.frames.pop();
        }
        self.plain(class, text);
        self.depth = self.depth.saturating_sub(1);
        if let Some(frame) = self.frames.last_mut()
            && frame.depth == self.depth
            && frame.shape == Shape::Rows
        {
            frame.end_element(self.out, self.hidden);
            self.attention |= ROW_ENDED;
        }
    }

    pub(super) fn attend_rows(&mut self, lex: Lex) {
        let goes_on = match lex {
            Lex::Comma => self.attention & ROW_ENDED != 0,
            Lex::Open => self.attention & NEXT_ROW != 0,
            _ => false,
        };
        if !goes_on {
            self.frames.pop();
            self.attention &= !(ROW_ENDED | NEXT_ROW);
        }
    }

    /// Lists nested deeper than anybody writes them are not folded, so that brackets cost no memory.
    pub(super) fn push_frame(&mut self, frame: Frame) {
        if self.frames.len() < 64 {
            self.frames.push(frame);
        }
    }

    /// Whether the last word is a table whose columns follow.
    pub(super) fn names_table(&self) -> bool {
        self.second.class == Class::Word && matches!(self.text(self.second), b"into" | b"table" | b"copy")
    }
}

/// Whether a word is set apart from a parenthesis behind it.
fn spaced(word: &[u8]) -> bool {
    match word {
        b"values" | b"over" | b"filter" | b"exists" | b"by" | b"key" | b"materialized" | b"set"
        | b"explain" | b"vacuum" | b"join" => true,
        b"cast" => false,
        _ => keywords::is_reserved(word),
    }
}
