//! A questionnaire in one language as one immutable JSON document: for API clients in parts, for the page's
//! script also as HTML from the same templates as the server's pages, without answers.

use std::collections::BTreeMap;

use canvass_survey::{Choice, Item, Kind, Page, Question, Questionnaire};
use serde_json::{Value, json};

use super::pages::{self, Edition, Shown, Ticket};

/// The document of `GET /api/v1/questionnaire/{version}/{language}`.
pub fn document(questionnaire: &Questionnaire, language: usize) -> String {
    let edition = Edition {
        questionnaire,
        language,
    };
    let text = |t: &canvass_survey::Text| t.get(language).to_owned();
    let none = BTreeMap::new();
    let ticket = Ticket::default();
    let page = |(index, page): (usize, &Page)| {
        json!({
            "id": page.id,
            "title": text(&page.title),
            "document_title": pages::page_title(edition, index, false),
            "items": page.items.iter().map(|item| item_json(page, item, language)).collect::<Vec<_>>(),
            "html": pages::page_main(edition, index, &none, &ticket, &Shown::default()),
        })
    };
    json!({
        "survey": questionnaire.survey,
        "version": questionnaire.version,
        "language": edition.tag(),
        "languages": questionnaire.languages,
        "title": text(&questionnaire.title),
        "introduction": text(&questionnaire.introduction),
        "thanks": text(&questionnaire.thanks),
        "pages": questionnaire.pages.iter().enumerate().map(page).collect::<Vec<_>>(),
        "review": pages::review_main(edition, &none, &ticket, false),
        "done": pages::done_main(edition),
    })
    .to_string()
}

fn item_json(page: &Page, item: &Item, language: usize) -> Value {
    match item {
        Item::Section(text) => json!({"section": text.get(language)}),
        Item::Question(index) => question_json(&page.questions[*index], language),
        Item::Grid {
            text,
            hint,
            rows,
            choices,
        } => json!({"grid": {
            "text": text.get(language),
            "hint": hint.get(language),
            "choices": choices_json(choices, language),
            "rows": rows.iter().map(|index| {
                let q = &page.questions[*index];
                json!({"id": q.id, "text": q.text.get(language), "required": q.required})
            }).collect::<Vec<_>>(),
        }}),
    }
}

fn question_json(q: &Question, language: usize) -> Value {
    let kind = match &q.kind {
        Kind::Single { choices } => json!({"single": {"choices": choices_json(choices, language)}}),
        Kind::Multiple { choices } => json!({"multiple": {"choices": choices_json(choices, language)}}),
        Kind::Number { min, max, decimals } => {
            json!({"number": {"min": min, "max": max, "decimals": decimals}})
        }
        Kind::Text { long, max_length } => json!({"text": {"long": long, "max_length": max_length}}),
    };
    json!({"question": {
        "id": q.id,
        "text": q.text.get(language),
        "hint": q.hint.get(language),
        "required": q.required,
        "kind": kind,
    }})
}

fn choices_json(choices: &[Choice], language: usize) -> Vec<Value> {
    choices
        .iter()
        .map(|c| json!({"id": c.id, "text": c.text.get(language)}))
        .collect()
}
