//! The values in `[databases]`, `[users]` and `[peers]`: `key=value` pairs separated by spaces, as pgbouncer reads them.
//! A value with spaces stands in single quotes, of which one doubled stands for itself; an empty value is refused.

/// What is wrong with a string, and behind which key. The key must not be shown unless it is a known one: behind an
/// unquoted password with a space in it, what looks like a key may be the rest of the password.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault<'a> {
    pub(super) key: &'a str,
    pub(super) problem: &'static str,
}

/// A key, its value, and what follows them; `None` at the end.
type Pair<'a> = Option<(&'a str, String, &'a str)>;

const NO_EQUALS: &str = "it must be key=value pairs; a value with spaces in it must stand in single quotes";
const NO_VALUE: &str = "there is no value behind `=`; leave the key out instead";
const TAB: &str = "a tab ends no value; use a space";
const UNCLOSED: &str = "the closing single quote is missing; a quote inside the value is doubled";
const NO_SPACE: &str = "a space must follow the closing single quote; a quote inside the value is doubled";

/// Calls `take` with each pair.
///
/// # Errors
/// At the first thing that is no pair; nothing behind it is read.
pub(super) fn pairs<'a>(text: &'a str, mut take: impl FnMut(&'a str, &str)) -> Result<(), Fault<'a>> {
    let mut rest = text;
    while let Some((key, value, behind)) = pair(rest)? {
        take(key, &value);
        rest = behind;
    }
    Ok(())
}

fn pair(text: &str) -> Result<Pair<'_>, Fault<'_>> {
    let text = text.trim_ascii_start();
    if text.is_empty() {
        return Ok(None);
    }
    let end = text.find(['=', ' ', '\t']).unwrap_or(text.len());
    let (key, behind) = text.split_at(end);
    let fault = |problem| Fault { key, problem };
    let value = behind
        .trim_ascii_start()
        .strip_prefix('=')
        .filter(|_| !key.is_empty());
    let value = value.ok_or(fault(NO_EQUALS))?.trim_ascii_start();
    let (value, behind) = match value.strip_prefix('\'') {
        Some(quoted) => quoted_value(quoted).map_err(fault)?,
        None => plain_value(value).map_err(fault)?,
    };
    if value.is_empty() {
        Err(fault(NO_VALUE))
    } else {
        Ok(Some((key, value, behind)))
    }
}

fn plain_value(text: &str) -> Result<(String, &str), &'static str> {
    let (value, behind) = text.split_at(text.find(' ').unwrap_or(text.len()));
    if value.contains('\t') {
        Err(TAB)
    } else {
        Ok((value.to_owned(), behind))
    }
}

fn quoted_value(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (part, behind) = rest.split_once('\'').ok_or(UNCLOSED)?;
        value.push_str(part);
        match behind.strip_prefix('\'') {
            Some(behind) => {
                value.push('\'');
                rest = behind;
            }
            None if behind.is_empty() || behind.starts_with([' ', '\t']) => return Ok((value, behind)),
            None => return Err(NO_SPACE),
        }
    }
}
