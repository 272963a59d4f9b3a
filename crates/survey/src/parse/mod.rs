//! Reads a questionnaire from YAML: `docs/questionnaire.md` describes the format.
//!
//! Everything wrong is found in one pass, with line and column. The flow is [`read`]: the text becomes a tree
//! of nodes that know their place (`node`), the tree becomes a questionnaire (`reader`), and every part of
//! the format has a file of its own. What is wrong is noted in `Problems` and reading goes on with a
//! stand-in, so that one mistake never hides the next.

mod choices;
mod fields;
mod ids;
mod names;
mod node;
mod number;
mod page;
mod problem;
mod question;
mod reader;
mod syntax;
mod text;

use crate::definition::Questionnaire;
use problem::{At, Problems};

pub use names::{RESERVED_PAGES, RESERVED_QUESTIONS};
pub use problem::{Problem, Severity};

/// Largest file read, in bytes.
pub const MAX_BYTES: usize = 4 << 20;
/// Most bytes of text once every choice list is written out at every question that uses it and every text in
/// every language. A small file that names one long list a thousand times stays small in memory.
pub const MAX_EXPANDED_BYTES: usize = 32 << 20;
/// Most pages in a questionnaire.
pub const MAX_PAGES: usize = 500;
/// Most questions on a page, grid rows included.
pub const MAX_QUESTIONS_PER_PAGE: usize = 200;
/// Most choices in a list.
pub const MAX_CHOICES: usize = 500;
/// Most languages.
pub const MAX_LANGUAGES: usize = 50;

/// What came of reading a questionnaire.
#[derive(Debug, Clone)]
pub struct Reading {
    /// The questionnaire; `None` when a problem is an error.
    pub questionnaire: Option<Questionnaire>,
    /// Errors and warnings in the order of their places in the file.
    pub problems: Vec<Problem>,
}

/// Reads a questionnaire.
///
/// # Errors
/// Every error of the file, in the order of its lines; never empty. Warnings are left out: see [`read`].
pub fn parse(source: &str) -> Result<Questionnaire, Vec<Problem>> {
    let mut reading = read(source);
    reading.questionnaire.take().ok_or_else(|| {
        reading.problems.retain(|p| p.severity == Severity::Error);
        reading.problems
    })
}

/// Reads a questionnaire and says everything that is wrong or doubtful about it.
pub fn read(source: &str) -> Reading {
    let mut problems = Problems::default();
    let questionnaire = node::tree(source, &mut problems)
        .and_then(|root| reader::questionnaire(root, source, &mut problems))
        .filter(|_| !problems.any_error());
    let problems = problems.into_sorted();
    Reading {
        questionnaire,
        problems,
    }
}

/// The text of a questionnaire file: UTF-8, at most [`MAX_BYTES`].
///
/// # Errors
/// The one [`Problem`] of a file that is too large or not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, Problem> {
    if bytes.len() > MAX_BYTES {
        return Err(node::too_large());
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Problem::error(At::START, "the file is UTF-16, save it as UTF-8"));
    }
    str::from_utf8(bytes).map_err(|e| {
        let (good, rest) = bytes.split_at(e.valid_up_to());
        let at = At::end_of(str::from_utf8(good).unwrap_or_default());
        let byte = rest.first().copied().unwrap_or_default();
        Problem::error(
            at,
            format!("byte 0x{byte:02x} is not UTF-8, save the file as UTF-8"),
        )
    })
}
