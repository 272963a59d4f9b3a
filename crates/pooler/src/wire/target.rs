//! Describe (`D`) and Close (`C`): both name a statement (`S`) or a portal (`P`).

use super::{HEADER, cstr, put, put_cstr};

/// What a Describe or Close is about.
#[derive(Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// `S` or `P`.
    pub what: u8,
    /// Its name.
    pub name: &'a [u8],
}

impl<'a> Target<'a> {
    /// Reads a whole Describe or Close; `None` when it is malformed, which PostgreSQL then says.
    pub fn read(message: &'a [u8]) -> Option<Self> {
        let (&what, rest) = message.get(HEADER..)?.split_first()?;
        match cstr(rest)? {
            (name, []) if matches!(what, b'S' | b'P') => Some(Self { what, name }),
            _ => None,
        }
    }

    /// Appends a message of type `kind` (`D` or `C`) about a statement.
    pub fn put_statement(kind: u8, name: &[u8], out: &mut Vec<u8>) {
        put(out, kind, |body| {
            body.push(b'S');
            put_cstr(body, name);
        });
    }
}
