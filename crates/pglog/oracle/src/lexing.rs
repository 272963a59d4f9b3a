//! Whether our tokens begin and end where those of PostgreSQL's scanner do, on random soups of pieces.

#[allow(dead_code, clippy::duplicate_mod)]
#[path = "../../src/sql/bytes.rs"]
mod bytes;
#[allow(dead_code, clippy::duplicate_mod)]
#[path = "../../src/sql/lexer.rs"]
mod lexer;
#[allow(dead_code, clippy::duplicate_mod)]
#[path = "../../src/sql/literal.rs"]
mod literal;

use fastrand::Rng;
use lexer::{Lex, Lexer};
use pg_query::protobuf::Token;

const PIECES: &[&str] = &[
    "a", "B", "e", "x", "n", "u", "u&", "select", "ä", "_", "1", "12", "0", "0x1F", "0b1", "0o7", ".", "..",
    "1.", ".5", "e5", "E-3", "1_0", "$", "$1", "$a", "'", "''", "\\", "\\'", "\"", "\"\"", "$$", "$t$", "--",
    "/*", "*/", "/", "*", "+", "-", "+-", "-+", "*-", "@-", "?", "?-", "|", "||", "&", "#", "%", "^", "~",
    "!", "!=", "<", ">", "=", "<>", "=>", ":=", ":", "::", ";", ",", "(", ")", "[", "]", " ", " ", "\n",
    "\r", "\t", "\u{b}", "\u{c}", "'x'", "E'\\''", "b'1'", "X'f'", "N'n'", "U&'u'", "U&\"u\"", "\"q\"", "`",
    "x1",
];

/// Compares so many soups; gives how many differ.
pub fn run(soups: u64, seed: u64) -> usize {
    let mut rng = Rng::with_seed(seed);
    let (mut compared, mut differ) = (0, 0);
    for _ in 0..soups * 10 {
        let soup: String = (0..rng.usize(1..9))
            .map(|_| PIECES[rng.usize(..PIECES.len())])
            .collect();
        let Some(theirs) = theirs(&soup) else { continue };
        let (ours, cut) = ours(&soup);
        if cut {
            // It stops in what we take for the beginning of a dollar quote.
            continue;
        }
        compared += 1;
        if ours != theirs {
            differ += 1;
            println!("TOKENS {soup:?}\n  ours   {ours:?}\n  theirs {theirs:?}");
        }
    }
    println!("{compared} soups of tokens are whole, {differ} differ");
    differ
}

/// The tokens of a statement, as they are written.
pub fn split(sql: &str) -> Vec<&str> {
    ours(sql)
        .0
        .into_iter()
        .map(|(start, end)| &sql[start..end])
        .collect()
}

/// The statement with one string for every string and one number (or also that string) for every number,
/// without signs; parameters count as strings.
pub fn level(sql: &str, number: &str) -> String {
    let mut lexer = Lexer::new(sql.as_bytes());
    let mut out = String::new();
    loop {
        let token = lexer.next();
        match token.lex {
            Lex::End => return out,
            Lex::Number => out.push_str(number),
            Lex::Text | Lex::Parameter => out.push_str("'x'"),
            Lex::Operator if &sql[token.start..token.end] == "-" => {}
            _ => out.push_str(&sql[token.start..token.end]),
        }
        out.push(' ');
    }
}

/// The bounds of our tokens, and whether the last is cut.
fn ours(soup: &str) -> (Vec<(usize, usize)>, bool) {
    let mut lexer = Lexer::new(soup.as_bytes());
    let mut bounds = Vec::new();
    loop {
        let token = lexer.next();
        match token.lex {
            Lex::End => return (bounds, lexer.cut),
            _ => bounds.push((token.start, token.end)),
        }
    }
}

/// The bounds of PostgreSQL's tokens, without comments; `N'…'` is two to it. None when it refuses the text.
fn theirs(soup: &str) -> Option<Vec<(usize, usize)>> {
    let mut bounds: Vec<(usize, usize)> = Vec::new();
    for token in pg_query::scan(soup).ok()?.tokens {
        if token.token == Token::SqlComment as i32 || token.token == Token::CComment as i32 {
            continue;
        }
        let (start, end) = (token.start as usize, token.end as usize);
        match bounds.last_mut() {
            Some(last)
                if last.1 == start
                    && matches!(&soup[last.0..last.1], "n" | "N")
                    && soup[start..].starts_with('\'') =>
            {
                last.1 = end;
            }
            _ => bounds.push((start, end)),
        }
    }
    Some(bounds)
}
