//! The plots: over time, and how long statements took.

use std::fmt::Write;

use super::plot::{Figure, Line, Unit, figure};
use super::scale::{Axis, round_time};
use super::time::{Time, micros};
use crate::report::events::AmountBucket;
use crate::report::model::{Figures, Report};
use crate::report::words;

/// The plots over time.
pub fn over_time(report: &Report, time: &Time) -> Vec<Figure> {
    let line = |name, class, values| Line {
        name,
        class,
        area: false,
        values,
    };
    let area = |name, class, values| Line {
        area: true,
        ..line(name, class, values)
    };
    let executions = (
        "executions",
        "Executions",
        "Per second. Writes change data or definitions; others are reads, transaction commands and settings.",
    );
    let at_work = (
        "at-work",
        "Statements at work",
        "How many were executing at once, on average: the time that statements took, over the time that went by.",
    );
    let times = (
        "times",
        "How long statements took",
        "p50: half of the executions took at most so long; p95 and p99: 95 and 99 of a hundred. The axis is logarithmic.",
    );
    let errors = (
        "errors",
        "Errors",
        "Records of severity ERROR, FATAL and PANIC, per second.",
    );
    let mut figures = vec![
        figure(
            time,
            executions,
            Unit::Rate,
            180.0,
            vec![
                area("writes", "c2", time.per_second(|b| b.writes)),
                area(
                    "others",
                    "c1",
                    time.per_second(|b| b.calls.saturating_sub(b.writes)),
                ),
            ],
        ),
        figure(
            time,
            at_work,
            Unit::AtOnce,
            130.0,
            vec![area("at work", "c4", seconds(time.per_second(|b| b.micros)))],
        ),
        figure(
            time,
            times,
            Unit::Micros,
            190.0,
            vec![
                line("p50", "c1 dot", time.when_executed(|b| b.p50)),
                line("p95", "c3 dash", time.when_executed(|b| b.p95)),
                line("p99", "c5", time.when_executed(|b| b.p99)),
            ],
        ),
    ];
    if report.series.iter().any(|b| b.failures > 0) {
        figures.push(figure(
            time,
            errors,
            Unit::Rate,
            110.0,
            vec![area("errors", "c2", time.per_second(|b| b.failures))],
        ));
    }
    figures.extend(of_events(report, time));
    figures
}

/// What is counted by five minutes, as far as the log has it.
fn of_events(report: &Report, time: &Time) -> Vec<Figure> {
    let events = &report.events;
    let per_second = |buckets: &[AmountBucket], unit: f64| {
        let of = |b: &AmountBucket| Some((micros(&b.from)?, b.amount.sum as f64 / unit / 300.0));
        time.by_five_minutes(buckets.iter().filter_map(of))
    };
    let peaks = events.connections.series.iter();
    let sessions = time.by_five_minutes(peaks.filter_map(|b| Some((micros(&b.from)?, b.peak as f64))));
    let all = [
        (
            (
                "sessions-at-once",
                "Sessions at once",
                "The most at once in five minutes, from connections and disconnections; of a longer point the mean of these.",
            ),
            Unit::AtOnce,
            ("sessions", "c3", sessions),
        ),
        (
            (
                "waiting",
                "Waiting for locks",
                "How many waited at once, on average of five minutes: the time waited over the time that went by.",
            ),
            Unit::AtOnce,
            ("waiting", "c2", per_second(&events.locks.series, 1e6)),
        ),
        (
            (
                "temporary-bytes",
                "Temporary files",
                "Bytes per second, on average of five minutes.",
            ),
            Unit::Bytes,
            ("bytes", "c4", per_second(&events.temporary.series, 1.0)),
        ),
    ];
    all.into_iter()
        .filter(|(_, _, (_, _, values))| values.iter().flatten().any(|v| *v > 0.0))
        .map(|(words, unit, (name, class, values))| {
            let line = Line {
                name,
                class,
                area: true,
                values,
            };
            figure(time, words, unit, 110.0, vec![line])
        })
        .collect()
}

