//! What a page shows, worked out from the questionnaire and the answers: plain data for the templates, without
//! HTML and without IO.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use canvass_survey::{Item, Kind, Page, Question, Questionnaire, Refusal};
use serde_json::Value;

use super::strings::{self, Strings};

/// What was typed or chosen: the form's values for each question id.
pub(crate) type Typed = HashMap<String, Vec<String>>;

/// One message beside a question and in the summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The question's id.
    pub(crate) question: String,
    /// What is asked, for the summary.
    pub(crate) text: String,
    /// What to do, without the full stop in the summary.
    pub(crate) words: String,
}

/// One thing on a page.
pub(crate) enum ItemView<'q> {
    /// Paragraphs between questions.
    Section(Vec<&'q str>),
    Question(QuestionView<'q>),
    Grid(GridView<'q>),
}

/// One question with its answer.
pub(crate) struct QuestionView<'q> {
    pub(crate) id: &'q str,
    pub(crate) text: &'q str,
    pub(crate) hint: &'q str,
    pub(crate) required: bool,
    /// What is wrong with the answer; empty for nothing.
    pub(crate) error: &'q str,
    pub(crate) field: FieldView<'q>,
}

/// How a question is answered, and what the answer is.
pub(crate) enum FieldView<'q> {
    Choices {
        multiple: bool,
        choices: Vec<ChoiceView<'q>>,
    },
    Number {
        value: String,
        decimals: u8,
        min: Option<f64>,
        max: Option<f64>,
    },
    Text {
        value: String,
        long: bool,
        max_length: usize,
    },
}

/// One choice.
pub(crate) struct ChoiceView<'q> {
    pub(crate) id: &'q str,
    pub(crate) text: &'q str,
    pub(crate) checked: bool,
}

/// A Likert grid.
pub(crate) struct GridView<'q> {
    pub(crate) text: &'q str,
    pub(crate) hint: &'q str,
    pub(crate) columns: Vec<&'q str>,
    pub(crate) rows: Vec<QuestionView<'q>>,
}

impl QuestionView<'_> {
    /// The word for the script.
    pub(crate) fn kind(&self) -> &'static str {
        match self.field {
            FieldView::Choices { multiple: false, .. } => "single",
            FieldView::Choices { multiple: true, .. } => "multiple",
            FieldView::Number { .. } => "number",
            FieldView::Text { .. } => "text",
        }
    }

    /// A number that cannot be negative: phones then show digits only.
    pub(crate) fn no_negative(&self) -> bool {
        matches!(self.field, FieldView::Number { min: Some(min), .. } if min >= 0.0)
    }
}

/// What stands on a page. Fields show what was typed, else what was answered.
pub(crate) fn items<'q>(
    page: &'q Page,
    language: usize,
    answers: &BTreeMap<String, Value>,
    typed: Option<&Typed>,
    problems: &'q [Problem],
) -> Vec<ItemView<'q>> {
    let question = |index: usize| {
        let q = &page.questions[index];
        let values = match typed.and_then(|t| t.get(&q.id)) {
            Some(values) => values.clone(),
            None => answers.get(&q.id).map(values_of).unwrap_or_default(),
        };
        let error = problems.iter().find(|p| p.question == q.id);
        QuestionView {
            id: &q.id,
            text: q.text.get(language),
            hint: q.hint.get(language),
            required: q.required,
            error: error.map_or("", |p| &p.words),
            field: field(q, language, &values),
        }
    };
    let item = |item: &'q Item| match item {
        Item::Section(text) => ItemView::Section(paragraphs(text.get(language))),
        Item::Question(index) => ItemView::Question(question(*index)),
        Item::Grid {
            text,
            hint,
            rows,
            choices,
        } => ItemView::Grid(GridView {
            text: text.get(language),
            hint: hint.get(language),
            columns: choices.iter().map(|c| c.text.get(language)).collect(),
            rows: rows.iter().map(|index| question(*index)).collect(),
        }),
    };
    page.items.iter().map(item).collect()
}

fn field<'q>(question: &'q Question, language: usize, values: &[String]) -> FieldView<'q> {
    let first = || values.first().cloned().unwrap_or_default();
    match &question.kind {
        Kind::Single { choices } | Kind::Multiple { choices } => FieldView::Choices {
            multiple: matches!(question.kind, Kind::Multiple { .. }),
            choices: choices
                .iter()
                .map(|c| ChoiceView {
                    id: &c.id,
                    text: c.text.get(language),
                    checked: values.contains(&c.id),
                })
                .collect(),
        },
        Kind::Number { min, max, decimals } => FieldView::Number {
            value: first(),
            decimals: *decimals,
            min: *min,
            max: *max,
        },
        Kind::Text { long, max_length } => FieldView::Text {
            value: first(),
            long: *long,
            max_length: *max_length,
        },
    }
}

/// An answer as a form would send it.
pub(crate) fn values_of(answer: &Value) -> Vec<String> {
    match answer {
        Value::String(text) => vec![text.clone()],
        Value::Array(ids) => ids.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Number(number) => vec![number.to_string()],
        Value::Null | Value::Bool(_) | Value::Object(_) => vec![],
    }
}

/// A text's paragraphs: an empty line parts them.
pub(crate) fn paragraphs(text: &str) -> Vec<&str> {
    text.split("\n\n")
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .collect()
}

/// What to say about a refused answer.
pub(crate) fn refusal_words(question: &Question, reason: Refusal, s: &Strings) -> String {
    match (reason, &question.kind) {
        (Refusal::NotANumber, _) => s.error_number.to_owned(),
        (Refusal::OutOfRange, Kind::Number { min, max, .. }) => match (min, max) {
            (Some(min), Some(max)) => strings::fill(&strings::fill(s.error_range, "min", min), "max", max),
            (Some(min), None) => strings::fill(s.error_least, "min", min),
            (None, Some(max)) => strings::fill(s.error_most, "max", max),
            (None, None) => s.error_number.to_owned(),
        },
        (Refusal::TooManyDecimals, Kind::Number { decimals: 0, .. }) => s.error_whole.to_owned(),
        (Refusal::TooManyDecimals, Kind::Number { decimals, .. }) => {
            strings::fill(s.error_decimals, "n", decimals)
        }
        (Refusal::TooLong, Kind::Text { max_length, .. }) => strings::fill(s.error_long, "n", max_length),
        (Refusal::BadCharacter, _) => s.error_character.to_owned(),
        (Refusal::UnknownChoice, _) => s.error_choice.to_owned(),
        // What no form of ours sends: the nearest words.
        _ => s.error_choice.to_owned(),
    }
}

/// How far a page is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) answered: usize,
    pub(crate) questions: usize,
    /// Required questions without an answer.
    pub(crate) missing: usize,
}

/// How far a page is answered.
pub(crate) fn progress(page: &Page, answers: &BTreeMap<String, Value>) -> Progress {
    Progress {
        answered: page
            .questions
            .iter()
            .filter(|q| answers.contains_key(&q.id))
            .count(),
        questions: page.questions.len(),
        missing: canvass_survey::validation::missing_on(page, answers).len(),
    }
}

/// The index of the first page that was never saved; `None` when all were.
pub(crate) fn first_unsaved(questionnaire: &Questionnaire, saved: &BTreeSet<String>) -> Option<usize> {
    questionnaire.pages.iter().position(|p| !saved.contains(&p.id))
}
