//! Times as people write them.

use anyhow::{Context, bail};
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

/// What a date without a time of day means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayMeans {
    /// Its first moment.
    Start,
    /// The moment after its last.
    End,
}

/// Reads `now`, `2026-12-01`, `2026-12-01 08:00` (in the time zone of this machine) or `2026-12-01T08:00:00Z`; gives
/// µs since the Unix epoch.
///
/// # Errors
/// It is none of these.
pub(crate) fn parse(text: &str, day: DayMeans, zone: &TimeZone) -> anyhow::Result<i64> {
    let text = text.trim();
    if text == "now" {
        return Ok(Timestamp::now().as_microsecond());
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.as_microsecond());
    }
    let civil = match (text.parse::<Date>(), day) {
        (Ok(date), DayMeans::Start) if text.len() == 10 => date.to_datetime(jiff::civil::Time::midnight()),
        (Ok(date), DayMeans::End) if text.len() == 10 => date
            .checked_add(1.day())
            .context("there is no day after it")?
            .to_datetime(jiff::civil::Time::midnight()),
        _ => match text.parse::<DateTime>() {
            Ok(civil) => civil,
            Err(_) => bail!(
                "{text:?} is no time: write 2026-12-01, \"2026-12-01 08:00\", 2026-12-01T08:00:00Z or now"
            ),
        },
    };
    let zoned: ZonedDateTime = civil
        .to_zoned_datetime(zone.clone())
        .with_context(|| format!("{text:?} does not exist in this time zone"))?;
    Ok(zoned.timestamp().as_microsecond())
}

/// A moment for people, in a time zone: `2026-12-01 08:00`.
pub(crate) fn show(micros: i64, zone: &TimeZone) -> String {
    Timestamp::from_microsecond(micros).map_or_else(
        |_| "?".into(),
        |t| {
            t.to_zoned_datetime(zone.clone())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        },
    )
}

/// A moment for programs: RFC 3339 in UTC with seconds.
pub(crate) fn rfc3339(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map_or_else(
        |_| String::new(),
        |t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, day: DayMeans) -> String {
        parse(text, day, &TimeZone::UTC).map_or_else(|e| e.to_string(), rfc3339)
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(read("2026-12-01", DayMeans::Start), "2026-12-01T00:00:00Z");
        assert_eq!(read("2026-12-01", DayMeans::End), "2026-12-02T00:00:00Z");
        assert_eq!(read("2026-12-01 08:30", DayMeans::End), "2026-12-01T08:30:00Z");
        assert_eq!(
            read("2026-12-01T08:30:00+02:00", DayMeans::Start),
            "2026-12-01T06:30:00Z"
        );
        assert!(read("tomorrow", DayMeans::Start).starts_with("\"tomorrow\" is no time"));
        assert!(read("2026-02-30", DayMeans::Start).contains("is no time"));
    }
}
