//! Where values lie on an axis, and which of them are labelled.

use crate::report::words;

/// An axis: where a value lies between 0 and 1, and the values that are labelled.
#[derive(Debug, Clone)]
pub struct Axis {
    low: f64,
    high: f64,
    is_log: bool,
    /// Labelled values, from low to high.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// From 0 to a round value that holds `most`, in at most five round steps.
    pub fn linear(most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let power = 10f64.powf((most / 4.0).log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| most / step <= 5.0)
            .unwrap_or(power * 10.0);
        let steps = (most / step).ceil();
        Self {
            low: 0.0,
            high: steps * step,
            is_log: false,
            ticks: (1..=steps as u64).map(|i| i as f64 * step).collect(),
        }
    }

    /// Logarithmic, in µs, from a power of ten to a power of ten around the values.
    pub fn log(low: f64, high: f64) -> Self {
        let first = low.max(1.0).log10().floor() as i32;
        let last = (high.max(1.0).log10().ceil() as i32).max(first + 1);
        Self {
            low: 10f64.powi(first),
            high: 10f64.powi(last),
            is_log: true,
            ticks: (first..=last).map(|power| 10f64.powi(power)).collect(),
        }
    }

    /// Where a value lies, between 0 and 1.
    pub fn place(&self, value: f64) -> f64 {
        let part = if self.is_log {
            (value.max(1.0) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        part.clamp(0.0, 1.0)
    }
}

/// A round time on an axis, given in µs: `10 µs`, `1 ms`, `10 s`.
pub fn round_time(micros: f64) -> String {
    let micros = micros.round() as u64;
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{} ms", micros / 1_000),
        _ => format!("{} s", words::count(micros / 1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_the_greatest_value_is_inside() {
        for (most, ticks) in [
            (100.0, vec![20.0, 40.0, 60.0, 80.0, 100.0]),
            (7.0, vec![2.0, 4.0, 6.0, 8.0]),
            (0.0, vec![0.2, 0.4, 0.6, 0.8, 1.0]),
        ] {
            let axis = Axis::linear(most);
            assert_eq!(axis.ticks.len(), ticks.len(), "{axis:?}");
            assert!(
                axis.ticks.iter().zip(&ticks).all(|(a, b)| (a - b).abs() < 1e-9),
                "{axis:?}"
            );
            assert!(axis.place(most) <= 1.0 && axis.place(axis.high) == 1.0);
        }
    }

    #[test]
    fn times_lie_evenly_by_their_logarithm() {
        let axis = Axis::log(13.0, 70_000.0);
        let labels: Vec<String> = axis.ticks.iter().map(|us| round_time(*us)).collect();
        assert_eq!(labels, ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms"]);
        assert!((axis.place(1_000.0) - 0.5).abs() < 1e-9);
        assert_eq!((axis.place(0.0), axis.place(1e12)), (0.0, 1.0));
    }
}
