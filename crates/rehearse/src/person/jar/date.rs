//! The dates of cookies: RFC 6265, section 5.1.1, which reads what servers really send.

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// A cookie's date in seconds since 1970; None when the algorithm fails: the attribute is then ignored.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in text.as_bytes().split(|&b| is_delimiter(b)) {
        // The order of the tries is the RFC's; what has been found is not looked for again.
        let _ = (time.is_none() && keep(&mut time, time_of(token)))
            || (day.is_none() && keep(&mut day, digits(token, 1, 2)))
            || (month.is_none() && keep(&mut month, month_of(token)))
            || (year.is_none() && keep(&mut year, digits(token, 2, 4)));
    }
    let (hour, minute, second) = time?;
    let year = match year? {
        short @ 0..=69 => short + 2000,
        short @ 70..=99 => short + 1900,
        long => long,
    };
    if year < 1601 {
        return None;
    }
    let small = |n: i16| i8::try_from(n).ok();
    let moment = DateTime::new(
        year,
        month?,
        small(day?)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    );
    Some(Offset::UTC.to_timestamp(moment.ok()?).ok()?.as_second())
}

fn keep<T>(place: &mut Option<T>, found: Option<T>) -> bool {
    *place = found;
    place.is_some()
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x2f | 0x3b..=0x40 | 0x5b..=0x60 | 0x7b..=0x7e)
}

/// The number at the start of a token, if it has that many digits; anything but a digit may follow.
fn digits(token: &[u8], least: usize, most: usize) -> Option<i16> {
    let count = token.iter().take_while(|b| b.is_ascii_digit()).count();
    (least..=most)
        .contains(&count)
        .then(|| token[..count].iter().fold(0, |n, b| n * 10 + i16::from(b - b'0')))
}

/// `hh:mm:ss`, each of one or two digits.
fn time_of(token: &[u8]) -> Option<(i16, i16, i16)> {
    let mut parts = token.splitn(3, |&b| b == b':');
    let mut whole = || {
        let part = parts.next()?;
        part.iter().all(u8::is_ascii_digit).then(|| digits(part, 1, 2))?
    };
    let (hour, minute) = (whole()?, whole()?);
    Some((hour, minute, digits(parts.next()?, 1, 2)?))
}

fn month_of(token: &[u8]) -> Option<i8> {
    let name = token.first_chunk::<3>()?.to_ascii_lowercase();
    let months = b"janfebmaraprmayjunjulaugsepoctnovdec";
    let at = months.chunks_exact(3).position(|month| month == name)?;
    i8::try_from(at + 1).ok()
}
