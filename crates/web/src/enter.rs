//! Entering a code: the same for pages and API.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use canvass_store::code::AccessCode;
use canvass_store::{Phase, Wave};

use crate::app::{App, now_micros};
use crate::budget::Verdict;
use crate::error::Problem;
use crate::metrics;
use crate::token::Right;

/// A right code: the response that it opens, which is started and on disk.
#[derive(Debug, Clone)]
pub struct Entered {
    /// What the code gives the right to.
    pub right: Right,
    /// Its wave, which is open.
    pub wave: Arc<Wave>,
}

/// Why a code does not let anyone in.
#[derive(Debug)]
pub enum NotEntered {
    /// Nobody has this code.
    WrongCode,
    /// Too many wrong codes; seconds until another one is answered.
    TooManyWrongCodes(u32),
    /// The survey opens later.
    NotOpenYet(Arc<Wave>),
    /// The survey is closed.
    Closed(Arc<Wave>),
    /// It cannot be told now.
    Unavailable(Problem),
}

/// Lets a respondent in with what they typed. The start is committed before this returns.
///
/// # Errors
/// [`NotEntered`].
pub async fn enter(
    app: &App,
    typed: &str,
    from: IpAddr,
    language: Option<&str>,
) -> Result<Entered, NotEntered> {
    let Ok(code) = typed.parse::<AccessCode>() else {
        return Err(wrong_code(app, from).await);
    };
    let hash = app.shared().keys.codes().hash(&code);
    let enrolments = app
        .reader()
        .enrolments(&hash)
        .await
        .map_err(|e| NotEntered::Unavailable(e.into()))?;
    if enrolments.is_empty() {
        return Err(wrong_code(app, from).await);
    }
    let now = now_micros();
    let mut elsewhere = None;
    for enrolment in enrolments {
        let Some(wave) = app.waves().get(enrolment.wave) else {
            continue;
        };
        match wave.phase(now) {
            Phase::Open => {
                let right = Right {
                    wave: enrolment.wave,
                    response: enrolment.response,
                };
                let language = language.filter(|l| wave.questionnaire.language_index(l).is_some());
                let language = language.or(wave.questionnaire.languages.first().map(String::as_str));
                let started = app
                    .ingest()
                    .start(right.wave, right.response, enrolment.unit, language)
                    .await;
                started.map_err(|e| NotEntered::Unavailable(e.into()))?;
                return Ok(Entered { right, wave });
            }
            Phase::Early => elsewhere = Some(NotEntered::NotOpenYet(wave)),
            Phase::Late | Phase::Over => elsewhere = elsewhere.or(Some(NotEntered::Closed(wave))),
        }
    }
    // An enrolment in a wave that is not in memory yet: made a moment ago.
    Err(elsewhere.unwrap_or_else(|| NotEntered::Unavailable(Problem::unavailable())))
}

async fn wrong_code(app: &App, from: IpAddr) -> NotEntered {
    metrics::refused("wrong-code");
    match app.shared().budget.wrong_code(from, Instant::now()) {
        Verdict::Answer(delay) => {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            NotEntered::WrongCode
        }
        Verdict::Refuse(wait) => {
            NotEntered::TooManyWrongCodes(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).clamp(1, 3600))
        }
    }
}
