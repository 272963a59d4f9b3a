//! Reconciliation with files: what was acknowledged against what is held.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test: a panic is its message")]

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use canvass_rehearse::acknowledged::Acknowledgements;
use canvass_rehearse::reconcile::{Finding, Held, Options, Outcome, reconcile};
use proptest::prelude::*;

/// A folder with the two files.
struct Case {
    dir: tempfile::TempDir,
    options: Options,
}

impl Case {
    fn new(acknowledged: impl AsRef<[u8]>, held: impl AsRef<[u8]>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("acks.ndjson"), acknowledged).unwrap();
        fs::write(path("held.csv"), held).unwrap();
        let options = Options {
            acknowledged: path("acks.ndjson"),
            step: None,
            held: Held::Csv(path("held.csv")),
            key: vec!["who".into(), "n".into()],
            compare: vec!["v".into()],
            no_extra: false,
            show_values: false,
        };
        Self { dir, options }
    }

    fn run(&self) -> Outcome {
        reconcile(&self.options).unwrap()
    }

    /// What it complains of, without the folder.
    fn complaint(&self) -> String {
        let message = reconcile(&self.options).unwrap_err().to_string();
        message.replace(&format!("{}/", self.dir.path().display()), "")
    }
}

fn ack(who: &str, n: u32, v: &str) -> String {
    format!(
        "{}\n",
        serde_json::json!({"at": 1, "step": "j / s", "who": who, "n": n, "v": v})
    )
}

