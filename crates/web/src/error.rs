//! Errors as they go out: what the caller reads, kept apart from the cause, which is logged once.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use canvass_store::ingest::NotCommitted;
use serde_json::{Map, Value, json};

use crate::app::now_micros;

/// Every kind of problem with its status: part of the HTTP contract, described in `docs/http-api.md`.
pub const KINDS: [(&str, u16); 26] = [
    ("malformed", 400),
    ("bad-token", 401),
    ("no-such-call", 404),
    ("unknown-page", 404),
    ("unknown-questionnaire", 404),
    ("unknown-wave", 404),
    ("method-not-allowed", 405),
    ("too-slow", 408),
    ("wave-not-open", 409),
    ("wave-closed", 409),
    ("wave-over", 409),
    ("too-large", 413),
    ("answers-refused", 422),
    ("bad-stamp", 422),
    ("refused-by-database", 422),
    ("required", 422),
    ("stamp-behind", 422),
    ("stamp-in-future", 422),
    ("unknown-code", 422),
    ("too-many-wrong-codes", 429),
    ("busy", 503),
    ("disk-full", 503),
    ("not-in-time", 503),
    ("stopping", 503),
    ("unavailable", 503),
    ("wave-unavailable", 503),
];

/// An error of the API: RFC 9457 problem details. `kind` is part of the HTTP contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// The word for programs: the last part of `type`.
    pub kind: &'static str,
    /// The sentence for people.
    pub detail: String,
    /// Members beside the standard ones.
    pub more: Map<String, Value>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem of a kind.
    pub fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        debug_assert!(
            KINDS.contains(&(kind, status.as_u16())),
            "{kind} {status} is not in KINDS"
        );
        Self {
            status,
            kind,
            detail: detail.into(),
            more: Map::new(),
            retry_after: None,
        }
    }

    /// With a member beside the standard ones.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.more.insert(member.to_owned(), value.into());
        self
    }

    /// With `Retry-After`: `seconds` and up to as many again, by chance, so that not all come back at once.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds + jitter(seconds + 1));
        self
    }

    /// 401: no token, or not one of ours.
    pub fn bad_token() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "bad-token",
            "The write token is missing or not valid. Enter the code again.",
        )
    }

    /// 404: the wave of the token is not there.
    pub fn unknown_wave() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown-wave",
            "This survey is not on this server.",
        )
    }

    /// 404: the questionnaire has no such page.
    pub fn unknown_page() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown-page",
            "The questionnaire has no page with this id.",
        )
    }

    /// 409: after the late period.
    pub fn wave_over() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "wave-over",
            "This survey is over: no more answers are accepted.",
        )
    }

    /// 400: the body is not what the call takes.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// 422: over two minutes ahead of this server's clock, which is told.
    pub fn stamp_in_future() -> Self {
        let detail =
            "The stamp is over two minutes ahead of the server's time. Set the offset and send again.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "stamp-in-future", detail)
            .with("server_time", now_micros())
    }

    /// 503: the database does not answer.
    pub fn unavailable() -> Self {
        let detail = "The database does not answer at the moment. Nothing is lost: send it again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(2)
    }
}

impl From<NotCommitted> for Problem {
    fn from(cause: NotCommitted) -> Self {
        let busy = |kind, detail: &str, seconds| {
            Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, detail).retry_after(seconds)
        };
        let (problem, reason) = match cause {
            NotCommitted::QueueFull => (
                busy(
                    "busy",
                    "Very many answers are arriving. Send it again a little later.",
                    2,
                ),
                "queue-full",
            ),
            NotCommitted::Deadline => (
                busy(
                    "not-in-time",
                    "The answers could not be written in time. Send them again.",
                    2,
                ),
                "deadline",
            ),
            NotCommitted::DiskFull => (
                busy(
                    "disk-full",
                    "The server has no room for answers at the moment.",
                    30,
                ),
                "disk-full",
            ),
            NotCommitted::Stopping => (
                busy(
                    "stopping",
                    "The server is restarting. Send it again a little later.",
                    2,
                ),
                "stopping",
            ),
            NotCommitted::WaveBroken => (
                busy(
                    "wave-unavailable",
                    "This survey cannot be written at the moment.",
                    30,
                ),
                "wave-broken",
            ),
            NotCommitted::Refused => {
                let detail = "The database refused these answers. Sending them again is of no use.";
                (
                    Self::new(StatusCode::UNPROCESSABLE_ENTITY, "refused-by-database", detail),
                    "database",
                )
            }
        };
        crate::metrics::refused(reason);
        problem
    }
}

impl From<canvass_store::Error> for Problem {
    fn from(cause: canvass_store::Error) -> Self {
        tracing::warn!(%cause, "a read failed");
        Self::unavailable()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("urn:canvass:problem:{}", self.kind),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Value::Object(members) = &mut body {
            members.extend(self.more);
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A number below `bound`, by chance.
fn jitter(bound: u32) -> u32 {
    let mut bytes = [0; 4];
    // Without random numbers all come back at the same second: worse, but no error.
    let _ = getrandom::fill(&mut bytes);
    u32::from_ne_bytes(bytes) % bound.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_problem_is_described() {
        let described = include_str!("../../../docs/http-api.md");
        for (kind, status) in KINDS {
            let row = format!("| `{kind}` | {status} |");
            assert!(described.contains(&row), "docs/http-api.md lacks the row {row}");
        }
    }
}
