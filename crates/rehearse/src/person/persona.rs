//! How one person behaves: drawn from the scenario's shares, the seed and the person's number, so that the same person
//! does the same in every run.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::scenario::{Dice, Persona};

/// The person's own dice, for everything that is drawn on the way.
pub fn dice(seed: u64, person: u64) -> Dice {
    stream(seed, person, 0)
}

/// Streams of the same person are independent: what a person is does not depend on what was drawn on the way.
fn stream(seed: u64, person: u64, stream: u64) -> Dice {
    let key = [person.to_le_bytes(), stream.to_le_bytes()].concat();
    Dice::with_seed(xxh3_64_with_seed(&key, seed))
}

/// Positions that a straight-liner settles on: the longest usual scale. In a shorter one the last position stands for
/// those behind it.
const POSITIONS: usize = 7;

/// What one person is like.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonaState {
    /// The person's number, from 1.
    pub person: u64,
    /// Set for a straight-liner: the position, from 0, that is chosen in every group and select.
    pub straight: Option<usize>,
    /// Share of the questions left out, between 0 and 1.
    pub skip: f64,
    /// Share of the free texts that are long, between 0 and 1.
    pub long_text: f64,
    /// Set for one who leaves: where, as a share of the way.
    leaves: Option<f64>,
    resumes: bool,
    double_click: f64,
    back: f64,
}

impl PersonaState {
    /// The person with this number.
    pub fn new(persona: &Persona, person: u64) -> Self {
        let mut dice = stream(persona.seed, person, 1);
        // Every draw is made whether or not it is used: changing one share changes nothing else about anybody.
        let (straight, position) = (dice.f64() < persona.straight_line, dice.usize(..POSITIONS));
        let (leaves, place) = (dice.f64() < persona.leave, dice.f64());
        let resumes = dice.f64() < persona.resume;
        Self {
            person,
            straight: straight.then_some(position),
            skip: persona.skip,
            long_text: persona.long_text,
            leaves: leaves.then_some(place),
            resumes: leaves && resumes,
            double_click: persona.double_click,
            back: persona.back,
        }
    }

    /// After how many of the journey's steps (repetitions counted) the person leaves: from 1 to `steps_total - 1`, evenly.
    /// None: the person stays, or the journey has no middle to leave at.
    pub fn leaves_at(&self, steps_total: u32) -> Option<u32> {
        let places = steps_total.checked_sub(1).filter(|&places| places > 0)?;
        let place = self.leaves? * f64::from(places);
        Some(1 + (place as u32).min(places - 1))
    }

    /// Whether one who left comes back.
    pub fn resumes(&self) -> bool {
        self.resumes
    }

    /// Whether this request with a body is sent a second time at once.
    pub fn double_clicks(&self, dice: &mut Dice) -> bool {
        dice.f64() < self.double_click
    }

    /// Whether the person goes back after this filled form and sends it again.
    pub fn goes_back(&self, dice: &mut Dice) -> bool {
        dice.f64() < self.back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEOPLE: u64 = 20_000;

    fn persona() -> Persona {
        Persona {
            straight_line: 0.05,
            leave: 0.2,
            resume: 0.5,
            double_click: 0.1,
            back: 0.02,
            ..Persona::default()
        }
    }

    /// How many of the people, as a share.
    fn share(of: impl Fn(&PersonaState) -> bool) -> f64 {
        let hits = (1..=PEOPLE)
            .filter(|&n| of(&PersonaState::new(&persona(), n)))
            .count();
        hits as f64 / PEOPLE as f64
    }

    #[test]
    fn shares_are_kept_over_many_people() {
        for (got, wanted) in [
            (share(|p| p.straight.is_some()), 0.05),
            (share(|p| p.leaves_at(10).is_some()), 0.2),
            (share(PersonaState::resumes), 0.1),
            (share(|p| p.double_clicks(&mut dice(1, p.person))), 0.1),
            (share(|p| p.goes_back(&mut dice(2, p.person))), 0.02),
            (share(|p| p.straight == Some(3)), 0.05 / 7.0),
        ] {
            // Four standard deviations of a binomial share.
            let bound = 4.0 * (wanted * (1.0 - wanted) / PEOPLE as f64).sqrt();
            assert!((got - wanted).abs() < bound, "{got}, not {wanted} ± {bound}");
        }
    }

    #[test]
    fn those_who_leave_do_so_evenly_and_somewhere_on_the_way() {
        let mut places = [0_u32; 5];
        for person in 1..=PEOPLE {
            if let Some(at) = PersonaState::new(&persona(), person).leaves_at(5) {
                places[at as usize] += 1;
            }
        }
        let all: u32 = places.iter().sum();
        assert_eq!(places[0], 0);
        for place in &places[1..] {
            assert!(place.abs_diff(all / 4) < all / 40, "{places:?}");
        }
        let all_leave = Persona {
            leave: 1.0,
            ..persona()
        };
        let person = PersonaState::new(&all_leave, 1);
        assert_eq!(
            (person.leaves_at(0), person.leaves_at(1), person.leaves_at(2)),
            (None, None, Some(1))
        );
    }

    #[test]
    fn the_same_person_is_the_same_and_one_share_changes_nothing_else() {
        let more_leave = Persona {
            leave: 1.0,
            ..persona()
        };
        for person in 1..500 {
            assert_eq!(
                PersonaState::new(&persona(), person),
                PersonaState::new(&persona(), person)
            );
            let straight = PersonaState::new(&persona(), person).straight;
            assert_eq!(PersonaState::new(&more_leave, person).straight, straight);
            assert_eq!(dice(1, person).u64(..), dice(1, person).u64(..));
        }
        assert_ne!(dice(1, 1).u64(..), dice(2, 1).u64(..));
        assert_ne!(dice(1, 1).u64(..), dice(1, 2).u64(..));
    }
}
