//! An invented run: 100 arrivals a second for three minutes, a process killed at 80 s. Everything is drawn from one seed,
//! and the figures agree with one another, so that the reports look as they would.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use canvass_rehearse::report::verdict::{self, Limits};
use canvass_rehearse::report::{
    Acknowledged, Failure, FaultOutcome, Machine, MachineSecond, Percentiles, Report, Second, StepReport,
};
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

/// The steps: name, median latency in µs, bytes of a reply, whether every person makes a new connection for it.
const STEPS: [(&str, f64, u64, bool); 4] = [
    ("entry", 2_400.0, 9_200, true),
    ("questionnaire", 1_100.0, 31_000, false),
    ("save page", 1_900.0, 310, false),
    ("submit", 3_800.0, 420, false),
];

const PAGES: u64 = 6;
const FAULT_AT: usize = 80;
const FAULT_SECONDS: usize = 7;

struct Clocks {
    due: Histogram<u64>,
    start: Histogram<u64>,
}

impl Clocks {
    fn new() -> Self {
        let empty = || Histogram::new_with_bounds(1, 3_600_000_000, 3).unwrap();
        Self {
            due: empty(),
            start: empty(),
        }
    }
}

/// The run, with arrivals for `seconds`.
pub fn report(seconds: usize) -> Report {
    let mut dice = fastrand::Rng::with_seed(7);
    let mut clocks: Vec<Clocks> = STEPS.iter().map(|_| Clocks::new()).collect();
    let mut failures = [0u64; STEPS.len()];
    let mut timeline = Vec::new();
    let length = seconds + 16;
    for second in 0..length {
        timeline.push(one_second(second, seconds, &mut dice, &mut clocks, &mut failures));
    }
    let mut report = Report {
        format: 1,
        name: "survey day, small".into(),
        target: "http://127.0.0.1:8080".into(),
        started: "2026-03-02T08:00:00Z".into(),
        seconds: length as f64,
        seed: 1,
        wanted: format!("arrivals 100/s for {seconds} s"),
        steps: steps(&clocks, &failures),
        overall: overall(&clocks, &failures),
        machine: machine(length, seconds, &mut dice),
        faults: faults(seconds, &timeline),
        failures: causes(&failures),
        acknowledged: Some(Acknowledged {
            file: "acks.ndjson".into(),
            count: clocks[2].due.len() + clocks[3].due.len() - failures[2] - failures[3],
        }),
        timeline,
        ..Report::default()
    };
    people(&mut report);
    generator(&mut report);
    let warning = "The target runs on this machine: it shares 4 processors with the generator.";
    report.verdict.warnings.push(warning.into());
    let limits = Limits {
        max_p99: Some(Duration::from_millis(200)),
        max_errors: Some(0.001),
    };
    verdict::judge(&mut report, &limits);
    report
}

/// 0 away from the fault, 1 while the process is down, then falling as the backlog is worked off.
fn trouble(second: usize) -> f64 {
    match second.checked_sub(FAULT_AT) {
        None => 0.0,
        Some(since) if since < FAULT_SECONDS => 1.0,
        Some(since) => (1.0 - (since - FAULT_SECONDS) as f64 / 6.0).max(0.0),
    }
}

fn one_second(
    second: usize,
    arriving: usize,
    dice: &mut fastrand::Rng,
    clocks: &mut [Clocks],
    failures: &mut [u64; STEPS.len()],
) -> Second {
    let due = if second < arriving { 100 } else { 0 };
    let ramp = (second as f64 / 12.0).min(1.0);
    let fall = if second < arriving {
        1.0
    } else {
        1.0 - (second - arriving) as f64 / 16.0
    };
    let trouble = trouble(second);
    let mut this = Second {
        due,
        arrived: due,
        people: (1_200.0 * ramp.min(fall) + 500.0 * trouble) as u64,
        in_flight: (3.0 + 480.0 * trouble) as u64 + dice.u64(0..4),
        ..Second::default()
    };
    let mut all = Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3).unwrap();
    for (step, (_, median, ..)) in STEPS.iter().enumerate() {
        let each = if step == 2 { 100 * PAGES } else { 100 };
        let weight = match step {
            0 | 1 => due as f64 / 100.0,
            _ => ramp.min(fall),
        };
        let requests = (each as f64 * weight * dice_around(dice, 0.06)) as u64;
        for _ in 0..requests {
            let start = latency(dice, *median, trouble);
            let wait = (-dice.f64().max(1e-9).ln() * 120.0) as u64;
            let backlog = if trouble > 0.0 {
                (dice.f64() * 900_000.0 * trouble) as u64
            } else {
                0
            };
            clocks[step].start.record(start).unwrap();
            clocks[step].due.record(start + wait + backlog).unwrap();
            all.record(start + wait + backlog).unwrap();
            *this.bands.entry(band(start + wait + backlog)).or_insert(0) += 1;
        }
        let failed = if trouble >= 1.0 && step == 2 {
            requests / 9
        } else {
            0
        };
        failures[step] += failed;
        this.failures += failed;
        this.requests += requests;
        if requests > 0 {
            this.steps.insert(step as u16, requests);
        }
    }
    this.p50 = all.value_at_quantile(0.5);
    this.p99 = all.value_at_quantile(0.99);
    this.max = all.max();
    let through = if second < 11 {
        0.0
    } else {
        100.0 * fall * dice_around(dice, 0.1)
    };
    this.finished = (through * (1.0 - 0.8 * trouble)) as u64;
    this
}