/// µs to seconds.
fn seconds(micros: Vec<Option<f64>>) -> Vec<Option<f64>> {
    micros.into_iter().map(|v| v.map(|v| v / 1e6)).collect()
}

/// How many executions took how long, in powers of two, with a mark at each percentile.
pub fn histogram(of: &Figures) -> Option<String> {
    const WIDTH: f64 = 960.0;
    const HEIGHT: f64 = 210.0;
    const TOP: f64 = 34.0;
    const BOTTOM: f64 = 24.0;
    let (first, last) = (of.histogram.first()?.0, of.histogram.last()?.0);
    let across = Axis::log(first as f64 / 2.0, last as f64);
    let most = of.histogram.iter().map(|(_, n)| *n).max()?;
    let up = Axis::linear(most as f64);
    let x = |us: f64| 4.0 + across.place(us) * (WIDTH - 8.0);
    let y = |n: f64| HEIGHT - BOTTOM - up.place(n) * (HEIGHT - BOTTOM - TOP);
    let bottom = HEIGHT - BOTTOM;
    let mut svg = format!(
        r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Histogram of the times of all executions; the table below has its figures">"#
    );
    for n in &up.ticks {
        let _ = write!(svg, r#"<path class="grid" d="M4 {:.1}H956"/>"#, y(*n));
    }
    for (upper, n) in &of.histogram {
        let (from, to) = (x(*upper as f64 / 2.0), x(*upper as f64));
        let _ = write!(
            svg,
            r#"<rect class="bar-of" x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}"><title>{} to {}: {}</title></rect>"#,
            from + 0.75,
            y(*n as f64),
            (to - from - 1.5).max(1.0),
            (bottom - y(*n as f64)).max(1.0),
            words::length(upper / 2),
            words::length(*upper),
            words::count(*n)
        );
    }
    for n in &up.ticks {
        let _ = write!(
            svg,
            r#"<text class="mark" x="6" y="{:.1}">{}</text>"#,
            y(*n) - 3.0,
            words::count(n.round() as u64)
        );
    }
    let _ = write!(svg, r#"<path class="axis" d="M4 {bottom}H956"/>"#);
    for (i, us) in across.ticks.iter().enumerate() {
        let (x, n) = (x(*us), across.ticks.len());
        let anchor = match i {
            0 => "start",
            _ if i + 1 == n => "end",
            _ => "middle",
        };
        let _ = write!(
            svg,
            r#"<path class="axis" d="M{x:.1} {bottom}v4"/><text class="tick" text-anchor="{anchor}" x="{x:.1}" y="{:.1}">{}</text>"#,
            bottom + 18.0,
            round_time(*us)
        );
    }
    percentiles(&mut svg, of, x, bottom);
    svg.push_str("</svg>");
    Some(svg)
}

fn percentiles(svg: &mut String, of: &Figures, x: impl Fn(f64) -> f64, bottom: f64) {
    let mut free = [0.0; 2];
    for (name, us) in [("p50", of.p50), ("p95", of.p95), ("p99", of.p99), ("max", of.max)] {
        let at = x(us.max(1) as f64);
        let text = format!("{name} {}", words::length(us));
        let wide = 7.5 * text.chars().count() as f64;
        let (anchor, left) = if at + wide > 956.0 {
            ("end", at - wide)
        } else {
            ("start", at)
        };
        let row = usize::from(left < free[0]);
        free[row] = left + wide + 8.0;
        let _ = write!(
            svg,
            r#"<path class="percentile" d="M{at:.1} {}V{bottom}"/><text class="percentile-name" text-anchor="{anchor}" x="{:.1}" y="{}">{text}</text>"#,
            6 + 15 * row,
            if anchor == "end" { at - 3.0 } else { at + 3.0 },
            14 + 15 * row,
        );
    }
}
