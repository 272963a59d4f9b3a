//! What the server signs and seals: write tokens, session cookies, and the keys and tickets of the outbox.
//!
//! All are made from the key ring with a label each, so that none can stand for another. Nothing is stored.

use std::collections::BTreeMap;

use aes_gcm::aead::{Aead, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use canvass_store::{ResponseId, WaveId};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::app::now_seconds;
use crate::keys::{KeyRing, RingKey};

type HmacSha256 = Hmac<Sha256>;

/// Bytes of a signature: HMAC-SHA-256 cut to half (RFC 2104, section 5).
const SIGNATURE: usize = 16;
/// Bytes of (wave, response).
const RIGHT: usize = 12;

/// The right to append to one response of one wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    /// The wave.
    pub wave: WaveId,
    /// The response.
    pub response: ResponseId,
}

/// What a session cookie says. It gives the right to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose response.
    pub right: Right,
    /// The language chosen: a tag of the questionnaire.
    pub language: String,
    /// When the cookie was made, in seconds since the Unix epoch.
    pub issued: u32,
}

/// The outbox's key for one response, for the page of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// AES-256-GCM key, base64url without padding.
    pub key: String,
    /// Goes with every sealed item; only the server can tell whose it is. The items' associated data.
    pub ticket: String,
}

/// One item of an outbox as it arrives: three texts in base64url without padding.
#[derive(Debug, Clone, serde::Deserialize)]
pub struct SealedItem {
    /// As it was handed out with the key.
    pub ticket: String,
    /// 12 bytes.
    pub iv: String,
    /// AES-256-GCM of the save's JSON, with the ticket's text as associated data.
    pub data: String,
}

struct Derived {
    signs_from: i64,
    write: HmacSha256,
    session: HmacSha256,
    seal: HmacSha256,
    ticket: Aes256Gcm,
}

/// Signs, verifies, seals and opens.
pub struct Tokens {
    by_id: BTreeMap<u16, Derived>,
}

impl Tokens {
    /// From the key ring.
    pub fn new(ring: &KeyRing) -> Self {
        Self {
            by_id: ring.keys().map(|(id, key)| (id, Derived::from(&key))).collect(),
        }
    }

    /// The key that signs now: of those whose time has come the latest; the first one when none has.
    fn signing(&self) -> (u16, &Derived) {
        let now = i64::from(now_seconds());
        let come = self.by_id.iter().filter(|(_, key)| key.signs_from <= now);
        let newest = come
            .max_by_key(|(id, key)| (key.signs_from, **id))
            .or(self.by_id.iter().next());
        newest
            .map(|(id, key)| (*id, key))
            .expect("a key ring is never empty")
    }

