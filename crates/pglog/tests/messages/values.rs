//! Nothing that is written holds a value.

use canvass_pglog::report::{to_json, to_text};

use super::{log, said, support::Entry, told};

const VALUE: &str = "Anna Smith 4711";

#[test]
fn no_value_of_any_part_of_a_message_is_shown() {
    let v = VALUE;
    let messages = [
        ("22P02", format!("invalid input syntax for type integer: \"{v}\"")),
        ("22008", format!("date/time field value out of range: \"{v}\"")),
        ("22003", format!("value \"{v}\" is out of range for type integer")),
        (
            "22003",
            format!("value \"x\" is out of range for type {v}\" is out of range for type integer"),
        ),
        ("42601", format!("syntax error at or near \"{v}\"")),
        ("42601", format!("unterminated quoted string at or near \"'{v}\"")),
        ("42P01", format!("relation \"{v}\" does not exist")),
        ("42704", format!("type \"{v}\" does not exist")),
        ("42883", format!("function {v} does not exist")),
        ("42883", format!("operator does not exist: {v}")),
        ("42710", format!("replication slot \"{v}\" already exists")),
        ("P0001", format!("no such person: {v}")),
        ("P0001", format!("division by zero {v}")),
        ("XX000", format!("cache lookup failed for {v}")),
        (
            "22023",
            format!("invalid value for parameter \"TimeZone\": \"{v}\""),
        ),
        ("22P04", format!("extra data after last expected column {v}")),
        ("22007", format!("invalid value \"{v}\" for \"{v}\"")),
        ("2201B", format!("invalid regular expression: {v}")),
        (
            "28000",
            format!("no pg_hba.conf entry for host \"{v}\", user \"ann\", database \"shop\", no encryption"),
        ),
    ];
    let mut entries: Vec<Entry> = Vec::new();
    for (i, (sqlstate, message)) in messages.iter().enumerate() {
        for severity in ["ERROR", "WARNING", "NOTICE", "PANIC"] {
            entries.push(Entry {
                detail: format!("Key (name)=({v}) already exists."),
                hint: format!("Ask {v}."),
                context: format!("COPY people, line 3, column name: \"{v}\"\nPL/pgSQL function f({v}) line 3 at SQL statement"),
                statement: format!("SELECT '{v}'::regclass -- {v}"),
                ..said(i as u32 + 1, 0, severity, sqlstate, message)
            });
        }
    }
    entries.push(Entry {
        context: format!("PL/pgSQL function f(text) line 3 at RAISE\nSQL statement \"SELECT f('{v}')\""),
        ..said(
            90,
            0,
            "ERROR",
            "42P01",
            &format!("relation \"{v}\" does not exist"),
        )
    });
    entries.push(Entry {
        detail: format!("Process 1 waits for ShareLock on transaction 7; blocked by process 2.\nProcess 2 waits for ShareLock on transaction 8; blocked by process 1.\nProcess 1: UPDATE t SET a = 'x\nProcess 2: {v}'\nProcess 2: DELETE FROM t WHERE a = '{v}\n'"),
        ..said(91, 0, "ERROR", "40P01", "deadlock detected")
    });
    entries.push(log(92, 0, &format!("duration: 5.000 ms  plan:\nQuery Text: SELECT '{v}'\nSeq Scan on t  (cost=0.00..1.00 rows=1 width=4)\n  Filter: (a = '{v}\n  ->  Seq Scan on {v}  (cost=1.00..2.00 rows=1 width=4)'::text)\n  Strange: {v}")));
    entries.push(log(93, 0, &format!("duration: 5.000 ms  plan:\n{{\"Query Text\": \"SELECT '{v}'\", \"Plan\": {{\"Node Type\": \"Seq Scan\", \"Relation Name\": \"t\", \"Filter\": \"(a = '{v}'::text)\", \"Odd\": \"{v}\"}}}}")));
    let node = format!("Seq Scan on {v}  (cost=1.00..2.00 rows=1 width=4)");
    let top = "Seq Scan on t  (cost=0.00..1.00 rows=1 width=4)";
    entries.push(log(
        97,
        0,
        &format!("duration: 5.000 ms  plan:\nQuery Text: SELECT 'x\n{node}'\n{top}"),
    ));
    entries.push(log(
        98,
        0,
        &format!(
            "duration: 5.000 ms  plan:\nQuery Text: SELECT $1\nQuery Parameters: $1 = 'x\n{node}'\n{top}"
        ),
    ));
    entries.push(log(
        99,
        0,
        &format!("duration: 5.000 ms  plan:\nQuery Text: SELECT 'x\nQuery Parameters: {v}\n{node}'\n{top}"),
    ));
    entries.push(log(94, 0, &format!("parameter \"work_mem\" changed to \"{v}\"")));
    entries.push(log(95, 0, &format!("something nobody knows: {v}")));
    entries.push(log(96, 0, &format!("received replication command: {v}")));
    let report = told(&entries);
    assert_eq!((report.events.plans.read, report.events.plans.not_read), (5, 0));
    assert!(report.events.messages.errors.len() > messages.len());
    for text in [to_json(&report), to_text(&report, 1000)] {
        for piece in ["Anna", "Smith", "4711", "anna"] {
            let at = text.find(piece);
            let shown = at.map(|at| &text[at.saturating_sub(100)..(at + 20).min(text.len())]);
            assert_eq!(shown, None);
        }
    }
}

#[test]
fn messages_that_are_not_shown_are_told_apart_and_by_their_function() {
    let raised = |pid, message: &str, function: &str| Entry {
        context: format!("PL/pgSQL function {function} line 3 at RAISE"),
        ..said(pid, 0, "ERROR", "P0001", message)
    };
    let report = told(&[
        raised(1, "no such code: 12", "check_code(text)"),
        raised(2, "no such code: 77", "check_code(text)"),
        raised(3, "too late", "check_code(text)"),
        raised(4, "no such code: 12", "enter(text)"),
        said(5, 0, "ERROR", "P0001", "no such code: 12"),
    ]);
    let errors: Vec<_> = report
        .events
        .messages
        .errors
        .iter()
        .map(|e| (e.text.as_str(), e.seen.count))
        .collect();
    assert_eq!(errors.len(), 4);
    assert_eq!(
        errors[0],
        (
            "(message not shown: SQLSTATE P0001, ERROR, raised by check_code(text) line 3)",
            2
        )
    );
    assert!(errors.contains(&("(message not shown: SQLSTATE P0001, ERROR)", 1)));
}
