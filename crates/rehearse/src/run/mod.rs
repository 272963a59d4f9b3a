//! Plays a scenario as many people and watches itself doing so.
//!
//! One event loop per thread ([`thread`]); a person stays on one of them. [`visit`] is one person's way, [`request`] what
//! is sent, [`send`] how it gets there and back; [`outcome`] makes the report. The main thread only looks on: once a
//! second it samples the machine and shows how things are.

mod outcome;
mod plan;
mod request;
mod sample;
mod send;
mod thread;
mod visit;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use crate::Error;
use crate::acknowledged::Acknowledgements;
use crate::client::{Connector, Hosts, Origin, target};
use crate::fault::Faults;
use crate::live::{Live, Phase};
use crate::machine::{self, Sampler};
use crate::measure::Recorder;
use crate::person::data::People;
use crate::report::verdict::Limits;
use crate::report::{MachineSecond, Report};
use crate::scenario::Scenario;

/// When people come.
pub enum Mode {
    /// Along a curve that never waits for the target.
    Open(Schedule),
    /// As many people as given, each beginning again as soon as it is through.
    Closed {
        /// How many.
        users: u64,
        /// How often each goes the way; None: until the time is over.
        times: Option<u64>,
        /// Nobody begins after this.
        length: Option<Duration>,
    },
    /// A journey of one step, sent over connections that are kept.
    Requests {
        /// How many a second; None: as many as possible.
        per_second: Option<f64>,
        /// Over how many connections.
        connections: u64,
        /// For how long.
        length: Duration,
    },
}

/// When each person is due.
pub struct Schedule {
    /// How many people there are.
    pub people: u64,
    /// When the arrivals are over.
    pub length: Duration,
    /// When the person with this number, from 0, is due after the first moment; never decreasing.
    pub due: Box<dyn Fn(u64) -> Duration + Send + Sync>,
}

/// What to play, how, and against what.
pub struct Options {
    /// What people do.
    pub scenario: Scenario,
    /// Where paths lead.
    pub target: Origin,
    /// Hosts besides this machine that may be asked.
    pub owned: Vec<String>,
    /// A PEM file with certificates to trust besides the system's.
    pub authority: Option<PathBuf>,
    /// When people come.
    pub mode: Mode,
    /// One row a person.
    pub people: Option<People>,
    /// Whether rows are used again when there are more people than rows.
    pub reuse_rows: bool,
    /// Event loops.
    pub threads: usize,
    /// The longest that a step may take, redirects included.
    pub time_out: Duration,
    /// How long people may go on after the last arrival.
    pub grace: Duration,
    /// Where what was acknowledged is written.
    pub acknowledged: Option<PathBuf>,
    /// What decides whether the run has passed.
    pub limits: Limits,
    /// What was asked for, in words.
    pub wanted: String,
    /// Shows the run while it is under way, if anybody wants to see it.
    pub live: Option<Live>,
}

/// What all threads share.
struct Shared {
    scenario: Scenario,
    plan: plan::Plan,
    people: Option<People>,
    mode: Mode,
    connector: Connector,
    time_out: Duration,
    recorders: Vec<Mutex<Recorder>>,
    gauges: Gauges,
    zero: Instant,
}

/// What is counted up and down while the run is under way.
#[derive(Default)]
struct Gauges {
    people: AtomicU64,
    most_people: AtomicU64,
    in_flight: AtomicU64,
    most_in_flight: AtomicU64,
}

