//! The fold: what a response's saves come to, whatever their order, repetition and grouping.

use canvass_survey::fold::{Fold, Window};
use canvass_survey::{Folded, Save, Stamp, StoredSave, SubmissionEvent, SubmissionKind, fold};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// A save as the write path would store it: canonical text, digest of that text.
fn save(stamp: i64, page: &str, answers: &Value) -> StoredSave {
    let save = Save::new(Stamp::from_micros(stamp).unwrap(), page, answers.to_string());
    StoredSave {
        stamp,
        digest: save.digest,
        page: save.page,
        language: None,
        answers: serde_json::from_str(&save.answers).unwrap(),
    }
}

fn submitted(stamp: i64) -> SubmissionEvent {
    let kind = SubmissionKind::Submitted;
    SubmissionEvent { stamp, kind }
}

fn reopened(stamp: i64) -> SubmissionEvent {
    let kind = SubmissionKind::Reopened;
    SubmissionEvent { stamp, kind }
}

fn open_ended(saves: &[StoredSave]) -> Folded {
    fold(saves.iter().cloned(), [], None)
}

/// The stamp of a device's next save, as page and server make it.
fn next_stamp(clock: i64, view: &Folded) -> i64 {
    Stamp::following(clock, view.greatest_stamp).unwrap().micros()
}

#[test]
fn nothing_comes_to_nothing() {
    assert_eq!(open_ended(&[]), Folded::default());
}

#[test]
fn the_newest_value_wins_and_null_clears() {
    let saves = [
        save(10, "p1", &json!({"a": "1", "b": "1", "c": "1"})),
        save(20, "p1", &json!({"a": "2", "b": null})),
    ];
    let folded = open_ended(&saves);
    assert_eq!(json!(folded.answers), json!({"a": "2", "c": "1"}));
    assert_eq!(folded.greatest_stamp, 20);
}

#[test]
fn a_cleared_answer_stays_cleared_when_older_saves_arrive_late() {
    let folded = open_ended(&[
        save(20, "p1", &json!({"a": null})),
        save(10, "p1", &json!({"a": "1"})),
    ]);
    assert!(folded.answers.is_empty());
    assert_eq!(folded.pages.len(), 1);
}

#[test]
fn a_correction_on_a_device_with_a_slow_clock_wins() {
    let (fast_clock, slow_clock) = (1_000_000_000, 400);
    let mut saves = vec![save(fast_clock, "p1", &json!({"a": "wrong"}))];
    // The slow device shows what is there, and the respondent corrects it: twice.
    for value in ["better", "right"] {
        let stamp = next_stamp(slow_clock, &open_ended(&saves));
        assert!(stamp > fast_clock);
        saves.push(save(stamp, "p1", &json!({"a": value})));
    }
    assert_eq!(open_ended(&saves).answers["a"], "right");
}

#[test]
fn clicking_through_a_stale_page_on_another_device_loses_nothing() {
    // Device B opened the page before device A answered it, and changes nothing there.
    let by_a = save(100, "p1", &json!({"a": "1", "b": ["x"]}));
    let by_b = save(200, "p1", &json!({}));
    let folded = open_ended(&[by_a.clone(), by_b]);
    assert_eq!(folded.answers, open_ended(&[by_a]).answers);
    assert_eq!(folded.greatest_stamp, 200);
}

#[test]
fn what_is_stamped_after_closing_is_left_out_and_counted() {
    let saves = [
        save(10, "p1", &json!({"a": "1"})),
        save(11, "p1", &json!({"a": "2"})),
        save(11, "p2", &json!({"b": "2"})),
    ];
    let folded = fold(saves.clone(), [], Some(10));
    assert_eq!(json!(folded.answers), json!({"a": "1"}));
    assert_eq!(
        (folded.left_out, folded.pages.len(), folded.greatest_stamp),
        (2, 1, 11)
    );
    // A save at the moment of closing is in time.
    assert_eq!(fold(saves, [], Some(11)).left_out, 0);
}

