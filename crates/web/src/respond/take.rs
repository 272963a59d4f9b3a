//! The survey's pages: showing one, and saving one as a plain form.

use std::collections::BTreeMap;

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use canvass_store::{Phase, Wave};
use canvass_survey::validation::{check_form, missing_on};
use canvass_survey::{Checked, Folded, Page, Save};
use serde_json::Value;

use super::door;
use super::form::{Filled, Form};
use super::pages::{self, Edition, Frame, Shown};
use super::strings::Strings;
use super::view::{self, Problem as Wrong};
use super::visit::{
    self, LANGUAGE_COOKIE, SurveyPage, Visit, see_other, with_cookie, with_retry_after, with_status,
};
use crate::app::{App, now_micros};
use crate::error::Problem;
use crate::request;
use crate::token::{Right, Session};

/// `GET /take`: on to the first page that was never saved.
pub(super) async fn first(State(app): State<App>, headers: HeaderMap) -> Response {
    let find = async {
        let mut visit = Visit::of(&app, &headers)?;
        let folded = visit.response(&app, &headers, "/take").await?;
        let path = where_to_go_on(&visit.wave, &folded);
        speak_as_before(&mut visit, &headers, &folded);
        Ok::<_, Box<Response>>(with_cookie(see_other(&path), &app.session_cookie(&visit.session)))
    };
    find.await.unwrap_or_else(|answer| *answer)
}

fn where_to_go_on(wave: &Wave, folded: &Folded) -> String {
    if folded.submitted_at.is_some() {
        return "/done".to_owned();
    }
    match view::first_unsaved(&wave.questionnaire, &folded.pages) {
        Some(index) => format!("/take/{}", wave.questionnaire.pages[index].id),
        None => "/review".to_owned(),
    }
}

/// On another device the survey goes on in the language in which it was answered, unless one was chosen there.
fn speak_as_before(visit: &mut Visit, headers: &HeaderMap, folded: &Folded) {
    if let (None, Some(language)) = (request::cookie(headers, LANGUAGE_COOKIE), &folded.language) {
        visit.session.language.clone_from(language);
    }
}

/// `GET /take/{page}`: the page with earlier answers.
pub(super) async fn get(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let show = async {
        let visit = Visit::of(&app, &headers)?;
        let Some(index) = visit.wave.questionnaire.page_index(&id) else {
            return Err(Box::new(visit::not_found(&app, &headers)));
        };
        let folded = visit.response(&app, &headers, &format!("/take/{id}")).await?;
        if folded.submitted_at.is_some() {
            return Ok(see_other("/done"));
        }
        let edition = visit.edition();
        let ticket = visit.ticket(&app, &folded);
        let shown = Shown {
            all_saved: view::first_unsaved(&visit.wave.questionnaire, &folded.pages).is_none(),
            ..Shown::default()
        };
        Ok(visit.page(
            &app,
            &headers,
            SurveyPage {
                view: "take",
                title: pages::page_title(edition, index, false),
                main: pages::page_main(edition, index, &folded.answers, &ticket, &shown),
                language_back: None,
                ticket: Some(&ticket),
            },
        ))
    };
    show.await.unwrap_or_else(|answer| *answer)
}

/// `POST /take/{page}`: saves what changed, then goes where the button says. The token alone decides whose answers
/// these are; the session decides what is shown afterwards.
pub(super) async fn post(State(app): State<App>, Path(id): Path<String>, request: Request) -> Response {
    let (parts, incoming) = request.into_parts();
    let headers = &parts.headers;
    let bytes = match request::body(app.config(), headers, incoming).await {
        Ok(bytes) => bytes,
        Err(problem) => return visit::unavailable(&app, headers, &problem, &format!("/take/{id}")),
    };
    let form = Form::parse(&bytes);
    let Some(right) = app.tokens().verify_write(form.one("token")) else {
        return not_ours(&app, headers, &id, &form);
    };
    let turn = match Turn::read(&app, headers, right, &id, &form) {
        Ok(turn) => turn,
        Err(answer) => return *answer,
    };
    let saved = match turn.save(&app).await {
        Ok(saved) => saved,
        Err(problem) => return turn.busy(&app, &problem),
    };
    let Some(session) = turn.session_of_this_response() else {
        return see_other("/?kept");
    };
    let wrong = turn.wrong();
    if wrong.is_empty() {
        turn.go_on(&app, session)
    } else {
        turn.again(&app, session, &wrong, saved)
    }
}

