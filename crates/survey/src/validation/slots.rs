//! The canonical answers under way: one slot a question, so that the order is the questionnaire's.

use std::ops::Range;

use super::{Checked, Refusal, Refused};
use crate::definition::{Page, Question};

/// What a question was answered with, if it was.
#[derive(Debug, Clone)]
enum Slot {
    Empty,
    /// Where the canonical answer stands in [`Slots::text`].
    Right(Range<usize>),
    Wrong(Refusal),
}

/// See the module.
pub(super) struct Slots<'p> {
    page: &'p Page,
    text: String,
    slots: Vec<Slot>,
    unknown: Vec<Refused>,
}

impl<'p> Slots<'p> {
    pub(super) fn new(page: &'p Page) -> Self {
        Self {
            page,
            text: String::with_capacity(128),
            slots: vec![Slot::Empty; page.questions.len()],
            unknown: vec![],
        }
    }

    /// Has `write` append the canonical answer to the question with this id.
    pub(super) fn put(
        &mut self,
        id: &str,
        write: impl FnOnce(&Question, &mut String) -> Result<(), Refusal>,
    ) {
        let Some(index) = self.page.questions.iter().position(|q| q.id == id) else {
            self.unknown.push(Refused::new(id, Refusal::UnknownQuestion));
            return;
        };
        let start = self.text.len();
        self.slots[index] = match write(&self.page.questions[index], &mut self.text) {
            Ok(()) => Slot::Right(start..self.text.len()),
            Err(reason) => {
                self.text.truncate(start);
                Slot::Wrong(reason)
            }
        };
    }

    pub(super) fn finish(self) -> Checked {
        let mut answers = String::with_capacity(self.text.len() + 16 * self.slots.len() + 2);
        let mut accepted = 0;
        let mut refused = vec![];
        answers.push('{');
        for (question, slot) in self.page.questions.iter().zip(self.slots) {
            let range = match slot {
                Slot::Empty => continue,
                Slot::Wrong(reason) => {
                    refused.push(Refused::new(&question.id, reason));
                    continue;
                }
                Slot::Right(range) => range,
            };
            if accepted > 0 {
                answers.push(',');
            }
            accepted += 1;
            answers.push('"');
            answers.push_str(&question.id);
            answers.push_str("\":");
            answers.push_str(&self.text[range]);
        }
        answers.push('}');
        refused.extend(self.unknown);
        Checked {
            answers,
            accepted,
            refused,
        }
    }
}
