//! The tables of the page, and its key figures.

use super::time::{Time, micros};
use crate::report::model::{Bucket, Logged, Report, Share};
use crate::report::phases::Phases;
use crate::report::words::{self, bytes, count, length};

/// A table.
pub struct Table {
    pub id: String,
    pub title: String,
    pub note: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
}

/// A column's head.
pub struct Column {
    pub name: &'static str,
    pub is_number: bool,
}

/// What stands in a cell, and by what it is sorted.
pub struct Cell {
    pub text: String,
    pub value: Option<u64>,
    /// A bar below it, in per cent of the column's width.
    pub bar: Option<f64>,
    /// The text is of a statement.
    pub is_code: bool,
    /// What stands in a second line.
    pub more: String,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            value: None,
            bar: None,
            is_code: false,
            more: String::new(),
        }
    }

    /// A figure that reads so.
    pub fn number(value: u64, text: String) -> Self {
        Self {
            value: Some(value),
            ..Self::text(text)
        }
    }

    /// A statement, and what stands below it.
    pub fn code(text: &str, more: String) -> Self {
        Self {
            is_code: true,
            more,
            ..Self::text(words::fit(&crate::clean(text), 400))
        }
    }

    /// A number of bytes.
    pub fn bytes(value: u64) -> Self {
        Self::number(value, bytes(value))
    }

    /// A count.
    pub fn count(value: u64) -> Self {
        Self::number(value, count(value))
    }

    /// A length of time, µs; `–` when there was none.
    pub fn micros(value: u64, any: bool) -> Self {
        Self::number(value, if any { length(value) } else { "–".to_owned() })
    }
}

/// Names of columns: `#` before a number's.
pub fn columns(names: &[&'static str]) -> Vec<Column> {
    let column = |name: &&'static str| Column {
        name: name.trim_start_matches('#'),
        is_number: name.starts_with('#'),
    };
    names.iter().map(column).collect()
}

/// A key figure: what it is, its value, a word besides.
pub struct Key {
    pub name: &'static str,
    pub value: String,
    pub more: String,
}

/// The key figures.
pub fn keys(report: &Report) -> Vec<Key> {
    let all = &report.all;
    let key = |name, value, more| Key { name, value, more };
    let elapsed = report.period.as_ref().map_or(0, |p| p.micros.unsigned_abs());
    let per_second = |n: u64| n as f64 / (elapsed.max(1) as f64 / 1e6);
    let any = |value: u64| {
        if all.calls > 0 {
            length(value)
        } else {
            "–".to_owned()
        }
    };
    let failures: u64 = report.series.iter().map(|b| b.failures).sum();
    let again: u64 = report.statements.iter().map(|s| s.repeats.in_second_micros).sum();
    vec![
        key(
            "Executions",
            count(all.calls),
            format!(
                "{} on average, of {}",
                words::rate(per_second(all.calls)),
                words::many(report.distinct_statements, "statement")
            ),
        ),
        key(
            "Time in all",
            length(all.micros),
            format!("{:.2} at work at once, on average", per_second(all.micros) / 1e6),
        ),
        key(
            "Half took at most",
            any(all.p50),
            format!("{} on average", any(all.mean)),
        ),
        key(
            "99 of a hundred",
            any(all.p99),
            format!("95 of a hundred {}, the longest {}", any(all.p95), any(all.max)),
        ),
        key("Errors", count(failures), "ERROR, FATAL and PANIC".to_owned()),
        key(
            "Asked again in a second",
            words::share(again, all.micros),
            format!("{} of all time", length(again)),
        ),
    ]
}

/// What each kind and each name has of the whole. `Err`: it is not logged, and how to have it logged.
pub fn shares(report: &Report) -> Vec<Result<Table, (String, &'static str)>> {
    let kinds = report.kinds.iter().map(|(name, s)| (name.as_str(), s));
    let mut kinds: Vec<(&str, &Share)> = kinds.collect();
    kinds.sort_by_key(|(name, s)| (std::cmp::Reverse(s.micros), *name));
    let mut tables = vec![Ok(share_table("kind", &kinds, report.all.micros))];
    let Logged {
        application,
        user,
        database,
        host,
        ..
    } = report.logged;
    for (by, is_logged, how) in [
        ("application", application, "%a"),
        ("user", user, "%u"),
        ("database", database, "%d"),
        ("host", host, "%h"),
    ] {
        tables.push(match report.by.get(by).filter(|_| is_logged) {
            None => Err((by.to_owned(), how)),
            Some(names) => {
                let names: Vec<(&str, &Share)> = names.iter().map(|n| (n.name.as_str(), &n.share)).collect();
                Ok(share_table(by, &names, report.all.micros))
            }
        });
    }
    tables
}

fn share_table(by: &str, names: &[(&str, &Share)], all: u64) -> Table {
    let most = names.iter().map(|(_, s)| s.micros).max().unwrap_or(0).max(1);
    let row = |(name, s): &(&str, &Share)| {
        let mut time = Cell::micros(s.micros, true);
        time.bar = Some((1000.0 * s.micros as f64 / most as f64).round() / 10.0);
        vec![
            Cell::text(words::named(name)),
            time,
            Cell::number(s.micros, words::share(s.micros, all)),
            Cell::count(s.calls),
            Cell::micros(s.micros.checked_div(s.calls).unwrap_or(0), s.calls > 0),
            Cell::count(s.failures),
        ]
    };
    Table {
        id: format!("by-{by}"),
        title: format!("By {by}"),
        note: String::new(),
        columns: columns(&["name", "#time", "#share", "#calls", "#mean", "#errors"]),
        rows: names.iter().map(row).collect(),
    }
}

