//! What YAML itself objects to, in words that help.

use saphyr_parser::ScanError;

use super::problem::At;

/// Hints for the errors that authors meet: part of YAML's message, and the way out.
const HINTS: [(&str, &str); 10] = [
    (
        "mapping values are not allowed",
        "a text that holds \": \" needs quotes, and keys of one thing start in one column",
    ),
    ("unknown anchor", "a text that starts with * needs quotes"),
    (
        "unexpected character",
        "a text that starts with this character needs quotes",
    ),
    (
        "unknown escape",
        "between double quotes write \\ as \\\\, or use single quotes",
    ),
    (
        "quoted scalar",
        "is a closing quote missing, or a quote inside the text?",
    ),
    ("expected ',' or", "is a comma or a closing bracket missing?"),
    ("recursion limit", "nested too deeply"),
    (
        "expected key",
        "keys of one thing start in one column; a text that starts with [ or { needs quotes",
    ),
    (
        "expected '-'",
        "the dashes of a list, and the keys of one thing, start in one column",
    ),
    ("simple key", "is there a colon and a space behind the key?"),
];

/// A YAML error in words that help, and its place: a tab in the indentation is named where it stands.
pub(super) fn explain(body: &str, error: &ScanError) -> (At, String) {
    let marker = error.marker();
    let at = At {
        line: marker.line().max(1),
        column: marker.col() + 1,
    };
    if let Some(tab) = tab_in_indentation(body, at.line) {
        return (tab, "a tab indents this line, YAML wants spaces".to_owned());
    }
    let info = error.info();
    let hint = HINTS
        .iter()
        .find(|(part, _)| info.contains(part))
        .map_or_else(String::new, |(_, hint)| format!(" ({hint})"));
    (at, format!("not valid YAML: {info}{hint}"))
}

/// The first tab within the indentation of this line or its neighbours, where YAML may place the error.
fn tab_in_indentation(body: &str, line: usize) -> Option<At> {
    let first = line.saturating_sub(2);
    body.lines()
        .enumerate()
        .skip(first)
        .take(3)
        .find_map(|(index, text)| {
            let indentation = text.find(|c| c != ' ')?;
            text[indentation..].starts_with('\t').then_some(At {
                line: index + 1,
                column: indentation + 1,
            })
        })
}

/// The column of a `#` behind a value that ends at `from` (characters), when a word follows it without a space,
/// as a comment's rarely does.
pub(super) fn comment_without_space(line: &str, from: usize) -> Option<usize> {
    // On one endless line a look from its start for every value would take the square of its length.
    if line.len() > 2_000 {
        return None;
    }
    let mut rest = line.chars().enumerate().skip(from).skip_while(|(_, c)| *c == ' ');
    let (column, hash) = rest.next()?;
    let (_, next) = rest.next()?;
    (hash == '#' && next.is_alphanumeric()).then_some(column + 1)
}
