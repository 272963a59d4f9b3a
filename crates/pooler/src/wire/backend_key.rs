//! BackendKeyData (`K`): what a client must show to cancel its query. Four bytes of secret in protocol 3.0, up to 256
//! in 3.2.

use super::{HEADER, put};

/// A process id and its secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BackendKey {
    /// The process id; ours are random numbers.
    pub pid: u32,
    /// The secret, 4 to 256 bytes.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for BackendKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "BackendKey({}, secret)", self.pid)
    }
}

impl BackendKey {
    /// Reads a whole BackendKeyData message; `None` when it is none.
    pub fn read(message: &[u8]) -> Option<Self> {
        let body = message.get(HEADER..)?;
        let (pid, secret) = body.split_first_chunk::<4>()?;
        (4..=256).contains(&secret.len()).then(|| Self {
            pid: u32::from_be_bytes(*pid),
            secret: secret.to_vec(),
        })
    }

    /// Appends the message.
    pub fn put(&self, out: &mut Vec<u8>) {
        put(out, b'K', |body| {
            body.extend_from_slice(&self.pid.to_be_bytes());
            body.extend_from_slice(&self.secret);
        });
    }
}