/// Most rows of a table over time.
const MOST_ROWS: usize = 600;

/// The figures behind the plots: every five minutes, and every hour.
pub fn over_time(report: &Report, time: &Time) -> Vec<Table> {
    let all = [
        ("every-5-minutes", "Every five minutes", &report.series),
        ("every-hour", "Every hour", &report.hours),
    ];
    all.into_iter()
        .filter(|(_, _, buckets)| !buckets.is_empty())
        .map(|(id, title, buckets)| {
            let left_out = buckets.len().saturating_sub(MOST_ROWS);
            let note = match left_out {
                0 => String::new(),
                n => format!(
                    "The first {} are left out here; --json has them.",
                    count(n as u64)
                ),
            };
            Table {
                id: id.to_owned(),
                title: title.to_owned(),
                note,
                columns: columns(&[
                    "from",
                    "#executions",
                    "#of them writes",
                    "#time",
                    "#p50",
                    "#p95",
                    "#p99",
                    "#errors",
                ]),
                rows: buckets[left_out..].iter().map(|b| moment(b, time)).collect(),
            }
        })
        .collect()
}

fn moment(bucket: &Bucket, time: &Time) -> Vec<Cell> {
    let any = bucket.calls > 0;
    let at = micros(&bucket.from).unwrap_or(0);
    vec![
        Cell::number(at.max(0) as u64, time.format(at, "%F %H:%M")),
        Cell::count(bucket.calls),
        Cell::count(bucket.writes),
        Cell::micros(bucket.micros, any),
        Cell::micros(bucket.p50, any),
        Cell::micros(bucket.p95, any),
        Cell::micros(bucket.p99, any),
        Cell::count(bucket.failures),
    ]
}

/// What the log says of a rehearsal's phases.
pub fn phases(report: &Report, phases: &Phases, time: &Time) -> Table {
    let (seconds, within) = phases.within(report);
    let span = super::time::span(i64::from(seconds));
    let row = |w: &crate::report::phases::Within| {
        let any = w.p95 > 0;
        vec![
            Cell::text(w.band.name.as_str()),
            Cell::number(
                w.band.from.max(0) as u64,
                format!(
                    "{} to {}",
                    time.format(w.band.from, "%T"),
                    time.format(w.band.until, "%T")
                ),
            ),
            Cell::count(w.pieces),
            Cell::number((w.rate * 1000.0) as u64, words::rate(w.rate)),
            Cell::number((w.at_work * 1000.0) as u64, format!("{:.2}", w.at_work)),
            Cell::micros(w.p95, any),
            Cell::micros(w.worst_p95, any),
            Cell::count(w.failures),
        ]
    };
    Table {
        id: "phases".to_owned(),
        title: format!("Phases of the rehearsal {}", words::named(&phases.name)),
        note: format!(
            "By the report's series of {span}: a piece belongs to the phase that its middle is in, so a phase shorter \
             than a few pieces is told roughly. p95 is the middle of the pieces' p95."
        ),
        columns: columns(&[
            "phase",
            "#from",
            "#pieces",
            "#executions",
            "#at work",
            "#p95",
            "#highest p95",
            "#errors",
        ]),
        rows: within.iter().map(row).collect(),
    }
}

/// What was read.
pub fn inputs(report: &Report) -> Table {
    let row = |input: &crate::report::model::Input| {
        let prefix = input.prefix.as_deref().unwrap_or("");
        vec![
            Cell::text(crate::clean(&input.name)),
            Cell::text(match &input.compression {
                Some(compression) => format!("{} {prefix} ({compression})", input.format),
                None => format!("{} {prefix}", input.format),
            }),
            Cell::bytes(input.bytes),
            Cell::number(
                input.cut,
                if input.cut > 0 {
                    bytes(input.cut)
                } else {
                    "–".to_owned()
                },
            ),
            Cell::text(crate::clean(input.failed.as_deref().unwrap_or("whole"))),
        ]
    };
    Table {
        id: "inputs".to_owned(),
        title: "What was read".to_owned(),
        note: "Cut: bytes of a last record that is not all there yet.".to_owned(),
        columns: columns(&["log", "form", "#size", "#cut", "read"]),
        rows: report.inputs.iter().map(row).collect(),
    }
}

/// The figures behind the histogram.
pub fn histogram(report: &Report) -> Option<Table> {
    let all = &report.all;
    if all.histogram.is_empty() {
        return None;
    }
    let mut sum = 0;
    let rows = all.histogram.iter().map(|(upper, n)| {
        sum += n;
        vec![
            Cell::number(*upper, format!("up to {}", length(*upper))),
            Cell::count(*n),
            Cell::number(*n, words::share(*n, all.calls)),
            Cell::number(sum, words::share(sum, all.calls)),
        ]
    });
    Some(Table {
        id: "histogram".to_owned(),
        title: "The histogram as a table".to_owned(),
        note: String::new(),
        rows: rows.collect(),
        columns: columns(&["time", "#executions", "#share", "#so far"]),
    })
}
