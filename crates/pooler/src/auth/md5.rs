//! PostgreSQL's MD5 authentication: `"md5" + hex(md5(hex(md5(password + user)) + salt))`.
//!
//! <https://www.postgresql.org/docs/15/protocol-flow.html>, AuthenticationMD5Password.

use std::fmt;

use md5::{Digest, Md5};

use super::secret::same_bytes;

/// The 32 hexadecimal digits of `md5(password + user)`: what PostgreSQL stores after the prefix `md5`.
#[derive(Clone, PartialEq, Eq)]
pub struct Md5Hash([u8; 32]);

impl Md5Hash {
    /// The hash of a password. The user name is its salt.
    pub fn of_password(password: &[u8], user: &str) -> Self {
        Self(hex_digest(&[password, user.as_bytes()]))
    }

    /// Reads `md5` and 32 lower-case hexadecimal digits; `None` when it is anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: [u8; 32] = text.strip_prefix("md5")?.as_bytes().try_into().ok()?;
        let hexadecimal = |c: &u8| matches!(c, b'0'..=b'9' | b'a'..=b'f');
        digits.iter().all(hexadecimal).then_some(Self(digits))
    }

    /// As [`Self::parse`] reads it.
    pub(crate) fn text(&self) -> String {
        format!("md5{}", String::from_utf8_lossy(&self.0))
    }

    /// What a client must answer to this salt, without the terminating zero: 35 bytes.
    pub fn response(&self, salt: [u8; 4]) -> Vec<u8> {
        let mut response = b"md5".to_vec();
        response.extend_from_slice(&hex_digest(&[&self.0, &salt]));
        response
    }

    /// True when `response` is the right answer to `salt`. Takes the same time whatever it is.
    pub fn accepts(&self, salt: [u8; 4], response: &[u8]) -> bool {
        same_bytes(&self.response(salt), response)
    }

    /// True when this is the hash of that password. Takes the same time whatever it is.
    pub fn is_of(&self, password: &[u8], user: &str) -> bool {
        same_bytes(&self.0, &Self::of_password(password, user).0)
    }
}

impl fmt::Debug for Md5Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Md5Hash(..)")
    }
}

fn hex_digest(parts: &[&[u8]]) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    let mut hex = [0; 32];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(hash.finalize()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_reproduced() {
        // given pgbouncer's documentation: user admin, password 1234
        let hash = Md5Hash::of_password(b"1234", "admin");

        // then its stored form is the documented one
        assert_eq!(
            Md5Hash::parse("md545f2603610af569b6155c45067268c6b"),
            Some(hash.clone())
        );
        assert!(hash.is_of(b"1234", "admin"));
        assert!(!hash.is_of(b"1234", "root"));
        assert!(!hash.is_of(b"12345", "admin"));
    }

    #[test]
    fn a_response_fits_its_own_salt_only() {
        // given the right answer to one salt
        let hash = Md5Hash::of_password(b"secret", "ann");
        let response = hash.response([1, 2, 3, 4]);

        // then it is accepted for that salt, and nothing else is
        assert_eq!(response.len(), 35);
        assert!(hash.accepts([1, 2, 3, 4], &response));
        assert!(!hash.accepts([1, 2, 3, 5], &response));
        assert!(!hash.accepts([1, 2, 3, 4], &response[..34]));
        assert!(!hash.accepts([1, 2, 3, 4], b""));
    }

    #[test]
    fn only_the_exact_form_is_a_hash() {
        for text in [
            "md5",
            "md545f2603610af569b6155c45067268c6",
            "md545f2603610af569b6155c45067268c6bb",
            "md545F2603610AF569B6155C45067268C6B",
            "MD545f2603610af569b6155c45067268c6b",
            "md545f2603610af569b6155c45067268c6g",
            "",
        ] {
            assert_eq!(Md5Hash::parse(text), None, "{text}");
        }
    }
}
