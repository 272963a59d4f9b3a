//! The house rules that a compiler cannot see. Each names the file and the way out.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test: a panic is its message")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Every file under `dir` with this ending, with its path from the root and its text.
fn files(dir: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(dir)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(
        !found.is_empty(),
        "no {ending} files under {dir}: this rule looks in the wrong place"
    );
    found
}

/// Lines of code that break a rule, with their places.
fn lines(dir: &str, ending: &str, breaks: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut offenders = Vec::new();
    for (name, text) in files(dir, ending) {
        for (n, line) in text.lines().enumerate() {
            if !line.trim_start().starts_with("//") && breaks(&name, line) {
                offenders.push(format!("{name}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    offenders
}

fn has(line: &str, any: &[&str]) -> bool {
    any.iter().any(|part| line.contains(part))
}

fn complain(rule: &str, offenders: &[String]) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn answers_are_written_by_the_write_path_alone() {
    let writes = ["INSERT INTO", "UPDATE ", "DELETE FROM", "TRUNCATE", "COPY "];
    let answers = [".response ", ".save ", ".submission "];
    let offenders = lines("crates/store/src", ".rs", |name, line| {
        let path = name.contains("/ingest/statements.rs");
        let admin = name.contains("/admin/") && !has(line, &answers);
        has(line, &writes) && !path && !admin
    });
    complain(
        "ingest/statements.rs alone writes answers, admin/ the rest, read/ nothing",
        &offenders,
    );
}

#[test]
fn answers_are_never_changed_or_removed() {
    let offenders = lines("crates/store/src", ".rs", |_, line| {
        has(
            line,
            &["UPDATE {schema}", "DELETE FROM {schema}", "DO UPDATE", "TRUNCATE"],
        )
    });
    complain("a wave's tables are append-only", &offenders);
}

#[test]
fn survey_sql_is_in_the_store_alone() {
    let sql = [
        "SELECT ",
        "INSERT INTO",
        "UPDATE canvass",
        "UPDATE roster",
        "DELETE FROM",
    ];
    let offenders: Vec<String> = ["crates/web/src", "crates/survey/src", "crates/canvass/src"]
        .iter()
        .flat_map(|folder| lines(folder, ".rs", |_, line| has(line, &sql)))
        .collect();
    complain("SQL belongs into crates/store", &offenders);
}

#[test]
fn edges_between_crates_point_down_only() {
    // What each crate may depend on, of ours. testkit may be used by any crate's tests.
    let allowed: [(&str, &[&str]); 9] = [
        ("survey", &[]),
        ("stack", &[]),
        ("store", &["survey"]),
        ("web", &["store", "survey"]),
        ("pooler", &[]),
        ("pglog", &[]),
        ("rehearse", &[]),
        (
            "canvass",
            &["web", "store", "survey", "stack", "pooler", "rehearse", "pglog"],
        ),
        ("testkit", &["stack", "store", "survey"]),
    ];
    let mut offenders = Vec::new();
    for (name, text) in files("crates", "Cargo.toml") {
        let krate = name.split('/').nth(1).unwrap();
        let Some((_, may)) = allowed.iter().find(|(known, _)| *known == krate) else {
            panic!("{name}: say in crates/testkit/tests/tidy.rs what {krate} may depend on")
        };
        let dependencies = text.split("[dev-dependencies]").next().unwrap();
        for line in dependencies.lines().filter(|line| line.starts_with("canvass-")) {
            let dependency = line["canvass-".len()..].split([' ', '=']).next().unwrap();
            if !may.contains(&dependency) {
                offenders.push(format!("{name}: {line}"));
            }
        }
    }
    complain(
        "edges between crates point down only (ARCHITECTURE.md)",
        &offenders,
    );
}

#[test]
fn the_questionnaire_does_no_io() {
    let io = [
        "std::fs",
        "std::net",
        "std::io",
        "SystemTime",
        "Instant::now",
        "tokio::",
    ];
    complain(
        "crates/survey is pure: no IO, no clock",
        &lines("crates/survey/src", ".rs", |_, line| has(line, &io)),
    );
}

#[test]
fn every_path_that_architecture_names_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut offenders = Vec::new();
    let mut named = 0;
    for name in text.split('`').skip(1).step_by(2) {
        if !name.contains('/') || name.contains([' ', '{', '\n']) || name.starts_with('/') {
            continue;
        }
        named += 1;
        if !root().join(name).exists() && !root().join("crates").join(name).exists() {
            offenders.push(name.to_owned());
        }
    }
    assert!(named > 10, "ARCHITECTURE.md names its files in backquotes");
    complain("ARCHITECTURE.md names what is not there", &offenders);
}

#[test]
fn an_acknowledgement_is_made_in_one_place() {
    let offenders = lines("crates", ".rs", |name, line| {
        line.contains("Committed {")
            && !has(line, &["struct", "enum"])
            && !name.ends_with("ingest/writer.rs")
            && !name.ends_with("ingest/batch.rs")
            && !name.ends_with("tidy.rs")
    });
    complain(
        "only the writer acknowledges (batch.rs: its unit tests)",
        &offenders,
    );
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut offenders = Vec::new();
    for (name, text) in files("docs", ".md").into_iter().chain(
        ["README.md", "CONTRIBUTING.md"].map(|n| (n.to_owned(), fs::read_to_string(root().join(n)).unwrap())),
    ) {
        let here = root().join(&name).parent().unwrap().to_owned();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#', ' ']).next())
        {
            if !target.is_empty() && !target.contains("://") && !here.join(target).exists() {
                offenders.push(format!("{name}: {target}"));
            }
        }
        if text.contains("@FIGURES@") {
            offenders.push(format!("{name}: figures are missing"));
        }
    }
    complain("a link leads nowhere", &offenders);
}

#[test]
fn tests_wait_on_conditions() {
    // A pause between two looks at a condition, or the schedule of a load, is marked as such; what waits on
    // conditions for all tests stands in support/.
    let marked = ["// between two looks", "// the schedule", "// a client's pause"];
    let sleeps = |name: &str, line: &str| {
        line.contains("sleep(") && !has(line, &marked) && !name.contains("/support/")
    };
    let folders = [
        "crates/canvass/tests",
        "crates/survey/tests",
        "crates/stack/tests",
    ];
    let offenders: Vec<String> = folders
        .iter()
        .flat_map(|folder| lines(folder, ".rs", sleeps))
        .collect();
    complain(
        "tests wait on conditions (canvass_testkit::eventually), they do not sleep",
        &offenders,
    );
}

#[test]
fn pages_load_nothing_from_elsewhere() {
    let elsewhere = |_: &str, line: &str| {
        (has(line, &["http://", "https://"]) && !line.contains("www.w3.org"))
            || has(line, &[" style=\"", "<style"])
    };
    let folders = [
        ("crates/web/templates", ".html"),
        ("crates/web/static", ".css"),
        ("crates/web/static", ".js"),
    ];
    let offenders: Vec<String> = folders
        .iter()
        .flat_map(|(folder, ending)| lines(folder, ending, elsewhere))
        .collect();
    complain(
        "pages load nothing from elsewhere and have no inline style",
        &offenders,
    );
}
