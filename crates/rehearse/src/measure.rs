//! Latencies in HDR histograms of microseconds, by step and by second, merged across threads.
//!
//! Each event-loop thread has a [`Recorder`] of its own; nothing is shared while a request is measured. Merging adds
//! counts, so that one thread and many give the same figures.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::report::{Percentiles, Second};

/// An HDR histogram of µs with three significant digits.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u32>);

/// Longer than this counts as this: six hours.
const LONGEST: u64 = 6 * 3_600_000_000;

impl Default for Latencies {
    fn default() -> Self {
        Self(Histogram::new(3).expect("three digits are allowed"))
    }
}

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST).min(LONGEST);
        self.0.record(micros).expect("it grows as needed");
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both grow as needed");
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// How many are above a limit, in µs.
    pub fn above(&self, limit: u64) -> u64 {
        self.0.len() - self.0.count_between(0, limit)
    }

    /// The value below which this share (0 to 1) lies, in µs.
    pub fn quantile(&self, share: f64) -> u64 {
        self.0.value_at_quantile(share)
    }

    /// What reports say.
    pub fn percentiles(&self) -> Percentiles {
        if self.0.is_empty() {
            return Percentiles::default();
        }
        let at = |q| self.0.value_at_quantile(q);
        Percentiles {
            count: self.0.len(),
            min: self.0.min(),
            mean: self.0.mean(),
            p50: at(0.5),
            p75: at(0.75),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: self.0.max(),
        }
    }

    /// HdrHistogram V2 deflate in base64.
    pub fn encoded(&self) -> String {
        use base64::Engine as _;
        use hdrhistogram::serialization::{Serializer as _, V2DeflateSerializer};
        let mut bytes = Vec::new();
        match V2DeflateSerializer::new().serialize(&self.0, &mut bytes) {
            Ok(_) => base64::engine::general_purpose::STANDARD.encode(bytes),
            Err(_) => String::new(),
        }
    }
}

/// One request as it went. Moments are of this process's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// When it should have begun.
    pub due: Instant,
    /// When it could have begun: later than due only when it had to wait for a connection that the target kept busy.
    pub ready: Instant,
    /// When it began: before connecting, if it had to.
    pub start: Instant,
    /// How long connecting took.
    pub connect: Option<Duration>,
    /// From the request's first byte to the reply's, of the final reply.
    pub first_byte: Option<Duration>,
    /// From the reply's first byte to its last, of the final reply.
    pub transfer: Option<Duration>,
    /// When it was over, well or not.
    pub end: Instant,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Whether it failed.
    pub failed: bool,
}

/// Failures of one step with one cause.
#[derive(Debug, Clone)]
pub struct Failed {
    /// How often.
    pub count: u64,
    /// When first, from the first arrival.
    pub first_at: Duration,
    /// What it looked like then.
    pub sample: String,
}

/// One step's figures.
#[derive(Debug, Clone, Default)]
pub struct StepFigures {
    pub(crate) requests: u64,
    pub(crate) failures: u64,
    pub(crate) bytes_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) from_due: Latencies,
    pub(crate) from_start: Latencies,
    pub(crate) connect: Latencies,
    pub(crate) first_byte: Latencies,
    pub(crate) transfer: Latencies,
}

