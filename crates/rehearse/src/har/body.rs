//! What a request sends: bytes, and the fields when they are a form's.

use std::fmt::Write as _;

/// What was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PostBody {
    /// The Content-Type with its parameters; empty when not known.
    pub mime: String,
    /// As it was sent. Browsers leave the content of uploaded files out of their recordings, Canvass does not.
    pub bytes: Vec<u8>,
    /// The fields in order, when `mime` is that of a form and the bytes are one.
    pub params: Option<Vec<Param>>,
}

/// A field of a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Param {
    /// Decoded; may be empty.
    pub name: String,
    /// Decoded; bytes that are not UTF-8 are replaced ([`PostBody::bytes`] has them).
    pub value: String,
    /// Set for an uploaded file.
    pub file_name: Option<String>,
    /// The part's own Content-Type.
    pub content_type: Option<String>,
}

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

impl PostBody {
    /// A body as it was sent; the fields of a form are found in it.
    pub fn new(mime: impl Into<String>, bytes: Vec<u8>) -> Self {
        let mime = mime.into();
        let params = match essence(&mime).as_str() {
            URLENCODED => Some(fields(&bytes)),
            MULTIPART => boundary(&mime, &bytes).map(|boundary| parts(&bytes, &boundary)),
            _ => None,
        };
        Self { mime, bytes, params }
    }

    /// A body of which only the fields are known.
    pub fn from_params(mime: impl Into<String>, params: &[Param]) -> Self {
        let mut mime: String = mime.into();
        if essence(&mime) == MULTIPART || params.iter().any(|p| p.file_name.is_some()) {
            if essence(&mime) != MULTIPART {
                mime = MULTIPART.to_owned();
            }
            let boundary = parameter(&mime, "boundary").unwrap_or_else(|| {
                let new = new_boundary(params);
                let _ = write!(mime, "; boundary={new}");
                new
            });
            return Self::new(mime, multipart(params, &boundary));
        }
        if mime.is_empty() {
            mime = URLENCODED.to_owned();
        }
        let mut text = form_urlencoded::Serializer::new(String::new());
        for param in params {
            text.append_pair(&param.name, &param.value);
        }
        Self::new(mime, text.finish().into_bytes())
    }
}

/// A media type in lower case, without its parameters.
pub fn essence(mime: &str) -> String {
    mime.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

fn fields(bytes: &[u8]) -> Vec<Param> {
    let pairs = form_urlencoded::parse(bytes.trim_ascii_end());
    let field = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| Param {
        name: name.into_owned(),
        value: value.into_owned(),
        ..Param::default()
    };
    pairs.map(field).collect()
}

/// The value of a parameter such as `boundary` or `filename`, with or without quotes.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, tail) = match after.strip_prefix('"') {
            Some(quoted) => quoted_text(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = tail.trim_start().strip_prefix(';')?;
    }
}

/// What stands before the closing quote, and what comes after it. A backslash is dropped only where a quote or another
/// backslash follows: names of files on Windows are sent as they are.
fn quoted_text(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return (value, &text[at + 1..]),
            '\\' => match letters.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, next)) => value.push(next),
                None => value.push('\\'),
            },
            _ => value.push(letter),
        }
    }
    (value, "")
}

/// From the media type or, when a recording dropped the parameter, from the first line.
fn boundary(mime: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    if let Some(given) = parameter(mime, "boundary").filter(|b| !b.is_empty()) {
        return Some(given.into_bytes());
    }
    let line = bytes.split(|&b| b == b'\n').next()?.trim_ascii_end();
    line.strip_prefix(b"--")
        .filter(|b| !b.is_empty())
        .map(<[u8]>::to_vec)
}

/// RFC 7578: the parts between the delimiters. Lines may end with LF alone, as some recordings have them.
fn parts(bytes: &[u8], boundary: &[u8]) -> Vec<Param> {
    let delimiter = [b"--", boundary].concat();
    // A line that only begins like the delimiter is content (RFC 2046 section 5.1.1).
    let ends = |at: usize| match bytes.get(at + delimiter.len()..) {
        Some(after) => after.is_empty() || after.starts_with(b"--") || after[0].is_ascii_whitespace(),
        None => false,
    };
    let starts: Vec<usize> = memchr::memmem::find_iter(bytes, &delimiter)
        .filter(|&at| (at == 0 || bytes[at - 1] == b'\n') && ends(at))
        .collect();
    let mut found = Vec::new();
    for (n, &start) in starts.iter().enumerate() {
        let begin = start + delimiter.len();
        let end = starts.get(n + 1).copied().unwrap_or(bytes.len());
        let whole = &bytes[begin..end];
        if whole.starts_with(b"--") {
            break;
        }
        found.extend(part(whole));
    }
    found
}

fn part(whole: &[u8]) -> Option<Param> {
    let whole = without_line_end(line_end(whole));
    let (head, value) = match whole {
        [b'\r', b'\n', rest @ ..] | [b'\n', rest @ ..] => (&[][..], rest),
        _ => split(whole, b"\r\n\r\n")
            .or_else(|| split(whole, b"\n\n"))
            .unwrap_or((whole, &[])),
    };
    let head = String::from_utf8_lossy(head);
    let mut param = Param::default();
    let mut named = false;
    for line in head.lines() {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-disposition") {
            param.name = parameter(value, "name").unwrap_or_default();
            param.file_name = parameter(value, "filename");
            named = true;
        } else if name.eq_ignore_ascii_case("content-type") {
            param.content_type = Some(value.trim().to_owned());
        }
    }
    param.value = String::from_utf8_lossy(value).into_owned();
    named.then_some(param)
}

/// Without the line end that follows the delimiter.
fn line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\r").unwrap_or(bytes);
    bytes.strip_prefix(b"\n").unwrap_or(bytes)
}

/// Without the line end that precedes the next delimiter.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let found = memchr::memmem::find(bytes, at)?;
    Some((&bytes[..found], &bytes[found + at.len()..]))
}

/// A boundary that occurs in none of the values.
fn new_boundary(params: &[Param]) -> String {
    let free = |candidate: &String| !params.iter().any(|p| p.value.contains(candidate.as_str()));
    let mut candidates = (0u64..).map(|n| format!("----canvass-{n}"));
    candidates.find(free).unwrap_or_default()
}

fn multipart(params: &[Param], boundary: &str) -> Vec<u8> {
    let mut out = String::new();
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    for param in params {
        let _ = write!(
            out,
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
            quoted(&param.name)
        );
        if let Some(file) = &param.file_name {
            let _ = write!(out, "; filename=\"{}\"", quoted(file));
        }
        if let Some(content_type) = &param.content_type {
            let _ = write!(out, "\r\nContent-Type: {content_type}");
        }
        let _ = write!(out, "\r\n\r\n{}\r\n", param.value);
    }
    let _ = write!(out, "--{boundary}--\r\n");
    out.into_bytes()
}
