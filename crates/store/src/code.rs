//! Access codes: what a respondent types. Ten Crockford base-32 characters and a check character.
//!
//! A code is derived from a secret key, the respondent and a generation, so that a sheet can be printed again;
//! the database holds only its keyed hash.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::read::CodeHash;

/// Crockford's base 32 (crockford.com/base32.html): no I, L, O and U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Data characters of a code.
const DATA: usize = 10;

/// A well-formed access code. It shows nothing in a log: only [`AccessCode::printed`] gives it away.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccessCode([u8; DATA + 1]);

/// Why something typed is no access code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotACode {
    /// A character that no code has.
    #[error("a code has only letters and digits")]
    Symbol,
    /// Too few or too many characters.
    #[error("a code has 11 letters and digits")]
    Length,
    /// The check character says that something is mistyped.
    #[error("a letter or digit is mistyped")]
    Check,
}

impl AccessCode {
    /// As it is printed: `0000-0000-000`.
    pub fn printed(&self) -> String {
        let c = |i: usize| char::from(ALPHABET[usize::from(self.0[i])]);
        let mut text = String::with_capacity(13);
        for i in 0..=DATA {
            if i == 4 || i == 8 {
                text.push('-');
            }
            text.push(c(i));
        }
        text
    }

    fn with_check(data: [u8; DATA]) -> Self {
        let mut symbols = [0; DATA + 1];
        symbols[..DATA].copy_from_slice(&data);
        symbols[DATA] = check(&data);
        Self(symbols)
    }
}

impl fmt::Debug for AccessCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessCode(..)")
    }
}

impl FromStr for AccessCode {
    type Err = NotACode;

    /// Forgiving: case, spaces, dashes and dots do not matter; O is 0, I and L are 1, U is V.
    fn from_str(typed: &str) -> Result<Self, NotACode> {
        let mut symbols = [0; DATA + 1];
        let mut count = 0;
        for c in typed.chars().take(200) {
            if c.is_whitespace()
                || matches!(
                    c,
                    '-' | '.' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ad}'
                )
            {
                continue;
            }
            let plain = match c.to_ascii_uppercase() {
                'O' => b'0',
                'I' | 'L' => b'1',
                'U' => b'V',
                c => u8::try_from(c).map_err(|_| NotACode::Symbol)?,
            };
            let symbol = ALPHABET
                .iter()
                .position(|s| *s == plain)
                .ok_or(NotACode::Symbol)?;
            *symbols.get_mut(count).ok_or(NotACode::Length)? = u8::try_from(symbol).unwrap_or(0);
            count += 1;
        }
        if count != DATA + 1 {
            return Err(NotACode::Length);
        }
        let data: [u8; DATA] = symbols[..DATA].try_into().map_err(|_| NotACode::Length)?;
        if check(&data) == symbols[DATA] {
            Ok(Self(symbols))
        } else {
            Err(NotACode::Check)
        }
    }
}

/// The check symbol: the sum of 2^i times the i-th symbol in GF(32) with x^5 + x^2 + 1. Powers of a primitive
/// element differ in all places, so every single mistyped symbol and every swap of two symbols is found.
fn check(data: &[u8; DATA]) -> u8 {
    data.iter().rev().fold(0, |sum, symbol| double(sum ^ symbol))
}

/// Times 2 in GF(32) with x^5 + x^2 + 1.
fn double(a: u8) -> u8 {
    let shifted = a << 1;
    if shifted & 0b10_0000 == 0 {
        shifted
    } else {
        shifted ^ 0b10_0101
    }
}

/// The two secrets behind all codes of a database. They cannot be rotated: codes are on paper.
#[derive(Clone)]
pub struct CodeKeys {
    derive: [u8; 32],
    hash: [u8; 32],
}

impl fmt::Debug for CodeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeKeys(..)")
    }
}

impl CodeKeys {
    /// From the one secret in the keys file.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self {
            derive: mac(secret, &[b"canvass code derivation"]),
            hash: mac(secret, &[b"canvass code hash"]),
        }
    }

    /// The code of a respondent in a generation (1 and up).
    pub fn code(&self, respondent: i64, generation: i32) -> AccessCode {
        let bytes = mac(
            &self.derive,
            &[&respondent.to_be_bytes(), &generation.to_be_bytes()],
        );
        // 10 symbols of 5 bits each; one byte a symbol wastes bits that nobody needs.
        AccessCode::with_check(std::array::from_fn(|i| bytes[i] & 31))
    }

    /// What the database holds of a code.
    pub fn hash(&self, code: &AccessCode) -> CodeHash {
        let bytes = mac(&self.hash, &[&code.0]);
        std::array::from_fn(|i| bytes[i])
    }

    /// Tells one secret from another without giving it away.
    pub fn fingerprint(&self) -> [u8; 8] {
        let bytes = mac(&self.hash, &[b"fingerprint"]);
        std::array::from_fn(|i| bytes[i])
    }
}

/// HMAC-SHA-256 (RFC 2104) over the parts in a row.
fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code() -> AccessCode {
        CodeKeys::new(&[7; 32]).code(42, 1)
    }

    #[test]
    fn printed_codes_read_back_however_they_are_typed() {
        for respondent in 0..500 {
            let code = CodeKeys::new(&[7; 32]).code(respondent, 1);
            let printed = code.printed();
            assert_eq!(printed.len(), 13);
            let sloppy = printed
                .to_lowercase()
                .replace('0', "o")
                .replace('1', "l")
                .replace('-', " ")
                .replace('V', "u");
            for typed in [
                printed.clone(),
                printed.replace('-', ""),
                sloppy,
                format!("  {printed}\t"),
                printed.replace('-', "–"),
            ] {
                assert_eq!(typed.parse(), Ok(code), "{typed}");
            }
        }
    }

    #[test]
    fn every_mistyped_symbol_and_every_swap_is_found() {
        let AccessCode(symbols) = code();
        let typed = |s: [u8; 11]| {
            s.map(|i| char::from(ALPHABET[usize::from(i)]))
                .iter()
                .collect::<String>()
        };
        for i in 0..11 {
            for other in 0..32 {
                let mut wrong = symbols;
                wrong[i] = other;
                let parsed = typed(wrong).parse::<AccessCode>();
                assert_eq!(parsed.is_ok(), other == symbols[i]);
            }
            for j in 0..i {
                let mut swapped = symbols;
                swapped.swap(i, j);
                assert_eq!(
                    typed(swapped).parse::<AccessCode>().is_ok(),
                    symbols[i] == symbols[j]
                );
            }
        }
    }

    #[test]
    fn what_is_no_code_says_why() {
        assert_eq!("".parse::<AccessCode>(), Err(NotACode::Length));
        assert_eq!("ABCD".parse::<AccessCode>(), Err(NotACode::Length));
        assert_eq!("ABCD-EFGH-JKMN".parse::<AccessCode>(), Err(NotACode::Length));
        assert_eq!("ABCD-EFGH-J*M".parse::<AccessCode>(), Err(NotACode::Symbol));
        assert_eq!("ABCD-EFGH-Jé0".parse::<AccessCode>(), Err(NotACode::Symbol));
        assert_eq!("\0".parse::<AccessCode>(), Err(NotACode::Symbol));
    }

    #[test]
    fn codes_do_not_show_in_logs() {
        assert_eq!(format!("{:?}", code()), "AccessCode(..)");
        assert_eq!(format!("{:?}", CodeKeys::new(&[7; 32])), "CodeKeys(..)");
    }
}