/// A form whose token is not one of ours, or whose key is gone: nothing is saved, and that is said. With a session the
/// page comes back with what was filled in and a token of now, else the code is asked for.
fn not_ours(app: &App, headers: &HeaderMap, id: &str, form: &Form) -> Response {
    let problem = Problem::bad_token();
    let Some(session) = app.session(headers) else {
        return visit::not_saved(app, headers, &problem);
    };
    match Turn::read(app, headers, session.right, id, form) {
        Ok(turn) => turn.busy(app, &problem),
        Err(answer) => *answer,
    }
}

/// A page's form on its way through.
struct Turn<'f> {
    headers: &'f HeaderMap,
    right: Right,
    session: Option<Session>,
    wave: std::sync::Arc<Wave>,
    language: String,
    index: usize,
    filled: Filled,
    checked: Checked,
    action: &'f str,
}

impl<'f> Turn<'f> {
    fn read(
        app: &App,
        headers: &'f HeaderMap,
        right: Right,
        id: &str,
        form: &'f Form,
    ) -> Result<Self, Box<Response>> {
        let wave = app.wave(right).map_err(|_| Box::new(see_other("/")))?;
        if wave.phase(now_micros()) == Phase::Over {
            return Err(Box::new(visit::outside(app, headers, &wave, Phase::Over)));
        }
        let Some(index) = wave.questionnaire.page_index(id) else {
            return Err(Box::new(visit::not_found(app, headers)));
        };
        let session = app.session(headers);
        let language = match &session {
            Some(session) if session.right == right => session.language.clone(),
            _ => visit::language_of(headers, &wave.questionnaire.languages).to_owned(),
        };
        let page = &wave.questionnaire.pages[index];
        let filled = Filled::read(form, page);
        let checked = check_form(page, filled.changed(page));
        Ok(Self {
            headers,
            right,
            session,
            language,
            index,
            filled,
            checked,
            action: form.one("action"),
            wave,
        })
    }

    fn page(&self) -> &Page {
        &self.wave.questionnaire.pages[self.index]
    }

