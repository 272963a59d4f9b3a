//! A client and a server, joined until the server owes nothing any more. Bytes go both ways as they come: one read and
//! one write a hop; while one side cannot take more, nothing is read from the other.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use super::replies::Again;
use super::splice::Splice;
use super::{Client, ClientState, Ended};
use crate::clock;
use crate::config::{PoolMode, SessionState};
use crate::log::Level;
use crate::net::{LONG, with_scratch};
use crate::pool::{Terms, Totals};
use crate::refusal::Refusal;
use crate::server::{Server, ServerState};
use crate::session::Statement;
use crate::wire;
use crate::wire::ready::Transaction;

/// Sync.
const SYNC: [u8; 5] = [b'S', 0, 0, 0, 4];
/// Terminate.
const TERMINATE: [u8; 5] = [b'X', 0, 0, 0, 4];

/// A client and its server.
pub(super) struct Exchange<'a> {
    pub(super) client: &'a mut Client,
    pub(super) server: &'a mut Server,
    pub(super) terms: &'a Terms,
    pub(super) counted: Totals,
    /// The client has said its last; what the server still owes is delivered.
    pub(super) leaving: bool,
    /// It has broken the protocol: the server will end the session by itself, with whatever it says about it.
    pub(super) broken_off: bool,
    /// `SET`s and `RESET`s whose ParameterStatus has not come.
    pub(super) settings: u32,
    /// Names of settings that do not follow the client and are not what they were at the server's login.
    pub(super) strange: Vec<Box<[u8]>>,
    /// `SET`s that are on their way and leave nothing behind that matters.
    pub(super) harmless: u32,
    /// Something came with the last ReadyForQuery that ends the exchange.
    pub(super) verdict: Option<Ended>,
    /// An error that ends the server's session has been passed on.
    pub(super) farewell: bool,
    /// Statements whose Parse failed, and what the client called them.
    pub(super) forgotten: Vec<(Arc<Statement>, Box<[u8]>)>,
    /// The request that is under way, to be sent again when its plan has grown old.
    pub(super) again: Again,
}

/// Where an exchange stands that goes on in this process.
#[derive(Debug, Default)]
pub(crate) struct Midst {
    pub(super) settings: u32,
    pub(super) harmless: u32,
    pub(super) farewell: bool,
    pub(super) forgotten: Vec<(Arc<Statement>, Box<[u8]>)>,
    pub(super) again: Again,
}

impl Client {
    /// Lets the client use the server until it is free, or one of the two is gone.
    ///
    /// # Errors
    /// Why the client must go.
    pub(super) async fn exchange(&mut self, server: Box<Server>, terms: &Terms) -> Result<(), Refusal> {
        self.begin_work(&server, self.at);
        self.go_on(server, terms, Midst::default()).await
    }

    /// The same in the midst of it.
    ///
    /// # Errors
    /// Why the client must go.
    pub(super) async fn go_on(
        &mut self,
        mut server: Box<Server>,
        terms: &Terms,
        midst: Midst,
    ) -> Result<(), Refusal> {
        let began = self.at;
        let mut exchange = Exchange {
            counted: std::mem::take(&mut self.counted),
            client: self,
            server: &mut server,
            terms,
            leaving: false,
            broken_off: false,
            settings: midst.settings,
            strange: Vec::new(),
            harmless: midst.harmless,
            verdict: None,
            farewell: midst.farewell,
            forgotten: midst.forgotten,
            again: midst.again,
        };
        let ended = poll_fn(|cx| exchange.poll(cx)).await;
        let counted = exchange.counted;
        self.counted = counted;
        self.is_inside_reply = server.body > 0;
        match ended {
            Ended::Free => self.free(server, terms, began).await,
            // Another process speaks with both.
            Ended::Client(reason) if reason.is_hand_over() => Err(reason),
            Ended::Client(reason) => {
                if self.body > 0 {
                    // The server would take the next client's words for the rest.
                    server.doubt.get_or_insert("half a message of its client");
                }
                self.part(server).await;
                Err(reason)
            }
            Ended::Server(reason) => {
                self.info.unlink();
                self.close(&server, &reason.message);
                Err(reason)
            }
        }
    }