    /// The write token for a response: 30 bytes as base64url.
    pub fn write_token(&self, right: Right) -> String {
        let mut bytes = Vec::with_capacity(2 + RIGHT + SIGNATURE);
        let (id, derived) = self.signing();
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&right.bytes());
        sign(&derived.write, &mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a write token gives the right to; `None` when it is forged, mangled, or its key is no longer in the ring.
    pub fn verify_write(&self, token: &str) -> Option<Right> {
        let mut bytes = [0; 2 + RIGHT + SIGNATURE];
        if token.len() != (bytes.len() * 8).div_ceil(6) {
            return None;
        }
        URL_SAFE_NO_PAD
            .decode_slice(token, &mut bytes)
            .ok()
            .filter(|n| *n == bytes.len())?;
        let payload = verify(&self.derived(&bytes)?.write, &bytes)?;
        Right::from_bytes(payload[2..].try_into().ok()?)
    }

    /// The value of a session cookie.
    pub fn session_cookie(&self, session: &Session) -> String {
        let mut bytes = Vec::with_capacity(64);
        let (id, derived) = self.signing();
        bytes.extend_from_slice(&id.to_be_bytes());
        bytes.extend_from_slice(&session.right.bytes());
        bytes.extend_from_slice(&session.issued.to_be_bytes());
        bytes.extend_from_slice(session.language.as_bytes());
        sign(&derived.session, &mut bytes);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What a session cookie says; `None` when it is not ours. Its age is for the caller to judge.
    pub fn verify_session(&self, cookie: &str) -> Option<Session> {
        if cookie.len() > 200 {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let payload = verify(&self.derived(&bytes)?.session, &bytes)?;
        let (right, rest) = payload[2..].split_at_checked(RIGHT)?;
        let (issued, language) = rest.split_at_checked(4)?;
        Some(Session {
            right: Right::from_bytes(right.try_into().ok()?)?,
            issued: u32::from_be_bytes(issued.try_into().ok()?),
            language: String::from_utf8(language.to_vec()).ok()?,
        })
    }

    /// The outbox key of a response with a fresh ticket; `None` when the system has no random numbers.
    pub fn seal(&self, right: Right) -> Option<Seal> {
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).ok()?;
        let (id, derived) = self.signing();
        let hidden = derived
            .ticket
            .encrypt(&Nonce::from(nonce), right.bytes().as_slice())
            .ok()?;
        let mut ticket = Vec::with_capacity(2 + 12 + RIGHT + 16);
        ticket.extend_from_slice(&id.to_be_bytes());
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(&hidden);
        Some(Seal {
            key: URL_SAFE_NO_PAD.encode(derived.seal_key(right)),
            ticket: URL_SAFE_NO_PAD.encode(ticket),
        })
    }

    /// Opens an item of an outbox: whose it is and the JSON of the save. `None` when it is not what a page of that
    /// response sealed.
    pub fn open(&self, item: &SealedItem) -> Option<(Right, Vec<u8>)> {
        let ticket = URL_SAFE_NO_PAD.decode(&item.ticket).ok()?;
        let derived = self.derived(&ticket)?;
        let (nonce, hidden) = ticket[2..].split_at_checked(12)?;
        let nonce: [u8; 12] = nonce.try_into().ok()?;
        let right = derived.ticket.decrypt(&Nonce::from(nonce), hidden).ok()?;
        let right = Right::from_bytes(right.as_slice().try_into().ok()?)?;
        let cipher = Aes256Gcm::new(&derived.seal_key(right).into());
        let iv: [u8; 12] = URL_SAFE_NO_PAD.decode(&item.iv).ok()?.try_into().ok()?;
        let data = URL_SAFE_NO_PAD.decode(&item.data).ok()?;
        let payload = Payload {
            msg: &data,
            aad: item.ticket.as_bytes(),
        };
        Some((right, cipher.decrypt(&Nonce::from(iv), payload).ok()?))
    }

    fn derived(&self, bytes: &[u8]) -> Option<&Derived> {
        let id = bytes.first_chunk::<2>()?;
        self.by_id.get(&u16::from_be_bytes(*id))
    }
}

impl Derived {
    fn from(key: &RingKey) -> Self {
        let hmac = |key: &[u8]| {
            <HmacSha256 as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length")
        };
        let labelled = |label: &[u8]| -> [u8; 32] {
            hmac(&key.secret)
                .chain_update(label)
                .finalize()
                .into_bytes()
                .into()
        };
        Self {
            signs_from: key.signs_from,
            write: hmac(&labelled(b"canvass write token")),
            session: hmac(&labelled(b"canvass session")),
            seal: hmac(&labelled(b"canvass outbox seal")),
            ticket: Aes256Gcm::new(&labelled(b"canvass outbox ticket").into()),
        }
    }

    fn seal_key(&self, right: Right) -> [u8; 32] {
        self.seal
            .clone()
            .chain_update(right.bytes())
            .finalize()
            .into_bytes()
            .into()
    }
}

impl Right {
    fn bytes(self) -> [u8; RIGHT] {
        let mut bytes = [0; RIGHT];
        bytes[..4].copy_from_slice(&self.wave.0.to_be_bytes());
        bytes[4..].copy_from_slice(&self.response.0.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; RIGHT]) -> Option<Self> {
        let (wave, response) = bytes.split_at(4);
        Some(Self {
            wave: WaveId(i32::from_be_bytes(wave.try_into().ok()?)),
            response: ResponseId(i64::from_be_bytes(response.try_into().ok()?)),
        })
    }
}

fn sign(key: &HmacSha256, bytes: &mut Vec<u8>) {
    let signature = key.clone().chain_update(bytes.as_slice()).finalize().into_bytes();
    bytes.extend_from_slice(&signature[..SIGNATURE]);
}

/// The signed part, in constant time whatever the signature.
fn verify<'b>(key: &HmacSha256, bytes: &'b [u8]) -> Option<&'b [u8]> {
    let (payload, signature) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
    key.clone()
        .chain_update(payload)
        .verify_truncated_left(signature)
        .ok()?;
    Some(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        Tokens::new(&KeyRing::of([3; 32], &[4; 32]))
    }
    const RIGHT: Right = Right {
        wave: WaveId(17),
        response: ResponseId(123_456_789_012),
    };

