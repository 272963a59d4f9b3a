//! `GET /api/v1/response`: the token's response as it stands.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;

use crate::app::{App, now_micros};
use crate::error::Problem;
use crate::request::bearer;

/// The handler.
pub async fn get(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let right = bearer(request.headers()).and_then(|token| app.tokens().verify_write(token));
    let right = right.ok_or_else(Problem::bad_token)?;
    let wave = app.wave(right)?;
    let folded = app.response(&wave, right).await?;
    let body = json!({
        "wave": wave.id,
        "questionnaire": wave.questionnaire.version,
        "answers": folded.answers,
        "pages": folded.pages,
        "stamp": folded.greatest_stamp,
        "submitted_at": folded.submitted_at,
        "left_out": folded.left_out,
        "server_time": now_micros(),
    });
    Ok(super::json(body.to_string()))
}