/// Counts one in until it is dropped.
struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    fn new(now: &'a AtomicU64, most: &AtomicU64) -> Self {
        let there = now.fetch_add(1, Ordering::Relaxed) + 1;
        if there > most.load(Ordering::Relaxed) {
            most.fetch_max(there, Ordering::Relaxed);
        }
        Self(now)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The first arrival comes this long after the threads were started.
const LEAD: Duration = Duration::from_millis(300);

/// Plays the scenario to its end and reports.
///
/// # Errors
/// Everything that makes the run pointless before it starts: a host that may not be asked, a target that does not
/// answer, too few rows, a file that cannot be written. Afterwards nothing is an error: it is in the report.
pub fn rehearse(options: Options) -> Result<Report, Error> {
    let Options {
        scenario,
        target,
        owned,
        authority,
        mode,
        people,
        threads,
        mut live,
        ..
    } = options;
    let mut hosts: Vec<String> = vec![target.host.clone()];
    hosts.extend(plan::other_hosts(&scenario)?);
    let hosts = Hosts::resolve(hosts.iter().map(String::as_str), &owned)?;
    target::answers(&target, &hosts)?;
    enough_rows(&scenario, people.as_ref(), &mode, options.reuse_rows)?;
    let acknowledged = options
        .acknowledged
        .as_ref()
        .map(Acknowledgements::create)
        .transpose()?;
    let plan = plan::Plan::new(&scenario, &target, &hosts, &mode)?;
    let mut warnings = raise_open_files(&mode);
    if plan.local {
        warnings.push("The target runs on this machine: generator and target share its processors.".into());
    }

    let started = SystemTime::now() + LEAD;
    let zero = Instant::now() + LEAD;
    let rows = plan.rows.len();
    let shared = Arc::new(Shared {
        connector: Connector::new(hosts, authority.as_deref())?,
        time_out: options.time_out,
        recorders: (0..threads)
            .map(|_| Mutex::new(Recorder::new(zero, rows)))
            .collect(),
        gauges: Gauges::default(),
        scenario,
        plan,
        people,
        mode,
        zero,
    });
    let faults = Faults::start(&shared.scenario.faults, zero);
    let (phase, phases) = watch::channel(Phase::Arrivals);
    let (done, ended) = mpsc::channel();
    let workers: Vec<_> = (0..threads)
        .map(|index| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|e| Error::bad(format!("no event loop could be made: {e}")))?;
            let (shared, phases, done) = (Arc::clone(&shared), phases.clone(), done.clone());
            let sink = acknowledged.as_ref().map(Acknowledgements::sink);
            std::thread::Builder::new()
                .name(format!("people-{index}"))
                .spawn(move || {
                    // The channel is closed by dropping it, however the thread ends.
                    let _done: mpsc::Sender<()> = done;
                    thread::run(&runtime, &shared, index, phases, sink);
                })
                .map_err(|e| Error::bad(format!("no thread could be started: {e}")))
        })
        .collect::<Result<_, _>>()?;
    drop((done, phases));

    let watched = watch_over(&shared, &phase, &ended, options.grace, &faults, &mut live);
    for worker in workers {
        worker
            .join()
            .map_err(|_| Error::bad("a thread of the generator panicked: the run says nothing"))?;
    }
    let told = outcome::Told {
        started,
        target: target.to_string(),
        wanted: options.wanted,
        warnings,
        watched,
        faults,
        acknowledged: acknowledged.map(|a| (options.acknowledged.unwrap_or_default(), a.finish())),
        limits: options.limits,
    };
    Ok(outcome::report(&shared, told))
}

/// What the main thread has seen.
#[derive(Default)]
struct Watched {
    /// People under way and requests in flight at the end of each second.
    gauges: Vec<(u64, u64)>,
    machine: Vec<MachineSecond>,
    cpu_seconds: f64,
    ended_early: bool,
}

