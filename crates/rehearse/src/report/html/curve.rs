//! The curve of percentiles, from the histograms. Its axis counts nines: 90 %, 99 %, 99.9 % lie equally far apart, as in
//! Gil Tene's HdrHistogram plots, so that the slowest requests have as much room as the usual ones.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::plot::{self, BOTTOM, Figure, LEFT, RIGHT, Series, TOP, Unit};
use super::scale::{self, Log};
use crate::report::{Report, words};

const HEIGHT: f64 = 300.0;

/// How finely the curve is drawn, in points to a nine.
const POINTS: usize = 60;

const NAMES: [(&str, &str); 2] = [("from due", "c1"), ("from start", "c2 dash")];

/// A histogram as reports hold it; None when it is not one.
fn decode(text: &str) -> Option<Histogram<u64>> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice()).ok()?;
    (!histogram.is_empty()).then_some(histogram)
}

fn clocks(report: &Report) -> [Option<Histogram<u64>>; 2] {
    [&report.overall.histogram, &report.overall.start_histogram].map(|text| decode(text))
}

/// The plot; None when the report holds no histogram.
pub fn figure(report: &Report) -> Option<Figure> {
    let (id, title) = ("percentiles", "Percentiles");
    let note = "So many of the requests took at most so long. From due is what people waited; from start leaves out \
                the time in which a request was due but could not begin.";
    let clocks = clocks(report);
    let there = || clocks.iter().flatten();
    let count = there().map(Histogram::len).max()?;
    // One request in so many is the last that can be told apart.
    let nines = (count as f64).log10().clamp(1.0, 8.0);
    let low = there().map(Histogram::min).min()?;
    let high = there().map(Histogram::max).max()?;
    let axis = Log::between(low as f64, high as f64 * 1.1);
    let bottom = HEIGHT - BOTTOM;
    let y = |us: u64| bottom - axis.place(us as f64) * (bottom - TOP);
    let x = |depth: f64| LEFT + depth / nines * (RIGHT - LEFT);
    let mut svg = plot::open(id, title, note, HEIGHT);
    let marks: Vec<(f64, String)> = axis
        .ticks()
        .iter()
        .map(|us| (y(*us), scale::short_time(*us)))
        .collect();
    plot::grid(&mut svg, &marks);
    share_axis(&mut svg, nines, bottom, x);
    let mut labels = Vec::new();
    for (histogram, (name, class)) in clocks.iter().zip(NAMES) {
        let Some(histogram) = histogram else { continue };
        let _ = write!(
            svg,
            r#"<path class="line {class}" d="{}"/>"#,
            path(histogram, nines, x, y)
        );
        labels.push((y(histogram.max()) + 4.0, name, class));
    }
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = 0.0;
    for (place, name, class) in labels {
        let place: f64 = f64::max(place, free);
        free = place + 16.0;
        let _ = write!(
            svg,
            r#"<text class="direct {class}" x="{:.1}" y="{place:.1}">{name}</text>"#,
            RIGHT + 6.0
        );
    }
    plot::marks(&mut svg, &marks);
    svg.push_str("</svg>");
    let series = NAMES.map(|(name, class)| Series::line(name, class, Unit::Micros, Vec::new()));
    Some(Figure {
        id,
        title: title.into(),
        note: note.into(),
        series: series.into(),
        shades: false,
        svg,
    })
}

fn share_axis(svg: &mut String, nines: f64, bottom: f64, x: impl Fn(f64) -> f64) {
    let _ = write!(svg, r#"<path class="axis" d="M{LEFT} {bottom}H{RIGHT}"/>"#);
    let labels = [
        (std::f64::consts::LOG10_2, "50 %"),
        (1.0, "90 %"),
        (2.0, "99 %"),
        (3.0, "99.9 %"),
        (4.0, "99.99 %"),
        (5.0, "99.999 %"),
        (6.0, "99.9999 %"),
        (7.0, "99.99999 %"),
    ];
    for (depth, label) in labels.into_iter().filter(|(depth, _)| *depth <= nines) {
        let x = x(depth);
        let _ = write!(
            svg,
            r#"<path class="grid" d="M{x:.1} {TOP}V{bottom}"/><text class="tick" text-anchor="middle" x="{x:.1}" y="{:.1}">{label}</text>"#,
            bottom + 18.0
        );
    }
}

fn path(histogram: &Histogram<u64>, nines: f64, x: impl Fn(f64) -> f64, y: impl Fn(u64) -> f64) -> String {
    let points = (nines * POINTS as f64).ceil() as usize;
    let mut path = String::new();
    for i in 0..=points {
        let depth = (i as f64 / POINTS as f64).min(nines);
        let value = histogram.value_at_quantile(1.0 - 10f64.powf(-depth));
        let pen = if i == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{pen}{:.1} {:.1}", x(depth), y(value));
    }
    path
}

/// The figures behind the curve: share, from due, from start. The depths that the runs' size cannot tell are left out.
pub fn rows(report: &Report) -> Vec<[String; 3]> {
    let clocks = clocks(report);
    let Some(count) = clocks.iter().flatten().map(Histogram::len).max() else {
        return Vec::new();
    };
    let depths = [
        (2, 0.5, "50 %"),
        (4, 0.75, "75 %"),
        (10, 0.9, "90 %"),
        (20, 0.95, "95 %"),
        (100, 0.99, "99 %"),
        (1_000, 0.999, "99.9 %"),
        (10_000, 0.9999, "99.99 %"),
        (100_000, 0.999_99, "99.999 %"),
        (1_000_000, 0.999_999, "99.9999 %"),
    ];
    let cell = |value: fn(&Histogram<u64>, f64) -> u64, q: f64| {
        let text = |h: &Option<Histogram<u64>>| h.as_ref().map_or("–".into(), |h| words::time(value(h, q)));
        (text(&clocks[0]), text(&clocks[1]))
    };
    let mut rows: Vec<[String; 3]> = depths
        .into_iter()
        .filter(|(least, ..)| count >= *least)
        .map(|(_, q, label)| {
            let (due, start) = cell(|h, q| h.value_at_quantile(q), q);
            [label.into(), due, start]
        })
        .collect();
    let (due, start) = cell(|h, _| h.max(), 1.0);
    rows.push(["longest".into(), due, start]);
    rows
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

    use super::*;

    fn encoded(values: impl Iterator<Item = u64>) -> String {
        let mut histogram = Histogram::<u64>::new(3).unwrap();
        values.for_each(|v| histogram.record(v).unwrap());
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&histogram, &mut bytes)
            .unwrap();
        BASE64_STANDARD.encode(bytes)
    }

    #[test]
    fn the_table_is_the_histograms() {
        let mut report = Report::default();
        report.overall.histogram = encoded((1..=1000).map(|ms| ms * 1000));
        report.overall.start_histogram = encoded(std::iter::repeat_n(1000, 1000));
        let rows = rows(&report);
        assert_eq!(rows[0], ["50 %", "500 ms", "1.00 ms"]);
        assert_eq!(rows.last().unwrap(), &["longest", "1.00 s", "1.00 ms"]);
        assert!(rows.iter().any(|row| row[0] == "99.9 %") && !rows.iter().any(|row| row[0] == "99.99 %"));
        assert!(figure(&report).is_some());
    }

    #[test]
    fn a_report_without_histograms_has_no_curve() {
        let mut report = Report::default();
        assert!(figure(&report).is_none());
        report.overall.histogram = "bm90IGEgaGlzdG9ncmFt".into();
        assert!(figure(&report).is_none() && rows(&report).is_empty());
    }
}
