//! What validation takes, what it refuses, and how an answer looks afterwards.

use std::borrow::Cow;
use std::collections::BTreeMap;

use canvass_survey::validation::{check_form, check_json, missing};
use canvass_survey::{Checked, Refusal};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::{every_kind, page};

/// Checks answers written as JSON texts.
pub(crate) fn by_json(answers: &[(&str, &str)]) -> Checked {
    let survey = every_kind();
    let raws: Vec<Box<RawValue>> = answers
        .iter()
        .map(|(_, raw)| serde_json::from_str(raw).unwrap())
        .collect();
    let ids = answers.iter().map(|(id, _)| Cow::Borrowed(*id));
    check_json(page(&survey), ids.zip(raws.iter().map(AsRef::as_ref)))
}

/// Checks answers as a form sends them.
pub(crate) fn by_form(answers: &[(&str, &[&str])]) -> Checked {
    let survey = every_kind();
    let values: Vec<Vec<String>> = answers
        .iter()
        .map(|(_, values)| values.iter().map(|v| (*v).to_owned()).collect())
        .collect();
    let ids = answers.iter().map(|(id, _)| *id);
    check_form(page(&survey), ids.zip(values.iter().map(Vec::as_slice)))
}

fn json_answer(id: &str, raw: &str) -> Result<String, Refusal> {
    outcome(id, by_json(&[(id, raw)]))
}

fn form_answer(id: &str, typed: &str) -> Result<String, Refusal> {
    outcome(id, by_form(&[(id, &[typed])]))
}

fn outcome(id: &str, checked: Checked) -> Result<String, Refusal> {
    match checked.refused.as_slice() {
        [] => {
            let value = checked
                .answers
                .strip_prefix(&format!("{{\"{id}\":"))
                .and_then(|rest| rest.strip_suffix('}'));
            Ok(value.expect("one answer").to_owned())
        }
        [refused] => {
            assert_eq!(checked.answers, "{}");
            assert_eq!(refused.question, id);
            Err(refused.reason)
        }
        more => panic!("refused more than once: {more:?}"),
    }
}

