//! What is sent: a rendered request, and its bytes.

use std::fmt::Write as _;

use form_urlencoded::Serializer;

use super::plan::Prepared;
use crate::client::Origin;
use crate::client::reply::Place;
use crate::html::{Enctype, Method};
use crate::person::form::Filled;
use crate::scenario::{Body, Dice, Part, Step, Template, Values};

/// A request before cookies: everything that stays when it is sent a second time.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) place: Place,
    /// Header lines besides Host, Cookie and Content-Length.
    pub(super) headers: String,
    pub(super) body: Option<Vec<u8>>,
}

/// What a request is made from.
pub(super) struct Making<'a> {
    pub(super) step: &'a Step,
    pub(super) prepared: &'a Prepared,
    pub(super) values: &'a Values,
    pub(super) target: &'a Origin,
    /// The page that the person is on.
    pub(super) page: Option<&'a Place>,
    /// The form that was filled when that page came.
    pub(super) filled: Option<&'a Filled>,
    pub(super) slots: &'a [String],
}

/// A rendered body with its type.
type Rendered = (Option<String>, Option<Vec<u8>>);

impl Making<'_> {
    /// Renders the request.
    ///
    /// # Errors
    /// A cause for the report.
    pub(super) fn request(&self, dice: &mut Dice) -> Result<Request, String> {
        let step = self.step;
        let mut place = self.place(dice)?;
        let (content_type, body) = match self.filled {
            Some(filled) => self.filled_body(filled, &mut place, dice)?,
            None => self.body(dice)?,
        };
        let method = match (&step.method, self.filled) {
            (Some(method), _) => method.clone(),
            (None, Some(filled)) if filled.method == Method::Get => "GET".into(),
            (None, _) => if body.is_some() { "POST" } else { "GET" }.into(),
        };
        let mut headers = self.prepared.headers.clone();
        for (name, value) in &step.headers {
            let value = self.text(value, dice)?;
            if value.bytes().any(|b| b == b'\r' || b == b'\n' || b == 0) {
                return Err(format!("header {name:?}: its value holds a line break"));
            }
            push_header(&mut headers, name, &value);
        }
        if let Some(page) = self.page {
            if !self.prepared.own_referer && page.origin == place.origin {
                push_header(&mut headers, "Referer", &page.to_string());
            }
            if !self.prepared.own_origin && method != "GET" && method != "HEAD" {
                push_header(&mut headers, "Origin", &page.origin.to_string());
            }
        }
        if let (Some(content_type), false) = (content_type, self.prepared.own_type) {
            push_header(&mut headers, "Content-Type", &content_type);
        }
        Ok(Request {
            method,
            place,
            headers,
            body,
        })
    }

    fn text(&self, template: &Template, dice: &mut Dice) -> Result<String, String> {
        let mut out = String::new();
        template
            .render(self.values, dice, &mut out)
            .map_err(|missing| format!("${{{}}} has no value", self.slots[missing.0]))?;
        Ok(out)
    }

    fn place(&self, dice: &mut Dice) -> Result<Place, String> {
        let path = match (&self.step.path, self.filled) {
            (Some(path), _) => self.text(path, dice)?,
            (
                None,
                Some(Filled {
                    action: Some(action), ..
                }),
            ) => action.clone(),
            (None, _) => String::new(),
        };
        let here = match (&self.step.path, self.page) {
            (None, Some(page)) => page.clone(),
            _ => Place {
                origin: self.target.clone(),
                path: "/".into(),
            },
        };
        here.join(&path).ok_or_else(|| "the path makes no URL".into())
    }

    fn body(&self, dice: &mut Dice) -> Result<Rendered, String> {
        Ok(match &self.step.body {
            Body::Empty => (None, None),
            Body::Form(fields) => {
                let fields = self.fields(fields, dice)?;
                (Some(URL_ENCODED.into()), Some(url_encoded(&fields).into_bytes()))
            }
            Body::Multipart(parts) => {
                let boundary = boundary(dice);
                let mut body = Vec::new();
                for part in parts {
                    let value = self.text(&part.value, dice)?;
                    push_part(&mut body, &boundary, part, value.as_bytes());
                }
                end_parts(&mut body, &boundary);
                (
                    Some(format!("multipart/form-data; boundary={boundary}")),
                    Some(body),
                )
            }
            Body::Text { content_type, text } => (
                Some(content_type.clone()),
                Some(self.text(text, dice)?.into_bytes()),
            ),
            Body::File { content_type, bytes } => (Some(content_type.clone()), Some(bytes.clone())),
        })
    }

    fn fields(
        &self,
        fields: &[(String, Template)],
        dice: &mut Dice,
    ) -> Result<Vec<(String, String)>, String> {
        fields
            .iter()
            .map(|(name, value)| Ok((name.clone(), self.text(value, dice)?)))
            .collect()
    }

    /// The body of a form as it was filled; the step's own fields win.
    fn filled_body(&self, filled: &Filled, place: &mut Place, dice: &mut Dice) -> Result<Rendered, String> {
        let fields = match &self.step.body {
            Body::Form(own) => overridden(&filled.fields, &self.fields(own, dice)?),
            _ => filled.fields.clone(),
        };
        let unused_file = |name: &str, value: &str| {
            value.is_empty() && filled.files.iter().any(|&index| filled.fields[index].0 == name)
        };
        if filled.method == Method::Get {
            let path = place.path.split('?').next().unwrap_or_default();
            place.path = format!("{path}?{}", url_encoded(&fields));
            return Ok((None, None));
        }
        Ok(match filled.enctype {
            Enctype::Multipart => {
                let boundary = boundary(dice);
                let mut body = Vec::new();
                for (name, value) in &fields {
                    let file = unused_file(name, value);
                    let part = Part {
                        name: name.clone(),
                        value: Template::literal(""),
                        file_name: file.then(String::new),
                        content_type: file.then(|| "application/octet-stream".into()),
                    };
                    push_part(&mut body, &boundary, &part, value.as_bytes());
                }
                end_parts(&mut body, &boundary);
                (
                    Some(format!("multipart/form-data; boundary={boundary}")),
                    Some(body),
                )
            }
            Enctype::TextPlain => {
                let text: String = fields
                    .iter()
                    .map(|(name, value)| format!("{name}={value}\r\n"))
                    .collect();
                (Some("text/plain".into()), Some(text.into_bytes()))
            }
            Enctype::UrlEncoded => (Some(URL_ENCODED.into()), Some(url_encoded(&fields).into_bytes())),
        })
    }
}

