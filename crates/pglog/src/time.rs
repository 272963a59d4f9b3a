//! Times as logs write them, as µs since 1970-01-01 UTC.

/// Reads PostgreSQL's times; remembers the last day and zone, which are the same for millions of lines.
#[derive(Clone, Debug)]
pub struct Clock {
    day: [u8; 10],
    day_micros: i64,
    zone: Vec<u8>,
    zone_micros: i64,
    /// A zone's name that was not known.
    pub unknown_zone: Option<Vec<u8>>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            day: *b"1970-01-01",
            day_micros: 0,
            zone: b"UTC".to_vec(),
            zone_micros: 0,
            unknown_zone: None,
        }
    }
}

const SECOND: i64 = 1_000_000;

impl Clock {
    /// Reads `2026-11-26 14:58:50[.123[456]][ ZONE]` from the front of `text`: µs since 1970 UTC and how many bytes it took.
    pub fn read(&mut self, text: &[u8]) -> Option<(i64, usize)> {
        let day: [u8; 10] = text.get(..10)?.try_into().ok()?;
        if day != self.day {
            self.day_micros = day_micros(&day)?;
            self.day = day;
        }
        if !matches!(text.get(10)?, b' ' | b'T') {
            return None;
        }
        let (of_day, length) = time_of_day(text.get(11..)?)?;
        let mut end = 11 + length;
        let local = self.day_micros + of_day;
        let zone_at = match text.get(end) {
            Some(b'+' | b'-' | b'Z') => end,
            Some(b' ') => end + 1,
            _ => return Some((local, end)),
        };
        let zone = zone_word(text.get(zone_at..)?);
        if zone.is_empty() {
            return Some((local, end));
        }
        end = zone_at + zone.len();
        if zone != self.zone {
            self.zone_micros = self.offset(zone);
            self.zone = zone.to_vec();
        }
        Some((local - self.zone_micros, end))
    }

    fn offset(&mut self, zone: &[u8]) -> i64 {
        offset_of(zone).unwrap_or_else(|| {
            self.unknown_zone.get_or_insert_with(|| zone.to_vec());
            0
        })
    }
}

/// Reads `%n`: `1764169130.123` in seconds.
pub fn epoch(text: &[u8]) -> Option<(i64, usize)> {
    let (seconds, length) = digits(text)?;
    let seconds = i64::try_from(seconds).ok()?.checked_mul(SECOND)?;
    if text.get(length) != Some(&b'.') {
        return Some((seconds, length));
    }
    let (fraction, used) = fraction(&text[length + 1..]);
    Some((seconds + fraction, length + 1 + used))
}

/// The leading digits as a number, and how many they are.
pub(crate) fn digits(text: &[u8]) -> Option<(u64, usize)> {
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if length == 0 || length > 19 {
        return None;
    }
    let number = text[..length]
        .iter()
        .fold(0u64, |n, b| n * 10 + u64::from(b - b'0'));
    Some((number, length))
}

/// Digits after a decimal point as µs; more than six are cut.
fn fraction(text: &[u8]) -> (i64, usize) {
    let (mut micros, mut used, mut unit) = (0, 0, 100_000);
    for byte in text.iter().take_while(|b| b.is_ascii_digit()) {
        micros += i64::from(byte - b'0') * unit;
        unit /= 10;
        used += 1;
    }
    (micros, used)
}

fn two(text: &[u8], at: usize) -> Option<i64> {
    let (a, b) = (
        text.get(at)?.wrapping_sub(b'0'),
        text.get(at + 1)?.wrapping_sub(b'0'),
    );
    (a < 10 && b < 10).then(|| i64::from(a * 10 + b))
}

pub(crate) fn time_of_day(text: &[u8]) -> Option<(i64, usize)> {
    let (hour, minute, second) = (two(text, 0)?, two(text, 3)?, two(text, 6)?);
    if text[2] != b':' || text[5] != b':' || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let whole = ((hour * 60 + minute) * 60 + second) * SECOND;
    if text.get(8) == Some(&b'.') {
        let (micros, used) = fraction(&text[9..]);
        return Some((whole + micros, 9 + used));
    }
    Some((whole, 8))
}

fn day_micros(day: &[u8; 10]) -> Option<i64> {
    let year = two(day, 0)? * 100 + two(day, 2)?;
    let (month, of_month) = (two(day, 5)?, two(day, 8)?);
    if day[4] != b'-' || day[7] != b'-' || !(1..=12).contains(&month) || !(1..=31).contains(&of_month) {
        return None;
    }
    Some(days_from_civil(year, month, of_month) * 86_400 * SECOND)
}

/// Days since 1970-01-01 of a date in the Gregorian calendar: whole 400-year cycles, then days within the cycle, the year
/// beginning in March so that the leap day is its last.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let cycle = year.div_euclid(400);
    let of_cycle = year - cycle * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    cycle * 146_097 + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - 719_468
}

