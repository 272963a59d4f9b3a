//! The tokens of a statement, by PostgreSQL's own lexical rules with `standard_conforming_strings` on.
//!
//! Comments and white space are gone, every literal is one token of which nobody looks at the bytes. A text that stops
//! in the midst of something gives the token that had begun, and [`Lexer::cut`].

use super::bytes::{self, CLASS, OPERATOR};
use super::literal::{self, Dollar};

/// What a token is. `start..end` of the [`Token`] are its bytes in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lex {
    /// The end of the text.
    End,
    /// A keyword or an unquoted name.
    Word,
    /// A quoted name with its quotes.
    Quoted,
    /// `U&"…"`, with its quotes and `U&`; the escape character.
    UnicodeName(u8),
    /// A quoted name that does not end.
    CutName,
    Number,
    /// A string of any kind but the national one.
    Text,
    /// `N'…'`: to PostgreSQL the type `nchar` before a string.
    National,
    /// `$1`
    Parameter,
    /// An operator, a single character of one included.
    Operator,
    Open,
    Close,
    OpenBracket,
    CloseBracket,
    Comma,
    Dot,
    /// `..`
    Dots,
    Colon,
    /// `::`
    Cast,
    /// `:=`
    Assign,
    Semicolon,
    /// A byte that no rule knows: `\`, `{`, NUL, a lone `$`.
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub lex: Lex,
    pub start: usize,
    pub end: usize,
}

pub(super) struct Lexer<'a> {
    sql: &'a [u8],
    at: usize,
    /// Up to here every character is an operator of its own (`+` and `-` behind a shorter operator).
    singles: usize,
    /// The text stopped within a literal, a quoted name, a comment or a dollar quote.
    pub cut: bool,
}

impl<'a> Lexer<'a> {
    pub fn new(sql: &'a [u8]) -> Self {
        Lexer {
            sql,
            at: 0,
            singles: 0,
            cut: false,
        }
    }

    /// The next token; [`Lex::End`] for ever when there is none.
    #[inline(always)]
    pub fn next(&mut self) -> Token {
        loop {
            // Most tokens have one space before them; to skip it without a branch is quicker than to look.
            self.at += usize::from(self.sql.get(self.at) == Some(&b' '));
            let start = self.at;
            let Some(&byte) = self.sql.get(start) else {
                return Token {
                    lex: Lex::End,
                    start,
                    end: start,
                };
            };
            let lex = match bytes::entry(byte) & CLASS {
                bytes::SPACE => {
                    self.at += 1;
                    continue;
                }
                bytes::LETTER => self.word(byte),
                bytes::DIGIT => self.number(),
                bytes::QUOTE => self.string(start + 1, literal::plain),
                bytes::DOUBLE_QUOTE => self.name(start + 1),
                bytes::SYMBOL => match self.symbol(byte) {
                    Some(lex) => lex,
                    None => continue,
                },
                bytes::OPEN => self.single(Lex::Open),
                bytes::CLOSE => self.single(Lex::Close),
                bytes::OPEN_BRACKET => self.single(Lex::OpenBracket),
                bytes::CLOSE_BRACKET => self.single(Lex::CloseBracket),
                bytes::COMMA => self.single(Lex::Comma),
                bytes::SEMICOLON => self.single(Lex::Semicolon),
                bytes::DOT => match self.sql.get(start + 1) {
                    Some(b'0'..=b'9') => self.number(),
                    Some(b'.') => self.double(Lex::Dots),
                    _ => self.single(Lex::Dot),
                },
                bytes::COLON => match self.sql.get(start + 1) {
                    Some(b':') => self.double(Lex::Cast),
                    Some(b'=') => self.double(Lex::Assign),
                    _ => self.single(Lex::Colon),
                },
                bytes::DOLLAR => self.dollar(),
                _ => self.single(Lex::Other),
            };
            return Token {
                lex,
                start,
                end: self.at,
            };
        }
    }

    #[inline(always)]
    fn single(&mut self, lex: Lex) -> Lex {
        self.at += 1;
        lex
    }

    #[inline(always)]
    fn double(&mut self, lex: Lex) -> Lex {
        self.at += 2;
        lex
    }

    #[inline(always)]
    fn word(&mut self, first: u8) -> Lex {
        let start = self.at;
        self.at = literal::word_end(self.sql, start + 1);
        if self.at == start + 1 && matches!(self.sql.get(self.at), Some(b'\'' | b'&')) {
            return self.prefixed(first);
        }
        Lex::Word
    }