/// Looks on until every thread is done: once a second a sample and a picture; Ctrl-C ends the arrivals, the end of the
/// grace period, or a second Ctrl-C, ends everything.
fn watch_over(
    shared: &Shared,
    phase: &watch::Sender<Phase>,
    ended: &mpsc::Receiver<()>,
    grace: Duration,
    faults: &Faults,
    live: &mut Option<Live>,
) -> Watched {
    let mut watched = Watched::default();
    let interrupts = count_interrupts();
    wait(ended, shared.zero);
    let mut sampler = Sampler::new();
    let cpu = machine::process_cpu_seconds();
    let mut end = arrivals_end(&shared.mode).map(|length| shared.zero + length + grace);
    for second in 1.. {
        let next = shared.zero + Duration::from_secs(second);
        let mut over = false;
        // Ctrl-C is looked for ten times a second.
        while Instant::now() < next && !over {
            over = wait(ended, next.min(Instant::now() + Duration::from_millis(100)));
            let pressed = interrupts.load(Ordering::Relaxed);
            let now = *phase.borrow();
            if pressed >= 1 && now == Phase::Arrivals {
                watched.ended_early = true;
                phase.send_replace(Phase::Grace);
                end = Some(Instant::now() + grace);
            }
            if pressed >= 2 || end.is_some_and(|end| Instant::now() >= end) {
                phase.send_replace(Phase::Ended);
            }
        }
        let gauges = &shared.gauges;
        watched.gauges.push((
            gauges.people.load(Ordering::Relaxed),
            gauges.in_flight.load(Ordering::Relaxed),
        ));
        watched.machine.push(sampler.sample());
        let now = match arrivals_end(&shared.mode) {
            Some(length) if shared.zero.elapsed() >= length && *phase.borrow() == Phase::Arrivals => {
                Phase::Grace
            }
            _ => *phase.borrow(),
        };
        let now = if over { Phase::Ended } else { now };
        if let Some(live) = live {
            live.show(&outcome::live_state(shared, now, faults));
        }
        if over {
            break;
        }
    }
    watched.cpu_seconds = machine::process_cpu_seconds() - cpu;
    watched
}

/// Waits until then; true when every thread is done.
fn wait(ended: &mpsc::Receiver<()>, until: Instant) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    matches!(ended.recv_timeout(left), Err(RecvTimeoutError::Disconnected))
}

/// When the last person is due; None when nobody knows beforehand.
fn arrivals_end(mode: &Mode) -> Option<Duration> {
    match mode {
        Mode::Open(schedule) => Some(schedule.length),
        Mode::Closed { length, .. } => *length,
        Mode::Requests { length, .. } => Some(*length),
    }
}

/// Counts SIGINT and SIGTERM from here on.
fn count_interrupts() -> Arc<AtomicU64> {
    use tokio::signal::unix::{SignalKind, signal};
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let (ready, waiting) = mpsc::channel();
    let listen = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        runtime.block_on(async {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            let _ = ready.send(());
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
    };
    // Without the thread Ctrl-C ends the process as it would any other.
    if std::thread::Builder::new()
        .name("signals".into())
        .spawn(listen)
        .is_ok()
    {
        let _ = waiting.recv();
    }
    count
}

/// How many people need a row.
fn needed_rows(mode: &Mode) -> u64 {
    match mode {
        Mode::Open(schedule) => schedule.people,
        Mode::Closed { users, .. } => *users,
        Mode::Requests { .. } => 1,
    }
}

fn enough_rows(scenario: &Scenario, people: Option<&People>, mode: &Mode, reuse: bool) -> Result<(), Error> {
    let Some(people) = people else {
        if scenario.columns.is_empty() {
            return Ok(());
        }
        return Err(Error::bad(format!(
            "the scenario needs a data file with the columns {}: name it with --data",
            scenario.columns.join(", ")
        )));
    };
    let (there, needed) = (people.len() as u64, needed_rows(mode));
    if there >= needed || reuse {
        return Ok(());
    }
    Err(Error::bad(format!(
        "the data file has {there} rows for {needed} people: add rows, let fewer people come, or say --reuse-rows"
    )))
}

/// Open files that the generator needs besides its connections.
const OTHER_FILES: u64 = 64;

/// Raises the limit of open files as far as it goes; says when that may not be enough.
fn raise_open_files(mode: &Mode) -> Vec<String> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    static RAISED: AtomicBool = AtomicBool::new(false);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return Vec::new();
    };
    if soft < hard && !RAISED.swap(true, Ordering::Relaxed) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(soft, |(soft, _)| soft);
    let at_once = match mode {
        Mode::Open(schedule) => schedule.people,
        Mode::Closed { users, .. } => *users,
        Mode::Requests { connections, .. } => *connections,
    };
    if at_once + OTHER_FILES <= limit {
        return Vec::new();
    }
    vec![format!(
        "{limit} files may be open, with {at_once} people: if more than that are under way at once they will fail; raise \
         the limit (ulimit -Hn)"
    )]
}