    fn begin_work(&mut self, server: &Server, now: u64) {
        use std::sync::atomic::Ordering::Relaxed;
        self.info.link(&server.info);
        server.info.set_state(ServerState::Active);
        server.info.request_at.store(now, Relaxed);
        self.info.request_at.store(now, Relaxed);
        self.info.transaction_at.store(now, Relaxed);
        self.info.query_at.store(now, Relaxed);
        self.info.set_state(ClientState::Active, now);
    }

    /// The server owes nothing: back to the pool with it.
    async fn free(&mut self, server: Box<Server>, terms: &Terms, began: u64) -> Result<(), Refusal> {
        let refused = server.dirty && terms.session_state == SessionState::Refuse;
        if server.dirty || terms.reset_always {
            self.part(server).await;
        } else {
            self.info.unlink();
            if terms.refuse_early {
                let held = self.at.saturating_sub(began);
                self.pool.note_hold(Duration::from_micros(held));
            }
            self.pool.give_back(server, self.info.thread, self.at);
        }
        if refused {
            // Whoever has asked nothing reads no answer: most drivers would take it for a broken connection.
            self.sentence = Some(Refusal::session_state());
        }
        Ok(())
    }
}

impl Exchange<'_> {
    /// Moves what can be moved.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        if let Some(sentence) = self.client.info.sentence() {
            return Poll::Ready(Ended::Client(sentence));
        }
        if self.freezes() {
            return Poll::Pending;
        }
        loop {
            if let Poll::Ready(ended) = self.flush(cx) {
                return Poll::Ready(ended);
            }
            if self.client.info.is_to_park() && !self.is_flushed() || self.client.parks() {
                return Poll::Pending;
            }
            let heard = match self.has_news() {
                true => false,
                false => match self.hear_server(cx) {
                    Ok(heard) => heard,
                    Err(ended) => return Poll::Ready(ended),
                },
            };
            if let Some(ended) = self.verdict.take() {
                return Poll::Ready(ended);
            }
            if self.is_over() {
                return Poll::Ready(self.over());
            }
            if self.may_settle() {
                // Its Sync may never come, or come much later: the server would wait for it in a transaction.
                self.server.outbox.push(&SYNC);
                self.server.replies.settle();
                continue;
            }
            if self.is_to_be_replaced() {
                return Poll::Ready(Ended::Client(Refusal::CONFIGURATION_CHANGED));
            }
            let said = match self.hear_client(cx) {
                Ok(said) => said,
                Err(ended) => return Poll::Ready(ended),
            };
            self.take_leave();
            if self.leaving && self.is_hopeless() {
                return Poll::Ready(Ended::Client(Refusal::silent(
                    "client disconnect while server was not ready",
                )));
            }
            if !heard && !said {
                return Poll::Pending;
            }
        }
    }

    /// The client has asked before the server was there: nothing is to be heard from the server yet.
    fn has_news(&self) -> bool {
        self.client.inbox_is_new && self.listens_to_client()
    }

    fn listens_to_client(&self) -> bool {
        !self.leaving && self.server.outbox.is_empty() && !self.again.is_waiting()
    }

    /// Everything that was read has been passed on.
    fn is_flushed(&self) -> bool {
        self.client.outbox.is_empty() && self.server.outbox.is_empty()
    }

    /// The client leaves a server of which nobody knows what it owes: PostgreSQL answers what there is, and ends.
    fn take_leave(&mut self) {
        if self.leaving && !self.broken_off && self.client.body == 0 && self.server.doubt.is_some() {
            self.server.outbox.push(&TERMINATE);
            self.broken_off = true;
        }
    }

    /// Nothing is owed any more, and the server does not stay.
    fn is_over(&self) -> bool {
        if self.leaving {
            return !self.broken_off && self.server.replies.none();
        }
        self.server.is_clean() && self.client.body == 0 && !self.client.has_begun() && !self.stays()
    }

    /// The client has prepared statements with a Flush behind them, has got its answers, and says no more: as in some drivers,
    /// it will come back to them whenever it likes.
    fn may_settle(&self) -> bool {
        self.server.replies.may_be_settled()
            && self.terms.mode != PoolMode::Session
            && self.server.transaction == Transaction::Idle
            && self.server.doubt.is_none()
            && self.server.outbox.is_empty()
            && !self.leaving
            && self.client.body == 0
            && self.client.inbox.is_empty()
    }

    /// `server_fast_close`: the server that stays with this client is to be replaced, and nothing is under way.
    fn is_to_be_replaced(&self) -> bool {
        self.terms.fast_close
            && self.terms.mode == PoolMode::Session
            && self.server.info.close_needed.load(Ordering::Relaxed)
            && !self.leaving
            && self.server.is_clean()
            && self.client.body == 0
            && !self.client.has_begun()
    }

    /// The server stays with this client until the client leaves.
    fn stays(&self) -> bool {
        self.terms.mode == PoolMode::Session
            || (self.server.dirty && self.terms.session_state == SessionState::Pin)
    }

    fn over(&self) -> Ended {
        if self.leaving {
            return Ended::Client(Refusal::silent("client close request"));
        }
        Ended::Free
    }

    /// The client has left and the server waits for more of its words: nothing will come any more.
    fn is_hopeless(&self) -> bool {
        !self.broken_off
            && (self.client.body > 0
                || self.server.replies.skipping()
                || self.server.replies.copying()
                || !self.server.replies.ends_by_itself())
    }

    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let client = &mut *self.client;
        if let Poll::Ready(Err(_)) = client.outbox.poll_empty(cx, &mut client.stream) {
            return Poll::Ready(Ended::Client(Refusal::silent("client unexpected eof")));
        }
        if let Poll::Ready(Err(error)) = self.server.outbox.poll_empty(cx, &mut self.server.stream) {
            // Its last words may still be there to read.
            if self.server.replies.is_empty() {
                return Poll::Ready(self.server_is_gone(&error));
            }
        }
        Poll::Pending
    }

    /// Reads from the server once; true when something came.
    fn hear_server(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        if !self.client.outbox.is_empty() {
            return Ok(false);
        }
        with_scratch(|scratch| {
            let before = self.server.inbox.len();
            if before >= LONG {
                // No reply that must be read whole is so long.
                return Err(self.server_is_gone(&io::Error::from(io::ErrorKind::InvalidData)));
            }
            scratch[..before].copy_from_slice(&self.server.inbox);
            let came = match self.server.stream.poll_take(cx, &mut scratch[before..]) {
                Poll::Pending => return Ok(false),
                Poll::Ready(Ok(0)) => return Err(self.server_is_gone(&io::ErrorKind::UnexpectedEof.into())),
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(error)) => return Err(self.server_is_gone(&error)),
            };
            let input = &scratch[..before + came];
            let mut splice = Splice::new(input);
            let done = self.replies(input, &mut splice)?;
            self.server.inbox.clear();
            if done < input.len() {
                self.server.inbox.extend_from_slice(&input[done..]);
            } else if self.server.inbox.capacity() > 0 {
                self.server.inbox = Vec::new();
            }
            let client = &mut *self.client;
            let counted = &mut self.counted;
            splice
                .finish(done, |bytes| {
                    counted.sent += bytes.len() as u64;
                    client.outbox.send(cx, &mut client.stream, bytes)
                })
                .map_err(|_| Ended::Client(Refusal::silent("client unexpected eof")))?;
            self.send_again(cx)?;
            Ok(true)
        })
    }

    /// Takes what the client has said: first what waits in its inbox, then one read; true when something came.
    fn hear_client(&mut self, cx: &mut Context<'_>) -> Result<bool, Ended> {
        if !self.listens_to_client() {
            return Ok(false);
        }
        let waiting = std::mem::take(&mut self.client.inbox);
        if std::mem::take(&mut self.client.inbox_is_new) {
            return self.pass_on(cx, waiting.as_slice()).map(|()| true);
        }
        if waiting.len() >= LONG {
            return self.hear_long(cx, waiting);
        }
        with_scratch(|scratch| {
            let before = waiting.len();
            scratch[..before].copy_from_slice(&waiting);
            match self.client.stream.poll_take(cx, &mut scratch[before..]) {
                Poll::Pending => {
                    self.client.inbox = waiting;
                    Ok(false)
                }
                Poll::Ready(Ok(n)) if n > 0 => {
                    self.counted.received += n as u64;
                    self.pass_on(cx, &scratch[..before + n]).map(|()| true)
                }
                Poll::Ready(_) => {
                    self.client.inbox = waiting;
                    self.leaving = true;
                    Ok(true)
                }
            }
        })
    }

    /// Reads more of a message that must be read whole and is long.
    fn hear_long(&mut self, cx: &mut Context<'_>, mut waiting: Vec<u8>) -> Result<bool, Ended> {
        let came = with_scratch(|scratch| match self.client.stream.poll_take(cx, scratch) {
            Poll::Pending => None,
            Poll::Ready(Ok(n)) => {
                waiting.extend_from_slice(&scratch[..n]);
                Some(n)
            }
            Poll::Ready(Err(_)) => Some(0),
        });
        match came {
            Some(0) => self.leaving = true,
            Some(n) => self.counted.received += n as u64,
            None => {}
        }
        let is_whole = wire::client_head(&waiting)
            .is_ok_and(|head| head.is_some_and(|head| waiting.len() >= head.total));
        self.client.inbox_is_new = is_whole;
        self.client.inbox = waiting;
        Ok(came.is_some())
    }

    pub(super) fn pass_on(&mut self, cx: &mut Context<'_>, input: &[u8]) -> Result<(), Ended> {
        let mut splice = Splice::new(input);
        let done = self.requests(input, &mut splice)?;
        if done < input.len() && !self.leaving {
            self.client.inbox = input[done..].to_vec();
        }
        let server = &mut *self.server;
        let sent = splice.finish(done, |bytes| server.outbox.send(cx, &mut server.stream, bytes));
        if let Err(error) = sent
            && server.replies.is_empty()
        {
            return Err(self.server_is_gone(&error));
        }
        self.answer_locally(cx)
    }

    /// The server has gone. What it said last has reached the client; without such words we say it.
    fn server_is_gone(&mut self, error: &io::Error) -> Ended {
        let server = &self.server;
        self.client.hub.log.server(
            Level::Warning,
            &self.client.pool.key,
            &server.info,
            &format!("server connection ended: {error}"),
        );
        Ended::Server(if self.farewell || self.broken_off {
            Refusal::silent("server conn crashed?")
        } else {
            Refusal::SERVER_CONNECTION_CRASHED
        })
    }

    /// A request is over, or goes on in a transaction: what others may see.
    pub(super) fn note_ready(&mut self) {
        use std::sync::atomic::Ordering::Relaxed;
        let now = clock::micros();
        self.client.at = now;
        let info = &self.client.info;
        self.counted.queries += 1;
        let began = info.query_at.swap(now, Relaxed);
        if began > 0 {
            self.counted.query_time += now.saturating_sub(began);
        }
        if self.server.transaction == Transaction::Idle {
            self.counted.xacts += 1;
            let began = info.transaction_at.swap(now, Relaxed);
            if began > 0 {
                self.counted.xact_time += now.saturating_sub(began);
            }
        }
        let counted = std::mem::take(&mut self.counted);
        self.client.pool.stats.add(self.client.info.thread, &counted);
        if self.server.replies.none() {
            info.query_at.store(0, Relaxed);
            let state = if self.server.transaction == Transaction::Idle {
                info.transaction_at.store(0, Relaxed);
                ClientState::Idle
            } else {
                ClientState::IdleInTransaction
            };
            info.set_state(state, now);
        }
    }

    /// The client goes on in its transaction.
    pub(super) fn note_request(&mut self) {
        use std::sync::atomic::Ordering::Relaxed;
        if self.client.info.state() != ClientState::Active {
            let now = clock::micros();
            if self.client.info.state() == ClientState::Idle {
                self.client.info.transaction_at.store(now, Relaxed);
            }
            self.client.info.query_at.store(now, Relaxed);
            self.client.info.request_at.store(now, Relaxed);
            self.client.info.set_state(ClientState::Active, now);
        }
    }
}