#[test]
fn right_answers_come_in_the_order_of_the_questionnaire() {
    let checked = by_json(&[
        ("long", r#""x""#),
        ("exact", "0.5"),
        ("many", r#"["c","a"]"#),
        ("one", r#""b""#),
    ]);
    assert_eq!(
        checked.answers,
        r#"{"one":"b","many":["a","c"],"exact":0.5,"long":"x"}"#
    );
    assert_eq!((checked.accepted, checked.refused), (4, vec![]));
}

#[test]
fn every_refusal_is_given() {
    let cases = [
        ("nobody", "1", Refusal::UnknownQuestion),
        ("one", "1", Refusal::WrongType),
        ("one", r#"["a"]"#, Refusal::WrongType),
        ("many", r#""a""#, Refusal::WrongType),
        ("many", "[1]", Refusal::WrongType),
        ("many", r#"[["a"]]"#, Refusal::WrongType),
        ("whole", r#""1""#, Refusal::WrongType),
        ("whole", "true", Refusal::WrongType),
        ("short", "{}", Refusal::WrongType),
        ("one", r#""z""#, Refusal::UnknownChoice),
        ("one", r#""""#, Refusal::UnknownChoice),
        ("many", r#"["a","z"]"#, Refusal::UnknownChoice),
        ("short", r#""12345678901""#, Refusal::TooLong),
        ("short", r#""a\u0000b""#, Refusal::BadCharacter),
        ("short", r#""\ud800""#, Refusal::BadCharacter),
        ("one", r#""\udc00\ud800""#, Refusal::BadCharacter),
        ("whole", "-6", Refusal::OutOfRange),
        ("whole", "1000000000001", Refusal::OutOfRange),
        ("whole", "1e999", Refusal::OutOfRange),
        ("exact", "-1e13", Refusal::OutOfRange),
        ("whole", "0.5", Refusal::TooManyDecimals),
        ("exact", "0.30000000000000004", Refusal::TooManyDecimals),
    ];
    for (id, raw, reason) in cases {
        assert_eq!(json_answer(id, raw), Err(reason), "{id}: {raw}");
    }
    assert_eq!(form_answer("whole", "many"), Err(Refusal::NotANumber));
}

#[test]
fn a_wrong_answer_takes_no_right_one_with_it() {
    let checked = by_json(&[
        ("one", r#""z""#),
        ("many", r#"["b"]"#),
        ("nobody", "{}"),
        ("whole", "7"),
        ("short", r#""far too long""#),
    ]);
    assert_eq!(checked.answers, r#"{"many":["b"],"whole":7}"#);
    assert_eq!(checked.accepted, 2);
    let refused: Vec<&str> = checked.refused.iter().map(|r| r.question.as_str()).collect();
    assert_eq!(refused, ["one", "short", "nobody"]);
}

#[test]
fn of_a_question_sent_twice_the_last_counts_be_it_right_or_wrong() {
    let right_last = by_json(&[("whole", r#""x""#), ("whole", "1"), ("whole", "2")]);
    assert_eq!(
        (right_last.answers.as_str(), right_last.refused.len()),
        (r#"{"whole":2}"#, 0)
    );
    let wrong_last = by_json(&[("whole", "1"), ("whole", "0.5")]);
    assert_eq!((wrong_last.answers.as_str(), wrong_last.accepted), ("{}", 0));
    assert_eq!(wrong_last.refused[0].reason, Refusal::TooManyDecimals);
}

#[test]
fn null_and_empty_clear_an_answer() {
    for id in ["one", "many", "whole", "short"] {
        assert_eq!(json_answer(id, "null").unwrap(), "null");
        assert_eq!(form_answer(id, "").unwrap(), "null");
        assert_eq!(by_form(&[(id, &[])]).answers, format!("{{\"{id}\":null}}"));
    }
    assert_eq!(json_answer("many", "[]").unwrap(), "null");
    assert_eq!(json_answer("short", r#""""#).unwrap(), "null");
    assert_eq!(json_answer("long", r#"" \r\n ""#).unwrap(), "null");
    assert_eq!(form_answer("one", "  ").unwrap(), "null");
}

#[test]
fn numbers_are_read_as_people_and_programs_write_them() {
    let cases = [
        ("whole", "1e2", "100"),
        ("whole", "1E+2", "100"),
        ("whole", "150e-1", "15"),
        ("whole", "-0", "0"),
        ("whole", "-0.0", "0"),
        ("whole", "0e999", "0"),
        ("whole", "5.000", "5"),
        ("whole", "999999999999", "999999999999"),
        ("whole", "1000000000000", "1000000000000"),
        ("exact", "0.1", "0.1"),
        ("exact", "999999999999.999", "999999999999.999"),
        ("exact", "-999999999999.999", "-999999999999.999"),
        ("exact", "1.2e-2", "0.012"),
    ];
    for (id, raw, canonical) in cases {
        assert_eq!(json_answer(id, raw).as_deref(), Ok(canonical), "{raw}");
    }
}

#[test]
fn forms_take_numbers_as_they_are_typed() {
    let cases = [
        ("exact", "1,5", "1.5"),
        ("exact", ".5", "0.5"),
        ("exact", ",5", "0.5"),
        ("exact", "-,5", "-0.5"),
        ("exact", "0,125", "0.125"),
        ("exact", "1.125", "1.125"),
        ("whole", "5.", "5"),
        ("whole", "+7", "7"),
        ("whole", " 007 ", "7"),
        ("whole", "1e2", "100"),
        ("whole", "5,0", "5"),
    ];
    for (id, typed, canonical) in cases {
        assert_eq!(form_answer(id, typed).as_deref(), Ok(canonical), "{typed}");
    }
    let no_numbers = [
        "1 000", "1,2,3", "1.2.3", "--1", "1-", "e5", "1e", ".", ",", "-", "0x10", "inf", "NaN", "nan",
        "infinity", "1_000", "٣", "½", "5 years",
    ];
    for typed in no_numbers {
        assert_eq!(form_answer("exact", typed), Err(Refusal::NotANumber), "{typed}");
    }
}

#[test]
fn a_thousands_separator_is_never_taken_for_a_decimal_point() {
    // 1,000 is one thousand to some readers and one to others: ask again instead of guessing.
    for typed in [
        "1,000",
        "12,500",
        "-1,000",
        "+1,000",
        "1,000,000",
        "1.000.000",
        "1,000.00",
        "1.000,00",
    ] {
        assert_eq!(form_answer("whole", typed), Err(Refusal::NotANumber), "{typed}");
    }
    assert_eq!(form_answer("whole", "1.000"), Err(Refusal::NotANumber));
    assert_eq!(form_answer("exact", "1,500"), Err(Refusal::NotANumber));
    // A program's point is a point.
    assert_eq!(json_answer("whole", "1.000").as_deref(), Ok("1"));
}

#[test]
fn no_typed_decimal_is_dropped_silently() {
    // As doubles these are whole.
    for raw in [
        "1.0000000000000000001",
        "999999999999.99999999",
        "1e-400",
        "0.01e-9223372036854775807",
        "1e-99999999999999999999",
        "0.00000000000000000001",
    ] {
        assert_eq!(json_answer("whole", raw), Err(Refusal::TooManyDecimals), "{raw}");
    }
    assert_eq!(
        json_answer("exact", "999999999999.9999"),
        Err(Refusal::TooManyDecimals)
    );
}

#[test]
fn texts_are_counted_in_characters() {
    let ten = "🙂".repeat(10);
    assert_eq!(form_answer("short", &ten).unwrap(), format!("\"{ten}\""));
    assert_eq!(form_answer("short", &format!("{ten}!")), Err(Refusal::TooLong));
    // White space around it is no part of an answer.
    assert!(form_answer("short", &format!("  {ten}\r\n")).is_ok());
}

#[test]
fn texts_are_the_same_from_form_and_json() {
    let cases = [
        ("a\r\nb", r#""a\nb""#),
        ("a\rb", r#""a\nb""#),
        ("  a \n", r#""a""#),
        ("\"\\/\t", r#""\"\\/""#),
        ("a\u{1}b\u{7f}", "\"a\\u0001b\u{7f}\""),
        ("é¿🙂\u{2028}x", "\"é¿🙂\u{2028}x\""),
        ("<script>", r#""<script>""#),
    ];
    for (typed, canonical) in cases {
        assert_eq!(form_answer("long", typed).as_deref(), Ok(canonical));
        assert_eq!(
            json_answer("long", &json!(typed).to_string()).as_deref(),
            Ok(canonical)
        );
    }
    assert_eq!(
        json_answer("long", r#""\ud83d\ude42\u00e9\/""#).unwrap(),
        "\"🙂é/\""
    );
}

#[test]
fn choices_may_be_escaped_or_doubled() {
    assert_eq!(json_answer("one", r#""\u0061""#).unwrap(), r#""a""#);
    assert_eq!(
        json_answer("many", r#"[ "b" , "a","b" ]"#).unwrap(),
        r#"["a","b"]"#
    );
    assert_eq!(
        by_form(&[("many", &["c", "", "a"])]).answers,
        r#"{"many":["a","c"]}"#
    );
}

#[test]
fn depth_and_size_do_no_harm() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let raw: &RawValue = serde_json::from_str(&deep).unwrap();
    let survey = every_kind();
    for id in ["one", "many", "whole", "short", "nobody"] {
        let checked = check_json(page(&survey), [(Cow::Borrowed(id), raw)]);
        assert_eq!((checked.answers.as_str(), checked.refused.len()), ("{}", 1));
    }
    let digits = "9".repeat(1_000_000);
    assert_eq!(json_answer("whole", &digits), Err(Refusal::NotANumber));
    let long_id = "x".repeat(1_000);
    let checked = by_json(&[(&long_id, "1")]);
    assert_eq!(checked.refused[0].question.len(), 64);
}

#[test]
fn missing_are_the_required_without_an_answer() {
    let survey = every_kind();
    let ids = |answers: &BTreeMap<String, Value>| -> Vec<String> {
        missing(&survey, answers).iter().map(|q| q.id.clone()).collect()
    };
    let mut answers = BTreeMap::new();
    assert_eq!(ids(&answers), ["one", "short"]);
    answers.insert("short".to_owned(), json!("x"));
    answers.insert("one".to_owned(), Value::Null);
    assert_eq!(ids(&answers), ["one"]);
    answers.insert("one".to_owned(), json!("a"));
    assert!(ids(&answers).is_empty());
}