fn dice_around(dice: &mut fastrand::Rng, width: f64) -> f64 {
    1.0 + width * (dice.f64() * 2.0 - 1.0)
}

/// Log-normal around the median, with a rare slow one, as a database's checkpoints make them.
fn latency(dice: &mut fastrand::Rng, median: f64, trouble: f64) -> u64 {
    let normal: f64 = (0..12).map(|_| dice.f64()).sum::<f64>() - 6.0;
    let slow = if dice.u32(0..400) == 0 { 14.0 } else { 1.0 };
    (median * (0.35 * normal).exp() * slow * (1.0 + 25.0 * trouble)) as u64 + 1
}

fn band(us: u64) -> u8 {
    ((us as f64 / 64.0).log2() * 2.0).floor().clamp(0.0, 80.0) as u8
}

fn percentiles(h: &Histogram<u64>) -> Percentiles {
    let at = |q| h.value_at_quantile(q);
    Percentiles {
        count: h.len(),
        min: h.min(),
        mean: h.mean(),
        p50: at(0.5),
        p75: at(0.75),
        p90: at(0.9),
        p95: at(0.95),
        p99: at(0.99),
        p999: at(0.999),
        max: h.max(),
    }
}

fn encode(h: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new().serialize(h, &mut bytes).unwrap();
    BASE64_STANDARD.encode(bytes)
}

fn scaled(p: &Percentiles, share: f64, count: u64) -> Percentiles {
    let part = |us: u64| (us as f64 * share) as u64;
    Percentiles {
        count,
        min: part(p.min),
        mean: p.mean * share,
        p50: part(p.p50),
        p75: part(p.p75),
        p90: part(p.p90),
        p95: part(p.p95),
        p99: part(p.p99),
        p999: part(p.p999),
        max: part(p.max),
    }
}

fn step(clocks: &Clocks, name: &str, failures: u64, bytes: u64, connections: u64) -> StepReport {
    let requests = clocks.due.len();
    let start = percentiles(&clocks.start);
    StepReport {
        name: name.into(),
        requests,
        failures,
        bytes_out: requests * 640,
        bytes_in: requests * bytes,
        from_due: percentiles(&clocks.due),
        from_start: start,
        connect: if connections == 0 {
            Percentiles::default()
        } else {
            scaled(&start, 0.08, connections)
        },
        first_byte: scaled(&start, 0.9, requests),
        transfer: scaled(&start, 0.04, requests),
        histogram: encode(&clocks.due),
        start_histogram: encode(&clocks.start),
        ..StepReport::default()
    }
}

fn steps(clocks: &[Clocks], failures: &[u64]) -> Vec<StepReport> {
    let each = clocks.iter().zip(STEPS).zip(failures);
    each.map(|((clocks, (name, _, bytes, connects)), failed)| StepReport {
        journey: "script".into(),
        ..step(
            clocks,
            name,
            *failed,
            bytes,
            if connects { clocks.due.len() } else { 0 },
        )
    })
    .collect()
}

fn overall(clocks: &[Clocks], failures: &[u64]) -> StepReport {
    let mut all = Clocks::new();
    for clocks in clocks {
        all.due.add(&clocks.due).unwrap();
        all.start.add(&clocks.start).unwrap();
    }
    step(&all, "all", failures.iter().sum(), 5_100, clocks[0].due.len())
}

