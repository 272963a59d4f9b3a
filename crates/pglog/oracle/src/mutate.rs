//! Ways to write the same statement, and ways to change it by one token.

use fastrand::Rng;

use crate::generate::{Generator, Piece};

/// Writes the tokens out: spaces, comments, case and quotes as the stream has it.
pub fn write(pieces: &[Piece], surface: &mut Rng) -> String {
    let plain = surface.u8(..3) == 0;
    let mut out = String::new();
    for piece in pieces {
        if !out.is_empty() {
            out.push_str(if plain { " " } else { gap(surface) });
        }
        match piece {
            Piece::Fixed(word) if plain => out.push_str(word),
            Piece::Fixed(word) => recase(&mut out, word, surface),
            // `text` is a key word, though it names a type: quoted it is kept as it is.
            Piece::Name(name) if !plain && *name != "text" && surface.u8(..4) == 0 => {
                out.push('"');
                out.push_str(name);
                out.push('"');
            }
            Piece::Name(name) => recase(&mut out, name, surface),
            Piece::Literal(text) => out.push_str(text),
        }
    }
    if !plain && surface.u8(..6) == 0 {
        out.push_str(" -- done 'x");
    }
    out
}

fn gap(surface: &mut Rng) -> &'static str {
    match surface.u8(..12) {
        0 => "\n",
        1 => "\t ",
        2 => " /* 'c' /* d */ */ ",
        3 => " -- it's\n",
        4 => "\r\n  ",
        5 => "/**/",
        _ => " ",
    }
}

fn recase(out: &mut String, word: &str, surface: &mut Rng) {
    match surface.u8(..3) {
        0 => out.push_str(&word.to_ascii_lowercase()),
        1 => out.push_str(&word.to_ascii_uppercase()),
        _ => out.push_str(word),
    }
}

/// One token more, less, or other; more often than not of the same sort.
pub fn change(pieces: &mut Vec<Piece>, rng: &mut Rng) {
    const NAMES: &[&str] = &[
        "id",
        "a",
        "b",
        "other",
        "\"Other\"",
        "\"by\"",
        "by",
        "between",
        "day",
        "\"day\"",
        "text",
        "t.a",
    ];
    const OPERATORS: &[&str] = &[
        "-", "+", "- -", "*", "=", "<>", "?", "?|", "@-", "||", "->", "- +", "+ -", "? -", "| -",
    ];
    const VALUES: &[&str] = &[
        "- 1",
        "- - 1",
        "- '1'",
        "- $1",
        "- 1 :: int",
        "- ( 1 )",
        "- ( '1' )",
        "- ( - 1 )",
        "( 1 )",
        "+ 1",
        "null",
        "- null",
        "N'x'",
        "nchar 'x'",
        "1 :: int",
        "'1' :: text",
        "date '1'",
        "interval '1' day",
        "default",
        "a",
        "( 1 , 2 )",
        "( null )",
        "- ( true )",
        "array [ 1 ]",
        "array [ 1 , 2 ]",
        "1 , 2",
        "1 , a",
        "x :: float ( 3 )",
        "x :: float ( 30 )",
        "b -1",
        "user -1",
        "1 -1",
        "f ( ) -1",
        "- 1 [ 1 ]",
        "- x",
        "- - x",
        "?- 1",
        "- 1 ^ 2",
        "- 1 .5",
        "case when a then - 1 end -1",
    ];
    const OTHERS: &[&str] = &[
        "-", "+", "(", ")", ",", "NOT", "NULL", "TRUE", "*", ".", "[", "]", "::", ":: int", "?", "=", "IN",
        "VALUES", "ARRAY", "DISTINCT", "ALL", "AND", "float", ";", "SELECT", "nchar", "interval", "AS",
        "ASC", ":", "OUTER", "SET", "ONLY", "IS", "LIKE", "$1", "1", "'x'",
    ];
    if pieces.is_empty() {
        return;
    }
    let mut at = rng.usize(..pieces.len());
    // What can stand in for something else of its sort is changed most.
    for _ in 0..3 {
        if is_structure(&pieces[at]) {
            at = rng.usize(..pieces.len());
        }
    }
    let from = match &pieces[at] {
        _ if rng.u8(..6) == 0 => OTHERS,
        Piece::Name(_) if rng.bool() => NAMES,
        Piece::Name(_) | Piece::Literal(_) => VALUES,
        Piece::Fixed("NULL" | "TRUE" | "FALSE" | "DEFAULT") => VALUES,
        Piece::Fixed(word) if !word.starts_with(char::is_alphabetic) && !"(),.[]:;".contains(word) => {
            OPERATORS
        }
        _ => OTHERS,
    };
    let other = from[rng.usize(..from.len())].split(' ').map(Piece::Fixed);
    match rng.u8(..20) {
        0 => {
            pieces.remove(at);
        }
        1 => pieces.insert(at, pieces[at].clone()),
        2 => {
            pieces.splice(at..at, other);
        }
        3 if at > 0 => pieces.swap(at - 1, at),
        4 => {
            let from = rng.usize(..pieces.len());
            pieces[at] = pieces[from].clone();
        }
        _ => {
            pieces.splice(at..=at, other);
        }
    }
}

/// One token more, less, or another in its place.
pub fn exchange<'a>(tokens: &mut Vec<&'a str>, other: &'a str, rng: &mut Rng) {
    let at = rng.usize(..tokens.len().max(1));
    match rng.u8(..6) {
        0 if tokens.len() > 1 => {
            tokens.remove(at);
        }
        1 => tokens.insert(at, other),
        2 if at > 0 => tokens.swap(at - 1, at),
        3 => tokens.push(other),
        _ if at < tokens.len() => tokens[at] = other,
        _ => {}
    }
}

fn is_structure(piece: &Piece) -> bool {
    matches!(piece, Piece::Fixed(word) if word.starts_with(char::is_alphabetic) || "(),.[]:;".contains(word))
}

/// A definition: only such literals in it that PostgreSQL's parser takes as constants.
pub fn definition(g: &mut Generator) {
    let words = [
        "CREATE TABLE t ( a int DEFAULT 1 , b varchar ( 10 ) NOT NULL )",
        "CREATE INDEX i ON t ( a , lower ( b ) ) WHERE c > 5",
        "CREATE VIEW v AS",
        "ALTER TABLE t ADD COLUMN c int DEFAULT 0 NOT NULL",
        "ALTER TABLE t ADD CHECK ( a IN ( 1 , 2 ) )",
        "DROP TABLE IF EXISTS t CASCADE",
        "TRUNCATE t , u",
        "GRANT SELECT ON t TO reader",
        "EXPLAIN",
        "COPY t ( a , b ) FROM STDIN",
        "VACUUM ANALYZE t",
        "REFRESH MATERIALIZED VIEW v",
    ];
    let words = words[g.shape.usize(..words.len())];
    g.out
        .extend(words.split(' ').map(|word| match word.as_bytes()[0] {
            b'0'..=b'9' => Piece::Literal(g.surface.u16(..9999).to_string()),
            _ => Piece::Fixed(word),
        }));
    if words == "EXPLAIN" || words.ends_with(" AS") {
        g.select(2);
    }
}
