//! A report for the terminal, 80 columns wide.

mod bars;

use std::cmp::Reverse;
use std::fmt::Write;

pub(super) use bars::Paint;
use bars::{BAR, bar, over_time};

use super::findings::findings;
use super::model::{Report, Share, Statement};
pub(super) use super::words::fit as shortened;
use super::words::{bytes, count, fit, length, many, named, rate, share};
use crate::clean::clean;

/// Columns.
pub(super) const WIDTH: usize = 80;

pub(super) type Done = std::fmt::Result;

/// As text; `top` entries in every list.
pub fn write(report: &Report, top: usize) -> String {
    all(report, top, Paint(false))
}

/// The same in colour.
pub fn write_coloured(report: &Report, top: usize) -> String {
    all(report, top, Paint(true))
}

fn all(report: &Report, top: usize, paint: Paint) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut out, report, paint)
        .and_then(|()| over_time(&mut out, report, paint))
        .and_then(|()| rankings(&mut out, report, top, paint))
        .and_then(|()| events(&mut out, report, top, paint))
        .and_then(|()| shares(&mut out, report, top, paint));
    out
}

/// What is no duration. Its sections know no colour: what stands behind an empty line is a title.
fn events(out: &mut String, report: &Report, top: usize, paint: Paint) -> Done {
    let mut text = String::new();
    super::events::write(&mut text, &report.events, top)?;
    let mut is_title = false;
    for line in text.lines() {
        match is_title {
            true => writeln!(out, "{}", paint.bold(line))?,
            false => writeln!(out, "{line}")?,
        }
        is_title = line.is_empty();
    }
    Ok(())
}

fn heading(out: &mut String, text: &str, paint: Paint) -> Done {
    writeln!(out, "\n{}", paint.bold(text))
}

/// The title of a section.
pub(super) fn title(out: &mut String, text: &str) -> Done {
    heading(out, text, Paint(false))
}

fn head(out: &mut String, report: &Report, paint: Paint) -> Done {
    let size: u64 = report.inputs.iter().map(|i| i.bytes).sum();
    let logs = match report.inputs.as_slice() {
        [one] => clean(&one.name).into_owned(),
        several => many(several.len() as u64, "log"),
    };
    let what = format!("{logs}, {}, {}", bytes(size), many(report.records.read, "record"));
    wrapped(out, "", "", &what)?;
    if let Some(period) = &report.period {
        let short = |time: &str| time.get(..19).unwrap_or(time).replace('T', " ");
        writeln!(
            out,
            "{} to {} {}, {}",
            short(&period.from),
            short(&period.to),
            clean(&report.time_zone),
            length(period.micros.unsigned_abs())
        )?;
    }
    if !report.complete {
        writeln!(
            out,
            "\n{}",
            paint.bad("INCOMPLETE: something is missing, and every figure may be too low")
        )?;
    }
    for problem in &report.problems {
        wrapped(out, "! ", "  ", &clean(problem))?;
    }
    if !report.is_of_pooler_alone() {
        key_figures(out, report, paint)?;
    }
    for finding in findings(report) {
        let id = finding
            .statement
            .map_or(String::new(), |id| format!(" [{}]", &id[..8]));
        wrapped(out, "• ", "  ", &(clean(&finding.text).into_owned() + &id))?;
    }
    Ok(())
}

fn key_figures(out: &mut String, report: &Report, paint: Paint) -> Done {
    let all = &report.all;
    let elapsed = report.period.as_ref().map_or(0, |p| p.micros).max(1) as f64;
    let failures: u64 = report.series.iter().map(|b| b.failures).sum();
    writeln!(out)?;
    let mut line = |name: &str, value: &str, more: &str| {
        let line = format!("{name:>20}  {}  {more}", paint.bold(&format!("{value:>14}")));
        writeln!(out, "{}", line.trim_end())
    };
    line(
        "executions",
        &count(all.calls),
        &format!(
            "{}, of {}",
            rate(all.calls as f64 / elapsed * 1e6),
            many(report.distinct_statements, "statement")
        ),
    )?;
    line(
        "time in all",
        &length(all.micros),
        &format!("{:.2} at work at once, on average", all.micros as f64 / elapsed),
    )?;
    line(
        "half took at most",
        &length(all.p50),
        &format!("{} on average", length(all.mean)),
    )?;
    line(
        "99 of a hundred",
        &length(all.p99),
        &format!("95: {}, longest: {}", length(all.p95), length(all.max)),
    )?;
    line("errors", &count(failures), "")?;
    writeln!(out)
}

/// A list of statements, by what they are ordered.
struct Ranking {
    title: &'static str,
    by: fn(&Statement) -> u64,
    /// What the value is: a length of time, or a count.
    is_time: bool,
    /// What is said of each besides.
    more: fn(&Statement) -> String,
}

const RANKINGS: [Ranking; 6] = [
    Ranking {
        title: "Most time in all",
        by: |s| s.figures.micros,
        is_time: true,
        more: usual,
    },
    Ranking {
        title: "Slowest by p95",
        by: |s| s.figures.p95,
        is_time: true,
        more: usual,
    },
    Ranking {
        title: "Most frequent",
        by: |s| s.figures.calls,
        is_time: false,
        more: usual,
    },
    Ranking {
        title: "Most errors",
        by: |s| s.failures,
        is_time: false,
        more: usual,
    },
    Ranking {
        title: "Asked again with the same values within a second: worth a cache",
        by: |s| s.repeats.in_second_micros,
        is_time: true,
        more: |s| {
            format!(
                "{} of {}",
                many(s.repeats.in_second, "time"),
                count(s.figures.calls)
            )
        },
    },
    Ranking {
        title: "One by one in a session (N+1): worth one statement for all",
        by: |s| s.repeats.run_micros,
        is_time: true,
        more: |s| {
            format!(
                "{} of {}",
                many(s.repeats.runs, "run"),
                many(s.repeats.run_calls, "execution")
            )
        },
    },
];

