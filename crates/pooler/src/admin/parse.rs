//! The console's language: statements behind one another with semicolons, comments, names in double quotes, texts in
//! single quotes; keywords in any case.

use std::str::CharIndices;

/// What a statement asks for; names are as they were written, without their quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A word and perhaps an argument: `SHOW POOLS`, `PAUSE db`.
    Word {
        /// The first word, in lower case.
        word: String,
        /// The second.
        argument: Option<String>,
    },
    /// `SET key = value` or `SET key TO value`.
    Set {
        /// The setting, in lower case.
        key: String,
        /// Its value.
        value: String,
    },
}

/// A statement of a query.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement<'a> {
    /// As it was written, with its semicolon.
    pub text: &'a str,
    /// What it asks for; `None` when it is no command.
    pub command: Option<Command>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// A word without quotes, or a number.
    Plain(String),
    /// In double quotes.
    Name(String),
    /// In single quotes.
    Text(String),
    Equals,
    End,
    /// Anything that has no place here, and everything behind it that is not closed.
    Other,
}

/// The statements of a query, in their order, without empty ones.
pub fn statements(query: &str) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    let mut lexer = Lexer {
        text: query,
        chars: query.char_indices(),
    };
    let mut tokens = Vec::new();
    let mut begins = None;
    loop {
        let next = lexer.next();
        match next {
            Some((_, Token::End)) | None => {
                if let Some(at) = begins.take() {
                    let end = next.as_ref().map_or(query.len(), |(at, _)| at + 1);
                    statements.push(Statement {
                        text: query[at..end].trim_end(),
                        command: command(std::mem::take(&mut tokens)),
                    });
                }
                if next.is_none() {
                    return statements;
                }
            }
            Some((at, token)) => {
                begins.get_or_insert(at);
                tokens.push(token);
            }
        }
    }
}

fn command(tokens: Vec<Token>) -> Option<Command> {
    let mut tokens = tokens.into_iter();
    let first = name(tokens.next()?)?.to_ascii_lowercase();
    let second = tokens.next();
    let third = tokens.next();
    if first == "set" {
        let key = name(second?)?.to_ascii_lowercase();
        match third? {
            Token::Equals => {}
            Token::Plain(word) if word.eq_ignore_ascii_case("to") => {}
            _ => return None,
        }
        let value = match tokens.next()? {
            Token::Plain(value) | Token::Name(value) | Token::Text(value) => value,
            _ => return None,
        };
        return tokens.next().is_none().then_some(Command::Set { key, value });
    }
    if third.is_some() {
        return None;
    }
    let argument = match second {
        None => None,
        Some(token) => Some(name(token)?),
    };
    Some(Command::Word {
        word: first,
        argument,
    })
}

fn name(token: Token) -> Option<String> {
    match token {
        Token::Plain(name) | Token::Name(name) => Some(name),
        _ => None,
    }
}

struct Lexer<'a> {
    text: &'a str,
    chars: CharIndices<'a>,
}

