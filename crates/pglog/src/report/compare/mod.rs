//! Two reports side by side: which statements are better, worse, new and gone.

mod text;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{Logged, Report, Statement, VERSION};
use super::words;

pub(super) use text::signed;
pub use text::write as to_text;

/// A change counts from so many per cent on.
pub const LEAST_CHANGE: f64 = 20.0;
/// A statement counts from so many per cent of all time on, in either report.
pub const LEAST_SHARE: f64 = 1.0;
/// With fewer executions in either report a statement's mean and p95 say too little.
pub const LEAST_CALLS: u64 = 10;

/// What changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// [`VERSION`].
    pub version: u32,
    /// By what rule, in words.
    pub rule: String,
    /// What the reader has to know before believing a difference.
    pub notes: Vec<String>,
    /// The first report.
    pub before: Side,
    /// The second.
    pub after: Side,
    /// Statements that take more time, the greatest difference first.
    pub worse: Vec<Change>,
    /// Statements that take less.
    pub better: Vec<Change>,
    /// Statements that only the second report has.
    pub new: Vec<Change>,
    /// Statements that only the first has.
    pub gone: Vec<Change>,
    /// Statements that count and have changed less than that.
    pub same: u64,
    /// Errors that only the second report has, the most frequent first.
    pub new_errors: Vec<ErrorSeen>,
    /// Errors that only the first has.
    pub gone_errors: Vec<ErrorSeen>,
}

/// An error in one of the reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorSeen {
    /// The message without its values.
    pub text: String,
    /// Its SQLSTATE, where that is logged.
    pub sqlstate: Option<String>,
    /// How often.
    pub count: u64,
}

/// One report, all statements together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// The first record's time.
    pub from: String,
    /// The last record's.
    pub to: String,
    /// All executions.
    pub all: Of,
    /// Errors and worse per hour.
    pub failures_per_hour: f64,
}

/// What is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Of {
    /// Executions.
    pub calls: u64,
    /// Executions per hour.
    pub calls_per_hour: f64,
    /// µs an execution took on average.
    pub mean: u64,
    /// µs that 95 % took at most.
    pub p95: u64,
    /// µs in an hour.
    pub micros_per_hour: u64,
    /// Per cent of all time.
    pub share: f64,
    /// Times that it failed.
    pub failures: u64,
}

/// A statement in both reports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The statement's fingerprint.
    pub id: String,
    /// Normalised.
    pub text: String,
    /// In the first report.
    pub before: Option<Of>,
    /// In the second.
    pub after: Option<Of>,
    /// By how many per cent the measure rose that rose most, of mean, p95 and time per hour; below 0: none did.
    pub rise: f64,
}

/// By how many per cent something grew; `None` from nothing.
pub fn growth(before: f64, after: f64) -> Option<f64> {
    (before > 0.0).then(|| 100.0 * (after - before) / before)
}

/// Compares.
///
/// # Errors
/// In words: there is nothing to compare in one of them.
pub fn compare(before: &Report, after: &Report) -> Result<Comparison, String> {
    let sides = [side(before, "first")?, side(after, "second")?];
    let hours = [hours(before), hours(after)];
    let mut pairs: BTreeMap<&str, [Option<&Statement>; 2]> = BTreeMap::new();
    for (i, report) in [before, after].into_iter().enumerate() {
        for s in &report.statements {
            pairs.entry(&s.id).or_default()[i] = Some(s);
        }
    }
    let [before_side, after_side] = sides;
    let mut result = Comparison {
        version: VERSION,
        rule: rule(),
        notes: notes(before, after, &before_side, &after_side),
        before: before_side,
        after: after_side,
        worse: Vec::new(),
        better: Vec::new(),
        new: Vec::new(),
        gone: Vec::new(),
        same: 0,
        new_errors: errors_without(after, before),
        gone_errors: errors_without(before, after),
    };
    for (id, pair) in pairs {
        let of = |i: usize, report: &Report| pair[i].map(|s| of(s, hours[i], report.all.micros));
        let (was, is) = (of(0, before), of(1, after));
        let counts = |of: &Option<Of>| of.is_some_and(|of| of.share >= LEAST_SHARE);
        let Some(statement) = pair[1].or(pair[0]).filter(|_| counts(&was) || counts(&is)) else {
            continue;
        };
        let change = |rise| Change {
            id: id.to_owned(),
            text: statement.text.clone(),
            before: was,
            after: is,
            rise,
        };
        match (was, is) {
            (None, _) => result.new.push(change(0.0)),
            (_, None) => result.gone.push(change(0.0)),
            (Some(was), Some(is)) => {
                let growths = growths(&was, &is);
                let rise = growths.iter().copied().fold(f64::MIN, f64::max);
                let fall = growths.iter().copied().fold(f64::MAX, f64::min);
                match (rise >= LEAST_CHANGE, fall <= -LEAST_CHANGE) {
                    (false, false) => result.same += 1,
                    (true, false) => result.worse.push(change(rounded(rise))),
                    (false, true) => result.better.push(change(rounded(rise))),
                    (true, true) if is.micros_per_hour > was.micros_per_hour => {
                        result.worse.push(change(rounded(rise)));
                    }
                    (true, true) => result.better.push(change(rounded(rise))),
                }
            }
        }
    }
    for list in [
        &mut result.worse,
        &mut result.better,
        &mut result.new,
        &mut result.gone,
    ] {
        list.sort_by_key(|c| (Reverse(difference(c)), c.id.clone()));
    }
    Ok(result)
}

