//! Arrivals as independent people make them, with their number given: the places of the people on the cumulative curve
//! are then sorted uniform numbers (Devroye, Non-Uniform Random Variate Generation, 1986, chapter V.2: the gaps between
//! them are exponential variates divided by their sum). Any of them is found without the others: the sums of every
//! [`BLOCK`] gaps are drawn as gamma variates and kept, what lies between two of them is drawn when it is asked for.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::scenario::Dice;

/// People whose gaps are summed up in one kept number: 8 bytes for so many people.
const BLOCK: u64 = 32;

/// The places of a number of people between 0 and a total.
#[derive(Debug, Clone)]
pub(super) struct Poisson {
    seed: u64,
    people: u64,
    total: f64,
    /// The places of the last person of each whole block.
    ends: Vec<f64>,
}

impl Poisson {
    /// `people` places between 0 and `total`.
    pub(super) fn new(people: u64, total: f64, seed: u64) -> Self {
        let mut dice = Dice::with_seed(seed);
        let mut sum = 0.0;
        let mut ends: Vec<f64> = (0..people / BLOCK)
            .map(|_| {
                sum += gamma(BLOCK as f64, &mut dice);
                sum
            })
            .collect();
        // The gaps behind the last whole block, the one behind the last person included.
        sum += gamma((people % BLOCK + 1) as f64, &mut dice);
        ends.iter_mut().for_each(|end| *end *= total / sum);
        Self {
            seed,
            people,
            total,
            ends,
        }
    }

    /// The place of person `i`, from 0: between 0 and the total, never decreasing.
    pub(super) fn place(&self, i: u64) -> f64 {
        let (block, within) = ((i / BLOCK) as usize, (i % BLOCK) as usize);
        let start = block.checked_sub(1).map_or(0.0, |before| self.ends[before]);
        let (end, inside) = match self.ends.get(block) {
            // The last of a whole block is its end.
            Some(&end) if within as u64 == BLOCK - 1 => return end,
            Some(&end) => (end, BLOCK as usize - 1),
            None => (self.total, (self.people % BLOCK) as usize),
        };
        let mut dice = Dice::with_seed(xxh3_64_with_seed(&(block as u64).to_le_bytes(), self.seed));
        let mut places = [0.0; BLOCK as usize];
        let places = &mut places[..inside];
        places.iter_mut().for_each(|place| *place = dice.f64());
        places.sort_unstable_by(f64::total_cmp);
        start + (end - start) * places[within]
    }
}

/// A gamma variate with a shape of at least 1 (Marsaglia and Tsang, A simple method for generating gamma variables, 2000).
fn gamma(shape: f64, dice: &mut Dice) -> f64 {
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(dice);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - dice.f64()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// A normal variate (Box and Muller, 1958).
fn normal(dice: &mut Dice) -> f64 {
    let radius = (-2.0 * (1.0 - dice.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * dice.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gamma_variates_have_their_mean_and_variance() {
        for shape in [1.0, 7.0, 32.0] {
            let mut dice = Dice::with_seed(3);
            let drawn: Vec<f64> = (0..40_000).map(|_| gamma(shape, &mut dice)).collect();
            let mean = drawn.iter().sum::<f64>() / 40_000.0;
            let variance = drawn.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / 40_000.0;
            assert!((mean / shape - 1.0).abs() < 0.02, "{shape}: {mean}");
            assert!((variance / shape - 1.0).abs() < 0.05, "{shape}: {variance}");
        }
    }

    #[test]
    fn gaps_are_spread_as_exponential_ones() {
        // Share of the gaps longer than the mean: 1/e; than three times the mean: 1/e³; inside and across blocks.
        let poisson = Poisson::new(100_000, 100_000.0, 5);
        let places: Vec<f64> = (0..100_000).map(|i| poisson.place(i)).collect();
        for step in [1, 32] {
            let gaps: Vec<f64> = (step..places.len())
                .step_by(step)
                .map(|i| places[i] - places[i - 1])
                .collect();
            for times in [1.0, 3.0] {
                let share = gaps.iter().filter(|&&gap| gap > times).count() as f64 / gaps.len() as f64;
                let wanted = f64::exp(-times);
                let bound = 5.0 * (wanted / gaps.len() as f64).sqrt();
                assert!(
                    (share - wanted).abs() < bound,
                    "{step} {times}: {share}, not {wanted}"
                );
            }
        }
    }
}
