//! Days of a state, as people write them.

use anyhow::{Context, bail};
use jiff::ToSpan;
use jiff::civil::{Date, ISOWeekDate, Weekday};

/// Reads `2026-11-26`, `2026-11-20..2026-11-26`, `2026-W48`, `2026-11` or `last-7` (today is the last): the first and the last day.
///
/// # Errors
/// It is none of these.
pub(super) fn parse(text: &str) -> anyhow::Result<(Date, Date)> {
    parse_on(text, jiff::ZonedDateTime::now().date())
}

fn parse_on(text: &str, today: Date) -> anyhow::Result<(Date, Date)> {
    let date = |text: &str| {
        text.parse::<Date>()
            .with_context(|| format!("--days: {text:?} is no day, such as 2026-11-26"))
    };
    if let Some((first, last)) = text.split_once("..") {
        let (first, last) = (date(first)?, date(last)?);
        if first > last {
            bail!("--days: {first} is after {last}");
        }
        return Ok((first, last));
    }
    if let Some(number) = text.strip_prefix("last-") {
        let number: i64 = number
            .parse()
            .ok()
            .filter(|n| (1..=100_000).contains(n))
            .with_context(wrong(text))?;
        return Ok((
            today.checked_sub((number - 1).days()).with_context(wrong(text))?,
            today,
        ));
    }
    if let Some((year, week)) = text.split_once("-W") {
        let (year, week) = (year.parse().ok(), week.parse().ok());
        let monday = year
            .zip(week)
            .and_then(|(y, w)| ISOWeekDate::new(y, w, Weekday::Monday).ok());
        let monday = monday.with_context(wrong(text))?.date();
        return Ok((monday, monday.checked_add(6.days()).with_context(wrong(text))?));
    }
    if text.len() == 7 {
        let first = format!("{text}-01").parse::<Date>().with_context(wrong(text))?;
        return Ok((first, first.last_of_month()));
    }
    let day = date(text)?;
    Ok((day, day))
}

fn wrong(text: &str) -> impl Fn() -> String {
    let text = text.to_owned();
    move || {
        format!("--days: {text:?} is none of 2026-11-26, 2026-11-20..2026-11-26, 2026-W48, 2026-11, last-7")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_weeks_and_months_are_read() {
        let today = "2026-11-26".parse().unwrap();
        let read = |text| {
            parse_on(text, today)
                .map(|(a, b)| format!("{a} {b}"))
                .unwrap_or_else(|e| format!("{e:#}"))
        };
        assert_eq!(read("2026-11-26"), "2026-11-26 2026-11-26");
        assert_eq!(read("2026-11-20..2026-11-26"), "2026-11-20 2026-11-26");
        assert_eq!(read("2026-W48"), "2026-11-23 2026-11-29");
        assert_eq!(read("2026-02"), "2026-02-01 2026-02-28");
        assert_eq!(read("last-7"), "2026-11-20 2026-11-26");
        for text in [
            "yesterday",
            "2026-W60",
            "2026-13",
            "last-0",
            "2026-11-26..2026-11-20",
        ] {
            assert!(read(text).starts_with("--days"), "{text}");
        }
    }
}
