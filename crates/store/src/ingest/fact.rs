//! What the write path writes.

use canvass_survey::{Save, Stamp};

use crate::{ResponseId, WaveId};

/// Something that happened to one response; one row.
#[derive(Debug)]
pub struct Fact {
    /// Names the schema.
    pub wave: WaveId,
    /// Whose.
    pub response: ResponseId,
    /// What happened.
    pub what: What,
}

/// What happened; names the table.
#[derive(Debug)]
pub enum What {
    /// A row of `response`.
    Start {
        /// `roster.unit` of the respondent.
        unit: Option<i32>,
        /// The language at entry.
        language: Option<String>,
    },
    /// A row of `save`.
    Save {
        /// The page's changed answers.
        save: Save,
        /// The language in which the page was answered.
        language: Option<String>,
    },
    /// A row of `submission`.
    Submission {
        /// When, in the respondent's order of things.
        stamp: Stamp,
    },
}

/// The tables of a wave in the order in which a batch writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Table {
    Response,
    Save,
    Submission,
}

impl Fact {
    pub(super) fn table(&self) -> Table {
        match self.what {
            What::Start { .. } => Table::Response,
            What::Save { .. } => Table::Save,
            What::Submission { .. } => Table::Submission,
        }
    }

    /// The order of writing: two writers with the same rows meet them in the same order, so that neither waits for
    /// the other in a circle; and neighbours in the index are written together.
    pub(super) fn order(&self) -> (WaveId, Table, ResponseId, i64, i64) {
        let (stamp, digest) = match &self.what {
            What::Start { .. } => (0, 0),
            What::Save { save, .. } => (save.stamp.micros(), save.digest),
            What::Submission { stamp } => (stamp.micros(), 0),
        };
        (self.wave, self.table(), self.response, stamp, digest)
    }

    /// What it weighs in queue and batch: its answers and a flat charge for the rest.
    pub(super) fn bytes(&self) -> usize {
        128 + match &self.what {
            What::Save { save, .. } => save.answers.len() + save.page.len(),
            What::Start { .. } | What::Submission { .. } => 0,
        }
    }
}
