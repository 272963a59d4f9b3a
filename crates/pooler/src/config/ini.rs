//! The lines of an ini file, as pgbouncer reads them: comments stand on lines of their own behind `;` or `#`, a value
//! goes to the end of its line, and a name with other characters than `A-Za-z0-9_.-*` is quoted as in SQL.

use std::borrow::Cow;

/// What a line says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Nothing, or a comment.
    Blank,
    /// `[section]`.
    Section(&'a str),
    /// `%include file`.
    Include(&'a str),
    /// `name = value`.
    Setting(Cow<'a, str>, &'a str),
}

/// Longer lines are mistakes.
pub(super) const MAX_LINE: usize = 1 << 20;

/// Reads one line.
///
/// # Errors
/// What is wrong with it. The line itself is never quoted, because it may hold a password.
pub(super) fn line(text: &str) -> Result<Line<'_>, String> {
    if text.len() >= MAX_LINE {
        return Err(format!(
            "the line has {} bytes, more than {MAX_LINE}; is this the right file?",
            text.len()
        ));
    }
    if text.contains('\0') {
        return Err("the line holds a NUL byte; is this a text file?".to_owned());
    }
    let text = text.trim_ascii();
    match text.as_bytes().first() {
        None | Some(b';' | b'#') => Ok(Line::Blank),
        Some(b'[') => section(&text[1..]),
        Some(b'%') => include(text),
        Some(_) => setting(text),
    }
}

fn section(text: &str) -> Result<Line<'_>, String> {
    let Some((name, behind)) = text.split_once(']') else {
        return Err("the section's name is not closed; write it as [name]".to_owned());
    };
    match behind.trim_ascii_start().as_bytes().first() {
        None | Some(b';' | b'#') => Ok(Line::Section(name)),
        Some(_) => Err(format!(
            "something stands behind [{name}]; put it on a line of its own"
        )),
    }
}

fn include(text: &str) -> Result<Line<'_>, String> {
    let file = text
        .strip_prefix("%include")
        .filter(|file| file.starts_with([' ', '\t']));
    match file.map(str::trim_ascii_start) {
        Some(file) if !file.is_empty() => Ok(Line::Include(file)),
        _ => Err("the only directive is `%include FILE`".to_owned()),
    }
}

fn setting(text: &str) -> Result<Line<'_>, String> {
    let (name, behind) = match text.strip_prefix('"') {
        Some(quoted) => quoted_name(quoted)?,
        None => {
            let end = text.find(|char| !is_name(char)).unwrap_or(text.len());
            (Cow::Borrowed(&text[..end]), &text[end..])
        }
    };
    match behind.trim_ascii_start().strip_prefix('=') {
        Some(_) if name.is_empty() => Err("there is no name before `=`".to_owned()),
        Some(value) => Ok(Line::Setting(name, value.trim_ascii_start())),
        None if behind.contains('=') => Err(
            "the name before `=` must consist of letters, digits and _ . - *, or be in double quotes"
                .to_owned(),
        ),
        None => {
            Err("there is no `=`; settings are written as `name = value`, comments begin with ;".to_owned())
        }
    }
}

fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-' | '*')
}

/// A name in double quotes, of which one doubled stands for itself, and what follows.
fn quoted_name(text: &str) -> Result<(Cow<'_, str>, &str), String> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let Some((part, behind)) = rest.split_once('"') else {
            return Err("the name's closing double quote is missing".to_owned());
        };
        name.push_str(part);
        match behind.strip_prefix('"') {
            Some(behind) => {
                name.push('"');
                rest = behind;
            }
            None => return Ok((Cow::Owned(name), behind)),
        }
    }
}