fn usual(s: &Statement) -> String {
    let f = &s.figures;
    if f.calls == 0 {
        return "no execution that ended well".to_owned();
    }
    format!(
        "{:>10} × {:>8}  p95 {:>8}  max {:>8}",
        count(f.calls),
        length(f.mean),
        length(f.p95),
        length(f.max)
    )
}

fn rankings(out: &mut String, report: &Report, top: usize, paint: Paint) -> Done {
    for ranking in &RANKINGS {
        let by = ranking.by;
        let mut order: Vec<&Statement> = report.statements.iter().filter(|s| by(s) > 0).collect();
        // Stable: equals stay in the order of total time.
        order.sort_by_key(|s| Reverse(by(s)));
        let Some(most) = order.first().map(|s| by(s)) else {
            continue;
        };
        heading(out, ranking.title, paint)?;
        for s in order.iter().take(top) {
            let value = match ranking.is_time {
                true => length(by(s)),
                false => count(by(s)),
            };
            writeln!(
                out,
                "{} {:>11} {}  {}",
                paint.id(&s.id[..8]),
                value,
                paint.bar(&bar(by(s), most)),
                (ranking.more)(s)
            )?;
            excerpt(out, &s.text)?;
        }
        if order.len() > top {
            let more = format!("  and {} more", count((order.len() - top) as u64));
            writeln!(out, "{}", paint.dim(&more))?;
        }
    }
    Ok(())
}

/// A statement's text in two lines at most.
fn excerpt(out: &mut String, text: &str) -> Done {
    let mut lines = String::new();
    wrapped(&mut lines, "    ", "    ", &fit(&clean(text), 400))?;
    let mut lines = lines.lines();
    let first = lines.next().unwrap_or_default();
    let second = lines.next();
    writeln!(out, "{}", fit(first, WIDTH))?;
    match (second, lines.next()) {
        (Some(second), None) => writeln!(out, "{}", fit(second, WIDTH)),
        (Some(second), Some(_)) => writeln!(out, "{}…", fit(second, WIDTH - 1).trim_end_matches('…')),
        _ => Ok(()),
    }
}

fn shares(out: &mut String, report: &Report, top: usize, paint: Paint) -> Done {
    let mut kinds: Vec<(&str, &Share)> = report.kinds.iter().map(|(k, s)| (k.as_str(), s)).collect();
    kinds.sort_by_key(|(name, s)| (Reverse(s.micros), *name));
    share_table(out, report, "By what they do", &kinds, usize::MAX, paint)?;
    let mut missing = Vec::new();
    for by in ["application", "user", "database", "host"] {
        match report.by.get(by) {
            None => missing.push(format!("{by}: not logged")),
            Some(names) => {
                let names: Vec<(&str, &Share)> = names.iter().map(|n| (n.name.as_str(), &n.share)).collect();
                share_table(out, report, &format!("By {by}"), &names, top, paint)?;
            }
        }
    }
    match missing.is_empty() || report.is_of_pooler_alone() {
        true => Ok(()),
        false => writeln!(out, "\n{}", missing.join("; ")),
    }
}

fn share_table(
    out: &mut String,
    report: &Report,
    name: &str,
    rows: &[(&str, &Share)],
    top: usize,
    paint: Paint,
) -> Done {
    let Some(most) = rows.iter().map(|(_, s)| s.micros).max() else {
        return Ok(());
    };
    heading(out, name, paint)?;
    let heads = format!(
        "{:>11}  {:<BAR$} {:>7} {:>12} {:>9} {:>8}",
        "time", "", "share", "calls", "mean", "errors"
    );
    writeln!(out, "{}", paint.dim(&heads))?;
    for (name, s) in rows.iter().take(top) {
        let errors = format!("{:>8}", count(s.failures));
        writeln!(
            out,
            "{:>11}  {} {:>7} {:>12} {:>9} {}  {}",
            length(s.micros),
            paint.bar(&bar(s.micros, most)),
            share(s.micros, report.all.micros),
            count(s.calls),
            length(s.micros.checked_div(s.calls).unwrap_or(0)),
            if s.failures > 0 {
                paint.bad(&errors)
            } else {
                errors
            },
            fit(named(&clean(name)), WIDTH - 65)
        )?;
    }
    if rows.len() > top {
        let more = format!("  and {} more", count((rows.len() - top) as u64));
        writeln!(out, "{}", paint.dim(&more))?;
    }
    Ok(())
}

/// Words broken into lines; a word that is longer than a line is cut into pieces.
pub(super) fn wrapped(out: &mut String, first: &str, others: &str, text: &str) -> Done {
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        let room =
            |line: &str, is_empty: bool| WIDTH.saturating_sub(line.chars().count() + usize::from(!is_empty));
        if !is_empty && word.len() > room(&line, is_empty) {
            writeln!(out, "{line}")?;
            line = others.to_owned();
            is_empty = true;
        }
        while word.len() > room(&line, is_empty) {
            let piece: String = word.drain(..room(&line, is_empty).max(1)).collect();
            writeln!(out, "{line}{piece}")?;
            line = others.to_owned();
        }
        if !is_empty {
            line.push(' ');
        }
        line.extend(word);
        is_empty = false;
    }
    writeln!(out, "{line}")
}
