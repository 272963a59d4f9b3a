//! Query (`Q`): text in the simple protocol. Looked at in two cases only: the administrator's console, and a
//! DEALLOCATE of a statement that the pooler renamed.

use super::{HEADER, cstr, put, put_cstr};

/// The text of a whole Query message; `None` when it is malformed.
pub fn text(message: &[u8]) -> Option<&[u8]> {
    match cstr(message.get(HEADER..)?)? {
        (text, []) => Some(text),
        _ => None,
    }
}

/// Appends a Query.
pub fn put_query(text: &[u8], out: &mut Vec<u8>) {
    put(out, b'Q', |body| put_cstr(body, text));
}

/// The name in `DEALLOCATE [PREPARE] name`, folded as PostgreSQL folds it; `None` for anything else, `ALL` included.
pub fn deallocated(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.trim().trim_end_matches(';').trim_end();
    let rest = word(text, "deallocate")?;
    let rest = word(rest, "prepare")
        .filter(|rest| !rest.is_empty())
        .unwrap_or(rest);
    if let Some(quoted) = rest.strip_prefix('"') {
        let name = quoted.strip_suffix('"')?;
        let plain = name.replace("\"\"", "");
        return (!plain.contains('"')).then(|| name.replace("\"\"", "\"").into_bytes());
    }
    let plain = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    if rest.is_empty() || !rest.chars().all(plain) || rest.eq_ignore_ascii_case("all") {
        return None;
    }
    Some(rest.to_ascii_lowercase().into_bytes())
}

/// `text` behind the keyword `expected` and white space.
fn word<'a>(text: &'a str, expected: &str) -> Option<&'a str> {
    let head = text.get(..expected.len())?;
    let rest = &text[expected.len()..];
    (head.eq_ignore_ascii_case(expected) && rest.starts_with(|c: char| c.is_ascii_whitespace() || c == '"'))
        .then(|| rest.trim_start())
}

/// True for a `SET` that leaves nothing behind that matters: one that ends with its transaction (`LOCAL`, `TRANSACTION`), and
/// `extra_float_digits` 1, 2 or 3, which drivers say without being asked: from PostgreSQL 12 on each of them means the same as
/// the default, the shortest text that gives the number back.
pub fn sets_nothing_that_stays(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let text = text.strip_suffix(b";").unwrap_or(text);
    if text.contains(&b';') {
        return false;
    }
    let mut words = text.split(|byte| byte.is_ascii_whitespace() || *byte == b'=');
    let mut next = || words.find(|word| !word.is_empty()).unwrap_or_default();
    let is = |word: &[u8], wanted: &str| word.eq_ignore_ascii_case(wanted.as_bytes());
    if !is(next(), "set") {
        return false;
    }
    let what = next();
    if is(what, "extra_float_digits") {
        return matches!(next(), b"1" | b"2" | b"3") && next().is_empty();
    }
    is(what, "local") || is(what, "transaction")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_deallocate_of_one_name_is_recognised() {
        let name = |text: &str| deallocated(text.as_bytes()).map(|n| String::from_utf8(n).unwrap());
        assert_eq!(name("DEALLOCATE pdo_stmt_1"), Some("pdo_stmt_1".into()));
        assert_eq!(name("  deallocate prepare Foo ; "), Some("foo".into()));
        assert_eq!(name("DEALLOCATE \"Foo\"\"x\""), Some("Foo\"x".into()));
        assert_eq!(name("DEALLOCATE prepare"), Some("prepare".into()));
        for other in [
            "DEALLOCATE ALL",
            "DEALLOCATE",
            "DEALLOCATE a; DROP TABLE b",
            "DEALLOCATE \"a\" \"b\"",
            "SELECT 1",
            "",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
    }

    #[test]
    fn what_stays_is_told_from_what_does_not() {
        for harmless in [
            "SET extra_float_digits = 3",
            " set Extra_Float_Digits=2;",
            "SET extra_float_digits\n=\n1",
            "SET LOCAL work_mem = '1MB'",
            "set transaction isolation level serializable;",
        ] {
            assert!(sets_nothing_that_stays(harmless.as_bytes()), "{harmless}");
        }
        for stays in [
            "SET extra_float_digits = 0",
            "SET extra_float_digits = 3; SET work_mem = 1",
            "SET LOCAL work_mem = 1; SET work_mem = 1",
            "SET localized = 1",
            "SET work_mem = 3",
            "SET extra_float_digits",
            "",
        ] {
            assert!(!sets_nothing_that_stays(stays.as_bytes()), "{stays}");
        }
    }
}