#[test]
fn what_is_stamped_after_submission_counts_only_when_it_was_reopened() {
    let saves = [
        save(10, "p1", &json!({"a": "in time"})),
        save(20, "p1", &json!({"b": "with the submission"})),
        save(25, "p1", &json!({"a": "too late"})),
        save(35, "p1", &json!({"c": "reopened"})),
        save(45, "p1", &json!({"c": "too late again"})),
    ];
    let events = [submitted(40), reopened(30), submitted(20)];
    let folded = fold(saves.clone(), events, None);
    let expected = json!({"a": "in time", "b": "with the submission", "c": "reopened"});
    assert_eq!(json!(folded.answers), expected);
    assert_eq!((folded.left_out, folded.submitted_at), (2, Some(40)));
    let reopened_again = fold(saves, [submitted(20), reopened(30)], None);
    assert_eq!((reopened_again.left_out, reopened_again.submitted_at), (1, None));
}

#[test]
fn submitted_at_is_the_first_submission_since_the_last_reopening() {
    let at = |events: &[SubmissionEvent], closes| Window::new(closes, events.iter().copied()).submitted_at();
    assert_eq!(at(&[], None), None);
    assert_eq!(at(&[submitted(10), submitted(12)], None), Some(10));
    assert_eq!(
        at(&[submitted(10), reopened(11), submitted(12), submitted(13)], None),
        Some(12)
    );
    assert_eq!(at(&[submitted(10), reopened(11)], None), None);
    // At one moment the reopening decides, so that nothing is left out by chance.
    assert_eq!(at(&[submitted(10), reopened(10)], None), None);
    // A submission after closing submits nothing.
    assert_eq!(at(&[submitted(10)], Some(9)), None);
    assert_eq!(at(&[submitted(10), reopened(11)], Some(10)), Some(10));
}

#[test]
fn the_greatest_stamp_is_of_anything_left_out_or_not() {
    // The next view's stamps must follow everything that is there.
    assert_eq!(
        fold([save(10, "p1", &json!({}))], [submitted(30)], Some(5)).greatest_stamp,
        30
    );
    assert_eq!(
        fold([save(40, "p1", &json!({}))], [submitted(30)], Some(5)).greatest_stamp,
        40
    );
    assert_eq!(fold([], [submitted(30), reopened(20)], None).greatest_stamp, 30);
}

#[test]
fn the_language_is_that_of_the_newest_save_that_tells_one() {
    let in_language = |stamp, language: Option<&str>| StoredSave {
        language: language.map(str::to_owned),
        ..save(stamp, "p1", &json!({}))
    };
    let saves = [
        in_language(30, None),
        in_language(10, Some("en")),
        in_language(20, Some("es")),
        in_language(40, Some("fr")),
    ];
    assert_eq!(fold(saves, [], Some(30)).language.as_deref(), Some("es"));
}

fn any_save() -> impl Strategy<Value = StoredSave> {
    let value = prop_oneof![
        Just(Value::Null),
        "[a-c]".prop_map(Value::from),
        (0..3).prop_map(Value::from)
    ];
    let answers = proptest::collection::btree_map("q[0-4]", value, 0..4);
    let language = proptest::option::of(proptest::sample::select(vec!["en".to_owned(), "es".to_owned()]));
    (1..30_i64, "p[12]", answers, language).prop_map(|(stamp, page, answers, language)| StoredSave {
        language,
        ..save(stamp, &page, &json!(answers))
    })
}

/// The database keeps one row for each (stamp, digest).
fn any_saves() -> impl Strategy<Value = Vec<StoredSave>> {
    proptest::collection::vec(any_save(), 0..20).prop_map(|mut saves| {
        saves.sort_by_key(|s| (s.stamp, s.digest));
        saves.dedup_by_key(|s| (s.stamp, s.digest));
        saves
    })
}

fn any_events() -> impl Strategy<Value = Vec<SubmissionEvent>> {
    let event = (1..30_i64, any::<bool>()).prop_map(|(s, r)| if r { reopened(s) } else { submitted(s) });
    proptest::collection::vec(event, 0..4)
}

