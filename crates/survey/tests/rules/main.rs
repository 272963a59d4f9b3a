//! The rules of the questionnaire as specifications. One test binary, because linking is what tests cost.

#![allow(clippy::unwrap_used, reason = "a panic in a test is the failure's message")]

mod documentation;
mod fold;
mod json_schema;
mod mutations;
mod problems;
mod schema;
mod surveys;
mod validation;
mod validation_properties;
mod yaml;

use canvass_survey::{Page, Questionnaire, parse::parse};

/// One page with every kind of question.
fn every_kind() -> Questionnaire {
    parse(
        r#"
survey: every-kind
title: Every kind
languages: [en]
pages:
  - id: p1
    title: One
    items:
      - { type: single, id: one, text: One, required: true, choices: [ { id: a, text: A }, { id: b, text: B } ] }
      - { type: multiple, id: many, text: Many, choices: [ { id: a, text: A }, { id: b, text: B }, { id: c, text: C } ] }
      - { type: number, id: whole, text: Whole, min: -5, max: 1e12 }
      - { type: number, id: exact, text: Exact, decimals: 3 }
      - { type: short, id: short, text: Short, max_length: 10, required: true }
      - { type: long, id: long, text: Long }
"#,
    )
    .unwrap()
}

fn page(questionnaire: &Questionnaire) -> &Page {
    &questionnaire.pages[0]
}
