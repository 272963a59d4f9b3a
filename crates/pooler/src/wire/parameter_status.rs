//! ParameterStatus (`S`): the server reports a setting's value.

use super::{HEADER, cstr, put, put_cstr};

/// Reads name and value of a whole ParameterStatus; `None` when it is malformed.
pub fn read(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, rest) = cstr(message.get(HEADER..)?)?;
    match cstr(rest)? {
        (value, []) => Some((name, value)),
        _ => None,
    }
}

/// Appends the message.
pub fn put_status(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    put(out, b'S', |body| {
        put_cstr(body, name);
        put_cstr(body, value);
    });
}
