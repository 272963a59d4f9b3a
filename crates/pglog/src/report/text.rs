//! A report for the terminal, 80 columns wide.

use std::cmp::Reverse;
use std::fmt::Write;

use super::model::{Report, Share, Statement};
use super::words::{bytes, count, length};
use crate::clean::clean;

/// Columns.
const WIDTH: usize = 80;

/// As text; `top` entries in every list.
pub fn write(report: &Report, top: usize) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = head(&mut out, report)
        .and_then(|()| statements(&mut out, report, top))
        .and_then(|()| again(&mut out, report, top))
        .and_then(|()| super::events::write(&mut out, &report.events, top))
        .and_then(|()| shares(&mut out, report, top));
    out
}

pub(super) type Done = std::fmt::Result;

pub(super) fn title(out: &mut String, text: &str) -> Done {
    writeln!(out, "\n{text}\n{}", "─".repeat(text.chars().count()))
}

fn head(out: &mut String, report: &Report) -> Done {
    let size: u64 = report.inputs.iter().map(|i| i.bytes).sum();
    let logs = if report.inputs.len() == 1 {
        report.inputs[0].name.clone()
    } else {
        format!("{} logs", report.inputs.len())
    };
    writeln!(
        out,
        "{} ({}, {} records)",
        clean(&logs),
        bytes(size),
        count(report.records.read)
    )?;
    if let Some(period) = &report.period {
        let zone = if period.from.ends_with('Z') {
            ""
        } else {
            &report.time_zone
        };
        writeln!(
            out,
            "{} to {} ({}) {zone}",
            period.from,
            period.to,
            length(period.micros.unsigned_abs())
        )?;
    }
    for problem in &report.problems {
        wrapped(out, "! ", "  ", &clean(problem))?;
    }
    let all = &report.all;
    title(out, "All statements")?;
    writeln!(
        out,
        "{:>14}  executions, {} distinct statements",
        count(all.calls),
        count(report.distinct_statements)
    )?;
    writeln!(
        out,
        "{:>14}  in all; half took {} at most, 95 % {}, 99 % {}, the longest {}",
        length(all.micros),
        length(all.p50),
        length(all.p95),
        length(all.p99),
        length(all.max)
    )?;
    let failures: u64 = ["ERROR", "FATAL", "PANIC"]
        .iter()
        .filter_map(|s| report.records.severities.get(*s))
        .sum();
    writeln!(out, "{:>14}  errors", count(failures))
}

fn statements(out: &mut String, report: &Report, top: usize) -> Done {
    if report.statements.is_empty() {
        return Ok(());
    }
    title(out, "Most time in all")?;
    writeln!(
        out,
        "{:>9} {:>5} {:>11} {:>9} {:>9} {:>9}  statement",
        "total", "%", "calls", "mean", "p95", "max"
    )?;
    for s in report.statements.iter().take(top) {
        line(out, report, s)?;
    }
    let mut slow: Vec<&Statement> = report.statements.iter().filter(|s| s.figures.calls > 0).collect();
    slow.sort_by_key(|s| (Reverse(s.figures.p95), s.id.clone()));
    title(out, "Slowest (by the time that 95 % keep to)")?;
    writeln!(
        out,
        "{:>9} {:>5} {:>11} {:>9} {:>9} {:>9}  statement",
        "total", "%", "calls", "mean", "p95", "max"
    )?;
    for s in slow.into_iter().take(top) {
        line(out, report, s)?;
    }
    Ok(())
}

fn line(out: &mut String, report: &Report, s: &Statement) -> Done {
    let part = 100.0 * s.figures.micros as f64 / report.all.micros.max(1) as f64;
    let f = &s.figures;
    writeln!(
        out,
        "{:>9} {part:>5.1} {:>11} {:>9} {:>9} {:>9}  {}",
        length(f.micros),
        count(f.calls),
        length(f.mean),
        length(f.p95),
        length(f.max),
        &s.id[..8],
    )?;
    wrapped(out, "    ", "    ", &shortened(&s.text, 3 * (WIDTH - 4)))
}

fn again(out: &mut String, report: &Report, top: usize) -> Done {
    let mut same: Vec<&Statement> = report
        .statements
        .iter()
        .filter(|s| s.repeats.in_second > 0)
        .collect();
    same.sort_by_key(|s| (Reverse(s.repeats.in_second_micros), s.id.clone()));
    if !same.is_empty() {
        title(
            out,
            "Asked again with the same values within a second: worth a cache",
        )?;
        writeln!(out, "{:>9} {:>11} {:>11}  statement", "time", "again", "of calls")?;
    }
    for s in same.into_iter().take(top) {
        let r = &s.repeats;
        writeln!(
            out,
            "{:>9} {:>11} {:>11}  {}",
            length(r.in_second_micros),
            count(r.in_second),
            count(s.figures.calls),
            &s.id[..8]
        )?;
        wrapped(out, "    ", "    ", &shortened(&s.text, WIDTH - 4))?;
    }
    let mut runs: Vec<&Statement> = report.statements.iter().filter(|s| s.repeats.runs > 0).collect();
    runs.sort_by_key(|s| (Reverse(s.repeats.run_micros), s.id.clone()));
    if !runs.is_empty() {
        title(
            out,
            "One after the other in one session (N+1): worth one statement for all",
        )?;
        writeln!(out, "{:>9} {:>11} {:>11}  statement", "time", "runs", "calls")?;
    }
    for s in runs.into_iter().take(top) {
        let r = &s.repeats;
        writeln!(
            out,
            "{:>9} {:>11} {:>11}  {}",
            length(r.run_micros),
            count(r.runs),
            count(r.run_calls),
            &s.id[..8]
        )?;
        wrapped(out, "    ", "    ", &shortened(&s.text, WIDTH - 4))?;
    }
    Ok(())
}

fn shares(out: &mut String, report: &Report, top: usize) -> Done {
    title(out, "By what they do")?;
    share_head(out)?;
    for (kind, share) in &report.kinds {
        share_line(out, kind, share)?;
    }
    for by in ["application", "user", "database", "host"] {
        title(out, &format!("By {by}"))?;
        let Some(names) = report.by.get(by) else {
            writeln!(out, "not logged")?;
            continue;
        };
        share_head(out)?;
        for named in names.iter().take(top) {
            share_line(
                out,
                if named.name.is_empty() {
                    "(none)"
                } else {
                    &named.name
                },
                &named.share,
            )?;
        }
    }
    Ok(())
}

fn share_head(out: &mut String) -> Done {
    writeln!(
        out,
        "{:>12} {:>12} {:>9} {:>9}",
        "time", "calls", "mean", "errors"
    )
}

fn share_line(out: &mut String, name: &str, share: &Share) -> Done {
    let mean = share.micros.checked_div(share.calls).unwrap_or(0);
    let name = shortened(&clean(name), WIDTH - 47);
    writeln!(
        out,
        "{:>12} {:>12} {:>9} {:>9}  {name}",
        length(share.micros),
        count(share.calls),
        length(mean),
        count(share.failures)
    )
}

pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// Words broken into lines.
pub(super) fn wrapped(out: &mut String, first: &str, others: &str, text: &str) -> Done {
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            line = others.to_owned();
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    writeln!(out, "{line}")
}
