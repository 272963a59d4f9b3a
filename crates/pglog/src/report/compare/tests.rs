use super::*;
use crate::report::tests::{group, report, statement};

fn of(statements: Vec<Statement>) -> Report {
    report(statements)
}

fn ids(changes: &[Change]) -> Vec<&str> {
    changes.iter().map(|c| c.id.trim_start_matches('0')).collect()
}

#[test]
fn better_worse_new_gone_and_what_is_too_little_to_count() {
    let before = of(vec![
        statement(1, "select slow", 100, 1_000),
        statement(2, "select cached", 1_000, 100),
        statement(3, "select gone", 100, 500),
        statement(5, "select same", 100, 1_000),
        statement(6, "select tiny", 1, 10),
    ]);
    let after = of(vec![
        statement(1, "select slow", 100, 2_000),
        statement(2, "select cached", 100, 100),
        statement(4, "select new", 100, 500),
        statement(5, "select same", 100, 1_100),
        statement(6, "select tiny", 1, 100),
    ]);
    let result = compare(&before, &after).unwrap();
    assert_eq!(
        (
            ids(&result.worse),
            ids(&result.better),
            ids(&result.new),
            ids(&result.gone)
        ),
        (vec!["1"], vec!["2"], vec!["4"], vec!["3"])
    );
    assert_eq!((result.same, result.worse[0].rise), (1, 100.0));
    assert!(result.is_worse_by(100.0) && !result.is_worse_by(101.0));
}

#[test]
fn of_few_executions_the_mean_says_nothing() {
    let result = compare(
        &of(vec![statement(1, "a", 9, 1_000), statement(2, "b", 100, 1_000)]),
        &of(vec![statement(1, "a", 5, 1_900), statement(2, "b", 100, 1_000)]),
    )
    .unwrap();
    // 9.0 ms an hour became 9.5 ms.
    assert_eq!((result.same, result.worse.len()), (2, 0));
}

#[test]
fn when_measures_disagree_time_per_hour_decides() {
    let result = compare(
        &of(vec![statement(1, "a", 1_000, 100)]),
        &of(vec![statement(1, "a", 100, 500)]),
    )
    .unwrap();
    assert_eq!((result.better.len(), result.better[0].rise), (1, 400.0));
}

#[test]
fn what_cannot_be_compared_or_believed_is_said() {
    let good = of(vec![statement(1, "a", 100, 1_000)]);
    let empty = of(Vec::new());
    assert!(
        compare(&good, &empty)
            .unwrap_err()
            .contains("second report has no executions")
    );
    let mut other = good.clone();
    other.time_zone = "Europe/Berlin".into();
    other.complete = false;
    other.problems = vec!["half of it is missing".into()];
    other.distinct_statements = 7;
    other.logged.user = !good.logged.user;
    let notes = compare(&good, &other).unwrap().notes.join("\n");
    for part in [
        "half of it is missing",
        "Europe/Berlin",
        "1 of its 7",
        "same facts",
        "same time",
    ] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
}

#[test]
fn errors_come_and_go() {
    let mut before = of(vec![statement(1, "a", 100, 1_000)]);
    let mut after = before.clone();
    before.events.messages.errors = vec![group("1", "both", 1), group("2", "gone", 2)];
    after.events.messages.errors = vec![
        group("1", "both", 9),
        group("3", "seldom", 1),
        group("4", "often", 7),
    ];
    let result = compare(&before, &after).unwrap();
    let texts = |errors: &[ErrorSeen]| -> Vec<String> { errors.iter().map(|e| e.text.clone()).collect() };
    assert_eq!(texts(&result.new_errors), ["often", "seldom"]);
    assert_eq!(texts(&result.gone_errors), ["gone"]);
    assert!(to_text(&result, 10, false).contains("New errors (2)"));
}

#[test]
fn it_reads_well_in_80_columns() {
    let before = of(vec![
        statement(1, "select a from b where c = ?", 100_000, 1_000),
        statement(2, "select \u{1b}[31m gone", 100, 500_000),
    ]);
    let after = of(vec![
        statement(1, "select a from b where c = ?", 130_000, 22_000),
        statement(
            3,
            "insert into e (f, g, h, i, j, k, l, m, n) values (?) returning f, g, h",
            9,
            5_000_000,
        ),
    ]);
    let text = to_text(&compare(&before, &after).unwrap(), 10, false);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    insta::assert_snapshot!(text);
}
