//! Plots over time as SVG. Labels stand inside of the plot on their grid lines, so that they may grow on a small screen.

use std::fmt::Write;

use serde_json::json;

use super::buckets::Time;
use super::escape;
use super::scale::{self, Linear};
use crate::report::words;

/// Units of the drawing, scaled to the page's width.
pub const WIDTH: f64 = 960.0;
/// Where the time axis begins and ends.
pub const LEFT: f64 = 4.0;
pub const RIGHT: f64 = 876.0;
/// Room above for the names of faults, and below for the axis.
pub const TOP: f64 = 24.0;
pub const BOTTOM: f64 = 24.0;

/// A plot with its legend, ready for the template.
pub struct Figure {
    pub id: &'static str,
    pub title: String,
    /// What is to be seen, for those who do not see it, and how to read it.
    pub note: String,
    pub series: Vec<Series>,
    /// Whether a legend of shades belongs to it.
    pub shades: bool,
    pub svg: String,
}

/// One line or area.
pub struct Series {
    pub name: &'static str,
    /// Its look in the style sheet.
    pub class: &'static str,
    pub unit: Unit,
    pub values: Vec<Option<f64>>,
    /// Filled down to the axis, or to the area before it when the plot is stacked.
    pub area: bool,
}

/// What a value is, for labels and the readout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    Rate,
    Micros,
    Share,
}

impl Unit {
    fn label(self, value: f64) -> String {
        match self {
            Self::Count => words::count(value.round() as u64),
            Self::Rate => format!("{}/s", words::rate(value)),
            Self::Micros => scale::short_time(value as u64),
            Self::Share => format!("{} %", (value * 1000.0).round() / 10.0),
        }
    }
}

impl Series {
    pub fn line(name: &'static str, class: &'static str, unit: Unit, values: Vec<Option<f64>>) -> Self {
        Self {
            name,
            class,
            unit,
            values,
            area: false,
        }
    }

    pub fn area(name: &'static str, class: &'static str, unit: Unit, values: Vec<Option<f64>>) -> Self {
        Self {
            area: true,
            ..Self::line(name, class, unit, values)
        }
    }
}

