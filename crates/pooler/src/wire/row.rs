//! RowDescription (`T`), DataRow (`D`) and CommandComplete (`C`): a table in text format, for the console.

use super::{put, put_cstr};

/// Object ids of the types that the console uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// `text`
    Text,
    /// `int4`
    Int4,
    /// `int8`
    Int8,
    /// `numeric`
    Numeric,
    /// `bytea`
    Bytea,
}

impl Type {
    fn oid_and_size(self) -> (u32, i16) {
        match self {
            Self::Text => (25, -1),
            Self::Int4 => (23, 4),
            Self::Int8 => (20, 8),
            Self::Numeric => (1700, -1),
            Self::Bytea => (17, -1),
        }
    }
}

/// Appends a RowDescription.
pub fn put_description(columns: &[(&str, Type)], out: &mut Vec<u8>) {
    put(out, b'T', |body| {
        body.extend_from_slice(&(columns.len() as u16).to_be_bytes());
        for (name, kind) in columns {
            let (oid, size) = kind.oid_and_size();
            put_cstr(body, name.as_bytes());
            body.extend_from_slice(&0_u32.to_be_bytes());
            body.extend_from_slice(&0_u16.to_be_bytes());
            body.extend_from_slice(&oid.to_be_bytes());
            body.extend_from_slice(&size.to_be_bytes());
            body.extend_from_slice(&(-1_i32).to_be_bytes());
            body.extend_from_slice(&0_u16.to_be_bytes());
        }
    });
}

/// Appends a DataRow; `None` is NULL.
pub fn put_row<'a>(values: impl ExactSizeIterator<Item = Option<&'a str>>, out: &mut Vec<u8>) {
    put(out, b'D', |body| {
        body.extend_from_slice(&(values.len() as u16).to_be_bytes());
        for value in values {
            match value {
                Some(text) => {
                    body.extend_from_slice(&(text.len() as u32).to_be_bytes());
                    body.extend_from_slice(text.as_bytes());
                }
                None => body.extend_from_slice(&(-1_i32).to_be_bytes()),
            }
        }
    });
}

/// Appends a CommandComplete.
pub fn put_complete(tag: &str, out: &mut Vec<u8>) {
    put(out, b'C', |body| put_cstr(body, tag.as_bytes()));
}
