//! What is shown while a rehearsal runs: on a terminal a few lines that are drawn anew in place, elsewhere a plain line
//! every five seconds. On standard error, so that standard output holds the summary alone.

use std::io::{self, Write};
use std::time::Duration;

use crate::report::words;

/// Where a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// People arrive.
    #[default]
    Arrivals,
    /// Nobody arrives any more; who is on the way may finish.
    Grace,
    /// Over; the reports are being written.
    Ended,
}

impl Phase {
    fn words(self) -> &'static str {
        match self {
            Self::Arrivals => "people arrive",
            Self::Grace => "nobody arrives any more, people finish",
            Self::Ended => "over",
        }
    }
}

/// A run at one moment. Rates are of the last second, percentiles of the last five.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveState {
    /// Where the run is.
    pub phase: Phase,
    /// Since the first arrival.
    pub elapsed: Duration,
    /// How long the arrivals will take in all, if that is known.
    pub planned: Option<Duration>,
    /// People who are due, per second.
    pub wanted_rate: f64,
    /// People who began, per second.
    pub arrival_rate: f64,
    /// People who finished, per second.
    pub finish_rate: f64,
    /// Requests answered or failed, per second.
    pub request_rate: f64,
    /// People due so far.
    pub due: u64,
    /// People who began so far.
    pub started: u64,
    /// People who got through so far.
    pub finished: u64,
    /// People who were stopped by a failure so far.
    pub failed: u64,
    /// People under way.
    pub people: u64,
    /// Requests in flight.
    pub in_flight: u64,
    /// Median latency from due, µs.
    pub p50: u64,
    /// 99th percentile of the latency from due, µs.
    pub p99: u64,
    /// 99th percentile of how late requests began for reasons inside the generator, µs.
    pub lateness: u64,
    /// Share of all requests so far that began too late: above 1 % the run will be invalid.
    pub late_share: f64,
    /// Causes of failed requests so far with their counts, most frequent first; five are shown.
    pub failures: Vec<(String, u64)>,
    /// The faults that have begun, a line each: [`crate::fault::Faults::lines`].
    pub faults: Vec<String>,
}

/// How many causes of failure are shown.
const CAUSES: usize = 5;

/// How often a plain line is written.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The view of one run.
#[derive(Debug, Default)]
pub struct Live {
    terminal: bool,
    /// Lines on the terminal above the cursor that are ours.
    drawn: usize,
    /// When the last plain line was written, and in which phase.
    last: Option<(Duration, Phase)>,
}

impl Live {
    /// A view for a terminal or for anything else.
    pub fn new(is_terminal: bool) -> Self {
        Self {
            terminal: is_terminal,
            ..Self::default()
        }
    }

