//! What the handlers have in common: who is visiting, in which language, and the answers as whole pages.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use canvass_store::{Phase, Wave};
use canvass_survey::{Folded, Language, Stamp};
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::language;
use super::pages::{self, Edition, Frame, Ticket};
use super::strings::{Strings, fill};
use crate::api::questionnaire::accepts;
use crate::api::saves::MOST_AHEAD;
use crate::app::{App, now_micros};
use crate::error::Problem;
use crate::request::cookie;
use crate::token::{Right, Session};

/// The cookie with the language that was chosen.
pub(crate) const LANGUAGE_COOKIE: &str = "canvass-language";

/// A respondent with a session.
pub(crate) struct Visit {
    pub(crate) session: Session,
    pub(crate) wave: Arc<Wave>,
}

impl Visit {
    /// The visit of a request.
    ///
    /// # Errors
    /// What to answer instead: the way to the code page, or that the survey is not open.
    pub(crate) fn of(app: &App, headers: &HeaderMap) -> Result<Self, Box<Response>> {
        let Some(session) = app.session(headers) else {
            // A cookie that is there but not valid any more: it was idle for too long.
            let held = cookie(headers, app.session_cookie_name()).is_some_and(|c| !c.is_empty());
            return Err(Box::new(see_other(if held { "/?locked" } else { "/" })));
        };
        let Ok(wave) = app.wave(session.right) else {
            return Err(Box::new(see_other("/")));
        };
        match wave.phase(now_micros()) {
            Phase::Open => Ok(Self { session, wave }),
            phase => Err(Box::new(outside(app, headers, &wave, phase))),
        }
    }

    /// The questionnaire in the session's language.
    pub(crate) fn edition(&self) -> Edition<'_> {
        Edition::new(&self.wave.questionnaire, &self.session.language)
    }

    /// The response as it stands.
    ///
    /// # Errors
    /// A page that says to try again.
    pub(crate) async fn response(
        &self,
        app: &App,
        headers: &HeaderMap,
        back: &str,
    ) -> Result<Folded, Box<Response>> {
        app.response(&self.wave, self.session.right)
            .await
            .map_err(|problem| Box::new(unavailable(app, headers, &problem, back)))
    }

    /// What the page may do for this response.
    pub(crate) fn ticket(&self, app: &App, folded: &Folded) -> Ticket {
        ticket(app, self.session.right, folded.greatest_stamp)
    }

    /// A page of the survey, with the session counted as active now.
    pub(crate) fn page(&self, app: &App, headers: &HeaderMap, shown: SurveyPage<'_>) -> Response {
        let edition = self.edition();
        let text = pages::whole(
            &Frame {
                view: shown.view,
                title: shown.title,
                survey: edition.questionnaire.title.get(edition.language),
                language: edition.tag(),
                languages: &edition.questionnaire.languages,
                language_back: shown.language_back,
                edition: Some(edition),
                ticket: shown.ticket,
                idle_minutes: Some(app.config().idle_minutes),
            },
            &shown.main,
        );
        with_cookie(
            html(headers, StatusCode::OK, text),
            &app.session_cookie(&self.session),
        )
    }
}

/// What differs between the pages of a survey.
pub(crate) struct SurveyPage<'a> {
    pub(crate) view: &'static str,
    pub(crate) title: String,
    pub(crate) main: String,
    pub(crate) language_back: Option<&'a str>,
    pub(crate) ticket: Option<&'a Ticket>,
}

/// What a page may do for a response whose greatest stamp it has seen.
pub(crate) fn ticket(app: &App, right: Right, stamp: i64) -> Ticket {
    let seal = app.tokens().seal(right);
    Ticket {
        token: app.tokens().write_token(right),
        stamp,
        now: now_micros(),
        seal_key: seal.as_ref().map_or(String::new(), |s| s.key.clone()),
        seal_ticket: seal.map_or(String::new(), |s| s.ticket),
    }
}

/// The visitor's language out of those offered: chosen before, else as the browser wishes.
pub(crate) fn language_of<'o>(headers: &HeaderMap, offered: &'o [Language]) -> &'o str {
    let wished = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    language::negotiate(offered, cookie(headers, LANGUAGE_COOKIE), wished)
}

/// Every language of the surveys on this server; those of our own words when there is none.
pub(crate) fn offered(app: &App) -> Vec<Language> {
    let waves = app.waves().all();
    let mut ordered: Vec<&Arc<Wave>> = waves.values().collect();
    ordered.sort_by_key(|w| (std::cmp::Reverse(w.opens_at), w.id));
    let mut languages: Vec<Language> = vec![];
    for tag in ordered.iter().flat_map(|w| &w.questionnaire.languages) {
        if !languages.contains(tag) {
            languages.push(tag.clone());
        }
    }
    if languages.is_empty() {
        languages.extend(Strings::languages().map(str::to_owned));
    }
    languages
}

