//! Values taken out of replies. A value that is not there is a cause for the report, never an empty text.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::client::Reply;
use crate::html;
use crate::scenario::Source;

/// The first value that the source names; `cookie` gives a cookie as the jar would send it to the reply's URL.
///
/// # Errors
/// What is missing, as a cause for the report: `no <input name="csrf"> in the reply`. It holds nothing of the reply.
pub fn extract(
    source: &Source,
    reply: &Reply,
    cookie: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let body = &reply.body;
    match source {
        Source::Input(name) => {
            html::input_value(body, name).ok_or_else(|| format!("no <input name={name:?}> in the reply"))
        }
        Source::Meta(name) => {
            html::meta_content(body, name).ok_or_else(|| format!("no <meta name={name:?}> in the reply"))
        }
        Source::Attribute { selector, attribute } => html::attribute(body, selector, attribute)?
            .ok_or_else(|| format!("no {selector:?} with {attribute:?} in the reply")),
        Source::Json(pointer) => match json_value(body, pointer) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(format!("no JSON value {pointer:?} in the reply")),
            Err(()) => Err(format!("no JSON value {pointer:?}: the reply is not JSON")),
        },
        Source::Header(name) => {
            let value = reply.headers.get(name).map(str::to_owned);
            value.ok_or_else(|| format!("no header {name:?} in the reply"))
        }
        Source::Regex(regex) => first_group(regex, body)
            .ok_or_else(|| format!("nothing in the reply matches {:?}", regex.as_str())),
        Source::Url(regex) => first_group(regex, reply.path.as_bytes())
            .ok_or_else(|| format!("the reply's URL does not match {:?}", regex.as_str())),
        Source::Cookie(name) => cookie(name).ok_or_else(|| format!("no cookie {name:?}")),
    }
}

/// The first group that took part, or the whole match.
fn first_group(regex: &regex::bytes::Regex, text: &[u8]) -> Option<String> {
    let groups = regex.captures(text)?;
    let found = groups.iter().skip(1).flatten().next().or_else(|| groups.get(0))?;
    Some(String::from_utf8_lossy(found.as_bytes()).into_owned())
}

/// The value at a JSON Pointer (RFC 6901), as text: a string without quotes, a number exactly as it was written, objects
/// and arrays as compact JSON. Of a key that is there twice, the last. The document is read once, and only the value
/// that is looked for is kept.
///
/// # Errors
/// The text is not JSON.
#[allow(clippy::result_unit_err, reason = "there is nothing else to say")]
pub fn json_value(text: &[u8], pointer: &str) -> Result<Option<String>, ()> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let found = match pointer.strip_prefix('/') {
        None if !pointer.is_empty() => IgnoredAny::deserialize(&mut reader).map(|_| None),
        steps => {
            let steps = steps.into_iter().flat_map(|steps| steps.split('/'));
            let keys: Vec<String> = steps.map(|s| s.replace("~1", "/").replace("~0", "~")).collect();
            At(&keys).deserialize(&mut reader)
        }
    };
    let found = found.map_err(|_| ())?;
    reader.end().map_err(|_| ())?;
    found.map(as_text).transpose()
}

fn as_text(raw: &RawValue) -> Result<String, ()> {
    let written = raw.get();
    match written.as_bytes().first() {
        Some(b'"') => serde_json::from_str(written).map_err(|_| ()),
        Some(b'{' | b'[') => match serde_json::from_str::<serde_json::Value>(written) {
            Ok(value) => Ok(value.to_string()),
            Err(_) => Err(()),
        },
        _ => Ok(written.to_owned()),
    }
}

/// The rest of the way to a value.
struct At<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            <&RawValue>::deserialize(reader).map(Some)
        } else {
            reader.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for At<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str("any JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if key == self.0[0].as_str() {
                found = map.next_value_seed(At(&self.0[1..]))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let index = &self.0[0];
        let plain = index.bytes().all(|b| b.is_ascii_digit()) && (index == "0" || !index.starts_with('0'));
        let mut left = if plain { index.parse::<usize>().ok() } else { None };
        let mut found = None;
        loop {
            if left == Some(0) {
                match list.next_element_seed(At(&self.0[1..]))? {
                    Some(value) => found = value,
                    None => return Ok(found),
                }
                left = None;
            } else if list.next_element::<IgnoredAny>()?.is_none() {
                return Ok(found);
            } else {
                left = left.map(|n| n - 1);
            }
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
