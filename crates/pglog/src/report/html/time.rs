//! The time axis that all plots share: which of the report's series is drawn, and what stands below.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::report::model::{Bucket, Report};
use crate::report::phases::{Band, Phases};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// Most points of a line.
const MOST: i64 = 1080;
/// Most labels below.
const LABELS: i64 = 8;

/// The axis and what lies on it.
pub struct Time {
    /// Where it begins, µs since 1970 UTC.
    pub start: i64,
    /// Length of a point, µs.
    pub length: i64,
    /// What happened; nothing where the log has nothing.
    pub points: Vec<Option<Bucket>>,
    /// Phases of a rehearsal, and its faults.
    pub bands: Vec<Band>,
    zone: TimeZone,
}

/// A report's time in µs since 1970 UTC.
pub fn micros(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond)
}

impl Time {
    /// The axis of a report, in the finest of its series that has few enough points; several hours to a point when there are
    /// too many of them.
    pub fn of(report: &Report, phases: Option<&Phases>) -> Self {
        let fine = report.fine.as_ref();
        let candidates = [
            fine.map(|f| (i64::from(f.seconds) * SECOND, f.buckets.as_slice())),
            Some((300 * SECOND, report.series.as_slice())),
            Some((3600 * SECOND, report.hours.as_slice())),
        ];
        let mut found = (0, 300 * SECOND, Vec::new());
        for (length, buckets) in candidates.into_iter().flatten() {
            let placed: Vec<(i64, &Bucket)> = buckets
                .iter()
                .filter_map(|b| Some((micros(&b.from)?, b)))
                .collect();
            let (Some((start, _)), Some((end, _))) = (placed.first(), placed.last()) else {
                continue;
            };
            let pieces = (end - start) / length + 1;
            let together = (pieces + MOST - 1) / MOST;
            found = fill(
                *start,
                length * together,
                (pieces + together - 1) / together,
                &placed,
            );
            if together == 1 {
                break;
            }
        }
        let (start, length, points) = found;
        Self {
            start,
            length,
            points,
            bands: phases.map_or_else(Vec::new, |p| p.bands.clone()),
            zone: TimeZone::get(&report.time_zone).unwrap_or(TimeZone::UTC),
        }
    }

    /// The axis' end, µs since 1970 UTC.
    pub fn end(&self) -> i64 {
        self.start + self.length * self.points.len().max(1) as i64
    }

    /// Where a moment lies, between 0 and 1.
    pub fn place(&self, at: i64) -> f64 {
        ((at - self.start) as f64 / (self.end() - self.start) as f64).clamp(0.0, 1.0)
    }

    /// A value of each point; 0 where the log has nothing.
    pub fn per_second(&self, value: impl Fn(&Bucket) -> u64) -> Vec<Option<f64>> {
        let seconds = self.length as f64 / SECOND as f64;
        let of = |b: &Option<Bucket>| Some(b.as_ref().map_or(0.0, |b| value(b) as f64 / seconds));
        self.points.iter().map(of).collect()
    }

    /// What is counted by five minutes, with when they begin, µs since 1970 UTC: the mean of those in each point, or, where a
    /// point is shorter, what the five minutes around it have.
    pub fn by_five_minutes(&self, values: impl Iterator<Item = (i64, f64)>) -> Vec<Option<f64>> {
        const FIVE: i64 = 300 * SECOND;
        let mut points = vec![0.0; self.points.len()];
        let together = (self.length / FIVE).max(1) as f64;
        for (from, value) in values {
            let first = (from - self.start).div_euclid(self.length);
            let last = (from + FIVE - 1 - self.start).div_euclid(self.length);
            // A longer point holds the whole piece; a shorter one begins in it or before.
            let last = if self.length >= FIVE { first } else { last };
            for point in first..=last {
                if let Some(sum) = usize::try_from(point).ok().and_then(|p| points.get_mut(p)) {
                    *sum += value / together;
                }
            }
        }
        points.into_iter().map(Some).collect()
    }

    /// A value of each point in which something was executed.
    pub fn when_executed(&self, value: impl Fn(&Bucket) -> u64) -> Vec<Option<f64>> {
        let of = |b: &Option<Bucket>| b.as_ref().filter(|b| b.calls > 0).map(|b| value(b).max(1) as f64);
        self.points.iter().map(of).collect()
    }

    /// Labelled moments: round ones in the report's time zone.
    pub fn labels(&self) -> Vec<(i64, String)> {
        let span = self.end() - self.start;
        let steps = [
            1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200,
        ];
        let days = [1, 2, 7, 14, 28, 91, 182, 364].map(|days| days * 86_400);
        let step = steps
            .into_iter()
            .chain(days)
            .map(|seconds| seconds * SECOND)
            .find(|step| span / step <= LABELS)
            .unwrap_or(span.max(1));
        // Whole steps since midnight in the zone, whatever its offset.
        let shift = self.offset(self.start);
        let first = (self.start + shift).div_euclid(step) * step - shift;
        (0..)
            .map(|i| first + i * step)
            .take_while(|at| *at <= self.end())
            .filter(|at| *at >= self.start)
            .map(|at| (at, self.label(at, step)))
            .collect()
    }

