//! A comparison for the terminal, 80 columns wide.

use std::fmt::Write;

use super::{Change, Comparison, Of, growth};
use crate::clean;
use crate::report::text::{Paint, wrapped};
use crate::report::words::{count, fit, length};

/// As text; `top` entries in every list, in colour or not.
pub fn write(comparison: &Comparison, top: usize, is_coloured: bool) -> String {
    let paint = Paint(is_coloured);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = whole(&mut out, comparison, top, paint);
    out
}

fn whole(out: &mut String, c: &Comparison, top: usize, paint: Paint) -> std::fmt::Result {
    writeln!(out, "before  {} to {}", c.before.from, c.before.to)?;
    writeln!(out, "after   {} to {}", c.after.from, c.after.to)?;
    for note in &c.notes {
        wrapped(out, "! ", "  ", &clean(note))?;
    }
    writeln!(out, "\n{}", paint.bold("All statements"))?;
    head(out, paint)?;
    figures(out, Some(&c.before.all), Some(&c.after.all))?;
    for (title, list) in [
        ("Worse", &c.worse),
        ("Better", &c.better),
        ("New", &c.new),
        ("Gone", &c.gone),
    ] {
        if list.is_empty() {
            continue;
        }
        let title = format!("{title} ({})", list.len());
        writeln!(out, "\n{}", paint.bold(&title))?;
        head(out, paint)?;
        for change in list.iter().take(top) {
            entry(out, change, paint)?;
        }
        if list.len() > top {
            writeln!(out, "  and {} more in --json and --html", list.len() - top)?;
        }
    }
    for (title, errors) in [("New errors", &c.new_errors), ("Gone errors", &c.gone_errors)] {
        if errors.is_empty() {
            continue;
        }
        writeln!(out, "\n{}", paint.bold(&format!("{title} ({})", errors.len())))?;
        for error in errors.iter().take(top) {
            let state = error.sqlstate.as_deref().unwrap_or("     ");
            writeln!(
                out,
                "{:>9}  {state}  {}",
                count(error.count),
                fit(&clean(&error.text), 62)
            )?;
        }
    }
    let same = match c.same {
        1 => "1 statement is as it was.".to_owned(),
        n => format!("{} statements are as they were.", count(n)),
    };
    writeln!(out, "\n{same}")?;
    wrapped(out, "", "", &format!("Rule: {}.", c.rule))
}

fn head(out: &mut String, paint: Paint) -> std::fmt::Result {
    let line = format!(
        "  {:8}{:>12}{:>10}{:>10}{:>14}{:>9}",
        "", "calls/hour", "mean", "p95", "time/hour", "share"
    );
    writeln!(out, "{}", paint.dim(&line))
}

fn entry(out: &mut String, change: &Change, paint: Paint) -> std::fmt::Result {
    writeln!(
        out,
        "{}  {}",
        paint.id(&change.id[..change.id.len().min(8)]),
        fit(&clean(&change.text), 70)
    )?;
    figures(out, change.before.as_ref(), change.after.as_ref())
}

fn figures(out: &mut String, before: Option<&Of>, after: Option<&Of>) -> std::fmt::Result {
    for (name, of) in [("before", before), ("after", after)] {
        if let Some(of) = of {
            writeln!(
                out,
                "  {name:8}{:>12}{:>10}{:>10}{:>14}{:>7.1} %",
                count(of.calls_per_hour.round() as u64),
                length(of.mean),
                length(of.p95),
                length(of.micros_per_hour),
                of.share
            )?;
        }
    }
    let Some((before, after)) = before.zip(after) else {
        return Ok(());
    };
    let change = |of: fn(&Of) -> f64| signed(growth(of(before), of(after)));
    writeln!(
        out,
        "  {:8}{:>12}{:>10}{:>10}{:>14}",
        "",
        change(|of| of.calls_per_hour),
        change(|of| of.mean as f64),
        change(|of| of.p95 as f64),
        change(|of| of.micros_per_hour as f64)
    )
}

/// `+25 %`, `-3 %`; from ten times on as a factor.
pub(in crate::report) fn signed(growth: Option<f64>) -> String {
    match growth {
        None => "new".to_owned(),
        Some(g) if g >= 900.0 => format!("× {}", count((g / 100.0 + 1.0).round() as u64)),
        Some(g) if g.abs() < 0.5 => "=".to_owned(),
        Some(g) => format!("{g:+.0} %"),
    }
}
