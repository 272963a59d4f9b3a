//! `POST /api/v1/enter`: a code for a write token.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::saves::malformed;
use crate::address::Peer;
use crate::app::{App, now_micros};
use crate::enter::{Entered, NotEntered, enter};
use crate::error::Problem;
use crate::request::body;

#[derive(Deserialize)]
struct Code {
    code: String,
    #[serde(default)]
    language: Option<String>,
}

/// The handler.
pub async fn post(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, incoming) = request.into_parts();
    let bytes = body(app.config(), &parts.headers, incoming).await?;
    let Code { code, language } = serde_json::from_slice(&bytes).map_err(|e| malformed(&e))?;
    let from = app.client_address(&parts.headers, parts.extensions.get::<Peer>());
    let Entered { right, wave } = enter(&app, &code, from, language.as_deref()).await?;
    let body = json!({
        "token": app.tokens().write_token(right),
        "wave": wave.id,
        "questionnaire": wave.questionnaire.version,
        "languages": wave.questionnaire.languages,
        "closes_at": wave.closes_at,
        "server_time": now_micros(),
    });
    Ok(super::json(body.to_string()))
}

impl From<NotEntered> for Problem {
    fn from(cause: NotEntered) -> Self {
        match cause {
            NotEntered::WrongCode => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "unknown-code",
                "Nobody has this code. Check for a typing mistake.",
            ),
            NotEntered::TooManyWrongCodes(seconds) => {
                let detail = "Too many wrong codes were tried. Wait a little.";
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-wrong-codes", detail);
                problem.retry_after(seconds)
            }
            NotEntered::NotOpenYet(wave) => Self::new(
                StatusCode::CONFLICT,
                "wave-not-open",
                "This survey is not open yet.",
            )
            .with("opens_at", wave.opens_at),
            NotEntered::Closed(wave) => {
                Self::new(StatusCode::CONFLICT, "wave-closed", "This survey is closed.")
                    .with("closes_at", wave.closes_at)
            }
            NotEntered::Unavailable(problem) => problem,
        }
    }
}
