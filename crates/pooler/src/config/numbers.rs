//! Whole numbers as C writes them (`42`, `0x2a`, `052`) and seconds with a fraction.

use std::time::Duration;

/// Three centuries: beyond it a time is a mistake, and could not be added to the clock.
pub(super) const MAX_SECONDS: u64 = 10_000_000_000;

/// A whole number, in octal behind a `0` and in hexadecimal behind `0x`, as pgbouncer reads them.
///
/// # Errors
/// When it is something else or doesn't fit.
pub(super) fn whole(text: &str) -> Result<u64, ()> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    if digits.starts_with('+') {
        return Err(());
    }
    u64::from_str_radix(digits, radix).map_err(|_| ())
}

/// A whole number between two bounds, both included.
///
/// # Errors
/// What the number must be.
pub(super) fn whole_within<T: TryFrom<u64>>(text: &str, least: u64, most: u64) -> Result<T, String> {
    whole(text)
        .ok()
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| format!("it must be a whole number from {least} to {most}"))
}

/// Seconds, with a fraction down to a microsecond or an exponent, as pgbouncer reads them.
///
/// # Errors
/// What the number must be.
pub(super) fn read_seconds(text: &str) -> Result<Duration, String> {
    let number = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
    let seconds = text.parse::<f64>().ok().filter(|_| number);
    let within = seconds.filter(|seconds| (0.0..=MAX_SECONDS as f64).contains(seconds));
    let Some(seconds) = within else {
        return Err(format!("it must be a number of seconds from 0 to {MAX_SECONDS}"));
    };
    let time = Duration::from_micros((seconds * 1e6).round() as u64);
    if time.is_zero() && seconds > 0.0 {
        return Err("it must be at least a microsecond (0.000001), or 0".to_owned());
    }
    Ok(time)
}

/// Seconds as text, with as many decimals as there are.
pub(super) fn micros_text(time: Duration) -> String {
    let text = format!("{}.{:06}", time.as_secs(), time.subsec_micros());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
