//! Makes the report, and the live view's picture on the way there.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::{Mode, Shared, Watched};
use crate::Error;
use crate::fault::Faults;
use crate::live::{LiveState, Phase};
use crate::machine;
use crate::measure::{Recorder, StepFigures};
use crate::report::verdict::{self, Limits};
use crate::report::{
    Acknowledged, Arrivals, Failure, Generator, Machine, Report, Second, StepReport, Verdict,
};

/// What the report needs besides the figures.
pub(super) struct Told {
    pub(super) started: SystemTime,
    pub(super) target: String,
    pub(super) wanted: String,
    pub(super) warnings: Vec<String>,
    pub(super) watched: Watched,
    pub(super) faults: Faults,
    pub(super) acknowledged: Option<(PathBuf, Result<u64, Error>)>,
    pub(super) limits: Limits,
}

/// Everything about the run, judged.
pub(super) fn report(shared: &Shared, told: Told) -> Report {
    let mut all = Recorder::new(shared.zero, shared.plan.rows.len());
    for recorder in guards(shared) {
        all.add(&recorder);
    }
    let mut overall = StepFigures::default();
    for step in &all.steps {
        overall.add(step);
    }
    let mut timeline = all.timeline();
    due_by_schedule(&shared.mode, &mut timeline);
    for (second, (people, in_flight)) in timeline.iter_mut().zip(&told.watched.gauges) {
        second.people = *people;
        second.in_flight = *in_flight;
    }
    let (faults, mut warnings) = told.faults.finish(&timeline);
    warnings.splice(0..0, told.warnings);
    if told.watched.ended_early && !matches!(shared.mode, Mode::Open(_)) {
        warnings.push("The arrivals were ended early.".into());
    }
    let mut reasons = Vec::new();
    let acknowledged = told.acknowledged.map(|(path, written)| {
        let count = written.unwrap_or_else(|error| {
            reasons.push(format!("what was acknowledged could not all be written: {error}"));
            0
        });
        Acknowledged {
            file: path.display().to_string(),
            count,
        }
    });
    let unwritten = !reasons.is_empty();
    let mut report = Report {
        format: 1,
        name: shared.scenario.name.clone(),
        target: told.target,
        started: jiff::Timestamp::try_from(told.started)
            .map(|t| format!("{t:.3}"))
            .unwrap_or_default(),
        seconds: all.last_end().as_secs_f64(),
        seed: shared.scenario.persona.seed,
        wanted: told.wanted,
        arrivals: arrivals(shared, &all),
        generator: generator(shared, &all, &overall, told.watched.cpu_seconds),
        overall: step_report("", "all", &overall),
        steps: shared
            .plan
            .rows
            .iter()
            .zip(&all.steps)
            .map(|(row, s)| step_report(&row.journey, &row.step, s))
            .collect(),
        failures: failures(shared, &all),
        timeline,
        machine: Machine::default(),
        faults,
        acknowledged,
        verdict: Verdict {
            warnings,
            ..Verdict::default()
        },
    };
    if shared.plan.local {
        let (cores, memory) = machine::cores_and_memory();
        report.machine = Machine {
            cores,
            memory,
            seconds: told.watched.machine,
        };
    }
    verdict::judge(&mut report, &told.limits);
    if unwritten {
        report.verdict.passed = false;
        report.verdict.reasons.extend(reasons);
    }
    report
}

fn guards(shared: &Shared) -> impl Iterator<Item = MutexGuard<'_, Recorder>> {
    shared
        .recorders
        .iter()
        .map(|r| r.lock().unwrap_or_else(PoisonError::into_inner))
}

/// People count as due when the curve says so, whether or not they came.
fn due_by_schedule(mode: &Mode, timeline: &mut Vec<Second>) {
    let Mode::Open(schedule) = mode else { return };
    for second in timeline.iter_mut() {
        second.due = 0;
    }
    let (mut person, mut second) = (0, 0_u64);
    while person < schedule.people {
        let end = Duration::from_secs(second + 1);
        let before = people_before(schedule, end, person);
        if timeline.len() as u64 <= second {
            timeline.push(Second::default());
        }
        timeline[second as usize].due = before - person;
        person = before;
        second += 1;
    }
}

