//! Numbers: what is accepted is exactly what was typed, or it is refused.

use super::{GREATEST_NUMBER, Refusal};
use crate::definition::Kind;

/// Most characters of a number that are looked at: the longest double has fewer.
const MAX_LENGTH: usize = 400;

/// Writes the canonical form of a JSON number.
pub(super) fn from_json(kind: &Kind, raw: &str, out: &mut String) -> Result<(), Refusal> {
    number(kind, raw, out)
}

/// Writes the canonical form of a number typed by a person, with a point or a comma before the decimals.
/// `1,000` is a thousand to some and one to others: it is refused, so that the person says which.
pub(super) fn from_form(kind: &Kind, typed: &str, out: &mut String) -> Result<(), Refusal> {
    let Kind::Number { decimals, .. } = kind else {
        return Err(Refusal::WrongType);
    };
    if may_be_thousands(typed, *decimals) {
        return Err(Refusal::NotANumber);
    }
    number(kind, &typed.replace(',', "."), out)
}

/// Whether the one comma or point of a typed number may stand between thousands and hundreds. With three
/// decimals asked for, a point is a point.
fn may_be_thousands(typed: &str, decimals: u8) -> bool {
    let typed = typed.strip_prefix(['+', '-']).unwrap_or(typed);
    let Some(at) = typed.find([',', '.']) else {
        return false;
    };
    let (before, after) = (&typed[..at], &typed[at + 1..]);
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let grouped = (1..=3).contains(&before.len())
        && !before.starts_with('0')
        && digits(before)
        && after.len() == 3
        && digits(after);
    grouped && (typed[at..].starts_with(',') || decimals < 3)
}

fn number(kind: &Kind, typed: &str, out: &mut String) -> Result<(), Refusal> {
    let Kind::Number { min, max, decimals } = kind else {
        return Err(Refusal::WrongType);
    };
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
    if typed.len() > MAX_LENGTH || !typed.bytes().all(plain) {
        return Err(Refusal::NotANumber);
    }
    let value: f64 = typed.parse().map_err(|_| Refusal::NotANumber)?;
    if !(value.abs() <= GREATEST_NUMBER && min.is_none_or(|m| value >= m) && max.is_none_or(|m| value <= m)) {
        return Err(Refusal::OutOfRange);
    }
    if decimals_of(typed) > i64::from(*decimals) {
        return Err(Refusal::TooManyDecimals);
    }
    // Rust prints the shortest decimal that reads back as the same double, and never an exponent.
    let canonical = if value == 0.0 {
        "0".to_owned()
    } else {
        value.to_string()
    };
    out.push_str(&canonical);
    Ok(())
}

/// How many digits behind the decimal point the number needs, told from its digits: the double may have lost
/// them. Negative when it ends in zeros.
fn decimals_of(typed: &str) -> i64 {
    let (mantissa, exponent) = typed.split_once(['e', 'E']).unwrap_or((typed, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes()).filter(u8::is_ascii_digit);
    if digits().all(|b| b == b'0') {
        return 0;
    }
    let zeros_at_end = digits().rev().take_while(|b| *b == b'0').count();
    // An exponent beyond all bounds is negative: the positive one was out of range.
    let exponent: i64 = exponent.parse().unwrap_or(i64::MIN / 2);
    let behind_the_point = i64::try_from(fraction.len()).unwrap_or_default();
    (behind_the_point - i64::try_from(zeros_at_end).unwrap_or_default()).saturating_sub(exponent)
}
