//! The questionnaires in `surveys/`, and that of the statewide rehearsal.

use canvass_survey::parse::{Reading, read};
use canvass_survey::{Item, Kind, Questionnaire};

const DEMONSTRATION: &str = include_str!("../../../../surveys/student-climate.yaml");
const SMALL: &str = include_str!("../../../../surveys/small.yaml");
const STATEWIDE: &str = include_str!("../../../../rehearsals/statewide.yaml");

fn without_a_problem(source: &str) -> Questionnaire {
    let Reading {
        questionnaire,
        problems,
    } = read(source);
    assert_eq!(problems, []);
    questionnaire.expect("no problem, so a questionnaire")
}

#[test]
fn the_demonstration_is_thirty_pages_of_four_to_six_questions() {
    let survey = without_a_problem(DEMONSTRATION);
    assert_eq!(survey.survey, "student-climate");
    assert_eq!(survey.languages, ["en", "es"]);
    assert_eq!(survey.pages.len(), 30);
    for page in &survey.pages {
        assert!((4..=6).contains(&page.questions.len()), "page {}", page.id);
    }
}

#[test]
fn the_demonstration_asks_mostly_single_choices_and_something_of_every_kind() {
    let survey = without_a_problem(DEMONSTRATION);
    let count = |what: fn(&Kind) -> bool| survey.questions().filter(|q| what(&q.kind)).count();
    let all = survey.questions().count();
    assert!(count(|k| matches!(k, Kind::Single { .. })) * 4 > all * 3);
    assert!(count(|k| matches!(k, Kind::Multiple { .. })) >= 5);
    assert!(count(|k| matches!(k, Kind::Number { .. })) >= 3);
    assert!(count(|k| matches!(k, Kind::Text { long: false, .. })) >= 2);
    assert!(count(|k| matches!(k, Kind::Text { long: true, .. })) >= 3);
    let required = survey.questions().filter(|q| q.required).count();
    assert!((3..=5).contains(&required), "{required} required");
}

#[test]
fn the_demonstration_has_five_themes_of_six_pages_and_ids_of_eight_characters() {
    let survey = without_a_problem(DEMONSTRATION);
    for (pages, theme) in survey
        .pages
        .chunks(6)
        .zip(["care", "work", "team", "lead", "home"])
    {
        for question in pages.iter().flat_map(|page| &page.questions) {
            assert_eq!(question.id.len(), 8, "{}", question.id);
            assert!(question.id.starts_with(theme), "{}", question.id);
        }
    }
}

#[test]
fn the_small_example_has_everything_a_questionnaire_can_have() {
    let survey = without_a_problem(SMALL);
    assert_eq!(survey.pages.len(), 3);
    let kinds: Vec<&str> = survey
        .questions()
        .map(|q| match q.kind {
            Kind::Single { .. } => "single",
            Kind::Multiple { .. } => "multiple",
            Kind::Number { .. } => "number",
            Kind::Text { long: false, .. } => "short",
            Kind::Text { long: true, .. } => "long",
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "single", "multiple", "number", "single", "single", "single", "short", "long"
        ]
    );
    let items = || survey.pages.iter().flat_map(|page| &page.items);
    assert!(items().any(|item| matches!(item, Item::Section(_))));
    assert!(items().any(|item| matches!(item, Item::Grid { rows, .. } if rows == &[0, 1, 2])));
    assert_eq!(survey.introduction.get(0).lines().count(), 3);
    assert_eq!(survey.thanks.get(1), "¡Gracias! Tus respuestas están guardadas.");
    let page = survey.page("school").expect("a page of the example");
    assert!(page.questions[0].required);
    assert!(!page.questions[1].required);
}

#[test]
fn any_page_of_the_statewide_rehearsal_is_answered_by_one_line_of_its_scenario() {
    let survey = without_a_problem(STATEWIDE);
    assert_eq!(survey.pages.len(), 30);
    for (n, page) in survey.pages.iter().enumerate() {
        let n = n + 1;
        assert_eq!(page.id, format!("p{n}"));
        let ids: Vec<&str> = page.questions.iter().map(|q| q.id.as_str()).collect();
        assert_eq!(ids, [1, 2, 3, 4, 5].map(|i| format!("q{n}_{i}")));
        for question in &page.questions {
            let Kind::Single { choices } = &question.kind else {
                panic!("{} is no single choice", question.id);
            };
            let choices: Vec<&str> = choices.iter().map(|c| c.id.as_str()).collect();
            assert_eq!(choices, ["1", "2", "3", "4"], "{}", question.id);
        }
    }
}
