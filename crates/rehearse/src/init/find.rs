//! How a value is found in a reply: what the scenario's extractors do, on recorded replies.

use regex::bytes::Regex;

use super::sent::plain;
use super::toml::quoted;
use super::visit::Visit;
use crate::html;

/// Where a value is found; as [`crate::scenario::Source`], before it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Find {
    /// The first input with this name.
    Input(String),
    /// The first meta element with this name or property.
    Meta(String),
    /// An attribute of the first element that matches a selector.
    Css(String, String),
    /// A JSON Pointer.
    Json(String),
    /// A header, in lower case.
    Header(String),
    /// A cookie that the reply sets.
    Cookie(String),
    /// The first group of an expression on the final path and query.
    Url(String),
    /// The first group of an expression on the body.
    Regex(String),
}

impl Find {
    /// What it finds in the final reply of a visit.
    pub(super) fn value(&self, visit: &Visit<'_>) -> Option<String> {
        let response = &visit.last().response;
        let body = &response.body;
        match self {
            Self::Input(name) => html::input_value(body, name),
            Self::Meta(name) => html::meta_content(body, name),
            Self::Css(selector, attribute) => html::attribute(body, selector, attribute).ok().flatten(),
            Self::Json(pointer) => {
                let json: serde_json::Value = serde_json::from_slice(body).ok()?;
                Some(match json.pointer(pointer)? {
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                })
            }
            Self::Header(name) => response.header(name).map(str::to_owned),
            Self::Cookie(name) => {
                let set = cookies(visit).into_iter().rev();
                set.filter(|c| c.seen).find(|c| c.name == *name).map(|c| c.value)
            }
            Self::Url(expression) => first_group(expression, visit.end_path().as_bytes()),
            Self::Regex(expression) => first_group(expression, body),
        }
    }

    /// The key and value of the extractor, as TOML.
    pub(super) fn toml(&self) -> String {
        match self {
            Self::Input(name) => format!("input = {}", quoted(name)),
            Self::Meta(name) => format!("meta = {}", quoted(name)),
            Self::Css(selector, attribute) => {
                format!("css = {}, attribute = {}", quoted(selector), quoted(attribute))
            }
            Self::Json(pointer) => format!("json = {}", quoted(pointer)),
            Self::Header(name) => format!("header = {}", quoted(name)),
            Self::Cookie(name) => format!("cookie = {}", quoted(name)),
            Self::Url(expression) => format!("url = {}", quoted(expression)),
            Self::Regex(expression) => format!("regex = {}", quoted(expression)),
        }
    }

    /// What it is called in evidence.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Input(name) => format!("<input name=\"{}\">", plain(name)),
            Self::Meta(name) => format!("<meta name=\"{}\">", plain(name)),
            Self::Css(selector, attribute) => {
                format!("attribute {} of {}", plain(attribute), plain(selector))
            }
            Self::Json(pointer) => format!("JSON {}", plain(pointer)),
            Self::Header(name) => format!("header {}", plain(name)),
            Self::Cookie(name) => format!("cookie {}", plain(name)),
            Self::Url(_) => "the URL that it redirects to".to_owned(),
            Self::Regex(_) => "the text".to_owned(),
        }
    }
}

/// The first group of the first match, or the whole match.
pub(super) fn first_group(expression: &str, text: &[u8]) -> Option<String> {
    let captures = Regex::new(expression).ok()?.captures(text)?;
    let found = captures.get(1).or_else(|| captures.get(0))?;
    Some(String::from_utf8_lossy(found.as_bytes()).into_owned())
}

/// A cookie that a reply sets.
pub(super) struct SetCookie {
    /// Its name.
    pub(super) name: String,
    /// Its value, as it came.
    pub(super) value: String,
    /// Whether it would be sent to the visit's final URL: only then an extractor sees it.
    pub(super) seen: bool,
}

/// The cookies that the replies of a visit set, in order.
pub(super) fn cookies(visit: &Visit<'_>) -> Vec<SetCookie> {
    let headers = visit.hops.iter().flat_map(|hop| &hop.response.headers);
    headers
        .filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"))
        .filter_map(|(_, line)| {
            let mut parts = line.split(';');
            let (name, value) = parts.next()?.split_once('=')?;
            let mut attributes = parts.filter_map(|part| part.split_once('='));
            let path = attributes.find(|(name, _)| name.trim().eq_ignore_ascii_case("path"));
            let path = path.map_or("/", |(_, path)| path.trim());
            Some(SetCookie {
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
                seen: !path.starts_with('/') || visit.end.path().starts_with(path),
            })
        })
        .collect()
}
