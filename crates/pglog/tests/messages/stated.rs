use super::{read, said, support::Entry, told};

#[test]
fn errors_are_counted_by_class_by_words_and_by_whom() {
    let failed = |pid, message: &str, sqlstate, statement: &str| Entry {
        statement: statement.to_owned(),
        ..said(pid, i64::from(pid), "ERROR", sqlstate, message)
    };
    let report = told(&[
        failed(
            1,
            r#"duplicate key value violates unique constraint "answers_pkey""#,
            "23505",
            "INSERT INTO answers VALUES (1)",
        ),
        failed(
            2,
            r#"duplicate key value violates unique constraint "answers_pkey""#,
            "23505",
            "INSERT INTO answers VALUES (2)",
        ),
        failed(3, "division by zero", "22012", "SELECT 1/0"),
    ]);
    let messages = &report.events.messages;
    let classes: Vec<_> = messages
        .classes
        .iter()
        .map(|c| (c.class.as_str(), c.name.as_str(), c.count))
        .collect();
    assert_eq!(
        classes,
        [
            ("23", "integrity constraint violation", 2),
            ("22", "data exception", 1)
        ]
    );
    let first = &messages.errors[0];
    assert_eq!(
        first.text,
        r#"duplicate key value violates unique constraint "answers_pkey""#
    );
    assert_eq!((first.seen.count, first.statements[0].count), (2, 2));
    assert_eq!(first.statements[0].text, "insert into answers values (?)");
    assert_eq!(
        (first.callers[0].user.as_str(), first.callers[0].count),
        ("ann", 2)
    );
    assert!(first.seen.first < first.seen.last);
}

#[test]
fn a_state_that_the_prefix_lacks_follows_from_the_words() {
    let log = "2026-11-26 10:00:00.000 UTC [1] ERROR:  division by zero\n\
               2026-11-26 10:00:00.000 UTC [1] STATEMENT:  SELECT 1/0\n\
               2026-11-26 10:00:01.000 UTC [1] ERROR:  something of an extension\n";
    let report = read(log.as_bytes()).report;
    let messages = &report.events.messages;
    let classes: Vec<_> = messages.classes.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(classes, ["class not logged", "data exception"]);
    assert!(!report.logged.sqlstate);
}

#[test]
fn a_place_in_the_statement_and_a_verbose_state_are_no_part_of_the_message() {
    let log = "2026-11-26 10:00:00.000 UTC [1] ERROR:  42P01: relation \"nosuch\" does not exist at character 15\n\
               2026-11-26 10:00:00.000 UTC [1] LOCATION:  parserOpenTable, parse_relation.c:1392\n\
               2026-11-26 10:00:00.000 UTC [1] STATEMENT:  SELECT * FROM nosuch\n\
               2026-11-26 10:00:01.000 UTC [1] ERROR:  42P01: relation \"nosuch\" does not exist at character 7\n\
               2026-11-26 10:00:01.000 UTC [1] STATEMENT:  TABLE nosuch\n\
               2026-11-26 10:00:02.000 UTC [1] LOG:  00000: duration: 1.500 ms  statement: SELECT 1\n";
    let report = read(log.as_bytes()).report;
    let errors = &report.events.messages.errors;
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].text, r#"relation "nosuch" does not exist"#);
    assert_eq!(
        (errors[0].seen.count, errors[0].sqlstate.as_deref()),
        (2, Some("42P01"))
    );
    assert_eq!(report.all.calls, 1);
}

#[test]
fn cancelled_statements_are_counted_by_reason() {
    let cancelled = |pid, sqlstate, message: &str| Entry {
        statement: "SELECT pg_sleep(9)".to_owned(),
        ..said(pid, 0, "ERROR", sqlstate, message)
    };
    let report = told(&[
        cancelled(1, "57014", "canceling statement due to statement timeout"),
        cancelled(2, "57014", "canceling statement due to statement timeout"),
        cancelled(3, "57014", "canceling statement due to user request"),
        cancelled(4, "55P03", "canceling statement due to lock timeout"),
        cancelled(5, "40001", "canceling statement due to conflict with recovery"),
        Entry {
            context: "automatic vacuum of table \"shop.public.t\"".to_owned(),
            ..said(6, 0, "ERROR", "57014", "canceling autovacuum task")
        },
    ]);
    let cancelled: Vec<_> = report
        .events
        .messages
        .cancelled
        .iter()
        .map(|c| (c.reason.as_str(), c.seen.count, c.statements.len()))
        .collect();
    assert_eq!(
        cancelled,
        [
            ("statement timeout", 2, 1),
            ("lock timeout", 1, 1),
            ("user request", 1, 1),
            ("conflict with recovery", 1, 1),
            ("autovacuum made way", 1, 0),
        ]
    );
    let table = &report.events.vacuums.tables[0];
    assert_eq!((table.table.as_str(), table.cancelled), ("shop.public.t", 1));
}
