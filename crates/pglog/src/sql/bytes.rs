//! What each byte can begin or continue, as PostgreSQL's scanner sees it: one table, one look-up a byte.

/// May continue a word (letters, digits, `_`, `$`, every byte of 0x80 and above).
pub(super) const WORD: u8 = 0x10;
/// An ASCII upper-case letter.
pub(super) const UPPER: u8 = 0x20;
/// May stand in an operator.
pub(super) const OPERATOR: u8 = 0x40;
/// Not ASCII.
pub(super) const HIGH: u8 = 0x80;

/// The low half of an entry: what a token that begins with this byte is.
pub(super) const CLASS: u8 = 0x0f;
pub(super) const OTHER: u8 = 0;
pub(super) const SPACE: u8 = 1;
pub(super) const LETTER: u8 = 2;
pub(super) const DIGIT: u8 = 3;
pub(super) const QUOTE: u8 = 4;
pub(super) const DOUBLE_QUOTE: u8 = 5;
pub(super) const SYMBOL: u8 = 6;
pub(super) const OPEN: u8 = 7;
pub(super) const CLOSE: u8 = 8;
pub(super) const COMMA: u8 = 9;
pub(super) const DOT: u8 = 10;
pub(super) const COLON: u8 = 11;
pub(super) const SEMICOLON: u8 = 12;
pub(super) const DOLLAR: u8 = 13;
pub(super) const OPEN_BRACKET: u8 = 14;
pub(super) const CLOSE_BRACKET: u8 = 15;

static TABLE: [u8; 256] = table();

/// The entry of a byte: its class and its flags.
#[inline(always)]
pub(super) fn entry(byte: u8) -> u8 {
    TABLE[byte as usize]
}

/// Whether the byte is white space to PostgreSQL: space, tab, newline, carriage return, form feed, vertical tab.
#[inline(always)]
pub(super) fn is_space(byte: u8) -> bool {
    TABLE[byte as usize] & CLASS == SPACE
}

/// Whether a word may begin with the byte.
#[inline(always)]
pub(super) fn begins_word(byte: u8) -> bool {
    TABLE[byte as usize] & CLASS == LETTER
}

/// How many of eight bytes, from the first one on, may continue a word: all eight are judged at once.
#[inline(always)]
pub(super) fn word_length(eight: [u8; 8]) -> usize {
    const fn all(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    /// The high bit of each byte below 0x80 says whether the byte is at least `least`.
    #[inline(always)]
    fn at_least(bytes: u64, least: u8) -> u64 {
        bytes + all(0x80 - least)
    }
    let bytes = u64::from_le_bytes(eight);
    let low = bytes & all(0x7f);
    let lower = low | all(0x20);
    let letter = at_least(lower, b'a') & !at_least(lower, b'z' + 1);
    let digit = at_least(low, b'0') & !at_least(low, b'9' + 1);
    let not_underscore = at_least(low ^ all(b'_'), 1);
    let not_dollar = at_least(low ^ all(b'$'), 1);
    let word = bytes | letter | digit | !(not_underscore & not_dollar);
    (!word & all(0x80)).trailing_zeros() as usize / 8
}

const fn table() -> [u8; 256] {
    let mut table = [OTHER; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => SPACE,
            b'A'..=b'Z' => LETTER | WORD | UPPER,
            b'a'..=b'z' | b'_' => LETTER | WORD,
            0x80.. => LETTER | WORD | HIGH,
            b'0'..=b'9' => DIGIT | WORD,
            b'$' => DOLLAR | WORD,
            b'\'' => QUOTE,
            b'"' => DOUBLE_QUOTE,
            b'(' => OPEN,
            b')' => CLOSE,
            b'[' => OPEN_BRACKET,
            b']' => CLOSE_BRACKET,
            b',' => COMMA,
            b'.' => DOT,
            b':' => COLON,
            b';' => SEMICOLON,
            b'~' | b'!' | b'@' | b'#' | b'^' | b'&' | b'|' | b'`' | b'?' => SYMBOL | OPERATOR,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' => SYMBOL | OPERATOR,
            _ => OTHER,
        };
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given each byte at each of eight places, when eight are judged at once, then as the table has it.
    #[test]
    fn eight_bytes_are_judged_like_one() {
        for byte in 0..=255_u8 {
            for place in 0..8 {
                for filler in [b'a', b'Z', b'_', b'$', b'0', b'9', 0xff] {
                    let mut eight = [filler; 8];
                    eight[place] = byte;
                    let expected = if entry(byte) & WORD != 0 { 8 } else { place };
                    assert_eq!(
                        word_length(eight),
                        expected,
                        "{byte:#x} at {place} among {filler:#x}"
                    );
                }
            }
        }
    }
}