/// A form's fields with others in place of all of their names, where the form has them first, or at the end.
fn overridden(fields: &[(String, String)], own: &[(String, String)]) -> Vec<(String, String)> {
    let named = |list: &[(String, String)], name: &str| list.iter().any(|(n, _)| n == name);
    let mut merged = Vec::with_capacity(fields.len() + own.len());
    for (index, (name, value)) in fields.iter().enumerate() {
        if !named(own, name) {
            merged.push((name.clone(), value.clone()));
        } else if !named(&fields[..index], name) {
            merged.extend(own.iter().filter(|(n, _)| n == name).cloned());
        }
    }
    merged.extend(own.iter().filter(|(n, _)| !named(fields, n)).cloned());
    merged
}

const URL_ENCODED: &str = "application/x-www-form-urlencoded";

fn url_encoded(fields: &[(String, String)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn push_header(headers: &mut String, name: &str, value: &str) {
    for part in [name, ": ", value, "\r\n"] {
        headers.push_str(part);
    }
}

/// RFC 7578 with names escaped as browsers do.
fn push_part(body: &mut Vec<u8>, boundary: &str, part: &Part, value: &[u8]) {
    let escaped = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let mut head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
        escaped(&part.name)
    );
    if let Some(file_name) = &part.file_name {
        let _ = write!(head, "; filename=\"{}\"", escaped(file_name));
    }
    head.push_str("\r\n");
    if let Some(content_type) = &part.content_type {
        push_header(&mut head, "Content-Type", content_type);
    }
    head.push_str("\r\n");
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(value);
    body.extend_from_slice(b"\r\n");
}

fn end_parts(body: &mut Vec<u8>, boundary: &str) {
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
}

fn boundary(dice: &mut Dice) -> String {
    format!("----canvass{:032x}", dice.u128(..))
}

impl Request {
    /// The request's bytes.
    pub(super) fn bytes(&self, cookies: &str) -> Vec<u8> {
        let body = self.body.as_deref().unwrap_or_default();
        let mut out = String::with_capacity(256 + self.headers.len() + cookies.len() + body.len());
        for part in [
            &self.method,
            " ",
            &self.place.path,
            " HTTP/1.1\r\nHost: ",
            &self.place.origin.authority(),
            "\r\n",
        ] {
            out.push_str(part);
        }
        out.push_str(&self.headers);
        if !cookies.is_empty() {
            push_header(&mut out, "Cookie", cookies);
        }
        if self.body.is_some() || !matches!(self.method.as_str(), "GET" | "HEAD") {
            let _ = write!(out, "Content-Length: {}\r\n", body.len());
        }
        out.push_str("\r\n");
        let mut out = out.into_bytes();
        out.extend_from_slice(body);
        out
    }

    /// The request that follows a redirect (RFC 9110, section 15.4): as browsers do, 301 and 302 turn a POST into a GET,
    /// 303 everything but HEAD; 307 and 308 change nothing.
    pub(super) fn redirected(self, status: u16, place: Place) -> Self {
        let turns = match status {
            303 => self.method != "HEAD",
            301 | 302 => self.method == "POST",
            _ => false,
        };
        if !turns {
            return Self { place, ..self };
        }
        let of_body = |line: &&str| {
            let line = line.to_ascii_lowercase();
            !line.starts_with("content-") && !line.starts_with("origin:")
        };
        let headers = self.headers.split_inclusive("\r\n").filter(of_body).collect();
        Self {
            method: "GET".into(),
            place,
            headers,
            body: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steps_own_fields_take_the_place_of_the_forms() {
        let pairs = |list: &[(&str, &str)]| {
            list.iter()
                .map(|&(n, v)| (n.into(), v.into()))
                .collect::<Vec<_>>()
        };
        let form = pairs(&[("box", "a"), ("name", "x"), ("box", "b"), ("go", "1")]);
        let own = pairs(&[("more", "7"), ("box", "c"), ("name", "y"), ("box", "d")]);
        let wanted = pairs(&[
            ("box", "c"),
            ("box", "d"),
            ("name", "y"),
            ("go", "1"),
            ("more", "7"),
        ]);
        assert_eq!(overridden(&form, &own), wanted);
        assert_eq!(overridden(&form, &[]), form);
    }
}
