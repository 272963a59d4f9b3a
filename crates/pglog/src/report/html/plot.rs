//! Plots over time as SVG. Labels stand inside of the plot on their grid lines, so that they may grow on a small screen.

use std::fmt::Write;

use serde_json::json;

use super::escape;
use super::scale::{Axis, round_time};
use super::time::Time;
use crate::report::words;

/// Units of the drawing, scaled to the page's width.
pub const WIDTH: f64 = 960.0;
/// Where the time axis begins.
const LEFT: f64 = 4.0;
/// Where it ends; the lines' names stand behind.
const RIGHT: f64 = 876.0;
/// Room below for the labels of the axis.
const BOTTOM: f64 = 24.0;
/// Room for a row of names above.
const ROW: f64 = 17.0;

/// A plot, ready for the template.
pub struct Figure {
    pub id: &'static str,
    pub title: &'static str,
    /// What is to be seen, for those who do not see it, and how to read it.
    pub note: &'static str,
    pub lines: Vec<Line>,
    pub svg: String,
    unit: Unit,
    top: f64,
}

/// One line or area.
pub struct Line {
    pub name: &'static str,
    /// Its look in the style sheet.
    pub class: &'static str,
    /// Filled down to the axis, or to the area before it.
    pub area: bool,
    pub values: Vec<Option<f64>>,
}

/// What a value is, for labels and the readout.
#[derive(Clone, Copy)]
pub enum Unit {
    Rate,
    AtOnce,
    Micros,
    /// Bytes per second.
    Bytes,
}

