//! Reconciliation with a real PostgreSQL.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test: a panic is its message")]

use std::fs;
use std::process::Command;

use canvass_rehearse::Error;
use canvass_rehearse::acknowledged::Acknowledgements;
use canvass_rehearse::reconcile::{Held, Options, Outcome, reconcile};
use canvass_testkit::{TestDb, shared_cluster};

/// Some application's table, with every row acknowledged before a test changes it.
fn application(rows: u32) -> TestDb {
    let db = shared_cluster().database();
    db.execute(&format!(
        "CREATE TABLE purchase (id bigint, who text, at timestamptz, basket jsonb, note text);
         GRANT SELECT, INSERT ON purchase TO canvass;
         INSERT INTO purchase
         SELECT n, E'Zoë, \"' || n || E'\"\\n', '2026-11-19 12:00+00', jsonb_build_object('price', n, 'paid', n % 2 = 0), NULL
         FROM generate_series(1, {rows}) n"
    ));
    db
}

fn compare(db: &TestDb, rows: u32, query: &str) -> Result<Outcome, Error> {
    compare_at(&db.url, rows, query)
}

fn compare_at(url: &str, rows: u32, query: &str) -> Result<Outcome, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("acks.ndjson");
    let book = Acknowledgements::create(&path).unwrap();
    let mut sink = book.sink();
    for n in 1..=rows {
        let (id, who) = (n.to_string(), format!("Zoë, \"{n}\"\n"));
        let basket = format!(r#"{{"paid":{},"price":{n}.0}}"#, n % 2 == 0);
        sink.write(
            1,
            "buy / pay",
            [
                ("id", id.as_str()),
                ("who", &who),
                ("basket", &basket),
                ("note", ""),
            ],
        );
    }
    drop(sink);
    book.finish().unwrap();
    reconcile(&Options {
        acknowledged: path,
        step: None,
        held: Held::Database {
            url: url.to_owned(),
            query: query.to_owned(),
        },
        key: vec!["id".into(), "who".into()],
        compare: vec!["basket".into(), "note".into()],
        no_extra: true,
        show_values: true,
    })
}

const ALL: &str = "TABLE purchase";

#[test]
fn everything_held_passes_whatever_its_type() {
    let db = application(20_000);
    let query = "SELECT note, basket, at, who, id FROM purchase ORDER BY random(); -- all of them\n";
    let outcome = compare(&db, 20_000, query).unwrap();
    assert!(outcome.passed, "{outcome:?}");
    assert_eq!((outcome.held_rows, outcome.held_keys), (20_000, 20_000));
    // A comment at the end does not swallow what stands around the query.
    assert!(
        compare(&db, 20_000, &format!("{ALL} -- all of them"))
            .unwrap()
            .passed
    );
}

#[test]
fn what_is_lost_doubled_different_and_extra_is_counted() {
    let db = application(100);
    db.execute(
        "DELETE FROM purchase WHERE id = 7;
         INSERT INTO purchase SELECT * FROM purchase WHERE id IN (8, 9);
         UPDATE purchase SET note = 'changed' WHERE id = 10;
         INSERT INTO purchase (id, who) VALUES (101, 'somebody')",
    );
    let outcome = compare(&db, 100, ALL).unwrap();
    assert!(!outcome.passed);
    let first =
        |finding: &canvass_rehearse::reconcile::Finding| (finding.count, finding.samples[0].key[0].clone());
    assert_eq!(first(&outcome.lost), (1, "7".into()));
    assert_eq!(outcome.doubled.count, 2);
    assert_eq!(first(&outcome.different), (1, "10".into()));
    assert_eq!(first(&outcome.extra), (1, "101".into()));
    let difference = &outcome.different.samples[0].columns;
    assert_eq!((difference.len(), difference[0].column.as_str()), (1, "note"));
    assert_eq!(difference[0].held.as_deref(), Some("changed"));
}

