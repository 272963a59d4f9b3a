//! The report as data. Its JSON is a public format (`docs/rehearse-report.md`): `format` grows when a field changes its
//! meaning, not when one is added.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Everything about one run. Times are in µs unless the name says seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// Version of this format: 1.
    pub format: u32,
    /// The scenario's name.
    pub name: String,
    /// Scheme and authority of the target.
    pub target: String,
    /// When the first person was due, RFC 3339 in UTC.
    pub started: String,
    /// From the first arrival to the end of the last person, in seconds.
    pub seconds: f64,
    /// The persona's seed.
    pub seed: u64,
    /// What was asked for, as it was said on the command line, such as `arrivals 556/s for 3m`.
    pub wanted: String,
    /// People.
    pub arrivals: Arrivals,
    /// What to make of it.
    pub verdict: Verdict,
    /// How the generator itself did.
    pub generator: Generator,
    /// All steps together.
    pub overall: StepReport,
    /// Step by step, in the scenario's order.
    pub steps: Vec<StepReport>,
    /// Failures by step and cause, most frequent first.
    pub failures: Vec<Failure>,
    /// Second by second from the first arrival; no gaps.
    pub timeline: Vec<Second>,
    /// The machine second by second; empty when the target is not local.
    pub machine: Machine,
    /// The faults, in order of time.
    pub faults: Vec<FaultOutcome>,
    /// What was written for reconciliation, if it was asked for.
    pub acknowledged: Option<Acknowledged>,
}

/// How many people came, and what became of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Arrivals {
    /// Who should have arrived by the end of the arrivals.
    pub due: u64,
    /// Who did; fewer only when arrivals were ended early (Ctrl-C).
    pub started: u64,
    /// Who got through the whole journey.
    pub finished: u64,
    /// Whom an error or a failed check stopped.
    pub failed: u64,
    /// Who left half way, as their persona wanted, and did not come back.
    pub left: u64,
    /// Who was still on the way when the grace period ended.
    pub unfinished: u64,
    /// From when they were due to when they began.
    pub late: Percentiles,
}

/// Whether the run counts, and whether it passed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Verdict {
    /// False when the generator was the bottleneck: then no figure of the run says anything of the target.
    pub valid: bool,
    /// Valid, and within every limit that was set.
    pub passed: bool,
    /// Why it is invalid or has not passed, a sentence each.
    pub reasons: Vec<String>,
    /// What the reader should know besides, a sentence each.
    pub warnings: Vec<String>,
}

/// The generator, measured by itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Generator {
    /// Requests that began later than `late_limit` after they were due, for reasons inside the generator.
    pub late: u64,
    /// The same as a share of all requests.
    pub late_share: f64,
    /// max(20 ms, 10 % of the measured p99), in µs.
    pub late_limit: u64,
    /// How late requests began, for reasons inside the generator.
    pub lateness: Percentiles,
    /// Event-loop threads.
    pub threads: u32,
    /// CPU time of the generator's process during the run, in seconds.
    pub cpu_seconds: f64,
    /// The same per request, in µs.
    pub cpu_per_request: f64,
    /// The most people under way at once.
    pub most_people: u64,
    /// The most requests in flight at once.
    pub most_in_flight: u64,
    /// The most memory the process held, in bytes.
    pub most_memory: u64,
}

/// One step, or all of them together.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepReport {
    /// The journey it belongs to; empty for all together.
    pub journey: String,
    /// Its name; `all` for all together.
    pub name: String,
    /// Requests that were answered or failed; a redirect counts with its step.
    pub requests: u64,
    /// Requests that failed: no answer, or a check that was not met.
    pub failures: u64,
    /// Bytes sent, headers included.
    pub bytes_out: u64,
    /// Bytes received, headers included, as they came over the wire.
    pub bytes_in: u64,
    /// From the moment the request was due to its last byte: what the person waited.
    pub from_due: Percentiles,
    /// From the moment it was really begun to its last byte.
    pub from_start: Percentiles,
    /// Making the connection; only requests that made one.
    pub connect: Percentiles,
    /// From the request's first byte sent to the reply's first byte.
    pub first_byte: Percentiles,
    /// From the reply's first byte to its last.
    pub transfer: Percentiles,
    /// The `from_due` histogram: HdrHistogram V2 deflate, base64; so that runs can be merged exactly.
    pub histogram: String,
    /// The `from_start` histogram, in the same form.
    pub start_histogram: String,
}

