//! What is wrong in a questionnaire file, and where.

use std::fmt;

/// Problems kept; of more only their number is told.
const MAX_PROBLEMS: usize = 1_000;

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but this is probably not meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing wrong in a questionnaire file. Displays as `line:column: severity: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// 1-based line in the file.
    pub line: usize,
    /// 1-based column in the file, in characters.
    pub column: usize,
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// What is wrong and the way out.
    pub message: String,
}

impl Problem {
    pub(super) fn error(at: At, message: impl Into<String>) -> Self {
        Self {
            line: at.line,
            column: at.column,
            severity: Severity::Error,
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}: {}: {}",
            self.line, self.column, self.severity, self.message
        )
    }
}

/// A place in the file; line and column count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl At {
    /// The first character of the file.
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// The place behind this text, which begins the file.
    pub(super) fn end_of(text: &str) -> Self {
        let last = text.rsplit('\n').next().unwrap_or_default();
        Self {
            line: text.matches('\n').count() + 1,
            column: last.chars().count() + 1,
        }
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<Problem>,
    /// Problems beyond [`MAX_PROBLEMS`], and the last place among them.
    more: usize,
    last: Option<At>,
    errors: usize,
}

impl Problems {
    pub(super) fn error(&mut self, at: At, message: impl Into<String>) {
        self.errors += 1;
        self.push(at, Severity::Error, message.into());
    }

    pub(super) fn warn(&mut self, at: At, message: impl Into<String>) {
        self.push(at, Severity::Warning, message.into());
    }

    pub(super) fn any_error(&self) -> bool {
        self.errors > 0
    }

    fn push(&mut self, at: At, severity: Severity, message: String) {
        if self.found.len() < MAX_PROBLEMS {
            let problem = Problem {
                severity,
                ..Problem::error(at, message)
            };
            self.found.push(problem);
        } else {
            self.more += 1;
            self.last = self.last.max(Some(at));
        }
    }

    /// In the order of their places; problems of one place in the order in which they were found.
    pub(super) fn into_sorted(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|p| (p.line, p.column));
        if let Some(at) = self.last {
            let end = self.found.last().map_or(at, |p| At {
                line: p.line,
                column: p.column,
            });
            let message = format!("and {} more problems, not listed", self.more);
            self.found.push(Problem {
                severity: if self.errors > 0 {
                    Severity::Error
                } else {
                    Severity::Warning
                },
                ..Problem::error(at.max(end), message)
            });
        }
        self.found
    }
}
