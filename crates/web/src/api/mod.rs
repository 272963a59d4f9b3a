//! The API for programs: JSON in, JSON out, problems as RFC 9457. `docs/http-api.md` is its contract.

pub mod enter;
pub mod health;
pub mod questionnaire;
pub mod response;
pub mod saves;
pub mod sealed;
pub mod submission;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// 200 with a JSON text that nobody may store.
fn json(body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (headers, body).into_response()
}