/// The year of a time, µs since 1970 UTC.
pub(crate) fn year_of(micros: i64) -> i64 {
    let days = micros.div_euclid(86_400 * SECOND);
    let mut year = 1970 + days.div_euclid(366);
    while days_from_civil(year + 1, 1, 1) <= days {
        year += 1;
    }
    year
}

/// `2026-11-26 14:58:50.123456 UTC`; without the zone if it is not known.
pub(crate) fn written(micros: i64, has_zone: bool) -> String {
    let zone = if has_zone { " UTC" } else { "" };
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string() + zone,
        Err(_) => format!("1970-01-01 00:00:00{zone}"),
    }
}

/// The zone's word at the front: letters, or a sign and digits, perhaps with colons.
fn zone_word(text: &[u8]) -> &[u8] {
    let length = match text.first() {
        Some(b'+' | b'-') => {
            let number = |from: usize| {
                text[from..]
                    .iter()
                    .take(2)
                    .take_while(|b| b.is_ascii_digit())
                    .count()
            };
            let mut length = 1 + number(1);
            if length == 1 {
                return b"";
            }
            length += number(length);
            while text.get(length) == Some(&b':') && number(length + 1) == 2 {
                length += 3;
            }
            length
        }
        Some(byte) if byte.is_ascii_uppercase() => text
            .iter()
            .take_while(|b| b.is_ascii_alphabetic() || **b == b'_' || **b == b'/')
            .count(),
        _ => 0,
    };
    &text[..length]
}

/// µs east of UTC of an offset (`+05:30`, `-03`) or of an abbreviation that means one thing nearly everywhere.
fn offset_of(zone: &[u8]) -> Option<i64> {
    let minutes = match zone {
        b"UTC" | b"GMT" | b"Z" | b"WET" | b"UCT" => 0,
        b"BST" | b"CET" | b"MEZ" | b"WEST" | b"WAT" => 60,
        b"CEST" | b"MESZ" | b"EET" | b"SAST" | b"CAT" => 120,
        b"EEST" | b"MSK" | b"EAT" | b"TRT" => 180,
        b"GST" => 240,
        b"PKT" => 300,
        b"WIB" => 420,
        b"HKT" | b"SGT" | b"AWST" => 480,
        b"JST" | b"KST" => 540,
        b"ACST" => 570,
        b"AEST" => 600,
        b"ACDT" => 630,
        b"AEDT" => 660,
        b"NZST" => 720,
        b"NZDT" => 780,
        b"NST" => -210,
        b"NDT" => -150,
        b"BRT" | b"ART" | b"ADT" => -180,
        b"AST" | b"EDT" => -240,
        b"EST" | b"CDT" => -300,
        b"CST" | b"MDT" => -360,
        b"MST" | b"PDT" => -420,
        b"PST" | b"AKDT" => -480,
        b"AKST" => -540,
        b"HST" => -600,
        [sign @ (b'+' | b'-'), rest @ ..] => {
            let figures: Vec<u8> = rest.iter().copied().filter(u8::is_ascii_digit).collect();
            let hours = if figures.len() == 1 {
                i64::from(figures[0] - b'0')
            } else {
                two(&figures, 0)?
            };
            let total = hours * 60 + two(&figures, 2).unwrap_or(0);
            if *sign == b'-' { -total } else { total }
        }
        _ => return None,
    };
    Some(minutes * 60 * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> Option<(i64, usize)> {
        Clock::default().read(text.as_bytes())
    }

    #[test]
    fn times_are_read_with_their_zone_and_rest_is_left() {
        let known = 1_795_705_130_123_000; // date -u -d '2026-11-26 14:58:50.123' +%s%6N
        assert_eq!(micros("2026-11-26 14:58:50.123 UTC [1]"), Some((known, 27)));
        assert_eq!(micros("2026-11-26 15:58:50.123 CET"), Some((known, 27)));
        assert_eq!(micros("2026-11-26 20:28:50.123+05:30"), Some((known, 29)));
        assert_eq!(micros("2026-11-26 11:58:50.123 -03 x"), Some((known, 27)));
        assert_eq!(micros("2026-11-26T14:58:50.123Z"), Some((known, 24)));
        assert_eq!(
            micros("2026-11-26 14:58:50 UTC:10.1.1.1"),
            Some((known - 123_000, 23))
        );
        assert_eq!(epoch(b"1795705130.123 x"), Some((known, 14)));
        assert_eq!(micros("1970-01-01 00:00:00"), Some((0, 19)));
        assert_eq!(micros("2000-02-29 00:00:00"), Some((951_782_400_000_000, 19)));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026-11-26",
            "2026-13-26 14:58:50",
            "2026-11-26 25:58:50",
            "2026/11/26 14:58:50",
            "x",
        ] {
            assert_eq!(micros(text), None, "{text}");
        }
    }

    #[test]
    fn an_unknown_zone_is_named_and_counts_as_utc() {
        let mut clock = Clock::default();
        assert_eq!(clock.read(b"1970-01-01 01:00:00 XYZ"), Some((3_600_000_000, 23)));
        assert_eq!(clock.unknown_zone.as_deref(), Some(&b"XYZ"[..]));
    }
}
