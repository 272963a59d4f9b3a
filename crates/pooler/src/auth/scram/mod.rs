//! SCRAM-SHA-256 (RFC 5802, RFC 7677) as PostgreSQL speaks it: keys, proofs and the stored verifier.
//!
//! The messages are in [`messages`], the slow derivation and its cache in [`keyring`]. Channel binding
//! (SCRAM-SHA-256-PLUS) is neither offered to clients nor used with servers.

mod keyring;
pub(crate) mod messages;

use std::fmt;

use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::secret::same_bytes;

pub use keyring::{DeriveError, Keyring, MAX_ITERATIONS};

/// The name of the mechanism in AuthenticationSASL and SASLInitialResponse.
pub(crate) const MECHANISM: &str = "SCRAM-SHA-256";

/// A SHA-256 digest or a key of its size.
pub(crate) type Key = [u8; 32];

/// `scram_iterations` as PostgreSQL and pgbouncer set it by default.
pub const DEFAULT_ITERATIONS: u32 = 4096;

/// The three keys that are derived from a salted password (RFC 5802, section 3).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub client_key: Key,
    pub stored_key: Key,
    pub server_key: Key,
}

impl Keys {
    /// Derives them. Slow by intent: about a millisecond for 4096 iterations, so never on an event thread.
    pub fn derive(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let salted = salted_password(&prepared(password), salt, iterations);
        let client_key = hmac(&salted, &[b"Client Key"]);
        Self {
            client_key,
            stored_key: sha256(&client_key),
            server_key: hmac(&salted, &[b"Server Key"]),
        }
    }
}

/// What a server stores of a password: enough to check a proof, not enough to make one.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    pub(crate) iterations: u32,
    pub(crate) salt: Box<[u8]>,
    pub(crate) stored_key: Key,
    pub(crate) server_key: Key,
}

impl Verifier {
    /// Reads `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, the last three in base64; `None` when it is
    /// anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let ("SCRAM-SHA-256", Some(cost), Some(keys), None) =
            (parts.next()?, parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let (iterations, salt) = cost.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text| BASE64_STANDARD.decode(text).ok()?.try_into().ok();
        Some(Self {
            iterations: positive(iterations)?,
            salt: BASE64_STANDARD.decode(salt).ok()?.into(),
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }

    pub(crate) fn of_keys(keys: &Keys, salt: &[u8], iterations: u32) -> Self {
        Self {
            iterations,
            salt: salt.into(),
            stored_key: keys.stored_key,
            server_key: keys.server_key,
        }
    }

    /// The ClientKey that a client proved to have, or `None` when the proof is wrong.
    ///
    /// Takes the same time either way (RFC 5802, section 3: `ClientKey = ClientProof XOR ClientSignature`).
    pub(crate) fn check(&self, auth_message: &[u8], proof: &Key) -> Option<Key> {
        let client_key = xor(proof, &hmac(&self.stored_key, &[auth_message]));
        same_bytes(&sha256(&client_key), &self.stored_key).then_some(client_key)
    }

    /// The keys for logging in to a server with the same verifier, once a client proved to have `client_key`.
    pub(crate) fn pass_through(&self, client_key: Key) -> PassThrough {
        PassThrough {
            iterations: self.iterations,
            salt: self.salt.clone(),
            client_key,
            server_key: self.server_key,
        }
    }
}

impl fmt::Display for Verifier {
    /// The stored form, as [`Verifier::parse`] reads it. It is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored, server] =
            [&self.salt[..], &self.stored_key, &self.server_key].map(|bytes| BASE64_STANDARD.encode(bytes));
        write!(f, "{MECHANISM}${}:{salt}${stored}:{server}", self.iterations)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier(..)")
    }
}

/// The keys that let the pooler log in to a server as a client that logged in here, without knowing the password.
///
/// They fit a server only whose verifier has the same salt and iterations.
#[derive(Clone, PartialEq, Eq)]
pub struct PassThrough {
    pub(crate) iterations: u32,
    pub(crate) salt: Box<[u8]>,
    pub(crate) client_key: Key,
    pub(crate) server_key: Key,
}

impl fmt::Debug for PassThrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PassThrough(..)")
    }
}

/// `ClientProof = ClientKey XOR HMAC(StoredKey, AuthMessage)`.
pub(crate) fn client_proof(client_key: &Key, auth_message: &[u8]) -> Key {
    xor(client_key, &hmac(&sha256(client_key), &[auth_message]))
}

/// `ServerSignature = HMAC(ServerKey, AuthMessage)`.
pub(crate) fn server_signature(server_key: &Key, auth_message: &[u8]) -> Key {
    hmac(server_key, &[auth_message])
}

/// HMAC-SHA-256 of the parts, one after the other.
pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = keyed(key);
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn sha256(data: &[u8]) -> Key {
    Sha256::digest(data).into()
}