    /// A word of one letter before a quote may be the prefix of a literal.
    #[cold]
    fn prefixed(&mut self, first: u8) -> Lex {
        let after = self.at + 1;
        match (first.to_ascii_lowercase(), self.sql[self.at], self.sql.get(after)) {
            (b'e', b'\'', _) => self.string(after, literal::escaped),
            (b'b' | b'x', b'\'', _) => self.string(after, literal::bits),
            (b'n', b'\'', _) => {
                self.string(after, literal::plain);
                Lex::National
            }
            (b'u', b'&', Some(b'\'')) => {
                self.string(after + 1, literal::plain);
                self.escape_character();
                Lex::Text
            }
            (b'u', b'&', Some(b'"')) => match self.name(after + 1) {
                Lex::Quoted => Lex::UnicodeName(self.escape_character()),
                cut => cut,
            },
            _ => Lex::Word,
        }
    }

    /// A string whose opening quote is behind us, and its continuations on further lines; `end` finds the closing quote.
    #[inline(always)]
    fn string(&mut self, mut at: usize, end: fn(&[u8], usize) -> Option<usize>) -> Lex {
        loop {
            let Some(end) = end(self.sql, at) else {
                return self.stop(Lex::Text);
            };
            self.at = end;
            match literal::continuation(self.sql, end) {
                Some(next) => at = next,
                None => return Lex::Text,
            }
        }
    }

    /// A quoted name whose opening quote is behind us.
    #[inline(always)]
    fn name(&mut self, at: usize) -> Lex {
        match literal::quoted(self.sql, at, b'"') {
            Some(end) => {
                self.at = end;
                Lex::Quoted
            }
            None => self.stop(Lex::CutName),
        }
    }

    /// `UESCAPE '!'` behind a Unicode literal or name is part of it. Gives the escape character.
    fn escape_character(&mut self) -> u8 {
        let word = literal::skip_blank(self.sql, self.at);
        let after = literal::word_end(self.sql, word);
        let quote = literal::skip_blank(self.sql, after);
        if !self.sql[word..after].eq_ignore_ascii_case(b"uescape") || self.sql.get(quote) != Some(&b'\'') {
            return b'\\';
        }
        match literal::quoted(self.sql, quote + 1, b'\'') {
            Some(end) => self.at = end,
            None => {
                self.stop(Lex::Text);
            }
        }
        self.sql.get(quote + 1).copied().unwrap_or(b'\\')
    }

    #[inline(always)]
    fn number(&mut self) -> Lex {
        self.at = literal::number(self.sql, self.at);
        Lex::Number
    }

    fn dollar(&mut self) -> Lex {
        let start = self.at;
        if self.sql.get(start + 1).is_some_and(u8::is_ascii_digit) {
            self.at = literal::digits_end(self.sql, start + 1);
            return Lex::Parameter;
        }
        match literal::dollar(self.sql, start) {
            Dollar::Opens(open) => match literal::dollar_quoted(self.sql, start, open) {
                Some(end) => {
                    self.at = end;
                    Lex::Text
                }
                None => self.stop(Lex::Text),
            },
            Dollar::Stops => self.stop(Lex::Text),
            Dollar::Nothing => self.single(Lex::Other),
        }
    }

    /// An operator or a comment (then nothing). The longest run of operator characters, but a comment may begin in it,
    /// and `+` or `-` end an operator of several characters only when it has one of `~!@#^&|?%` or a backquote.
    #[inline(always)]
    fn symbol(&mut self, first: u8) -> Option<Lex> {
        let start = self.at;
        let second = self.sql.get(start + 1).copied().unwrap_or(0);
        match (first, second) {
            (b'-', b'-') => {
                self.at = literal::line_comment(self.sql, start + 2);
                return None;
            }
            (b'/', b'*') => {
                match literal::block_comment(self.sql, start + 2) {
                    Some(end) => self.at = end,
                    None => {
                        self.stop(Lex::End);
                    }
                }
                return None;
            }
            _ if bytes::entry(second) & OPERATOR == 0 || start < self.singles => self.at = start + 1,
            _ => self.at = self.long_operator(start),
        }
        Some(Lex::Operator)
    }

    fn long_operator(&mut self, start: usize) -> usize {
        let mut end = start + 1;
        let mut special = is_special(self.sql[start]);
        while let Some(&byte) = self.sql.get(end) {
            let comment = match byte {
                b'-' => self.sql.get(end + 1) == Some(&b'-'),
                b'/' => self.sql.get(end + 1) == Some(&b'*'),
                _ => false,
            };
            if bytes::entry(byte) & OPERATOR == 0 || comment {
                break;
            }
            special |= is_special(byte);
            end += 1;
        }
        if !special {
            self.singles = end;
            while end > start + 1 && matches!(self.sql[end - 1], b'+' | b'-') {
                end -= 1;
            }
        }
        end
    }

    /// The text stops within a token: it goes to the end.
    #[cold]
    fn stop(&mut self, lex: Lex) -> Lex {
        self.cut = true;
        self.at = self.sql.len();
        lex
    }
}

/// Whether the character allows an operator to end in `+` or `-`.
fn is_special(byte: u8) -> bool {
    matches!(
        byte,
        b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' | b'%'
    )
}
