//! What can be known of a run before it begins.

use crate::Error;
use crate::client::{Hosts, Origin};
use crate::run::Mode;
use crate::scenario::{Scenario, Step};

/// A row of the report.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) journey: String,
    pub(super) step: String,
}

impl Row {
    /// `journey / step`, or the step alone when there is only one journey.
    pub(super) fn label(&self) -> String {
        format!("{} / {}", self.journey, self.step)
    }
}

/// Rows and constant texts.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) target: Origin,
    /// Whether the target is on this machine.
    pub(super) local: bool,
    /// In the order of the scenario; a step's assets have a row of their own behind it.
    pub(super) rows: Vec<Row>,
    /// Every row's name in `acknowledged` files and failures.
    pub(super) labels: Vec<String>,
    /// By journey and step.
    pub(super) steps: Vec<Vec<Prepared>>,
    /// The journeys' weights, added up.
    weights: Vec<f64>,
}

/// What is constant of a step.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Its row, and that of its assets.
    pub(super) row: u16,
    pub(super) assets_row: u16,
    /// Header lines that are always the same.
    pub(super) headers: String,
    /// Whether the scenario writes these headers itself.
    pub(super) own_origin: bool,
    pub(super) own_referer: bool,
    pub(super) own_type: bool,
    /// Whether anything looks into the reply's body.
    pub(super) reads_body: bool,
    /// Whether a later step (or the same again) fills a form of this step's page.
    pub(super) fills_later: bool,
}

impl Plan {
    pub(super) fn new(
        scenario: &Scenario,
        target: &Origin,
        hosts: &Hosts,
        mode: &Mode,
    ) -> Result<Self, Error> {
        if let Mode::Requests { .. } = mode {
            let single = matches!(scenario.journeys.as_slice(), [one] if one.steps.len() == 1);
            if !single {
                return Err(Error::bad(
                    "--requests-per-second is for a scenario of a single step",
                ));
            }
        }
        let mut rows = Vec::new();
        let mut steps = Vec::new();
        for journey in &scenario.journeys {
            let mut prepared = Vec::new();
            for (index, step) in journey.steps.iter().enumerate() {
                let mut row = |name: String| {
                    rows.push(Row {
                        journey: journey.name.clone(),
                        step: name,
                    });
                    (rows.len() - 1) as u16
                };
                let fills_later =
                    step.fill.is_some() || journey.steps[index + 1..].iter().any(|s| s.fill.is_some());
                let own = row(step.name.clone());
                let assets = if step.assets.is_empty() {
                    own
                } else {
                    row(format!("{} (assets)", step.name))
                };
                prepared.push(Prepared::new(step, own, assets, fills_later));
            }
            steps.push(prepared);
        }
        if rows.len() > usize::from(u16::MAX) {
            return Err(Error::bad("a scenario can have at most 65,535 steps"));
        }
        let mut sum = 0.0;
        let weights = scenario.journeys.iter().map(|j| {
            sum += j.weight;
            sum
        });
        let weights = weights.collect();
        let labels = rows.iter().map(Row::label).collect();
        let local = hosts.address(target).is_some_and(|a| a.ip().is_loopback());
        Ok(Self {
            target: target.clone(),
            local,
            rows,
            labels,
            steps,
            weights,
        })
    }

    /// The journey for a throw between 0 and 1.
    pub(super) fn journey(&self, thrown: f64) -> usize {
        let at = thrown * self.weights.last().copied().unwrap_or(0.0);
        self.weights
            .iter()
            .position(|&w| at < w)
            .unwrap_or(self.weights.len() - 1)
    }
}

/// What a browser says of itself.
const USER_AGENT: &str = concat!(
    "Mozilla/5.0 (compatible; canvass-rehearse/",
    env!("CARGO_PKG_VERSION"),
    ")"
);

impl Prepared {
    fn new(step: &Step, row: u16, assets_row: u16, fills_later: bool) -> Self {
        let own = |name: &str| step.headers.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
        let mut headers = String::new();
        for (name, value) in [
            ("User-Agent", USER_AGENT),
            ("Accept", "*/*"),
            ("Accept-Encoding", "gzip, deflate, br"),
        ] {
            if !own(name) {
                headers.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        let reads = |check: &crate::scenario::Check| {
            use crate::scenario::Check;
            matches!(check, Check::Text(_) | Check::NoText(_) | Check::Json { .. })
        };
        Self {
            row,
            assets_row,
            headers,
            own_origin: own("origin"),
            own_referer: own("referer"),
            own_type: own("content-type"),
            reads_body: fills_later || !step.extract.is_empty() || step.checks.iter().any(reads),
            fills_later,
        }
    }
}

/// The hosts that absolute URLs in the scenario name.
///
/// # Errors
/// An absolute URL that makes no sense.
pub(super) fn other_hosts(scenario: &Scenario) -> Result<Vec<String>, Error> {
    let steps = scenario.journeys.iter().flat_map(|j| &j.steps);
    let paths = steps.flat_map(|s| s.path.iter().chain(&s.assets));
    let absolute = paths
        .map(|path| path.start())
        .filter(|start| start.contains("://"));
    absolute.map(|start| Ok(Origin::of(start)?.0.host)).collect()
}
