//! A save: one page's changed answers, sent once; the unit of durability.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// A save's position in time: microseconds since the Unix epoch, from 1 to [`Stamp::GREATEST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Stamp(i64);

impl Stamp {
    /// 2^53 - 1, the greatest integer that JavaScript holds exactly: the year 2255.
    pub const GREATEST: i64 = (1 << 53) - 1;

    /// A stamp from microseconds since the Unix epoch; `None` below 1 or above [`Stamp::GREATEST`].
    pub fn from_micros(micros: i64) -> Option<Self> {
        (1..=Self::GREATEST).contains(&micros).then_some(Self(micros))
    }

    /// Microseconds since the Unix epoch.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// The next stamp for a view that has seen `seen`, at `now`: both in microseconds.
    /// A correction so always follows what it corrects, however slow the clock.
    pub fn following(now: i64, seen: i64) -> Option<Self> {
        Self::from_micros(now.max(seen.saturating_add(1)))
    }
}

impl TryFrom<i64> for Stamp {
    type Error = StampOutOfRange;
    fn try_from(micros: i64) -> Result<Self, Self::Error> {
        Self::from_micros(micros).ok_or(StampOutOfRange(micros))
    }
}

impl From<Stamp> for i64 {
    fn from(stamp: Stamp) -> i64 {
        stamp.0
    }
}

/// A number that is no stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("stamp {0} is not between 1 and 9007199254740991 microseconds since 1970")]
pub struct StampOutOfRange(pub i64);

/// One page's changed answers in canonical form, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Save {
    /// Position in time.
    pub stamp: Stamp,
    /// [`digest`] of page and answers.
    pub digest: i64,
    /// The page's id.
    pub page: String,
    /// Canonical JSON object {question: value}: keys in the questionnaire's order, null for a cleared answer.
    pub answers: String,
}

impl Save {
    /// A save of answers that [`crate::validation`] brought into canonical form.
    pub fn new(stamp: Stamp, page: &str, answers: String) -> Self {
        Self {
            stamp,
            digest: digest(page, &answers),
            page: page.to_owned(),
            answers,
        }
    }
}

/// The 64-bit digest (XXH3) of a page's id, a zero byte and its canonical answers: with response and stamp the
/// key of a save. It tells two saves of one moment apart; it protects nothing against forgery, the token does.
pub fn digest(page: &str, canonical_answers: &str) -> i64 {
    let mut bytes = Vec::with_capacity(page.len() + 1 + canonical_answers.len());
    bytes.extend_from_slice(page.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(canonical_answers.as_bytes());
    xxh3_64(&bytes).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_the_same_for_ever() {
        // Written into every row: a change of this value would double the saves that are resent over an upgrade.
        // The reference implementation of XXH3 gives the same.
        assert_eq!(digest("p01", r#"{"q0101":"a"}"#), 6_187_418_454_162_542_376);
        assert_ne!(digest("p01", "{}"), digest("p02", "{}"));
    }

    #[test]
    fn stamps_have_bounds() {
        assert_eq!(Stamp::from_micros(0), None);
        assert_eq!(Stamp::from_micros(-5), None);
        assert_eq!(Stamp::from_micros(i64::MAX), None);
        assert_eq!(Stamp::following(10, 20).map(Stamp::micros), Some(21));
        assert_eq!(Stamp::following(30, 20).map(Stamp::micros), Some(30));
        assert_eq!(Stamp::following(30, i64::MAX), None);
    }
}
