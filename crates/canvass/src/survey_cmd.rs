//! `canvass survey`: the questionnaire as a file.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use canvass_survey::parse::{self, Problem, Reading, Severity};
use canvass_survey::{Item, Questionnaire};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// What `canvass survey` takes.
#[derive(Debug, Args)]
pub(crate) struct SurveyArgs {
    #[command(subcommand)]
    command: SurveyCommand,
}

#[derive(Debug, Subcommand)]
enum SurveyCommand {
    Check(CheckArgs),
}

/// Check a questionnaire file and say everything that is wrong with it
///
/// Each problem is one line, FILE:LINE:COLUMN: error or warning: what and the way out. Exit code 0 when the file
/// can be used (warnings allowed), 1 when it cannot.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  canvass survey check surveys/small.yaml")]
struct CheckArgs {
    /// The questionnaire, as docs/questionnaire.md describes it
    file: PathBuf,
    /// Print one JSON object to standard output instead
    #[arg(long)]
    json: bool,
}

/// Runs `canvass survey`.
///
/// # Errors
/// When standard output or standard error cannot be written.
pub(crate) fn run(args: &SurveyArgs) -> anyhow::Result<ExitCode> {
    let SurveyCommand::Check(check) = &args.command;
    let reading = read_file(&check.file);
    if check.json {
        let report = as_json(&check.file, &reading);
        writeln!(io::stdout().lock(), "{report:#}")?;
    } else {
        write_problems(&mut io::stderr().lock(), &check.file, &reading)?;
        if let Some(questionnaire) = &reading.questionnaire {
            write_summary(&mut io::stdout().lock(), &check.file, questionnaire)?;
        }
    }
    Ok(if reading.questionnaire.is_some() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Reads a questionnaire file; a file that cannot be read is a problem like any other.
fn read_file(file: &Path) -> Reading {
    let refused = |problem| Reading {
        questionnaire: None,
        problems: vec![problem],
    };
    let mut bytes = vec![];
    let one_more_than_allowed = parse::MAX_BYTES as u64 + 1;
    let read = File::open(file).and_then(|f| f.take(one_more_than_allowed).read_to_end(&mut bytes));
    if let Err(e) = read {
        return refused(Problem {
            line: 1,
            column: 1,
            severity: Severity::Error,
            message: format!("the file cannot be read: {e}"),
        });
    }
    match parse::decode(&bytes) {
        Ok(source) => parse::read(source),
        Err(problem) => refused(problem),
    }
}

fn write_problems(out: &mut impl Write, file: &Path, reading: &Reading) -> io::Result<()> {
    for problem in &reading.problems {
        writeln!(out, "{}:{problem}", file.display())?;
    }
    if reading.questionnaire.is_none() {
        let errors = count(reading, Severity::Error);
        let warnings = count(reading, Severity::Warning);
        write!(out, "{}: {}", file.display(), number(errors, "error"))?;
        if warnings > 0 {
            write!(out, ", {}", number(warnings, "warning"))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn write_summary(out: &mut impl Write, file: &Path, survey: &Questionnaire) -> io::Result<()> {
    let required = survey.questions().filter(|q| q.required).count();
    writeln!(
        out,
        "{}: good: survey {}, {}, {} ({required} required), {}: {}, version {}",
        file.display(),
        survey.survey,
        number(survey.pages.len(), "page"),
        number(survey.questions().count(), "question"),
        if survey.languages.len() == 1 {
            "language"
        } else {
            "languages"
        },
        survey.languages.join(", "),
        survey.version
    )
}

fn as_json(file: &Path, reading: &Reading) -> Value {
    let problems: Vec<Value> = reading.problems.iter().map(problem_as_json).collect();
    json!({
        "file": file.display().to_string(),
        "good": reading.questionnaire.is_some(),
        "errors": count(reading, Severity::Error),
        "warnings": count(reading, Severity::Warning),
        "problems": problems,
        "questionnaire": reading.questionnaire.as_ref().map(summary_as_json),
    })
}

fn problem_as_json(problem: &Problem) -> Value {
    json!({
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity.to_string(),
        "message": problem.message,
    })
}

fn summary_as_json(survey: &Questionnaire) -> Value {
    let items = || survey.pages.iter().flat_map(|page| &page.items);
    json!({
        "survey": survey.survey,
        "version": survey.version,
        "languages": survey.languages,
        "pages": survey.pages.len(),
        "questions": survey.questions().count(),
        "required": survey.questions().filter(|q| q.required).count(),
        "grids": items().filter(|item| matches!(item, Item::Grid { .. })).count(),
    })
}

fn count(reading: &Reading, severity: Severity) -> usize {
    reading.problems.iter().filter(|p| p.severity == severity).count()
}

/// `1 page`, `2 pages`.
fn number(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(content: &[u8]) -> Reading {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("my.yaml");
        std::fs::write(&file, content).unwrap();
        read_file(&file)
    }

    fn shown(reading: &Reading) -> String {
        let mut out = vec![];
        write_problems(&mut out, Path::new("my.yaml"), reading).unwrap();
        if let Some(survey) = &reading.questionnaire {
            write_summary(&mut out, Path::new("my.yaml"), survey).unwrap();
        }
        String::from_utf8(out).unwrap()
    }

    const SMALL: &str = include_str!("../../../surveys/small.yaml");

    #[test]
    fn a_good_file_is_summed_up() {
        let reading = checked(SMALL.as_bytes());
        let version = canvass_survey::definition::version_of(SMALL);
        assert_eq!(
            shown(&reading),
            format!(
                "my.yaml: good: survey small-example, 3 pages, 8 questions (2 required), languages: en, es, \
                 version {version}\n"
            )
        );
        let json = as_json(Path::new("my.yaml"), &reading);
        assert_eq!(json["good"], true);
        assert_eq!(json["questionnaire"]["questions"], 8);
    }

    #[test]
    fn a_bad_file_is_reported_like_a_compiler_does() {
        let reading = checked(SMALL.replacen("required: true", "requried: true", 1).as_bytes());
        let shown = shown(&reading);
        let mut lines = shown.lines();
        let first = lines.next().unwrap();
        let line = 1 + SMALL.lines().position(|l| l.contains("required: true")).unwrap();
        let start = format!("my.yaml:{line}:9: error: unknown key \"requried\"");
        assert!(first.starts_with(&start), "{first}");
        assert!(first.ends_with("did you mean \"required\"?"), "{first}");
        assert_eq!(lines.next(), Some("my.yaml: 1 error"));
        let json = as_json(Path::new("my.yaml"), &reading);
        assert_eq!(json["good"], false);
        assert_eq!(json["problems"][0]["line"], line);
        assert_eq!(json["questionnaire"], Value::Null);
    }

    #[test]
    fn a_missing_file_is_one_clear_line() {
        let reading = read_file(Path::new("/nowhere/my.yaml"));
        let shown = shown(&reading);
        assert!(
            shown.starts_with("my.yaml:1:1: error: the file cannot be read: No such file"),
            "{shown}"
        );
    }

    #[test]
    fn a_file_of_another_encoding_or_too_large_is_refused() {
        let latin = checked(b"survey: a\ntitle: caf\xe9");
        assert!(shown(&latin).starts_with("my.yaml:2:11: error: byte 0xe9 is not UTF-8"));
        let utf16 = checked(b"\xff\xfes\0");
        assert!(shown(&utf16).starts_with("my.yaml:1:1: error: the file is UTF-16"));
        let large = checked(&vec![b'#'; parse::MAX_BYTES + 1]);
        assert!(shown(&large).starts_with("my.yaml:1:1: error: the file has more than"));
    }
}