fn machine(length: usize, arriving: usize, dice: &mut fastrand::Rng) -> Machine {
    let second = |s: usize, dice: &mut fastrand::Rng| {
        let busy = if s < arriving {
            (s as f64 / 12.0).min(1.0)
        } else {
            0.3
        };
        let busy = busy * (1.0 - 0.6 * f64::from(trouble(s) >= 1.0)) * dice_around(dice, 0.08);
        MachineSecond {
            user: 0.38 * busy,
            system: 0.17 * busy,
            iowait: 0.03 * dice.f64(),
            steal: 0.01 * dice.f64(),
            generator: 0.11 * busy,
            cpu_pressure: 0.24 * busy * dice_around(dice, 0.3),
            io_pressure: 0.06 * dice.f64(),
            memory_pressure: 0.0,
            available: 5_200_000_000 - s as u64 * 900_000,
        }
    };
    Machine {
        cores: 4,
        memory: 8_000_000_000,
        seconds: (0..length).map(|s| second(s, dice)).collect(),
    }
}

fn faults(seconds: usize, timeline: &[Second]) -> Vec<FaultOutcome> {
    if seconds <= FAULT_AT {
        return Vec::new();
    }
    let during = &timeline[FAULT_AT..timeline.len().min(FAULT_AT + 13)];
    vec![FaultOutcome {
        name: "kill the pooler".into(),
        run: "kill -9 $(cat pooler.pid)".into(),
        at: FAULT_AT as f64,
        ended: Some(FAULT_AT as f64 + 0.2),
        exit: Some(0),
        output: String::new(),
        failures: during.iter().map(|s| s.failures).sum(),
        worst: during.iter().map(|s| s.max).max().unwrap_or(0),
        recovered: Some(13.0),
    }]
}

fn causes(failures: &[u64]) -> Vec<Failure> {
    let saves = failures[2];
    if saves == 0 {
        return Vec::new();
    }
    let cause = |cause: &str, count: u64, first_at: f64, sample: &str| Failure {
        step: "script / save page".into(),
        cause: cause.into(),
        count,
        first_at,
        sample: sample.into(),
    };
    vec![
        cause(
            "status 503",
            saves - saves / 5,
            80.1,
            r#"POST /api/v1/saves: 503 {"error":"not saved yet: try again","retry_after":1}"#,
        ),
        cause(
            "connect: connection refused",
            saves / 5,
            80.0,
            "POST /api/v1/saves: no reply",
        ),
    ]
}

fn people(report: &mut Report) {
    let sum = |of: fn(&Second) -> u64| report.timeline.iter().map(of).sum::<u64>();
    let due = sum(|s| s.due);
    let failed = due / 40;
    let left = due / 50;
    let finished = sum(|s| s.finished).min(due - failed - left);
    report.arrivals.unfinished = due - failed - left - finished;
    report.arrivals.due = due;
    report.arrivals.started = due;
    report.arrivals.finished = finished;
    report.arrivals.failed = failed;
    report.arrivals.left = left;
    report.arrivals.late = scaled(&report.overall.from_start, 0.05, due);
}

fn generator(report: &mut Report) {
    let most = |of: fn(&Second) -> u64| report.timeline.iter().map(of).max().unwrap_or(0);
    let (most_people, most_in_flight) = (most(|s| s.people), most(|s| s.in_flight));
    let requests = report.overall.requests;
    let generator = &mut report.generator;
    generator.late = requests / 2_500;
    generator.late_share = generator.late as f64 / requests as f64;
    generator.late_limit = verdict::late_limit(report.overall.from_start.p99);
    generator.lateness = scaled(&report.overall.from_start, 0.06, requests);
    generator.threads = 2;
    generator.cpu_seconds = requests as f64 * 11.5e-6;
    generator.cpu_per_request = 11.5;
    generator.most_people = most_people;
    generator.most_in_flight = most_in_flight;
    generator.most_memory = 62_000_000;
}

/// What many runs of the same scenario look like: the same figures, a little apart.
pub fn apart(report: &Report, factor: f64) -> Report {
    let mut other = report.clone();
    let all = std::iter::once(&mut other.overall).chain(&mut other.steps);
    for step in all {
        step.from_due = scaled(&step.from_due, factor, step.from_due.count);
        step.from_start = scaled(&step.from_start, factor, step.from_start.count);
    }
    other
}
