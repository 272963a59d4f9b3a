//! Faults: commands that are started at a moment of the rehearsal, and what the target made of them.
//!
//! Each command runs through `sh -c` in a process group of its own, so that Ctrl-C does not reach it, and on threads of
//! its own, so that the run never waits for it. What is still running at the end is ended: SIGTERM to its group, after
//! [`PATIENCE`] SIGKILL. What a command left in the background on purpose, and itself ended, is left alone.

use std::collections::VecDeque;
use std::io::{PipeReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;

use crate::report::{FaultOutcome, Second, words};
use crate::scenario::Fault;

/// How long a command has between SIGTERM and SIGKILL.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long an ended command's output may take to arrive; what it left in the background may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How much output is kept, in characters.
const TAIL: usize = 300;

/// The faults of a run under way.
#[derive(Debug)]
pub struct Faults {
    all: Vec<Arc<Running>>,
}

#[derive(Debug)]
struct Running {
    fault: Fault,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The run is over: start nothing any more.
    over: bool,
    /// Seconds from the first arrival.
    started: Option<f64>,
    /// The group to signal; None as soon as the command has ended, before its number can be given to another.
    group: Option<Pid>,
    ended: Option<f64>,
    exit: Option<i32>,
    output: String,
    /// The thread has nothing more to do.
    done: bool,
}

impl Faults {
    /// Arms the faults; `t0` is the first arrival.
    pub fn start(faults: &[Fault], t0: Instant) -> Self {
        let arm = |fault: &Fault| {
            let running = Arc::new(Running {
                fault: fault.clone(),
                state: Mutex::default(),
                changed: Condvar::new(),
            });
            let its = Arc::clone(&running);
            thread::spawn(move || its.run(t0));
            running
        };
        Self {
            all: faults.iter().map(arm).collect(),
        }
    }

    /// A line for each fault that has begun, for the live view.
    pub fn lines(&self) -> Vec<String> {
        let line = |running: &Arc<Running>| {
            let state = running.lock();
            let state_word = match (state.ended, state.exit) {
                (None, _) => "running".to_owned(),
                (Some(_), Some(code)) => format!("exit {code}"),
                (Some(_), None) => "ended by a signal".to_owned(),
            };
            let at = words::span(state.started?);
            Some(format!("{at}: {} ({state_word})", running.name()))
        };
        self.all.iter().filter_map(line).collect()
    }

    /// Ends what still runs and says what came of each fault that began, in order of time, and, in words, which did not
    /// begin because the run was over. Waits at most [`PATIENCE`] and a little.
    pub fn finish(self, timeline: &[Second]) -> (Vec<FaultOutcome>, Vec<String>) {
        for running in &self.all {
            running.lock().over = true;
            running.changed.notify_all();
            running.signal(Signal::SIGTERM);
        }
        let patience = Instant::now() + PATIENCE;
        for running in &self.all {
            if !running.wait_done(patience) {
                running.signal(Signal::SIGKILL);
            }
        }
        let last = Instant::now() + PATIENCE;
        let mut outcomes = Vec::new();
        let mut warnings = Vec::new();
        for running in &self.all {
            running.wait_done(last);
            match running.outcome(timeline) {
                Some(outcome) => outcomes.push(outcome),
                None => warnings.push(format!(
                    "The fault \"{}\" was due at {}, but the run was over before.",
                    running.name(),
                    words::span(running.fault.at.as_secs_f64())
                )),
            }
        }
        outcomes.sort_by(|a, b| a.at.total_cmp(&b.at));
        (outcomes, warnings)
    }
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self) -> String {
        words::line(self.fault.name.as_ref().unwrap_or(&self.fault.run))
    }

    /// The thread of one fault: waits for its moment, starts the command, waits for its end.
    fn run(&self, t0: Instant) {
        if self.wait_for_moment(t0) {
            match self.spawn(t0) {
                Ok((child, output)) => self.wait_for_end(child, &output, t0),
                Err(why) => {
                    let mut state = self.lock();
                    state.ended = state.started;
                    state.output = format!("sh could not be started: {why}");
                }
            }
        }
        self.lock().done = true;
        self.changed.notify_all();
    }

    fn wait_for_moment(&self, t0: Instant) -> bool {
        let moment = t0 + self.fault.at;
        let mut state = self.lock();
        loop {
            let left = moment.saturating_duration_since(Instant::now());
            if state.over || left.is_zero() {
                return !state.over;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn spawn(&self, t0: Instant) -> std::io::Result<(Child, Receiver<String>)> {
        let mut state = self.lock();
        state.started = Some(t0.elapsed().as_secs_f64());
        let (reader, writer) = std::io::pipe()?;
        let child = Command::new("sh")
            .args(["-c", &self.fault.run])
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone()?)
            .stderr(writer)
            .spawn()?;
        state.group = Some(Pid::from_raw(child.id() as i32));
        let (send, receive) = channel();
        thread::spawn(move || {
            // Nobody listens any more when the output came too late.
            let _ = send.send(tail(reader));
        });
        Ok((child, receive))
    }

    fn wait_for_end(&self, mut child: Child, output: &Receiver<String>, t0: Instant) {
        // Not reaped yet: as long as it is there, its number is nobody else's, and may be signalled.
        let pid = Pid::from_raw(child.id() as i32);
        let ended = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT;
        while waitid(Id::Pid(pid), ended) == Err(Errno::EINTR) {}
        {
            let mut state = self.lock();
            state.group = None;
            state.ended = Some(t0.elapsed().as_secs_f64());
            state.exit = child.wait().ok().as_ref().and_then(ExitStatus::code);
        }
        let said = output.recv_timeout(LAST_WORDS).unwrap_or_default();
        self.lock().output = said;
    }

    fn signal(&self, signal: Signal) {
        let state = self.lock();
        if let Some(group) = state.group {
            // It may have ended this moment; then there is nothing to signal.
            let _ = killpg(group, signal);
        }
    }

    /// Whether its thread was done by `deadline`.
    fn wait_done(&self, deadline: Instant) -> bool {
        let mut state = self.lock();
        while !state.done {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    fn outcome(&self, timeline: &[Second]) -> Option<FaultOutcome> {
        let state = self.lock();
        let at = state.started?;
        let recovery = recovery(timeline, at, state.ended);
        Some(FaultOutcome {
            name: self.name(),
            run: self.fault.run.clone(),
            at,
            ended: state.ended,
            exit: state.exit,
            output: state.output.clone(),
            failures: recovery.failures,
            worst: recovery.worst,
            recovered: recovery.after,
        })
    }
}

/// The last [`TAIL`] characters, in memory that does not grow with what is printed.
fn tail(mut reader: PipeReader) -> String {
    // A character has at most 4 bytes; 3 more because the first may be cut in two.
    let most = TAIL * 4 + 3;
    let mut kept = VecDeque::new();
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = reader.read(&mut buffer) {
        kept.extend(&buffer[..n]);
        kept.drain(..kept.len().saturating_sub(most));
    }
    let text = String::from_utf8_lossy(kept.make_contiguous()).into_owned();
    let skip = text.chars().count().saturating_sub(TAIL);
    text.chars().skip(skip).collect()
}

/// What a fault did to the target.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Recovery {
    /// Seconds from the fault until the target was as before; 0 when nothing was to be seen of the fault; None when the
    /// target never was as before.
    pub after: Option<f64>,
    /// Requests that failed from the fault's second until recovery.
    pub failures: u64,
    /// The longest latency from due in that time, µs.
    pub worst: u64,
}

/// How many seconds before the fault say what is usual.
const BASELINE_SECONDS: usize = 30;
/// How many good seconds in a row make a recovery.
const GOOD_SECONDS: usize = 3;
/// How long after its command ended a fault may begin to be felt.
const ONSET_SECONDS: f64 = 3.0;

/// Whether and when the target recovered from a fault that began at `at` and whose command ended at `ended`, in seconds.
///
/// What is usual are the medians, over the 30 seconds before the fault (or what there is), of each second's p99 and
/// share of failed requests. A second is *good* when its share of failures is at most the usual one + 0.1 % and its p99
/// at most max(twice the usual, the usual + 50 ms). A second without requests is bad when some are in flight (people
/// wait, nothing answers), else it says nothing. The fault is felt from the first bad second, if that comes before 3 s
/// after the command's end; the target has recovered at the beginning of the next 3 good seconds in a row. Without any
/// request before the fault only failures are judged.
pub fn recovery(timeline: &[Second], at: f64, ended: Option<f64>) -> Recovery {
    let first = (at.max(0.0) as usize).min(timeline.len());
    let usual = Usual::of(&timeline[first.saturating_sub(BASELINE_SECONDS)..first]);
    let onset = ended.map_or(timeline.len(), |ended| (ended + ONSET_SECONDS).ceil() as usize);
    let after = &timeline[first..];
    let felt = after
        .iter()
        .take(onset.saturating_sub(first))
        .position(|second| usual.good(second) == Some(false));
    let Some(felt) = felt else {
        return Recovery {
            after: Some(0.0),
            ..Recovery::default()
        };
    };
    let recovered = recovered_from(&usual, after, felt);
    let during = &after[..recovered.unwrap_or(after.len())];
    Recovery {
        after: recovered.map(|seconds| ((first + seconds) as f64 - at).max(0.0)),
        failures: during.iter().map(|s| s.failures).sum(),
        worst: during.iter().map(|s| s.max.max(s.p99)).max().unwrap_or(0),
    }
}

/// The first second at or after `felt` from which [`GOOD_SECONDS`] good ones follow without a bad one between them.
fn recovered_from(usual: &Usual, after: &[Second], felt: usize) -> Option<usize> {
    let mut row: Option<usize> = None;
    let mut good = 0;
    for (i, second) in after.iter().enumerate().skip(felt) {
        match usual.good(second) {
            Some(true) => {
                row = row.or(Some(i));
                good += 1;
            }
            Some(false) => (row, good) = (None, 0),
            None => {}
        }
        if good == GOOD_SECONDS {
            return row;
        }
    }
    None
}

struct Usual {
    p99: Option<u64>,
    failures: f64,
}

impl Usual {
    fn of(before: &[Second]) -> Self {
        let busy: Vec<&Second> = before.iter().filter(|s| s.requests > 0).collect();
        let mut p99: Vec<u64> = busy.iter().map(|s| s.p99).collect();
        let mut shares: Vec<f64> = busy.iter().map(|s| failed(s)).collect();
        p99.sort_unstable();
        shares.sort_by(f64::total_cmp);
        let middle = busy.len() / 2;
        Self {
            p99: p99.get(middle).copied(),
            failures: shares.get(middle).copied().unwrap_or(0.0),
        }
    }

    /// None: the second says nothing.
    fn good(&self, second: &Second) -> Option<bool> {
        if second.requests == 0 {
            return if second.in_flight > 0 { Some(false) } else { None };
        }
        let quick = self
            .p99
            .is_none_or(|usual| second.p99 <= (2 * usual).max(usual + 50_000));
        Some(quick && failed(second) <= self.failures + 0.001)
    }
}

fn failed(second: &Second) -> f64 {
    crate::report::figures::part(second.failures, second.requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(failures: u64, p99_ms: u64) -> Second {
        Second {
            requests: 1000,
            failures,
            p99: p99_ms * 1000,
            max: p99_ms * 1500,
            ..Second::default()
        }
    }

    fn frozen() -> Second {
        Second {
            in_flight: 100,
            ..Second::default()
        }
    }

    /// 40 usual seconds (p99 20 ms), then these, then 10 usual ones.
    fn around(disturbed: &[Second]) -> Vec<Second> {
        let usual = |n| std::iter::repeat_n(second(0, 20), n);
        usual(40)
            .chain(disturbed.iter().cloned())
            .chain(usual(10))
            .collect()
    }

    #[test]
    fn recovery_is_the_first_of_three_good_seconds() {
        // given 2 s of failures, one good second, and one more that is slow
        let timeline = around(&[second(500, 20), second(400, 20), second(0, 20), second(0, 90)]);
        // when the fault was at 40.5 s, then the target was as before from 44 s on
        let found = recovery(&timeline, 40.5, Some(40.6));
        assert_eq!(
            found,
            Recovery {
                after: Some(3.5),
                failures: 900,
                worst: 135_000
            }
        );
    }

    #[test]
    fn the_limits_are_twice_the_usual_or_50_ms_more_and_a_thousandth() {
        // the usual p99 is 20 ms: 70 ms is good, because it is no more than 50 ms above; 1 of 1,000 failed is good
        let good = around(&[second(1, 70)]);
        assert_eq!(recovery(&good, 40.0, Some(40.0)).after, Some(0.0));
        let slow = around(&[second(0, 71)]);
        assert_eq!(recovery(&slow, 40.0, Some(40.0)).after, Some(1.0));
        let failing = around(&[second(2, 20)]);
        assert_eq!(recovery(&failing, 40.0, Some(40.0)).failures, 2);
    }

    #[test]
    fn a_freeze_is_bad_although_nothing_failed() {
        let timeline = around(&[frozen(), frozen(), frozen(), second(0, 3000)]);
        let found = recovery(&timeline, 40.0, Some(40.0));
        assert_eq!((found.after, found.worst), (Some(4.0), 4_500_000));
    }

    #[test]
    fn a_command_that_strikes_late_is_waited_for_as_long_as_it_runs() {
        let timeline = around(&[
            second(0, 20),
            second(0, 20),
            second(0, 20),
            second(0, 20),
            second(700, 20),
        ]);
        // still running when it struck: found
        assert_eq!(recovery(&timeline, 40.0, Some(44.2)).after, Some(5.0));
        assert_eq!(recovery(&timeline, 40.0, None).failures, 700);
        // ended at once: what comes 4 s later is not its doing
        assert_eq!(recovery(&timeline, 40.0, Some(40.0)).after, Some(0.0));
    }

    #[test]
    fn a_target_that_stays_down_has_not_recovered() {
        let mut timeline = around(&[]);
        timeline.truncate(41);
        timeline.extend([second(1000, 20), second(1000, 20)]);
        let found = recovery(&timeline, 41.0, None);
        assert_eq!((found.after, found.failures), (None, 2000));
        // nor has one that was good for two seconds before the run was over
        timeline.extend([second(0, 20), second(0, 20)]);
        assert_eq!(recovery(&timeline, 41.0, None).after, None);
    }

    #[test]
    fn without_a_before_or_a_timeline_nothing_breaks() {
        let timeline = [second(100, 9), second(0, 9), second(0, 9), second(0, 9)];
        assert_eq!(recovery(&timeline, 0.0, Some(0.0)).after, Some(1.0));
        assert_eq!(recovery(&[], 5.0, None).after, Some(0.0));
    }

    fn fault(at_ms: u64, run: &str) -> Fault {
        Fault {
            at: Duration::from_millis(at_ms),
            run: run.into(),
            name: None,
        }
    }

    /// Waits until a fault's line reads so.
    fn wait_for(faults: &Faults, wanted: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !faults.lines().iter().any(|line| line.contains(wanted)) {
            assert!(Instant::now() < deadline, "{:?}", faults.lines());
            thread::yield_now();
        }
    }

    #[test]
    fn a_command_runs_and_its_end_and_last_words_are_kept() {
        let faults = Faults::start(&[fault(0, "echo out; echo err >&2; exit 3")], Instant::now());
        wait_for(&faults, "(exit 3)");
        let (outcomes, warnings) = faults.finish(&[]);
        assert_eq!(outcomes.len(), 1);
        assert_eq!(outcomes[0].exit, Some(3));
        assert_eq!(outcomes[0].output, "out\nerr\n");
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn what_still_runs_at_the_end_is_ended_and_what_never_began_is_said() {
        let commands = [fault(0, "echo begun; sleep 600"), fault(3_600_000, "true")];
        let faults = Faults::start(&commands, Instant::now());
        wait_for(&faults, "(running)");
        let (outcomes, warnings) = faults.finish(&[]);
        assert_eq!(outcomes.len(), 1);
        assert!(outcomes[0].ended.is_some() && outcomes[0].exit.is_none());
        assert_eq!(
            warnings,
            ["The fault \"true\" was due at 60 min, but the run was over before."]
        );
    }

    #[test]
    fn what_a_command_left_in_the_background_holds_nobody_up() {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let run = format!("sleep 600 & echo $! > {}; echo left it", pid.display());
        let faults = Faults::start(&[fault(0, &run)], Instant::now());
        wait_for(&faults, "(exit 0)");
        let (outcomes, _) = faults.finish(&[]);
        assert_eq!(outcomes[0].exit, Some(0));
        let left = std::fs::read_to_string(pid).unwrap().trim().parse().unwrap();
        nix::sys::signal::kill(Pid::from_raw(left), Signal::SIGKILL).unwrap();
    }

    #[test]
    fn only_the_tail_of_the_output_is_kept() {
        let run = "i=0; while [ $i -lt 3000 ]; do echo line $i ä; i=$((i+1)); done";
        let faults = Faults::start(&[fault(0, run)], Instant::now());
        wait_for(&faults, "(exit 0)");
        let (outcomes, _) = faults.finish(&[]);
        assert_eq!(outcomes[0].output.chars().count(), TAIL);
        assert!(outcomes[0].output.ends_with("line 2999 ä\n"));
    }
}
