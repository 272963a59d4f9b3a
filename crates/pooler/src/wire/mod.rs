//! PostgreSQL's frontend/backend protocol, version 3: framing, and one message a file. Only what the pooler must
//! understand is parsed; everything else is spliced as it is.
//!
//! Source of every format here: PostgreSQL's documentation, chapter "Frontend/Backend Protocol", section "Message
//! Formats".

pub mod backend_key;
pub mod bind;
pub mod command_tag;
pub mod error;
#[cfg(test)]
mod fuzz;
pub mod negotiate;
pub mod parameter_status;
pub mod parse;
pub mod query;
pub mod ready;
pub mod row;
pub mod startup;
pub mod target;

/// Bytes of a message's head: its type and its length.
pub const HEADER: usize = 5;

/// The greatest length field of the few frontend messages that carry data of any size: Query, Parse, Bind, FunctionCall,
/// CopyData (`PQ_LARGE_MESSAGE_LIMIT`, one byte under PostgreSQL's largest allocation of 1 GB).
const LARGE: u32 = 0x3fff_ffff - 1;
/// The greatest length field of every other frontend message (`PQ_SMALL_MESSAGE_LIMIT`).
const SMALL: u32 = 10_000;

/// A message's head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The type, an ASCII letter or digit.
    pub kind: u8,
    /// Bytes of the whole message, type and length included: at least [`HEADER`].
    pub total: usize,
}

/// A length that no message can have: the connection cannot be read any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("message of type {kind:#04x} says that it is {length} bytes long")]
pub struct BadLength {
    /// The message's type.
    pub kind: u8,
    /// Its length field.
    pub length: u32,
}

/// Reads the head at the start of `bytes`; `None` when there are fewer than five.
///
/// # Errors
/// [`BadLength`] for a length under 4.
pub fn head(bytes: &[u8]) -> Result<Option<Head>, BadLength> {
    let &[kind, a, b, c, d, ..] = bytes else {
        return Ok(None);
    };
    let length = u32::from_be_bytes([a, b, c, d]);
    if length < 4 || length > i32::MAX as u32 {
        return Err(BadLength { kind, length });
    }
    Ok(Some(Head {
        kind,
        total: length as usize + 1,
    }))
}

/// Reads a head that a client sent, with the limits that PostgreSQL itself sets on it: past them it closes the
/// connection without a word.
///
/// # Errors
/// [`BadLength`] for a length under 4 or over the type's limit.
pub fn client_head(bytes: &[u8]) -> Result<Option<Head>, BadLength> {
    let head = head(bytes)?;
    if let Some(head) = head {
        let limit = match head.kind {
            b'Q' | b'P' | b'B' | b'F' | b'd' => LARGE,
            _ => SMALL,
        };
        if head.total - 1 > limit as usize {
            return Err(BadLength {
                kind: head.kind,
                length: (head.total - 1) as u32,
            });
        }
    }
    Ok(head)
}

/// True for the types that a client may send. PostgreSQL looks at the type before anything else, and ends the session
/// over any other.
pub fn is_client_kind(kind: u8) -> bool {
    matches!(
        kind,
        b'B' | b'C' | b'D' | b'E' | b'F' | b'H' | b'P' | b'Q' | b'S' | b'X' | b'c' | b'd' | b'f' | b'p'
    )
}

/// Appends a message of type `kind` whose body `fill` writes.
pub fn put(out: &mut Vec<u8>, kind: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    fill(out);
    let length = (out.len() - at) as u32;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

/// Appends a C string: the bytes and a NUL.
pub fn put_cstr(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(text);
    out.push(0);
}

/// Splits a C string off the front of `bytes`: the text without its NUL, and the rest. `None` without a NUL.
pub fn cstr(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(0, bytes)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_needs_five_bytes_and_a_possible_length() {
        assert_eq!(head(b"Q\0\0\0"), Ok(None));
        assert_eq!(head(b"Z\0\0\0\x05"), Ok(Some(Head { kind: b'Z', total: 6 })));
        assert_eq!(
            head(b"Z\0\0\0\x03"),
            Err(BadLength {
                kind: b'Z',
                length: 3
            })
        );
        assert!(head(b"Z\xff\xff\xff\xff").is_err());
    }

    #[test]
    fn a_client_s_small_messages_are_small() {
        let mut long = vec![b'S'];
        long.extend_from_slice(&10_005_u32.to_be_bytes());
        assert!(client_head(&long).is_err(), "a Sync of 10,005 bytes");
        long[0] = b'Q';
        assert!(client_head(&long).is_ok(), "a Query of 10,005 bytes");
    }

    #[test]
    fn what_is_put_can_be_read() {
        let mut out = Vec::new();
        put(&mut out, b'X', |body| put_cstr(body, b"abc"));
        assert_eq!(head(&out), Ok(Some(Head { kind: b'X', total: 9 })));
        assert_eq!(cstr(&out[HEADER..]), Some((&b"abc"[..], &b""[..])));
    }
}