impl StepFigures {
    fn record(&mut self, sample: &Sample) {
        self.requests += 1;
        self.failures += u64::from(sample.failed);
        self.bytes_out += sample.bytes_out;
        self.bytes_in += sample.bytes_in;
        self.from_due
            .record(sample.end.saturating_duration_since(sample.due));
        self.from_start
            .record(sample.end.saturating_duration_since(sample.start));
        for (figure, took) in [
            (&mut self.connect, sample.connect),
            (&mut self.first_byte, sample.first_byte),
            (&mut self.transfer, sample.transfer),
        ] {
            if let Some(took) = took {
                figure.record(took);
            }
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.failures += other.failures;
        self.bytes_out += other.bytes_out;
        self.bytes_in += other.bytes_in;
        self.from_due.add(&other.from_due);
        self.from_start.add(&other.from_start);
        self.connect.add(&other.connect);
        self.first_byte.add(&other.first_byte);
        self.transfer.add(&other.transfer);
    }
}

/// What is counted in one second of the run.
#[derive(Debug, Clone, Default)]
struct Tally {
    due: u64,
    arrived: u64,
    finished: u64,
    requests: u64,
    failures: u64,
    /// The longest latency from due, in µs.
    longest: u64,
    bands: Bands,
    steps: Vec<u32>,
}

/// Counts of latencies: 16 bands an octave from 64 µs, each 4.4 % wide.
#[derive(Debug, Clone, Default)]
struct Bands(Vec<u32>);

const BANDS_AN_OCTAVE: f64 = 16.0;
/// A report's heat map has two bands an octave.
const FINE_BANDS: usize = 8;

impl Bands {
    fn record(&mut self, took: Duration) {
        let octaves = (took.as_secs_f64() * 1e6 / 64.0).log2().clamp(0.0, 40.0);
        let band = (octaves * BANDS_AN_OCTAVE) as usize;
        if self.0.len() <= band {
            self.0.resize(band + 1, 0);
        }
        self.0[band] += 1;
    }

    fn add(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine += theirs;
        }
    }

    /// The upper end, in µs, of the band that holds this quantile; 0 when there is nothing.
    fn quantile(&self, share: f64) -> u64 {
        let count: u64 = self.0.iter().map(|&n| u64::from(n)).sum();
        let rank = ((count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (band, &n) in self.0.iter().enumerate() {
            seen += u64::from(n);
            if seen >= rank {
                return (64.0 * ((band + 1) as f64 / BANDS_AN_OCTAVE).exp2()) as u64;
            }
        }
        0
    }

    fn coarse(&self) -> BTreeMap<u8, u64> {
        let mut coarse = BTreeMap::new();
        for (band, &n) in self.0.iter().enumerate().filter(|(_, n)| **n > 0) {
            *coarse.entry((band / FINE_BANDS) as u8).or_default() += u64::from(n);
        }
        coarse
    }
}

/// What one thread has measured.
#[derive(Debug)]
pub struct Recorder {
    /// The first arrival.
    zero: Instant,
    pub(crate) steps: Vec<StepFigures>,
    pub(crate) lateness: Latencies,
    pub(crate) arrival_lateness: Latencies,
    pub(crate) failures: HashMap<(u16, String), Failed>,
    seconds: Vec<Tally>,
    last_end: Duration,
    pub(crate) people: PeopleCount,
}

/// How many people, by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in report::Arrivals")]
pub struct PeopleCount {
    pub started: u64,
    pub finished: u64,
    pub failed: u64,
    pub left: u64,
}

/// Causes that are told apart; what comes later is counted as one.
const MOST_CAUSES: usize = 500;

impl Recorder {
    /// For so many steps; seconds are counted from `zero`.
    pub fn new(zero: Instant, steps: usize) -> Self {
        Self {
            zero,
            steps: vec![StepFigures::default(); steps],
            lateness: Latencies::default(),
            arrival_lateness: Latencies::default(),
            failures: HashMap::new(),
            seconds: Vec::new(),
            last_end: Duration::ZERO,
            people: PeopleCount::default(),
        }
    }

    /// Counts a request of a step.
    pub fn request(&mut self, step: u16, sample: &Sample) {
        self.steps[usize::from(step)].record(sample);
        self.lateness
            .record(sample.start.saturating_duration_since(sample.ready));
        self.last_end = self.last_end.max(sample.end.saturating_duration_since(self.zero));
        let steps = self.steps.len();
        let tally = self.second(sample.end);
        tally.requests += 1;
        tally.failures += u64::from(sample.failed);
        let waited = sample.end.saturating_duration_since(sample.due);
        let micros = u64::try_from(waited.as_micros()).unwrap_or(LONGEST);
        tally.longest = tally.longest.max(micros);
        tally.bands.record(waited);
        tally.steps.resize(steps, 0);
        tally.steps[usize::from(step)] += 1;
    }

    /// Counts a failure; `sample` is only asked for the first of its kind.
    pub fn failure(&mut self, step: u16, cause: String, at: Instant, sample: impl FnOnce() -> String) {
        let first_at = at.saturating_duration_since(self.zero);
        let many = self.failures.len() >= MOST_CAUSES;
        let key = (step, cause);
        let key = if many && !self.failures.contains_key(&key) {
            (step, "other causes".into())
        } else {
            key
        };
        let failed = self.failures.entry(key).or_insert_with(|| Failed {
            count: 0,
            first_at,
            sample: sample(),
        });
        failed.count += 1;
        failed.first_at = failed.first_at.min(first_at);
    }

    /// A person has begun, at `start` instead of at `due`.
    pub fn arrival(&mut self, due: Instant, start: Instant) {
        self.people.started += 1;
        self.arrival_lateness.record(start.saturating_duration_since(due));
        self.second(due).due += 1;
        self.second(start).arrived += 1;
    }

    /// A person is through.
    pub fn finished(&mut self, at: Instant) {
        self.people.finished += 1;
        self.second(at).finished += 1;
    }

    fn second(&mut self, at: Instant) -> &mut Tally {
        let second = at.saturating_duration_since(self.zero).as_secs() as usize;
        if self.seconds.len() <= second {
            self.seconds.resize(second + 1, Tally::default());
        }
        &mut self.seconds[second]
    }

    /// Adds another thread's counts.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            mine.add(theirs);
        }
        self.lateness.add(&other.lateness);
        self.arrival_lateness.add(&other.arrival_lateness);
        for (key, failed) in &other.failures {
            let mine = self.failures.entry(key.clone()).or_insert_with(|| Failed {
                count: 0,
                ..failed.clone()
            });
            mine.count += failed.count;
            if failed.first_at < mine.first_at {
                mine.first_at = failed.first_at;
                mine.sample.clone_from(&failed.sample);
            }
        }
        self.add_seconds(other);
        self.last_end = self.last_end.max(other.last_end);
        self.people.started += other.people.started;
        self.people.finished += other.people.finished;
        self.people.failed += other.people.failed;
        self.people.left += other.people.left;
    }

