//! `docs/questionnaire.schema.json` and the reader agree.
//!
//! A schema cannot count ids or look up a choice list, so it accepts some files that the reader refuses; it
//! must never refuse a file that the reader accepts, or editors would mark what is right.

use canvass_survey::parse::parse;
use proptest::prelude::*;
use serde_json::Value;

use crate::json_schema::Schema;
use crate::mutations::{change, changed};
use crate::yaml::as_json;

const SCHEMA: &str = include_str!("../../../../docs/questionnaire.schema.json");
const DEMONSTRATION: &str = include_str!("../../../../surveys/student-climate.yaml");
const SMALL: &str = include_str!("../../../../surveys/small.yaml");

fn schema() -> Schema {
    let value: Value = serde_json::from_str(SCHEMA).unwrap();
    Schema::new(value)
}

/// A file with this part in place of a good one.
fn with(part: &str, instead: &str) -> String {
    assert!(GOOD.contains(part), "{part}");
    GOOD.replacen(part, instead, 1)
}

const GOOD: &str = r#"survey: a
title: A
languages: [en]
introduction: Welcome
choice_lists:
  yn: [ { id: y, text: "Yes" }, { id: n, text: "No" } ]
pages:
  - id: p1
    title: One
    items:
      - { type: section, text: Hello }
      - { type: single, id: s1, text: S, hint: H, required: true, choices: yn }
      - { type: multiple, id: m1, text: M, choices: [ { id: 1, text: 1 }, { id: b, text: true } ] }
      - { type: grid, text: G, choices: yn, required: true, rows: [ { id: r1, text: R, required: false } ] }
      - { type: number, id: n1, text: N, min: -1.5, max: 1e3, decimals: 3 }
      - { type: short, id: t1, text: T, max_length: 1000 }
      - { type: long, id: l1, text: L, max_length: 10000 }
"#;

/// A part of the good file and what stands in its place.
type Swap = (&'static str, &'static str);

const STILL_GOOD: &[Swap] = &[
    ("survey: a", "survey: 2026"),
    ("survey: a", "survey: a-1"),
    ("title: A", "title: { en: A }"),
    ("title: A", "title: 2026"),
    ("[en]", "[zh-Hant-TW]"),
    ("[en]", "[en-x-simple]"),
    ("introduction: Welcome\n", ""),
    ("introduction: Welcome", "thanks: Bye"),
    ("id: p1", "id: token"),
    (", max_length: 1000 }", " }"),
    (", min: -1.5, max: 1e3, decimals: 3", ""),
    ("required: true, choices", "required: false, choices"),
    ("choices: yn }", "choices: [ { id: \"007\", text: Bond } ] }"),
];

