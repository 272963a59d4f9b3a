//! One run of a real PostgreSQL that logs in three formats at once: three reports that say the same, and what
//! pg_stat_statements counted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use canvass_pglog::sql::Normalizer;
use canvass_testkit::{TestCluster, eventually};
use serde_json::Value;

const PREFIX: &str = "%m [%p] %c %l %e %u@%d %a %h %b %Q ";

/// A cluster that logs everything, three times.
fn talkative() -> TestCluster {
    let cluster = TestCluster::start();
    let settings = [
        ("logging_collector", "on"),
        ("log_destination", "'stderr,csvlog,jsonlog'"),
        ("log_directory", "'log'"),
        ("log_filename", "'truth.log'"),
        ("log_rotation_size", "0"),
        ("log_rotation_age", "0"),
        ("log_line_prefix", &format!("'{PREFIX}'")),
        ("log_error_verbosity", "'default'"),
        ("log_min_error_statement", "error"),
        ("log_min_duration_statement", "0"),
        ("log_parameter_max_length", "-1"),
        ("log_temp_files", "0"),
        ("log_autovacuum_min_duration", "0"),
        ("log_checkpoints", "on"),
        ("log_lock_waits", "on"),
        ("deadlock_timeout", "'50ms'"),
        ("log_connections", "on"),
        ("log_disconnections", "on"),
        ("autovacuum_naptime", "'1s'"),
        ("compute_query_id", "on"),
        ("shared_preload_libraries", "pg_stat_statements"),
    ];
    for (name, value) in settings {
        cluster.execute("postgres", &format!("ALTER SYSTEM SET {name} = {value}"));
    }
    cluster.trust_everybody();
    cluster.execute("postgres", "CREATE EXTENSION pg_stat_statements");
    cluster.execute("postgres", "CREATE DATABASE truth");
    cluster
}

fn log_dir(cluster: &TestCluster) -> PathBuf {
    cluster.dir().join("postgres/log")
}

fn pgbench(cluster: &TestCluster, args: &[&str]) {
    pgbench_as(cluster, "pgbench", args);
}

fn pgbench_as(cluster: &TestCluster, application: &str, args: &[&str]) {
    let output = Command::new("pgbench")
        .args(args)
        .args(["--host", "127.0.0.1", "--username", "canvass_admin", "truth"])
        .env("PGAPPNAME", application)
        .env("PGPORT", cluster.port().to_string())
        .env("PATH", path_with_postgres())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Where distributions keep PostgreSQL's programs that are not for everyday use.
fn path_with_postgres() -> String {
    let mut path = std::env::var("PATH").unwrap_or_default();
    for entry in fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
    {
        path += &format!(":{}", entry.path().join("bin").display());
    }
    path
}

fn fails(cluster: &TestCluster, sql: &str) {
    let db = url(cluster);
    let done = try_execute(&db, sql);
    assert!(done.is_err(), "{sql} was to fail");
}

fn url(cluster: &TestCluster) -> String {
    format!(
        "postgresql://canvass_admin@127.0.0.1:{}/truth?application_name=truth",
        cluster.port()
    )
}

fn try_execute(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    runtime().block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        let running = tokio::spawn(connection);
        let done = client.batch_execute(sql).await;
        drop(client);
        let _ = running.await;
        done
    })
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// Errors, a deadlock, a lock wait, temporary files, vacuuming.
fn trouble(cluster: &TestCluster) {
    fails(cluster, "SELECT 1 / 0");
    fails(cluster, "SELEC 1");
    fails(
        cluster,
        "INSERT INTO pgbench_branches (bid, bbalance) VALUES (1, 0)",
    );
    fails(
        cluster,
        "SET statement_timeout = '10ms'; SELECT count(*) FROM generate_series(1, 1000000000)",
    );
    deadlock(cluster);
    let url = url(cluster);
    try_execute(&url, "SET work_mem = '64kB'; SELECT count(*) FROM (SELECT aid FROM pgbench_accounts ORDER BY filler, aid) s")
        .unwrap();
    try_execute(
        &url,
        "CREATE TABLE busy (n int); INSERT INTO busy SELECT generate_series(1, 20000); DELETE FROM busy",
    )
    .unwrap();
    eventually("autovacuum of the busy table", || {
        let log = fs::read_to_string(log_dir(cluster).join("truth.csv")).unwrap_or_default();
        (log.contains("automatic vacuum of table \"\"truth.public.busy")
            && log.contains("automatic analyze of table \"\"truth.public.busy"))
        .then_some(())
    });
}

fn deadlock(cluster: &TestCluster) {
    let url = url(cluster);
    runtime().block_on(async {
        let connect = async || {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
                .await
                .unwrap();
            tokio::spawn(connection);
            client
        };
        let (one, other) = (connect().await, connect().await);
        let update = |id: i32| format!("UPDATE pgbench_tellers SET tbalance = 0 WHERE tid = {id}");
        one.batch_execute("BEGIN").await.unwrap();
        other.batch_execute("BEGIN").await.unwrap();
        one.batch_execute(&update(1)).await.unwrap();
        other.batch_execute(&update(2)).await.unwrap();
        let (second, first) = (update(2), update(1));
        let (a, b) = tokio::join!(one.batch_execute(&second), other.batch_execute(&first));
        assert!(a.is_err() != b.is_err(), "one of the two was to be chosen");
        let _ = one.batch_execute("ROLLBACK").await;
        let _ = other.batch_execute("ROLLBACK").await;
    });
}

