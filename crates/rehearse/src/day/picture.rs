//! A curve as a picture in text.

use std::fmt::Write;
use std::time::Duration;

use super::Curve;

const ROWS: usize = 8;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Bars of people a minute over the curve's time; `starts` is the clock of its first moment in seconds.
pub(super) fn picture(curve: &Curve, starts: u64, columns: usize) -> String {
    let columns = columns.clamp(8, 1_000);
    let length = curve.length().as_secs_f64();
    let until =
        |column: usize| curve.expected(Duration::from_secs_f64(length * column as f64 / columns as f64));
    let bars: Vec<f64> = (0..columns)
        .map(|c| (until(c + 1) - until(c)) * 60.0 * columns as f64 / length)
        .collect();
    let most = bars.iter().copied().fold(0.0, f64::max);
    let mut out = String::new();
    for row in (0..ROWS).rev() {
        let label = if row == ROWS - 1 {
            format!("{most:.0}")
        } else {
            String::new()
        };
        let line: String = bars.iter().map(|bar| block(bar / most, row)).collect();
        push_line(&mut out, &format!("{label:>7} │{line}"));
    }
    push_line(&mut out, &format!("{:>7} └{}", "0", "─".repeat(columns)));
    push_line(&mut out, &axis(starts, length, columns));
    push_line(
        &mut out,
        &format!("         people a minute; {} people", curve.people()),
    );
    out
}

/// The character of a bar in a row, counted from below.
fn block(height: f64, row: usize) -> char {
    let eighths = (height * (ROWS * 8) as f64).round() as usize;
    EIGHTHS[eighths.saturating_sub(row * 8).min(8)]
}

/// The clock at full hours, as many as there is room for.
fn axis(starts: u64, length: f64, columns: usize) -> String {
    let hours = (length / 3_600.0 * 8.0 / columns as f64).ceil().max(1.0) as u64;
    let mut line = " ".repeat(9);
    let first = starts.div_ceil(3_600 * hours) * hours;
    for hour in (first..).step_by(hours as usize) {
        let at = (hour * 3_600 - starts) as f64 / length * columns as f64;
        if at > (columns - 4) as f64 {
            break;
        }
        let place = 9 + at.round() as usize;
        while line.chars().count() < place {
            line.push(' ');
        }
        // A String never fails to grow.
        let _ = write!(line, "{hour:02}:00");
    }
    line
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}
