//! Reading requests: bodies within limits, cookies, the bearer token.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::runtime::Handle;

use crate::Config;
use crate::error::Problem;

/// Most bytes that are read and thrown away of a body that no handler wants.
const MOST_DISCARDED: u64 = 4 << 20;
/// For how long at most.
const DISCARDING: Duration = Duration::from_secs(2);

/// A body as it arrives. What a handler leaves of it is read and thrown away, within [`MOST_DISCARDED`] and
/// [`DISCARDING`]: whoever is answered while still sending, on a connection that is then closed, does not see the answer
/// but a broken connection, and would send it all again.
pub struct Arriving(Option<Incoming>);

impl Arriving {
    /// Of a request that has just begun.
    pub fn new(incoming: Incoming) -> Self {
        Self(Some(incoming))
    }
}

impl hyper::body::Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        match &mut self.0 {
            Some(incoming) => Pin::new(incoming).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(SizeHint::default, Incoming::size_hint)
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if let Some(incoming) = self.0.take_if(|incoming| !incoming.is_end_stream())
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(tokio::time::timeout(DISCARDING, discard(incoming)));
        }
    }
}

/// Reads on to the end of a body, or until enough of it was read.
async fn discard(mut incoming: Incoming) {
    let mut read = 0;
    while read < MOST_DISCARDED
        && let Some(Ok(frame)) = incoming.frame().await
    {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
    }
}

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
