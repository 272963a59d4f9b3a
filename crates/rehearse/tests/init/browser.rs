//! Recordings of our own invention: a browser that notes what it is told it saw.

use canvass_rehearse::har::{Entry, Har, PostBody, Request, Response};
use jiff::{SignedDuration, Timestamp};

/// Where every recorded application is.
pub const HOST: &str = "http://127.0.0.1:8000";

/// Writes a recording, entry by entry.
pub struct Browser {
    now: Timestamp,
    cookies: Vec<(String, String)>,
    entries: Vec<Entry>,
}

impl Browser {
    /// A new browser, on a fixed day.
    pub fn new() -> Self {
        Self {
            now: "2026-11-24T09:00:00Z".parse().unwrap(),
            cookies: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Now, in ms since 1970.
    pub fn millis(&self) -> i64 {
        self.now.as_millisecond()
    }

    /// The person thinks.
    pub fn pause(&mut self, millis: i64) -> &mut Self {
        self.now += SignedDuration::from_millis(millis);
        self
    }

    /// The last reply as a page, JSON or other text.
    pub fn replies(&mut self, mime: &str, body: &str) -> &mut Self {
        let response = &mut self.entries.last_mut().unwrap().response;
        response.mime = mime.to_owned();
        response.body = body.as_bytes().to_vec();
        self
    }

    /// The last reply as a page.
    pub fn page(&mut self, title: &str, body: &str) -> &mut Self {
        let html =
            format!("<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>");
        self.replies("text/html; charset=utf-8", &html)
    }

    /// The last reply as JSON.
    pub fn json(&mut self, body: &str) -> &mut Self {
        self.replies("application/json", body)
    }

    /// The last reply's status.
    pub fn status(&mut self, status: u16) -> &mut Self {
        self.entries.last_mut().unwrap().response.status = status;
        self
    }

    /// A header of the last reply; cookies are kept.
    pub fn header(&mut self, name: &str, value: &str) -> &mut Self {
        if name == "set-cookie" {
            let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(n, _)| n != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        let response = &mut self.entries.last_mut().unwrap().response;
        response.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The last reply redirects; the browser follows.
    pub fn redirects(&mut self, to: &str) -> &mut Self {
        self.status(302).header("location", to);
        self.entries.last_mut().unwrap().response.redirect = to.to_owned();
        self.send("GET", to, &[], None)
    }

    /// A request without body.
    pub fn get(&mut self, path: &str) -> &mut Self {
        self.send("GET", path, &[], None)
    }

    /// A url-encoded form.
    pub fn form(&mut self, path: &str, fields: &[(&str, &str)]) -> &mut Self {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(fields);
        let body = PostBody::new("application/x-www-form-urlencoded", text.finish().into_bytes());
        self.send("POST", path, &[], Some(body))
    }

    /// A JSON request by script.
    pub fn call(&mut self, method: &str, path: &str, headers: &[(&str, &str)], json: &str) -> &mut Self {
        let body = (!json.is_empty()).then(|| PostBody::new("application/json", json.as_bytes().to_vec()));
        self.send(method, path, headers, body)
    }

    /// Any request; answered 200 after 20 ms unless told otherwise.
    pub fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<PostBody>,
    ) -> &mut Self {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{HOST}{path}")
        };
        let mut all = vec![
            ("User-Agent".to_owned(), "Mozilla/5.0".to_owned()),
            ("Accept-Encoding".to_owned(), "gzip".to_owned()),
        ];
        all.extend(headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())));
        if !self.cookies.is_empty() {
            let pairs: Vec<_> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            all.push(("Cookie".to_owned(), pairs.join("; ")));
        }
        self.entries.push(Entry {
            started: self.now,
            millis: 20.0,
            request: Request {
                method: method.to_owned(),
                url,
                headers: all,
                body,
            },
            response: Response {
                status: 200,
                ..Response::default()
            },
        });
        self.pause(20)
    }

    /// The recording.
    pub fn har(&self) -> Har {
        Har {
            entries: self.entries.clone(),
        }
    }
}
