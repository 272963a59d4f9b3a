//! A response's answers out of its saves: pure, and the same whatever their order, repetition and grouping.
//!
//! An answer's value is the one with the greatest (stamp, digest). Left out, and counted, is what was stamped
//! after the wave's closing or after a submission that was not reopened.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// A save as it stands in the database.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredSave {
    /// Microseconds since the Unix epoch.
    pub stamp: i64,
    /// See [`crate::save::digest`].
    pub digest: i64,
    /// The page's id.
    pub page: String,
    /// The language in which the page was answered, if it was told.
    pub language: Option<String>,
    /// {question: value}; null for a cleared answer.
    pub answers: Map<String, Value>,
}

/// What a row of the wave's `submission` table says. The order decides between two of one stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubmissionKind {
    /// The respondent said that they are done.
    Submitted,
    /// The response may be changed again.
    Reopened,
}

impl SubmissionKind {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Reopened => "reopened",
        }
    }

    /// Reads the word in the database.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Submitted, Self::Reopened]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// One row of the wave's `submission` table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubmissionEvent {
    /// Microseconds since the Unix epoch.
    pub stamp: i64,
    /// What happened.
    pub kind: SubmissionKind,
}

/// Which moments of a response count.
#[derive(Debug, Clone, Default)]
pub struct Window {
    closes: Option<i64>,
    events: BTreeSet<SubmissionEvent>,
    /// Of all submissions, those after closing included.
    greatest_stamp: i64,
}

impl Window {
    /// From the wave's closing (µs since the Unix epoch) and the response's submissions in any order.
    pub fn new(closes: Option<i64>, events: impl IntoIterator<Item = SubmissionEvent>) -> Self {
        let mut window = Self {
            closes,
            ..Self::default()
        };
        for event in events {
            window.greatest_stamp = window.greatest_stamp.max(event.stamp);
            if closes.is_none_or(|closes| event.stamp <= closes) {
                window.events.insert(event);
            }
        }
        window
    }

    /// Whether a save of this stamp counts.
    pub fn counts(&self, stamp: i64) -> bool {
        let before = SubmissionEvent {
            stamp,
            kind: SubmissionKind::Submitted,
        };
        self.closes.is_none_or(|closes| stamp <= closes)
            && self
                .events
                .range(..before)
                .next_back()
                .is_none_or(|e| e.kind == SubmissionKind::Reopened)
    }

    /// When the response was submitted: the first submission since it was last reopened.
    pub fn submitted_at(&self) -> Option<i64> {
        self.events
            .iter()
            .rev()
            .take_while(|e| e.kind == SubmissionKind::Submitted)
            .last()
            .map(|e| e.stamp)
    }
}

/// One answer with what decides between it and another.
type Cell = (i64, i64, Value);

/// A fold under way. Add saves in any order; folds of parts can be merged.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    window: Window,
    cells: BTreeMap<String, Cell>,
    pages: BTreeSet<String>,
    language: Option<(i64, i64, String)>,
    left_out: BTreeSet<(i64, i64)>,
    greatest_stamp: i64,
}

impl Fold {
    /// A fold of no saves.
    pub fn new(window: Window) -> Self {
        Self {
            greatest_stamp: window.greatest_stamp,
            window,
            ..Self::default()
        }
    }

    /// Takes one save in.
    pub fn add(&mut self, save: StoredSave) {
        self.greatest_stamp = self.greatest_stamp.max(save.stamp);
        if !self.window.counts(save.stamp) {
            self.left_out.insert((save.stamp, save.digest));
            return;
        }
        for (question, value) in save.answers {
            self.put(question, (save.stamp, save.digest, value));
        }
        if let Some(language) = save.language {
            self.language = self
                .language
                .take()
                .max(Some((save.stamp, save.digest, language)));
        }
        self.pages.insert(save.page);
    }

    /// Takes in what another fold of the same response has.
    pub fn merge(&mut self, other: Self) {
        for (question, cell) in other.cells {
            self.put(question, cell);
        }
        self.pages.extend(other.pages);
        self.left_out.extend(other.left_out);
        self.language = self.language.take().max(other.language);
        self.greatest_stamp = self.greatest_stamp.max(other.greatest_stamp);
    }

    fn put(&mut self, question: String, cell: Cell) {
        match self.cells.get_mut(&question) {
            Some(held) if (held.0, held.1) >= (cell.0, cell.1) => {}
            Some(held) => *held = cell,
            None => {
                self.cells.insert(question, cell);
            }
        }
    }

    /// The response as it stands.
    pub fn finish(self) -> Folded {
        let answers = self.cells.into_iter().filter(|(_, cell)| !cell.2.is_null());
        Folded {
            answers: answers.map(|(question, cell)| (question, cell.2)).collect(),
            pages: self.pages,
            language: self.language.map(|(_, _, language)| language),
            greatest_stamp: self.greatest_stamp,
            left_out: self.left_out.len(),
            submitted_at: self.window.submitted_at(),
        }
    }
}

/// A response as it stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Folded {
    /// {question: value}; a question without an answer is absent.
    pub answers: BTreeMap<String, Value>,
    /// Ids of the pages that were saved at least once.
    pub pages: BTreeSet<String>,
    /// The language of the newest save that tells one.
    pub language: Option<String>,
    /// The greatest stamp of anything in this response, left out or not; 0 when there is nothing.
    pub greatest_stamp: i64,
    /// How many saves were left out: stamped after closing or after submission.
    pub left_out: usize,
    /// When the response was submitted, in µs since the Unix epoch.
    pub submitted_at: Option<i64>,
}

/// The response as it stands, from its saves and submissions in any order; `closes` in µs since the Unix epoch.
pub fn fold(
    saves: impl IntoIterator<Item = StoredSave>,
    submissions: impl IntoIterator<Item = SubmissionEvent>,
    closes: Option<i64>,
) -> Folded {
    let mut fold = Fold::new(Window::new(closes, submissions));
    for save in saves {
        fold.add(save);
    }
    fold.finish()
}
