//! The HTTP contract, as a client sees it.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::{Method, Request, Response};

/// A client with connections of its own.
#[derive(Clone)]
pub struct Api {
    base: String,
    agent: Agent,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub text: String,
}

impl Reply {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A header's first value; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, v)| v.as_str())
    }

    /// The last part of a problem's `type`.
    pub fn problem(&self) -> String {
        let json = self.json();
        json["type"]
            .as_str()
            .and_then(|t| t.rsplit(':').next())
            .unwrap_or("")
            .to_owned()
    }
}

/// Somebody with a write token.
#[derive(Clone)]
pub struct Respondent {
    /// Through which they speak.
    pub api: Api,
    /// Their write token.
    pub token: String,
}

impl Api {
    /// For the server at `base`, such as `http://127.0.0.1:8080`. Redirects are not followed.
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(Duration::from_secs(20)))
            .build();
        Self {
            base: base.to_owned(),
            agent: config.into(),
        }
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The connection's, in words.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, String> {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap());
        request = request.uri(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent = if matches!(method, "GET" | "HEAD" | "DELETE") {
            self.agent.run(request.body(()).unwrap())
        } else {
            self.agent.run(request.body(body).unwrap())
        };
        let mut response: Response<ureq::Body> = sent.map_err(|e| e.to_string())?;
        let name = |n: &ureq::http::HeaderName| n.as_str().to_owned();
        let value = |v: &ureq::http::HeaderValue| String::from_utf8_lossy(v.as_bytes()).into_owned();
        Ok(Reply {
            status: response.status().as_u16(),
            headers: response
                .headers()
                .iter()
                .map(|(n, v)| (name(n), value(v)))
                .collect(),
            text: response.body_mut().read_to_string().map_err(|e| e.to_string())?,
        })
    }

    /// `GET path`.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        self.send("GET", path, headers, b"").unwrap()
    }

    /// `POST path` with JSON.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        self.send("POST", path, headers, body.to_string().as_bytes())
            .unwrap()
    }

    /// `POST path` with a form.
    pub fn post_form(&self, path: &str, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Reply {
        let pairs: Vec<String> = fields
            .iter()
            .map(|(n, v)| format!("{}={}", encoded(n), encoded(v)))
            .collect();
        let mut headers = headers.to_vec();
        headers.push(("content-type", "application/x-www-form-urlencoded"));
        self.send("POST", path, &headers, pairs.join("&").as_bytes())
            .unwrap()
    }

    /// Enters a code; the write token.
    pub fn enter(&self, code: &str) -> Respondent {
        let reply = self.post("/api/v1/enter", &[], &json!({ "code": code }));
        assert_eq!(reply.status, 200, "{}", reply.text);
        Respondent {
            api: self.clone(),
            token: reply.json()["token"].as_str().unwrap().to_owned(),
        }
    }
}

impl Respondent {
    /// Saves a page.
    ///
    /// # Errors
    /// The connection's, in words.
    pub fn try_save(&self, stamp: i64, page: &str, answers: &Value) -> Result<Reply, String> {
        let body = json!({ "stamp": stamp, "page": page, "answers": answers });
        self.api.send(
            "POST",
            "/api/v1/saves",
            &[("authorization", &self.bearer())],
            body.to_string().as_bytes(),
        )
    }

    /// Saves a page.
    pub fn save(&self, stamp: i64, page: &str, answers: &Value) -> Reply {
        self.try_save(stamp, page, answers).unwrap()
    }

    /// Says that they are done.
    pub fn submit(&self, stamp: i64) -> Reply {
        self.api.post(
            "/api/v1/submission",
            &[("authorization", &self.bearer())],
            &json!({ "stamp": stamp }),
        )
    }

    /// The response as it stands.
    pub fn response(&self) -> Value {
        let reply = self
            .api
            .get("/api/v1/response", &[("authorization", &self.bearer())]);
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()
    }

    /// The `Authorization` header's value.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// The same person through another server.
    pub fn through(&self, api: &Api) -> Self {
        Self {
            api: api.clone(),
            token: self.token.clone(),
        }
    }
}

/// Percent-encoded for a form.
fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    text.bytes()
        .map(|b| {
            if plain(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}
