//! `POST /api/v1/sealed`: items of an outbox, delivered by whoever's page is open. The answer says of each item
//! whether it is accepted, and nothing else: the one who delivers it may be somebody else.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::{Value, json};

use super::saves::{accept, malformed};
use crate::app::App;
use crate::error::Problem;
use crate::request::body;
use crate::token::SealedItem;

/// Most items in one request.
pub const MOST_ITEMS: usize = 50;

#[derive(Deserialize)]
struct Items {
    items: Vec<SealedItem>,
}

/// The handler: `{"accepted": [true, false, null]}`, in the items' order. `false`: it can never be accepted in
/// full. `null`: not now, send it again.
pub async fn post(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, incoming) = request.into_parts();
    let bytes = body(app.config(), &parts.headers, incoming).await?;
    let Items { items } = serde_json::from_slice(&bytes).map_err(|e| malformed(&e))?;
    if items.len() > MOST_ITEMS {
        return Err(Problem::malformed(format!("At most {MOST_ITEMS} items at once.")));
    }
    let outcomes = join_all(items.iter().map(|item| deliver(&app, item))).await;
    if let Some(problem) = nothing_but_trouble(&outcomes) {
        return Err(problem);
    }
    let accepted: Vec<Value> = outcomes
        .into_iter()
        .map(|outcome| match outcome {
            Ok(accepted) => Value::Bool(accepted),
            Err(problem) => {
                if try_again(&problem) {
                    Value::Null
                } else {
                    Value::Bool(false)
                }
            }
        })
        .collect();
    Ok(super::json(json!({ "accepted": accepted }).to_string()))
}

async fn deliver(app: &App, item: &SealedItem) -> Result<bool, Problem> {
    let Some((right, plain)) = app.tokens().open(item) else {
        return Ok(false);
    };
    Ok(accept(app, right, &plain).await?.in_full())
}

fn try_again(problem: &Problem) -> bool {
    problem.status == StatusCode::SERVICE_UNAVAILABLE || problem.kind == "stamp-in-future"
}

/// The first 503, when no item got anywhere: with its `Retry-After`.
fn nothing_but_trouble(outcomes: &[Result<bool, Problem>]) -> Option<Problem> {
    let trouble = |outcome: &Result<bool, Problem>| {
        outcome
            .as_ref()
            .is_err_and(|p| p.status == StatusCode::SERVICE_UNAVAILABLE)
    };
    let all = !outcomes.is_empty() && outcomes.iter().all(trouble);
    all.then(|| outcomes.first().and_then(|o| o.as_ref().err().cloned()))
        .flatten()
}
