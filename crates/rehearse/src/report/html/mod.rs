//! The report as one HTML file: no external resource, readable without script, under 1.5 MB whatever the run's length.
//!
//! [`buckets`] makes the timeline short enough to draw, [`scale`] places values on axes, [`plot`], [`heat`] and [`curve`]
//! draw SVG, [`tables`] are the figures behind them; `templates/report.html` puts them together.

mod buckets;
mod curve;
mod figures;
mod heat;
mod plot;
mod scale;
mod tables;

use askama::Template;

use super::{Report, words};
use crate::Error;
use plot::Figure;

/// The report as a page.
///
/// # Errors
/// The template could not be rendered, which would be a mistake of ours.
pub fn html(report: &Report) -> Result<String, Error> {
    Page::of(report)
        .render()
        .map_err(|e| Error::bad(format!("the HTML report could not be made: {e}")))
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    css: &'static str,
    script: &'static str,
    report: &'a Report,
    /// `passed`, `failed` or `invalid`.
    verdict: &'static str,
    keys: Vec<tables::Key>,
    people: Vec<Figure>,
    requests: Vec<Figure>,
    latency: Vec<Figure>,
    percentiles: Option<Figure>,
    percentile_rows: Vec<[String; 3]>,
    failures: Vec<tables::Cause>,
    steps: Vec<tables::StepRow>,
    machine: Vec<Figure>,
    faults: Vec<tables::FaultRow>,
    generator: Vec<(&'static str, String)>,
    seconds: tables::Seconds,
    /// How much one point of a plot covers, in words, when it is more than a second.
    point: Option<String>,
    /// What the script reads, as JSON that cannot end its element.
    data: String,
}

impl<'a> Page<'a> {
    fn of(report: &'a Report) -> Self {
        let time = buckets::Time::of(report);
        let people = figures::people(report, &time);
        let requests = figures::requests(report, &time);
        let latency = vec![heat::figure(report, &time)];
        let machine = figures::machine(report, &time);
        let all = [&people, &requests, &latency, &machine];
        let data = plot::data(&time, all.into_iter().flatten());
        Self {
            css: include_str!("../../../templates/report.css"),
            script: include_str!("../../../templates/report.js"),
            report,
            verdict: match (report.verdict.valid, report.verdict.passed) {
                (false, _) => "invalid",
                (true, false) => "failed",
                (true, true) => "passed",
            },
            keys: tables::keys(report),
            percentiles: curve::figure(report),
            percentile_rows: curve::rows(report),
            failures: tables::causes(report),
            steps: tables::steps(report),
            faults: tables::faults(report),
            generator: tables::generator(report),
            seconds: tables::seconds(report),
            point: (time.bucket > 1).then(|| words::span(time.bucket as f64)),
            people,
            requests,
            latency,
            machine,
            data,
        }
    }

    /// When it started, how long it took and the seed, in one line.
    fn when(&self) -> String {
        format!(
            "{}, took {}, seed {}",
            self.report.started.replace('T', " ").replace('Z', " UTC"),
            words::span(self.report.seconds),
            self.report.seed
        )
    }
}

/// Text inside of SVG, safe in content and attributes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
