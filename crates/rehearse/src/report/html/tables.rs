//! The tables of the page: key figures, steps, causes, faults, the generator, and the seconds behind the plots.

use super::scale;
use crate::report::{Failure, Percentiles, Report, Second, StepReport, figures, words};

/// A key figure: what it is, one or two values with what each is, and a word besides.
pub struct Key {
    pub name: &'static str,
    pub values: Vec<(&'static str, String)>,
    pub more: String,
}

pub fn keys(report: &Report) -> Vec<Key> {
    let (arrivals, overall, generator) = (&report.arrivals, &report.overall, &report.generator);
    let clocks = |of: fn(&Percentiles) -> u64| {
        let time = |p: &Percentiles| {
            if p.count == 0 {
                "–".into()
            } else {
                words::time(of(p))
            }
        };
        vec![
            ("from due", time(&overall.from_due)),
            ("from start", time(&overall.from_start)),
        ]
    };
    vec![
        Key {
            name: "People finished per hour",
            values: vec![("", words::rate(figures::finished_per_hour(report)))],
            more: format!(
                "{} of {} who were due got through",
                words::count(arrivals.finished),
                words::count(arrivals.due)
            ),
        },
        Key {
            name: "Requests per second",
            values: vec![("", words::rate(figures::requests_per_second(report)))],
            more: format!(
                "{} in all, at most {} in flight",
                words::count(overall.requests),
                words::count(generator.most_in_flight)
            ),
        },
        Key {
            name: "Median latency (p50)",
            values: clocks(|p| p.p50),
            more: "half of the requests took longer".into(),
        },
        Key {
            name: "99th percentile (p99)",
            values: clocks(|p| p.p99),
            more: "one request in a hundred took longer".into(),
        },
        Key {
            name: "Failed requests",
            values: vec![("", words::count(overall.failures))],
            more: format!("{} of all", words::share(figures::failure_share(report))),
        },
        Key {
            name: "Late in the generator",
            values: vec![("", words::share(generator.late_share))],
            more: format!(
                "began more than {} after they were due; above 1 % the run is invalid",
                words::time(generator.late_limit)
            ),
        },
    ]
}

/// A value as it is read and as it is sorted by.
pub struct Cell {
    pub text: String,
    pub value: f64,
    pub bad: bool,
}

impl Cell {
    fn count(n: u64) -> Self {
        Self {
            text: words::count(n),
            value: n as f64,
            bad: false,
        }
    }

    fn millis(us: u64, any: bool) -> Self {
        Self {
            text: if any { millis(us) } else { "–".into() },
            value: if any { us as f64 } else { -1.0 },
            bad: false,
        }
    }

