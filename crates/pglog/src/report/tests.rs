//! A report of the tests' own making, and what is said of it.

use std::collections::BTreeMap;

use super::*;
use crate::report::phases::Phases;

/// A statement that was called so often, each time so many µs.
pub(super) fn statement(id: u64, text: &str, calls: u64, mean: u64) -> Statement {
    let share = Share {
        calls,
        micros: calls * mean,
        failures: 0,
    };
    let who = |name: &str| name.to_owned();
    Statement {
        id: format!("{id:016x}"),
        text: text.to_owned(),
        kind: text.split(' ').next().unwrap_or_default().to_owned(),
        statements: 1,
        cut: false,
        figures: Figures {
            calls,
            micros: calls * mean,
            min: mean / 2,
            mean,
            p50: mean,
            p95: mean * 2,
            p99: mean * 3,
            max: mean * 4,
            histogram: vec![(mean.next_power_of_two(), calls)],
        },
        parse_micros: calls * mean / 10,
        bind_micros: calls * mean / 5,
        fetches: 0,
        failures: 0,
        repeats: Repeats::default(),
        query_ids: vec![-17],
        callers: vec![Caller {
            application: who("web"),
            user: who("canvass"),
            database: who("survey"),
            share,
        }],
        hours: vec![Hour {
            from: "2026-11-26T14:00:00Z".into(),
            calls,
            micros: calls * mean,
        }],
        slowest: vec![Sample {
            at: "2026-11-26T14:30:00.5Z".into(),
            micros: mean * 4,
            application: who("web"),
            user: who("canvass"),
            database: who("survey"),
            pid: 42,
            text: None,
            parameters: None,
        }],
    }
}

/// A report of an hour from 14:00 on.
pub(super) fn report(statements: Vec<Statement>) -> Report {
    let totals = crate::totals::Totals::default();
    let mut report = build(
        &totals,
        &crate::event::Counts::default(),
        vec![Input {
            name: "postgresql.log".into(),
            format: "stderr".into(),
            bytes: 123_456_789,
            ..Input::default()
        }],
        Logged {
            application: true,
            user: true,
            database: true,
            process: true,
            durations: true,
            ..Logged::default()
        },
        &Settings::default(),
    );
    let sum = |of: fn(&Statement) -> u64| statements.iter().map(of).sum::<u64>();
    let (calls, micros) = (sum(|s| s.figures.calls), sum(|s| s.figures.micros));
    let failures = sum(|s| s.failures);
    report.complete = true;
    report.problems.clear();
    report.fine = None;
    report.period = Some(Period {
        from: "2026-11-26T14:00:00Z".into(),
        to: "2026-11-26T15:00:00Z".into(),
        micros: 3_600_000_000,
    });
    report.records.read = 2 * calls;
    report.all = Figures {
        calls,
        micros,
        min: 1,
        mean: micros.checked_div(calls).unwrap_or(0),
        p50: 40,
        p95: 1_200,
        p99: 20_000,
        max: 3_000_000,
        histogram: vec![(64, calls / 2), (2048, calls / 3), (4_194_304, 1)],
    };
    let share = Share {
        calls,
        micros,
        failures,
    };
    let named = |name: &str| {
        vec![Named {
            name: name.to_owned(),
            share,
        }]
    };
    report.by = BTreeMap::from([
        ("application".to_owned(), named("web")),
        ("user".to_owned(), named("canvass")),
        ("database".to_owned(), named("")),
    ]);
    report.kinds = BTreeMap::from([("select".to_owned(), share)]);
    report.series = (0..12)
        .map(|i| Bucket {
            from: format!("2026-11-26T14:{:02}:00Z", i * 5),
            calls: calls / 12 * (i % 4),
            writes: calls / 50,
            micros: micros / 12,
            p50: 40,
            p95: 1_000 * (i + 1),
            p99: 20_000,
            failures: if i == 3 { failures } else { 0 },
        })
        .collect();
    report.hours = vec![Bucket {
        from: "2026-11-26T14:00:00Z".into(),
        ..report.series[3].clone()
    }];
    report.distinct_statements = statements.len() as u64;
    report.statements = statements;
    report
}

/// A report in which everything occurs.
pub(super) fn rich() -> Report {
    let mut first = statement(
        0x9227_bb4a_0000_0001,
        "update account set balance = balance + ? where id = ?",
        30_224,
        289,
    );
    first.repeats = Repeats {
        in_session: 17,
        in_session_micros: 17_000,
        in_second: 12_345,
        in_second_micros: 1_234_567,
        runs: 12,
        run_calls: 30_000,
        run_micros: 5_000_000,
    };
    first.failures = 3;
    let second = statement(
        2,
        "select a, b, c, d, e, f, g, h, i, j, k, l, m from somewhere as s join elsewhere as e on e.id = s.id where s.name like ? and e.created_at between ? and ? order by s.name, e.created_at desc limit ?",
        71,
        48_000,
    );
    report(vec![first, second, statement(3, "commit", 30_224, 5)])
}

/// An error that occurred so often.
pub(super) fn group(id: &str, text: &str, count: u64) -> events::MessageGroup {
    events::MessageGroup {
        id: id.to_owned(),
        severity: "ERROR".to_owned(),
        sqlstate: Some("23505".to_owned()),
        text: text.to_owned(),
        seen: events::Seen {
            count,
            first: "2026-11-26T14:00:00Z".to_owned(),
            last: "2026-11-26T14:30:00Z".to_owned(),
        },
        statements: Vec::new(),
        callers: Vec::new(),
        sample: None,
    }
}

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>\u{2028}\" onload='x' --><b>";