fn xor(a: &Key, b: &Key) -> Key {
    std::array::from_fn(|i| a[i] ^ b[i])
}

/// `Hi(password, salt, i)` of RFC 5802: PBKDF2 with HMAC-SHA-256 and one block of output.
fn salted_password(password: &[u8], salt: &[u8], iterations: u32) -> Key {
    let keyed = keyed(password);
    let mac = |parts: &[&[u8]]| -> Key {
        let mut mac = keyed.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    };
    let mut block = mac(&[salt, &1_u32.to_be_bytes()]);
    let mut salted = block;
    for _ in 1..iterations {
        block = mac(&[&block]);
        salted = xor(&salted, &block);
    }
    salted
}

/// A password as it goes into the derivation: SASLprep (RFC 4013), or its bytes when that does not apply, as in
/// PostgreSQL.
fn prepared(password: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(password).ok();
    match text.map(stringprep::saslprep) {
        Some(Ok(prepared)) if !prepared.is_empty() => prepared.as_bytes().to_vec(),
        _ => password.to_vec(),
    }
}

/// A decimal number of at least 1, digits only.
pub(crate) fn positive(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|c| c.is_ascii_digit());
    digits.parse().ok().filter(|number| plain && *number > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 7677, section 3: user `user`, password `pencil`.
    const SALT: &str = "W22ZaJ0SNY7soEsUEjb6gQ==";
    const AUTH_MESSAGE: &str = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
        r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
        c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const PROOF: &str = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const SIGNATURE: &str = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn decoded(text: &str) -> Vec<u8> {
        BASE64_STANDARD.decode(text).unwrap()
    }

    #[test]
    fn the_exchange_of_rfc_7677_is_reproduced() {
        // given its password, salt and iterations
        let keys = Keys::derive(b"pencil", &decoded(SALT), 4096);

        // then proof and signature over its messages are its own
        let auth = AUTH_MESSAGE.as_bytes();
        assert_eq!(client_proof(&keys.client_key, auth).to_vec(), decoded(PROOF));
        assert_eq!(
            server_signature(&keys.server_key, auth).to_vec(),
            decoded(SIGNATURE)
        );

        // and the verifier accepts that proof, gives back the client's key, and accepts no other
        let verifier = Verifier::of_keys(&keys, &decoded(SALT), 4096);
        let proof: Key = decoded(PROOF).try_into().unwrap();
        assert_eq!(verifier.check(auth, &proof), Some(keys.client_key));
        let mut wrong = proof;
        wrong[31] ^= 1;
        assert_eq!(verifier.check(auth, &wrong), None);
        assert_eq!(verifier.check(b"other", &proof), None);
    }

    #[test]
    fn a_verifier_is_written_as_it_is_read() {
        let text = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
            WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        let keys = Keys::derive(b"pencil", &decoded(SALT), 4096);

        let verifier = Verifier::parse(text).unwrap();

        assert_eq!(verifier, Verifier::of_keys(&keys, &decoded(SALT), 4096));
        assert_eq!(verifier.to_string(), text);
    }

    #[test]
    fn what_is_not_quite_a_verifier_is_none() {
        let good = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
            WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        for (from, to) in [
            ("4096", "0"),
            ("4096", "-1"),
            ("4096", "+1"),
            ("4096", "4294967296"),
            ("4096:", "4096"),
            ("SHA-256$", "SHA-512$"),
            ("SHA-256$", "SHA-256-PLUS$"),
            ("W22Z", "W2Z"),
            ("WG5d8oPm3Otc", "WG5d8oPm"),
            ("dU=", "dU=$"),
            ("dU=", "dU"),
        ] {
            let text = good.replacen(from, to, 1);
            assert_eq!(Verifier::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn passwords_are_prepared_as_rfc_4013_says() {
        for (password, expected) in [
            // its examples: soft hyphen goes, ª becomes a, Ⅸ becomes IX
            ("I\u{ad}X".as_bytes(), "IX".as_bytes()),
            (b"user", b"user"),
            ("\u{aa}".as_bytes(), b"a"),
            ("\u{2168}".as_bytes(), b"IX"),
            // prohibited or not text at all: the bytes themselves, as in PostgreSQL
            (b"\x07", b"\x07"),
            ("\u{627}1".as_bytes(), "\u{627}1".as_bytes()),
            (b"\xff\xfe", b"\xff\xfe"),
            ("\u{ad}".as_bytes(), "\u{ad}".as_bytes()),
        ] {
            assert_eq!(prepared(password), expected, "{password:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_a_verifier_never_panics(text in "SCRAM-SHA-256\\$.{0,100}|\\PC*") {
            if let Some(verifier) = Verifier::parse(&text) {
                prop_assert_eq!(Verifier::parse(&verifier.to_string()), Some(verifier));
            }
        }

        #[test]
        fn preparing_any_bytes_never_panics(bytes: Vec<u8>) {
            prepared(&bytes);
        }
    }
}