const BAD_FOR_BOTH: &[Swap] = &[
    ("survey: a", "survey: A"),
    ("survey: a", "survey: a_b"),
    ("survey: a", "survey: -1"),
    ("survey: a\n", ""),
    ("title: A", "titel: A"),
    ("title: A", "title:"),
    ("title: A", "title: \"\""),
    ("title: A", "title: \" \""),
    ("title: A", "title: []"),
    ("title: A", "title: {}"),
    ("title: A", "title: { en: [] }"),
    ("title: A", "title: { en: }"),
    ("[en]", "[]"),
    ("[en]", "en"),
    ("[en]", "[english]"),
    ("[en]", "[en_US]"),
    ("introduction: Welcome", "introduction: ~"),
    ("introduction: Welcome", "colour: red"),
    ("  yn: [", "  YN: []\n  yn: ["),
    ("  yn: [", "  other: []\n  yn: ["),
    ("  yn: [", "  other: yn\n  yn: ["),
    ("{ id: y, text: \"Yes\" }", "{ id: true, text: \"Yes\" }"),
    ("{ id: y, text: \"Yes\" }", "{ id: 1.5, text: \"Yes\" }"),
    ("{ id: y, text: \"Yes\" }", "{ id: -1, text: \"Yes\" }"),
    ("{ id: y, text: \"Yes\" }", "{ id: Y, text: \"Yes\" }"),
    ("{ id: y, text: \"Yes\" }", "{ id: y }"),
    ("{ id: y, text: \"Yes\" }", "{ text: \"Yes\" }"),
    ("{ id: y, text: \"Yes\" }", "{ id: y, text: \"Yes\", value: 1 }"),
    ("{ id: y, text: \"Yes\" }", "y"),
    ("id: p1", "id: 1"),
    ("id: p1", "id: submit"),
    ("id: p1", "id: a-b"),
    ("id: p1", "id: abcdefghijklmnopqrstuvwxyz0123456"),
    ("title: One", "text: One"),
    ("    items:", "    colour: red\n    items:"),
    ("type: section, text: Hello", "type: section"),
    ("type: section, text: Hello", "type: section, id: s, text: Hello"),
    ("type: section, text: Hello", "type: Section, text: Hello"),
    ("type: section, text: Hello", "text: Hello"),
    ("{ type: section, text: Hello }", "Hello"),
    ("id: s1", "id: token"),
    ("id: s1", "id: S1"),
    ("id: s1, ", ""),
    ("text: S, ", ""),
    ("required: true, choices: yn }", "required: yes, choices: yn }"),
    (
        "required: true, choices: yn }",
        "required: \"true\", choices: yn }",
    ),
    ("required: true, choices: yn }", "required: true }"),
    ("required: true, choices: yn }", "required: true, choices: [] }"),
    ("required: true, choices: yn }", "required: true, choices: {} }"),
    (
        "required: true, choices: yn }",
        "required: true, choices: yn, min: 1 }",
    ),
    ("rows: [ { id: r1, text: R, required: false } ]", "rows: []"),
    ("rows: [ { id: r1, text: R, required: false } ]", "hint: H"),
    ("rows: [ { id: r1", "id: g1, rows: [ { id: r1"),
    ("text: R, required: false", "text: R, hint: H"),
    ("text: R, required: false", "required: false"),
    ("min: -1.5", "min: \"1\""),
    ("min: -1.5", "min: few"),
    ("min: -1.5", "min: -1e13"),
    ("max: 1e3", "max: .inf"),
    ("max: 1e3", "max: .nan"),
    ("decimals: 3", "decimals: 4"),
    ("decimals: 3", "decimals: -1"),
    ("decimals: 3", "decimals: 0.5"),
    ("decimals: 3", "decimals: \"1\""),
    ("max_length: 1000 }", "max_length: 1001 }"),
    ("max_length: 1000 }", "max_length: 0 }"),
    ("max_length: 10000 }", "max_length: 10001 }"),
    ("max_length: 10000 }", "max_length: long }"),
];

const BAD_FOR_THE_READER_ALONE: &[Swap] = &[
    ("[en]", "[en, EN]"),
    ("[en]", "[en, es]\nthanks: { en: Bye }"),
    ("title: A", "title: { fr: A }"),
    ("title: A", "title: \"a\\0b\""),
    ("id: m1", "id: s1"),
    ("id: r1", "id: s1"),
    ("{ id: n, ", "{ id: y, "),
    ("choices: yn }", "choices: yes_no }"),
    ("id: t1", "id: m1_b"),
    ("min: -1.5", "min: 1001"),
];

#[test]
fn the_surveys_are_valid() {
    let schema = schema();
    for source in [DEMONSTRATION, SMALL, GOOD] {
        assert_eq!(schema.problems(&as_json(source).unwrap()), Vec::<String>::new());
        assert!(
            source == GOOD
                || source.starts_with("# yaml-language-server: $schema=../docs/questionnaire.schema.json\n")
        );
    }
}

#[test]
fn schema_and_reader_agree() {
    let schema = schema();
    let judge = |(part, instead): &Swap| {
        let source = with(part, instead);
        let by_schema = schema.problems(&as_json(&source).unwrap()).is_empty();
        (by_schema, parse(&source).is_ok())
    };
    for swap in STILL_GOOD {
        assert_eq!(judge(swap), (true, true), "{swap:?}");
    }
    for swap in BAD_FOR_BOTH {
        assert_eq!(judge(swap), (false, false), "{swap:?}");
    }
    for swap in BAD_FOR_THE_READER_ALONE {
        assert_eq!(judge(swap), (true, false), "{swap:?}");
    }
}

proptest! {
    #[test]
    fn the_schema_accepts_whatever_the_reader_accepts(changes in proptest::collection::vec(change(), 1..4)) {
        let source = changed(SMALL, &changes);
        if parse(&source).is_ok() {
            let problems = schema().problems(&as_json(&source).unwrap());
            prop_assert_eq!(problems, Vec::<String>::new(), "{}", source);
        }
    }
}
