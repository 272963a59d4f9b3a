//! Names that must differ: pages, questions, and the columns of the export.

use std::collections::HashMap;

use super::problem::{At, Problems};
use crate::definition::{Kind, Question};

/// Question ids that are fields of the page's form or columns of every export.
pub const RESERVED_QUESTIONS: [&str; 11] = [
    "token",
    "stamp",
    "was",
    "action",
    "page",
    "language",
    "response_id",
    "unit",
    "started_at",
    "submitted_at",
    "late_saves",
];

/// Page ids that are addresses of the respondent's way: `/take/submit`.
pub const RESERVED_PAGES: [&str; 1] = ["submit"];

/// The names used so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    pages: HashMap<String, usize>,
    questions: HashMap<String, usize>,
    /// Column to its line and what it holds.
    columns: HashMap<String, (usize, String)>,
}

impl Names {
    /// Notes a page's id.
    pub(super) fn page(&mut self, at: At, id: &str, problems: &mut Problems) {
        if RESERVED_PAGES.contains(&id) {
            problems.error(at, format!("page id {id:?} is reserved, choose another"));
        }
        if let Some(line) = self.pages.get(id) {
            problems.error(at, format!("page id {id:?} is used twice, first in line {line}"));
        } else {
            self.pages.insert(id.to_owned(), at.line);
        }
    }

    /// Notes a question's id and its columns; `at` is where the id stands.
    pub(super) fn question(&mut self, at: At, question: &Question, problems: &mut Problems) {
        let id = &question.id;
        if RESERVED_QUESTIONS.contains(&id.as_str()) {
            problems.error(at, format!("question id {id:?} is reserved, choose another"));
            return;
        }
        if let Some(line) = self.questions.get(id) {
            problems.error(
                at,
                format!("question id {id:?} is used twice, first in line {line}"),
            );
            return;
        }
        self.questions.insert(id.clone(), at.line);
        if let Kind::Multiple { choices } = &question.kind {
            for choice in choices {
                let holds = format!("choice {:?} of question {id:?}", choice.id);
                self.column(at, format!("{id}_{}", choice.id), holds, problems);
            }
        } else {
            self.column(at, id.clone(), format!("question {id:?}"), problems);
        }
    }

    fn column(&mut self, at: At, column: String, holds: String, problems: &mut Problems) {
        if RESERVED_QUESTIONS.contains(&column.as_str()) {
            let message = format!("{holds} would be column {column:?} of the export, which is reserved");
            problems.error(at, message);
        } else if let Some((line, other)) = self.columns.get(&column) {
            let message = format!(
                "{holds} would be column {column:?} of the export, and so would {other} of line {line}"
            );
            problems.error(at, message);
        } else {
            self.columns.insert(column, (at.line, holds));
        }
    }
}
