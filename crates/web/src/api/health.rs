//! `GET /healthz`: this process runs. `GET /readyz`: it can save.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::app::App;
use crate::error::Problem;

/// 200 as long as the event loop turns.
pub async fn healthz() -> Response {
    super::json(r#"{"status":"ok"}"#.to_owned())
}

/// 200 when the database answers and writes are accepted; else 503 with the reason.
pub async fn readyz(State(app): State<App>) -> Result<Response, Problem> {
    if app.shared().disk.is_shut() {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "disk-full",
            "The disk is nearly full.",
        ));
    }
    app.reader().ping().await?;
    Ok(super::json(r#"{"status":"ready"}"#.to_owned()))
}