impl Comparison {
    /// Whether a statement is worse by so many per cent, or new: what is new may be slow, but not worse.
    pub fn is_worse_by(&self, percent: f64) -> bool {
        self.worse.iter().any(|c| c.rise >= percent)
    }
}

fn rule() -> String {
    format!(
        "a statement counts from {LEAST_SHARE} % of all time on, in either report; it is worse or better when its mean, its \
         p95 or its time per hour rose or fell by {LEAST_CHANGE} % or more, and when they disagree its time per hour \
         decides; mean and p95 need {LEAST_CALLS} executions in both"
    )
}

/// The errors of a report that the other does not have.
fn errors_without(report: &Report, other: &Report) -> Vec<ErrorSeen> {
    let others = &other.events.messages.errors;
    let mut errors: Vec<ErrorSeen> = report
        .events
        .messages
        .errors
        .iter()
        .filter(|group| others.iter().all(|o| o.id != group.id))
        .map(|group| ErrorSeen {
            text: group.text.clone(),
            sqlstate: group.sqlstate.clone(),
            count: group.seen.count,
        })
        .collect();
    errors.sort_by(|a, b| (Reverse(a.count), &a.text).cmp(&(Reverse(b.count), &b.text)));
    errors
}

fn hours(report: &Report) -> f64 {
    let micros = report.period.as_ref().map_or(0, |p| p.micros);
    micros.max(1_000_000) as f64 / 3.6e9
}

fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn side(report: &Report, which: &str) -> Result<Side, String> {
    let period = report
        .period
        .as_ref()
        .ok_or_else(|| format!("the {which} report is empty: there is nothing to compare"))?;
    if report.all.calls == 0 {
        return Err(format!(
            "the {which} report has no executions: there is nothing to compare"
        ));
    }
    let failures: u64 = report.series.iter().map(|b| b.failures).sum();
    let hours = hours(report);
    Ok(Side {
        from: period.from.clone(),
        to: period.to.clone(),
        all: Of {
            calls: report.all.calls,
            calls_per_hour: rounded(report.all.calls as f64 / hours),
            mean: report.all.mean,
            p95: report.all.p95,
            micros_per_hour: (report.all.micros as f64 / hours).round() as u64,
            share: 100.0,
            failures,
        },
        failures_per_hour: rounded(failures as f64 / hours),
    })
}

fn of(s: &Statement, hours: f64, all: u64) -> Of {
    let f = &s.figures;
    Of {
        calls: f.calls,
        calls_per_hour: rounded(f.calls as f64 / hours),
        mean: f.mean,
        p95: f.p95,
        micros_per_hour: (f.micros as f64 / hours).round() as u64,
        share: (10_000.0 * f.micros as f64 / all.max(1) as f64).round() / 100.0,
        failures: s.failures,
    }
}

/// Of time per hour, and of mean and p95 where there are enough executions.
fn growths(was: &Of, is: &Of) -> Vec<f64> {
    let enough = was.calls.min(is.calls) >= LEAST_CALLS;
    let mut pairs = vec![(was.micros_per_hour, is.micros_per_hour)];
    if enough {
        pairs.extend([(was.mean, is.mean), (was.p95, is.p95)]);
    }
    pairs
        .into_iter()
        // Something from nothing has grown, by however much.
        .map(|(a, b)| growth(a as f64, b as f64).unwrap_or(if b > 0 { 100.0 } else { 0.0 }))
        .collect()
}

/// How much time per hour a change is about, µs.
fn difference(change: &Change) -> u64 {
    let per_hour = |of: &Option<Of>| of.map_or(0, |of| of.micros_per_hour);
    per_hour(&change.before).abs_diff(per_hour(&change.after))
}

fn notes(before: &Report, after: &Report, was: &Side, is: &Side) -> Vec<String> {
    let mut notes = Vec::new();
    for (report, which) in [(before, "first"), (after, "second")] {
        if !report.complete {
            notes.push(format!(
                "the {which} report is incomplete: {}",
                report.problems.join("; ")
            ));
        }
        if hours(report) < 1.0 / 60.0 {
            notes.push(format!(
                "the {which} report is of less than a minute: what it says per hour is a guess"
            ));
        }
        let errors = &report.events.messages;
        if (errors.errors.len() as u64) < errors.distinct_errors {
            notes.push(format!(
                "the {which} report holds {} of its {} sorts of errors",
                errors.errors.len(),
                words::count(errors.distinct_errors)
            ));
        }
        let shown = report.statements.len() as u64;
        if shown < report.distinct_statements {
            notes.push(format!(
                "the {which} report holds {} of its {} statements: one that it does not hold counts as not there",
                words::count(shown),
                words::count(report.distinct_statements)
            ));
        }
    }
    if before.time_zone != after.time_zone {
        notes.push(format!(
            "the reports are in different time zones: {} and {}",
            before.time_zone, after.time_zone
        ));
    }
    let facts = |l: Logged| (l.user, l.database, l.application, l.durations);
    if facts(before.logged) != facts(after.logged) {
        notes.push("the two logs do not hold the same facts: a difference may be one of logging".to_owned());
    }
    if was.from == is.from && was.to == is.to {
        notes.push("both reports are of the same time".to_owned());
    }
    let load = growth(was.all.calls_per_hour, is.all.calls_per_hour).unwrap_or(0.0);
    if load.abs() >= LEAST_CHANGE {
        notes.push(format!(
            "there were {:.0} % {} executions per hour: time per hour changes with them",
            load.abs(),
            if load > 0.0 { "more" } else { "fewer" }
        ));
    }
    notes
}

#[cfg(test)]
mod tests;