#[test]
fn a_query_that_fails_is_no_loss() {
    let db = application(20_000);
    for (query, complaint) in [
        (
            "SELECT nothing FROM purchase",
            "the query: column \"nothing\" does not exist (42703)",
        ),
        (
            "TABLE purchase; TABLE purchase",
            "the query: syntax error at or near \";\" (42601)",
        ),
        (
            "SELECT id FROM purchase",
            "the query: no column \"who\"; it has id",
        ),
        (
            "SELECT *, 1 / (id - 19000) FROM purchase",
            "the query: division by zero (22012)",
        ),
    ] {
        let error = compare(&db, 20_000, query).unwrap_err();
        assert_eq!(error.to_string(), complaint);
    }

    // The last words of a backend that is ended may or may not arrive before the end of its connection.
    let query = "SELECT *, CASE id WHEN 19000 THEN pg_terminate_backend(pg_backend_pid()) END FROM purchase";
    let error = compare(&db, 20_000, query).unwrap_err().to_string();
    let words = [
        "the query: terminating connection due to administrator command (57P01)",
        "the database broke off: connection closed",
    ];
    assert!(words.contains(&error.as_str()), "{error}");
}

#[test]
fn a_query_only_reads() {
    let db = application(3);
    let query = "INSERT INTO purchase (id) VALUES (4) RETURNING *";
    let error = compare(&db, 3, query).unwrap_err().to_string();
    assert_eq!(
        error,
        "the query: cannot execute INSERT in a read-only transaction (25006)"
    );
    assert_eq!(db.value("SELECT count(*) FROM purchase"), "3");
}

#[test]
fn a_refused_connection_names_the_place_and_not_the_password() {
    let db = application(1);
    let port = shared_cluster().port();
    let url = format!("postgres://canvass:SECRET@127.0.0.1:{port}/{}", db.name);
    let error = compare_at(&url, 1, ALL).unwrap_err().to_string();
    let expected =
        format!("cannot connect to the database at 127.0.0.1:{port}: password authentication failed");
    assert!(
        error.starts_with(&expected) && !error.contains("SECRET"),
        "{error}"
    );
}

/// Exit code, standard output and standard error of `canvass rehearse reconcile` in a folder with two files.
fn command(arguments: &str) -> (i32, String, String) {
    let dir = tempfile::tempdir().unwrap();
    let line = "{\"at\":1,\"step\":\"buy / pay\",\"id\":\"7\",\"paid\":\"1\"}\n";
    fs::write(dir.path().join("acks.ndjson"), line).unwrap();
    fs::write(dir.path().join("held.csv"), "id,paid,wrong\n7,1.0,2\n").unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_canvass"))
        .current_dir(dir.path())
        .args(["rehearse", "reconcile", "--acknowledged", "acks.ndjson"])
        .args(arguments.split_whitespace())
        .env_remove("CANVASS_REHEARSE_DATABASE")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
}

#[test]
fn the_exit_code_says_what_came_of_it() {
    let (code, out, _) = command("--csv held.csv --key id --compare paid");
    assert!(
        code == 0 && out.ends_with("is held once, as it was sent\n"),
        "{out}"
    );

    let (code, out, _) = command("--csv held.csv --key id,paid --json");
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &json["passed"], &json["lost"]["count"]),
        (1, &false.into(), &1.into())
    );

    let (code, _, said) = command("--csv held.csv --key id --compare wrong");
    let complaint = "canvass: acks.ndjson: line 1 has no \"wrong\"; it has at, id, paid, step";
    assert!(code == 1 && said.starts_with(complaint), "{said}");

    let (code, _, said) = command("--key id --query-file held.sql --database postgres://x");
    assert!(
        code == 1 && said.starts_with("canvass: held.sql: No such file"),
        "{said}"
    );

    for wrong in [
        "--key id",
        "--csv held.csv",
        "--key id --csv held.csv --query x",
        "--key id --query x",
        "--key id --csv held.csv --what",
    ] {
        assert_eq!(command(wrong).0, 2, "{wrong}");
    }
}
