//! A reply as extractors and checks see it.

use std::ops::Range;

/// The headers of a reply, in order, as they came; names are compared without regard to case.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    raw: String,
    fields: Vec<(Range<u32>, Range<u32>)>,
}

impl Headers {
    /// Forgets all, keeps the memory.
    pub fn clear(&mut self) {
        self.raw.clear();
        self.fields.clear();
    }

    /// Appends a field; bytes that are not UTF-8 are replaced.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let start = self.raw.len() as u32;
        self.raw.push_str(name);
        let middle = self.raw.len() as u32;
        self.raw.push_str(&String::from_utf8_lossy(value));
        self.fields.push((start..middle, middle..self.raw.len() as u32));
    }

    /// Every field: name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (self.text(name), self.text(value)))
    }

    /// The values of every field with this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.iter()
            .filter(move |(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    /// The value of the first field with this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }

    fn text(&self, range: &Range<u32>) -> &str {
        &self.raw[range.start as usize..range.end as usize]
    }
}

/// A reply after all redirects, its body decoded (gzip, deflate, br).
#[derive(Debug, Default)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Scheme and authority of the final URL, such as `http://127.0.0.1:8080`.
    pub origin: String,
    /// Path and query of the final URL.
    pub path: String,
    /// The headers.
    pub headers: Headers,
    /// The decoded body.
    pub body: Vec<u8>,
}
