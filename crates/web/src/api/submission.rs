//! `POST /api/v1/submission`: the respondent says that they are done.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use canvass_store::Phase;
use canvass_survey::validation::missing;
use serde::Deserialize;

use super::saves::{malformed, stamp};
use crate::app::{App, now_micros};
use crate::error::Problem;
use crate::request::{bearer, body};
use crate::token::Right;

#[derive(Deserialize)]
struct Submission {
    stamp: i64,
}

/// The handler.
pub async fn post(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, incoming) = request.into_parts();
    let right = bearer(&parts.headers).and_then(|token| app.tokens().verify_write(token));
    let right = right.ok_or_else(Problem::bad_token)?;
    let bytes = body(app.config(), &parts.headers, incoming).await?;
    let Submission { stamp } = serde_json::from_slice(&bytes).map_err(|e| malformed(&e))?;
    let saved_at = submit(&app, right, stamp).await?;
    Ok(super::json(format!(
        r#"{{"stamp":{stamp},"saved_at":{saved_at},"server_time":{}}}"#,
        now_micros()
    )))
}

/// Commits a submission; returns when, in µs since the Unix epoch. Repeating it is harmless.
///
/// # Errors
/// 409 after the late period; 422 `required` with the questions, `stamp-behind` when the response holds something
/// newer, which the submission would leave out; 503.
pub async fn submit(app: &App, right: Right, micros: i64) -> Result<i64, Problem> {
    let wave = app.wave(right)?;
    let now = now_micros();
    if wave.phase(now) == Phase::Over {
        return Err(Problem::wave_over());
    }
    let stamp = stamp(micros, now)?;
    let folded = app.response(&wave, right).await?;
    let asked: Vec<&str> = missing(&wave.questionnaire, &folded.answers)
        .iter()
        .map(|q| q.id.as_str())
        .collect();
    if !asked.is_empty() {
        let detail = "Some questions need an answer before the survey can be sent in.";
        return Err(
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "required", detail).with("required", asked)
        );
    }
    if folded.submitted_at.is_none() && folded.greatest_stamp > micros {
        let detail = "The response holds a newer save than this stamp. Send it with a greater one.";
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "stamp-behind", detail);
        return Err(problem.with("stamp", folded.greatest_stamp));
    }
    Ok(app.ingest().submit(right.wave, right.response, stamp).await?.at)
}
