//! Whether a run counts, and whether it passed.

use std::time::Duration;

use super::{Report, figures, words};
use crate::Error;

/// The share of the requests that may begin late, for reasons inside the generator, before the run is invalid.
pub const LATE_SHARE: f64 = 0.01;

/// What the target is held to. Without limits every valid run in which somebody got through passes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// The most that the overall p99 from due may be.
    pub max_p99: Option<Duration>,
    /// The most that failed requests may be as a share of all, between 0 and 1.
    pub max_errors: Option<f64>,
}

/// From when on a request has begun late: max(20 ms, 10 % of the measured p99 from the real start), in µs. A delay below
/// that hardly changes what was measured.
pub fn late_limit(p99_from_start: u64) -> u64 {
    (p99_from_start / 10).max(20_000)
}

/// Writes the report's verdict, from its figures and the limits. Warnings that are already there stay.
///
/// The run is valid when requests were made and at most [`LATE_SHARE`] of them began late inside the generator. It
/// passes when it is valid, within the limits, and at least one person got through or nobody failed: failures alone,
/// without `max_errors`, are a warning.
pub fn judge(report: &mut Report, limits: &Limits) {
    let invalid = why_invalid(report);
    let valid = invalid.is_empty();
    let reasons = if valid {
        why_failed(report, limits)
    } else {
        invalid
    };
    for warning in warnings(report, limits) {
        if !report.verdict.warnings.contains(&warning) {
            report.verdict.warnings.push(warning);
        }
    }
    report.verdict.valid = valid;
    report.verdict.passed = valid && reasons.is_empty();
    report.verdict.reasons = reasons;
}

fn why_invalid(report: &Report) -> Vec<String> {
    let generator = &report.generator;
    if report.overall.requests == 0 {
        return vec!["No request was answered or failed, so nothing was measured.".into()];
    }
    if generator.late_share > LATE_SHARE {
        return vec![format!(
            "{} of the requests began more than {} after they were due, for reasons inside the generator (at most {} \
             may): lower the rate, or give the generator more processors or a machine of its own.",
            words::share(generator.late_share),
            words::time(generator.late_limit),
            words::share(LATE_SHARE),
        )];
    }
    Vec::new()
}

fn why_failed(report: &Report, limits: &Limits) -> Vec<String> {
    let mut reasons = Vec::new();
    let arrivals = &report.arrivals;
    let nobody = arrivals.finished == 0 && arrivals.failed + arrivals.unfinished > 0;
    if nobody || report.overall.failures == report.overall.requests {
        let first = report.failures.first();
        let cause = first.map_or(String::new(), |f| {
            format!(" (most often {}: {})", f.step, f.cause)
        });
        let what = if nobody {
            "Nobody got through"
        } else {
            "Every request failed"
        };
        reasons.push(format!("{what}{cause}."));
    }
    let p99 = report.overall.from_due.p99;
    if let Some(most) = limits.max_p99
        && u128::from(p99) > most.as_micros()
    {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        reasons.push(format!(
            "The p99 from due is {}, the limit {}.",
            words::time(p99),
            words::time(most)
        ));
    }
    let failed = figures::failure_share(report);
    if let Some(most) = limits.max_errors
        && failed > most
    {
        reasons.push(format!(
            "{} of the requests failed ({} of {}), the limit is {}.",
            words::share(failed),
            words::count(report.overall.failures),
            words::count(report.overall.requests),
            words::share(most),
        ));
    }
    reasons
}

fn warnings(report: &Report, limits: &Limits) -> Vec<String> {
    let mut warnings = Vec::new();
    let arrivals = &report.arrivals;
    if limits.max_errors.is_none() && report.overall.failures > 0 {
        warnings.push(format!(
            "{} of {} requests failed; without --max-errors that does not decide the verdict.",
            words::count(report.overall.failures),
            words::count(report.overall.requests),
        ));
    }
    if arrivals.started < arrivals.due {
        warnings.push(format!(
            "The arrivals were ended early: {} of {} people began.",
            words::count(arrivals.started),
            words::count(arrivals.due),
        ));
    }
    if arrivals.unfinished > 0 {
        warnings.push(format!(
            "{} people were still on their way at the end: their open requests count as failed.",
            words::count(arrivals.unfinished),
        ));
    }
    for fault in report
        .faults
        .iter()
        .filter(|f| f.exit.is_some_and(|code| code != 0))
    {
        warnings.push(format!(
            "The command of the fault at {} ended with exit code {}: perhaps it did nothing.",
            words::span(fault.at),
            fault.exit.unwrap_or_default(),
        ));
    }
    for fault in report.faults.iter().filter(|f| f.recovered.is_none()) {
        warnings.push(format!(
            "The target did not recover from the fault at {}: {}.",
            words::span(fault.at),
            words::line(&fault.name)
        ));
    }
    warnings
}

