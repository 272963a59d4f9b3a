//! The configuration as a whole: text in, settings or sentences out.

mod console;
mod documentation;
mod files;
mod problems;
mod properties;
mod sections;
mod syntax;
mod values;

use super::{Config, Loaded};

/// Reads a text that must be right and gives rise to no warning.
fn read(text: &str) -> Config {
    let Loaded { config, warnings } = Config::parse(text).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    config
}

/// What is wrong with a text.
fn problems(text: &str) -> Vec<String> {
    Config::parse(text).expect_err(text).problems().to_vec()
}

/// The one thing that is wrong with a text.
fn problem(text: &str) -> String {
    let problems = problems(text);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems[0].clone()
}

/// Reads one line of the section `[pgbouncer]`, and shows the value of its setting.
fn shown(line: &str) -> String {
    let config = read(&format!("[pgbouncer]\n{line}"));
    let name = line.split('=').next().unwrap().trim();
    config
        .show()
        .into_iter()
        .find(|row| row.key == name)
        .unwrap()
        .value
}

/// What is wrong with one line of the section `[pgbouncer]`.
fn refused(line: &str) -> String {
    problem(&format!("[pgbouncer]\n{line}"))
}
