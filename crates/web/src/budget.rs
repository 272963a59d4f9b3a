//! Wrong codes have a budget, for each place and for all together. Right codes never meet it: a whole school sits
//! behind one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Config;
use crate::address::place;

/// Places remembered at most; beyond, those that have earned back everything are forgotten, then all.
const MOST_PLACES: usize = 50_000;
/// The longest that a wrong code is delayed.
const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// What becomes of a wrong code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is answered after this delay.
    Answer(Duration),
    /// The budget is used up: 429, try again after this.
    Refuse(Duration),
}

/// The budgets. Those of one process: they are not shared between machines.
pub struct Budget {
    per_place: f64,
    refill: f64,
    all: f64,
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    places: HashMap<IpAddr, Bucket>,
    all: Option<Bucket>,
}

/// Wrong codes that are not earned back yet, at a moment.
#[derive(Clone, Copy)]
struct Bucket {
    spent: f64,
    at: Instant,
}

impl Bucket {
    fn add(&mut self, now: Instant, per_second: f64) -> f64 {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * per_second;
        self.spent = (self.spent - earned).max(0.0) + 1.0;
        self.at = now;
        self.spent
    }
}

impl Budget {
    /// From the settings.
    pub fn new(config: &Config) -> Self {
        Self {
            per_place: f64::from(config.wrong_codes_per_address.max(1)),
            refill: 1.0 / f64::from(config.wrong_code_refill_seconds.max(1)),
            all: f64::from(config.wrong_codes_per_second.max(1)),
            spent: Mutex::default(),
        }
    }

    /// Counts a wrong code from `address` at `now`.
    pub fn wrong_code(&self, address: IpAddr, now: Instant) -> Verdict {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Bucket { spent: 0.0, at: now };
        let all = spent.all.get_or_insert(fresh).add(now, self.all);
        spent.make_room(now, self.refill);
        let here = spent
            .places
            .entry(place(address))
            .or_insert(fresh)
            .add(now, self.refill);
        if here > 2.0 * self.per_place {
            return Verdict::Refuse(Duration::from_secs_f64(
                (here - 2.0 * self.per_place) / self.refill,
            ));
        }
        if all > 10.0 * self.all {
            return Verdict::Refuse(Duration::from_secs_f64((all - 10.0 * self.all) / self.all));
        }
        let over = ((here - self.per_place) / self.per_place).clamp(0.0, 1.0);
        Verdict::Answer(LONGEST_DELAY.mul_f64(over))
    }
}

impl Spent {
    fn make_room(&mut self, now: Instant, refill: f64) {
        if self.places.len() < MOST_PLACES {
            return;
        }
        let owes = |b: &Bucket| b.spent > now.saturating_duration_since(b.at).as_secs_f64() * refill;
        self.places.retain(|_, bucket| owes(bucket));
        if self.places.len() >= MOST_PLACES {
            self.places.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget() -> Budget {
        Budget::new(&Config {
            wrong_codes_per_address: 10,
            wrong_code_refill_seconds: 1,
            wrong_codes_per_second: 100,
            ..Config::default()
        })
    }

    #[test]
    fn a_place_is_delayed_before_it_is_refused_and_earns_back() {
        let (budget, now) = (budget(), Instant::now());
        let here: IpAddr = "192.0.2.1".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(budget.wrong_code(here, now), Verdict::Answer(Duration::ZERO));
        }
        for n in 1..=10 {
            assert_eq!(
                budget.wrong_code(here, now),
                Verdict::Answer(LONGEST_DELAY.mul_f64(f64::from(n) / 10.0))
            );
        }
        assert_eq!(
            budget.wrong_code(here, now),
            Verdict::Refuse(Duration::from_secs(1))
        );
        assert_eq!(
            budget.wrong_code("192.0.2.2".parse().unwrap(), now),
            Verdict::Answer(Duration::ZERO)
        );
        let later = now + Duration::from_secs(15);
        assert_eq!(budget.wrong_code(here, later), Verdict::Answer(Duration::ZERO));
    }

    #[test]
    fn all_places_together_meet_a_budget_and_memory_is_bounded() {
        let (budget, now) = (budget(), Instant::now());
        let verdict = |n: u32| budget.wrong_code(IpAddr::V4(n.into()), now);
        assert!((0..1000).all(|n| verdict(n) == Verdict::Answer(Duration::ZERO)));
        assert!(matches!(verdict(1000), Verdict::Refuse(_)));
        for n in 0..120_000 {
            verdict(n);
        }
        assert!(budget.spent.lock().unwrap().places.len() <= MOST_PLACES);
    }

    #[test]
    fn an_ipv6_network_is_one_place() {
        let (budget, now) = (budget(), Instant::now());
        for n in 0..20_u128 {
            let address = IpAddr::V6(Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) + n));
            assert!(matches!(budget.wrong_code(address, now), Verdict::Answer(_)));
        }
        let other = "2001:db8::ffff".parse().unwrap();
        assert!(matches!(budget.wrong_code(other, now), Verdict::Refuse(_)));
    }
    use std::net::Ipv6Addr;
}