#[test]
fn nothing_from_a_log_becomes_markup() {
    let mut report = rich();
    report.inputs[0].name = HOSTILE.into();
    report.inputs[0].failed = Some(HOSTILE.into());
    report.inputs[0].prefix = Some(HOSTILE.into());
    report.inputs[0].notes = vec![HOSTILE.into()];
    report.problems = vec![HOSTILE.into()];
    report.time_zone = HOSTILE.into();
    for s in &mut report.statements {
        s.text = HOSTILE.into();
        s.kind = HOSTILE.into();
        for caller in &mut s.callers {
            caller.application = HOSTILE.into();
            caller.user = HOSTILE.into();
            caller.database = HOSTILE.into();
        }
        for sample in &mut s.slowest {
            sample.application = HOSTILE.into();
            sample.text = Some(HOSTILE.into());
            sample.parameters = Some(HOSTILE.into());
        }
    }
    for names in report.by.values_mut() {
        names[0].name = HOSTILE.into();
    }
    report.events.messages.errors = vec![group("x", HOSTILE, 1)];
    report.events.temporary.statements = vec![events::StatementAmount {
        id: "0123456789abcdef".into(),
        text: HOSTILE.into(),
        amount: events::Amount::default(),
    }];
    let kind = report.kinds["select"];
    report.kinds.insert(HOSTILE.into(), kind);
    let phases = serde_json::json!({
        "started": "2026-11-26T14:00:00Z", "name": HOSTILE, "seconds": 1800,
        "phases": [{"name": HOSTILE, "at": 0, "until": 900}], "faults": [{"name": HOSTILE, "at": 1000, "recovered": 60}],
    });
    let phases = Phases::read(&phases.to_string()).unwrap();
    let page = to_html(&report, Some(&phases));
    assert!(!page.contains("<img") && !page.contains("<b>\"") && !page.contains("--><b>"));
    assert_eq!(
        page.matches("</script").count(),
        2,
        "the data's and the script's own"
    );
    let (_, data) = page.split_once(r#"id="data">"#).unwrap();
    let (data, _) = data.split_once("</script>").unwrap();
    assert!(!data.contains(['<', '>', '&', '\u{2028}']));
    serde_json::from_str::<serde_json::Value>(data).unwrap();

    let compared = compare::compare(&report, &rich()).unwrap();
    let page = compare_to_html(&compared);
    assert!(!page.contains("<img") && page.matches("</script").count() == 2);
}

#[test]
fn a_page_needs_nothing_and_lets_no_other_script_run() {
    let page = to_html(&rich(), None);
    for outside in ["http:", "https:", "//", "url(", "@import", "<link", "src="] {
        let content: Vec<&str> = page
            .lines()
            .filter(|line| line.contains(outside) && !line.trim_start().starts_with("//"))
            .collect();
        // The name space of SVG in the script loads nothing.
        let loads = content.iter().filter(|line| !line.contains("createElementNS"));
        assert_eq!(loads.count(), 0, "{outside}: {content:?}");
    }
    assert!(
        page.contains(
            "default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; script-src &#39;sha256-"
        )
    );
    // Readable without script: every statement's figures and text are rows.
    for s in &rich().statements {
        assert!(page.contains(&format!("<tbody id=s-{}>", s.id)));
    }
}

#[test]
fn a_thousand_statements_of_any_length_are_two_megabytes_at_most() {
    let text = |i: u64| {
        let columns: Vec<String> = (0..40).map(|n| format!("some_column_{n}_{i}")).collect();
        format!("select {} from a where b = ?", columns.join(", "))
    };
    let mut statements: Vec<Statement> = (1..=1000)
        .map(|i| statement(i, &text(i), 2_000 - i, 100))
        .collect();
    for s in &mut statements {
        s.figures.histogram = (3..24).map(|power| (1 << power, power)).collect();
        s.callers = vec![s.callers[0].clone(); 32];
        s.slowest = vec![s.slowest[0].clone(); 3];
    }
    let page = to_html(&report(statements), None);
    assert!(page.len() < 2_300_000, "{}", page.len());
    assert!(page.contains("Its details are in --json"));
}

#[test]
fn what_is_missing_is_said_first_and_what_is_not_logged_is_not_none() {
    let mut report = rich();
    report.complete = false;
    report.problems = vec!["b.log: not read: no such file".into()];
    let page = to_html(&report, None);
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    assert!(
        place("Incomplete") < place("b.log: not read") && place("b.log: not read") < place("Key figures")
    );
    assert!(page.contains("Not logged: have <code>%h</code>"));
    let text = to_text(&report, 10);
    assert!(
        text.contains("INCOMPLETE") && text.contains("b.log: not read"),
        "{text}"
    );
    assert!(text.contains("host: not logged"), "{text}");
}

#[test]
fn an_empty_report_is_a_page_and_a_text_too() {
    let mut report = report(Vec::new());
    report.series.clear();
    report.hours.clear();
    report.period = None;
    report.all = Figures::default();
    assert!(to_html(&report, None).contains("No statement is known."));
    assert!(to_text(&report, 10).contains("executions"));
}

#[test]
fn the_text_reads_well_in_80_columns() {
    let text = to_text(&rich(), 10);
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(!text.contains('\u{1b}'));
    insta::assert_snapshot!(text);
}

#[test]
fn colour_changes_no_word() {
    let coloured = to_terminal(&rich(), 10);
    let mut plain = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert!(coloured.len() > plain.len());
    assert_eq!(plain, to_text(&rich(), 10));
}

#[test]
fn the_findings_name_their_statements() {
    let said: Vec<String> = findings(&rich())
        .into_iter()
        .map(|f| format!("{} [{}]", f.text, f.statement.unwrap_or_default()))
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}
