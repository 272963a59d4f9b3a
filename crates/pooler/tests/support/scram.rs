//! A login with SCRAM-SHA-256, from the client's side: <https://www.rfc-editor.org/rfc/rfc5802>.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{LazyLock, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{Message, Next, Reply, Wire, build};

type Bytes = [u8; 32];
/// By password and salt.
type Salted = HashMap<(String, Vec<u8>), Bytes>;

/// Logs in with a password; all that was said, up to ReadyForQuery, an error, or the end.
pub fn login(address: SocketAddr, user: &str, password: &str, database: &str) -> (Option<Wire>, Reply) {
    login_with(address, password, &[("user", user), ("database", database)])
}

/// The same with more start-up parameters.
pub fn login_with(address: SocketAddr, password: &str, parameters: &[(&str, &str)]) -> (Option<Wire>, Reply) {
    exchange(address, parameters, |challenge| answer(challenge, password))
}

/// The same with another last word to the server's challenge.
pub fn exchange(
    address: SocketAddr,
    parameters: &[(&str, &str)],
    last: impl FnOnce(&str) -> String,
) -> (Option<Wire>, Reply) {
    let Ok(mut wire) = Wire::try_connect(address) else {
        return (None, Reply::default());
    };
    let mut reply = Reply::default();
    let _ = wire.send(&build::startup(parameters));
    if hear(&mut wire, &mut reply, 10).is_none() {
        return (None, reply);
    }
    let _ = wire.send(&initial_response(u32::try_from(FIRST.len() + 3).unwrap()));
    let Some(challenge) = hear(&mut wire, &mut reply, 11) else {
        return (None, reply);
    };
    let challenge = String::from_utf8(challenge.body[4..].to_vec()).unwrap();
    let _ = wire.send(&build::raw(b'p', last(&challenge).as_bytes()));
    let rest = wire.until_ready();
    let is_in = rest.is_ready();
    reply.messages.extend(rest.messages);
    reply.ended = rest.ended;
    (is_in.then_some(wire), reply)
}

/// The bare first message.
const FIRST: &str = "n=,r=rOprNGfwEbeRWgbNEkqO";

/// The message that begins an exchange, with what it says about the length of its data.
pub fn initial_response(length: u32) -> Vec<u8> {
    let mut body = b"SCRAM-SHA-256\0".to_vec();
    body.extend(length.to_be_bytes());
    body.extend(b"n,,");
    body.extend(FIRST.as_bytes());
    build::raw(b'p', &body)
}

/// The next message, if it is an authentication request of this kind.
fn hear(wire: &mut Wire, reply: &mut Reply, kind: u8) -> Option<Message> {
    match wire.next() {
        Next::Message(message) => {
            let is_it = message.kind == b'R' && message.body.get(3) == Some(&kind);
            reply.messages.push(message.clone());
            if !is_it {
                let rest = wire.until_end();
                reply.messages.extend(rest.messages);
                reply.ended = true;
            }
            is_it.then_some(message)
        }
        _ => {
            reply.ended = true;
            None
        }
    }
}

/// The right last word to a challenge.
pub fn answer(challenge: &str, password: &str) -> String {
    let part = |name: &str| {
        let mut parts = challenge.split(',');
        parts.find_map(|part| part.strip_prefix(name)).unwrap()
    };
    let salt = BASE64.decode(part("s=")).unwrap();
    let salted = salted(password, &salt, part("i=").parse().unwrap());
    let without_proof = format!("c=biws,r={}", part("r="));
    let said = format!("{FIRST},{challenge},{without_proof}");
    let client_key = hmac(&salted, b"Client Key");
    let stored_key: Bytes = Sha256::digest(client_key).into();
    let signature = hmac(&stored_key, said.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
    format!("{without_proof},p={}", BASE64.encode(proof))
}

fn hmac(key: &[u8], text: &[u8]) -> Bytes {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text);
    mac.finalize().into_bytes().into()
}

/// Kept, as it takes long without optimisation.
fn salted(password: &str, salt: &[u8], iterations: u32) -> Bytes {
    static KNOWN: LazyLock<Mutex<Salted>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    let derive = || {
        let mut last = hmac(password.as_bytes(), &[salt, &[0, 0, 0, 1]].concat());
        let mut sum = last;
        for _ in 1..iterations {
            last = hmac(password.as_bytes(), &last);
            sum.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
        }
        sum
    };
    *known
        .entry((password.to_owned(), salt.to_owned()))
        .or_insert_with(derive)
}
