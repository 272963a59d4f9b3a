//! Files that somebody's editor, or somebody's malice, has changed: read without a panic, always the same way.

use canvass_survey::parse::{decode, parse, read};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const SMALL: &str = include_str!("../../../../surveys/small.yaml");
const BAD: &str = include_str!("../files/bad.yaml");

/// Pieces that mean something to YAML or to the format.
const PIECES: [&str; 40] = [
    "\n",
    " ",
    "  ",
    "\t",
    ":",
    ": ",
    "- ",
    "? ",
    "#",
    " #",
    ",",
    "[",
    "]",
    "{",
    "}",
    "&a ",
    "*a",
    "!t ",
    "!!str ",
    "|",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "\\",
    "\\0",
    "%YAML 1.2\n",
    "---\n",
    "...\n",
    "@",
    "`",
    "~",
    "null",
    "true",
    "1e999",
    "-0",
    "\u{feff}",
    "\u{2028}",
    "é",
    "\r\n",
];

#[derive(Debug, Clone)]
pub(crate) enum Change {
    Insert(Index, &'static str),
    Delete(Index, usize),
    Copy(Index, usize, Index),
    Swap(Index, Index),
    Any(Index, String),
}

/// One change of a text.
pub(crate) fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), select(PIECES.as_slice())).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), 1..80_usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (any::<Index>(), 1..400_usize, any::<Index>())
            .prop_map(|(from, length, to)| Change::Copy(from, length, to)),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Change::Swap(a, b)),
        (any::<Index>(), any::<String>()).prop_map(|(at, text)| Change::Any(at, text)),
    ]
}

/// The text with these changes.
pub(crate) fn changed(source: &str, changes: &[Change]) -> String {
    let mut chars: Vec<char> = source.chars().collect();
    for change in changes {
        let place = |index: &Index, chars: &[char]| index.index(chars.len() + 1);
        match change {
            Change::Insert(at, piece) => {
                let at = place(at, &chars);
                chars.splice(at..at, piece.chars());
            }
            Change::Any(at, text) => {
                let at = place(at, &chars);
                chars.splice(at..at, text.chars());
            }
            Change::Delete(at, length) => {
                let at = place(at, &chars);
                let end = (at + length).min(chars.len());
                chars.drain(at..end);
            }
            Change::Copy(from, length, to) => {
                let from = place(from, &chars);
                let piece = chars[from..(from + length).min(chars.len())].to_vec();
                let to = place(to, &chars);
                chars.splice(to..to, piece);
            }
            Change::Swap(a, b) => {
                let mut lines: Vec<String> = chars
                    .iter()
                    .collect::<String>()
                    .lines()
                    .map(str::to_owned)
                    .collect();
                if !lines.is_empty() {
                    let (a, b) = (a.index(lines.len()), b.index(lines.len()));
                    lines.swap(a, b);
                }
                chars = lines.join("\n").chars().collect();
            }
        }
    }
    chars.into_iter().collect()
}

fn read_well(source: &str) -> Result<(), TestCaseError> {
    let reading = read(source);
    let lines = source.lines().count().max(1) + 1;
    for problem in &reading.problems {
        prop_assert!(
            (1..=lines).contains(&problem.line),
            "{} of {} lines",
            problem,
            lines
        );
        prop_assert!(problem.column >= 1);
        prop_assert!(!problem.message.contains('\n'), "{}", problem);
        prop_assert!(!problem.message.contains('\0'), "{}", problem);
    }
    prop_assert_eq!(&read(source).problems, &reading.problems);
    match parse(source) {
        Ok(questionnaire) => {
            prop_assert!(questionnaire.questions().count() > 0);
            prop_assert!(questionnaire.pages.iter().all(|page| !page.title.is_empty()));
        }
        Err(errors) => prop_assert!(!errors.is_empty()),
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_good_file_with_some_changes(changes in proptest::collection::vec(change(), 1..6)) {
        read_well(&changed(SMALL, &changes))?;
    }

    #[test]
    fn a_bad_file_with_some_changes(changes in proptest::collection::vec(change(), 1..6)) {
        read_well(&changed(BAD, &changes))?;
    }

    #[test]
    fn any_text(source in any::<String>()) {
        read_well(&source)?;
    }

    #[test]
    fn any_pieces(pieces in proptest::collection::vec(select(PIECES.as_slice()), 0..40)) {
        read_well(&pieces.concat())?;
    }

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Err(problem) = decode(&bytes) {
            prop_assert!(problem.line >= 1 && problem.column >= 1);
        }
    }
}