impl Unit {
    fn label(self, value: f64) -> String {
        match self {
            Self::Rate => words::rate(value),
            Self::AtOnce => format!("{}", (value * 1e4).round() / 1e4),
            Self::Micros => round_time(value),
            Self::Bytes => format!("{}/s", words::bytes(value.round() as u64)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::AtOnce => "at-once",
            Self::Micros => "us",
            Self::Bytes => "bytes",
        }
    }
}

/// Draws lines over time; times on a logarithmic axis, the rest from 0. Areas stand on one another.
pub fn figure(
    time: &Time,
    (id, title, note): (&'static str, &'static str, &'static str),
    unit: Unit,
    height: f64,
    lines: Vec<Line>,
) -> Figure {
    let tops = stacked(&lines);
    let values = || tops.iter().flatten().flatten().copied();
    let highest = values().fold(0.0, f64::max);
    let axis = match unit {
        Unit::Micros => Axis::log(values().fold(f64::MAX, f64::min).min(highest.max(1.0)), highest),
        _ => Axis::linear(highest),
    };
    let rows = [false, true].map(|fault| time.bands.iter().any(|b| b.is_fault == fault));
    let top = 16.0 + ROW * rows.iter().filter(|there| **there).count() as f64;
    let height = height + top;
    let bottom = height - BOTTOM;
    let y = |value: f64| bottom - axis.place(value) * (bottom - top);
    let mut svg = format!(
        r#"<svg id="{id}" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="{id}-t {id}-d"><title id="{id}-t">{title}</title><desc id="{id}-d">{}</desc>"#,
        escape(note)
    );
    bands(&mut svg, time, top, bottom);
    let marks: Vec<(f64, String)> = axis.ticks.iter().map(|v| (y(*v), unit.label(*v))).collect();
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.area) {
        let floor = (i > 0).then(|| &tops[i - 1]);
        let d = area(time, &tops[i], floor, &y);
        let _ = write!(svg, r#"<path class="area {}" d="{d}"/>"#, line.class);
    }
    for (y, _) in &marks {
        let _ = write!(svg, r#"<path class="grid" d="M{LEFT} {y:.1}H{RIGHT}"/>"#);
    }
    for (line, top) in lines.iter().zip(&tops) {
        let d = path(time, top, &y);
        let _ = write!(svg, r#"<path class="line {}" d="{d}"/>"#, line.class);
    }
    for (y, label) in &marks {
        let _ = write!(
            svg,
            r#"<text class="mark" x="{:.1}" y="{:.1}">{label}</text>"#,
            LEFT + 2.0,
            y - 3.0
        );
    }
    moments(&mut svg, time, bottom);
    if lines.len() > 1 {
        names(&mut svg, &lines, &tops, &y, bottom);
    }
    svg.push_str("</svg>");
    Figure {
        id,
        title,
        note,
        lines,
        svg,
        unit,
        top,
    }
}

/// The lines' upper edges: their values, or for areas the sum with the area before.
fn stacked(lines: &[Line]) -> Vec<Vec<Option<f64>>> {
    let mut tops: Vec<Vec<Option<f64>>> = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        let mut top = line.values.clone();
        if line.area && i > 0 {
            for (value, below) in top.iter_mut().zip(&tops[i - 1]) {
                *value = value.zip(*below).map(|(a, b)| a + b);
            }
        }
        tops.push(top);
    }
    tops
}

fn x(part: f64) -> f64 {
    LEFT + part * (RIGHT - LEFT)
}

/// Where the middle of a point lies.
fn middle(time: &Time, point: usize) -> f64 {
    x((point as f64 + 0.5) / time.points.len().max(1) as f64)
}

fn path(time: &Time, values: &[Option<f64>], y: &impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let mut is_down = false;
    for (i, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let (x, y) = (middle(time, i), y(*value));
            let _ = match is_down {
                true => write!(path, "L{x:.1} {y:.1}"),
                // A point alone is seen by its round cap.
                false => write!(path, "M{x:.1} {y:.1}h0"),
            };
        }
        is_down = value.is_some();
    }
    path
}

fn area(
    time: &Time,
    upper: &[Option<f64>],
    lower: Option<&Vec<Option<f64>>>,
    y: &impl Fn(f64) -> f64,
) -> String {
    let mut path = String::new();
    let mut to = |i: usize, value: Option<f64>| {
        let pen = if path.is_empty() { 'M' } else { 'L' };
        let _ = write!(path, "{pen}{:.1} {:.1}", middle(time, i), y(value.unwrap_or(0.0)));
    };
    for (i, value) in upper.iter().enumerate() {
        to(i, *value);
    }
    match lower {
        Some(lower) => lower.iter().enumerate().rev().for_each(|(i, v)| to(i, *v)),
        None => {
            to(upper.len().saturating_sub(1), None);
            to(0, None);
        }
    }
    path + "z"
}

/// Phases as bands of two shades in turn, faults as bands with a line at their beginning; their names above.
fn bands(svg: &mut String, time: &Time, top: f64, bottom: f64) {
    let mut free = [0.0, 0.0];
    // Behind all lines, so that none runs through a name.
    let mut names = String::new();
    let has_phases = time.bands.iter().any(|b| !b.is_fault);
    for (i, band) in time.bands.iter().enumerate() {
        if band.until <= time.start || band.from >= time.end() {
            continue;
        }
        let (from, until) = (x(time.place(band.from)), x(time.place(band.until)));
        let row = usize::from(band.is_fault && has_phases);
        let class = if band.is_fault { "fault" } else { "phase" };
        let shade = if i % 2 == 0 { " even" } else { "" };
        let _ = write!(
            svg,
            r#"<rect class="{class}{shade}" x="{from:.1}" y="{top}" width="{:.1}" height="{:.1}"/><path class="{class}-line" d="M{from:.1} {}V{bottom}"/>"#,
            (until - from).max(1.5),
            bottom - top,
            6.0 + ROW * row as f64,
        );
        let name = words::fit(&band.name, 32);
        let wide = 7.2 * name.chars().count() as f64 + 12.0;
        if from < free[row] || from + wide > WIDTH {
            continue;
        }
        let _ = write!(
            names,
            r#"<text class="{class}-name" x="{:.1}" y="{:.1}">{}</text>"#,
            from + 4.0,
            ROW * (row + 1) as f64,
            escape(&name)
        );
        free[row] = from + wide;
    }
    svg.push_str(&names);
}

fn moments(svg: &mut String, time: &Time, bottom: f64) {
    let _ = write!(svg, r#"<path class="axis" d="M{LEFT} {bottom}H{RIGHT}"/>"#);
    for (i, (at, label)) in time.labels().iter().enumerate() {
        let x = x(time.place(*at));
        let anchor = if x < LEFT + 24.0 { "start" } else { "middle" };
        let class = if i % 2 == 1 { "tick odd" } else { "tick" };
        let _ = write!(
            svg,
            r#"<path class="axis" d="M{x:.1} {bottom}v4"/><text class="{class}" text-anchor="{anchor}" x="{x:.1}" y="{:.1}">{label}</text>"#,
            bottom + 18.0
        );
    }
}

/// The lines' names where they end, moved apart where they would overlap.
fn names(svg: &mut String, lines: &[Line], tops: &[Vec<Option<f64>>], y: &impl Fn(f64) -> f64, bottom: f64) {
    // The last point is often of a piece that was cut short: the middle of the last five says where the line ends.
    let last = |top: &[Option<f64>]| {
        let mut last: Vec<f64> = top.iter().rev().flatten().take(5).copied().collect();
        last.sort_by(f64::total_cmp);
        last.get(last.len() / 2).copied()
    };
    let mut places: Vec<(f64, &Line)> = lines
        .iter()
        .zip(tops)
        .filter_map(|(line, top)| Some((y(last(top)?) + 4.0, line)))
        .collect();
    places.sort_by(|a, b| a.0.total_cmp(&b.0));
    for i in 1..places.len() {
        places[i].0 = places[i].0.max(places[i - 1].0 + 15.0);
    }
    let below = places.last().map_or(0.0, |(y, _)| (y - bottom - 4.0).max(0.0));
    for (y, line) in places {
        let _ = write!(
            svg,
            r#"<text class="direct {}" x="{:.1}" y="{:.1}">{}</text>"#,
            line.class,
            RIGHT + 6.0,
            y - below,
            line.name
        );
    }
}

/// What the script needs to read a moment out of the plots.
pub fn data(time: &Time, figures: &[Figure]) -> serde_json::Value {
    let plots: serde_json::Map<String, serde_json::Value> = figures
        .iter()
        .map(|f| {
            let lines: Vec<Vec<Option<f64>>> = f
                .lines
                .iter()
                .map(|line| line.values.iter().map(|v| v.map(rounded)).collect())
                .collect();
            (
                f.id.to_owned(),
                json!({"unit": f.unit.name(), "top": f.top, "lines": lines}),
            )
        })
        .collect();
    let names: Vec<String> = (0..time.points.len()).map(|i| time.name(i)).collect();
    json!({"left": LEFT, "right": RIGHT, "width": WIDTH, "bottom": BOTTOM, "points": names, "plots": plots})
}

/// Three significant digits.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let unit = 10f64.powf(value.abs().log10().floor() - 2.0);
    ((value / unit).round() * unit * 1e6).round() / 1e6
}
