//! Pieces of messages: numbers, names, lengths of time.

use memchr::memmem;

/// The text behind `mark`.
pub(super) fn behind<'t>(text: &'t [u8], mark: &str) -> Option<&'t [u8]> {
    memmem::find(text, mark.as_bytes()).map(|at| &text[at + mark.len()..])
}

/// The text up to `mark`, and the text behind it.
pub(super) fn split<'t>(text: &'t [u8], mark: &str) -> Option<(&'t [u8], &'t [u8])> {
    memmem::find(text, mark.as_bytes()).map(|at| (&text[..at], &text[at + mark.len()..]))
}

/// The whole number at the front.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    crate::time::digits(text).map(|(number, _)| number)
}

/// The whole number that ends right before `mark`, as in `12 removed`.
pub(super) fn number_before(text: &[u8], mark: &str) -> Option<u64> {
    let at = memmem::find(text, mark.as_bytes())?;
    let digits = text[..at].iter().rev().take_while(|b| b.is_ascii_digit()).count();
    number(&text[at - digits..at])
}

/// `1.234 s` behind `mark`, as µs: any unit's thousandth of a thousandth.
pub(super) fn millionths(text: &[u8]) -> Option<u64> {
    let (whole, used) = crate::time::digits(text)?;
    let mut micros = whole.checked_mul(1_000_000)?;
    if text.get(used) == Some(&b'.') {
        let mut unit = 100_000;
        for figure in text[used + 1..].iter().take_while(|b| b.is_ascii_digit()) {
            micros = micros.checked_add(u64::from(figure - b'0') * unit)?;
            unit /= 10;
        }
    }
    Some(micros)
}

/// What stands behind `mark` as millionths.
pub(super) fn millionths_behind(text: &[u8], mark: &str) -> Option<u64> {
    millionths(behind(text, mark)?)
}

/// What stands between the first two double quotes, when it can be a name.
pub(super) fn quoted(text: &[u8]) -> Option<String> {
    let mut parts = text.split(|b| *b == b'"');
    parts.next()?;
    let name = parts.next()?;
    parts.next()?;
    is_name(name).then(|| String::from_utf8_lossy(name).into_owned())
}

/// Whether it can be a name: `database.schema.table` at most, without quotes and control characters.
pub(super) fn is_name(text: &[u8]) -> bool {
    (1..=200).contains(&text.len()) && text.iter().all(|b| *b >= b' ' && !matches!(b, b'"' | 0x7f))
}

/// Lines without the tab that stderr logs put before continued ones.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| *b == b'\n').map(|line| {
        let line = line.strip_prefix(b"\t").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    })
}
