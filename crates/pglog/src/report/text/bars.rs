//! Bars, lines of small bars, and colour.

use std::fmt::Write;

use super::{Done, heading};
use crate::report::model::{Bucket, Report};
use crate::report::words::rate;

/// Columns of a bar.
pub(super) const BAR: usize = 8;

/// Marks text by escape sequences, or leaves it as it is.
#[derive(Clone, Copy)]
pub(in crate::report) struct Paint(pub bool);

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

    pub fn bar(self, text: &str) -> String {
        self.with("34", text)
    }

    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }
}

/// Columns of a line of small bars.
const SPARKS: i64 = 56;

/// A line of small bars: what it is, its values, whether it is errors, and its highest value in words.
type Sparks = (&'static str, Vec<u64>, bool, fn(u64, i64) -> String);

pub(super) fn over_time(out: &mut String, report: &Report, paint: Paint) -> Done {
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
        ("highest p95", none(), false, |us, _| {
            crate::report::words::length(us)
        }),
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
pub(super) fn bar(value: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (value as u128 * (8 * BAR) as u128).div_ceil(u128::from(most.max(1))) as usize;
    let eighths = eighths.min(8 * BAR);
    let text = "█".repeat(eighths / 8) + EIGHTHS[eighths % 8];
    format!("{text:<BAR$}")
}
