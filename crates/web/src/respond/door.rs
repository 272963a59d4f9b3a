//! The door: entering a code, choosing a language, leaving.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use canvass_store::Phase;

use super::form::Form;
use super::pages::{self, Notice};
use super::strings::Strings;
use super::visit::{self, LANGUAGE_COOKIE, see_other, with_cookie, with_retry_after};
use crate::address::Peer;
use crate::app::App;
use crate::enter::{Entered, NotEntered, enter as let_in};
use crate::error::Problem;
use crate::request;
use crate::token::Session;

/// `GET /`: the code page. The query says what happened before: `left`, `waiting`, `locked`, `kept`.
pub(super) async fn get(State(app): State<App>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = query.unwrap_or_default();
    let notice = |s: &'static Strings| {
        let (title, text) = match query.as_str() {
            "left" => (s.left_title, s.left_text),
            "waiting" => (s.waiting_title, s.waiting_text),
            "locked" => (s.locked_title, s.locked_text),
            "kept" => (s.kept_title, s.kept_text),
            _ => return None,
        };
        Some(Notice {
            title,
            text,
            problem: false,
        })
    };
    code_page(&app, &headers, StatusCode::OK, notice, "", |_| "")
}

fn code_page(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    notice: impl FnOnce(&'static Strings) -> Option<Notice>,
    code: &str,
    error: impl FnOnce(&'static Strings) -> &'static str,
) -> Response {
    visit::plain_page(app, headers, status, "enter", |s| {
        let error = error(s);
        let prefix = if error.is_empty() { "" } else { s.error_prefix };
        (
            format!("{prefix}{}", s.enter_title),
            pages::enter_main(s, notice(s), code, error),
        )
    })
}

/// `POST /enter`: a code for a session.
pub(super) async fn enter(State(app): State<App>, request: Request) -> Response {
    let (parts, incoming) = request.into_parts();
    let headers = &parts.headers;
    let bytes = match request::body(app.config(), headers, incoming).await {
        Ok(bytes) => bytes,
        Err(problem) => return visit::unavailable(&app, headers, &problem, "/"),
    };
    let form = Form::parse(&bytes);
    let code = form.one("code").trim();
    if code.is_empty() {
        return code_page(
            &app,
            headers,
            StatusCode::UNPROCESSABLE_ENTITY,
            |_| None,
            "",
            |s| s.code_empty,
        );
    }
    let from = app.client_address(headers, parts.extensions.get::<Peer>());
    let offered = visit::offered(&app);
    let wished = visit::language_of(headers, &offered);
    match let_in(&app, code, from, Some(wished)).await {
        Ok(entered) => welcome(&app, headers, &entered),
        Err(NotEntered::WrongCode) => code_page(
            &app,
            headers,
            StatusCode::UNPROCESSABLE_ENTITY,
            |_| None,
            code,
            |s| s.code_unknown,
        ),
        Err(NotEntered::TooManyWrongCodes(seconds)) => too_many(&app, headers, code, seconds),
        Err(NotEntered::NotOpenYet(wave)) => visit::outside(&app, headers, &wave, Phase::Early),
        Err(NotEntered::Closed(wave)) => visit::outside(&app, headers, &wave, Phase::Late),
        Err(NotEntered::Unavailable(problem)) => busy(&app, headers, code, &problem),
    }
}

fn welcome(app: &App, headers: &HeaderMap, entered: &Entered) -> Response {
    let language = visit::language_of(headers, &entered.wave.questionnaire.languages).to_owned();
    let session = Session {
        right: entered.right,
        language,
        issued: 0,
    };
    with_cookie(see_other("/take"), &app.session_cookie(&session))
}

fn too_many(app: &App, headers: &HeaderMap, code: &str, seconds: u32) -> Response {
    let notice = |s: &'static Strings| {
        Some(Notice {
            title: s.too_many_title,
            text: s.too_many_text,
            problem: true,
        })
    };
    let mut response = code_page(app, headers, StatusCode::TOO_MANY_REQUESTS, notice, code, |_| "");
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    response
}

fn busy(app: &App, headers: &HeaderMap, code: &str, problem: &Problem) -> Response {
    let notice = |s: &'static Strings| {
        Some(Notice {
            title: s.unavailable_title,
            text: s.unavailable_text,
            problem: true,
        })
    };
    with_retry_after(
        code_page(app, headers, problem.status, notice, code, |_| ""),
        problem,
    )
}

/// `GET` of what is only posted to: a reload of its page.
pub(super) async fn back_to_start() -> Response {
    see_other("/")
}

/// `POST /language`: remembers the choice and goes back.
pub(super) async fn language(State(app): State<App>, request: Request) -> Response {
    let (parts, incoming) = request.into_parts();
    let Ok(bytes) = request::body(app.config(), &parts.headers, incoming).await else {
        return see_other("/");
    };
    let form = Form::parse(&bytes);
    let response = see_other(safe_path(form.one("back")));
    choose(&app, &parts.headers, response, form.one("language"))
}

/// Remembers a language, for this browser and for the session if there is one.
pub(super) fn choose(app: &App, headers: &HeaderMap, response: Response, tag: &str) -> Response {
    let session = app.session(headers);
    let wave = session.as_ref().and_then(|s| app.wave(s.right).ok());
    let known = |languages: &[String]| languages.iter().find(|l| l.eq_ignore_ascii_case(tag)).cloned();
    let language = wave.as_ref().and_then(|w| known(&w.questionnaire.languages));
    let Some(chosen) = language.clone().or_else(|| known(&visit::offered(app))) else {
        return response;
    };
    let response = with_cookie(response, &app.cookie(LANGUAGE_COOKIE, &chosen, ""));
    match (session, language) {
        (Some(session), Some(language)) => {
            with_cookie(response, &app.session_cookie(&Session { language, ..session }))
        }
        _ => response,
    }
}

/// A page of ours to go back to; the start for anything else.
fn safe_path(path: &str) -> &str {
    let plain = |rest: &str| rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match path {
        "/review" | "/done" | "/take" => path,
        _ if path.strip_prefix("/take/").is_some_and(plain) => path,
        _ => "/",
    }
}

/// `POST /leave`: ends the session.
pub(super) async fn leave(State(app): State<App>) -> Response {
    with_cookie(see_other("/?left"), &app.no_session_cookie())
}

/// `GET /offline`: what the service worker shows for a page that cannot be fetched.
pub(super) async fn offline(State(app): State<App>, headers: HeaderMap) -> Response {
    visit::plain_page(&app, &headers, StatusCode::OK, "offline", |s| {
        let main = pages::notice_main(s, s.offline_title, s.offline_text, Some("/"));
        (s.offline_title.to_owned(), main)
    })
}

#[cfg(test)]
mod tests {
    use super::safe_path;

    #[test]
    fn a_language_form_leads_back_to_pages_of_ours_only() {
        assert_eq!(safe_path("/take/p01"), "/take/p01");
        assert_eq!(safe_path("/review"), "/review");
        for elsewhere in [
            "//evil.example",
            "https://evil.example/",
            "/take/../x",
            "/take//evil",
            "",
            "/\\evil",
        ] {
            assert_eq!(safe_path(elsewhere), "/", "{elsewhere}");
        }
    }
}