/// A report as JSON, without what differs from format to format: names and sizes of the logs.
fn report(dir: &Path, log: &str, args: &[&str]) -> Value {
    let mut all = vec![log, "--json", "-"];
    all.extend(args);
    let mut report: Value = serde_json::from_str(&crate::told(&all, dir)).unwrap();
    report.as_object_mut().unwrap().remove("inputs").unwrap();
    report
}

/// Two reports are the same; else where they differ first.
fn same(what: &str, a: &Value, b: &Value) {
    if let Some(place) = difference(a, b) {
        panic!("{what} differ: {place}");
    }
}

fn difference(a: &Value, b: &Value) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => a
            .iter()
            .find_map(|(key, value)| Some(format!("{key}.{}", difference(value, &b[key])?))),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(i, (a, b))| Some(format!("{i}.{}", difference(a, b)?)))
        }
        (a, b) => (a != b).then(|| format!(" {a:.300} and {b:.300}")),
    }
}

#[test]
fn three_formats_say_the_same_and_what_pg_stat_statements_counted() {
    let cluster = talkative();
    cluster.execute("postgres", "SELECT pg_stat_statements_reset()");
    pgbench(&cluster, &["-i", "-s", "1", "-q"]);
    for protocol in ["simple", "extended"] {
        pgbench(&cluster, &["-n", "-M", protocol, "-c", "3", "-t", "200"]);
    }
    let counted_before = pg_stat_statements(&cluster);
    pgbench_as(
        &cluster,
        "prepared",
        &["-n", "-M", "prepared", "-c", "3", "-t", "200"],
    );
    let counted = pg_stat_statements(&cluster);
    trouble(&cluster);
    cluster.stop();

    let dir = log_dir(&cluster);
    let stderr = report(&dir, "truth.log", &[]);
    let csv = report(&dir, "truth.csv", &[]);
    let json = report(&dir, "truth.json", &[]);
    same("stderr and csvlog", &stderr, &csv);
    same("csvlog and jsonlog", &csv, &json);
    for threads in ["1", "3"] {
        let again = report(&dir, "truth.log", &["--threads", threads]);
        same("one thread and many", &stderr, &again);
    }
    assert!(stderr["records"]["severities"]["ERROR"].as_u64().unwrap() >= 5);

    let of = |applications: &[&str]| {
        let mut args = vec!["--database", "truth"];
        applications
            .iter()
            .for_each(|name| args.extend(["--application", name]));
        report(&dir, "truth.csv", &args)
    };
    // Of a prepared utility statement (BEGIN, END) pg_stat_statements 1.10 counts the first execution only: its plan loses
    // its identifier. So those are compared before the prepared run.
    agree(&counted, &of(&["pgbench", "prepared"]), |kind| !is_utility(kind));
    agree(&counted_before, &of(&["pgbench"]), is_utility);
}

fn is_utility(kind: &str) -> bool {
    !matches!(kind, "select" | "insert" | "update" | "delete" | "merge")
}

/// Calls and µs by fingerprint, of pgbench's statements.
type Counted = BTreeMap<String, (u64, f64, String)>;

fn pg_stat_statements(cluster: &TestCluster) -> Counted {
    let sql = "SELECT query, calls, total_exec_time * 1000 FROM pg_stat_statements s \
               JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = 'truth'";
    let rows = runtime().block_on(async {
        let url = format!("postgresql://canvass_admin@127.0.0.1:{}/postgres", cluster.port());
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client.query(sql, &[]).await.unwrap()
    });
    let mut normalizer = Normalizer::default();
    let mut counted = Counted::new();
    for row in rows {
        let (query, calls, micros): (String, i64, f64) = (row.get(0), row.get(1), row.get(2));
        let id = format!("{:016x}", normalizer.normalize(query.as_bytes()).fingerprint);
        let entry = counted.entry(id).or_insert((0, 0.0, query));
        entry.0 += u64::try_from(calls).unwrap();
        entry.1 += micros;
    }
    counted
}

/// Every statement of these kinds was called as often as PostgreSQL counted, and took at least as long.
fn agree(counted: &Counted, logged: &Value, is_of: impl Fn(&str) -> bool) {
    let mut compared = 0;
    println!(
        "{:>8} {:>12} {:>12}  difference a call, µs",
        "calls", "logged µs", "counted µs"
    );
    let all = logged["statements"].as_array().unwrap();
    for statement in all
        .iter()
        .filter(|s| is_of(s["kind"].as_str().unwrap()) && s["calls"] != 0)
    {
        // A message of several statements is one call here and several there.
        if statement["statements"] != 1 {
            continue;
        }
        let id = statement["id"].as_str().unwrap();
        let text = statement["text"].as_str().unwrap();
        let (calls, micros, _) = counted.get(id).unwrap_or_else(|| panic!("not counted: {text}"));
        assert_eq!(statement["calls"].as_u64().unwrap(), *calls, "{text}");
        let total = statement["micros"].as_u64().unwrap();
        // The log cuts each step's duration to whole microseconds.
        let cut = *calls as f64 * 3.0;
        assert!(
            total as f64 + cut >= *micros,
            "{text}: {total} logged, {micros} counted"
        );
        let difference = (total as f64 - micros) / *calls as f64;
        println!("{calls:>8} {total:>12} {micros:>12.0}  {difference:.1}  {text:.60}");
        compared += 1;
    }
    assert!(compared >= 6, "only {compared} statements");
    let several = all.iter().any(|s| s["statements"].as_u64().unwrap() > 1);
    for (id, (calls, _, query)) in counted {
        let is_logged = all.iter().any(|s| s["id"] == id.as_str());
        assert!(
            is_logged || several,
            "{calls} calls were counted and not logged: {query}"
        );
    }
}
