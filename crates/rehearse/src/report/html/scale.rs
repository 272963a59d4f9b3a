//! Where values lie on an axis, and which of them are labelled.

use crate::report::words;

/// An axis from 0, in even steps.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    /// The value at the axis's end.
    pub end: f64,
    step: f64,
}

impl Linear {
    /// An axis that holds `most`, in two to five steps of 1, 2 or 5 times a power of ten.
    pub fn holding(most: f64) -> Self {
        if !(most.is_finite() && most > 0.0) {
            return Self { end: 1.0, step: 1.0 };
        }
        let rough = most / 4.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|m| m * power)
            .find(|step| *step >= rough * 0.999)
            .unwrap_or(power * 10.0);
        Self {
            end: (most / step).ceil() * step,
            step,
        }
    }

    /// The labelled values, without 0.
    pub fn ticks(&self) -> impl Iterator<Item = f64> {
        let count = (self.end / self.step).round() as usize;
        (1..=count).map(|i| i as f64 * self.step)
    }

    /// Where a value lies, between 0 and 1.
    pub fn place(&self, value: f64) -> f64 {
        (value / self.end).clamp(0.0, 1.0)
    }
}

/// A logarithmic axis of times in µs.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    low: f64,
    high: f64,
}

impl Log {
    /// From `low` to `high`, both above 0; an empty range is widened.
    pub fn between(low: f64, high: f64) -> Self {
        let low = low.max(1.0);
        Self {
            low,
            high: high.max(low * 2.0),
        }
    }

    /// Where a value lies, between 0 and 1.
    pub fn place(&self, value: f64) -> f64 {
        ((value.max(1.0) / self.low).ln() / (self.high / self.low).ln()).clamp(0.0, 1.0)
    }

    /// The labelled values: powers of ten, and with less than two decades between the ends 2 and 5 times them as well.
    pub fn ticks(&self) -> Vec<u64> {
        let decades = (self.high / self.low).log10();
        let factors: &[u64] = if decades < 2.0 { &[1, 2, 5] } else { &[1] };
        let inside = |us: &u64| (*us as f64) >= self.low && (*us as f64) <= self.high;
        (0..11)
            .flat_map(|power| factors.iter().map(move |f| f * 10u64.pow(power)))
            .filter(inside)
            .collect()
    }
}

/// A time on an axis: `0.1 ms`, `10 ms`, `1 s`.
pub fn short_time(us: u64) -> String {
    match us {
        0..1_000 => format!("{} ms", us as f64 / 1000.0),
        1_000..1_000_000 => format!("{} ms", words::count(us / 1000)),
        _ => format!("{} s", words::count(us / 1_000_000)),
    }
}

/// The labelled moments of a time axis of so many seconds: at most eight.
pub fn moments(seconds: usize) -> Vec<usize> {
    let steps = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400,
    ];
    let step = steps
        .into_iter()
        .find(|step| seconds / step <= 8)
        .unwrap_or(seconds.max(1));
    (0..=seconds).step_by(step).collect()
}

/// A moment of the run: `1:05`, or `1:02:05` from an hour on.
pub fn clock(seconds: usize) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{rest:02}")
    } else {
        format!("{minutes}:{rest:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_the_greatest_value_is_inside() {
        for (most, end, count) in [
            (100.0, 100.0, 2),
            (109.0, 150.0, 3),
            (7.0, 8.0, 4),
            (1.0, 1.0, 2),
            (0.03, 0.03, 3),
            (0.0, 1.0, 1),
        ] {
            let axis = Linear::holding(most);
            assert!((axis.end - end).abs() < 1e-9, "{most}: {axis:?}");
            assert_eq!(axis.ticks().count(), count, "{most}: {axis:?}");
        }
        assert!(Linear::holding(f64::NAN).end > 0.0);
    }

    #[test]
    fn times_lie_evenly_by_their_logarithm() {
        let axis = Log::between(100.0, 1_000_000.0);
        assert_eq!(axis.ticks(), [100, 1_000, 10_000, 100_000, 1_000_000]);
        assert!((axis.place(10_000.0) - 0.5).abs() < 1e-9);
        assert_eq!((axis.place(0.0), axis.place(1e12)), (0.0, 1.0));
        assert_eq!(
            Log::between(1_000.0, 20_000.0).ticks(),
            [1_000, 2_000, 5_000, 10_000, 20_000]
        );
    }

    #[test]
    fn moments_are_few_and_read_as_a_clock() {
        assert_eq!(moments(196), [0, 30, 60, 90, 120, 150, 180]);
        assert!(moments(100_000).len() <= 9 && moments(1) == [0, 1]);
        assert_eq!((clock(65), clock(3725)), ("1:05".into(), "1:02:05".into()));
        assert_eq!(
            (short_time(100), short_time(10_000), short_time(2_000_000)),
            ("0.1 ms".into(), "10 ms".into(), "2 s".into())
        );
    }
}
