//! HAR 1.2, written exactly and read tolerantly: what Chrome, Firefox, Safari, Charles and others write as well
//! ([`read`] says what is forgiven).
//!
//! The model has what a rehearsal needs of a recording and no more: bodies are bytes, decoded; times are µs.

pub mod body;
pub mod decode;
mod json;
mod read;
pub mod write;

#[cfg(test)]
mod tests;

use std::path::Path;

use jiff::Timestamp;

pub use body::{Param, PostBody};

use crate::Error;

/// What was recorded, in the order in which it began.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Har {
    /// One for each request.
    pub entries: Vec<Entry>,
}

/// A request and what came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When the request began, to the µs.
    pub started: Timestamp,
    /// From its beginning to the last byte of the reply, in ms, to the µs; 0 when not known.
    pub millis: f64,
    /// What was asked.
    pub request: Request,
    /// What came back.
    pub response: Response,
}

impl Entry {
    /// No response came: the page was left, the connection broke, or the browser refused.
    pub fn aborted(&self) -> bool {
        self.response.status == 0
    }
}

/// What was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// Absolute, without fragment.
    pub url: String,
    /// In order, as they were; without the pseudo headers of HTTP/2.
    pub headers: Vec<(String, String)>,
    /// None when nothing was sent.
    pub body: Option<PostBody>,
}

impl Request {
    /// The value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// 0 when nothing came: see [`Entry::aborted`].
    pub status: u16,
    /// In order, as they were, with one Set-Cookie for each cookie; Content-Encoding may be among them although the
    /// body is decoded.
    pub headers: Vec<(String, String)>,
    /// The media type with its parameters, such as `text/html; charset=utf-8`; empty when not known.
    pub mime: String,
    /// The body, decoded (gzip, deflate, br); empty when the recording left it out.
    pub body: Vec<u8>,
    /// Where it redirects to, as the Location header has it; empty when it does not.
    pub redirect: String,
}

impl Response {
    /// The value of the first header with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

fn first<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// Reads a HAR file, as [`parse`] does.
///
/// # Errors
/// The file cannot be read, is not JSON (with line and column), or is no HAR.
pub fn read(path: impl AsRef<Path>) -> Result<Har, Error> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|e| Error::file(path, e))?;
    parse(&bytes).map_err(|e| Error::bad(format!("{}: {e}", path.display())))
}

/// Reads a HAR. Forgiven are a byte order mark, missing and null fields, numbers as text, `pages` or `mimeType`
/// missing, bodies as text, base64 or still compressed, forms as text or parameters, entries out of order (they are
/// sorted by their beginning), unknown fields, half of a surrogate pair.
///
/// # Errors
/// What is not JSON (with line and column), has no `log.entries`, or an entry without a request's URL.
pub fn parse(bytes: &[u8]) -> Result<Har, Error> {
    read::har(json::value(bytes)?)
}

/// Writes a HAR 1.2 file that only its owner can read, whole or not at all: under a temporary name first.
///
/// # Errors
/// The file cannot be written.
pub fn write(path: impl AsRef<Path>, har: &Har) -> Result<(), Error> {
    write::file(path.as_ref(), har)
}
