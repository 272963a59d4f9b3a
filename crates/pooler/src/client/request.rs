//! Between requests: the client has no server, and holds no memory but its socket's.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::{Client, ClientState};
use crate::net::{LONG, with_scratch};
use crate::pool::{Lane, Terms};
use crate::refusal::Refusal;
use crate::wire::error::{Severity, put_error};
use crate::wire::ready::READY_IDLE;
use crate::wire::{self, HEADER, Head};

impl Client {
    /// Waits for a request: its first message whole, or as much of it as is read at once.
    ///
    /// # Errors
    /// Why the client must go.
    pub(super) async fn request(&mut self) -> Result<(), Refusal> {
        self.info.set_state(ClientState::Idle, self.at);
        self.next_request().await
    }

    /// The same without a new beginning of the idle time.
    ///
    /// # Errors
    /// Why the client must go.
    pub(super) async fn next_request(&mut self) -> Result<(), Refusal> {
        poll_fn(|cx| self.poll_request(cx)).await
    }

    fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        if let Some(sentence) = self.info.sentence() {
            return Poll::Ready(Err(sentence));
        }
        if self.freezes() {
            return Poll::Pending;
        }
        match self.outbox.poll_empty(cx, &mut self.stream) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(Err(gone())),
            Poll::Pending => return Poll::Pending,
        }
        if self.parks() {
            return Poll::Pending;
        }
        loop {
            match self.first_message()? {
                Some(First::Request) => {
                    self.inbox_is_new = true;
                    return Poll::Ready(Ok(()));
                }
                Some(First::Terminate) => return Poll::Ready(Err(Refusal::silent("client close request"))),
                None => {}
            }
            std::task::ready!(self.poll_hear(cx))?;
        }
    }

    /// Reads once, into the inbox.
    pub(super) fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        with_scratch(
            |scratch| match std::task::ready!(self.stream.poll_take(cx, scratch)) {
                Ok(n) if n > 0 => {
                    self.inbox.extend_from_slice(&scratch[..n]);
                    self.counted.received += n as u64;
                    Poll::Ready(Ok(()))
                }
                _ => Poll::Ready(Err(gone())),
            },
        )
    }

    /// A request has begun to come, or waits to be passed on: [`Self::request`] would not wait for more of it.
    pub(super) fn has_begun(&self) -> bool {
        self.inbox_is_new || self.inbox.len() >= LONG
    }

    /// Looks at the first message of the inbox; drops what means nothing without a server: Flush, and the rest of a
    /// COPY that failed. `None`: more must come.
    fn first_message(&mut self) -> Result<Option<First>, Refusal> {
        let mut at = 0;
        let first = loop {
            let skipped = self.body.min(self.inbox.len() - at);
            at += skipped;
            self.body -= skipped;
            let rest = &self.inbox[at..];
            if let Some(&kind) = rest.first().filter(|kind| !wire::is_client_kind(**kind)) {
                return Err(Refusal::new(
                    "08P01",
                    format!("invalid frontend message type {kind}"),
                ));
            }
            let head = match wire::client_head(rest) {
                Ok(Some(head)) => head,
                Ok(None) => break None,
                Err(error) => return Err(Refusal::silent(error.to_string())),
            };
            match head.kind {
                b'd' | b'c' | b'f' => self.body = head.total,
                b'H' if head.total == HEADER => self.body = head.total,
                b'X' => break Some(First::Terminate),
                _ if rest.len() >= head.total.min(LONG) => break Some(First::Request),
                _ => break None,
            }
        };
        if at == self.inbox.len() {
            self.inbox = Vec::new();
        } else if at > 0 {
            self.inbox.drain(..at);
        }
        Ok(first)
    }

    /// The request that waited for a server is cancelled: it fails as PostgreSQL would let it fail.
    pub(super) async fn answer_cancelled(&mut self) -> Result<(), Refusal> {
        self.answer_refused(&Refusal::CANCELLED).await
    }

    /// Answers a request that gets no server with an error; the connection goes on behind it.
    pub(super) async fn answer_refused(&mut self, refusal: &Refusal) -> Result<(), Refusal> {
        let mut answer = Vec::new();
        put_error(
            Severity::Error,
            &refusal.sqlstate,
            &refusal.message,
            refusal.hint.as_deref(),
            &mut answer,
        );
        answer.extend_from_slice(&READY_IDLE);
        self.inbox_is_new = false;
        let mut skipped = Skipped::default();
        poll_fn(|cx| self.poll_skip_request(&mut skipped, cx)).await?;
        self.outbox.push(&answer);
        Ok(())
    }

    /// Reads up to the end of the request: a simple query or function call, or everything up to a Sync. Nothing of it is
    /// kept.
    fn poll_skip_request(
        &mut self,
        request: &mut Skipped,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Refusal>> {
        loop {
            let mut at = 0;
            loop {
                let skipped = self.body.min(self.inbox.len() - at);
                at += skipped;
                self.body -= skipped;
                if self.body > 0 {
                    break;
                }
                if request.ends {
                    self.inbox.drain(..at);
                    return Poll::Ready(Ok(()));
                }
                let Some(Head { kind, total }) = wire::client_head(&self.inbox[at..])
                    .map_err(|error| Refusal::silent(error.to_string()))?
                else {
                    break;
                };
                match kind {
                    b'X' => return Poll::Ready(Err(Refusal::silent("client close request"))),
                    b'Q' | b'F' => request.ends = !request.is_extended,
                    b'S' => request.ends = true,
                    b'P' | b'B' | b'D' | b'E' | b'C' => request.is_extended = true,
                    _ => {}
                }
                self.body = total;
            }
            self.inbox.drain(..at);
            if let Some(sentence) = self.info.sentence() {
                return Poll::Ready(Err(sentence));
            }
            std::task::ready!(self.poll_hear(cx))?;
        }
    }
}

