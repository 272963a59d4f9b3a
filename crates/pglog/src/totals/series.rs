//! What happened over time, in pieces of equal length.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Histogram;

/// Lengths of a piece, µs, from fine to coarse; each is a multiple of the one before.
const LENGTHS: [i64; 3] = [10_000_000, 60_000_000, FIVE_MINUTES];
/// µs in five minutes.
pub const FIVE_MINUTES: i64 = 300_000_000;
/// Most pieces that hold something, but of the coarsest length.
pub const MOST_FINE: usize = 1080;

/// Counts of a piece of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// Executions.
    pub calls: u64,
    /// µs.
    pub micros: u64,
    /// Executions that change data.
    pub writes: u64,
    /// Of the executions.
    pub times: Histogram,
    /// Errors and worse.
    pub failures: u64,
}

impl Bucket {
    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        self.micros += other.micros;
        self.writes += other.writes;
        self.times.merge(&other.times);
        self.failures += other.failures;
    }
}

/// Pieces of the finest length of which at most [`MOST_FINE`] hold something: 10 s, a minute, or else five minutes. So what
/// the length is depends on which moments the log has, not on their order nor on how the log was split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Series {
    length: u8,
    buckets: BTreeMap<i64, Bucket>,
}

impl Series {
    /// The length of a piece, µs.
    pub fn length(&self) -> i64 {
        LENGTHS
            .get(usize::from(self.length))
            .copied()
            .unwrap_or(FIVE_MINUTES)
    }

    /// The pieces that hold something, by when they begin, µs since 1970 UTC.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &Bucket)> {
        self.buckets.iter().map(|(from, bucket)| (*from, bucket))
    }

    /// Counts at a time, µs since 1970 UTC.
    pub fn count(&mut self, at: i64, count: impl FnOnce(&mut Bucket)) {
        let from = at.div_euclid(self.length()) * self.length();
        count(self.buckets.entry(from).or_default());
        self.coarsen();
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        if other.length > self.length {
            self.length = other.length;
            self.buckets = self.of_length(self.length());
        }
        for (from, bucket) in other.of_length(self.length()) {
            self.buckets.entry(from).or_default().merge(&bucket);
        }
        self.coarsen();
    }

    /// In pieces of a multiple of the length, µs.
    pub fn of_length(&self, length: i64) -> BTreeMap<i64, Bucket> {
        let mut coarse: BTreeMap<i64, Bucket> = BTreeMap::new();
        for (from, bucket) in &self.buckets {
            coarse
                .entry(from.div_euclid(length) * length)
                .or_default()
                .merge(bucket);
        }
        coarse
    }

    fn coarsen(&mut self) {
        while self.buckets.len() > MOST_FINE && usize::from(self.length) + 1 < LENGTHS.len() {
            self.length += 1;
            self.buckets = self.of_length(self.length());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(moments: &[i64]) -> Series {
        let mut series = Series::default();
        for at in moments {
            series.count(at * 1_000_000, |bucket| {
                bucket.calls += 1;
                bucket.times.record(at.unsigned_abs());
            });
        }
        series
    }

    #[test]
    fn three_hours_are_told_by_ten_seconds_longer_ones_by_the_minute_then_by_five() {
        let every_ten_seconds = |pieces: i64| of(&(0..pieces).map(|i| i * 10).collect::<Vec<_>>());
        assert_eq!(every_ten_seconds(1080).length(), 10_000_000);
        assert_eq!(every_ten_seconds(1081).length(), 60_000_000);
        assert_eq!(every_ten_seconds(6 * 1081).length(), FIVE_MINUTES);
        let calls: u64 = every_ten_seconds(1081).iter().map(|(_, b)| b.calls).sum();
        assert_eq!(calls, 1081);
    }

    proptest! {
        #[test]
        fn neither_order_nor_split_makes_a_difference(
            moments in prop::collection::vec(0..200_000i64, 0..3000), split in 0..3000usize
        ) {
            let whole = of(&moments);
            let (a, b) = moments.split_at(split.min(moments.len()));
            let mut merged = of(b);
            merged.merge(&of(a));
            prop_assert_eq!(&merged, &whole);
            let mut sorted = moments;
            sorted.sort_unstable();
            prop_assert_eq!(&of(&sorted), &whole);
        }
    }
}
