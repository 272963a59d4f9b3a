//! Chance that can be repeated.

/// Random numbers from a seed (`SplitMix64`).
pub struct Dice(u64);

impl Dice {
    /// From a seed of its own, which is printed, or from `CANVASS_TEST_SEED`.
    pub fn rolled() -> Self {
        let seed = match std::env::var("CANVASS_TEST_SEED") {
            Ok(text) => text.parse().unwrap(),
            Err(_) => u64::try_from(crate::now_micros()).unwrap() ^ u64::from(std::process::id()) << 40,
        };
        println!("to repeat: CANVASS_TEST_SEED={seed}");
        Self(seed)
    }

    /// A number from `range`.
    pub fn roll(&mut self, range: std::ops::Range<usize>) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let width = u64::try_from(range.len()).unwrap();
        range.start + usize::try_from((z ^ (z >> 31)) % width).unwrap()
    }
}
