//! From tokens to the normalised bytes: case folded, values and comments gone, lists of values folded.

use memchr::memmem;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::kind::{Kind, Verb};
use super::lexer::{Lex, Token};
use super::lists::{Frame, VALUE};
use super::minus::Minus;
use super::spacing::{Class, space};

/// A written token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) class: Class,
    pub(super) start: usize,
}

/// What must be looked at before the next token.
pub(super) const STATEMENT: u8 = 1;
pub(super) const MINUS: u8 = 2;
pub(super) const ROW_ENDED: u8 = 4;
pub(super) const NEXT_ROW: u8 = 8;
pub(super) const VERB: u8 = 16;
pub(super) const COMMAND: u8 = 32;

pub(super) struct Writer<'a> {
    pub(super) sql: &'a [u8],
    pub(super) out: &'a mut Vec<u8>,
    pub(super) frames: &'a mut Vec<Frame>,
    pub(super) last: Last,
    pub(super) second: Last,
    pub(super) attention: u8,
    pub(super) minus: Minus,
    pub(super) depth: u32,
    /// Nested `BEGIN ATOMIC`, `CASE` in a routine's body: semicolons do not separate statements there.
    pub(super) body: u32,
    pub(super) verb: Verb,
    /// What goes on is a query, in which `null`, `true` and `false` are values.
    pub(super) query: bool,
    /// Where the statement begins in the output.
    pub(super) statement: usize,
    /// A hash of what makes tokens different and must not show, or cannot: see [`Writer::hide`].
    pub hidden: u64,
    pub kind: Option<Kind>,
    pub writes: bool,
    pub statements: u32,
}

impl<'a> Writer<'a> {
    pub fn new(sql: &'a [u8], out: &'a mut Vec<u8>, frames: &'a mut Vec<Frame>) -> Self {
        out.clear();
        frames.clear();
        let nothing = Last {
            class: Class::Start,
            start: 0,
        };
        Writer {
            sql,
            out,
            frames,
            last: nothing,
            second: nothing,
            attention: STATEMENT,
            minus: Minus::None,
            depth: 0,
            body: 0,
            verb: Verb::NEW,
            query: false,
            statement: 0,
            hidden: 0,
            kind: None,
            writes: false,
            statements: 0,
        }
    }

    #[inline(always)]
    pub fn token(&mut self, token: Token) {
        if self.attention != 0 {
            self.attend(token.lex, token.start, token.end);
        }
        match token.lex {
            Lex::Word => self.word(token),
            Lex::Number => self.number(token),
            Lex::Text | Lex::Parameter => self.value(),
            Lex::Quoted => self.quoted(token),
            Lex::Operator => self.operator(token),
            Lex::Comma => self.comma(),
            Lex::Open => self.open(),
            Lex::Close => self.close(Class::Close, b")"),
            Lex::Dot => self.plain(Class::Dot, b"."),
            Lex::OpenBracket => self.open_bracket(),
            Lex::CloseBracket => self.close(Class::CloseBracket, b"]"),
            Lex::Cast => self.plain(Class::Cast, b"::"),
            Lex::Colon => self.plain(Class::Colon, b":"),
            Lex::Dots => self.plain(Class::Dots, b".."),
            Lex::Assign => self.plain(Class::Assign, b":="),
            Lex::Semicolon => self.semicolon(),
            Lex::National => self.national(),
            Lex::UnicodeName(escape) => self.unicode_name(token, escape),
            Lex::CutName => self.cut_name(),
            Lex::Other => self.other(token),
            Lex::End => {}
        }
    }

    /// The text is over: what was held back is written.
    pub fn finish(&mut self) {
        if let Minus::Number(mark) = self.minus {
            self.take_sign(mark);
        }
        // A list that does not end is folded like one that does. Rows end with their last row.
        if self.attention & ROW_ENDED != 0 {
            self.frames.pop();
        }
        while let Some(mut frame) = self.frames.pop() {
            frame.end_element(self.out, self.hidden);
        }
        self.end_statement();
    }