    fn offset(&self, at: i64) -> i64 {
        Timestamp::from_microsecond(at).map_or(0, |t| i64::from(self.zone.to_offset(t).seconds()) * SECOND)
    }

    fn label(&self, at: i64, step: i64) -> String {
        let is_midnight = (at + self.offset(at)).rem_euclid(DAY) == 0;
        match step {
            ..60_000_000 => self.format(at, "%H:%M:%S"),
            ..DAY if !is_midnight => self.format(at, "%H:%M"),
            _ => self.format(at, "%-d %b"),
        }
    }

    /// A point in words, as precise as the axis needs.
    pub fn name(&self, point: usize) -> String {
        let at = self.start + point as i64 * self.length;
        let is_one_day = self.format(self.start, "%F") == self.format(self.end() - 1, "%F");
        let clock = if self.length < 60 * SECOND {
            "%H:%M:%S"
        } else {
            "%H:%M"
        };
        if is_one_day {
            self.format(at, clock)
        } else {
            self.format(at, &format!("%-d %b {clock}"))
        }
    }

    /// A moment in the report's time zone, µs since 1970 UTC.
    pub fn format(&self, at: i64, how: &str) -> String {
        Timestamp::from_microsecond(at).map_or_else(
            |_| at.to_string(),
            |t| t.to_zoned_datetime(self.zone.clone()).strftime(how).to_string(),
        )
    }

    /// The length of a point in words.
    pub fn resolution(&self) -> String {
        span(self.length / SECOND)
    }
}

/// A round number of seconds in words.
pub fn span(seconds: i64) -> String {
    let (n, unit) = match seconds {
        ..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        _ => (seconds / 3600, "hour"),
    };
    if n == 1 {
        format!("one {unit}")
    } else {
        format!("{n} {unit}s")
    }
}

fn fill(start: i64, length: i64, points: i64, placed: &[(i64, &Bucket)]) -> (i64, i64, Vec<Option<Bucket>>) {
    let mut filled: Vec<Option<Bucket>> = vec![None; points.max(0) as usize];
    for (at, bucket) in placed {
        let Some(point) = filled.get_mut(((at - start) / length) as usize) else {
            continue;
        };
        match point {
            None => *point = Some((*bucket).clone()),
            Some(point) => add(point, bucket),
        }
    }
    (start, length, filled)
}

/// Of percentiles the higher: they cannot be added.
fn add(to: &mut Bucket, other: &Bucket) {
    to.calls += other.calls;
    to.writes += other.writes;
    to.micros += other.micros;
    to.failures += other.failures;
    to.p50 = to.p50.max(other.p50);
    to.p95 = to.p95.max(other.p95);
    to.p99 = to.p99.max(other.p99);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(from: &str, calls: u64) -> Bucket {
        Bucket {
            from: from.to_owned(),
            calls,
            writes: 0,
            micros: calls,
            p50: calls,
            p95: calls,
            p99: calls,
            failures: 0,
        }
    }

    fn time(length: i64, points: usize, zone: &str) -> Time {
        Time {
            start: micros("2026-11-26T22:50:00Z").unwrap(),
            length: length * SECOND,
            points: vec![None; points],
            bands: Vec::new(),
            zone: TimeZone::get(zone).unwrap(),
        }
    }

    #[test]
    fn labels_are_round_in_the_zone_and_midnight_is_a_date() {
        let labels = |time: &Time| {
            time.labels()
                .into_iter()
                .map(|(_, label)| label)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            labels(&time(300, 24, "Europe/Berlin")),
            ["27 Nov", "00:30", "01:00", "01:30"]
        );
        assert_eq!(labels(&time(10, 6, "UTC"))[..2], ["22:50:00", "22:50:10"]);
        // Half an hour off: midnight there is 18:30 here.
        assert!(labels(&time(3600, 48, "Asia/Kolkata")).contains(&"28 Nov".to_owned()));
    }

    #[test]
    fn too_many_pieces_are_drawn_together_and_the_highest_percentile_stays() {
        let at = |hour: i64| 3600 * SECOND * hour;
        let buckets = [bucket("", 1), bucket("", 5), bucket("", 2)];
        let placed = [(at(0), &buckets[0]), (at(1), &buckets[1]), (at(2), &buckets[2])];
        let (_, length, points) = fill(0, at(2), 2, &placed);
        let first = points[0].as_ref().unwrap();
        assert_eq!((length, first.calls, first.p95), (at(2), 6, 5));
        assert_eq!(points[1].as_ref().unwrap().calls, 2);
    }

    #[test]
    fn five_minutes_fill_shorter_points_and_are_averaged_in_longer_ones() {
        let from = micros("2026-11-26T22:55:00Z").unwrap();
        let fine = time(60, 12, "UTC").by_five_minutes([(from, 3.0)].into_iter());
        assert_eq!(fine.iter().map(|v| v.unwrap()).sum::<f64>(), 15.0);
        assert_eq!(
            (fine[4], fine[5], fine[9], fine[10]),
            (Some(0.0), Some(3.0), Some(3.0), Some(0.0))
        );
        let coarse = time(600, 1, "UTC").by_five_minutes([(from, 3.0)].into_iter());
        assert_eq!(coarse, [Some(1.5)]);
    }
}
