//! `POST /api/v1/saves`: one page's changed answers, acknowledged after COMMIT.

use std::borrow::Cow;
use std::fmt;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use canvass_store::{Phase, Wave};
use canvass_survey::validation::check_json;
use canvass_survey::{Checked, Save, Stamp};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::app::{App, now_micros, now_seconds};
use crate::error::Problem;
use crate::request::{bearer, body};
use crate::token::Right;

/// How far a stamp may be ahead of this server's clock: two minutes, in µs.
pub const MOST_AHEAD: i64 = 120_000_000;

/// A save as it is sent.
#[derive(Deserialize)]
pub struct SaveRequest<'a> {
    stamp: i64,
    #[serde(borrow)]
    page: Cow<'a, str>,
    #[serde(borrow)]
    answers: Answers<'a>,
    #[serde(borrow, default)]
    language: Option<Cow<'a, str>>,
}

/// {question: value} in the order sent; each value as its JSON text, so that a wrong one harms no other.
struct Answers<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Answers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Answers<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object {question: value}")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(12));
                while let Some(Key(key)) = map.next_key()? {
                    pairs.push((key, map.next_value()?));
                }
                Ok(Answers(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

/// An object's key, not copied unless it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The handler.
pub async fn post(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, incoming) = request.into_parts();
    let right = bearer(&parts.headers).and_then(|token| app.tokens().verify_write(token));
    let right = right.ok_or_else(Problem::bad_token)?;
    let bytes = body(app.config(), &parts.headers, incoming).await?;
    let accepted = accept(&app, right, &bytes).await?;
    let mut response = accepted.answer()?;
    keep_session_alive(&app, &parts.headers, &mut response);
    Ok(response)
}

/// What became of a save whose right answers, if there are any, are committed.
pub struct Accepted<'a> {
    request: SaveRequest<'a>,
    checked: Checked,
    saved_at: i64,
    /// Stamped after the wave's closing: it is kept, but it does not count.
    late: bool,
}

/// Checks a save and commits what is right in it.
///
/// # Errors
/// 400, 404, 409, 422 `stamp-in-future` and `bad-stamp`, 503. Refused answers are no error here.
pub async fn accept<'a>(app: &App, right: Right, bytes: &'a [u8]) -> Result<Accepted<'a>, Problem> {
    let wave = app.wave(right)?;
    let now = now_micros();
    if wave.phase(now) == Phase::Over {
        return Err(Problem::wave_over());
    }
    let request: SaveRequest<'a> = serde_json::from_slice(bytes).map_err(|e| malformed(&e))?;
    let page = wave
        .questionnaire
        .page(&request.page)
        .ok_or_else(Problem::unknown_page)?;
    let stamp = stamp(request.stamp, now)?;
    let late = stamp.micros() > wave.closes_at;
    let checked = check_json(
        page,
        request
            .answers
            .0
            .iter()
            .map(|(id, raw)| (Cow::Borrowed(id.as_ref()), *raw)),
    );
    if checked.accepted == 0 && !checked.refused.is_empty() {
        return Ok(Accepted {
            request,
            checked,
            late,
            saved_at: 0,
        });
    }
    let save = Save::new(stamp, &page.id, checked.answers.clone());
    let language = language(&wave, request.language.as_deref());
    let committed = app
        .ingest()
        .save(right.wave, right.response, save, language)
        .await?;
    Ok(Accepted {
        request,
        checked,
        late,
        saved_at: committed.at,
    })
}

impl Accepted<'_> {
    /// True when nothing was refused.
    pub fn in_full(&self) -> bool {
        self.checked.refused.is_empty()
    }

    fn answer(self) -> Result<Response, Problem> {
        let (stamp, saved_at, now) = (self.request.stamp, self.saved_at, now_micros());
        if self.in_full() {
            let late = if self.late { r#","late":true"# } else { "" };
            return Ok(super::json(format!(
                r#"{{"stamp":{stamp},"saved_at":{saved_at},"server_time":{now}{late}}}"#
            )));
        }
        let saved: Vec<String> =
            serde_json::from_str::<serde_json::Map<String, Value>>(&self.checked.answers)
                .map(|map| map.into_iter().map(|(question, _)| question).collect())
                .unwrap_or_default();
        let refused = self.checked.refused.iter();
        let refused: Vec<Value> = refused
            .map(|r| json!({ "question": r.question, "reason": r.reason.as_str() }))
            .collect();
        crate::metrics::refused("answer");
        let detail = "Some answers were refused; the others are saved.";
        Err(
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "answers-refused", detail)
                .with("stamp", stamp)
                .with("saved", saved)
                .with("refused", refused)
                .with("server_time", now),
        )
    }
}

/// A stamp within its bounds and not over two minutes ahead.
///
/// # Errors
/// 422 `bad-stamp`, 422 `stamp-in-future`.
pub fn stamp(micros: i64, now: i64) -> Result<Stamp, Problem> {
    if micros > now.saturating_add(MOST_AHEAD) {
        return Err(Problem::stamp_in_future());
    }
    Stamp::try_from(micros)
        .map_err(|e| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-stamp", format!("{e}.")))
}

/// A language tag as the questionnaire writes it; one that it does not have is left out.
fn language(wave: &Wave, tag: Option<&str>) -> Option<String> {
    let languages = &wave.questionnaire.languages;
    wave.questionnaire
        .language_index(tag?)
        .map(|index| languages[index].clone())
}

/// What is wrong with a body, without a word of it.
pub fn malformed(error: &serde_json::Error) -> Problem {
    let kind = if error.is_data() {
        "not what this call takes"
    } else {
        "not valid JSON"
    };
    Problem::malformed(format!(
        "The body is {kind}, at line {} column {}.",
        error.line(),
        error.column()
    ))
}

/// A browser that saves through the API is not idle: its cookie is renewed when a quarter of its life is over.
fn keep_session_alive(app: &App, headers: &axum::http::HeaderMap, response: &mut Response) {
    if !headers.contains_key(header::COOKIE) {
        return;
    }
    let Some(session) = app.session(headers) else {
        return;
    };
    if now_seconds().saturating_sub(session.issued) < app.config().idle_minutes * 15 {
        return;
    }
    if let Ok(value) = HeaderValue::from_str(&app.session_cookie(&session)) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
}
