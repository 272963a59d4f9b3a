//! What holds of validation whatever is sent.

use std::borrow::Cow;

use canvass_survey::save::digest;
use canvass_survey::validation::{check_form, check_json};
use canvass_survey::{Checked, Kind};
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::{every_kind, page};

const IDS: [&str; 6] = ["one", "many", "whole", "exact", "short", "long"];

fn check(answers: &[(String, String)]) -> Checked {
    let survey = every_kind();
    let raws: Vec<Box<RawValue>> = answers
        .iter()
        .map(|(_, raw)| serde_json::from_str(raw).unwrap())
        .collect();
    let ids = answers.iter().map(|(id, _)| Cow::Borrowed(id.as_str()));
    check_json(page(&survey), ids.zip(raws.iter().map(AsRef::as_ref)))
}

/// The canonical answers as they would be sent again.
fn again(checked: &Checked) -> Vec<(String, String)> {
    let object: Map<String, Value> = serde_json::from_str(&checked.answers).unwrap();
    object
        .into_iter()
        .map(|(id, value)| (id, value.to_string()))
        .collect()
}

/// Any JSON value, often one that is nearly right.
fn json_value() -> impl Strategy<Value = String> {
    let texts = prop_oneof![
        any::<String>().prop_map(|s| json!(s).to_string()),
        "[ab\\r\\n\\t ]{0,12}".prop_map(|s| json!(s).to_string()),
        Just(r#""\ud800x""#.to_owned()),
        Just(r#""\u0000""#.to_owned()),
        Just(r#""\u0061""#.to_owned()),
    ];
    let numbers = prop_oneof![
        any::<f64>()
            .prop_filter("JSON has no such number", |f| f.is_finite())
            .prop_map(|f| json!(f).to_string()),
        any::<i64>().prop_map(|i| i.to_string()),
        "-?(0|[1-9][0-9]{0,14})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "\"[abcz]\"",
        "\\[(\"[abcz]\"(,\"[abc]\"){0,3})?\\]",
        texts,
        numbers,
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(" , "))),
            proptest::collection::vec(("[a-z]{1,3}", inner), 0..4).prop_map(|v| {
                let pairs: Vec<String> = v.iter().map(|(k, v)| format!("\"{k}\": {v}")).collect();
                format!("{{{}}}", pairs.join(","))
            }),
        ]
    })
}

fn question_id() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => proptest::sample::select(IDS.as_slice()).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// A right answer with its form and its JSON.
fn right_answer() -> impl Strategy<Value = (String, Vec<String>, String)> {
    let choice = proptest::sample::select(["a", "b"].as_slice());
    let choices = proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
    let short = "[^\\x00]{0,10}".prop_filter("fits", |s| s.chars().count() <= 10);
    prop_oneof![
        choice.prop_map(|c| ("one".to_owned(), vec![c.to_owned()], json!(c).to_string())),
        choices.prop_map(|c| {
            let form = c.iter().map(|c| (*c).to_owned()).collect();
            ("many".to_owned(), form, json!(c).to_string())
        }),
        (-5..=1_000_000_000_000_i64).prop_map(|n| ("whole".to_owned(), vec![n.to_string()], n.to_string())),
        (-999_999_999_i64..999_999_999).prop_map(|thousandths| {
            let sign = if thousandths < 0 { "-" } else { "" };
            let (whole, rest) = (thousandths.abs() / 1000, thousandths.abs() % 1000);
            let json = format!("{sign}{whole}.{rest:03}");
            ("exact".to_owned(), vec![json.clone()], json)
        }),
        short.prop_map(|s| ("short".to_owned(), vec![s.clone()], json!(s).to_string())),
        "[^\\x00]{0,200}".prop_map(|s| ("long".to_owned(), vec![s.clone()], json!(s).to_string())),
    ]
}