    /// What is seldom, and kept out of the way of what is frequent.
    #[inline(never)]
    fn attend(&mut self, lex: Lex, start: usize, end: usize) {
        let token = Token { lex, start, end };
        if self.attention & MINUS != 0 {
            self.attend_minus(token);
        }
        if self.attention & (ROW_ENDED | NEXT_ROW) != 0 {
            self.attend_rows(token.lex);
        }
        if self.attention & STATEMENT != 0 && token.lex != Lex::Semicolon {
            self.begin_statement();
        }
        if self.attention & VERB != 0 {
            self.attend_verb(token);
        } else if self.attention & COMMAND != 0 && token.lex == Lex::Word {
            self.attend_command(token);
        }
    }

    /// Makes the fingerprint depend on something that the text does not show.
    #[cold]
    pub(super) fn hide(&mut self, what: &[u8]) {
        self.hidden = xxh3_64_with_seed(what, self.hidden ^ self.out.len() as u64 ^ 0x5eed);
    }

    /// A written token's bytes, as long as nothing was taken back since.
    pub(super) fn text(&self, token: Last) -> &[u8] {
        let end = if token == self.last {
            self.out.len()
        } else {
            self.last.start
        };
        self.out
            .get(token.start..end)
            .unwrap_or_default()
            .trim_ascii_end()
    }

    /// The space in front of a token, and the token in the record of the last two.
    #[inline(always)]
    pub(super) fn put(&mut self, class: Class) {
        let length = self.out.len() + usize::from(space(self.last.class, class));
        self.out.push(b' ');
        self.out.truncate(length);
        self.note(class);
    }

    #[inline(always)]
    pub(super) fn note(&mut self, class: Class) {
        self.second = self.last;
        self.last = Last {
            class,
            start: self.out.len(),
        };
    }

    #[inline(always)]
    pub(super) fn plain(&mut self, class: Class, text: &[u8]) {
        self.put(class);
        self.out.extend_from_slice(text);
    }

    #[inline(always)]
    fn word(&mut self, token: Token) {
        let class = if self.last.class == Class::Dot {
            Class::Name
        } else {
            Class::Word
        };
        self.put(class);
        let first = self.copy_lower(token.start, token.end);
        // One of five words by its first four letters: which one, and whether it is longer, is looked at then.
        let special = [b"null", b"true", b"fals", b"into", b"join"];
        if special
            .iter()
            .fold(false, |any, word| any | (first == u32::from_le_bytes(**word)))
        {
            self.special_word();
        }
    }

    /// Copies a part of the text in lower case; gives its first four bytes (as a little-endian number), 0 if it is
    /// shorter.
    #[inline(always)]
    pub(super) fn copy_lower(&mut self, start: usize, end: usize) -> u32 {
        let at = self.out.len();
        let length = end - start;
        // Sixteen bytes are copied faster than a number that is not known before.
        if length <= 16
            && let Some(sixteen) = self.sql.get(start..start + 16)
            && let Ok(mut bytes) = <[u8; 16]>::try_from(sixteen)
        {
            bytes.make_ascii_lowercase();
            self.out.extend_from_slice(&bytes);
            self.out.truncate(at + length);
            u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
                & (0u32.wrapping_sub(u32::from(length >= 4)))
        } else {
            self.out.extend_from_slice(&self.sql[start..end]);
            let copy = &mut self.out[at..];
            copy.make_ascii_lowercase();
            copy.first_chunk().map_or(0, |first| u32::from_le_bytes(*first))
        }
    }

    #[inline(never)]
    fn special_word(&mut self) {
        let start = self.last.start;
        if self.last.class != Class::Word {
            return;
        }
        match &self.out[start..] {
            b"null" | b"true" | b"false" if self.is_constant() => {
                self.out.truncate(start);
                self.out.push(VALUE);
                self.last.class = Class::Value;
            }
            b"join" => self.join(),
            b"into" if self.verb.main == Kind::Select && self.depth == 0 => self.verb.write(),
            _ => {}
        }
    }

    /// `INNER JOIN` is `JOIN`, `LEFT OUTER JOIN` is `LEFT JOIN`.
    fn join(&mut self) {
        let before = self.second;
        if before.class == Class::Word && matches!(self.text(before), b"inner" | b"outer") {
            self.out.truncate(before.start);
            self.out.extend_from_slice(b"join");
            self.last.start = before.start;
        }
    }

