//! HAR 1.2 as its specification has it: every field that is not optional is there. Bodies that are not UTF-8 are base64;
//! for a request's body, which the format has no word for, in the custom field `_encoding`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::display::Base64Display;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD};
use hyper::StatusCode;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{Entry, Har, PostBody};
use crate::Error;

/// Ends the document that [`head`] begins.
pub const TAIL: &str = "\n]}}\n";

/// Begins a document; entries follow, with `,\n` between them, then [`TAIL`].
pub fn head() -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "{{\"log\":{{\"version\":\"1.2\",\"creator\":{{\"name\":\"Canvass\",\"version\":\"{version}\"}},\"entries\":[\n"
    )
}

/// Writes one entry; the bodies are not copied.
///
/// # Errors
/// Those of the writer.
pub fn entry(out: &mut impl Write, entry: &Entry) -> io::Result<()> {
    serde_json::to_writer(out, &OutEntry::of(entry)).map_err(io::Error::from)
}

/// A whole file.
pub(super) fn file(path: &Path, har: &Har) -> Result<(), Error> {
    let part = beside(path, "tmp");
    let whole = || -> io::Result<()> {
        match fs::remove_file(&part) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut out = BufWriter::new(private(&part)?);
        out.write_all(head().as_bytes())?;
        for (n, one) in har.entries.iter().enumerate() {
            out.write_all(if n == 0 { b"" } else { b",\n" })?;
            entry(&mut out, one)?;
        }
        out.write_all(TAIL.as_bytes())?;
        out.into_inner()?.sync_all()?;
        fs::rename(&part, path)
    };
    whole().map_err(|e| {
        let _ = fs::remove_file(&part);
        Error::file(path, e)
    })
}

/// A path in the same folder, with an ending more.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// A new file that only its owner can read and write.
///
/// # Errors
/// It is there already, or cannot be made.
pub fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutEntry<'a> {
    started_date_time: String,
    time: f64,
    request: OutRequest<'a>,
    response: OutResponse<'a>,
    cache: Nothing,
    timings: Timings,
}

#[derive(Serialize)]
struct Nothing {}

/// Of a request only its whole time is known; a HAR wants the three parts to add up to it.
#[derive(Serialize)]
struct Timings {
    send: f64,
    wait: f64,
    receive: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutRequest<'a> {
    method: &'a str,
    url: &'a str,
    http_version: &'a str,
    cookies: Vec<Cookie>,
    headers: Vec<Pair<'a>>,
    query_string: Vec<Owned>,
    #[serde(skip_serializing_if = "Option::is_none")]
    post_data: Option<PostData<'a>>,
    headers_size: i64,
    body_size: i64,
}

#[derive(Serialize)]
struct Pair<'a> {
    name: &'a str,
    value: &'a str,
}

#[derive(Serialize)]
struct Owned {
    name: String,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostData<'a> {
    mime_type: &'a str,
    /// Text and parameters exclude one another, and only the text is exact.
    params: [(); 0],
    text: Content<'a>,
    #[serde(rename = "_encoding", skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutResponse<'a> {
    status: u16,
    status_text: &'a str,
    http_version: &'a str,
    cookies: Vec<Cookie>,
    headers: Vec<Pair<'a>>,
    content: OutContent<'a>,
    #[serde(rename = "redirectURL")]
    redirect_url: &'a str,
    headers_size: i64,
    body_size: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutContent<'a> {
    size: usize,
    mime_type: &'a str,
    text: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Cookie {
    name: String,
    value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secure: Option<bool>,
}

/// Text when it is UTF-8, base64 otherwise, written as it is encoded.
enum Content<'a> {
    Text(&'a str),
    Base64(&'a [u8]),
}

impl<'a> Content<'a> {
    fn of(bytes: &'a [u8]) -> (Self, Option<&'static str>) {
        match std::str::from_utf8(bytes) {
            Ok(text) => (Self::Text(text), None),
            Err(_) => (Self::Base64(bytes), Some("base64")),
        }
    }
}

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Base64(bytes) => to.collect_str(&Base64Display::<GeneralPurpose>::new(bytes, &STANDARD)),
        }
    }
}

