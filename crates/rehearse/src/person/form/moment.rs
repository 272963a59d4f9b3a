//! Dates, months, weeks and times: all counted as whole units, so that bounds and steps are arithmetic
//! (HTML 4.10.5.1.7 to 4.10.5.1.11).

use jiff::Span;
use jiff::civil::{Date, ISOWeekDate, Weekday, date};

use crate::html::{Field, Kind};
use crate::scenario::Dice;

const DAY: i64 = 86_400;
/// Monday of the week that holds 1970-01-01, in days.
const FIRST_MONDAY: i64 = -3;

/// A moment of the field's type within its bounds and steps; without bounds in 1990 to 2019.
pub(super) fn typed(field: &Field, dice: &mut Dice) -> String {
    let kind = field.kind;
    let read = |text: &Option<String>| text.as_deref().and_then(|t| parse(kind, t.trim()));
    let (min, max) = (read(&field.min), read(&field.max));
    let span = match kind {
        Kind::Date => 365,
        Kind::Month => 24,
        Kind::Week => 52,
        Kind::Time => DAY,
        _ => 30 * DAY,
    };
    let (low, high) = match (min, max) {
        (Some(min), Some(max)) => (min, max),
        (Some(min), None) => (min, min + span),
        (None, Some(max)) => (max - span, max),
        (None, None) => (start(kind, 1990), start(kind, 2020) - 1),
    };
    let (low, high) = if kind == Kind::Time {
        (low.max(0), high.min(DAY - 1))
    } else {
        (low, high)
    };
    let default = if matches!(kind, Kind::Time | Kind::DateTimeLocal) {
        60
    } else {
        1
    };
    let step = field
        .step
        .as_deref()
        .and_then(|s| s.trim().parse().ok())
        .filter(|s| (1..=DAY * 36_525).contains(s))
        .unwrap_or(default);
    let base = min.or_else(|| parse(kind, &field.value)).unwrap_or(0);
    let first = (low - base + step - 1).div_euclid(step);
    let last = (high - base).div_euclid(step);
    let moment = if last < first {
        low
    } else {
        base + dice.i64(first..=last) * step
    };
    write(kind, moment).unwrap_or_else(|| field.value.clone())
}

/// The first moment of a year; a day's, for times: a whole day is 0 to `DAY`.
fn start(kind: Kind, year: i16) -> i64 {
    let days = days(date(year, 1, 1));
    match kind {
        Kind::Month => i64::from(year) * 12,
        Kind::Week => (days - FIRST_MONDAY).div_euclid(7),
        Kind::Time => {
            if year == 1990 {
                0
            } else {
                DAY
            }
        }
        Kind::DateTimeLocal => days * DAY,
        _ => days,
    }
}

/// Days since 1970, months since year 0, weeks since that of 1970-01-01, seconds since midnight, or seconds since 1970.
fn parse(kind: Kind, text: &str) -> Option<i64> {
    match kind {
        Kind::Month => {
            let first = format!("{text}-01").parse::<Date>().ok()?;
            Some(i64::from(first.year()) * 12 + i64::from(first.month()) - 1)
        }
        Kind::Week => {
            let (year, week) = text.split_once("-W")?;
            let monday = ISOWeekDate::new(year.parse().ok()?, week.parse().ok()?, Weekday::Monday).ok()?;
            Some((days(monday.date()) - FIRST_MONDAY).div_euclid(7))
        }
        Kind::Time => seconds(text),
        Kind::DateTimeLocal => {
            let (day, time) = text.split_once(['T', ' '])?;
            Some(days(day.parse().ok()?) * DAY + seconds(time)?)
        }
        _ => text.parse().ok().map(days),
    }
}

/// `HH:MM`, with seconds and a fraction that is dropped.
fn seconds(text: &str) -> Option<i64> {
    let whole = text.split('.').next()?;
    let mut parts = whole
        .split(':')
        .map(|part| part.parse::<i64>().ok().filter(|n| (0..60).contains(n)));
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = match parts.next() {
        Some(seconds) => seconds?,
        None => 0,
    };
    (hours < 24).then_some(hours * 3600 + minutes * 60 + seconds)
}

fn write(kind: Kind, moment: i64) -> Option<String> {
    Some(match kind {
        Kind::Month => format!("{:04}-{:02}", moment.div_euclid(12), moment.rem_euclid(12) + 1),
        Kind::Week => {
            let week = day(moment * 7 + FIRST_MONDAY)?.iso_week_date();
            format!("{:04}-W{:02}", week.year(), week.week())
        }
        Kind::Time => clock(moment),
        Kind::DateTimeLocal => format!(
            "{}T{}",
            day(moment.div_euclid(DAY))?,
            clock(moment.rem_euclid(DAY))
        ),
        _ => day(moment)?.to_string(),
    })
}

fn clock(seconds: i64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if seconds == 0 {
        format!("{hours:02}:{minutes:02}")
    } else {
        format!("{hours:02}:{minutes:02}:{seconds:02}")
    }
}

fn days(day: Date) -> i64 {
    day.duration_since(date(1970, 1, 1)).as_secs() / DAY
}

fn day(days: i64) -> Option<Date> {
    date(1970, 1, 1)
        .checked_add(Span::new().try_days(days).ok()?)
        .ok()
}