    fn add_seconds(&mut self, other: &Self) {
        if self.seconds.len() < other.seconds.len() {
            self.seconds.resize(other.seconds.len(), Tally::default());
        }
        for (mine, theirs) in self.seconds.iter_mut().zip(&other.seconds) {
            mine.due += theirs.due;
            mine.arrived += theirs.arrived;
            mine.finished += theirs.finished;
            mine.requests += theirs.requests;
            mine.failures += theirs.failures;
            mine.longest = mine.longest.max(theirs.longest);
            mine.bands.add(&theirs.bands);
            mine.steps.resize(mine.steps.len().max(theirs.steps.len()), 0);
            for (a, b) in mine.steps.iter_mut().zip(&theirs.steps) {
                *a += b;
            }
        }
    }

    /// The timeline, without what only gauges know (`in_flight`, `people`).
    pub fn timeline(&self) -> Vec<Second> {
        self.seconds.iter().map(Tally::told).collect()
    }

    /// When the last request was over, from the first arrival.
    pub fn last_end(&self) -> Duration {
        self.last_end
    }

    /// The seconds from `from` up to but without `to` merged into one, for the live view.
    pub fn between(recorders: &[&Self], from: u64, to: u64) -> Second {
        let mut sum = Tally::default();
        let (from, count) = (from as usize, to.saturating_sub(from) as usize);
        for tally in recorders
            .iter()
            .flat_map(|r| r.seconds.iter().skip(from).take(count))
        {
            sum.due += tally.due;
            sum.arrived += tally.arrived;
            sum.finished += tally.finished;
            sum.requests += tally.requests;
            sum.failures += tally.failures;
            sum.bands.add(&tally.bands);
        }
        sum.told()
    }
}