impl<'a> OutEntry<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            started_date_time: started(entry.started),
            time: entry.millis,
            request: request(&entry.request),
            response: response(&entry.response),
            cache: Nothing {},
            timings: Timings {
                send: 0.0,
                wait: entry.millis,
                receive: 0.0,
            },
        }
    }
}

fn started(moment: Timestamp) -> String {
    format!("{moment:.6}")
}

fn request(request: &super::Request) -> OutRequest<'_> {
    let query = request.url.split_once('?').map_or("", |(_, query)| query);
    let pair = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| Owned {
        name: name.into_owned(),
        value: value.into_owned(),
    };
    OutRequest {
        method: &request.method,
        url: &request.url,
        http_version: "HTTP/1.1",
        cookies: values(&request.headers, "cookie")
            .flat_map(sent_cookies)
            .collect(),
        headers: pairs(&request.headers),
        query_string: form_urlencoded::parse(query.as_bytes()).map(pair).collect(),
        post_data: request.body.as_ref().map(post_data),
        headers_size: -1,
        body_size: request.body.as_ref().map_or(0, |body| body.bytes.len() as i64),
    }
}

fn post_data(body: &PostBody) -> PostData<'_> {
    let (text, encoding) = Content::of(&body.bytes);
    PostData {
        mime_type: &body.mime,
        params: [],
        text,
        encoding,
    }
}

fn response(response: &super::Response) -> OutResponse<'_> {
    let (text, encoding) = Content::of(&response.body);
    let known = StatusCode::from_u16(response.status).ok();
    OutResponse {
        status: response.status,
        status_text: known.and_then(|status| status.canonical_reason()).unwrap_or(""),
        http_version: "HTTP/1.1",
        cookies: values(&response.headers, "set-cookie").map(set_cookie).collect(),
        headers: pairs(&response.headers),
        content: OutContent {
            size: response.body.len(),
            mime_type: &response.mime,
            text,
            encoding,
        },
        redirect_url: &response.redirect,
        headers_size: -1,
        body_size: if response.status == 0 {
            -1
        } else {
            response.body.len() as i64
        },
    }
}

fn pairs(headers: &[(String, String)]) -> Vec<Pair<'_>> {
    headers.iter().map(|(name, value)| Pair { name, value }).collect()
}

fn values<'a>(headers: &'a [(String, String)], name: &'a str) -> impl Iterator<Item = &'a str> {
    let named = headers.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name));
    named.map(|(_, value)| value.as_str())
}

fn cookie(pair: &str) -> Cookie {
    let (name, value) = pair.split_once('=').unwrap_or(("", pair));
    Cookie {
        name: name.trim().to_owned(),
        value: value.trim().to_owned(),
        ..Cookie::default()
    }
}

fn sent_cookies(header: &str) -> impl Iterator<Item = Cookie> {
    header
        .split(';')
        .filter(|pair| !pair.trim().is_empty())
        .map(cookie)
}

fn set_cookie(header: &str) -> Cookie {
    let mut parts = header.split(';');
    let mut cookie = cookie(parts.next().unwrap_or(""));
    for part in parts {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let value = value.trim();
        match key.trim().to_ascii_lowercase().as_str() {
            "path" => cookie.path = Some(value.to_owned()),
            "domain" => cookie.domain = Some(value.to_owned()),
            "httponly" => cookie.http_only = Some(true),
            "secure" => cookie.secure = Some(true),
            "expires" => {
                let moment = jiff::fmt::rfc2822::parse(value).ok();
                cookie.expires = moment.map(|moment| moment.timestamp().to_string());
            }
            _ => {}
        }
    }
    cookie
}
