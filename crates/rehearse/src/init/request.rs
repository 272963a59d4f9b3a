//! Takes requests apart into the places of what they send.

use std::ops::Range;

use url::Url;

use super::json;
use super::judge;
use super::keep::essence;
use super::sent::{Holed, Place, Sending, Sent, SentBody, SentPart, decoded, singular};
use super::visit::Visit;
use crate::har::Request;

/// Takes a step's first request apart.
pub(super) fn read(visit: &Visit<'_>, target: &Url) -> Sending {
    let request = &visit.first().request;
    let mut sending = Sending {
        places: Vec::new(),
        path: Holed::default(),
        headers: Vec::new(),
        body: SentBody::Empty,
    };
    sending.read_url(&visit.url, target);
    sending.read_headers(visit, target);
    sending.read_body(request);
    sending
}

impl Sending {
    fn add(&mut self, place: Place, name: &str, value: String, raw: &str, kind: &str) -> usize {
        let same = |p: &&Sent| {
            p.key
                .strip_prefix(kind)
                .is_some_and(|k| k.starts_with(&format!(" {name} #")))
        };
        let count = self.places.iter().filter(same).count();
        let key = match kind {
            "json" => format!("json {name}"),
            _ => format!("{kind} {name} #{count}"),
        };
        let name = match place {
            // The last name in a pointer that is no number tells what the value is.
            Place::Json(_) => {
                let mut parts = name.rsplit('/').filter(|p| !p.is_empty());
                let named = parts.find(|p| !p.bytes().all(|b| b.is_ascii_digit()));
                named.unwrap_or("value").replace("~1", "/").replace("~0", "~")
            }
            _ => name.to_owned(),
        };
        self.places.push(Sent {
            place,
            name,
            value,
            raw: raw.to_owned(),
            key,
        });
        self.places.len() - 1
    }

    fn read_url(&mut self, url: &Url, target: &Url) {
        let mut path = Holed::default();
        if url.origin() != target.origin() {
            path.text = url.origin().ascii_serialization();
        }
        let mut before: Vec<String> = Vec::new();
        for (i, segment) in url.path().trim_start_matches('/').split('/').enumerate() {
            path.text.push('/');
            if !segment.is_empty() {
                let value = decoded(segment);
                let name = thing(&before);
                let place = Place::Segment(before.clone());
                let number = self.add(place, &name, value, segment, &format!("segment {i}"));
                path.push(segment, number);
            }
            before.push(segment.to_owned());
        }
        for (i, pair) in url.query().into_iter().flat_map(|q| q.split('&')).enumerate() {
            path.text.push(if i == 0 { '?' } else { '&' });
            let Some((name, value)) = pair.split_once('=') else {
                path.text.push_str(pair);
                continue;
            };
            path.text.push_str(name);
            path.text.push('=');
            let plain = decoded(&value.replace('+', " "));
            let number = self.add(Place::Query, &decoded(name), plain, value, "query");
            path.push(value, number);
        }
        self.path = path;
    }

    fn read_headers(&mut self, visit: &Visit<'_>, target: &Url) {
        let request = &visit.first().request;
        for (name, value) in &request.headers {
            let name = name.to_ascii_lowercase();
            if !kept(&name, value, visit) {
                continue;
            }
            let mut header = Holed::default();
            let mut rest = value.as_str();
            if matches!(name.as_str(), "authorization" | "proxy-authorization")
                && let Some((scheme, credentials)) = value.split_once(' ')
            {
                header.text = format!("{scheme} ");
                rest = credentials;
            }
            let number = self.add(Place::Header, &name, rest.to_owned(), rest, "header");
            header.push(rest, number);
            self.headers.push((name, header));
        }
        // Over TLS, protections against forgery compare the Referer with the host (Django does).
        let writes = !matches!(request.method.as_str(), "GET" | "HEAD" | "OPTIONS");
        if writes && visit.url.scheme() == "https" && request.header("referer").is_some() {
            let text = format!("{}/", target.origin().ascii_serialization());
            self.headers.push((
                "referer".to_owned(),
                Holed {
                    text,
                    holes: Vec::new(),
                },
            ));
        }
    }