/// The answers by the rule itself: of what counts, for each question the value of the greatest (stamp, digest).
fn by_the_rule(saves: &[StoredSave], window: &Window) -> Value {
    let counted = || saves.iter().filter(|s| window.counts(s.stamp));
    let mut answers = serde_json::Map::new();
    for question in counted().flat_map(|s| s.answers.keys()) {
        let newest = counted()
            .filter(|s| s.answers.contains_key(question))
            .max_by_key(|s| (s.stamp, s.digest))
            .unwrap();
        if !newest.answers[question].is_null() {
            answers.insert(question.clone(), newest.answers[question].clone());
        }
    }
    Value::Object(answers)
}

proptest! {
    #[test]
    fn order_repetition_and_grouping_do_not_matter(
        saves in any_saves(),
        events in any_events(),
        closes in proptest::option::of(1..30_i64),
        copies in proptest::collection::vec((any::<Index>(), 0..4_usize), 0..60),
    ) {
        let expected = fold(saves.clone(), events.clone(), closes);

        // Every save at least once, some more often, in some order, spread over four parts.
        let mut parts: Vec<Fold> = (0..4).map(|_| Fold::new(Window::new(closes, events.clone()))).collect();
        if !saves.is_empty() {
            for (index, part) in &copies {
                parts[*part].add(saves[index.index(saves.len())].clone());
            }
        }
        for (n, save) in saves.iter().rev().enumerate() {
            parts[n % 4].add(save.clone());
        }
        let by_parts = |order: &[usize]| {
            let mut whole = Fold::new(Window::new(closes, events.iter().rev().copied()));
            for index in order {
                whole.merge(parts[*index].clone());
            }
            whole.finish()
        };
        prop_assert_eq!(&by_parts(&[0, 1, 2, 3]), &expected);
        prop_assert_eq!(&by_parts(&[3, 1, 2, 0, 1, 3]), &expected);
    }

    #[test]
    fn the_answers_are_those_of_the_rule(
        saves in any_saves(),
        events in any_events(),
        closes in proptest::option::of(1..30_i64),
    ) {
        let window = Window::new(closes, events.clone());
        let folded = fold(saves.clone(), events, closes);
        prop_assert_eq!(json!(folded.answers), by_the_rule(&saves, &window));
        let left_out = saves.iter().filter(|s| !window.counts(s.stamp)).count();
        prop_assert_eq!(folded.left_out, left_out);
    }

    #[test]
    fn an_answer_given_last_is_the_answer(
        saves in any_saves(),
        clock in 0..60_i64,
        value in "[x-z]",
    ) {
        // Whatever the clock of the device that shows the response and changes an answer.
        let mut saves = saves;
        let stamp = next_stamp(clock, &open_ended(&saves));
        saves.push(save(stamp, "p1", &json!({"q0": value})));
        prop_assert_eq!(&open_ended(&saves).answers["q0"], &json!(value));
    }

    #[test]
    fn an_empty_save_changes_no_answer(saves in any_saves(), stamp in 1..40_i64) {
        let before = open_ended(&saves);
        let mut saves = saves;
        saves.push(save(stamp, "p1", &json!({})));
        prop_assert_eq!(open_ended(&saves).answers, before.answers);
    }

    #[test]
    fn two_devices_offline_lose_nothing_of_different_questions(
        clock_a in 1..100_i64,
        clock_b in 1..100_i64,
        shared in any_saves(),
    ) {
        // Both saw the same response, then each answered another question without the other's knowledge.
        let seen = open_ended(&shared);
        let by_a = save(next_stamp(clock_a, &seen), "p1", &json!({"a": "1"}));
        let by_b = save(next_stamp(clock_b, &seen), "p1", &json!({"b": "2"}));
        let mut saves = shared;
        saves.extend([by_b, by_a]);
        let answers = open_ended(&saves).answers;
        prop_assert_eq!((&answers["a"], &answers["b"]), (&json!("1"), &json!("2")));
    }
}