    fn bytes(n: u64) -> Self {
        Self {
            text: words::bytes(n),
            ..Self::count(n)
        }
    }
}

/// Milliseconds with three significant digits and without a unit, for columns.
fn millis(us: u64) -> String {
    let ms = us as f64 / 1000.0;
    match us {
        0 => "0".into(),
        1..100 => format!("{ms:.3}"),
        100..9_995 => format!("{ms:.2}"),
        9_995..99_950 => format!("{ms:.1}"),
        _ => words::count((us + 500) / 1000),
    }
}

/// One step's row; the last is all of them together.
pub struct StepRow {
    pub name: String,
    pub all: bool,
    pub cells: Vec<Cell>,
}

pub fn steps(report: &Report) -> Vec<StepRow> {
    let several = report.steps.iter().any(|s| s.journey != report.steps[0].journey);
    let name = |step: &StepReport| {
        if several {
            format!("{} / {}", step.journey, step.name)
        } else {
            step.name.clone()
        }
    };
    let row = |step: &StepReport, name: String, all: bool| StepRow {
        name,
        all,
        cells: step_cells(step),
    };
    let mut rows: Vec<StepRow> = report.steps.iter().map(|s| row(s, name(s), false)).collect();
    rows.push(row(&report.overall, "all together".into(), true));
    rows
}

fn step_cells(step: &StepReport) -> Vec<Cell> {
    let mut cells = vec![Cell::count(step.requests), Cell::count(step.failures)];
    cells[1].bad = step.failures > 0;
    for p in [&step.from_due, &step.from_start] {
        let values = [p.p50, p.p90, p.p99, p.p999, p.max];
        cells.extend(values.map(|us| Cell::millis(us, p.count > 0)));
    }
    for p in [&step.connect, &step.first_byte, &step.transfer] {
        cells.extend([p.p50, p.p99].map(|us| Cell::millis(us, p.count > 0)));
    }
    cells.extend([Cell::bytes(step.bytes_out), Cell::bytes(step.bytes_in)]);
    cells
}

/// A cause of failure with a bar as long as its share of the most frequent.
pub struct Cause {
    pub step: String,
    pub cause: String,
    pub count: String,
    pub share: String,
    pub first: String,
    pub sample: String,
    /// 0 to 100.
    pub bar: f64,
}

pub fn causes(report: &Report) -> Vec<Cause> {
    let most = report.failures.iter().map(|f| f.count).max().unwrap_or(1).max(1) as f64;
    let cause = |f: &Failure| Cause {
        step: f.step.clone(),
        cause: f.cause.clone(),
        count: words::count(f.count),
        share: words::share(figures::part(f.count, report.overall.requests)),
        first: scale::clock(f.first_at.max(0.0) as usize),
        sample: f.sample.clone(),
        bar: (f.count as f64 / most * 100.0).max(1.0),
    };
    report.failures.iter().map(cause).collect()
}

/// What a fault did.
pub struct FaultRow {
    pub at: String,
    pub name: String,
    pub run: String,
    pub ended: String,
    pub output: String,
    pub recovered: Option<String>,
    pub failures: String,
    pub worst: String,
}

pub fn faults(report: &Report) -> Vec<FaultRow> {
    let row = |fault: &crate::report::FaultOutcome| FaultRow {
        at: scale::clock(fault.at.max(0.0) as usize),
        name: fault.name.clone(),
        run: fault.run.clone(),
        ended: match (fault.ended, fault.exit) {
            (None, _) => "still running at the end".into(),
            (Some(ended), Some(code)) => format!("after {}, exit {code}", words::span(ended - fault.at)),
            (Some(ended), None) => format!("after {}, by a signal", words::span(ended - fault.at)),
        },
        output: fault.output.trim().to_owned(),
        recovered: fault.recovered.map(words::span),
        failures: words::count(fault.failures),
        worst: words::time(fault.worst),
    };
    report.faults.iter().map(row).collect()
}

/// How the generator did, a line each.
pub fn generator(report: &Report) -> Vec<(&'static str, String)> {
    let (generator, arrivals) = (&report.generator, &report.arrivals);
    let mut rows = vec![
        (
            "Requests that began late",
            format!(
                "{} ({}), by more than {}",
                words::count(generator.late),
                words::share(generator.late_share),
                words::time(generator.late_limit)
            ),
        ),
        ("How late requests began", spread(&generator.lateness)),
        ("How late people began", spread(&arrivals.late)),
        ("Threads", words::count(u64::from(generator.threads))),
        (
            "CPU time",
            format!(
                "{}, {:.1} µs a request",
                words::span(generator.cpu_seconds),
                generator.cpu_per_request
            ),
        ),
        ("Most memory", words::bytes(generator.most_memory)),
        ("Most people at once", words::count(generator.most_people)),
        ("Most requests in flight", words::count(generator.most_in_flight)),
    ];
    if let Some(acknowledged) = &report.acknowledged {
        rows.push((
            "Written for reconciliation",
            format!(
                "{} requests, in {}",
                words::count(acknowledged.count),
                acknowledged.file
            ),
        ));
    }
    if report.machine.cores > 0 {
        rows.push((
            "Machine",
            format!(
                "{} processors, {} memory",
                report.machine.cores,
                words::bytes(report.machine.memory)
            ),
        ));
    }
    rows
}

fn spread(p: &Percentiles) -> String {
    format!(
        "p50 {}, p99 {}, p99.9 {}, at most {}",
        words::time(p.p50),
        words::time(p.p99),
        words::time(p.p999),
        words::time(p.max)
    )
}

/// The table behind the plots over time.
pub struct Seconds {
    /// How much a row covers.
    pub span: String,
    pub machine: bool,
    pub rows: Vec<Vec<String>>,
}

/// Rows at most; the JSON report has every second.
const ROWS: usize = 60;

pub fn seconds(report: &Report) -> Seconds {
    let length = report.timeline.len().max(1);
    let wide = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600]
        .into_iter()
        .find(|wide| length.div_ceil(*wide) <= ROWS)
        .unwrap_or(length.div_ceil(ROWS));
    let pieces = report.timeline.chunks(wide).enumerate();
    Seconds {
        span: words::span(wide as f64),
        machine: !report.machine.seconds.is_empty(),
        rows: pieces
            .map(|(i, piece)| seconds_row(report, i * wide, piece))
            .collect(),
    }
}

fn seconds_row(report: &Report, from: usize, piece: &[Second]) -> Vec<String> {
    let sum = |of: fn(&Second) -> u64| words::count(piece.iter().map(of).sum());
    let most = |of: fn(&Second) -> u64| piece.iter().map(of).max().unwrap_or(0);
    let mut middles: Vec<u64> = piece.iter().filter(|s| s.requests > 0).map(|s| s.p50).collect();
    middles.sort_unstable();
    let mut row = vec![
        scale::clock(from),
        sum(|s| s.due),
        sum(|s| s.arrived),
        sum(|s| s.finished),
        words::count(most(|s| s.people)),
        sum(|s| s.requests),
        sum(|s| s.failures),
        words::count(most(|s| s.in_flight)),
        millis(middles.get(middles.len() / 2).copied().unwrap_or(0)),
        millis(most(|s| s.p99)),
        millis(most(|s| s.max)),
    ];
    if report.machine.seconds.is_empty() {
        return row;
    }
    let machine = report.machine.seconds.get(from..).unwrap_or_default();
    let machine = &machine[..piece.len().min(machine.len())];
    let mean = |of: fn(&crate::report::MachineSecond) -> f64| {
        let sum: f64 = machine.iter().map(of).sum();
        format!("{:.0}", sum * 100.0 / machine.len().max(1) as f64)
    };
    row.extend([
        mean(|s| s.user),
        mean(|s| s.system),
        mean(|s| s.iowait),
        mean(|s| s.steal),
        mean(|s| s.generator),
        mean(|s| s.cpu_pressure),
        mean(|s| s.io_pressure),
        mean(|s| s.memory_pressure),
    ]);
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_60_rows_of_a_minute_and_no_request_is_lost() {
        let second = Second {
            requests: 7,
            ..Second::default()
        };
        let report = Report {
            timeline: vec![second; 3600],
            ..Report::default()
        };
        let table = seconds(&report);
        assert_eq!(
            (table.rows.len(), table.span.as_str(), table.machine),
            (60, "60 s", false)
        );
        assert!(table.rows.iter().all(|row| row[5] == "420"));
    }

    #[test]
    fn columns_of_milliseconds_have_three_digits() {
        let texts = [0, 45, 850, 12_340, 2_330_400].map(millis);
        assert_eq!(texts, ["0", "0.045", "0.85", "12.3", "2,330"]);
    }
}
