//! Parse (`P`): a statement's name, its text, and the types of its parameters.

use super::{HEADER, cstr, put, put_cstr};

/// A Parse, taken apart as far as the pooler needs it.
#[derive(Debug, PartialEq, Eq)]
pub struct Parse<'a> {
    /// The statement's name, empty for the unnamed one.
    pub name: &'a [u8],
    /// Text, its NUL, and the parameter types: everything that makes the statement what it is.
    pub definition: &'a [u8],
}

impl<'a> Parse<'a> {
    /// Reads a whole Parse; `None` when it is malformed, which PostgreSQL then says.
    pub fn read(message: &'a [u8]) -> Option<Self> {
        let (name, definition) = cstr(message.get(HEADER..)?)?;
        let (_, types) = cstr(definition)?;
        let (count, types) = types.split_first_chunk::<2>()?;
        let count = i16::from_be_bytes(*count);
        (usize::try_from(count).ok()?.checked_mul(4)? == types.len()).then_some(Self { name, definition })
    }

    /// The statement's text.
    pub fn text(&self) -> &'a [u8] {
        cstr(self.definition).map_or(self.definition, |(text, _)| text)
    }

    /// Appends a Parse of this definition under `name`.
    pub fn put(name: &[u8], definition: &[u8], out: &mut Vec<u8>) {
        put(out, b'P', |body| {
            put_cstr(body, name);
            body.extend_from_slice(definition);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parse_is_a_name_and_a_definition() {
        let mut message = Vec::new();
        Parse::put(b"s1", b"select $1\0\0\x01\0\0\0\x17", &mut message);
        let parse = Parse::read(&message).unwrap();
        assert_eq!(parse.name, b"s1");
        assert_eq!(parse.text(), b"select $1");
        assert_eq!(parse.definition, b"select $1\0\0\x01\0\0\0\x17");
        message.pop();
        assert_eq!(Parse::read(&message), None, "a type is cut off");
    }
}
