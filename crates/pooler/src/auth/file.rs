//! The files that say who may log in: how they are read, split into words, and complained about.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file that cannot be used. All of its problems are told at once.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{}: {cause}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// Lines of it are not understood.
    #[error("{}, {}", path.display(), Problems(problems))]
    Lines {
        /// The file.
        path: PathBuf,
        /// Line numbers, from 1, and what is wrong there.
        problems: Vec<(usize, String)>,
    },
}

struct Problems<'a>(&'a [(usize, String)]);

impl fmt::Display for Problems<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (line, problem)) in self.0.iter().enumerate() {
            let separator = if i == 0 { "" } else { "; " };
            write!(f, "{separator}line {line}: {problem}")?;
        }
        Ok(())
    }
}

impl FileError {
    /// The text of a file, which must be UTF-8.
    pub(super) fn read(path: &Path) -> Result<String, Self> {
        let unreadable = |cause| Self::Unreadable {
            path: path.to_owned(),
            cause,
        };
        std::fs::read_to_string(path).map_err(unreadable)
    }

    /// An error when there are problems.
    pub(super) fn unless_none(path: &Path, problems: Vec<(usize, String)>) -> Result<(), Self> {
        if problems.is_empty() {
            Ok(())
        } else {
            Err(Self::Lines {
                path: path.to_owned(),
                problems,
            })
        }
    }
}

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub text: String,
    /// It begins with a double quote, so that it is never a keyword.
    pub quoted: bool,
}

impl Token {
    /// True when this is a keyword.
    pub fn is(&self, keyword: &str) -> bool {
        !self.quoted && self.text == keyword
    }
}

/// The fields of a line; each is a list of words separated by commas.
pub(super) type Fields = Vec<Vec<Token>>;

/// The lines of a file in the format of `pg_hba.conf` that are not empty, with their numbers from 1: fields are
/// separated by blanks, `#` begins a comment, double quotes keep blanks, commas and keywords from their meaning, and a
/// comma at the end of a word continues its list.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, Result<Fields, String>)> + '_ {
    let numbered = text.lines().enumerate();
    numbered.filter_map(|(i, line)| match fields(line) {
        Ok(fields) if fields.is_empty() => None,
        fields => Some((i + 1, fields)),
    })
}

fn fields(line: &str) -> Result<Fields, String> {
    let mut fields: Fields = Vec::new();
    let mut continues = false;
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (token, after) = token(rest)?;
        match fields.last_mut().filter(|_| continues) {
            Some(list) => list.push(token),
            None => fields.push(vec![token]),
        }
        let comma = after.strip_prefix(',');
        continues = comma.is_some();
        rest = comma.unwrap_or(after).trim_start();
    }
    if continues {
        Err("the line ends with a comma".to_owned())
    } else {
        Ok(fields)
    }
}

/// One word, up to a blank, comma or comment.
fn token(text: &str) -> Result<(Token, &str), String> {
    let mut word = String::new();
    let mut inside = false;
    let mut end = text.len();
    for (at, c) in text.char_indices() {
        match c {
            '"' => inside = !inside,
            ',' | '#' if !inside => {
                end = at;
                break;
            }
            c if !inside && c.is_whitespace() => {
                end = at;
                break;
            }
            c => word.push(c),
        }
    }
    if inside {
        return Err("a double quote is never closed".to_owned());
    }
    if end == 0 {
        return Err("a comma without a word before it".to_owned());
    }
    let token = Token {
        text: word,
        quoted: text.starts_with('"'),
    };
    Ok((token, &text[end..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(line: &str) -> Vec<Vec<String>> {
        let fields = fields(line).unwrap();
        fields
            .into_iter()
            .map(|list| list.into_iter().map(|token| token.text).collect())
            .collect()
    }

    #[test]
    fn a_line_falls_into_fields_and_lists() {
        assert_eq!(
            words("  host a,b, c \"x y\",\"#,\"  map=\"m 1\"# comment"),
            [&["host"][..], &["a", "b", "c"], &["x y", "#,"], &["map=m 1"]]
        );
        assert_eq!(words("# nothing"), Vec::<Vec<String>>::new());
        assert_eq!(words(""), Vec::<Vec<String>>::new());
        assert_eq!(words("\"\""), [[""]]);
    }

    #[test]
    fn lines_keep_their_numbers() {
        let found: Vec<_> = lines("\n# x\na b\n\nc\n").map(|(number, _)| number).collect();
        assert_eq!(found, [3, 5]);
    }

    #[test]
    fn what_cannot_be_split_is_said() {
        assert_eq!(fields("a \"b").unwrap_err(), "a double quote is never closed");
        assert_eq!(fields("a ,b").unwrap_err(), "a comma without a word before it");
        assert_eq!(fields("a b,").unwrap_err(), "the line ends with a comma");
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(text in "(\\PC|[\"#, \n]){0,60}") {
            lines(&text).for_each(drop);
        }
    }
}
