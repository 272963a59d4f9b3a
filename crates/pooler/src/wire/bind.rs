//! Bind (`B`): a portal's name, a statement's name, then formats and values that are never looked at.

use super::{HEADER, Head, cstr};

/// The two names at the front of a Bind.
#[derive(Debug, PartialEq, Eq)]
pub struct BindNames<'a> {
    /// The portal, empty for the unnamed one.
    pub portal: &'a [u8],
    /// The statement, empty for the unnamed one.
    pub statement: &'a [u8],
}

impl<'a> BindNames<'a> {
    /// Reads the names from a message's beginning, which may be cut behind them; `None` when a name does not end.
    pub fn read(message: &'a [u8]) -> Option<Self> {
        let (portal, rest) = cstr(message.get(HEADER..)?)?;
        let (statement, _) = cstr(rest)?;
        Some(Self { portal, statement })
    }

    /// Bytes of head and names: where the rest begins.
    pub fn end(&self) -> usize {
        HEADER + self.portal.len() + 1 + self.statement.len() + 1
    }

    /// Appends head and names with another statement name; the rest of the message, `head.total - self.end()` bytes,
    /// must follow as it came.
    pub fn put_renamed(&self, head: Head, statement: &[u8], out: &mut Vec<u8>) {
        let length = head.total - 1 + statement.len() - self.statement.len();
        out.push(b'B');
        out.extend_from_slice(&(length as u32).to_be_bytes());
        super::put_cstr(out, self.portal);
        super::put_cstr(out, statement);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_is_renamed_without_touching_its_values() {
        let mut message = Vec::new();
        super::super::put(&mut message, b'B', |body| {
            body.extend_from_slice(b"p\0old\0\x00\x01rest")
        });
        let head = super::super::head(&message).unwrap().unwrap();
        let names = BindNames::read(&message).unwrap();
        assert_eq!((names.portal, names.statement), (&b"p"[..], &b"old"[..]));
        let mut out = Vec::new();
        names.put_renamed(head, b"longer", &mut out);
        out.extend_from_slice(&message[names.end()..]);
        assert_eq!(super::super::head(&out).unwrap().unwrap().total, out.len());
        assert_eq!(&out[HEADER..], b"p\0longer\0\x00\x01rest");
    }
}