fn text(outcome: &Outcome) -> String {
    let mut out = Vec::new();
    outcome.write_text(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn keys(finding: &Finding) -> Vec<String> {
    assert_eq!(finding.count, finding.samples.len() as u64);
    finding
        .samples
        .iter()
        .map(|sample| sample.key.join("/"))
        .collect()
}

#[test]
fn everything_held_once_as_sent_passes() {
    let outcome = Case::new(
        [ack("a", 1, "x"), ack("a", 2, ""), ack("b", 1, "y, \"z\"")].concat(),
        "other,n,v,who\n,1,x,a\n,2,,a\n,1,\"y, \"\"z\"\"\",b\n",
    )
    .run();
    assert!(outcome.passed);
    assert_eq!(
        (outcome.acknowledged_lines, outcome.held_rows, outcome.extra.count),
        (3, 3, 0)
    );
    assert!(text(&outcome).ends_with("passed: everything acknowledged is held once, as it was sent\n"));
}

#[test]
fn what_is_lost_doubled_different_and_extra_is_named_by_its_key() {
    let case = Case::new(
        ["lost", "doubled", "different", "fine"]
            .map(|who| ack(who, 1, "SENT"))
            .concat(),
        "who,n,v\ndoubled,1,SENT\ndifferent,1,HELD\nfine,1,SENT\ndoubled,1,SENT\nextra,1,x\ntwice,1,x\ntwice,1,x\n",
    );
    let outcome = case.run();
    assert!(!outcome.passed);
    assert_eq!(keys(&outcome.lost), ["lost/1"]);
    assert_eq!(keys(&outcome.doubled), ["doubled/1", "twice/1"]);
    assert_eq!(outcome.doubled_extra, 1);
    assert_eq!(keys(&outcome.different), ["different/1"]);
    assert_eq!(keys(&outcome.extra), ["extra/1", "twice/1"]);
    assert_eq!(
        text(&outcome),
        "acknowledged  4 lines, 4 keys\n\
         held          7 rows, 5 keys\n\
         lost          1  (acknowledged, not held)\n  who=lost n=1\n\
         doubled       2  (held more than once; 1 of them never acknowledged)\n  who=doubled n=1\n  who=twice n=1\n\
         different     1  (held with a value that was not acknowledged)\n  who=different n=1: v\n\
         extra         2  (held, not acknowledged; a reply can be lost on its way)\n  who=extra n=1\n  who=twice n=1\n\
         failed: what the application holds is not what it acknowledged\n"
    );
}

#[test]
fn values_are_printed_only_when_that_is_asked_for() {
    let mut case = Case::new(ack("a", 1, "SENT"), "who,n,v\na,1,HE LD\n");
    let outcome = case.run();
    let json = serde_json::to_string(&outcome).unwrap();
    for printed in [text(&outcome), json] {
        assert!(
            !printed.contains("SENT") && !printed.contains("HE LD"),
            "{printed}"
        );
    }
    case.options.show_values = true;
    assert!(text(&case.run()).contains("  who=a n=1: v was SENT, is \"HE LD\"\n"));
    let json = serde_json::to_value(case.run()).unwrap();
    let expected = serde_json::json!([{"column": "v", "acknowledged": "SENT", "held": "HE LD"}]);
    assert_eq!(json["different"]["samples"][0]["columns"], expected);
}

#[test]
fn only_the_columns_that_differ_are_named() {
    let mut case = Case::new(
        r#"{"who":"a","n":1,"v":"x","w":"1","u":"z"}"#.to_owned() + "\n",
        "who,n,v,w,u\na,1,x,1.0,y\n",
    );
    case.options.compare = ["v", "w", "u"].map(Into::into).into();
    let columns = case.run().different.samples.remove(0).columns;
    assert_eq!(
        columns.iter().map(|c| c.column.as_str()).collect::<Vec<_>>(),
        ["u"]
    );
}

#[test]
fn json_is_compared_as_json_and_other_texts_to_the_letter() {
    let sent = [
        ("a", r#"{"q2":"b","q1":[1,2]}"#),
        ("b", "1"),
        ("c", "1e3"),
        ("d", "x"),
        ("e", "07"),
    ];
    let lines = sent.map(|(who, v)| ack(who, 1, v)).concat();
    let held =
        "who,n,v\na,1,\"{\"\"q1\"\": [1, 2.0], \"\"q2\"\": \"\"b\"\"}\"\nb,1,1.0\nc,1,1000\nd,1,x \ne,1,7\n";
    let outcome = Case::new(lines, held).run();
    assert_eq!(keys(&outcome.different), ["d/1", "e/1"]);
}

#[test]
fn values_that_are_no_strings_are_their_json_and_null_is_nothing() {
    let lines = r#"{"who":"a","n":1,"v":{"b":[1, 2]}}
{"who":"b","n":1,"v":null}

{"who":"\u0063","n":"1","v":true,"x":{"v":1}}
"#;
    let outcome = Case::new(lines, "who,n,v\na,1,\"{\"\"b\"\":[1,2]}\"\nb,1,\nc,1,true\n").run();
    assert!(outcome.passed, "{outcome:?}");
}

#[test]
fn what_was_sent_twice_is_fine_and_different_values_are_said() {
    let lines = [
        ack("a", 1, "x"),
        ack("a", 1, "x"),
        ack("b", 1, "{}"),
        ack("b", 1, " {}"),
        ack("c", 1, "1"),
        ack("c", 1, "2"),
        ack("c", 1, "1"),
        ack("d", 1, "1"),
        ack("d", 1, "2"),
        ack("d", 1, "3"),
    ];
    let outcome = Case::new(lines.concat(), "who,n,v\na,1,x\nb,1,{}\nc,1,1\nd,1,2\n").run();
    assert!(outcome.passed);
    assert_eq!(
        (
            outcome.acknowledged_lines,
            outcome.acknowledged_keys,
            outcome.resent
        ),
        (10, 4, 3)
    );
    assert_eq!(keys(&outcome.conflicting), ["c/1", "d/1"]);
    assert!(text(&outcome).contains("conflicting   2  (acknowledged with different values"));
}

#[test]
fn extra_rows_fail_only_when_that_is_asked_for() {
    let mut case = Case::new(ack("a", 1, "x"), "who,n,v\na,1,x\nb,1,x\n");
    assert!(case.run().passed);
    case.options.no_extra = true;
    assert!(!case.run().passed);
}

#[test]
fn without_compared_columns_that_is_said() {
    let mut case = Case::new(ack("a", 1, "x"), "who,n\na,1\n");
    case.options.compare.clear();
    let outcome = case.run();
    assert!(outcome.passed && text(&outcome).contains("values were not compared"));
}

#[test]
fn the_columns_of_a_key_are_told_apart() {
    let lines = [ack("a1", 1, "x"), ack("a", 11, "x"), ack("", 1, "x")];
    let outcome = Case::new(lines.concat(), "who,n,v\na,11,x\n,1,x\n").run();
    assert_eq!(keys(&outcome.lost), ["a1/1"]);
    assert!(text(&outcome).contains("  who=a1 n=1\n"));
}

#[test]
fn a_step_can_be_chosen() {
    let other = "{\"at\":1,\"step\":\"j / other\",\"who\":\"b\"}\n";
    let mut case = Case::new(format!("{other}{}{other}", ack("a", 1, "x")), "who,n,v\na,1,x\n");
    assert_eq!(
        case.complaint(),
        "acks.ndjson: line 1 has no \"n\"; it has at, step, who; if steps acknowledge different things, --step names \
         the one to compare"
    );
    for step in ["s", "j / s"] {
        case.options.step = Some(step.into());
        assert_eq!((case.run().passed, case.run().acknowledged_lines), (true, 1));
    }
    case.options.step = Some("her".into());
    assert_eq!(
        case.complaint(),
        "acks.ndjson: no line of step \"her\"; it has j / other, j / s"
    );
    case.options.step = Some("other".into());
    assert_eq!(
        case.complaint(),
        "acks.ndjson: line 1 has no \"n\"; it has at, step, who"
    );
}

#[test]
fn names_of_the_scenario_win_over_the_lines_own() {
    let line = r#"{"at":17,"step":"j / s","step":"mine","at":"noon","n":1,"who":"a"}"#.to_owned() + "\n";
    let mut case = Case::new(line, "step,at\nmine,noon\n");
    (case.options.key, case.options.compare) = (vec!["step".into()], vec!["at".into()]);
    assert!(case.run().passed);
}

#[test]
fn a_line_that_was_cut_off_is_left_out_and_said() {
    let whole = [ack("a", 1, "x"), ack("b", 1, "é")].concat();
    for cut in 1..ack("b", 1, "é").len() - 1 {
        let bytes = &whole.as_bytes()[..ack("a", 1, "x").len() + cut];
        let outcome = Case::new(bytes, "who,n,v\na,1,x\n").run();
        assert!(
            outcome.passed && outcome.torn_line && outcome.acknowledged_lines == 1,
            "{cut}"
        );
        assert!(text(&outcome).starts_with("the last line of the file was cut off"));
    }
    let only_the_end_is_missing = &whole[..whole.len() - 1];
    let outcome = Case::new(only_the_end_is_missing, "who,n,v\na,1,x\n").run();
    assert_eq!(
        (keys(&outcome.lost), outcome.torn_line),
        (vec!["b/1".into()], false)
    );
}

#[test]
fn nothing_acknowledged_proves_nothing() {
    for nothing in ["", "\n", "{\"who\":"] {
        let outcome = Case::new(nothing, "who,n,v\n").run();
        assert!(!outcome.passed, "{nothing}");
        assert!(text(&outcome).ends_with("nothing was acknowledged: nothing is proved\n"));
    }
}

#[test]
fn nothing_held_is_everything_lost() {
    let lines: String = (0..25).map(|n| ack("a", n, "x")).collect();
    let outcome = Case::new(lines, "who,n,v\n").run();
    assert_eq!((outcome.lost.count, outcome.lost.samples.len()), (25, 10));
    assert!(text(&outcome).contains("  who=a n=9\n  and 15 more\n"));
}

#[test]
fn complaints_name_the_file_the_place_and_what_there_is() {
    let good = ack("a", 1, "x");
    for (lines, held, complaint) in [
        (
            "oops\n",
            "",
            "acks.ndjson: line 1 is no JSON object: expected value at line 1 column 1",
        ),
        (
            "{\"who\":1}{}\n",
            "",
            "acks.ndjson: line 1 is no JSON object: trailing characters",
        ),
        ("[1]\n", "", "acks.ndjson: line 1 is no JSON object: invalid type"),
        (
            &good,
            "",
            "held.csv: it is empty; the first line names the columns, here: who,n,v",
        ),
        (&good, "who,m,v\n", "held.csv: no column \"n\""),
        (
            &good,
            "who,stamp,answers\n",
            "held.csv: no column \"n\"; it has who, stamp, answers",
        ),
        (&good, "who,n,v,n\n", "held.csv: two columns are called \"n\""),
        (
            &good,
            "who,n,v\na,1,x\nb,2\n",
            "held.csv: the row near line 3 has 2 fields, the first line names 3",
        ),
    ] {
        let said = Case::new(lines, held).complaint();
        assert!(said.starts_with(complaint), "{lines} {held}: {said}");
        assert!(!said.contains('\n'));
    }
    let said = Case::new(&good, b"who,n,v\na,1,\xff\n").complaint();
    assert_eq!(
        said,
        "held.csv: the row near line 2 is not UTF-8; save it as UTF-8"
    );
    let mut case = Case::new(&good, "\u{feff}who,n,v\r\na,1,x\r\n");
    assert!(case.run().passed);
    case.options.compare = vec!["n".into()];
    assert_eq!(
        case.complaint(),
        "column \"n\" is named twice in --key and --compare"
    );
    case.options.held = Held::Csv(PathBuf::from("/nowhere.csv"));
    case.options.compare.clear();
    assert!(case.complaint().starts_with("/nowhere.csv: No such file"));
    case.options.acknowledged = PathBuf::from("/nowhere.ndjson");
    assert!(case.complaint().starts_with("/nowhere.ndjson: No such file"));
}

#[test]
fn a_database_that_is_not_there_is_named_without_its_password() {
    let mut case = Case::new(ack("a", 1, "x"), "");
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    case.options.held = Held::Database {
        url: format!("postgres://me:SECRET@{closed}/db"),
        query: "TABLE t".into(),
    };
    let said = case.complaint();
    assert!(
        said.starts_with(&format!("cannot connect to the database at {closed}: ")),
        "{said}"
    );
    assert!(!said.contains("SECRET"));
    case.options.held = Held::Database {
        url: "SECRET".into(),
        query: "TABLE t".into(),
    };
    let said = case.complaint();
    assert!(
        said.starts_with("the database's connection string: ") && !said.contains("SECRET"),
        "{said}"
    );
}

/// What happens to an acknowledged row on its way into what is held.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Held,
    Lost,
    Doubled,
    Changed,
    /// Held twice, once with another value.
    DoubledAndChanged,
    /// Acknowledged twice.
    Resent,
}

fn fate() -> impl Strategy<Value = Fate> {
    use Fate::*;
    prop_oneof![
        6 => Just(Held),
        1 => Just(Lost),
        1 => Just(Doubled),
        1 => Just(Changed),
        1 => Just(DoubledAndChanged),
        1 => Just(Resent),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_injected_is_counted_exactly(
        rows in prop::collection::btree_map((".{0,4}", 0_u32..20), (".{0,6}", fate()), 1..60),
        extra in prop::collection::hash_set(100_u32..200, 0..10),
        seed: u64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let book = Acknowledgements::create(dir.path().join("acks.ndjson")).unwrap();
        let mut sink = book.sink();
        let mut held: Vec<[String; 3]> = Vec::new();
        for ((who, n), (v, fate)) in &rows {
            let n = n.to_string();
            let times = if *fate == Fate::Resent { 2 } else { 1 };
            for _ in 0..times {
                sink.write(1, "j / s", [("who", who.as_str()), ("n", n.as_str()), ("v", v.as_str())]);
            }
            let other = format!("{v}?");
            let values: &[&String] = match fate {
                Fate::Lost => &[],
                Fate::Held | Fate::Resent => &[v],
                Fate::Changed => &[&other],
                Fate::Doubled => &[v, v],
                Fate::DoubledAndChanged => &[&other, v],
            };
            held.extend(values.iter().map(|value| [who.clone(), n.clone(), (*value).clone()]));
        }
        held.extend(extra.iter().map(|n| ["x".to_owned(), n.to_string(), String::new()]));
        fastrand::Rng::with_seed(seed).shuffle(&mut held);
        drop(sink);
        let lines = book.finish().unwrap();
        let mut csv = csv::Writer::from_path(dir.path().join("held.csv")).unwrap();
        csv.write_record(["who", "n", "v"]).unwrap();
        held.iter().for_each(|row| csv.write_record(row).unwrap());
        csv.flush().unwrap();
        let mut case = Case::new("", "");
        case.options.acknowledged = dir.path().join("acks.ndjson");
        case.options.held = Held::Csv(dir.path().join("held.csv"));
        let outcome = case.run();

        let count = |fates: &[Fate]| rows.values().filter(|(_, fate)| fates.contains(fate)).count() as u64;
        prop_assert_eq!(outcome.acknowledged_lines, lines);
        prop_assert_eq!(outcome.acknowledged_keys, rows.len() as u64);
        prop_assert_eq!(outcome.resent, count(&[Fate::Resent]));
        prop_assert_eq!(outcome.lost.count, count(&[Fate::Lost]));
        prop_assert_eq!(outcome.doubled.count, count(&[Fate::Doubled, Fate::DoubledAndChanged]));
        prop_assert_eq!(outcome.different.count, count(&[Fate::Changed, Fate::DoubledAndChanged]));
        prop_assert_eq!(outcome.extra.count, extra.len() as u64);
        prop_assert_eq!(outcome.held_rows, held.len() as u64);
        let bad = outcome.lost.count + outcome.doubled.count + outcome.different.count;
        prop_assert_eq!(outcome.passed, bad == 0);
        // The samples are of their kind, and each another key.
        let by_key: BTreeMap<Vec<String>, Fate> =
            rows.iter().map(|((who, n), (_, fate))| (vec![who.clone(), n.to_string()], *fate)).collect();
        for (finding, fates) in [
            (&outcome.lost, vec![Fate::Lost]),
            (&outcome.doubled, vec![Fate::Doubled, Fate::DoubledAndChanged]),
            (&outcome.different, vec![Fate::Changed, Fate::DoubledAndChanged]),
        ] {
            prop_assert_eq!(finding.samples.len() as u64, finding.count.min(10));
            let different: HashSet<_> = finding.samples.iter().map(|sample| &sample.key).collect();
            prop_assert_eq!(different.len(), finding.samples.len());
            prop_assert!(finding.samples.iter().all(|sample| fates.contains(&by_key[&sample.key])));
        }
    }

    #[test]
    fn no_file_makes_it_panic(lines in "([{}\\[\\]\",:0-9a-z\n]|\"who\"|\"n\":1){0,60}", held in "(who,n,v\n)?[,\"\n\ra-z]{0,40}") {
        let case = Case::new(lines, held);
        if let Err(error) = reconcile(&case.options) {
            let mut message = String::new();
            write!(message, "{error}").unwrap();
            prop_assert!(!message.is_empty());
        }
    }
}