    #[inline(always)]
    pub(super) fn value(&mut self) {
        self.put(Class::Value);
        self.out.push(VALUE);
    }

    fn number(&mut self, token: Token) {
        match self.last.class {
            Class::Open if self.second.class == Class::Word => {
                self.precision(&self.sql[token.start..token.end])
            }
            Class::OpenBracket if self.text(self.second) != b"array" && bounds_type(self.out) => {
                self.hide(&self.sql[token.start..token.end])
            }
            _ => {}
        }
        self.value();
        if let Minus::Signs(mark) = self.minus {
            self.minus = Minus::Number(mark);
        }
    }

    /// The numbers in parentheses that make another type or function: `float(1)` to `float(24)` are not `float(25)` to
    /// `float(53)`, and `current_timestamp(3)` is not `current_timestamp(6)`.
    fn precision(&mut self, digits: &'a [u8]) {
        let word = self.text(self.second);
        if word.starts_with(b"current_time") || word.starts_with(b"localtime") {
            self.hide(digits);
        } else if word == b"float" {
            match digits {
                [b'1'..=b'9'] | [b'1', b'0'..=b'9'] | [b'2', b'0'..=b'4'] => {}
                [b'2', b'5'..=b'9'] | [b'3'..=b'9', b'0'..=b'9'] => self.hide(b"float8"),
                _ => self.hide(digits),
            }
        }
    }

    /// `N'…'` is the type `nchar` and a string to PostgreSQL, and another thing than a string.
    fn national(&mut self) {
        self.plain(Class::Word, b"nchar");
        self.value();
    }

    #[inline(always)]
    fn operator(&mut self, token: Token) {
        match &self.sql[token.start..token.end] {
            b"!=" => self.plain(Class::Operator, b"<>"),
            b"-" => self.minus(),
            b"*" if self.last.class == Class::Dot => self.plain(Class::Name, b"*"),
            [VALUE] => {
                self.plain(Class::Operator, &[VALUE]);
                self.hide(b"operator");
            }
            [byte] => {
                self.put(Class::Operator);
                self.out.push(*byte);
            }
            text => {
                self.put(Class::Operator);
                self.out.extend_from_slice(text);
            }
        }
    }

    /// A byte that means nothing to PostgreSQL. Control characters do not go into the text.
    fn other(&mut self, token: Token) {
        self.put(Class::Other);
        let byte = self.sql[token.start];
        self.printable(byte);
    }

    /// Writes a byte of a name; instead of a control character its hash goes into the fingerprint.
    pub(super) fn printable(&mut self, byte: u8) {
        if byte < b' ' || byte == 0x7f {
            self.hide(&[byte]);
            self.out.extend_from_slice("\u{fffd}".as_bytes());
        } else {
            self.out.push(byte);
        }
    }
}

/// Whether the square bracket at the end of the output is that of a type, as in `a::int[3]` or `CAST(a AS int[3])`, and
/// no subscript: PostgreSQL keeps the number with the type. Looks back a little way only; to see a type where none is
/// costs a fingerprint.
fn bounds_type(out: &[u8]) -> bool {
    let near = &out[out.len().saturating_sub(64)..out.len() - 1];
    let mut depth = 0;
    for (at, &byte) in near.iter().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' if depth == 0 => {
                return memmem::rfind(&near[at..], b" as ")
                    .is_some_and(|found| is_type(&near[at + found + 4..]));
            }
            b'(' => depth -= 1,
            b':' => return at > 0 && near[at - 1] == b':' && is_type(&near[at + 1..]),
            b'_' | b'.' | b'"' | b' ' | b'[' | b']' | VALUE | 0x80.. => {}
            b',' if depth > 0 => {}
            _ if byte.is_ascii_alphanumeric() => {}
            _ => return false,
        }
    }
    false
}

/// Whether what follows a cast can be the name of a type so far, and not already what comes behind it.
fn is_type(name: &[u8]) -> bool {
    !name.contains(&b' ')
        || [b" precision".as_slice(), b" varying", b" zone", b", "]
            .iter()
            .any(|word| memmem::find(name, word).is_some())
}
