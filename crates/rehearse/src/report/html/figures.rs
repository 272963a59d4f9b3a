//! The plots over time.

use super::buckets::Time;
use super::plot::{Figure, Series, Unit, linear};
use crate::report::Report;

/// Arrivals, and who is under way.
pub fn people(report: &Report, time: &Time) -> Vec<Figure> {
    let seconds = &report.timeline;
    vec![
        linear(
            time,
            (
                "arrivals",
                "Arrivals",
                "People per second: who was due, who began and who finished. Where due and began part, the generator \
                 could not keep up.",
            ),
            vec![
                Series::area("due", "c0", Unit::Rate, time.rate(seconds, |s| s.due)),
                Series::line("began", "c1", Unit::Rate, time.rate(seconds, |s| s.arrived)),
                Series::line(
                    "finished",
                    "c3 dash",
                    Unit::Rate,
                    time.rate(seconds, |s| s.finished),
                ),
            ],
            (220.0, 0.0, false),
        ),
        linear(
            time,
            (
                "under-way",
                "People under way",
                "People who had begun and were not through, at the end of each second.",
            ),
            vec![Series::area(
                "people",
                "c1",
                Unit::Count,
                time.most(seconds, |s| Some(s.people as f64)),
            )],
            (150.0, 1.0, false),
        ),
    ]
}

/// Throughput, failures, and what is in flight.
pub fn requests(report: &Report, time: &Time) -> Vec<Figure> {
    let seconds = &report.timeline;
    vec![
        linear(
            time,
            (
                "throughput",
                "Throughput",
                "Requests per second that were answered or failed.",
            ),
            vec![Series::area(
                "requests",
                "c1",
                Unit::Rate,
                time.rate(seconds, |s| s.requests),
            )],
            (190.0, 0.0, false),
        ),
        linear(
            time,
            (
                "failed",
                "Failures",
                "Requests per second that failed: no answer, or a check that was not met.",
            ),
            vec![Series::area(
                "failed",
                "c2",
                Unit::Rate,
                time.rate(seconds, |s| s.failures),
            )],
            (130.0, 1.0, false),
        ),
        linear(
            time,
            (
                "in-flight",
                "In flight",
                "Requests sent and not answered yet, at the end of each second. It grows when the target falls behind.",
            ),
            vec![Series::area(
                "in flight",
                "c4",
                Unit::Count,
                time.most(seconds, |s| Some(s.in_flight as f64)),
            )],
            (150.0, 1.0, false),
        ),
    ]
}

/// Processors and pressure; nothing when the target was not on this machine.
pub fn machine(report: &Report, time: &Time) -> Vec<Figure> {
    let seconds = &report.machine.seconds;
    if seconds.is_empty() {
        return Vec::new();
    }
    let share = |name, class, values| Series::area(name, class, Unit::Share, values);
    let line = |name, class, values| Series::line(name, class, Unit::Share, values);
    vec![
        linear(
            time,
            (
                "processors",
                "Processors",
                "Share of all processors' time, one on top of the other; the dotted line is the generator's own part \
                 of it.",
            ),
            vec![
                share("user", "c1", time.mean(seconds, |s| s.user)),
                share("system", "c4", time.mean(seconds, |s| s.system)),
                share("I/O wait", "c3", time.mean(seconds, |s| s.iowait)),
                share("stolen", "c2", time.mean(seconds, |s| s.steal)),
                line("generator", "c5 dot", time.mean(seconds, |s| s.generator)),
            ],
            (230.0, 1.0, true),
        ),
        linear(
            time,
            (
                "pressure",
                "Pressure",
                "Share of the time in which at least one task waited for a processor, for input and output, or for \
                 memory (the kernel's PSI, some).",
            ),
            vec![
                line("processor", "c1", time.mean(seconds, |s| s.cpu_pressure)),
                line("I/O", "c3 dash", time.mean(seconds, |s| s.io_pressure)),
                line("memory", "c2 dot", time.mean(seconds, |s| s.memory_pressure)),
            ],
            (170.0, 0.1, false),
        ),
    ]
}
