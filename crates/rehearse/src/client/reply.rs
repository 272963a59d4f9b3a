//! A reply as extractors and checks see it.

use std::fmt;
use std::ops::Range;

use url::Url;

use super::Origin;

/// A URL without its fragment: an origin, and path with query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Scheme, host and port.
    pub origin: Origin,
    /// Path and query, beginning with `/`.
    pub path: String,
}

impl Place {
    /// Where a reference leads from here (RFC 3986, section 5.2); None when it makes no http or https URL.
    pub fn join(&self, reference: &str) -> Option<Self> {
        let reference = reference.trim_ascii();
        let reference = reference.split('#').next().unwrap_or_default();
        if reference.is_empty() {
            return Some(self.clone());
        }
        let simple = reference.starts_with('/') && !reference.starts_with("//") && !reference.contains("/.");
        if simple
            && reference
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
        {
            return Some(Self {
                origin: self.origin.clone(),
                path: reference.to_owned(),
            });
        }
        let url = Url::parse(&self.to_string()).ok()?.join(reference).ok()?;
        let (origin, path) = Origin::of(url.as_str()).ok()?;
        Some(Self { origin, path })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

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
