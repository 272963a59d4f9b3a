//! What counts, as the command line says it; what is written besides the report.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::{logs, told};

const LOG: &str = "\
2026-11-26 08:00:00.000 UTC [11] 51.b ann@school web 10.0.0.1 LOG:  duration: 1.000 ms  statement: SELECT name FROM pupil WHERE id = 7
2026-11-26 09:00:00.000 UTC [12] 51.c bob@school report 10.0.0.2 LOG:  duration: 20.000 ms  statement: SELECT count(*) FROM answer
2026-11-26 10:00:00.000 UTC [13] 51.d ann@archive web 10.0.0.1 LOG:  duration: 3.000 ms  statement: INSERT INTO answer VALUES (1, 'zqx')
2026-11-26 10:30:00.000 UTC [13] 51.d ann@archive web 10.0.0.1 ERROR:  relation \"nothing\" does not exist at character 15
2026-11-26 10:30:00.000 UTC [13] 51.d ann@archive web 10.0.0.1 STATEMENT:  SELECT * FROM nothing WHERE code = 'zqx'
2026-11-27 08:00:00.000 UTC [14] 51.e eve@school psql [local] LOG:  duration: 400.000 ms  execute x: UPDATE pupil SET name = $1
2026-11-27 08:00:00.000 UTC [14] 51.e eve@school psql [local] DETAIL:  parameters: $1 = 'zqx'
";
const PREFIX: &str = "%m [%p] %c %u@%d %a %h ";

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a.log"), LOG).unwrap();
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// (executions, errors) with these arguments.
    fn counts(&self, args: &[&str]) -> (u64, u64) {
        let all = [&["a.log", "--prefix", PREFIX, "--json", "-"], args].concat();
        let output = logs(&all, self.path());
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{args:?}: {e}: {}", String::from_utf8_lossy(&output.stderr)));
        let errors = report["records"]["severities"]["ERROR"].as_u64().unwrap_or(0);
        (report["all"]["calls"].as_u64().unwrap(), errors)
    }
}

#[test]
fn by_time_and_by_who() {
    let place = Place::new();
    let cases: [(&[&str], (u64, u64)); 19] = [
        (&[], (4, 1)),
        (&["--since", "2026-11-26 09:00"], (3, 1)),
        (&["--until", "2026-11-26 09:00"], (1, 0)),
        (&["--since", "2026-11-26", "--until", "2026-11-26"], (3, 1)),
        (
            &[
                "--since",
                "2026-11-26T10:00:00Z",
                "--until",
                "2026-11-26T10:00:01Z",
            ],
            (1, 0),
        ),
        // In Berlin it is an hour later.
        (
            &["--timezone", "Europe/Berlin", "--until", "2026-11-26 10:00"],
            (1, 0),
        ),
        (&["--user", "ann"], (2, 1)),
        (&["--user", "ann", "--user", "bob"], (3, 1)),
        (&["--exclude-user", "ann"], (2, 0)),
        (&["--database", "school"], (3, 0)),
        (&["--exclude-database", "school"], (1, 1)),
        (&["--application", "report"], (1, 0)),
        (&["--exclude-application", "web"], (2, 0)),
        (&["--client", "10.0.0.1"], (2, 1)),
        (&["--exclude-client", "[local]"], (3, 1)),
        (&["--pid", "11", "--pid", "12"], (2, 0)),
        (&["--session", "51.d"], (1, 1)),
        (&["--user", "ann", "--database", "school"], (1, 0)),
        (&["--user", "nobody"], (0, 0)),
    ];
    for (args, counts) in cases {
        assert_eq!(place.counts(args), counts, "{args:?}");
    }
}

#[test]
fn by_statement() {
    let place = Place::new();
    let cases: [(&[&str], (u64, u64)); 7] = [
        (&["--query", "from answer"], (1, 0)),
        (&["--query", "PUPIL"], (2, 0)),
        (&["--query", "pupil", "--query", "into answer"], (3, 0)),
        (&["--exclude-query", "pupil"], (2, 1)),
        (&["--select-only"], (2, 1)),
        (&["--errors-only"], (0, 1)),
        (&["--query", "zqx"], (0, 0)),
    ];
    for (args, counts) in cases {
        assert_eq!(place.counts(args), counts, "{args:?}");
    }
}

#[test]
fn no_value_is_written_anywhere_unless_asked_for() {
    let place = Place::new();
    let args = [
        "a.log", "--prefix", PREFIX, "--json", "r.json", "--html", "r.html", "--text", "r.txt", "--dump",
        "r.csv",
    ];
    told(&args, place.path());
    for name in ["r.json", "r.html", "r.txt", "r.csv"] {
        let path = place.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.len() > 100 && !text.contains("zqx"), "{name}");
        assert!(!text.contains("10.0.0."), "{name}: a client's address");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600,
            "{name}"
        );
    }
    told(&[&args[..], &["--with-values"]].concat(), place.path());
    for name in ["r.json", "r.csv"] {
        assert!(
            fs::read_to_string(place.path().join(name))
                .unwrap()
                .contains("zqx"),
            "{name}"
        );
    }
}

