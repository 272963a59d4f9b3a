//! A histogram of durations that can be added to another: buckets of equal relative width (the idea of HDR histograms), of
//! which only those are kept that hold something. A statement's takes some hundred bytes where a dense one takes 25 KB.

use serde::{Deserialize, Serialize};

/// Values below are exact; above, a bucket is at most 1/128 of its value wide: two significant digits.
const EXACT: u64 = 256;
const HALF_BITS: u32 = 7;

/// Counts of values (µs), each known to 1/128.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram {
    buckets: Vec<u16>,
    counts: Vec<u64>,
}

fn bucket_of(value: u64) -> u16 {
    if value < EXACT {
        return value as u16;
    }
    // The value's upper eight bits, and how far they were moved.
    let shift = 63 - value.leading_zeros() - HALF_BITS;
    ((shift as u16) << HALF_BITS) + (value >> shift) as u16
}

/// The highest value of a bucket.
fn highest(bucket: u16) -> u64 {
    if u64::from(bucket) < EXACT {
        return u64::from(bucket);
    }
    let shift = (bucket >> HALF_BITS) - 1;
    let upper = u64::from(bucket - (shift << HALF_BITS));
    ((upper + 1) << shift).wrapping_sub(1)
}

impl Histogram {
    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.add_to(bucket_of(value), 1);
    }

    fn add_to(&mut self, bucket: u16, count: u64) {
        match self.buckets.binary_search(&bucket) {
            Ok(at) => self.counts[at] += count,
            Err(at) => {
                self.buckets.insert(at, bucket);
                self.counts.insert(at, count);
            }
        }
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.buckets.iter().zip(&other.counts) {
            self.add_to(*bucket, *count);
        }
    }

    /// What was counted since it was like `before`.
    pub fn since(&self, before: &Self) -> Self {
        let mut new = Self::default();
        for (bucket, count) in self.buckets.iter().zip(&self.counts) {
            let old = before
                .buckets
                .binary_search(bucket)
                .map_or(0, |at| before.counts[at]);
            if *count > old {
                new.add_to(*bucket, count - old);
            }
        }
        new
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The value below or at which `percent` of all are (nearest rank), rounded up by less than 1/128; 0 when empty.
    pub fn percentile(&self, percent: f64) -> u64 {
        let count = self.count();
        let rank = ((percent / 100.0 * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        for (bucket, held) in self.buckets.iter().zip(&self.counts) {
            seen += held;
            if seen >= rank {
                return highest(*bucket);
            }
        }
        0
    }

    /// (highest value, count) of every bucket that holds something, from low to high.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.buckets
            .iter()
            .map(|b| highest(*b))
            .zip(self.counts.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bucket_holds_its_value_and_is_narrow(value: u64) {
            let top = highest(bucket_of(value));
            prop_assert!(top >= value);
            prop_assert!(top - value <= value / 128);
        }

        #[test]
        fn buckets_are_in_order(a: u64, b: u64) {
            prop_assert!(a > b || bucket_of(a) <= bucket_of(b));
        }

        #[test]
        fn merged_is_as_if_recorded_together(a: Vec<u64>, b: Vec<u64>) {
            let of = |values: &[u64]| {
                let mut histogram = Histogram::default();
                values.iter().for_each(|v| histogram.record(*v));
                histogram
            };
            let mut merged = of(&a);
            merged.merge(&of(&b));
            prop_assert_eq!(merged.since(&of(&a)), of(&b));
            prop_assert_eq!(merged, of(&[a, b].concat()));
        }

        #[test]
        fn percentiles_are_those_of_the_sorted_values(mut values in prop::collection::vec(0..1u64 << 40, 1..200), percent in 0.0..100.0f64) {
            let mut histogram = Histogram::default();
            values.iter().for_each(|v| histogram.record(*v));
            values.sort_unstable();
            let rank = ((percent / 100.0 * values.len() as f64).ceil() as usize).max(1);
            let (exact, told) = (values[rank - 1], histogram.percentile(percent));
            prop_assert!(told >= exact && told - exact <= exact / 128, "{} {}", told, exact);
        }
    }
}
