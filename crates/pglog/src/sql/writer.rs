//! From tokens to the normalised bytes: case folded, values and comments gone, lists of values folded.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::keywords;
use super::kind::{Before, Kind, Verb};
use super::lexer::{Lex, Token};
use super::lists::{Frame, List, Shape, VALUE};
use super::spacing::{Class, space};

/// A sign of minus in front of a number belongs to the value; whether it is one shows only behind the number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Minus {
    None,
    /// Only signs have been written since.
    Signs(Mark),
    /// Signs and a number.
    Number(Mark),
    /// Signs and opening parentheses: here PostgreSQL makes a difference between a number and other values.
    Parenthesis,
}

/// A point of the output to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark {
    length: usize,
    last: Last,
    second: Last,
}

/// A written token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) class: Class,
    start: usize,
}

/// What must be looked at before the next token.
const STATEMENT: u8 = 1;
const MINUS: u8 = 2;
const ROW_ENDED: u8 = 4;
const NEXT_ROW: u8 = 8;
const VERB: u8 = 16;
const DEFINITION: u8 = 32;

pub(super) struct Writer<'a> {
    pub(super) sql: &'a [u8],
    pub(super) out: &'a mut Vec<u8>,
    frames: &'a mut Vec<Frame>,
    pub(super) last: Last,
    second: Last,
    attention: u8,
    minus: Minus,
    depth: u32,
    /// Nested `BEGIN ATOMIC`, `CASE` in a routine's body: semicolons do not separate statements there.
    body: u32,
    verb: Verb,
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
            hidden: 0,
            kind: None,
            writes: false,
            statements: 0,
        }
    }

    #[inline(always)]
    pub fn token(&mut self, token: Token) {
        if self.attention != 0 {
            self.attend(token);
        }
        match token.lex {
            Lex::Word(upper) => self.word(token, upper),
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
        self.end_statement();
    }

    /// What is seldom, and kept out of the way of what is frequent.
    #[inline(never)]
    fn attend(&mut self, token: Token) {
        if self.attention & MINUS != 0 {
            self.attend_minus(token.lex);
        }
        if self.attention & (ROW_ENDED | NEXT_ROW) != 0 {
            self.attend_rows(token.lex);
        }
        if self.attention & STATEMENT != 0 && token.lex != Lex::Semicolon {
            self.begin_statement();
        }
        if self.attention & VERB != 0 && matches!(token.lex, Lex::Word(_)) {
            self.attend_verb(token);
        } else if self.attention & DEFINITION != 0 && matches!(token.lex, Lex::Word(_)) {
            self.attend_definition(token);
        }
    }

    fn attend_minus(&mut self, lex: Lex) {
        match (self.minus, lex) {
            (Minus::Number(mark), _) if lex != Lex::Cast => {
                self.take_sign(mark);
            }
            (Minus::Signs(_), Lex::Operator | Lex::Number) => return,
            (Minus::Signs(_) | Minus::Parenthesis, Lex::Open) => {
                self.minus = Minus::Parenthesis;
                return;
            }
            (Minus::Parenthesis, Lex::Number) => self.hide(b"-number"),
            (Minus::Parenthesis, Lex::Text | Lex::Parameter) => self.hide(b"-value"),
            _ => {}
        }
        self.minus = Minus::None;
        self.attention &= !MINUS;
    }

    /// `- 1` becomes one value.
    fn take_sign(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        self.last = mark.last;
        self.second = mark.second;
        self.put(Class::Value);
        self.out.push(VALUE);
    }

    fn attend_rows(&mut self, lex: Lex) {
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

    fn begin_statement(&mut self) {
        self.attention = VERB;
        self.verb = Verb::NEW;
        self.statements = self.statements.saturating_add(1);
        if self.last.class != Class::Start {
            self.plain(Class::Semicolon, b";");
        }
    }

    fn end_statement(&mut self) {
        if self.attention & STATEMENT != 0 {
            return;
        }
        let verb = self.verb;
        self.writes |= verb.writes;
        if self
            .kind
            .is_none_or(|kind| matches!(kind, Kind::Transaction | Kind::Session) && self.statements > 1)
        {
            let minor = matches!(verb.kind, Kind::Transaction | Kind::Session);
            if self.kind.is_none() || !minor {
                self.kind = Some(verb.kind);
            }
        }
        self.frames.clear();
        self.attention = STATEMENT;
        self.minus = Minus::None;
        self.depth = 0;
        self.body = 0;
    }

    fn semicolon(&mut self) {
        if self.depth > 0 || self.body > 0 {
            self.plain(Class::Semicolon, b";");
        } else {
            self.end_statement();
        }
    }

    fn attend_verb(&mut self, token: Token) {
        let mut buffer = [0; 16];
        let word = &self.sql[token.start..token.end];
        let Some(lower) = buffer.get_mut(..word.len()) else {
            return;
        };
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        let before = match self.last.class {
            Class::Open if matches!(self.text(self.second), b"as" | b"materialized") => Before::Body,
            Class::Close => Before::Close,
            _ => Before::Else,
        };
        self.verb.word(lower, self.depth, before);
        if self.verb.is_known() {
            self.attention &= !VERB;
            if self.verb.main == Kind::Ddl {
                self.attention |= DEFINITION;
            }
        }
    }

    /// A routine's body may be written out: `BEGIN ATOMIC …; …; END`.
    fn attend_definition(&mut self, token: Token) {
        let word = &self.sql[token.start..token.end];
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("atomic") && self.text(self.last) == b"begin" || is("case") && self.body > 0 {
            self.body += 1;
        } else if is("end") {
            self.body = self.body.saturating_sub(1);
        }
    }

    /// Makes the fingerprint depend on something that the text does not show.
    #[cold]
    pub(super) fn hide(&mut self, what: &[u8]) {
        self.hidden = xxh3_64_with_seed(what, self.hidden ^ self.out.len() as u64 ^ 0x5eed);
    }

    /// A written token's bytes, as long as nothing was taken back since.
    fn text(&self, token: Last) -> &[u8] {
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
        if space(self.last.class, class) {
            self.out.push(b' ');
        }
        self.note(class);
    }

    #[inline(always)]
    fn note(&mut self, class: Class) {
        self.second = self.last;
        self.last = Last {
            class,
            start: self.out.len(),
        };
    }

    #[inline(always)]
    fn plain(&mut self, class: Class, text: &[u8]) {
        self.put(class);
        self.out.extend_from_slice(text);
    }

    #[inline(always)]
    fn word(&mut self, token: Token, upper: bool) {
        let class = if self.last.class == Class::Dot {
            Class::Name
        } else {
            Class::Word
        };
        self.put(class);
        self.copy(token.start, token.end, upper);
        let length = token.end - token.start;
        if (length == 4 || length == 5) && class == Class::Word {
            self.short_word();
        }
    }

    /// Copies a part of the text, in lower case if it is not.
    #[inline(always)]
    pub(super) fn copy(&mut self, start: usize, end: usize, upper: bool) {
        let at = self.out.len();
        let sixteen = self
            .sql
            .get(start..start + 16)
            .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        match sixteen {
            Some(mut bytes) if end - start <= 16 => {
                bytes.make_ascii_lowercase();
                self.out.extend_from_slice(&bytes);
                self.out.truncate(at + end - start);
            }
            _ => {
                self.out.extend_from_slice(&self.sql[start..end]);
                if upper {
                    self.out[at..].make_ascii_lowercase();
                }
            }
        }
    }

    /// The words of four or five letters that mean something here.
    #[inline(always)]
    fn short_word(&mut self) {
        let start = self.last.start;
        match &self.out[start..] {
            b"null" | b"true" | b"false" if self.is_constant() => {
                self.out.truncate(start);
                self.out.push(VALUE);
                self.last.class = Class::Value;
            }
            b"into" if self.verb.main == Kind::Select && self.depth == 0 => self.verb.write(),
            b"from" if self.verb.main == Kind::Copy && self.depth == 0 => self.verb.write(),
            _ => {}
        }
    }

    /// Whether the `null`, `true` or `false` that was just written is a value like any other, and not part of
    /// `IS NULL`, `NOT NULL` or an option. Told only where an expression must begin, and only in statements that
    /// hold no definitions.
    fn is_constant(&self) -> bool {
        let plain = matches!(
            self.verb.main,
            Kind::Select | Kind::Insert | Kind::Update | Kind::Delete | Kind::Merge
        );
        plain
            && match self.second.class {
                Class::Operator | Class::Open | Class::OpenBracket | Class::Comma | Class::Assign => true,
                Class::Word => matches!(
                    self.text(self.second),
                    b"select"
                        | b"and"
                        | b"or"
                        | b"where"
                        | b"having"
                        | b"when"
                        | b"then"
                        | b"else"
                        | b"case"
                        | b"limit"
                        | b"offset"
                        | b"from"
                        | b"returning"
                ),
                _ => false,
            }
    }

    #[inline(always)]
    fn value(&mut self) {
        self.put(Class::Value);
        self.out.push(VALUE);
    }

    fn number(&mut self, token: Token) {
        // float(1) to float(24) are another type than float(25) to float(53).
        if self.last.class == Class::Open && self.text(self.second) == b"float" {
            let digits = &self.sql[token.start..token.end];
            if digits.len() > 2 || digits.len() == 2 && digits > b"24" {
                self.hide(b"float8");
            }
        }
        self.value();
        if let Minus::Signs(mark) = self.minus {
            self.minus = Minus::Number(mark);
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

    fn minus(&mut self) {
        if !self.follows_operand() {
            let mark = Mark {
                length: self.out.len(),
                last: self.last,
                second: self.second,
            };
            if !matches!(self.minus, Minus::Signs(_)) {
                self.minus = Minus::Signs(mark);
                self.attention |= MINUS;
            }
        }
        self.plain(Class::Operator, b"-");
    }

    /// Whether what was written last can end an operand, so that a minus behind it subtracts. In doubt it can: the
    /// minus then stays, and nothing is taken for equal that is not.
    fn follows_operand(&self) -> bool {
        match self.last.class {
            Class::Value | Class::Name | Class::Close | Class::CloseBracket | Class::Other => true,
            Class::Word => match self.text(self.last) {
                b"by" => !matches!(self.text(self.second), b"order" | b"group" | b"partition"),
                b"between" => !matches!(
                    self.second.class,
                    Class::Word | Class::Name | Class::Value | Class::Close | Class::CloseBracket
                ),
                word => !keywords::is_reserved(word) || ends_operand(word),
            },
            _ => false,
        }
    }

    #[inline(always)]
    fn comma(&mut self) {
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

    fn open(&mut self) {
        let mut list = None;
        if self.last.class == Class::Word {
            let word = self.text(self.last);
            match word {
                b"in" if self.text(self.second) == b"values" => list = Some(List::Values),
                b"in" => list = Some(List::In),
                b"values" => list = Some(List::Rows),
                _ => {}
            }
            if spaced(word) || self.text(self.second) == b"into" {
                self.out.push(b' ');
            }
        } else if self.last.class == Class::Name {
            if self.text(self.second) == b"into" {
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

    /// Lists nested deeper than anybody writes them are not folded, so that brackets cost no memory.
    fn push_frame(&mut self, frame: Frame) {
        if self.frames.len() < 64 {
            self.frames.push(frame);
        }
    }

    fn open_bracket(&mut self) {
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

    fn close(&mut self, class: Class, text: &[u8]) {
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

/// Reserved words that are a value or end one.
fn ends_operand(word: &[u8]) -> bool {
    matches!(word, b"null" | b"true" | b"false" | b"end" | b"user")
        || word.starts_with(b"current_")
        || word.starts_with(b"localtime")
        || word.ends_with(b"_user")
}

/// Whether a word is set apart from a parenthesis behind it.
fn spaced(word: &[u8]) -> bool {
    matches!(
        word,
        b"values" | b"over" | b"filter" | b"exists" | b"by" | b"key" | b"materialized"
    ) || keywords::is_reserved(word)
}
