//! What stands out in a report, a sentence each.

use super::model::{Report, Statement};
use super::words::{count, fit, length, many, share};

/// What is to be said, and of which statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// In words.
    pub text: String,
    /// The statement that it is about.
    pub statement: Option<String>,
}

/// Below so much of all time nothing is said, in per cent.
const LEAST_PERCENT: u64 = 1;

/// What stands out.
pub fn findings(report: &Report) -> Vec<Finding> {
    [
        few_take_most(report),
        asked_again(report),
        one_by_one(report),
        prepared_again(report),
        failures(report),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn is_worth_saying(report: &Report, micros: u64) -> bool {
    micros > 0 && micros.saturating_mul(100) >= report.all.micros.saturating_mul(LEAST_PERCENT)
}

fn most(report: &Report, of: impl Fn(&Statement) -> u64) -> Option<&Statement> {
    // Of equals the first, which took more time.
    report
        .statements
        .iter()
        .rev()
        .max_by_key(|s| of(s))
        .filter(|s| of(s) > 0)
}

fn few_take_most(report: &Report) -> Option<Finding> {
    let all = report.all.micros;
    let mut sum = 0u64;
    let few = report.statements.iter().position(|s| {
        sum = sum.saturating_add(s.figures.micros);
        sum >= all - all / 5
    })? as u64
        + 1;
    let first = report.statements.first().filter(|s| s.figures.micros > 0)?;
    let part = share(first.figures.micros, all);
    let of = many(report.distinct_statements, "statement");
    let text = match few {
        1 => format!("One of {of} takes {part} of all time."),
        _ => format!(
            "{} of {of} take 80 % of all time; the first alone takes {part}.",
            count(few)
        ),
    };
    Some(Finding {
        text,
        statement: Some(first.id.clone()),
    })
}

fn asked_again(report: &Report) -> Option<Finding> {
    let repeats = || report.statements.iter().map(|s| &s.repeats);
    let (times, micros) = repeats().fold((0, 0), |(n, us), r| (n + r.in_second, us + r.in_second_micros));
    if !is_worth_saying(report, micros) {
        return None;
    }
    let text = format!(
        "The same was asked again, with the same values, within a second {}: {} ({} of all time) that a cache of a \
         second would have saved.",
        many(times, "time"),
        length(micros),
        share(micros, report.all.micros)
    );
    Some(Finding {
        text,
        statement: most(report, |s| s.repeats.in_second_micros).map(|s| s.id.clone()),
    })
}

fn one_by_one(report: &Report) -> Option<Finding> {
    let repeats = || report.statements.iter().map(|s| &s.repeats);
    let (runs, calls, micros) = repeats().fold((0, 0, 0), |(n, calls, us), r| {
        (n + r.runs, calls + r.run_calls, us + r.run_micros)
    });
    if !is_worth_saying(report, micros) {
        return None;
    }
    let text = format!(
        "{} of the same statement with other values, one after the other in a session (N+1): {} executions, {} of all \
         time.",
        many(runs, "run"),
        count(calls),
        share(micros, report.all.micros)
    );
    Some(Finding {
        text,
        statement: most(report, |s| s.repeats.run_micros).map(|s| s.id.clone()),
    })
}

fn prepared_again(report: &Report) -> Option<Finding> {
    let of = |s: &Statement| s.parse_micros + s.bind_micros;
    let micros: u64 = report.statements.iter().map(of).sum();
    if micros < report.all.micros / 10 || micros == 0 {
        return None;
    }
    let text = format!(
        "Parse and Bind take {} of all time: statements that stay prepared would save Parse.",
        share(micros, report.all.micros)
    );
    Some(Finding {
        text,
        statement: most(report, of).map(|s| s.id.clone()),
    })
}

fn failures(report: &Report) -> Option<Finding> {
    let failed = most(report, |s| s.failures)?;
    let all: u64 = report.statements.iter().map(|s| s.failures).sum();
    let text = format!(
        "{} failed; most often, {}: {}",
        many(all, "execution"),
        many(failed.failures, "time"),
        fit(&failed.text, 60)
    );
    Some(Finding {
        text,
        statement: Some(failed.id.clone()),
    })
}
