//! From JSON to the model. Every exporter has its own idea of HAR, so nothing is demanded but `log.entries` and a URL.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::body::{Param, PostBody};
use super::{Entry, Har, Request, Response, decode};
use crate::Error;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The model of a document.
pub fn har(mut document: Value) -> Result<Har, Error> {
    let list = document.get_mut("log").and_then(|log| log.get_mut("entries"));
    let Some(Value::Array(list)) = list.map(Value::take) else {
        return Err(Error::bad(
            "JSON, but no HAR (log.entries is missing): save it from the browser's network panel or with `canvass record`",
        ));
    };
    let mut entries: Vec<Entry> = Vec::with_capacity(list.len());
    for (n, value) in list.into_iter().enumerate() {
        let entry = entry(value, entries.last());
        entries.push(entry.ok_or_else(|| Error::bad(format!("log.entries[{n}] has no request.url")))?);
    }
    entries.sort_by_key(|entry| entry.started);
    Ok(Har { entries })
}

fn entry(mut value: Value, before: Option<&Entry>) -> Option<Entry> {
    let request = request(take(&mut value, "request"))?;
    let response = response(take(&mut value, "response"));
    let started = started(&value["startedDateTime"]).unwrap_or_else(|| after(before));
    let millis = number(&value["time"]).filter(|ms| *ms > 0.0).unwrap_or(0.0);
    Some(Entry {
        started,
        millis: (millis * 1e3).round() / 1e3,
        request,
        response,
    })
}

fn request(mut value: Value) -> Option<Request> {
    let url = text(take(&mut value, "url"));
    let url = url.split('#').next().unwrap_or("").trim().to_owned();
    if url.is_empty() {
        return None;
    }
    let method = text(take(&mut value, "method")).trim().to_ascii_uppercase();
    let headers = headers(take(&mut value, "headers"));
    let sent = super::first(&headers, "content-type").unwrap_or("").to_owned();
    let body = post(take(&mut value, "postData"), &sent);
    let method = match (method.is_empty(), &body) {
        (false, _) => method,
        (true, None) => "GET".to_owned(),
        (true, Some(_)) => "POST".to_owned(),
    };
    Some(Request {
        method,
        url,
        headers,
        body,
    })
}

/// `sent` is the request's Content-Type, for recordings whose `mimeType` is missing or lacks the boundary.
fn post(mut value: Value, sent: &str) -> Option<PostBody> {
    let mut mime = text(take(&mut value, "mimeType"));
    if mime.is_empty() || (sent.len() > mime.len() && sent.starts_with(&mime)) {
        mime = sent.to_owned();
    }
    let coded = ["encoding", "_encoding"].iter().any(|key| is_base64(&value[key]));
    let bytes = bytes(text(take(&mut value, "text")), coded);
    let params: Vec<Param> = list(take(&mut value, "params")).into_iter().map(param).collect();
    match (bytes.is_empty(), params.is_empty()) {
        (false, _) => Some(PostBody::new(mime, bytes)),
        (true, false) => Some(PostBody::from_params(mime, &params)),
        (true, true) => (!mime.is_empty()).then(|| PostBody::new(mime, bytes)),
    }
}

fn param(mut value: Value) -> Param {
    let some = |text: String| (!text.is_empty()).then_some(text);
    Param {
        name: text(take(&mut value, "name")),
        value: text(take(&mut value, "value")),
        file_name: some(text(take(&mut value, "fileName"))),
        content_type: some(text(take(&mut value, "contentType"))),
    }
}

fn response(mut value: Value) -> Response {
    let headers = headers(take(&mut value, "headers"));
    let header = |name: &str| super::first(&headers, name).unwrap_or("").to_owned();
    let mut content = take(&mut value, "content");
    let mut mime = text(take(&mut content, "mimeType"));
    // Chrome writes x-unknown where the server gave no type.
    if mime.is_empty() || mime == "x-unknown" {
        mime = header("content-type");
    }
    let coded = is_base64(&content["encoding"]);
    let mut body = bytes(text(take(&mut content, "text")), coded);
    // Some recorders keep what went over the wire, which cannot be text.
    if coded && let Some(decoded) = decode::whole(&header("content-encoding"), &body) {
        body = decoded;
    }
    let mut redirect = text(take(&mut value, "redirectURL"));
    if redirect.is_empty() {
        redirect = header("location");
    }
    let status = number(&value["status"]).filter(|s| (100.0..1000.0).contains(s));
    Response {
        status: status.unwrap_or(0.0) as u16,
        headers,
        mime,
        body,
        redirect,
    }
}

/// A list of `{name, value}`, or an object. Several cookies in one Set-Cookie (browsers join them with line feeds)
/// become several headers.
fn headers(value: Value) -> Vec<(String, String)> {
    let pairs: Vec<(String, String)> = match value {
        Value::Object(map) => map.into_iter().map(|(name, value)| (name, text(value))).collect(),
        other => list(other)
            .into_iter()
            .map(|mut h| (text(take(&mut h, "name")), text(take(&mut h, "value"))))
            .collect(),
    };
    let mut headers = Vec::with_capacity(pairs.len());
    for (name, value) in pairs {
        if name.is_empty() || name.starts_with(':') {
            continue;
        }
        if name.eq_ignore_ascii_case("set-cookie") && value.contains('\n') {
            headers.extend(value.split('\n').map(|one| (name.clone(), one.trim().to_owned())));
        } else {
            headers.push((name, value));
        }
    }
    headers
}

/// ISO 8601 with or without an offset (then UTC), or ms since 1970.
fn started(value: &Value) -> Option<Timestamp> {
    let moment = match value {
        Value::Number(_) => Timestamp::from_millisecond(number(value)? as i64).ok()?,
        Value::String(text) => text.trim().parse::<Timestamp>().ok().or_else(|| {
            let civil: DateTime = text.trim().parse().ok()?;
            TimeZone::UTC.to_timestamp(civil).ok()
        })?,
        _ => return None,
    };
    Timestamp::from_microsecond(moment.as_microsecond()).ok()
}

/// For an entry without a time: when the one before it in the file had ended.
fn after(before: Option<&Entry>) -> Timestamp {
    let Some(before) = before else {
        return Timestamp::UNIX_EPOCH;
    };
    let end = before.started.as_microsecond() + (before.millis * 1e3) as i64;
    Timestamp::from_microsecond(end).unwrap_or(before.started)
}

fn bytes(text: String, coded: bool) -> Vec<u8> {
    if coded {
        // Some exporters break the lines.
        let compact = || -> Vec<u8> { text.bytes().filter(|b| !b.is_ascii_whitespace()).collect() };
        if let Ok(decoded) = BASE64.decode(&text).or_else(|_| BASE64.decode(compact())) {
            return decoded;
        }
    }
    text.into_bytes()
}

fn is_base64(value: &Value) -> bool {
    value.as_str().is_some_and(|s| s.eq_ignore_ascii_case("base64"))
}

fn take(value: &mut Value, key: &str) -> Value {
    value.get_mut(key).map(Value::take).unwrap_or_default()
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(list) => list,
        _ => Vec::new(),
    }
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        Value::Bool(bool) => bool.to_string(),
        _ => String::new(),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