proptest! {
    #[test]
    fn anything_gives_valid_json_without_nul(answers in proptest::collection::vec((question_id(), json_value()), 0..12)) {
        let checked = check(&answers);
        let object: Map<String, Value> = serde_json::from_str(&checked.answers).unwrap();
        prop_assert_eq!(object.len(), checked.accepted);
        prop_assert!(!checked.answers.contains('\0'));
        prop_assert!(!checked.answers.contains("\\u0000"));
        let survey = every_kind();
        let mut places: Vec<usize> = vec![];
        for (id, value) in &object {
            let (place, question) = survey.question(id).unwrap();
            places.push(place.question);
            let fits = match &question.kind {
                _ if value.is_null() => true,
                Kind::Single { .. } | Kind::Text { .. } => value.is_string(),
                Kind::Multiple { .. } => value.is_array(),
                Kind::Number { .. } => value.is_number(),
            };
            prop_assert!(fits, "{} cannot be {}", id, value);
        }
        for refused in &checked.refused {
            prop_assert!(!object.contains_key(&refused.question));
        }
    }

    #[test]
    fn what_is_canonical_stays_so(answers in proptest::collection::vec((question_id(), json_value()), 0..12)) {
        let first = check(&answers);
        let second = check(&again(&first));
        prop_assert_eq!(&second.answers, &first.answers);
        prop_assert_eq!(second.refused, vec![]);
        prop_assert_eq!(digest("p1", &second.answers), digest("p1", &first.answers));
    }

    #[test]
    fn the_order_of_sending_does_not_matter(
        answers in proptest::collection::btree_map(question_id(), json_value(), 0..8),
        seed in any::<u64>(),
    ) {
        let in_order: Vec<(String, String)> = answers.into_iter().collect();
        let mut shuffled = in_order.clone();
        shuffled.sort_by_key(|(id, _)| xxhash_rust::xxh3::xxh3_64_with_seed(id.as_bytes(), seed));
        prop_assert_eq!(check(&shuffled).answers, check(&in_order).answers);
    }

    #[test]
    fn right_answers_survive_whatever_stands_beside(
        right in right_answer(),
        others in proptest::collection::vec((question_id(), json_value()), 0..12),
        at in any::<proptest::sample::Index>(),
    ) {
        let (id, _, raw) = right;
        let mut all: Vec<(String, String)> = others.into_iter().filter(|(other, _)| *other != id).collect();
        all.insert(at.index(all.len() + 1), (id.clone(), raw.clone()));
        let alone: Map<String, Value> = serde_json::from_str(&check(&[(id.clone(), raw)]).answers).unwrap();
        let among: Map<String, Value> = serde_json::from_str(&check(&all).answers).unwrap();
        prop_assert!(alone.contains_key(&id));
        prop_assert_eq!(among.get(&id), alone.get(&id));
    }

    #[test]
    fn form_and_json_of_one_answer_are_the_same((id, form, raw) in right_answer()) {
        let survey = every_kind();
        let by_form = check_form(page(&survey), [(id.as_str(), form.as_slice())]);
        prop_assert_eq!(by_form.refused.clone(), vec![]);
        prop_assert_eq!(by_form, check(&[(id, raw)]));
    }

    #[test]
    fn any_form_gives_valid_json(id in question_id(), values in proptest::collection::vec(any::<String>(), 0..4)) {
        let survey = every_kind();
        let checked = check_form(page(&survey), [(id.as_str(), values.as_slice())]);
        let object: Map<String, Value> = serde_json::from_str(&checked.answers).unwrap();
        prop_assert_eq!(object.len() + checked.refused.len(), 1);
    }

    #[test]
    fn an_accepted_number_is_exactly_what_was_typed(whole in 0_i64..=999_999_999_999, thousandths in 0..1000, negative: bool) {
        let typed = format!("{}{whole}.{thousandths:03}", if negative { "-" } else { "" });
        let checked = check(&[("exact".to_owned(), typed.clone())]);
        let canonical = &checked.answers[r#"{"exact":"#.len()..checked.answers.len() - 1];
        let expected = typed.trim_end_matches('0').trim_end_matches('.');
        prop_assert_eq!(canonical, if expected == "-0" { "0" } else { expected });
    }
}