    fn read_body(&mut self, request: &Request) {
        let Some(body) = &request.body else { return };
        let mime = essence(&body.mime);
        if let Some(params) = &body.params {
            let file = params.iter().any(|p| p.file_name.is_some());
            if file || mime == "multipart/form-data" {
                let parts = params.iter().map(|p| SentPart {
                    name: p.name.clone(),
                    place: self.add(
                        Place::Part(p.file_name.is_some()),
                        &p.name,
                        p.value.clone(),
                        &p.value,
                        "part",
                    ),
                    file_name: p.file_name.clone(),
                    content_type: p.content_type.clone(),
                });
                self.body = SentBody::Multipart(parts.collect());
            } else {
                let fields = params.iter().map(|p| {
                    let place = self.add(Place::Field, &p.name, p.value.clone(), &p.value, "field");
                    (p.name.clone(), place)
                });
                self.body = SentBody::Form(fields.collect());
            }
            return;
        }
        let content_type = body.mime.clone();
        self.body = match std::str::from_utf8(&body.bytes) {
            Ok("") => SentBody::Empty,
            Ok(text) if !text.contains('\0') => SentBody::Text {
                text: self.read_text(text),
                content_type,
            },
            _ => SentBody::Binary {
                length: body.bytes.len(),
                content_type,
            },
        };
    }

    fn read_text(&mut self, text: &str) -> Holed {
        let mut holes = Vec::new();
        if let Some(leaves) = json::leaves(text) {
            for leaf in leaves {
                let raw = &text[leaf.span.clone()];
                let number = self.add(Place::Json(leaf.string), &leaf.pointer, leaf.value, raw, "json");
                holes.push((leaf.span, number));
            }
        } else {
            for span in words(text) {
                let word = &text[span.clone()];
                let number = self.add(Place::Word, "body", word.to_owned(), word, "word");
                holes.push((span, number));
            }
        }
        Holed {
            text: text.to_owned(),
            holes,
        }
    }
}

impl Holed {
    fn push(&mut self, text: &str, place: usize) {
        let start = self.text.len();
        self.text.push_str(text);
        self.holes.push((start..self.text.len(), place));
    }
}

/// What a segment behind these means: `/projects/17` is a `project_id`.
fn thing(before: &[String]) -> String {
    match before.last() {
        Some(word) if !word.is_empty() && !judge::dynamic_segment(word) => format!("{}_id", singular(word)),
        _ => "id".to_owned(),
    }
}

/// The words of a text that look random.
fn words(text: &str) -> Vec<Range<usize>> {
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~' | '+');
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (start, inside(c)) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                if judge::strength(&text[from..at]) >= judge::Strength::Fair {
                    found.push(from..at);
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

/// Headers that the browser or a proxy makes, or that only measure.
const MADE_BY_BROWSER: &[&str] = &[
    "host",
    "cookie",
    "content-length",
    "content-type",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "accept-encoding",
    "accept-charset",
    "cache-control",
    "pragma",
    "dnt",
    "origin",
    "referer",
    "if-none-match",
    "if-modified-since",
    "range",
    "expect",
    "priority",
    "purpose",
    "x-purpose",
    "x-moz",
    "save-data",
    "viewport-width",
    "width",
    "dpr",
    "downlink",
    "ect",
    "rtt",
    "device-memory",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-real-ip",
    "traceparent",
    "tracestate",
    "baggage",
    "sentry-trace",
    "newrelic",
    "x-request-start",
    "hx-current-url",
    "access-control-request-method",
    "access-control-request-headers",
    "x-client-data",
    "alt-used",
];

/// Whether a header is worth a line: what the application's script adds, and what changes the reply.
fn kept(name: &str, value: &str, visit: &Visit<'_>) -> bool {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"-_!#$%&'*+.^`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        return false;
    }
    match name {
        "accept" => !value.contains("*/*") && !value.contains("text/html"),
        "accept-language" => varies(visit, "accept-language"),
        _ => {
            !MADE_BY_BROWSER.contains(&name)
                && !["sec-", "x-b3-", "x-datadog-", "x-amzn-trace", "x-cloud-trace"]
                    .iter()
                    .any(|prefix| name.starts_with(prefix))
        }
    }
}

/// Whether a reply of the visit says that it depends on this header.
fn varies(visit: &Visit<'_>, name: &str) -> bool {
    visit.hops.iter().any(|hop| {
        let headers = hop.response.headers.iter();
        headers
            .filter(|(n, _)| n.eq_ignore_ascii_case("vary"))
            .any(|(_, value)| value.split(',').any(|v| v.trim().eq_ignore_ascii_case(name)))
    })
}

/// Method and path with what looks like a value left out: the same for the same request of another recording.
pub(super) fn shape(visit: &Visit<'_>) -> String {
    let segments: Vec<_> = visit
        .url
        .path()
        .split('/')
        .map(|s| if judge::dynamic_segment(s) { "*" } else { s })
        .collect();
    format!("{} {}", visit.first().request.method, segments.join("/"))
}
