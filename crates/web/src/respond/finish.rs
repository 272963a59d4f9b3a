//! The end of the survey: review, submission, thanks.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use canvass_store::Phase;

use super::form::Form;
use super::pages;
use super::visit::{self, SurveyPage, Visit, see_other, with_cookie, with_status};
use crate::api::submission;
use crate::app::App;
use crate::error::Problem;
use crate::request;
use crate::token::Right;

/// `GET /review`: what is answered, skipped, still required.
pub(super) async fn review(State(app): State<App>, headers: HeaderMap) -> Response {
    show_review(&app, &headers, false).await
}

/// `GET /take/submit`: a reload after submitting was refused.
pub(super) async fn back_to_review() -> Response {
    see_other("/review")
}

async fn show_review(app: &App, headers: &HeaderMap, asked: bool) -> Response {
    let show = async {
        let visit = Visit::of(app, headers)?;
        let folded = visit.response(app, headers, "/review").await?;
        if folded.submitted_at.is_some() {
            return Ok(see_other("/done"));
        }
        let edition = visit.edition();
        let ticket = visit.ticket(app, &folded);
        Ok::<_, Box<Response>>(visit.page(
            app,
            headers,
            SurveyPage {
                view: "review",
                title: edition.strings().review_title.to_owned(),
                main: pages::review_main(edition, &folded.answers, &ticket, asked),
                language_back: Some("/review"),
                ticket: Some(&ticket),
            },
        ))
    };
    show.await.unwrap_or_else(|answer| *answer)
}

/// `POST /take/submit`: done, when nothing that is required is missing.
pub(super) async fn submit(State(app): State<App>, request: Request) -> Response {
    let (parts, incoming) = request.into_parts();
    let headers = &parts.headers;
    let bytes = match request::body(app.config(), headers, incoming).await {
        Ok(bytes) => bytes,
        Err(problem) => return visit::unavailable(&app, headers, &problem, "/review"),
    };
    let form = Form::parse(&bytes);
    let Some(right) = app.tokens().verify_write(form.one("token")) else {
        return visit::not_saved(&app, headers, &Problem::bad_token());
    };
    match commit(&app, right, form.one("stamp").parse().unwrap_or(0)).await {
        Ok(()) => see_other("/done"),
        Err(problem) => refused(&app, headers, right, &problem).await,
    }
}

/// Submits after everything that the response holds, once more when something newer arrived in between.
async fn commit(app: &App, right: Right, seen: i64) -> Result<(), Problem> {
    let Err(problem) = submission::submit(app, right, visit::next_stamp(seen)?.micros()).await else {
        return Ok(());
    };
    match problem.more.get("stamp").and_then(serde_json::Value::as_i64) {
        Some(newer) if problem.kind == "stamp-behind" => {
            submission::submit(app, right, visit::next_stamp(newer)?.micros())
                .await
                .map(drop)
        }
        _ => Err(problem),
    }
}

async fn refused(app: &App, headers: &HeaderMap, right: Right, problem: &Problem) -> Response {
    match problem.kind {
        "required" => with_status(
            show_review(app, headers, true).await,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        "wave-over" => match app.wave(right) {
            Ok(wave) => visit::outside(app, headers, &wave, Phase::Over),
            Err(_) => see_other("/"),
        },
        _ => visit::unavailable(app, headers, problem, "/review"),
    }
}

/// `GET /done`: thanks. The session ends here: the device is free for the next one.
pub(super) async fn done(State(app): State<App>, headers: HeaderMap) -> Response {
    let show = async {
        let visit = Visit::of(&app, &headers)?;
        let folded = visit.response(&app, &headers, "/done").await?;
        if folded.submitted_at.is_none() {
            return Ok(see_other("/take"));
        }
        let edition = visit.edition();
        let s = edition.strings();
        let page = SurveyPage {
            view: "done",
            title: s.done_title.to_owned(),
            main: pages::done_main(edition),
            language_back: None,
            ticket: None,
        };
        let mut response = visit.page(&app, &headers, page);
        response.headers_mut().remove(axum::http::header::SET_COOKIE);
        Ok::<_, Box<Response>>(with_cookie(response, &app.no_session_cookie()))
    };
    show.await.unwrap_or_else(|answer| *answer)
}