/// How many people are due before this moment; at least `from`. By bisection: the curve never decreases.
fn people_before(schedule: &super::Schedule, moment: Duration, from: u64) -> u64 {
    let (mut low, mut high) = (from, schedule.people);
    while low < high {
        let middle = low + (high - low) / 2;
        if (schedule.due)(middle) < moment {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

fn arrivals(shared: &Shared, all: &Recorder) -> Arrivals {
    let people = all.people;
    let due = match &shared.mode {
        Mode::Open(schedule) => schedule.people,
        _ => people.started,
    };
    Arrivals {
        due,
        started: people.started,
        finished: people.finished,
        failed: people.failed,
        left: people.left,
        unfinished: people.started - people.finished - people.failed - people.left,
        late: all.arrival_lateness.percentiles(),
    }
}

fn generator(shared: &Shared, all: &Recorder, overall: &StepFigures, cpu_seconds: f64) -> Generator {
    let limit = verdict::late_limit(overall.from_start.quantile(0.99));
    let late = all.lateness.above(limit);
    let requests = overall.requests.max(1) as f64;
    Generator {
        late,
        late_share: late as f64 / requests,
        late_limit: limit,
        lateness: all.lateness.percentiles(),
        threads: shared.recorders.len() as u32,
        cpu_seconds,
        cpu_per_request: cpu_seconds * 1e6 / requests,
        most_people: shared.gauges.most_people.load(Ordering::Relaxed),
        most_in_flight: shared.gauges.most_in_flight.load(Ordering::Relaxed),
        most_memory: machine::most_memory(),
    }
}

fn step_report(journey: &str, name: &str, figures: &StepFigures) -> StepReport {
    StepReport {
        journey: journey.into(),
        name: name.into(),
        requests: figures.requests,
        failures: figures.failures,
        bytes_out: figures.bytes_out,
        bytes_in: figures.bytes_in,
        from_due: figures.from_due.percentiles(),
        from_start: figures.from_start.percentiles(),
        connect: figures.connect.percentiles(),
        first_byte: figures.first_byte.percentiles(),
        transfer: figures.transfer.percentiles(),
        histogram: figures.from_due.encoded(),
        start_histogram: figures.from_start.encoded(),
    }
}

fn failures(shared: &Shared, all: &Recorder) -> Vec<Failure> {
    let mut failures: Vec<Failure> = all
        .failures
        .iter()
        .map(|((row, cause), failed)| Failure {
            step: shared.plan.labels[usize::from(*row)].clone(),
            cause: cause.clone(),
            count: failed.count,
            first_at: failed.first_at.as_secs_f64(),
            sample: failed.sample.clone(),
        })
        .collect();
    failures.sort_by(|a, b| {
        b.count
            .cmp(&a.count)
            .then_with(|| (&a.step, &a.cause).cmp(&(&b.step, &b.cause)))
    });
    failures
}

/// Seconds over which the live view's percentiles are taken.
const RECENT: u64 = 5;

/// The run as it is now. Rates are of the last whole second.
pub(super) fn live_state(shared: &Shared, phase: Phase, faults: &Faults) -> LiveState {
    let elapsed = shared.zero.elapsed();
    let second = elapsed.as_secs();
    let recorders: Vec<_> = guards(shared).collect();
    let all: Vec<&Recorder> = recorders.iter().map(|r| &**r).collect();
    let last = Recorder::between(&all, second.saturating_sub(1), second);
    let recent = Recorder::between(&all, second.saturating_sub(RECENT), second);
    let mut causes: HashMap<&str, u64> = HashMap::new();
    let (mut requests, mut late) = (0, 0);
    let mut lateness = 0;
    let mut slowest_p99 = 0;
    for recorder in &all {
        for ((_, cause), failed) in &recorder.failures {
            *causes.entry(cause).or_default() += failed.count;
        }
        requests += recorder.lateness.count();
        lateness = lateness.max(recorder.lateness.quantile(0.99));
        slowest_p99 = slowest_p99.max(
            recorder
                .steps
                .iter()
                .map(|s| s.from_start.quantile(0.99))
                .max()
                .unwrap_or(0),
        );
    }
    let limit = verdict::late_limit(slowest_p99);
    for recorder in &all {
        late += recorder.lateness.above(limit);
    }
    let mut failures: Vec<(String, u64)> = causes
        .into_iter()
        .map(|(cause, n)| (cause.to_owned(), n))
        .collect();
    failures.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let sum = |of: fn(&Recorder) -> u64| all.iter().map(|r| of(r)).sum::<u64>();
    let (due, wanted_rate) = match &shared.mode {
        Mode::Open(schedule) => {
            let due = people_before(schedule, elapsed, 0);
            let before = people_before(schedule, elapsed.saturating_sub(Duration::from_secs(1)), 0);
            (due, (due - before) as f64)
        }
        _ => (sum(|r| r.people.started), last.arrived as f64),
    };
    LiveState {
        phase,
        elapsed,
        planned: super::arrivals_end(&shared.mode),
        wanted_rate,
        arrival_rate: last.arrived as f64,
        finish_rate: last.finished as f64,
        request_rate: last.requests as f64,
        due,
        started: sum(|r| r.people.started),
        finished: sum(|r| r.people.finished),
        failed: sum(|r| r.people.failed),
        people: shared.gauges.people.load(Ordering::Relaxed),
        in_flight: shared.gauges.in_flight.load(Ordering::Relaxed),
        p50: recent.p50,
        p99: recent.p99,
        lateness,
        late_share: late as f64 / requests.max(1) as f64,
        failures,
        faults: faults.lines(),
    }
}
