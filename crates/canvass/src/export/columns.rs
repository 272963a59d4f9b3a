//! The columns of an export: what a respondent answered, and the codebook that says what a column means.

use std::io::Write;

use canvass_survey::{Folded, Kind, Page, Question, Questionnaire, Text};
use serde_json::Value;

use super::spreadsheet_safe;

/// Columns before the questions.
const FIXED: [(&str, &str); 6] = [
    (
        "response_id",
        "A random number for the response; says nothing about the person",
    ),
    ("unit", "The respondent's unit at the start"),
    (
        "language",
        "The language of the newest page, else that at the start",
    ),
    ("started_at", "When the code was first entered (UTC)"),
    (
        "submitted_at",
        "When the respondent sent the survey in (UTC); empty when not",
    ),
    (
        "late_saves",
        "Saves left out: stamped after closing or after submission",
    ),
];

/// A question was on a page that was saved, and has no answer.
const SKIPPED: &str = "-1";

/// The columns of a questionnaire's answers.
pub(super) struct Columns<'q> {
    questions: Vec<(&'q Page, &'q Question)>,
}

impl<'q> Columns<'q> {
    pub(super) fn of(questionnaire: &'q Questionnaire) -> Self {
        let questions = questionnaire
            .pages
            .iter()
            .flat_map(|page| page.questions.iter().map(move |q| (page, q)));
        Self {
            questions: questions.collect(),
        }
    }

    /// Every column's name: one a question, one a choice of a multiple choice question.
    pub(super) fn header(&self) -> Vec<String> {
        let fixed = FIXED.iter().map(|(name, _)| (*name).to_owned());
        fixed
            .chain(self.questions.iter().flat_map(|(_, question)| names(question)))
            .collect()
    }

    /// The answers' fields of one response.
    pub(super) fn write_answers(
        &self,
        out: &mut csv::Writer<impl Write>,
        folded: &Folded,
    ) -> csv::Result<()> {
        for (page, question) in &self.questions {
            let reached = folded.pages.contains(&page.id);
            match (folded.answers.get(&question.id), &question.kind) {
                (Some(answer), Kind::Multiple { choices }) => {
                    let chosen = answer.as_array().map_or(&[][..], Vec::as_slice);
                    for choice in choices {
                        let marked = chosen.iter().any(|c| c.as_str() == Some(&choice.id));
                        out.write_field(if marked { "1" } else { "0" })?;
                    }
                }
                (Some(Value::String(text)), Kind::Text { .. }) => {
                    out.write_field(spreadsheet_safe(text).as_bytes())?
                }
                (Some(Value::String(text)), _) => out.write_field(text)?,
                (Some(Value::Number(number)), _) => out.write_field(number.to_string())?,
                _ => {
                    for _ in names(question) {
                        out.write_field(if reached { SKIPPED } else { "" })?;
                    }
                }
            }
        }
        Ok(())
    }

    /// A row for each column: where it comes from, what it asks in every language, what its values mean.
    pub(super) fn write_codebook(
        &self,
        questionnaire: &Questionnaire,
        out: impl Write,
    ) -> anyhow::Result<()> {
        let mut out = csv::Writer::from_writer(out);
        let languages = &questionnaire.languages;
        let each = |prefix: &str| {
            languages
                .iter()
                .map(|l| format!("{prefix}_{l}"))
                .collect::<Vec<_>>()
        };
        let mut header = ["column", "question", "page", "type", "required"]
            .map(str::to_owned)
            .to_vec();
        header.extend(each("text"));
        header.extend(each("values"));
        out.write_record(&header)?;
        for (name, meaning) in FIXED {
            let mut row = vec![
                name.to_owned(),
                String::new(),
                String::new(),
                "fixed".into(),
                String::new(),
            ];
            row.extend(languages.iter().map(|_| meaning.to_owned()));
            row.extend(languages.iter().map(|_| String::new()));
            out.write_record(&row)?;
        }
        for (page, question) in &self.questions {
            for (n, name) in names(question).into_iter().enumerate() {
                let required = if question.required { "yes" } else { "no" };
                let mut row = vec![
                    name,
                    question.id.clone(),
                    page.id.clone(),
                    kind(&question.kind),
                    required.into(),
                ];
                row.extend(
                    (0..languages.len()).map(|l| spreadsheet_safe(&asked(page, question, l)).into_owned()),
                );
                row.extend(
                    (0..languages.len())
                        .map(|l| spreadsheet_safe(&values(&question.kind, n, l)).into_owned()),
                );
                out.write_record(&row)?;
            }
        }
        out.flush()?;
        Ok(())
    }
}

fn names(question: &Question) -> Vec<String> {
    match &question.kind {
        Kind::Multiple { choices } => choices
            .iter()
            .map(|c| format!("{}_{}", question.id, c.id))
            .collect(),
        Kind::Single { .. } | Kind::Number { .. } | Kind::Text { .. } => vec![question.id.clone()],
    }
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Single { .. } => "single",
        Kind::Multiple { .. } => "multiple",
        Kind::Number { .. } => "number",
        Kind::Text { long: true, .. } => "long",
        Kind::Text { long: false, .. } => "short",
    }
    .to_owned()
}

/// What was asked; for a grid's row with what its rows have in common in front.
fn asked(page: &Page, question: &Question, language: usize) -> String {
    let grid = page.items.iter().find_map(|item| match item {
        canvass_survey::Item::Grid { text, rows, .. } => rows
            .iter()
            .any(|row| page.questions[*row].id == question.id)
            .then_some(text),
        canvass_survey::Item::Section(_) | canvass_survey::Item::Question(_) => None,
    });
    let own = question.text.get(language);
    match grid
        .map(|text: &Text| text.get(language))
        .filter(|text| !text.is_empty())
    {
        Some(common) => format!("{common} {own}"),
        None => own.to_owned(),
    }
}

fn values(kind: &Kind, column: usize, language: usize) -> String {
    match kind {
        Kind::Single { choices } => {
            let all = choices
                .iter()
                .map(|c| format!("{} = {}", c.id, c.text.get(language)));
            format!("{}; -1 = skipped", all.collect::<Vec<_>>().join("; "))
        }
        Kind::Multiple { choices } => {
            let choice = choices.get(column).map_or("", |c| c.text.get(language));
            format!("1 = chosen: {choice}; 0 = not chosen; -1 = question skipped")
        }
        Kind::Number { min, max, .. } => {
            let bound = |b: &Option<f64>| b.map_or_else(|| "any".to_owned(), |b| b.to_string());
            format!("number from {} to {}; -1 = skipped", bound(min), bound(max))
        }
        Kind::Text { .. } => "text; -1 = skipped".to_owned(),
    }
}
