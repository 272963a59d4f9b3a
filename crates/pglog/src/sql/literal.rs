//! Where literals, quoted names and comments end. Each function takes the text and the position after the opening, and
//! gives the position after the end; `None` when the text stops before.

use memchr::{memchr, memchr2};

use super::bytes::{self, DIGIT, WORD};

/// After a string in which a quote is written twice: `'…'`, `N'…'`, `U&'…'`.
pub(super) fn plain(sql: &[u8], at: usize) -> Option<usize> {
    quoted(sql, at, b'\'')
}

/// After a string of bits, in which no quote stands: `B'…'`, `X'…'`.
pub(super) fn bits(sql: &[u8], at: usize) -> Option<usize> {
    Some(at + memchr(b'\'', &sql[at..])? + 1)
}

/// After a string or a name in which the quote is written twice.
pub(super) fn quoted(sql: &[u8], mut at: usize, quote: u8) -> Option<usize> {
    loop {
        at += memchr(quote, &sql[at..])? + 1;
        if sql.get(at) != Some(&quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// After a string in which a backslash protects the byte behind it as well: `E'…'`.
pub(super) fn escaped(sql: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr2(b'\'', b'\\', sql.get(at..)?)?;
        if sql[at] == b'\\' {
            at += 2;
            continue;
        }
        at += 1;
        if sql.get(at) != Some(&b'\'') {
            return Some(at);
        }
        at += 1;
    }
}

/// Where the next part of a string begins, after its quote, when it goes on: white space with a newline in it (and
/// `--` comments), then another quote. `'a'` newline `'b'` is one string to PostgreSQL, and two on one line are none.
pub(super) fn continuation(sql: &[u8], mut at: usize) -> Option<usize> {
    let mut newline = false;
    loop {
        match *sql.get(at)? {
            b'\n' | b'\r' => newline = true,
            b'-' if sql.get(at + 1) == Some(&b'-') => {
                at = line_comment(sql, at + 2);
                continue;
            }
            b'\'' if newline => return Some(at + 1),
            byte if bytes::is_space(byte) => {}
            _ => return None,
        }
        at += 1;
    }
}

/// After white space and comments of both kinds.
pub(super) fn skip_blank(sql: &[u8], mut at: usize) -> usize {
    loop {
        match (sql.get(at), sql.get(at + 1)) {
            (Some(b'-'), Some(b'-')) => at = line_comment(sql, at + 2),
            (Some(b'/'), Some(b'*')) => at = block_comment(sql, at + 2).unwrap_or(sql.len()),
            (Some(&byte), _) if bytes::is_space(byte) => at += 1,
            _ => return at,
        }
    }
}

/// The newline that ends a `--` comment, or the end of the text.
pub(super) fn line_comment(sql: &[u8], at: usize) -> usize {
    memchr2(b'\n', b'\r', &sql[at..]).map_or(sql.len(), |length| at + length)
}

/// After a block comment; block comments nest.
pub(super) fn block_comment(sql: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 1;
    loop {
        at += memchr2(b'*', b'/', sql.get(at..)?)?;
        match (sql[at], sql.get(at + 1)) {
            (b'*', Some(b'/')) => depth -= 1,
            (b'/', Some(b'*')) => depth += 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// What a `$` begins that is no parameter.
pub(super) enum Dollar {
    /// A dollar-quoted string; the position after its opening delimiter.
    Opens(usize),
    /// The text stops within what would be an opening delimiter.
    Stops,
    /// A byte that means nothing.
    Nothing,
}

/// Reads the delimiter that may begin at the `$` at `start`: `$$` or `$tag$`.
pub(super) fn dollar(sql: &[u8], start: usize) -> Dollar {
    let mut at = start + 1;
    loop {
        match sql.get(at) {
            None => return Dollar::Stops,
            Some(b'$') => return Dollar::Opens(at + 1),
            Some(&byte) if bytes::begins_word(byte) => {}
            Some(&byte) if at > start + 1 && bytes::entry(byte) & bytes::CLASS == DIGIT => {}
            Some(_) => return Dollar::Nothing,
        }
        at += 1;
    }
}

/// After a dollar-quoted string with the delimiter `sql[start..open]`.
pub(super) fn dollar_quoted(sql: &[u8], start: usize, open: usize) -> Option<usize> {
    let delimiter = &sql[start..open];
    let mut at = open;
    loop {
        at += memchr(b'$', sql.get(at..)?)?;
        if sql[at..].starts_with(delimiter) {
            return Some(at + delimiter.len());
        }
        at += 1;
    }
}

/// After a number that begins at `at` (with a digit, or a dot before a digit) and the letters that hang on to it:
/// `1abc` is an error to PostgreSQL today and was a number with a name once; what hangs on goes with the number.
pub(super) fn number(sql: &[u8], mut at: usize) -> usize {
    let digits = |mut at: usize| {
        while sql
            .get(at)
            .is_some_and(|&byte| byte.is_ascii_digit() || byte == b'_')
        {
            at += 1;
        }
        at
    };
    if sql[at] == b'0' && sql.get(at + 1).is_some_and(|byte| b"xXoObB".contains(byte)) {
        return word_end(sql, at + 2);
    }
    at = digits(at);
    if sql.get(at) == Some(&b'.') && sql.get(at + 1) != Some(&b'.') {
        at = digits(at + 1);
    }
    if let Some(b'e' | b'E') = sql.get(at) {
        let sign = usize::from(matches!(sql.get(at + 1), Some(b'+' | b'-')));
        if sql.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            at = digits(at + 1 + sign);
        }
    }
    if sql.get(at).is_some_and(|&byte| bytes::begins_word(byte)) {
        word_end(sql, at)
    } else {
        at
    }
}

/// After the digits that go on at `at`.
pub(super) fn digits_end(sql: &[u8], at: usize) -> usize {
    sql[at..]
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .map_or(sql.len(), |length| at + length)
}

/// After the word that goes on at `at`.
#[inline(always)]
pub(super) fn word_end(sql: &[u8], mut at: usize) -> usize {
    while let Some(eight) = sql.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()) {
        let length = bytes::word_length(eight);
        at += length;
        if length < 8 {
            return at;
        }
    }
    while at < sql.len() && bytes::entry(sql[at]) & WORD != 0 {
        at += 1;
    }
    at
}
