//! SQL as the log holds it: read once from front to back, brought into one form for all values.
//!
//! [`Normalizer::normalize`] takes any bytes. What it calls equal, PostgreSQL's own parser calls equal as well (as
//! pg_query's fingerprint has it; `oracle/` asks it), apart from literals, which never count.
//!
//! What a text shows: key words, operators, the names of tables, columns, functions, roles, channels and prepared
//! statements. What it does not: literals of any kind (also `true`, `false` and `null` where they are values), parameters,
//! comments, the names of savepoints, cursors and deallocated statements, what `SET` sets a variable to, and what a quoted
//! name holds that does not end. Words without quotes are shown elsewhere, as in `ALTER ROLE r SET x TO word`; and where a
//! text does not begin at a statement's beginning, literals are told from names by luck only.
//!
//! Read with `standard_conforming_strings` on. The way of a statement: `lexer` finds the tokens (with `bytes` and
//! `literal`), `writer` writes them (with `spacing`, `names`, `minus`), `brackets` and `lists` fold lists, `statement`
//! knows where one ends and what it is (with `kind` and, for short commands, `commands`).

mod brackets;
mod bytes;
mod commands;
mod keywords;
mod kind;
mod lexer;
mod lists;
mod literal;
mod minus;
mod names;
mod spacing;
mod statement;
mod writer;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

pub use kind::Kind;
use lexer::{Lex, Lexer};
use writer::Writer;

/// The most bytes of [`Normal::text`]. A longer text ends in `…`.
pub const TEXT_LIMIT: usize = 8 * 1024;

/// Buffers beyond this many bytes are given back before the next statement.
const BUFFER_LIMIT: usize = 1 << 20;

/// Brings statements into their normal form, one after the other; keep one for each thread.
#[derive(Debug, Default)]
pub struct Normalizer {
    text: String,
    frames: Vec<lists::Frame>,
}

/// A statement without its values.
#[derive(Clone, Copy, Debug)]
pub struct Normal<'s> {
    /// One line: words in lower case, `?` for every value, no comments, single spaces; at most [`TEXT_LIMIT`] bytes.
    /// Control characters of ASCII and invalid UTF-8 show as U+FFFD.
    pub text: &'s str,
    /// A hash (XXH3) of the tokens, of all of them however long the statement is. Equal for statements that differ in
    /// values, white space, comments and the length of `IN`, `VALUES` and `ARRAY` lists.
    pub fingerprint: u64,
    /// What sort of statement it is.
    pub kind: Kind,
    /// Whether it says itself that it changes data or definitions, as PostgreSQL's list of what a read-only transaction
    /// refuses has it: also `WITH … (INSERT …)`, `SELECT … INTO`, `COPY … FROM`, `EXPLAIN ANALYZE` of such. What
    /// functions, `DO`, `CALL` and `EXECUTE` do cannot be seen; row locks (`FOR UPDATE`) do not count.
    pub writes: bool,
    /// How many statements it is: parts between semicolons that hold anything.
    pub statements: u32,
    /// The text stops within a literal, a quoted name, a comment or a dollar quote.
    pub cut: bool,
}

impl Normalizer {
    /// Normalises one message's SQL, in time linear in its length. While it works it holds the whole normal form, which
    /// may be as long as the statement.
    pub fn normalize<'s>(&'s mut self, sql: &[u8]) -> Normal<'s> {
        let mut out = std::mem::take(&mut self.text).into_bytes();
        if out.capacity() > BUFFER_LIMIT {
            out = Vec::new();
        }
        let mut lexer = Lexer::new(sql);
        let mut writer = Writer::new(sql, &mut out, &mut self.frames);
        loop {
            let token = lexer.next();
            if token.lex == Lex::End {
                break;
            }
            writer.token(token);
        }
        writer.finish();
        let (kind, writes, statements, hidden) =
            (writer.kind, writer.writes, writer.statements, writer.hidden);
        let fingerprint = match hidden {
            0 => xxh3_64(&out),
            hidden => xxh3_64_with_seed(&out, hidden),
        };
        self.text = readable(out);
        Normal {
            text: &self.text,
            fingerprint,
            kind: kind.unwrap_or(Kind::Other),
            writes,
            statements,
            cut: lexer.cut,
        }
    }
}

/// Turns the normalised bytes into the text to show.
fn readable(mut out: Vec<u8>) -> String {
    shorten(&mut out);
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => {
            let mut out = String::from_utf8_lossy(error.as_bytes())
                .into_owned()
                .into_bytes();
            shorten(&mut out);
            String::from_utf8(out).unwrap_or_default()
        }
    }
}

/// Cuts the text between two characters and says so.
fn shorten(out: &mut Vec<u8>) {
    const MARK: &str = "…";
    if out.len() > TEXT_LIMIT {
        let mut end = TEXT_LIMIT - MARK.len();
        while end > 0 && out[end] & 0xc0 == 0x80 {
            end -= 1;
        }
        out.truncate(end);
        out.extend_from_slice(MARK.as_bytes());
    }
}
