//! NegotiateProtocolVersion (`v`): the newest minor version that is spoken here, and the protocol options that the
//! client asked for and that are unknown.

use super::{put, put_cstr};

/// Appends the message. `minor` is the newest minor version of protocol 3 that is supported for this client.
pub fn put_negotiate(minor: u16, unknown: &[&str], out: &mut Vec<u8>) {
    put(out, b'v', |body| {
        body.extend_from_slice(&((3 << 16) | u32::from(minor)).to_be_bytes());
        body.extend_from_slice(&(unknown.len() as u32).to_be_bytes());
        for option in unknown {
            put_cstr(body, option.as_bytes());
        }
    });
}
