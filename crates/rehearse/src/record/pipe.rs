//! Bodies on their way through the proxy: kept as they pass, whole or piece by piece.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;

use super::rewrite;
use super::tape::{Kept, Tape};
use super::upstream::{BoxError, SentBody, Upstream};
use crate::har::decode::Decoder;

/// A request's body, byte for byte.
pub struct Upload {
    from: Incoming,
    kept: Arc<Mutex<Kept>>,
}

impl Upload {
    /// From the browser.
    pub fn new(from: Incoming, kept: Arc<Mutex<Kept>>) -> Self {
        Self { from, kept }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.from).poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.kept
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(data);
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.from.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.from.size_hint()
    }
}

/// A response's body: decoded, kept, its links rewritten, each only if need be.
pub struct Download {
    from: Incoming,
    tape: Tape,
    decoder: Option<Decoder>,
    links: Option<rewrite::Stream>,
    /// The connection, and where it goes when the body was read.
    back: Option<(Arc<Upstream>, SendRequest<SentBody>)>,
    ended: bool,
}

impl Download {
    /// From the target.
    pub fn new(
        from: Incoming,
        mut tape: Tape,
        decoder: Option<Decoder>,
        links: Option<rewrite::Stream>,
        back: (Arc<Upstream>, SendRequest<SentBody>),
    ) -> Self {
        let ended = from.is_end_stream();
        if ended {
            tape.ended();
            back.0.keep(back.1);
            return Self {
                from,
                tape,
                decoder: None,
                links: None,
                back: None,
                ended,
            };
        }
        Self {
            from,
            tape,
            decoder,
            links,
            back: Some(back),
            ended,
        }
    }

    fn pass(&mut self, data: Bytes) -> Result<Bytes, BoxError> {
        let plain = match &mut self.decoder {
            None => data,
            Some(decoder) => Bytes::from(decoder.push(&data)?),
        };
        self.tape.received(&plain);
        Ok(match &mut self.links {
            None => plain,
            Some(links) => Bytes::from(links.push(&plain)),
        })
    }

    fn last(&mut self, data: Bytes) -> Result<Bytes, BoxError> {
        let (out, rest) = (self.pass(data)?, self.rest()?);
        Ok(match rest.is_empty() {
            true => out,
            false => [out, rest].concat().into(),
        })
    }

    fn rest(&mut self) -> Result<Bytes, BoxError> {
        let plain = match &mut self.decoder {
            None => Bytes::new(),
            Some(decoder) => Bytes::from(decoder.finish()?),
        };
        self.tape.received(&plain);
        let mut out = plain.to_vec();
        if let Some(links) = &mut self.links {
            out = links.push(&plain);
            out.append(&mut links.finish());
        }
        self.tape.ended();
        if let Some((upstream, sender)) = self.back.take() {
            upstream.keep(sender);
        }
        Ok(Bytes::from(out))
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        while !self.ended {
            let out = match ready!(Pin::new(&mut self.from).poll_frame(cx)) {
                Some(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error.into())));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    // After the last byte that a Content-Length announced nobody asks again.
                    Ok(data) if self.from.is_end_stream() => {
                        self.ended = true;
                        self.last(data)
                    }
                    Ok(data) => self.pass(data),
                    // Trailers: they are for this connection's framing, which the proxy does anew.
                    Err(_) => continue,
                },
                None => {
                    self.ended = true;
                    self.rest()
                }
            };
            match out {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Err(error) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        Poll::Ready(None)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.decoder, &self.links) {
            (None, None) => self.from.size_hint(),
            _ => SizeHint::default(),
        }
    }
}