/// Draws series that share a linear axis from 0. `least` is what the axis holds at least; areas are put on top of one
/// another when `stacked`.
pub fn linear(
    time: &Time,
    (id, title, note): (&'static str, &str, &str),
    series: Vec<Series>,
    (height, least, stacked): (f64, f64, bool),
) -> Figure {
    let tops = tops(&series, stacked);
    let most = tops.iter().flatten().flatten().copied().fold(least, f64::max);
    let axis = Linear::holding(most);
    let bottom = height - BOTTOM;
    let y = |value: f64| bottom - axis.place(value) * (bottom - TOP);
    let mut svg = open(id, title, note, height);
    faults(&mut svg, time, height);
    time_axis(&mut svg, time, height);
    let unit = series.first().map_or(Unit::Count, |s| s.unit);
    let marks: Vec<(f64, String)> = axis.ticks().map(|v| (y(v), unit.label(v))).collect();
    let drawn = series.iter().zip(&tops).enumerate();
    for (i, (series, top)) in drawn.clone().filter(|(_, (s, _))| s.area) {
        let floor = (stacked && i > 0).then(|| &tops[i - 1]);
        let path = area_path(time, top, floor, &y);
        let _ = write!(svg, r#"<path class="area {}" d="{path}"/>"#, series.class);
    }
    grid(&mut svg, &marks);
    for (_, (series, top)) in drawn.filter(|(_, (s, _))| !(s.area && stacked)) {
        let _ = write!(
            svg,
            r#"<path class="line {}" d="{}"/>"#,
            series.class,
            line_path(time, top, &y)
        );
    }
    self::marks(&mut svg, &marks);
    if series.len() > 1 {
        direct_labels(&mut svg, &series, &tops, &y, height);
    }
    svg.push_str("</svg>");
    Figure {
        id,
        title: title.into(),
        note: note.into(),
        series,
        shades: false,
        svg,
    }
}

/// Where each series' upper edge lies: its values, or the sum with those before it.
fn tops(series: &[Series], stacked: bool) -> Vec<Vec<Option<f64>>> {
    let mut tops: Vec<Vec<Option<f64>>> = Vec::new();
    for (i, series) in series.iter().enumerate() {
        let mut top = series.values.clone();
        if stacked && series.area && i > 0 {
            for (value, below) in top.iter_mut().zip(&tops[i - 1]) {
                *value = value.zip(*below).map(|(a, b)| a + b);
            }
        }
        tops.push(top);
    }
    tops
}

/// The element's beginning, with what it shows in words.
pub fn open(id: &str, title: &str, note: &str, height: f64) -> String {
    let (title, note) = (escape(title), escape(note));
    format!(
        r#"<svg id="{id}" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{title}</title><desc id="{id}-d">{note}</desc>"#
    )
}

/// Where the middle of a point lies.
pub fn x(time: &Time, point: usize) -> f64 {
    at(
        time,
        ((point as f64 + 0.5) * time.bucket as f64).min(time.seconds as f64),
    )
}

/// Where a moment lies, in seconds.
pub fn at(time: &Time, seconds: f64) -> f64 {
    LEFT + seconds / time.seconds as f64 * (RIGHT - LEFT)
}

/// Bands from each fault to its recovery, with a line where it began and its name.
pub fn faults(svg: &mut String, time: &Time, height: f64) {
    let mut free = 0.0;
    for (from, until, name) in &time.faults {
        let (from, until) = (at(time, *from), at(time, *until));
        let (width, bottom) = ((until - from).max(1.5), height - BOTTOM);
        let _ = write!(
            svg,
            r#"<rect class="fault" x="{from:.1}" y="{TOP}" width="{width:.1}" height="{:.1}"/><path class="fault-line" d="M{from:.1} 6V{bottom}"/>"#,
            bottom - TOP
        );
        if from < free {
            continue;
        }
        let name = words::fit(&words::line(name), 40);
        let (anchor, x) = if from > RIGHT - 180.0 {
            ("end", from - 4.0)
        } else {
            ("start", from + 4.0)
        };
        let _ = write!(
            svg,
            r#"<text class="fault-name" text-anchor="{anchor}" x="{x:.1}" y="15">{}</text>"#,
            escape(&name)
        );
        free = from + 12.0 + 7.0 * name.chars().count() as f64;
    }
}

/// The line at the bottom and its moments.
pub fn time_axis(svg: &mut String, time: &Time, height: f64) {
    let bottom = height - BOTTOM;
    let _ = write!(svg, r#"<path class="axis" d="M{LEFT} {bottom}H{RIGHT}"/>"#);
    for (i, second) in scale::moments(time.seconds).into_iter().enumerate() {
        let x = at(time, second as f64);
        let class = if i % 2 == 0 { "tick" } else { "tick odd" };
        let anchor = if i == 0 { "start" } else { "middle" };
        let _ = write!(
            svg,
            r#"<path class="axis" d="M{x:.1} {bottom}v4"/><text class="{class}" text-anchor="{anchor}" x="{x:.1}" y="{:.1}">{}</text>"#,
            bottom + 18.0,
            scale::clock(second)
        );
    }
}

/// Lines across.
pub fn grid(svg: &mut String, marks: &[(f64, String)]) {
    for (y, _) in marks {
        let _ = write!(svg, r#"<path class="grid" d="M{LEFT} {y:.1}H{RIGHT}"/>"#);
    }
}

/// The grid's labels, standing on their lines; drawn last, so that no line runs through them.
pub fn marks(svg: &mut String, marks: &[(f64, String)]) {
    for (y, label) in marks {
        let _ = write!(
            svg,
            r#"<text class="mark" x="{:.1}" y="{:.1}">{}</text>"#,
            LEFT + 2.0,
            y - 3.0,
            escape(label)
        );
    }
}

/// The series' names where their lines end, moved apart where they would overlap.
fn direct_labels(
    svg: &mut String,
    series: &[Series],
    tops: &[Vec<Option<f64>>],
    y: &impl Fn(f64) -> f64,
    height: f64,
) {
    let mut places: Vec<(f64, &Series)> = series
        .iter()
        .zip(tops)
        .filter_map(|(series, top)| Some((y(top.iter().rev().flatten().next().copied()?) + 4.0, series)))
        .collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    let apart = 15.0;
    for i in 1..places.len() {
        places[i].0 = places[i].0.max(places[i - 1].0 + apart);
    }
    let over = places
        .last()
        .map_or(0.0, |(y, _)| (y - (height - BOTTOM + 4.0)).max(0.0));
    for (place, series) in places {
        let _ = write!(
            svg,
            r#"<text class="direct {}" x="{:.1}" y="{:.1}">{}</text>"#,
            series.class,
            RIGHT + 6.0,
            place - over,
            escape(series.name)
        );
    }
}

/// The path of a line; it breaks where there is no value.
pub fn line_path(time: &Time, values: &[Option<f64>], y: &impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let mut pen_down = false;
    for (i, value) in values.iter().enumerate() {
        let Some(value) = value else {
            pen_down = false;
            continue;
        };
        let (x, y) = (x(time, i), y(*value));
        let _ = if pen_down {
            write!(path, "L{x:.1} {y:.1}")
        } else {
            // A point alone is seen by its round cap.
            write!(path, "M{x:.1} {y:.1}h0")
        };
        pen_down = true;
    }
    path
}

fn area_path(
    time: &Time,
    top: &[Option<f64>],
    floor: Option<&Vec<Option<f64>>>,
    y: &impl Fn(f64) -> f64,
) -> String {
    let zero = |values: &[Option<f64>]| -> Vec<f64> { values.iter().map(|v| v.unwrap_or(0.0)).collect() };
    let upper = zero(top);
    let lower = floor.map_or_else(|| vec![0.0; upper.len()], |floor| zero(floor));
    let mut path = String::new();
    for (i, value) in upper.iter().enumerate() {
        let _ = write!(
            path,
            "{}{:.1} {:.1}",
            if i == 0 { "M" } else { "L" },
            x(time, i),
            y(*value)
        );
    }
    for (i, value) in lower.iter().enumerate().rev() {
        let _ = write!(path, "L{:.1} {:.1}", x(time, i), y(*value));
    }
    path.push('z');
    path
}

/// What the script needs for its readout: the axis, and each plot's values with three significant digits.
pub fn data<'a>(time: &Time, figures: impl Iterator<Item = &'a Figure>) -> String {
    let plots: serde_json::Map<String, serde_json::Value> = figures
        .map(|figure| {
            let series = figure.series.iter().map(|series| {
                let unit = match series.unit {
                    Unit::Count => "count",
                    Unit::Rate => "rate",
                    Unit::Micros => "us",
                    Unit::Share => "share",
                };
                let values: Vec<Option<f64>> = series.values.iter().map(|v| v.map(rounded)).collect();
                json!({"unit": unit, "values": values})
            });
            (figure.id.to_owned(), series.collect())
        })
        .collect();
    let data = json!({
        "seconds": time.seconds, "bucket": time.bucket, "points": time.points(),
        "width": WIDTH, "left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM, "plots": plots,
    });
    data.to_string().replace('<', "\\u003c")
}

/// Three significant digits; whole numbers without a fraction.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let unit = 10f64.powf(value.abs().log10().floor() - 2.0);
    let rounded = (value / unit).round() * unit;
    // Away with the noise of binary fractions, which would be written out.
    (rounded * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time() -> Time {
        Time {
            seconds: 4,
            bucket: 1,
            faults: vec![(1.0, 2.0, "a<b & \"c\"".into())],
        }
    }

    #[test]
    fn a_line_breaks_where_there_is_nothing_and_a_lone_point_is_drawn() {
        let path = line_path(&time(), &[Some(1.0), None, Some(2.0), Some(3.0)], &|v| v);
        assert_eq!(path, "M113.0 1.0h0M549.0 2.0h0L767.0 3.0");
    }

    #[test]
    fn stacked_areas_stand_on_one_another() {
        let area = |values| Series::area("a", "c1", Unit::Share, values);
        let tops = tops(&[area(vec![Some(0.25)]), area(vec![Some(0.5)])], true);
        assert_eq!(tops, [[Some(0.25)], [Some(0.75)]]);
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let series = vec![Series::line("x", "c1", Unit::Rate, vec![Some(1.0); 4])];
        let figure = linear(&time(), ("id", "title", "note"), series, (200.0, 0.0, false));
        assert!(figure.svg.contains("a&lt;b &amp; &quot;c&quot;"));
        assert!(!figure.svg.contains("a<b"));
        let data = data(&time(), [figure].iter());
        assert!(
            data.contains(r#""id":[{"unit":"rate","values":[1.0,1.0,1.0,1.0]}]"#),
            "{data}"
        );
    }

    #[test]
    fn the_script_gets_three_digits() {
        assert_eq!(
            (rounded(123_456.0), rounded(0.012_345), rounded(0.0)),
            (123_000.0, 0.0123, 0.0)
        );
    }
}
