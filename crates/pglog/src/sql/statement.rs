//! Where statements begin and end, and what sort they are.

use super::commands;
use super::kind::{Before, Kind, Verb};
use super::lexer::{Lex, Token};
use super::minus::Minus;
use super::spacing::Class;
use super::writer::{COMMAND, STATEMENT, VERB, Writer};

impl Writer<'_> {
    pub(super) fn begin_statement(&mut self) {
        self.attention = VERB;
        self.verb = Verb::NEW;
        self.query = false;
        self.statements = self.statements.saturating_add(1);
        if self.last.class != Class::Start {
            self.plain(Class::Semicolon, b";");
            self.statement = self.out.len() + 1;
        }
    }

    pub(super) fn end_statement(&mut self) {
        if self.attention & STATEMENT != 0 {
            return;
        }
        let verb = self.verb;
        self.writes |= verb.writes;
        if matches!(verb.main, Kind::Transaction | Kind::Session | Kind::Cursor) {
            let name = matches!(self.last.class, Class::Word | Class::Name);
            commands::fold(self.out, self.statement, self.last.start, name);
        }
        let minor = |kind| matches!(kind, Kind::Transaction | Kind::Session);
        self.kind = match self.kind {
            Some(first) if !minor(first) || minor(verb.kind) => Some(first),
            _ => Some(verb.kind),
        };
        self.frames.clear();
        self.attention = STATEMENT;
        self.minus = Minus::None;
        self.depth = 0;
        self.body = 0;
    }

    pub(super) fn semicolon(&mut self) {
        if self.depth > 0 || self.body > 0 {
            self.plain(Class::Semicolon, b";");
        } else {
            self.end_statement();
        }
    }

    pub(super) fn attend_verb(&mut self, token: Token) {
        let mut buffer = [0; 16];
        let word = match token.lex {
            Lex::Word => self.sql.get(token.start..token.end).unwrap_or_default(),
            Lex::Quoted | Lex::UnicodeName(_) => b"",
            _ => return,
        };
        // A longer word is no verb, nor is a quoted name.
        let lower = buffer.get_mut(..word.len()).unwrap_or_default();
        if lower.len() == word.len() {
            lower.copy_from_slice(word);
            lower.make_ascii_lowercase();
        }
        let before = match self.last.class {
            Class::Open if matches!(self.text(self.second), b"as" | b"materialized") => Before::Body,
            Class::Close => Before::Close,
            _ => Before::Else,
        };
        self.verb.word(lower, self.depth, before);
        self.query |= self.verb.is_with();
        if self.verb.is_known() {
            self.attention &= !VERB;
            self.query = matches!(
                self.verb.main,
                Kind::Select | Kind::Insert | Kind::Update | Kind::Delete | Kind::Merge
            );
            if !self.query {
                self.attention |= COMMAND;
            }
        }
    }

    /// The words of commands: a definition or a cursor may hold a query, and a routine's body may be written out, as
    /// `BEGIN ATOMIC …; …; END`.
    pub(super) fn attend_command(&mut self, token: Token) {
        let word = &self.sql[token.start..token.end];
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("select") {
            // An option may be called like that: `SET (select = true)`.
            self.query |= match self.last.class {
                Class::Word | Class::Name | Class::Close | Class::Semicolon => true,
                Class::Open => matches!(
                    self.text(self.second),
                    b"as" | b"copy" | b"for" | b"in" | b"exists"
                ),
                _ => false,
            };
        } else if is("from") && self.verb.main == Kind::Copy && self.depth == 0 {
            self.verb.write();
        } else if is("atomic") && self.text(self.last) == b"begin" || is("case") && self.body > 0 {
            self.body = self.body.saturating_add(1);
        } else if is("end") {
            self.body = self.body.saturating_sub(1);
        }
    }

    /// Whether the `null`, `true` or `false` that was just written is a value like any other, and not part of
    /// `IS NULL`, `NOT NULL` or an option. Told only where an expression must begin, and only in queries.
    pub(super) fn is_constant(&self) -> bool {
        if !self.query {
            return false;
        }
        match self.second.class {
            Class::Operator | Class::Open | Class::OpenBracket | Class::Comma | Class::Assign => true,
            Class::Word => {
                let before = self
                    .out
                    .get(..self.second.start)
                    .unwrap_or_default()
                    .trim_ascii_end();
                match self.text(self.second) {
                    b"not" => begins_expression(last_word(before)),
                    b"by" => matches!(last_word(before), b"order" | b"group" | b"partition"),
                    b"to" => last_word(before) == b"similar",
                    // `NULL ON NULL` belongs to the functions for JSON.
                    b"on" => !matches!(last_word(before), b"null" | b"absent"),
                    word => begins_expression(word),
                }
            }
            _ => false,
        }
    }
}

/// Whether an expression must follow a word.
fn begins_expression(word: &[u8]) -> bool {
    matches!(
        word,
        b"select"
            | b"distinct"
            | b"from"
            | b"where"
            | b"having"
            | b"and"
            | b"or"
            | b"between"
            | b"symmetric"
            | b"like"
            | b"ilike"
            | b"case"
            | b"when"
            | b"then"
            | b"else"
            | b"limit"
            | b"offset"
            | b"returning"
            | b"default"
    )
}

fn last_word(text: &[u8]) -> &[u8] {
    let start = text
        .iter()
        .rposition(|byte| !byte.is_ascii_lowercase())
        .map_or(0, |at| at + 1);
    &text[start..]
}