    #[test]
    fn a_write_token_gives_back_its_right_and_any_change_is_found() {
        let token = tokens().write_token(RIGHT);
        assert_eq!(tokens().verify_write(&token), Some(RIGHT));
        for i in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(tokens().verify_write(&changed), None, "{i}");
        }
        for odd in [
            "",
            "A",
            "é",
            &token[1..],
            &format!("{token}A"),
            &format!("{token}="),
        ] {
            assert_eq!(tokens().verify_write(odd), None);
        }
    }

    #[test]
    fn tokens_of_another_ring_and_of_another_kind_are_refused() {
        let other = Tokens::new(&KeyRing::of([9; 32], &[4; 32]));
        assert_eq!(tokens().verify_write(&other.write_token(RIGHT)), None);
        let session = Session {
            right: RIGHT,
            language: "es".into(),
            issued: 5,
        };
        let cookie = tokens().session_cookie(&session);
        assert_eq!(tokens().verify_session(&cookie), Some(session));
        assert_eq!(tokens().verify_write(&cookie), None);
        assert_eq!(tokens().verify_session(&tokens().write_token(RIGHT)), None);
        assert_eq!(other.verify_session(&cookie), None);
    }

    #[test]
    fn a_rotated_ring_accepts_what_the_old_key_signed() {
        let mut ring = KeyRing::of([3; 32], &[4; 32]);
        let old = Tokens::new(&ring).write_token(RIGHT);
        ring.insert_for_test(2, 0, [5; 32]);
        let rotated = Tokens::new(&ring);
        assert_eq!(rotated.verify_write(&old), Some(RIGHT));
        assert_ne!(rotated.write_token(RIGHT), old);
        assert_eq!(tokens().verify_write(&rotated.write_token(RIGHT)), None);
    }

    #[test]
    fn a_new_key_is_accepted_at_once_and_signs_from_its_time_on() {
        let mut ring = KeyRing::of([3; 32], &[4; 32]);
        ring.insert_for_test(2, i64::from(now_seconds()) + 3600, [5; 32]);
        let rotated = Tokens::new(&ring);

        let token = rotated.write_token(RIGHT);

        assert_eq!(
            tokens().verify_write(&token),
            Some(RIGHT),
            "a process that knows only the old key takes it"
        );
        let mut later = KeyRing::of([3; 32], &[4; 32]);
        later.insert_for_test(2, 0, [5; 32]);
        assert_eq!(
            rotated.verify_write(&Tokens::new(&later).write_token(RIGHT)),
            Some(RIGHT)
        );
    }

    fn sealed(seal: &Seal, plain: &[u8]) -> SealedItem {
        let key: [u8; 32] = URL_SAFE_NO_PAD.decode(&seal.key).unwrap().try_into().unwrap();
        let payload = Payload {
            msg: plain,
            aad: seal.ticket.as_bytes(),
        };
        let data = Aes256Gcm::new(&key.into())
            .encrypt(&Nonce::from([1; 12]), payload)
            .unwrap();
        SealedItem {
            ticket: seal.ticket.clone(),
            iv: URL_SAFE_NO_PAD.encode([1; 12]),
            data: URL_SAFE_NO_PAD.encode(data),
        }
    }

    #[test]
    fn a_sealed_item_opens_only_whole_and_with_its_own_ticket() {
        let seal = tokens().seal(RIGHT).unwrap();
        let item = sealed(&seal, b"{}");
        assert_eq!(tokens().open(&item), Some((RIGHT, b"{}".to_vec())));
        let other = tokens()
            .seal(Right {
                response: ResponseId(5),
                ..RIGHT
            })
            .unwrap();
        assert_eq!(
            tokens().open(&SealedItem {
                ticket: other.ticket.clone(),
                ..item.clone()
            }),
            None
        );
        let again = tokens().seal(RIGHT).unwrap();
        assert_ne!(
            again.ticket, seal.ticket,
            "two tickets of one response cannot be told to be one's"
        );
        assert_eq!(again.key, seal.key);
        assert_eq!(
            tokens().open(&SealedItem {
                ticket: again.ticket,
                ..item.clone()
            }),
            None
        );
        for odd in ["", "A", "AAAA", "é"] {
            assert_eq!(
                tokens().open(&SealedItem {
                    ticket: odd.into(),
                    ..item.clone()
                }),
                None
            );
            assert_eq!(
                tokens().open(&SealedItem {
                    iv: odd.into(),
                    ..item.clone()
                }),
                None
            );
            assert_eq!(
                tokens().open(&SealedItem {
                    data: odd.into(),
                    ..item.clone()
                }),
                None
            );
        }
    }
}
