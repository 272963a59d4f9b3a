//! Days, by which totals are kept.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// How time is cut into days.
#[derive(Debug, Clone, Default)]
pub enum Calendar {
    /// Not at all: everything is one.
    #[default]
    Whole,
    /// By midnight in a time zone.
    Days(TimeZone),
}

/// From when to when, µs since 1970 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Day {
    /// Its first moment.
    pub start: i64,
    /// The first moment of the next.
    pub end: i64,
}

impl Day {
    /// Whether a moment is in it.
    pub fn holds(&self, at: i64) -> bool {
        (self.start..self.end).contains(&at)
    }
}

impl Calendar {
    /// The day of a moment.
    pub fn day(&self, at: i64) -> Day {
        let all = Day {
            start: i64::MIN,
            end: i64::MAX,
        };
        let Self::Days(zone) = self else { return all };
        let midnights = || {
            let date = Timestamp::from_microsecond(at)
                .ok()?
                .to_zoned_datetime(zone.clone())
                .date();
            let of = |date: jiff::civil::Date| {
                Some(
                    date.to_zoned_datetime(zone.clone())
                        .ok()?
                        .timestamp()
                        .as_microsecond(),
                )
            };
            Some(Day {
                start: of(date)?,
                end: of(date.tomorrow().ok()?)?,
            })
        };
        midnights().unwrap_or(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_cut_at_midnight_in_their_zone() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        // The night of 2026-10-25 has 25 hours in Berlin.
        let at: Timestamp = "2026-10-25T12:00:00Z".parse().unwrap();
        let day = Calendar::Days(zone).day(at.as_microsecond());
        assert_eq!(day.end - day.start, 25 * 3_600_000_000);
        assert!(day.holds(at.as_microsecond()));
        assert!(Calendar::Whole.day(0).holds(i64::MIN));
    }
}
