//! How figures, times and problems are worded.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::model::Input;
use crate::event::Counts;
use crate::totals::Totals;

/// `2026-11-26T14:58:50.123Z`, in a zone.
pub(super) fn time(micros: i64, zone: &TimeZone) -> String {
    let Ok(time) = Timestamp::from_microsecond(micros) else {
        return micros.to_string();
    };
    let shown = time
        .to_zoned_datetime(zone.clone())
        .strftime("%Y-%m-%dT%H:%M:%S%.f")
        .to_string();
    if *zone == TimeZone::UTC {
        return shown + "Z";
    }
    shown + &time.to_zoned_datetime(zone.clone()).strftime("%:z").to_string()
}

/// `14:58:50`, in a zone.
pub fn clock(micros: i64, zone: &TimeZone) -> String {
    let time = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned_datetime(zone.clone())
        .strftime("%H:%M:%S")
        .to_string()
}

/// A statement as it was logged: the tabs before continued lines are the log's, not the statement's.
pub(super) fn as_logged(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text).replace("\n\t", "\n");
    text.chars()
        .filter(|c| *c == '\n' || *c == '\t' || !c.is_control())
        .collect()
}

/// A length of time in the unit that reads best, four significant figures at most.
pub fn length(micros: u64) -> String {
    let value = micros as f64;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", figures(value / 1e3)),
        1_000_000..60_000_000 => format!("{} s", figures(value / 1e6)),
        60_000_000..3_600_000_000 => format!("{} min {:02} s", micros / 60_000_000, micros / 1_000_000 % 60),
        _ => format!("{} h {:02} min", micros / 3_600_000_000, micros / 60_000_000 % 60),
    }
}

fn figures(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// `1 234 567`, with thin groups.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `12.3 MB`.
pub(super) fn bytes(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{} kB", figures(number as f64 / 1e3)),
        1_000_000..1_000_000_000 => format!("{} MB", figures(number as f64 / 1e6)),
        _ => format!("{} GB", figures(number as f64 / 1e9)),
    }
}

/// `some` of `all` in per cent. What is not nothing never reads `0 %`, what is not all never `100 %`.
pub(super) fn share(some: u64, all: u64) -> String {
    let percent = 100.0 * some as f64 / all.max(1) as f64;
    match percent {
        _ if some == 0 => "0 %".to_owned(),
        _ if some >= all => "100 %".to_owned(),
        ..0.1 => "<0.1 %".to_owned(),
        ..99.9 => format!("{percent:.1} %"),
        _ => ">99.9 %".to_owned(),
    }
}

/// How often in a second, with a decimal when it is seldom.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        ..0.005 => "0/s".to_owned(),
        ..0.1 => format!("{per_second:.2}/s"),
        ..10.0 => format!("{per_second:.1}/s"),
        _ => format!("{}/s", count(per_second.round() as u64)),
    }
}

/// `1 statement`, `2 statements`.
pub(super) fn many(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// As much of a text as fits into so many characters.
pub(super) fn fit(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// What is shown for a name that is empty.
pub(super) fn named(name: &str) -> &str {
    if name.is_empty() { "(none)" } else { name }
}

fn records(number: u64, rest: &str) -> String {
    format!(
        "{} record{} {rest}",
        count(number),
        if number == 1 { "" } else { "s" }
    )
}

/// What the reader has to know.
pub(super) fn problems(counts: &Counts, inputs: &[Input]) -> Vec<String> {
    let mut problems = Vec::new();
    for input in inputs {
        if let Some(failed) = &input.failed {
            let how = if input.bytes > 0 {
                "not read to its end"
            } else {
                "not read"
            };
            problems.push(format!("{}: {how}: {failed}", input.name));
        }
        problems.extend(input.notes.iter().cloned());
    }
    if counts.broken > 0 {
        let at = counts
            .first_bad
            .map_or(String::new(), |at| format!(" (the first at byte {at})"));
        problems.push(records(
            counts.broken,
            &format!("could not be read{at}: half of them may be missing in the file"),
        ));
    }
    if counts.unread > 0 {
        let at = counts
            .first_bad
            .map_or(String::new(), |at| format!(" (the first at byte {at})"));
        problems.push(records(
            counts.unread,
            &format!("of another log_line_prefix than was found{at} are not counted: give it with --prefix"),
        ));
    }
    if counts.too_long > 0 {
        problems.push(records(
            counts.too_long,
            "longer than 16 MiB: only the beginning was read",
        ));
    }
    if counts.ambiguous > 0 {
        let why = "not counted: the application name looks like the beginning of a message";
        problems.push(records(counts.ambiguous, why));
    }
    if counts.orphans > 0 {
        problems.push(format!("{} lines belong to no record", count(counts.orphans)));
    }
    if counts.foreign > 0 {
        let why =
            "in another language than English (lc_messages): only what does not depend on words is counted";
        problems.push(records(counts.foreign, why));
    }
    if counts.timeless > 0 {
        problems.push(records(
            counts.timeless,
            "without a time: they count at the time of the record before",
        ));
    }
    if let Some(zone) = &counts.unknown_zone {
        problems.push(format!(
            "time zone {zone:?} is not known and was taken for UTC: with log_timezone = UTC the log tells its times in one that is"
        ));
    }
    problems
}

/// Why the report is empty.
pub(super) const NOTHING: &str = "nothing to report: there is no record of PostgreSQL in what was read";

/// Why there is no statement in the report.
pub(super) fn no_statements(totals: &Totals) -> String {
    if totals.nameless.calls > 0 {
        return "the log has durations without statements (log_duration): set log_min_duration_statement to see which".to_owned();
    }
    "the log has no durations: set log_min_duration_statement (0 for all), or log_duration with log_statement"
        .to_owned()
}
