//! The report as one HTML file: no external resource, readable without script, about 2 MB at most.
//!
//! [`time`] chooses the series and its axis, [`scale`] places values, [`plot`] and [`figures`] draw SVG, [`tables`] are the
//! figures behind them, [`statements`] what is known of each statement, [`ranks`] which are first, [`events`] what is no
//! duration; `templates/report.html` puts them together. Nothing
//! from a log becomes markup: texts go through [`escape`], and a policy lets no script run but the page's own.

mod compare;
mod events;
mod figures;
mod plot;
mod ranks;
mod scale;
mod sql;
mod statements;
mod tables;
mod time;

use askama::Template;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::findings::{Finding, findings};
use super::model::Report;
use super::phases::Phases;
use super::words;
pub use compare::write as compare_page;
use ranks::Rank;
use statements::{MEASURES, Statements};
use tables::{Key, Table};
use time::Time;

const SCRIPT: &str = include_str!("../../../templates/report.js");
const CSS: &str = include_str!("../../../templates/report.css");

/// The report as a page; `phases` of a rehearsal are laid over what was then.
pub fn write(report: &Report, phases: Option<&Phases>) -> String {
    Page::of(report, phases)
        .render()
        .expect("writing to a String cannot fail")
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    frame: Frame,
    report: &'a Report,
    findings: Vec<Finding>,
    keys: Vec<Key>,
    phases: Option<Table>,
    resolution: String,
    over_time: Vec<plot::Figure>,
    times: Vec<Table>,
    ranks: Vec<Rank>,
    statements: Statements,
    histogram_axis: String,
    histogram: Option<String>,
    histogram_rows: Option<Table>,
    shares: Vec<Result<Table, (String, &'static str)>>,
    sections: Vec<events::Section>,
    absent: Vec<&'static str>,
    inputs: Table,
    data: String,
}

/// What every page has around its content.
struct Frame {
    css: &'static str,
    script: &'static str,
    policy: String,
}

impl Frame {
    /// The page's style and script; no other script runs.
    fn new() -> Self {
        // What stands between the tags, with the line feed behind the first.
        let hash = BASE64_STANDARD.encode(Sha256::digest(format!("\n{SCRIPT}")));
        Self {
            css: CSS,
            script: SCRIPT,
            policy: format!(
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
            ),
        }
    }
}

impl<'a> Page<'a> {
    fn of(report: &'a Report, phases: Option<&Phases>) -> Self {
        let time = Time::of(report, phases);
        let over_time = figures::over_time(report, &time);
        let statements = statements::statements(report, &time);
        let data = json!({
            "time": plot::data(&time, &over_time),
            "statements": statements.values,
        });
        Self {
            frame: Frame::new(),
            report,
            findings: findings(report),
            keys: tables::keys(report),
            phases: phases.map(|p| tables::phases(report, p, &time)),
            resolution: time.resolution(),
            over_time: if report.series.is_empty() {
                Vec::new()
            } else {
                over_time
            },
            times: tables::over_time(report, &time),
            ranks: ranks::ranks(report),
            statements,
            histogram_axis: statements::histogram_axis(),
            histogram: figures::histogram(&report.all),
            histogram_rows: tables::histogram(report),
            shares: tables::shares(report),
            sections: events::sections(report, &time),
            absent: events::absent(report),
            inputs: tables::inputs(report),
            data: for_script(&data),
        }
    }

    /// What was read, in a line.
    fn what(&self) -> String {
        let size = self.report.inputs.iter().map(|i| i.bytes).sum();
        let name = match self.report.inputs.as_slice() {
            [one] => crate::clean(&one.name).into_owned(),
            many => words::many(many.len() as u64, "log"),
        };
        format!(
            "{name}, {}, {}",
            words::bytes(size),
            words::many(self.report.records.read, "record")
        )
    }

    /// From when to when, in a line.
    fn when(&self) -> String {
        let Some(period) = &self.report.period else {
            return "no record with a time".to_owned();
        };
        let plain = |text: &str| text.split_at(text.len().min(19)).0.replace('T', " ");
        format!(
            "{} to {} {}, {}",
            plain(&period.from),
            plain(&period.to),
            self.report.time_zone,
            words::length(period.micros.unsigned_abs())
        )
    }

    /// What a measure is called.
    fn measures(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        MEASURES.into_iter().map(|(name, head, _)| (name, head))
    }
}

/// JSON that cannot end the element in which it stands.
fn for_script(data: &serde_json::Value) -> String {
    let mut safe = String::new();
    for c in data.to_string().chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => safe.push_str(&format!("\\u{:04x}", c as u32)),
            c => safe.push(c),
        }
    }
    safe
}

/// Text, safe in content and in attributes with quotes.
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
