//! The timeline in at most [`MOST`] pieces, so that an hour draws like a minute.

use crate::report::{Report, Second};

/// As many points as a plot of 800 pixels can show.
const MOST: usize = 400;

/// The time axis that all plots over time share.
#[derive(Debug)]
pub struct Time {
    /// Seconds in all, at least 1.
    pub seconds: usize,
    /// Seconds to a point.
    pub bucket: usize,
    /// Faults: where they begin and end on the axis, in seconds, and their names.
    pub faults: Vec<(f64, f64, String)>,
}

impl Time {
    /// The axis of a report.
    pub fn of(report: &Report) -> Self {
        let seconds = report.timeline.len().max(report.machine.seconds.len()).max(1);
        let end = seconds as f64;
        let band = |fault: &crate::report::FaultOutcome| {
            let until = fault.recovered.map_or(end, |after| fault.at + after.max(0.0));
            (fault.at.min(end), until.clamp(0.0, end), fault.name.clone())
        };
        Self {
            seconds,
            bucket: seconds.div_ceil(MOST),
            faults: report.faults.iter().map(band).collect(),
        }
    }

    /// How many points there are.
    pub fn points(&self) -> usize {
        self.seconds.div_ceil(self.bucket)
    }

    /// A count as a rate per second.
    pub fn rate(&self, timeline: &[Second], count: impl Fn(&Second) -> u64) -> Vec<Option<f64>> {
        self.mean(timeline, |second| count(second) as f64)
    }

    /// The mean of a value over each point's seconds.
    pub fn mean<T>(&self, seconds: &[T], value: impl Fn(&T) -> f64) -> Vec<Option<f64>> {
        let mean = |piece: &[T]| Some(piece.iter().map(&value).sum::<f64>() / piece.len() as f64);
        self.fill(seconds.chunks(self.bucket).map(mean).collect())
    }

    /// The greatest of a value in each point's seconds; none where no second has one.
    pub fn most<T>(&self, seconds: &[T], value: impl Fn(&T) -> Option<f64>) -> Vec<Option<f64>> {
        let most = |piece: &[T]| piece.iter().filter_map(&value).reduce(f64::max);
        self.fill(seconds.chunks(self.bucket).map(most).collect())
    }

    /// The median of a value in each point's seconds; none where no second has one.
    pub fn median<T>(&self, seconds: &[T], value: impl Fn(&T) -> Option<f64>) -> Vec<Option<f64>> {
        let median = |piece: &[T]| {
            let mut values: Vec<f64> = piece.iter().filter_map(&value).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied()
        };
        self.fill(seconds.chunks(self.bucket).map(median).collect())
    }

    fn fill(&self, mut points: Vec<Option<f64>>) -> Vec<Option<f64>> {
        points.resize(self.points(), None);
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour() -> (Time, Vec<Second>) {
        let second = |n| Second {
            requests: n,
            p99: n,
            ..Second::default()
        };
        let timeline: Vec<Second> = (0..3601).map(second).collect();
        let report = Report {
            timeline: timeline.clone(),
            ..Report::default()
        };
        (Time::of(&report), timeline)
    }

    #[test]
    fn an_hour_has_at_most_400_points_and_loses_no_second() {
        let (time, timeline) = hour();
        assert_eq!((time.bucket, time.points()), (10, 361));
        let rates = time.rate(&timeline, |s| s.requests);
        assert_eq!(rates.len(), 361);
        // seconds 0 to 9 on average, and the last second alone
        assert_eq!((rates[0], rates[360]), (Some(4.5), Some(3600.0)));
    }

    #[test]
    fn a_point_shows_its_worst_or_its_middle_and_nothing_where_nothing_was() {
        let (time, timeline) = hour();
        let value = |s: &Second| (s.p99 > 9).then_some(s.p99 as f64);
        assert_eq!(&time.most(&timeline, value)[..2], [None, Some(19.0)]);
        assert_eq!(&time.median(&timeline, value)[..2], [None, Some(15.0)]);
    }

    #[test]
    fn an_empty_report_has_an_axis() {
        let time = Time::of(&Report::default());
        assert_eq!((time.seconds, time.points()), (1, 1));
        assert_eq!(time.rate(&[], |s| s.requests), [None]);
    }
}
