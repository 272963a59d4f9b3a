//! The respondent's way: pages that work as plain forms, and better with their script.
//!
//! * `strings.rs`, `language.rs`: what Canvass itself says, and in which language.
//! * `view.rs`, `pages.rs`, `document.rs`: from questionnaire and answers to HTML; pure functions.
//! * `door.rs`: entering a code, choosing a language, leaving. `take.rs`: the survey's pages. `finish.rs`: review,
//!   submission, thanks. `visit.rs`: what these have in common. `form.rs`: what a form sent.

mod document;
mod door;
mod finish;
mod form;
mod language;
mod pages;
pub(crate) mod strings;
mod take;
mod view;
mod visit;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;
use crate::assets;
use crate::metrics::Timed;

pub use document::document;
pub(crate) use visit::not_found;

/// Every page for respondents and what it loads.
pub fn routes() -> Router<App> {
    let timed = Timed::route;
    Router::new()
        .route("/", get(door::get).layer(timed("GET /")))
        .route(
            "/enter",
            get(door::back_to_start)
                .post(door::enter)
                .layer(timed("POST /enter")),
        )
        .route("/language", get(door::back_to_start).post(door::language))
        .route("/leave", get(door::back_to_start).post(door::leave))
        .route("/take", get(take::first).layer(timed("GET /take")))
        .route("/take/{page}", get(take::get).layer(timed("GET /take/{page}")))
        .route("/take/{page}", post(take::post).layer(timed("POST /take/{page}")))
        .route(
            "/take/submit",
            get(finish::back_to_review)
                .post(finish::submit)
                .layer(timed("POST /take/submit")),
        )
        .route("/review", get(finish::review).layer(timed("GET /review")))
        .route("/done", get(finish::done))
        .route("/shell/{version}/{language}", get(take::shell))
        .route("/offline", get(door::offline))
        .route("/static/{name}", get(assets::file))
        .route("/sw.js", get(assets::service_worker))
}
