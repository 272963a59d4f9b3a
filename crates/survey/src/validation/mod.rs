//! Turns what a respondent sent into answers that are right, or says why not. Every question is judged by
//! itself: a wrong answer never takes a right one with it.

mod number;
mod slots;
mod value;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::definition::{Page, Question, Questionnaire};
use slots::Slots;

/// Numbers beyond this are refused: a double still holds them with a decimal place to spare.
pub const GREATEST_NUMBER: f64 = 1e12;

/// Why an answer was refused. [`Refusal::as_str`] is part of the HTTP contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// No question of this page has this id.
    UnknownQuestion,
    /// Not the JSON type that this kind of question takes.
    WrongType,
    /// No choice of this question has this id.
    UnknownChoice,
    /// More characters than allowed.
    TooLong,
    /// Text holds U+0000 or is not Unicode.
    BadCharacter,
    /// What was typed is no number, or may be read as two: `1,000`.
    NotANumber,
    /// Below the least or above the greatest value allowed.
    OutOfRange,
    /// More digits behind the decimal point than allowed.
    TooManyDecimals,
}

impl Refusal {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::UnknownQuestion,
        Self::WrongType,
        Self::UnknownChoice,
        Self::TooLong,
        Self::BadCharacter,
        Self::NotANumber,
        Self::OutOfRange,
        Self::TooManyDecimals,
    ];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownQuestion => "unknown-question",
            Self::WrongType => "wrong-type",
            Self::UnknownChoice => "unknown-choice",
            Self::TooLong => "too-long",
            Self::BadCharacter => "bad-character",
            Self::NotANumber => "not-a-number",
            Self::OutOfRange => "out-of-range",
            Self::TooManyDecimals => "too-many-decimals",
        }
    }
}

/// One refused answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The question's id as it was sent, cut after 64 characters.
    pub question: String,
    /// Why.
    pub reason: Refusal,
}

impl Refused {
    fn new(question: &str, reason: Refusal) -> Self {
        Self {
            question: question.chars().take(64).collect(),
            reason,
        }
    }
}

/// What came of a page's answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Checked {
    /// Canonical JSON object of the answers that are right: see [`crate::Save::answers`].
    pub answers: String,
    /// How many answers are right.
    pub accepted: usize,
    /// The answers that are not: the page's questions in order, then the unknown.
    pub refused: Vec<Refused>,
}

/// Checks a page's answers from the API: `answers` holds each value as the JSON text that was sent. Of a
/// question sent twice the last counts, right or wrong.
pub fn check_json<'a>(
    page: &Page,
    answers: impl IntoIterator<Item = (Cow<'a, str>, &'a RawValue)>,
) -> Checked {
    let mut slots = Slots::new(page);
    for (id, raw) in answers {
        slots.put(&id, |question, out| value::from_json(question, raw.get(), out));
    }
    slots.finish()
}

/// Checks a page's answers from a form: what was typed or chosen for each question id; empty text and no value
/// clear the answer.
pub fn check_form<'a>(page: &Page, fields: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Checked {
    let mut slots = Slots::new(page);
    for (id, values) in fields {
        slots.put(id, |question, out| value::from_form(question, values, out));
    }
    slots.finish()
}

/// The required questions of a page that have no answer, in order.
pub fn missing_on<'p>(page: &'p Page, answers: &BTreeMap<String, Value>) -> Vec<&'p Question> {
    page.questions
        .iter()
        .filter(|q| q.required && answers.get(&q.id).is_none_or(Value::is_null))
        .collect()
}

/// Every required question without an answer, in order: what submission still asks for.
pub fn missing<'q>(questionnaire: &'q Questionnaire, answers: &BTreeMap<String, Value>) -> Vec<&'q Question> {
    questionnaire
        .pages
        .iter()
        .flat_map(|page| missing_on(page, answers))
        .collect()
}
