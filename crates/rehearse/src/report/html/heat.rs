//! The heat map: how many requests took how long, over time.

use std::fmt::Write;

use super::buckets::Time;
use super::plot::{self, BOTTOM, Figure, Series, TOP, Unit};
use super::scale::{self, Log};
use crate::report::{Report, Second};

const HEIGHT: f64 = 330.0;

/// Columns at most: wide enough to be seen.
const COLUMNS: usize = 160;

/// Shades, from one request to the most that any cell holds, by the logarithm.
const SHADES: usize = 8;

/// The lower end of a band of [`Second::bands`], µs.
fn edge(band: u8) -> f64 {
    64.0 * (f64::from(band) / 2.0).exp2()
}

/// The map, with the median and the 99th percentile drawn over it.
pub fn figure(report: &Report, time: &Time) -> Figure {
    let (id, title) = ("latency-map", "Latency over time");
    let note = "How long requests took, from when they were due: the stronger the colour of a field, the more requests. A point of the \
                lines is the median (p50) and the 99th percentile (p99) of a second; of several seconds, the middle \
                and the worst.";
    let seconds = &report.timeline;
    let held = |s: &Second| Some((*s.bands.keys().next()?, *s.bands.keys().next_back()?));
    let range = seconds
        .iter()
        .filter_map(held)
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let (low, high) = range.unwrap_or((0, 10));
    let axis = Log::between(edge(low), edge(high.saturating_add(1)));
    let bottom = HEIGHT - BOTTOM;
    let y = |us: f64| bottom - axis.place(us) * (bottom - TOP);
    let mut svg = plot::open(id, title, note, HEIGHT);
    plot::faults(&mut svg, time, HEIGHT);
    cells(&mut svg, seconds, time, &y);
    plot::time_axis(&mut svg, time, HEIGHT);
    let ticks = axis.ticks();
    let marks: Vec<(f64, String)> = ticks
        .iter()
        .map(|us| (y(*us as f64), scale::short_time(*us)))
        .collect();
    plot::grid(&mut svg, &marks);
    let busy = |us: fn(&Second) -> u64| move |s: &Second| (s.requests > 0).then_some(us(s) as f64);
    let series = vec![
        Series::line(
            "p50",
            "ink dash",
            Unit::Micros,
            time.median(seconds, busy(|s| s.p50)),
        ),
        Series::line("p99", "ink", Unit::Micros, time.most(seconds, busy(|s| s.p99))),
    ];
    for series in &series {
        let path = plot::line_path(time, &series.values, &y);
        let _ = write!(
            svg,
            r#"<path class="line halo" d="{path}"/><path class="line {}" d="{path}"/>"#,
            series.class
        );
        if let Some(last) = series.values.iter().rev().flatten().next() {
            let _ = write!(
                svg,
                r#"<text class="direct ink" x="{:.1}" y="{:.1}">{}</text>"#,
                plot::RIGHT + 6.0,
                y(*last) + 4.0,
                series.name
            );
        }
    }
    plot::marks(&mut svg, &marks);
    svg.push_str("</svg>");
    Figure {
        id,
        title: title.into(),
        note: note.into(),
        series,
        shades: true,
        svg,
    }
}

/// One path for each shade, so that a thousand cells stay small.
fn cells(svg: &mut String, seconds: &[Second], time: &Time, y: &impl Fn(f64) -> f64) {
    let wide = time.seconds.div_ceil(COLUMNS);
    let columns: Vec<Vec<(u8, u64)>> = seconds.chunks(wide).map(sum).collect();
    let most = columns.iter().flatten().map(|(_, n)| *n).max().unwrap_or(1);
    let mut shades = vec![String::new(); SHADES];
    for (i, column) in columns.iter().enumerate() {
        let left = plot::at(time, (i * wide) as f64);
        let right = plot::at(time, ((i + 1) * wide).min(time.seconds) as f64);
        for (band, count) in column {
            let (top, bottom) = (y(edge(band.saturating_add(1))), y(edge(*band)));
            let _ = write!(
                shades[shade(*count, most)],
                "M{left:.1} {top:.1}h{:.1}v{:.1}h{:.1}z",
                right - left,
                bottom - top,
                left - right
            );
        }
    }
    for (i, path) in shades.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        let _ = write!(svg, r#"<path class="heat h{i}" d="{path}"/>"#);
    }
}

fn sum(seconds: &[Second]) -> Vec<(u8, u64)> {
    let mut bands = std::collections::BTreeMap::new();
    for (band, n) in seconds.iter().flat_map(|s| &s.bands) {
        *bands.entry(*band).or_insert(0) += n;
    }
    bands.into_iter().filter(|(_, n)| *n > 0).collect()
}

fn shade(count: u64, most: u64) -> usize {
    let part = (count as f64).ln_1p() / (most as f64).ln_1p();
    ((part * SHADES as f64).ceil() as usize).clamp(1, SHADES) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_half_octaves_from_64_us() {
        assert_eq!((edge(0), edge(2), edge(8)), (64.0, 128.0, 1024.0));
    }

    #[test]
    fn one_request_is_the_lightest_shade_and_the_most_the_darkest() {
        assert_eq!(
            (shade(1, 1_000_000), shade(1_000_000, 1_000_000), shade(1, 1)),
            (0, 7, 7)
        );
    }

    #[test]
    fn a_map_of_nothing_is_empty_but_there() {
        let report = Report::default();
        let figure = figure(&report, &Time::of(&report));
        assert!(!figure.svg.contains("class=\"heat") && figure.svg.ends_with("</svg>"));
    }
}