impl Lexer<'_> {
    /// The next token and where it begins.
    fn next(&mut self) -> Option<(usize, Token)> {
        loop {
            let (at, c) = self.chars.next()?;
            let token = match c {
                c if c.is_whitespace() => continue,
                '-' if self.skip("-") => {
                    self.skip_line();
                    continue;
                }
                '/' if self.skip("*") => {
                    if self.skip_comment() {
                        continue;
                    }
                    Token::Other
                }
                ';' => Token::End,
                '=' => Token::Equals,
                '"' => self.quoted('"').map_or(Token::Other, Token::Name),
                '\'' => self.quoted('\'').map_or(Token::Other, Token::Text),
                c if is_plain(c) => {
                    while self.chars.clone().next().is_some_and(|(_, c)| is_plain(c)) {
                        self.chars.next();
                    }
                    Token::Plain(self.text[at..self.chars.offset()].to_owned())
                }
                _ => Token::Other,
            };
            return Some((at, token));
        }
    }

    /// Goes over `text` if it comes next.
    fn skip(&mut self, text: &str) -> bool {
        let comes = self.chars.as_str().starts_with(text);
        if comes {
            self.chars.nth(text.chars().count() - 1);
        }
        comes
    }

    fn skip_line(&mut self) {
        self.chars.by_ref().find(|(_, c)| *c == '\n');
    }

    /// Goes to the end of a comment, which may hold others; false when it has none.
    fn skip_comment(&mut self) -> bool {
        let mut depth = 1;
        while depth > 0 {
            if self.skip("*/") {
                depth -= 1;
            } else if self.skip("/*") {
                depth += 1;
            } else if self.chars.next().is_none() {
                return false;
            }
        }
        true
    }

    /// What stands in quotes, two for one inside; `None` when they are not closed.
    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut inside = String::new();
        loop {
            match self.chars.next()?.1 {
                c if c != quote => inside.push(c),
                _ if self.skip(quote.encode_utf8(&mut [0; 4])) => inside.push(quote),
                _ => return Some(inside),
            }
        }
    }
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(word: &str, argument: Option<&str>) -> Command {
        Command::Word {
            word: word.to_owned(),
            argument: argument.map(str::to_owned),
        }
    }

    fn set(key: &str, value: &str) -> Command {
        Command::Set {
            key: key.to_owned(),
            value: value.to_owned(),
        }
    }

    fn commands(query: &str) -> Vec<Option<Command>> {
        statements(query)
            .into_iter()
            .map(|statement| statement.command)
            .collect()
    }

    #[test]
    fn a_command_is_a_word_and_perhaps_an_argument() {
        for (query, expected) in [
            ("SHOW pools", word("show", Some("pools"))),
            ("  reload\n;", word("reload", None)),
            ("pause \"My \"\"db\"\"\"", word("pause", Some("My \"db\""))),
            ("\"show\" version", word("show", Some("version"))),
            ("kill_client 12", word("kill_client", Some("12"))),
            ("/* a /* b */ c */ show -- d\n state", word("show", Some("state"))),
        ] {
            assert_eq!(commands(query), [Some(expected)], "{query}");
        }
    }

    #[test]
    fn set_takes_a_word_a_name_or_a_text() {
        for (query, expected) in [
            ("SET Log_Stats = 0", set("log_stats", "0")),
            ("set x to 0.5", set("x", "0.5")),
            ("set x='it''s; -- this'", set("x", "it's; -- this")),
            ("set x = \"y\"", set("x", "y")),
            ("set x = ''", set("x", "")),
        ] {
            assert_eq!(commands(query), [Some(expected)], "{query}");
        }
    }

    #[test]
    fn statements_stand_behind_one_another() {
        assert_eq!(
            commands("pause a; ;show state;resume a"),
            [
                Some(word("pause", Some("a"))),
                Some(word("show", Some("state"))),
                Some(word("resume", Some("a"))),
            ]
        );
        for nothing in ["", " ; ", "-- ping", "/* ping */"] {
            assert_eq!(commands(nothing), [], "{nothing}");
        }
    }

    #[test]
    fn anything_else_is_no_command_and_known_as_it_was_written() {
        let no_commands = [
            "select 1 + 1",
            "set x",
            "set x = ",
            "set x = a b",
            "show a b",
            "show 'a'",
            "pause \"a",
            "/* a",
            "= 1",
        ];
        for query in no_commands {
            let padded = format!("{query} ");
            let expected = Statement {
                text: query.trim_end(),
                command: None,
            };
            assert_eq!(statements(&padded), [expected], "{query}");
        }
        let both = statements("show a b ; reload");
        assert_eq!((both[0].text, both[1].text), ("show a b ;", "reload"));
        assert_eq!(
            (both[0].command.is_none(), both[1].command.is_some()),
            (true, true)
        );
    }
}