/// A length of time with its unit: `500us`, `200ms`, `1.5s`, `2m`, `1h`.
///
/// # Errors
/// The text is not a number above 0 with one of these units.
pub fn parse_duration(text: &str) -> Result<Duration, Error> {
    let wrong = || {
        Error::bad(format!(
            "\"{text}\" is not a length of time: give a number with us, ms, s, m or h, such as 200ms"
        ))
    };
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim_start() {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let parsed = Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())?;
    if parsed.is_zero() {
        Err(wrong())
    } else {
        Ok(parsed)
    }
}

/// A share in per cent, as a number between 0 and 1: `0.1%` is 0.001. The sign must be there, because a bare `0.1` could
/// be meant either way.
///
/// # Errors
/// The text is not a number between 0 and 100 with a per cent sign.
pub fn parse_share(text: &str) -> Result<f64, Error> {
    text.trim()
        .strip_suffix('%')
        .and_then(|number| number.trim_end().parse::<f64>().ok())
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| {
            Error::bad(format!(
                "\"{text}\" is not a share: give it in per cent, such as 0.1%"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> Report {
        let mut report = Report::default();
        report.overall.requests = 1000;
        report.overall.failures = 2;
        report.overall.from_due.p99 = 250_000;
        report.arrivals.finished = 10;
        report.generator.late_limit = late_limit(250_000);
        report
    }

    #[test]
    fn limits_decide_and_the_reason_says_both_figures() {
        let mut report = run();
        let limits = Limits {
            max_p99: Some(Duration::from_millis(200)),
            max_errors: Some(0.001),
        };
        judge(&mut report, &limits);
        assert!(report.verdict.valid && !report.verdict.passed);
        assert_eq!(
            report.verdict.reasons,
            [
                "The p99 from due is 250 ms, the limit 200 ms.",
                "0.20 % of the requests failed (2 of 1,000), the limit is 0.10 %."
            ]
        );
        // and figures exactly at their limits pass
        let limits = Limits {
            max_p99: Some(Duration::from_millis(250)),
            max_errors: Some(0.002),
        };
        judge(&mut report, &limits);
        assert!(report.verdict.passed);
        assert_eq!(report.verdict.reasons, Vec::<String>::new());
    }

    #[test]
    fn failures_without_a_limit_are_a_warning_said_once() {
        let mut report = run();
        judge(&mut report, &Limits::default());
        judge(&mut report, &Limits::default());
        assert!(report.verdict.passed);
        assert_eq!(
            report.verdict.warnings,
            ["2 of 1,000 requests failed; without --max-errors that does not decide the verdict."]
        );
    }

    #[test]
    fn a_late_generator_makes_the_run_invalid_and_limits_are_not_judged() {
        let mut report = run();
        report.generator.late_share = 0.01;
        judge(&mut report, &Limits::default());
        assert!(report.verdict.valid, "exactly 1 % may be late");
        report.generator.late_share = 0.0101;
        let limits = Limits {
            max_p99: Some(Duration::from_millis(1)),
            max_errors: None,
        };
        judge(&mut report, &limits);
        assert!(!report.verdict.valid && !report.verdict.passed);
        assert_eq!(report.verdict.reasons.len(), 1);
        assert!(report.verdict.reasons[0].starts_with("1.0 % of the requests began more than 25.0 ms after"));
    }

    #[test]
    fn nothing_measured_is_invalid_and_nobody_through_has_not_passed() {
        let mut report = Report::default();
        judge(&mut report, &Limits::default());
        assert!(!report.verdict.valid);

        let mut report = run();
        report.arrivals.finished = 0;
        report.arrivals.failed = 10;
        judge(&mut report, &Limits::default());
        assert!(report.verdict.valid && !report.verdict.passed);

        let mut report = run();
        report.arrivals = crate::report::Arrivals::default();
        report.overall.failures = report.overall.requests;
        judge(&mut report, &Limits::default());
        assert!(
            report.verdict.valid && !report.verdict.passed,
            "every request of a run without people failed"
        );
    }

    #[test]
    fn late_begins_at_20_ms_or_a_tenth_of_the_p99() {
        assert_eq!(late_limit(0), 20_000);
        assert_eq!(late_limit(200_000), 20_000);
        assert_eq!(late_limit(1_000_000), 100_000);
    }

    #[test]
    fn durations_and_shares_have_units() {
        assert_eq!(parse_duration("200ms").unwrap(), Duration::from_millis(200));
        assert_eq!(parse_duration("1.5 s").unwrap(), Duration::from_millis(1500));
        assert_eq!(parse_duration("2m").unwrap(), Duration::from_secs(120));
        for bad in ["", "200", "ms", "-1s", "0ms", "1.2.3s", "1 fortnight", "1e999s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert!((parse_share("0.1%").unwrap() - 0.001).abs() < 1e-12);
        assert_eq!(parse_share("0 %").unwrap(), 0.0);
        for bad in ["", "0.1", "%", "-1%", "101%", "NaN%"] {
            assert!(parse_share(bad).is_err(), "{bad}");
        }
    }
}
