//! Waiting for a server: in the queue, with an eye on the client, which may leave, cancel, or go on talking.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::request::gone;
use super::{Client, ClientState, Order};
use crate::clock;
use crate::net::SCRATCH;
use crate::pool::{Outcome, Place};
use crate::refusal::Refusal;
use crate::server::Server;
use crate::wire::error::put_notice;

/// What the wait ended with.
pub(super) enum Waited {
    /// A server.
    Server(Box<Server>),
    /// The client cancelled its request.
    Cancelled,
}

impl Client {
    /// Waits until a server is free.
    ///
    /// # Errors
    /// Why the client must go.
    pub(super) async fn wait(&mut self, mut place: Place) -> Result<Waited, Refusal> {
        let logs_in = self.info.state() == ClientState::WaitingLogin;
        if !logs_in {
            self.info
                .set_state(ClientState::Waiting, self.waits_since.take().unwrap_or(self.at));
        }
        let waited = poll_fn(|cx| self.poll_wait(cx, &mut place)).await;
        self.at = clock::micros();
        self.info.wait_is_over();
        self.info.note_parked(false);
        waited
    }

    fn poll_wait(&mut self, cx: &mut Context<'_>, place: &mut Place) -> Poll<Result<Waited, Refusal>> {
        if let Some(sentence) = self.info.sentence() {
            return Poll::Ready(Err(sentence));
        }
        if self.freezes() {
            return Poll::Pending;
        }
        match place.poll(cx) {
            Poll::Ready(Outcome::Server(server)) => return Poll::Ready(Ok(Waited::Server(server))),
            Poll::Ready(Outcome::Refused(refusal)) => return Poll::Ready(Err(refusal)),
            Poll::Pending => {}
        }
        while let Some(order) = self.info.next_order() {
            match order {
                Order::End(refusal) => return Poll::Ready(Err(refusal)),
                Order::CancelWait => return Poll::Ready(Ok(Waited::Cancelled)),
                Order::NotifyWait => {
                    let mut notice = Vec::new();
                    put_notice(
                        "No server connection available in postgres backend, client being queued",
                        &mut notice,
                    );
                    self.outbox.push(&notice);
                }
            }
        }
        if let Poll::Ready(Err(_)) = self.outbox.poll_empty(cx, &mut self.stream) {
            return Poll::Ready(Err(gone()));
        }
        if self.info.is_to_park() && !self.outbox.is_empty() || self.parks() {
            return Poll::Pending;
        }
        while self.inbox.len() < SCRATCH {
            if let Err(gone) = std::task::ready!(self.poll_hear(cx)) {
                return Poll::Ready(Err(gone));
            }
        }
        Poll::Pending
    }
}