impl Tally {
    fn told(&self) -> Second {
        Second {
            due: self.due,
            arrived: self.arrived,
            finished: self.finished,
            requests: self.requests,
            failures: self.failures,
            in_flight: 0,
            people: 0,
            p50: self.bands.quantile(0.5),
            p99: self.bands.quantile(0.99),
            max: self.longest,
            bands: self.bands.coarse(),
            steps: (0..)
                .zip(&self.steps)
                .filter(|(_, n)| **n > 0)
                .map(|(i, &n)| (i, u64::from(n)))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(zero: Instant, due: u64, end: u64, failed: bool) -> Sample {
        let at = |ms| zero + Duration::from_millis(ms);
        let late = at(due + 1);
        Sample {
            due: at(due),
            ready: at(due),
            start: late,
            connect: None,
            first_byte: Some(Duration::from_millis(3)),
            transfer: None,
            end: at(end),
            bytes_out: 10,
            bytes_in: 20,
            failed,
        }
    }

    proptest! {
        #[test]
        fn one_thread_and_many_give_the_same_figures(
            samples in prop::collection::vec((0_u16..3, 0_u64..9000, 1_u64..30_000, any::<bool>(), 0_usize..4), 1..200)
        ) {
            let zero = Instant::now();
            let mut whole = Recorder::new(zero, 3);
            let mut parts: Vec<Recorder> = (0..4).map(|_| Recorder::new(zero, 3)).collect();
            for (step, due, took, failed, thread) in samples {
                let sample = sample(zero, due, due + took, failed);
                for recorder in [&mut whole, &mut parts[thread]] {
                    recorder.request(step, &sample);
                    recorder.arrival(sample.due, sample.start);
                    if failed {
                        recorder.failure(step, "x".into(), sample.end, || due.to_string());
                    }
                }
            }
            let mut merged = Recorder::new(zero, 3);
            for part in &parts {
                merged.add(part);
            }
            prop_assert_eq!(merged.timeline(), whole.timeline());
            prop_assert_eq!(merged.people, whole.people);
            for (a, b) in merged.steps.iter().zip(&whole.steps) {
                prop_assert_eq!(a.from_due.percentiles(), b.from_due.percentiles());
                prop_assert_eq!(a.from_start.percentiles(), b.from_start.percentiles());
                prop_assert_eq!((a.requests, a.failures, a.bytes_in), (b.requests, b.failures, b.bytes_in));
            }
            for (key, failed) in &whole.failures {
                prop_assert_eq!(merged.failures[key].count, failed.count);
                prop_assert_eq!(merged.failures[key].first_at, failed.first_at);
            }
        }
    }

    #[test]
    fn latencies_keep_three_digits_from_microseconds_to_hours() {
        let mut latencies = Latencies::default();
        for micros in [1, 999, 1_234_567, 3_600_000_000] {
            latencies.record(Duration::from_micros(micros));
        }
        let told = latencies.percentiles();
        assert_eq!((told.count, told.min), (4, 1));
        assert!(told.max.abs_diff(3_600_000_000) < 3_600_000, "{}", told.max);
        assert!(told.p75.abs_diff(1_234_567) < 1_300, "{}", told.p75);
        assert_eq!(latencies.above(1000), 2);
    }

    #[test]
    fn a_second_knows_its_quantiles_to_a_twentieth() {
        let zero = Instant::now();
        let mut recorder = Recorder::new(zero, 1);
        for ms in 1..=100 {
            recorder.request(0, &sample(zero, 0, ms, ms > 90));
        }
        let [second] = recorder.timeline().try_into().unwrap();
        assert_eq!((second.requests, second.failures), (100, 10));
        assert!((50_000..53_000).contains(&second.p50), "{}", second.p50);
        assert!((99_000..104_500).contains(&second.p99), "{}", second.p99);
        assert_eq!(second.bands.values().sum::<u64>(), 100);
    }

    #[test]
    fn causes_without_end_are_counted_as_one() {
        let zero = Instant::now();
        let mut recorder = Recorder::new(zero, 1);
        for n in 0..2 * MOST_CAUSES {
            recorder.failure(0, format!("cause {n}"), zero, String::new);
        }
        assert_eq!(recorder.failures.len(), MOST_CAUSES + 1);
        assert_eq!(
            recorder.failures[&(0, "other causes".to_owned())].count,
            MOST_CAUSES as u64
        );
    }
}
