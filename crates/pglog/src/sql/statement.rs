//! Where statements begin and end, and what sort they are.

use super::commands;
use super::kind::{Before, Kind, Verb};
use super::lexer::Token;
use super::minus::Minus;
use super::spacing::Class;
use super::writer::{DEFINITION, STATEMENT, VERB, Writer};

impl Writer<'_> {
    pub(super) fn begin_statement(&mut self) {
        self.attention = VERB;
        self.verb = Verb::NEW;
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

    pub(super) fn semicolon(&mut self) {
        if self.depth > 0 || self.body > 0 {
            self.plain(Class::Semicolon, b";");
        } else {
            self.end_statement();
        }
    }

    pub(super) fn attend_verb(&mut self, token: Token) {
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
    pub(super) fn attend_definition(&mut self, token: Token) {
        let word = &self.sql[token.start..token.end];
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("atomic") && self.text(self.last) == b"begin" || is("case") && self.body > 0 {
            self.body += 1;
        } else if is("end") {
            self.body = self.body.saturating_sub(1);
        }
    }

    /// Whether the `null`, `true` or `false` that was just written is a value like any other, and not part of
    /// `IS NULL`, `NOT NULL` or an option. Told only where an expression must begin, and only in statements that
    /// hold no definitions.
    pub(super) fn is_constant(&self) -> bool {
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
}
