//! `docs/questionnaire.md` says what is so.

use canvass_survey::Refusal;
use canvass_survey::parse::{RESERVED_PAGES, RESERVED_QUESTIONS, read};

const DOCUMENT: &str = include_str!("../../../../docs/questionnaire.md");

#[test]
fn the_examples_are_questionnaires_without_a_warning() {
    let examples: Vec<&str> = DOCUMENT
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect();
    assert_eq!(examples.len(), 3);
    for example in examples {
        let reading = read(example);
        assert_eq!(reading.problems, [], "{example}");
    }
}

#[test]
fn every_reserved_id_and_every_reason_is_named() {
    for id in RESERVED_QUESTIONS.iter().chain(&RESERVED_PAGES) {
        assert!(DOCUMENT.contains(&format!("`{id}`")), "{id}");
    }
    for refusal in Refusal::ALL {
        assert!(
            DOCUMENT.contains(&format!("| `{}` |", refusal.as_str())),
            "{refusal:?}"
        );
    }
}
