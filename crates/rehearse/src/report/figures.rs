//! Figures that are worked out from a report rather than measured.

use super::{Machine, MachineSecond, Report};

/// People who got through, per hour, in the steady part of the run: see [`middle_rate`].
pub fn finished_per_hour(report: &Report) -> f64 {
    middle_rate(report.timeline.iter().map(|s| s.finished), report.seconds) * 3600.0
}

/// Requests per second in the steady part of the run: see [`middle_rate`].
pub fn requests_per_second(report: &Report) -> f64 {
    middle_rate(report.timeline.iter().map(|s| s.requests), report.seconds)
}

/// Failed requests as a share of all; 0 without requests.
pub fn failure_share(report: &Report) -> f64 {
    part(report.overall.failures, report.overall.requests)
}

/// `some` as a share of `all`; 0 of nothing.
pub fn part(some: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}

/// Events per second between the moment when a tenth of them had happened and the moment when nine tenths had. That
/// leaves out how a run begins (nobody can have finished yet) and how it ends (nobody arrives any more). When the
/// middle takes less than a second: all events over `seconds`.
pub fn middle_rate(per_second: impl Iterator<Item = u64> + Clone, seconds: f64) -> f64 {
    let total: u64 = per_second.clone().sum();
    let moment = |wanted: f64| {
        let mut sum = 0.0;
        for (second, n) in per_second.clone().enumerate() {
            let n = n as f64;
            if n > 0.0 && sum + n >= wanted {
                return second as f64 + (wanted - sum) / n;
            }
            sum += n;
        }
        0.0
    };
    let total = total as f64;
    let middle = moment(0.9 * total) - moment(0.1 * total);
    if middle >= 1.0 {
        0.8 * total / middle
    } else if seconds > 0.0 {
        total / seconds
    } else {
        0.0
    }
}

/// The mean of one of the machine's figures over the run; 0 without seconds.
pub fn machine_mean(machine: &Machine, figure: impl Fn(&MachineSecond) -> f64) -> f64 {
    let sum: f64 = machine.seconds.iter().map(figure).sum();
    sum / machine.seconds.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_leaves_out_how_a_run_begins_and_ends() {
        // given people who need 60 s, arriving at 100 a second for 180 s
        let finished = std::iter::repeat_n(0, 60).chain(std::iter::repeat_n(100, 180));
        // then the rate is the one at which they finish, not 18,000 in 240 s
        assert!((middle_rate(finished, 240.0) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn a_run_without_a_middle_is_taken_whole() {
        assert!((middle_rate([30].into_iter(), 2.0) - 15.0).abs() < 1e-9);
        assert_eq!(middle_rate([0, 0].into_iter(), 2.0), 0.0);
        assert_eq!(middle_rate([].into_iter(), 0.0), 0.0);
    }
}