    /// Shows the state; meant to be called once a second. A standard error that cannot be written to is no reason to
    /// stop a run.
    pub fn show(&mut self, state: &LiveState) {
        let width =
            terminal_size::terminal_size_of(io::stderr()).map_or(80, |(width, _)| usize::from(width.0));
        let text = self.next(state, width);
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// What is to be written now. The cursor always ends below our lines and is never hidden, so that a run that dies
    /// leaves a usable terminal.
    fn next(&mut self, state: &LiveState, width: usize) -> String {
        if !self.terminal {
            return self.next_plain(state);
        }
        let lines = render(state, width);
        let mut text = String::from("\x1b[?2026h");
        if self.drawn > 0 {
            text.push_str(&format!("\x1b[{}F", self.drawn));
        }
        for line in &lines {
            text.push_str(line);
            text.push_str("\x1b[K\n");
        }
        text.push_str("\x1b[J\x1b[?2026l");
        self.drawn = lines.len();
        text
    }

    fn next_plain(&mut self, state: &LiveState) -> String {
        let due = self.last.is_none_or(|(at, phase)| {
            phase != state.phase || state.elapsed.saturating_sub(at) >= PLAIN_EVERY
        });
        if !due {
            return String::new();
        }
        self.last = Some((state.elapsed, state.phase));
        plain(state) + "\n"
    }
}

/// The lines of the view, none wider than `width` columns.
pub fn render(state: &LiveState, width: usize) -> Vec<String> {
    let mut lines = vec![heading(state, width)];
    lines.extend(flow("People    ", &people(state), width));
    lines.extend(flow("Requests  ", &requests(state), width));
    lines.extend(flow("Latency   ", &latency(state), width));
    lines.extend(flow("Generator ", &generator(state), width));
    if state.late_share > crate::report::verdict::LATE_SHARE {
        lines.push("          TOO MANY LATE: the run will be invalid".into());
    }
    for (i, (cause, count)) in state.failures.iter().take(CAUSES).enumerate() {
        let label = if i == 0 { "Failures  " } else { "          " };
        lines.push(format!(
            "{label}{:>7}  {}",
            words::count(*count),
            words::line(cause)
        ));
    }
    if state.failures.len() > CAUSES {
        lines.push(format!(
            "                   and {} more causes",
            state.failures.len() - CAUSES
        ));
    }
    for (i, fault) in state.faults.iter().enumerate() {
        let label = if i == 0 { "Faults    " } else { "          " };
        lines.push(format!("{label}{}", words::line(fault)));
    }
    lines.iter().map(|line| words::fit(line, width)).collect()
}

fn heading(state: &LiveState, width: usize) -> String {
    let elapsed = words::span(state.elapsed.as_secs_f64().floor());
    let Some(planned) = state.planned.filter(|_| state.phase == Phase::Arrivals) else {
        return format!("{elapsed}: {}", state.phase.words());
    };
    let text = format!(
        "{elapsed} of {}: {} ",
        words::span(planned.as_secs_f64()),
        state.phase.words()
    );
    let part = state.elapsed.as_secs_f64() / planned.as_secs_f64().max(0.001);
    let room = width.saturating_sub(text.chars().count()).min(30);
    text + &bar(part, room)
}

/// A bar of `room` columns, ends included; nothing when there is no room for one.
fn bar(part: f64, room: usize) -> String {
    let Some(inner) = room.checked_sub(2).filter(|inner| *inner >= 5) else {
        return String::new();
    };
    let full = (part.clamp(0.0, 1.0) * inner as f64) as usize;
    format!("[{}{}]", "#".repeat(full), ".".repeat(inner - full))
}

fn people(state: &LiveState) -> [String; 8] {
    [
        format!("{}/s wanted", words::rate(state.wanted_rate)),
        format!("{}/s arrive", words::rate(state.arrival_rate)),
        format!("{}/s finish", words::rate(state.finish_rate)),
        format!("{} under way", words::count(state.people)),
        format!("{} due", words::count(state.due)),
        format!("{} began", words::count(state.started)),
        format!("{} finished", words::count(state.finished)),
        format!("{} failed", words::count(state.failed)),
    ]
}

fn requests(state: &LiveState) -> [String; 2] {
    [
        format!("{}/s", words::rate(state.request_rate)),
        format!("{} in flight", words::count(state.in_flight)),
    ]
}

fn latency(state: &LiveState) -> [String; 2] {
    [
        format!("p50 {}", words::time(state.p50)),
        format!("p99 {} (last 5 s, from due)", words::time(state.p99)),
    ]
}

fn generator(state: &LiveState) -> [String; 2] {
    [
        format!("p99 {} behind", words::time(state.lateness)),
        format!("{} of requests late", words::share(state.late_share)),
    ]
}

/// Pieces after a label, in columns of 16, 4 to a line at most, on as many lines as the width asks for.
fn flow(label: &str, pieces: &[String], width: usize) -> Vec<String> {
    let indent = label.chars().count();
    let mut lines = Vec::new();
    let mut line = label.to_owned();
    let mut on_line = 0;
    for piece in pieces {
        let used = line.trim_end().chars().count().max(indent);
        let start = if on_line == 0 {
            indent
        } else {
            (used + 2).max(indent + on_line * 17)
        };
        if on_line > 0 && (on_line == 4 || start + piece.chars().count() > width) {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            on_line = 0;
        }
        let start = if on_line == 0 { indent } else { start };
        let gap = start.saturating_sub(line.chars().count());
        line.push_str(&" ".repeat(gap));
        line.push_str(piece);
        on_line += 1;
    }
    lines.push(line);
    lines
}

/// The state as one line that reads alone, for logs.
pub fn plain(state: &LiveState) -> String {
    let failures: u64 = state.failures.iter().map(|(_, count)| count).sum();
    format!(
        "{}: {}; {}/s arrive of {}/s wanted, {} under way, {} finished, {} requests/s, p50 {}, p99 {}, {} requests \
         failed, {} late",
        words::span(state.elapsed.as_secs_f64().floor()),
        state.phase.words(),
        words::rate(state.arrival_rate),
        words::rate(state.wanted_rate),
        words::count(state.people),
        words::count(state.finished),
        words::rate(state.request_rate),
        words::time(state.p50),
        words::time(state.p99),
        words::count(failures),
        words::share(state.late_share),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> LiveState {
        LiveState {
            elapsed: Duration::from_secs(72),
            planned: Some(Duration::from_secs(180)),
            wanted_rate: 556.0,
            arrival_rate: 555.0,
            finish_rate: 548.2,
            request_rate: 17_210.0,
            due: 40_032,
            started: 40_032,
            finished: 22_114,
            failed: 18,
            people: 17_900,
            in_flight: 412,
            p50: 1_240,
            p99: 12_600,
            lateness: 310,
            late_share: 0.0002,
            failures: vec![
                ("save page: status 503".into(), 12),
                (
                    "save page: time-out after 30 s while waiting for the reply's first byte".into(),
                    6,
                ),
            ],
            faults: vec!["60 s: kill the pooler (exit 0)".into()],
            ..LiveState::default()
        }
    }

    #[test]
    fn at_80_columns() {
        insta::assert_snapshot!(render(&state(), 80).join("\n"), @"
        72 s of 3 min: people arrive [###########.................]
        People    556/s wanted     555/s arrive     548/s finish     17,900 under way
                  40,032 due       40,032 began     22,114 finished  18 failed
        Requests  17,210/s         412 in flight
        Latency   p50 1.24 ms      p99 12.6 ms (last 5 s, from due)
        Generator p99 0.31 ms behind  0.020 % of requests late
        Failures       12  save page: status 503
                        6  save page: time-out after 30 s while waiting for the reply's…
        Faults    60 s: kill the pooler (exit 0)
        ");
    }

    #[test]
    fn at_50_columns() {
        insta::assert_snapshot!(render(&state(), 50).join("\n"), @"
        72 s of 3 min: people arrive [#######............]
        People    556/s wanted     555/s arrive
                  548/s finish     17,900 under way
                  40,032 due       40,032 began
                  22,114 finished  18 failed
        Requests  17,210/s         412 in flight
        Latency   p50 1.24 ms
                  p99 12.6 ms (last 5 s, from due)
        Generator p99 0.31 ms behind
                  0.020 % of requests late
        Failures       12  save page: status 503
                        6  save page: time-out after 30 s…
        Faults    60 s: kill the pooler (exit 0)
        ");
    }

    #[test]
    fn a_run_that_will_be_invalid_says_so() {
        let late = LiveState {
            late_share: 0.02,
            phase: Phase::Grace,
            ..state()
        };
        let text = render(&late, 50).join("\n");
        assert!(text.contains("TOO MANY LATE: the run will be invalid"), "{text}");
        assert!(text.starts_with("72 s: nobody arrives any more"), "{text}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [1, 10, 20, 33, 50, 80, 200] {
            for line in render(&state(), width) {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_terminal_is_drawn_over_in_place() {
        let mut live = Live::new(true);
        let first = live.next(&state(), 80);
        let height = render(&state(), 80).len();
        assert!(!first.contains("\x1b[1F"));
        assert_eq!(first.matches('\n').count(), height);
        // and the next picture begins where the first did, and leaves nothing of it below
        let second = live.next(&LiveState::default(), 80);
        assert!(second.contains(&format!("\x1b[{height}F")));
        assert!(second.ends_with("\x1b[J\x1b[?2026l"));
    }

    #[test]
    fn elsewhere_a_line_comes_every_five_seconds_and_when_the_phase_changes() {
        let mut live = Live::new(false);
        let at = |seconds, phase| LiveState {
            elapsed: Duration::from_secs(seconds),
            phase,
            ..state()
        };
        let shown: Vec<bool> = [
            at(0, Phase::Arrivals),
            at(4, Phase::Arrivals),
            at(5, Phase::Arrivals),
            at(6, Phase::Grace),
            at(7, Phase::Grace),
        ]
        .iter()
        .map(|state| !live.next(state, 80).is_empty())
        .collect();
        assert_eq!(shown, [true, false, true, true, false]);
        insta::assert_snapshot!(plain(&state()), @"72 s: people arrive; 555/s arrive of 556/s wanted, 17,900 under way, 22,114 finished, 17,210 requests/s, p50 1.24 ms, p99 12.6 ms, 18 requests failed, 0.020 % late");
    }
}
