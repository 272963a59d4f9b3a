//! A report for the terminal, 80 columns wide.

use std::cmp::Reverse;
use std::fmt::Write;

use super::findings::findings;
use super::model::{Bucket, Report, Share, Statement};
pub(super) use super::words::fit as shortened;
use super::words::{bytes, count, fit, length, many, named, rate, share};
use crate::clean::clean;

/// Columns.
pub(super) const WIDTH: usize = 80;
/// Columns of a bar.
const BAR: usize = 8;

pub(super) type Done = std::fmt::Result;

/// As text; `top` entries in every list.
pub fn write(report: &Report, top: usize) -> String {
    all(report, top, Paint(false))
}

/// The same in colour.
pub fn write_coloured(report: &Report, top: usize) -> String {
    all(report, top, Paint(true))
}

/// Marks text by escape sequences, or leaves it as it is.
#[derive(Clone, Copy)]
pub(super) struct Paint(pub bool);

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        match self.0 && !text.is_empty() {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    /// Titles.
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What stands in the background: heads of columns, bars.
    pub fn dim(self, text: &str) -> String {
        self.with("2", text)
    }

    /// A statement's identifier.
    pub fn id(self, text: &str) -> String {
        self.with("36", text)
    }

    fn bar(self, text: &str) -> String {
        self.with("34", text)
    }

    fn bad(self, text: &str) -> String {
        self.with("31", text)
    }
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
    key_figures(out, report, paint)?;
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

/// Columns of a line of small bars.
const SPARKS: i64 = 56;

/// A line of small bars: what it is, its values, whether it is errors, and its highest value in words.
type Sparks = (&'static str, Vec<u64>, bool, fn(u64, i64) -> String);

fn over_time(out: &mut String, report: &Report, paint: Paint) -> Done {
    let series = match report.fine.as_ref().filter(|f| !f.buckets.is_empty()) {
        Some(fine) => (i64::from(fine.seconds), &fine.buckets),
        None => (300, &report.series),
    };
    let at = |b: &Bucket| b.from.parse::<jiff::Timestamp>().ok().map(|t| t.as_second());
    let (length, buckets) = series;
    let Some((first, last)) = buckets.first().zip(buckets.last()) else {
        return Ok(());
    };
    let Some((start, end)) = at(first).zip(at(last)).filter(|(a, b)| a < b) else {
        return Ok(());
    };
    let pieces = (end - start) / length + 1;
    // Several pieces to a column, or several columns to a piece.
    let together = (pieces + SPARKS - 1) / SPARKS;
    let points = ((pieces + together - 1) / together) as usize;
    let wide = (SPARKS / points as i64).max(1) as usize;
    let none = || vec![0u64; points];
    let per_second = |n: u64, seconds: i64| rate(n as f64 / seconds as f64);
    let mut lines: [Sparks; 3] = [
        ("executions", none(), false, per_second),
        ("highest p95", none(), false, |us, _| super::words::length(us)),
        ("errors", none(), true, per_second),
    ];
    for bucket in buckets {
        let Some(point) = at(bucket).map(|at| ((at - start) / length / together) as usize) else {
            continue;
        };
        lines[0].1[point] += bucket.calls;
        lines[1].1[point] = lines[1].1[point].max(bucket.p95);
        lines[2].1[point] += bucket.failures;
    }
    heading(out, "Over time", paint)?;
    for (name, values, is_bad, shown) in &lines {
        let most = values.iter().copied().max().unwrap_or(0);
        if most == 0 {
            continue;
        }
        let line: String = values
            .iter()
            .map(|v| spark(*v, most).to_string().repeat(wide))
            .collect();
        let line = if *is_bad {
            paint.bad(&line)
        } else {
            paint.bar(&line)
        };
        let peak = format!("≤ {}", shown(most, length * together));
        writeln!(out, "{name:>11} {line} {}", paint.dim(&peak))?;
    }
    let clock = |b: &Bucket| b.from.get(11..16).unwrap_or_default().to_owned();
    let width = (points * wide).saturating_sub(5);
    let axis = format!("{:>11} {:<width$}{}", "", clock(first), clock(last));
    writeln!(out, "{}", paint.dim(&axis))
}

/// One of eight heights; nothing is a space, and what is not nothing is seen.
fn spark(value: u64, most: u64) -> char {
    const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    match value {
        0 => ' ',
        _ => HEIGHTS[((value * 8).div_ceil(most.max(1)) as usize).clamp(1, 8) - 1],
    }
}

/// A bar of at most [`BAR`] columns, to the eighth, filled up with spaces.
fn bar(value: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (value as u128 * (8 * BAR) as u128).div_ceil(u128::from(most.max(1))) as usize;
    let eighths = eighths.min(8 * BAR);
    let text = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
    format!("{text:<BAR$}")
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
    match missing.is_empty() {
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