/// What stands above the pages before a code was entered: the survey's name, when there is only one.
pub(crate) fn house_name(app: &App, tag: &str) -> String {
    let waves = app.waves().all();
    let names: BTreeSet<&str> = waves
        .values()
        .map(|w| &w.questionnaire)
        .map(|q| q.title.get(q.language_index(tag).unwrap_or(0)))
        .collect();
    match names.first() {
        Some(name) if names.len() == 1 => (*name).to_owned(),
        _ => "Canvass".to_owned(),
    }
}

/// A page for someone without a session.
pub(crate) fn plain_page(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    view: &'static str,
    main: impl FnOnce(&'static Strings) -> (String, String),
) -> Response {
    let languages = offered(app);
    let tag = language_of(headers, &languages);
    let (title, main) = main(Strings::of(tag));
    let survey = house_name(app, tag);
    let text = pages::whole(
        &Frame {
            view,
            title: format!("{title} – {survey}"),
            survey: &survey,
            language: tag,
            languages: &languages,
            language_back: Some("/"),
            edition: None,
            ticket: None,
            idle_minutes: None,
        },
        &main,
    );
    html(headers, status, text)
}

/// A page that only says something.
pub(crate) fn notice(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    retry: Option<&str>,
    words: impl FnOnce(&'static Strings) -> (&'static str, String),
) -> Response {
    plain_page(app, headers, status, "notice", |s| {
        let (title, text) = words(s);
        (title.to_owned(), pages::notice_main(s, title, &text, retry))
    })
}

/// The survey cannot be read or written now: try again.
pub(crate) fn unavailable(app: &App, headers: &HeaderMap, problem: &Problem, back: &str) -> Response {
    let words = |s: &'static Strings| (s.unavailable_title, s.unavailable_text.to_owned());
    with_retry_after(notice(app, headers, problem.status, Some(back), words), problem)
}

/// What was sent could not be accepted as anyone's: it is not saved, and the code is asked for.
pub(crate) fn not_saved(app: &App, headers: &HeaderMap, problem: &Problem) -> Response {
    notice(app, headers, problem.status, Some("/"), |s| {
        (s.not_saved_title, s.not_saved_text.to_owned())
    })
}

/// The stamp of a plain form that has seen `seen`, in µs: behind what it corrects.
///
/// # Errors
/// 503 when that would be over two minutes ahead of this server's clock, which then has been set back: to stamp it
/// with the time of now would let the correction lose to what it corrects.
pub(crate) fn next_stamp(seen: i64) -> Result<Stamp, Problem> {
    let now = now_micros();
    Stamp::following(now, seen)
        .filter(|stamp| stamp.micros() <= now + MOST_AHEAD)
        .ok_or_else(Problem::unavailable)
}

/// The survey is not open yet, or closed.
pub(crate) fn outside(app: &App, headers: &HeaderMap, wave: &Wave, phase: Phase) -> Response {
    notice(app, headers, StatusCode::CONFLICT, None, |s| match phase {
        Phase::Early => (
            s.not_open_title,
            fill(s.not_open_text, "when", moment(wave.opens_at, s)),
        ),
        _ => (
            s.closed_title,
            fill(s.closed_text, "when", moment(wave.closes_at, s)),
        ),
    })
}

/// There is no such page.
pub(crate) fn not_found(app: &App, headers: &HeaderMap) -> Response {
    notice(app, headers, StatusCode::NOT_FOUND, None, |s| {
        (s.not_found_title, s.not_found_text.to_owned())
    })
}

/// An HTML page, compressed a little: a tenth of a millisecond that saves a phone two thirds of its bytes. Nobody
/// can place text beside a secret to guess it by the length (BREACH): pages show only what their own forms sent, and
/// posts from other sites are refused.
pub(crate) fn html(headers: &HeaderMap, status: StatusCode, text: String) -> Response {
    let vary = (header::VARY, "accept-encoding");
    if accepts(headers, "gzip") {
        let mut gzip = GzEncoder::new(Vec::with_capacity(text.len() / 2), Compression::fast());
        if let Ok(bytes) = gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish()) {
            let coding = (header::CONTENT_ENCODING, "gzip");
            let content_type = (header::CONTENT_TYPE, "text/html; charset=utf-8");
            return (status, [vary, coding, content_type], bytes).into_response();
        }
    }
    (status, [vary], Html(text)).into_response()
}

/// A moment (µs since the Unix epoch) as people write it, in this machine's time zone.
fn moment(micros: i64, s: &Strings) -> String {
    let time = Timestamp::from_microsecond(micros)
        .unwrap_or_default()
        .to_zoned_datetime(TimeZone::system());
    let month = usize::try_from(time.month() - 1)
        .ok()
        .and_then(|m| s.months.get(m));
    let text = fill(s.date, "day", time.day());
    let text = fill(&text, "month", month.unwrap_or(&""));
    let text = fill(&text, "year", time.year());
    fill(&text, "time", time.strftime("%H:%M %Z"))
}

/// 303: the browser asks for another page.
pub(crate) fn see_other(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}

/// With a `Set-Cookie`.
pub(crate) fn with_cookie(mut response: Response, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

/// With another status.
pub(crate) fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}

/// With the problem's `Retry-After`.
pub(crate) fn with_retry_after(mut response: Response, problem: &Problem) -> Response {
    if let Some(seconds) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
