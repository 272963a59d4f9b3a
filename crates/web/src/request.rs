//! Reading requests: bodies within limits, cookies, the bearer token.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;

use crate::Config;
use crate::error::Problem;

/// Most bytes of a body too large that are read and thrown away. Who is answered while still sending does not see the
/// answer, only a connection that was reset, and would send it all again.
const MOST_DISCARDED: u64 = 4 << 20;
/// For how long at most.
const DISCARDING: Duration = Duration::from_secs(2);

/// The whole body.
///
/// # Errors
/// 413 beyond the limit, 408 when it does not arrive in time, 400 when the connection breaks.
pub async fn body(config: &Config, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let limit = config.max_body_bytes;
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|n| n > MOST_DISCARDED) {
        return Err(too_large(limit));
    }
    match tokio::time::timeout(config.body_timeout(), collect(body, limit)).await {
        Ok(result) => result,
        Err(_) => Err(late(config.body_timeout())),
    }
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Problem::malformed("The request ended before its body was complete."))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + rest.len() + data.len() > limit {
            let _ = tokio::time::timeout(DISCARDING, discard(body, data.len() as u64)).await;
            return Err(too_large(limit));
        }
        // A page's body comes in one piece nearly always: then it is not copied.
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
                first = Bytes::new();
            }
            rest.extend_from_slice(&data);
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

/// Reads on to the end of a body, or until enough of it was read.
async fn discard(mut body: Body, mut read: u64) {
    while read < MOST_DISCARDED
        && let Some(Ok(frame)) = body.frame().await
    {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("The body is larger than {limit} bytes.");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail)
}

fn late(limit: Duration) -> Problem {
    let detail = format!("The body did not arrive within {} seconds.", limit.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|v| v.to_str().ok());
    cookies.flat_map(|line| line.split(';')).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

/// The token of `Authorization: Bearer`.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