    fn edition(&self) -> Edition<'_> {
        Edition::new(&self.wave.questionnaire, &self.language)
    }

    fn forward(&self) -> bool {
        !matches!(self.action, "back" | "leave" | "review") && self.language_chosen().is_none()
    }

    fn language_chosen(&self) -> Option<&str> {
        self.action.strip_prefix("language-")
    }

    /// Commits what is right. Going on saves a page even when nothing changed, so that it counts as seen; any other
    /// way writes only changes. Returns the stamp, if something was written.
    async fn save(&self, app: &App) -> Result<Option<i64>, Problem> {
        let nothing = self.checked.accepted == 0;
        if nothing && (!self.forward() || !self.checked.refused.is_empty()) {
            return Ok(None);
        }
        let stamp = visit::next_stamp(self.filled.seen)?;
        let save = Save::new(stamp, &self.page().id, self.checked.answers.clone());
        let language = Some(self.edition().tag().to_owned());
        app.ingest()
            .save(self.right.wave, self.right.response, save, language)
            .await?;
        Ok(Some(stamp.micros()))
    }

    /// The page's answers after the save: those that it was rendered with, and what was changed.
    fn answers(&self) -> BTreeMap<String, Value> {
        let mut answers = self.filled.was.clone();
        let saved: BTreeMap<String, Value> = serde_json::from_str(&self.checked.answers).unwrap_or_default();
        answers.extend(saved);
        answers.retain(|_, value| !value.is_null());
        answers
    }

    /// What keeps the respondent on this page: refused answers, and on the way forward required ones.
    fn wrong(&self) -> Vec<Wrong> {
        let edition = self.edition();
        let s = edition.strings();
        let page = self.page();
        let mut words: BTreeMap<&str, String> = BTreeMap::new();
        for refused in &self.checked.refused {
            if let Some(q) = page.questions.iter().find(|q| q.id == refused.question) {
                words.insert(&q.id, view::refusal_words(q, refused.reason, s));
            }
        }
        if self.forward() && words.is_empty() {
            let missing = missing_on(page, &self.answers());
            words.extend(
                missing
                    .iter()
                    .map(|q| (q.id.as_str(), s.error_required.to_owned())),
            );
        }
        let questions = page.questions.iter();
        questions
            .filter_map(|q| {
                Some(Wrong {
                    question: q.id.clone(),
                    text: q.text.get(edition.language).to_owned(),
                    words: words.get(q.id.as_str())?.clone(),
                })
            })
            .collect()
    }

    fn session_of_this_response(&self) -> Option<&Session> {
        self.session.as_ref().filter(|s| s.right == self.right)
    }

    fn go_on(&self, app: &App, session: &Session) -> Response {
        let pages = &self.wave.questionnaire.pages;
        let path = |index: usize| {
            pages
                .get(index)
                .map_or("/review".to_owned(), |p| format!("/take/{}", p.id))
        };
        if let Some(tag) = self.language_chosen() {
            return door::choose(app, self.headers, see_other(&path(self.index)), tag);
        }
        let target = match self.action {
            "leave" => return with_cookie(see_other("/?left"), &app.no_session_cookie()),
            "back" => path(self.index.saturating_sub(1)),
            "review" => "/review".to_owned(),
            _ => path(self.index + 1),
        };
        with_cookie(see_other(&target), &app.session_cookie(session))
    }

    /// The page again with messages: 422.
    fn again(&self, app: &App, session: &Session, wrong: &[Wrong], saved: Option<i64>) -> Response {
        let shown = Shown {
            typed: Some(&self.filled.typed),
            problems: wrong,
            ..Shown::default()
        };
        let page = self.render(app, saved, &shown);
        let page = with_status(page, StatusCode::UNPROCESSABLE_ENTITY);
        with_cookie(page, &app.session_cookie(session))
    }

    /// The page again with everything that was typed, because it could not be saved now.
    fn busy(&self, app: &App, problem: &Problem) -> Response {
        let shown = Shown {
            typed: Some(&self.filled.typed),
            busy: true,
            ..Shown::default()
        };
        let page = with_status(self.render(app, None, &shown), problem.status);
        with_retry_after(page, problem)
    }

    fn render(&self, app: &App, saved: Option<i64>, shown: &Shown<'_>) -> Response {
        let edition = self.edition();
        let ticket = visit::ticket(app, self.right, saved.unwrap_or(self.filled.seen));
        let answers = if saved.is_some() {
            self.answers()
        } else {
            self.filled.was.clone()
        };
        let html = pages::whole(
            &Frame {
                view: "take",
                title: pages::page_title(edition, self.index, !shown.problems.is_empty()),
                survey: edition.questionnaire.title.get(edition.language),
                language: edition.tag(),
                languages: &edition.questionnaire.languages,
                language_back: None,
                edition: Some(edition),
                ticket: Some(&ticket),
                idle_minutes: (!shown.busy).then_some(app.config().idle_minutes),
            },
            &pages::page_main(edition, self.index, &answers, &ticket, shown),
        );
        visit::html(self.headers, StatusCode::OK, html)
    }
}

/// `GET /shell/{version}/{language}`: the survey's pages without any content, for the service worker to keep.
pub(super) async fn shell(
    State(app): State<App>,
    Path((version, tag)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let Some(questionnaire) = app.waves().questionnaire(&version) else {
        return visit::not_found(&app, &headers);
    };
    let edition = Edition::new(&questionnaire, &tag);
    let title = questionnaire.title.get(edition.language);
    let frame = Frame {
        view: "shell",
        title: title.to_owned(),
        survey: title,
        language: edition.tag(),
        languages: &questionnaire.languages,
        language_back: None,
        edition: Some(edition),
        ticket: None,
        idle_minutes: Some(app.config().idle_minutes),
    };
    let s: &Strings = edition.strings();
    let main = format!("<p>{}</p>", s.script.loading);
    visit::html(&headers, StatusCode::OK, pages::whole(&frame, &main))
}