#[test]
fn a_pipe_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let place = Place::new();
    let pipe = place.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    told(&["a.log", "--prefix", PREFIX, "--json", "pipe"], place.path());
    assert!(reader.join().unwrap().contains("\"version\""));
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn executions_are_dumped_one_a_line() {
    let place = Place::new();
    told(
        &[
            "a.log",
            "--prefix",
            PREFIX,
            "--dump",
            "r.csv",
            "--database",
            "school",
        ],
        place.path(),
    );
    let mut rows = csv::Reader::from_path(place.path().join("r.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3);
    let last: Vec<&str> = rows[2].iter().collect();
    assert_eq!(
        &last[..9],
        [
            "1795766400000000",
            "14",
            "psql",
            "eve",
            "school",
            "[local]",
            "0",
            "0",
            "400000"
        ]
    );
    assert_eq!(last[10], "update pupil set name = ?");
}

#[test]
fn normalised_statements_alone() {
    let place = Place::new();
    let said = told(
        &[
            "a.log",
            "--prefix",
            PREFIX,
            "--normalized-only",
            "--database",
            "school",
        ],
        place.path(),
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines,
        [
            "update pupil set name = ?;",
            "select count(*) from answer;",
            "select name from pupil where id = ?;"
        ]
    );
}

#[test]
fn a_report_for_each_database() {
    let place = Place::new();
    told(
        &["a.log", "--prefix", PREFIX, "--per-database", "each"],
        place.path(),
    );
    let calls = |name: &str| {
        let text = fs::read_to_string(place.path().join("each").join(name)).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()["all"]["calls"]
            .as_u64()
            .unwrap()
    };
    assert_eq!((calls("school.json"), calls("archive.json")), (3, 1));
}

#[test]
fn what_has_to_be_read_several_times_is_not_read_from_a_pipe_or_into_a_state() {
    let place = Place::new();
    for args in [
        ["-", "--per-database", "each"].as_slice(),
        &["a.log", "--per-database", "each", "--state", "s"],
    ] {
        let output = logs(args, place.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(0), "{args:?}");
        assert!(said.contains("--per-database"), "{said}");
        assert!(!place.path().join("each").exists(), "{args:?}");
    }
}

#[test]
fn a_bare_duration_is_of_the_statement_that_was_chosen() {
    let place = Place::new();
    let log = "\
2026-11-26 08:00:00.000 UTC [11] 1a.b ann@school web 10.0.0.1 LOG:  statement: SELECT name FROM pupil
2026-11-26 08:00:00.002 UTC [11] 1a.b ann@school web 10.0.0.1 LOG:  duration: 2.000 ms
2026-11-26 08:00:01.000 UTC [11] 1a.b ann@school web 10.0.0.1 LOG:  statement: SELECT 1 FROM other
2026-11-26 08:00:01.003 UTC [11] 1a.b ann@school web 10.0.0.1 LOG:  duration: 3.000 ms
";
    fs::write(place.path().join("a.log"), log).unwrap();
    assert_eq!(place.counts(&["--query", "pupil"]), (1, 0));
    assert_eq!(place.counts(&["--exclude-query", "pupil"]), (1, 0));
    assert_eq!(place.counts(&[]), (2, 0));
}

#[test]
fn wrong_words_are_named_with_their_option() {
    let place = Place::new();
    for (args, words) in [
        (["--since", "yesterday"], "--since"),
        (["--query", "("], "--query"),
        (["--timezone", "Mars"], "Mars"),
        (["--prefix", "%m %z"], "%z"),
    ] {
        let output = logs(&[&["a.log"], &args[..]].concat(), place.path());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(0), "{args:?}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}

#[test]
fn never_an_empty_report_with_exit_code_0() {
    let place = Place::new();
    fs::write(place.path().join("empty.log"), "").unwrap();
    fs::write(place.path().join("other.log"), "this is\nno log\n").unwrap();
    let cases: [&[&str]; 5] = [
        &["empty.log"],
        &["other.log"],
        &["missing.log"],
        &["a.log", "missing.log"],
        &[],
    ];
    for args in cases {
        let output = logs(args, place.path());
        assert_eq!(output.status.code(), Some(1), "{args:?}");
    }
    let output = logs(
        &["a.log", "missing.log", "--prefix", PREFIX, "--json", "-"],
        place.path(),
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["all"]["calls"], 4, "the others are read");
    assert!(
        report["problems"][0].as_str().unwrap().contains("missing.log"),
        "{}",
        report["problems"]
    );
}
