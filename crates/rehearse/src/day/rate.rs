//! Rates and stages as they are written on the command line.

use std::fmt;
use std::time::Duration;

use crate::Error;
use crate::scenario::read::duration;

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3_600 * SECOND;

/// So many people in so many nanoseconds: exact, where a fraction of a second would not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// 0 for nobody.
    pub people: u64,
    /// More than 0.
    pub nanos: u64,
}

impl Rate {
    /// Nobody.
    pub const ZERO: Self = Self {
        people: 0,
        nanos: SECOND,
    };

    /// People per second.
    pub fn per_second(self) -> f64 {
        self.people as f64 * SECOND as f64 / self.nanos as f64
    }

    /// In lowest terms, so that equal rates are equal values.
    fn new(people: u64, nanos: u64) -> Self {
        let (mut a, mut b) = (people, nanos);
        while b > 0 {
            (a, b) = (b, a % b);
        }
        Self {
            people: people / a,
            nanos: nanos / a,
        }
    }
}

impl fmt::Display for Rate {
    /// As it can be read again: per second, unless only per hour is a whole number.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exactly = |unit: u64| {
            let people = u128::from(self.people) * u128::from(unit);
            (people % u128::from(self.nanos) == 0).then(|| people / u128::from(self.nanos))
        };
        match (exactly(SECOND), exactly(60 * SECOND), exactly(HOUR)) {
            (Some(people), ..) => write!(to, "{people}/s"),
            (_, Some(people), _) => write!(to, "{people}/m"),
            (_, _, Some(people)) => write!(to, "{people}/h"),
            _ => write!(to, "{}/s", self.per_second()),
        }
    }
}

/// `50000` people an hour, as `--takers-per-hour` has it.
pub fn takers_per_hour(people: u64) -> Rate {
    Rate::new(people, HOUR)
}

/// Reads `556/s`, `30/m`, `50000/h`, `0.5/s`, `1_000_000/h`.
///
/// # Errors
/// [`Error::Bad`] with the text and what is expected.
pub fn parse_rate(text: &str) -> Result<Rate, Error> {
    let bad = || Error::bad(format!("{text:?} is no rate: write it as 556/s, 30/m or 50000/h"));
    let (number, unit) = text.trim().split_once('/').ok_or_else(bad)?;
    let unit = match unit.trim() {
        "s" => SECOND,
        "m" | "min" => 60 * SECOND,
        "h" => HOUR,
        _ => return Err(bad()),
    };
    let number = number.trim().replace('_', "");
    let (whole, decimals) = number.split_once('.').unwrap_or((&number, ""));
    let digits = format!("{whole}{decimals}");
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && decimals.len() <= 6;
    let people: u64 = if plain {
        digits.parse().map_err(|_| bad())?
    } else {
        return Err(bad());
    };
    let scale = 10_u64.pow(decimals.len() as u32);
    if people / scale > MOST {
        return Err(Error::bad(format!(
            "{text:?}: more than {MOST} people at once is more than any machine can do"
        )));
    }
    Ok(Rate::new(people, unit * scale))
}

/// No rate says more people than this.
const MOST: u64 = 100_000_000_000;

/// A time over which the rate changes evenly from one to another, or stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// At its beginning.
    pub from: Rate,
    /// At its end.
    pub to: Rate,
    /// How long it lasts.
    pub length: Duration,
}

impl Stage {
    /// From nobody up to a rate: `--ramp 30s` before a constant rate.
    pub fn lead_in(to: Rate, length: Duration) -> Self {
        Self {
            from: Rate::ZERO,
            to,
            length,
        }
    }

    /// How many people come, as the fraction that it is.
    pub fn people(&self) -> f64 {
        // Nanoseconds first: of a constant rate a whole number stays one.
        let people = |rate: Rate| rate.people as f64 * self.length.as_nanos() as f64 / rate.nanos as f64;
        f64::midpoint(people(self.from), people(self.to))
    }
}

/// Reads `500/s for 5m` and `0..500/s over 1m` (also `100/s..500/s over 1m`, `for` and `over` meaning the same).
///
/// # Errors
/// [`Error::Bad`] with the text and what is expected.
pub fn parse_stage(text: &str) -> Result<Stage, Error> {
    let bad = || {
        Error::bad(format!(
            "stage {text:?}: write it as \"500/s for 5m\" or \"0..500/s over 1m\""
        ))
    };
    let (rates, length) = [" for ", " over "]
        .iter()
        .find_map(|word| text.split_once(word))
        .ok_or_else(bad)?;
    let in_stage = |error: Error| Error::bad(format!("stage {text:?}: {error}"));
    let length = duration(length).map_err(in_stage)?;
    if length.is_zero() {
        return Err(Error::bad(format!("stage {text:?} lasts no time")));
    }
    let Some((from, to)) = rates.split_once("..") else {
        let rate = parse_rate(rates).map_err(in_stage)?;
        return Ok(Stage {
            from: rate,
            to: rate,
            length,
        });
    };
    // The unit may be said once.
    let unit = to.trim().split_once('/').map(|(_, unit)| unit).ok_or_else(bad)?;
    let from = if from.contains('/') {
        from.to_owned()
    } else {
        format!("{from}/{unit}")
    };
    Ok(Stage {
        from: parse_rate(&from).map_err(in_stage)?,
        to: parse_rate(to).map_err(in_stage)?,
        length,
    })
}