/// How far a request has been passed over.
#[derive(Debug, Default)]
struct Skipped {
    /// It is one of the extended protocol, which ends with a Sync.
    is_extended: bool,
    /// Its last message has begun.
    ends: bool,
}

enum First {
    Request,
    Terminate,
}

pub(super) fn gone() -> Refusal {
    Refusal::silent("client unexpected eof")
}

/// The words that statements which change nothing begin with.
const READS: [&[u8]; 4] = [b"select", b"show", b"values", b"table"];

/// The lane of the request at the front of `inbox`, by the first word of its text; what is no text is a write. Without
/// lanes everything is.
pub(super) fn lane(inbox: &[u8], terms: &Terms) -> Lane {
    if !terms.lanes {
        return Lane::Write;
    }
    let text = match inbox.first() {
        Some(b'Q') => inbox.get(HEADER..),
        Some(b'P') => inbox.get(HEADER..).and_then(wire::cstr).map(|(_, text)| text),
        _ => None,
    };
    let text = text.unwrap_or_default().trim_ascii_start();
    let reads = READS.iter().any(|word| {
        let front = text.get(..word.len());
        front.is_some_and(|front| front.eq_ignore_ascii_case(word))
            && text
                .get(word.len())
                .is_none_or(|next| !next.is_ascii_alphanumeric())
    });
    if reads { Lane::Read } else { Lane::Write }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_decides_the_lane() {
        let terms = Terms {
            lanes: true,
            ..Terms::default()
        };
        let lane_of = |text: &str| {
            let mut message = Vec::new();
            crate::wire::query::put_query(text.as_bytes(), &mut message);
            lane(&message, &terms)
        };
        assert_eq!(lane_of("  SELECT 1"), Lane::Read);
        assert_eq!(lane_of("selection"), Lane::Write);
        assert_eq!(lane_of("INSERT INTO t VALUES (1)"), Lane::Write);
        assert_eq!(lane_of("BEGIN"), Lane::Write);
        assert_eq!(lane(b"S\0\0\0\x04", &terms), Lane::Write);
        assert_eq!(lane(b"Q\0\0\0\x0dselect 1\0", &Terms::default()), Lane::Write);
    }
}
