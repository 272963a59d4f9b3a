//! The packets before a session: SSLRequest, GSSENCRequest, CancelRequest, StartupMessage. They have a length but no
//! type.

use super::backend_key::BackendKey;
use super::put_cstr;

/// The longest start-up packet (`MAX_STARTUP_PACKET_LENGTH` in PostgreSQL), in bytes.
pub const MAX_STARTUP: usize = 10_000;

const CANCEL: u32 = (1234 << 16) | 5678;
const SSL: u32 = (1234 << 16) | 5679;
const GSSENC: u32 = (1234 << 16) | 5680;

/// What a client opens with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// Asks for TLS.
    Ssl,
    /// Asks for GSSAPI encryption.
    Gssenc,
    /// Asks to cancel what another connection does.
    Cancel(BackendKey),
    /// Asks for a session.
    Startup(Startup),
}

/// A StartupMessage.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Startup {
    /// The minor version of protocol 3 that was asked for.
    pub minor: u16,
    /// Parameters in their order.
    pub parameters: Vec<(String, String)>,
}

/// Why a start-up packet cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadOpening {
    /// The packet's length is none: not PostgreSQL's protocol at all.
    #[error("invalid length of startup packet")]
    Length,
    /// Another major version.
    #[error("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2")]
    Version {
        /// Major.
        major: u16,
        /// Minor.
        minor: u16,
    },
    /// Parameters that do not end where they should.
    #[error("invalid startup packet layout: expected terminator as last byte")]
    Layout,
}

impl Opening {
    /// Reads a packet without its length field.
    ///
    /// # Errors
    /// [`BadOpening`].
    pub fn read(packet: &[u8]) -> Result<Self, BadOpening> {
        let (code, rest) = packet.split_first_chunk::<4>().ok_or(BadOpening::Length)?;
        match u32::from_be_bytes(*code) {
            SSL if rest.is_empty() => Ok(Self::Ssl),
            GSSENC if rest.is_empty() => Ok(Self::Gssenc),
            CANCEL => cancel(rest).ok_or(BadOpening::Length),
            version if version >> 16 == 3 => Ok(Self::Startup(Startup {
                minor: (version & 0xffff) as u16,
                parameters: parameters(rest)?,
            })),
            version => Err(BadOpening::Version {
                major: (version >> 16) as u16,
                minor: (version & 0xffff) as u16,
            }),
        }
    }
}

fn cancel(rest: &[u8]) -> Option<Opening> {
    let (pid, secret) = rest.split_first_chunk::<4>()?;
    (4..=256).contains(&secret.len()).then(|| {
        Opening::Cancel(BackendKey {
            pid: u32::from_be_bytes(*pid),
            secret: secret.to_vec(),
        })
    })
}

fn parameters(mut rest: &[u8]) -> Result<Vec<(String, String)>, BadOpening> {
    let mut all = Vec::new();
    loop {
        if rest == [0] {
            return Ok(all);
        }
        let (name, behind) = super::cstr(rest).ok_or(BadOpening::Layout)?;
        let (value, behind) = super::cstr(behind).ok_or(BadOpening::Layout)?;
        if name.is_empty() {
            return Err(BadOpening::Layout);
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| BadOpening::Layout);
        all.push((text(name)?, text(value)?));
        rest = behind;
    }
}

impl Startup {
    /// The value of a parameter: the last one where it was given twice, as in PostgreSQL.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().rev().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Appends the packet, for protocol 3.0.
    pub fn put(&self, out: &mut Vec<u8>) {
        untyped(out, 3 << 16, |body| {
            for (name, value) in &self.parameters {
                put_cstr(body, name.as_bytes());
                put_cstr(body, value.as_bytes());
            }
            body.push(0);
        });
    }
}

/// Appends a CancelRequest.
pub fn put_cancel(key: &BackendKey, out: &mut Vec<u8>) {
    untyped(out, CANCEL, |body| {
        body.extend_from_slice(&key.pid.to_be_bytes());
        body.extend_from_slice(&key.secret);
    });
}

fn untyped(out: &mut Vec<u8>, code: u32, fill: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&code.to_be_bytes());
    fill(out);
    let length = (out.len() - at) as u32;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_startup_packet_comes_back_as_it_was() {
        let startup = Startup {
            minor: 0,
            parameters: vec![("user".into(), "a".into()), ("database".into(), String::new())],
        };
        let mut out = Vec::new();
        startup.put(&mut out);
        assert_eq!(Opening::read(&out[4..]), Ok(Opening::Startup(startup)));
        out.pop();
        assert_eq!(Opening::read(&out[4..]), Err(BadOpening::Layout));
    }

    #[test]
    fn requests_are_told_apart() {
        let mut out = Vec::new();
        untyped(&mut out, SSL, |_| {});
        assert_eq!(Opening::read(&out[4..]), Ok(Opening::Ssl));
        let key = BackendKey {
            pid: 7,
            secret: vec![1, 2, 3, 4],
        };
        out.clear();
        put_cancel(&key, &mut out);
        assert_eq!(Opening::read(&out[4..]), Ok(Opening::Cancel(key)));
        assert_eq!(
            Opening::read(&[0, 2, 0, 0, 0]),
            Err(BadOpening::Version { major: 2, minor: 0 })
        );
        assert_eq!(Opening::read(b"GET"), Err(BadOpening::Length));
    }
}