/// Percentiles of an HDR histogram with three significant digits, in µs; all 0 when `count` is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Percentiles {
    pub count: u64,
    pub min: u64,
    pub mean: f64,
    pub p50: u64,
    pub p75: u64,
    pub p90: u64,
    pub p95: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

/// Failures of one step with one cause.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// `journey / step`.
    pub step: String,
    /// Such as `status 503`, `connect: connection refused`, `check text "Thank you"`, `time-out after 30 s`.
    pub cause: String,
    /// How often.
    pub count: u64,
    /// Seconds from the first arrival to the first one.
    pub first_at: f64,
    /// A sample: method and path without query, status, and up to 300 characters of the reply, with the values of the
    /// data file and cookies taken out.
    pub sample: String,
}

/// One second of the run, counted from the first arrival.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Second {
    /// People who were due.
    pub due: u64,
    /// People who began.
    pub arrived: u64,
    /// People who finished.
    pub finished: u64,
    /// Requests answered or failed.
    pub requests: u64,
    /// Of these, failed.
    pub failures: u64,
    /// Requests in flight at the end of the second.
    pub in_flight: u64,
    /// People under way at the end of the second.
    pub people: u64,
    /// Median latency from due, µs; 0 without requests.
    pub p50: u64,
    /// 99th percentile of the latency from due, µs.
    pub p99: u64,
    /// The longest latency from due, µs.
    pub max: u64,
    /// Latencies from due by band: band `i` holds [64 µs · 2^(i/2), 64 µs · 2^((i+1)/2)); faster ones are in band 0.
    /// Only bands that hold something.
    pub bands: BTreeMap<u8, u64>,
    /// Requests by `journey / step` index into [`Report::steps`]; only those that happened.
    pub steps: BTreeMap<u16, u64>,
}

/// The machine during the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// How many processors it has.
    pub cores: u32,
    /// Its memory in bytes.
    pub memory: u64,
    /// Second by second, from the first arrival.
    pub seconds: Vec<MachineSecond>,
}

/// One second of the machine; shares of all processors' time are between 0 and 1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MachineSecond {
    /// Time in programs.
    pub user: f64,
    /// Time in the kernel.
    pub system: f64,
    /// Idle with I/O under way.
    pub iowait: f64,
    /// Taken by the hypervisor.
    pub steal: f64,
    /// Of user and system, the generator's own share.
    pub generator: f64,
    /// Pressure (PSI `some`): share of the time in which at least one task waited for a processor.
    pub cpu_pressure: f64,
    /// The same for input and output.
    pub io_pressure: f64,
    /// The same for memory.
    pub memory_pressure: f64,
    /// Memory available, in bytes.
    pub available: u64,
}

/// One fault and what it did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaultOutcome {
    /// What the report calls it.
    pub name: String,
    /// The command.
    pub run: String,
    /// When it was started, seconds from the first arrival.
    pub at: f64,
    /// When the command had ended; None when it was still running at the end.
    pub ended: Option<f64>,
    /// Its exit code; None when a signal ended it or it was still running.
    pub exit: Option<i32>,
    /// The last 300 characters of what it printed.
    pub output: String,
    /// Requests that failed between the fault and recovery.
    pub failures: u64,
    /// The longest latency from due in that time, µs.
    pub worst: u64,
    /// Seconds from the fault until the target was as before: see [`crate::fault`]. None when it never was.
    pub recovered: Option<f64>,
}

/// What was written for reconciliation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Acknowledged {
    /// The file.
    pub file: String,
    /// Lines in it.
    pub count: u64,
}
