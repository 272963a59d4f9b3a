//! A client that another process takes over: it stands still wherever it is, is packed, and goes, or goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::exchange::{Exchange, Midst};
use super::replies::{Again, AgainState};
use super::{Client, ClientState};
use crate::refusal::Refusal;
use crate::server::Server;
use crate::session::Statement;
use crate::takeover::message::{self, Bytes, State};
use crate::takeover::parcel::{Statements, key, names, pack_owed, shared, values};
use crate::takeover::{Parcel, Stays, pack_server};

impl Client {
    /// True while a hand-over is under way in which this client goes: from here on it does nothing until that is decided.
    /// Called between two steps, without a server.
    pub(super) fn freezes(&mut self) -> bool {
        // As long as its login is not over, it has not been told that it is in.
        self.info.is_to_hand_over()
            && (self.info.is_frozen()
                || self.info.state() != ClientState::WaitingLogin && self.freeze(|client| client.pack(None)))
    }

    fn freeze(&self, pack: impl FnOnce(&Self) -> Result<Parcel, Stays>) -> bool {
        if !self.info.freeze() {
            return false;
        }
        let packed = pack(self);
        let goes = packed.is_ok();
        if !self.hub.control.parcels.put(self.info.id, packed) || !goes {
            self.info.thaw();
        }
        self.hub.parted.notify_waiters();
        self.info.is_frozen()
    }

    fn pack(&self, exchange: Option<&Exchange<'_>>) -> Result<Parcel, Stays> {
        let mut fds = vec![shared(&self.stream)?];
        let mut statements = Statements::default();
        let exchange = match exchange {
            None => None,
            Some(exchange) => {
                fds.push(shared(&exchange.server.stream)?);
                Some(exchange.pack(self, &mut statements))
            }
        };
        let prepared = self.statements.all();
        let prepared = prepared.map(|(name, statement)| (name.into(), statements.number(statement)));
        let prepared = prepared.collect();
        let message = message::Message::Client(Box::new(self.message(prepared, exchange)));
        Ok(Parcel::new(message, fds, statements, &self.pool))
    }

    fn message(&self, prepared: Vec<(Bytes, u64)>, exchange: Option<message::Exchange>) -> message::Client {
        let info = &self.info;
        let (unnamed_count, unnamed) = self.statements.unnamed_and_count();
        message::Client {
            pool: names(&self.pool),
            id: info.id,
            user: info.user.get().map(ToString::to_string).unwrap_or_default(),
            database: info.database.get().map(ToString::to_string).unwrap_or_default(),
            peer: info.peer.clone(),
            local: info.local.clone(),
            remote_pid: info.remote_pid.load(Relaxed),
            key: info.key.get().map(key),
            connected_at: info.connected_at,
            request_at: info.request_at.load(Relaxed),
            query_at: info.query_at.load(Relaxed),
            transaction_at: info.transaction_at.load(Relaxed),
            state: match info.state() {
                ClientState::Waiting => State::Waiting,
                ClientState::Active => State::Active,
                ClientState::IdleInTransaction => State::InTransaction,
                _ => State::Idle,
            },
            since: info.since.load(Relaxed),
            deadline: self
                .deadline
                .map(|deadline| u64::try_from(deadline.as_micros()).unwrap_or(u64::MAX)),
            unsent: self.outbox.waiting().into(),
            inbox: Bytes(self.inbox.clone()),
            inbox_is_new: self.inbox_is_new,
            body: self.body,
            values: values(&self.values, &self.hub.tracked),
            prepared,
            unnamed: unnamed.map(Into::into),
            unnamed_count,
            is_refused: self.sentence.is_some(),
            exchange,
        }
    }
}

impl Exchange<'_> {
    /// The same with a server. What is under way between the two goes, too.
    pub(super) fn freezes(&mut self) -> bool {
        if !self.client.info.is_to_hand_over() {
            return false;
        }
        if self.client.info.is_frozen() {
            return true;
        }
        self.client.freeze(|client| {
            if self.leaving || self.broken_off {
                return Err(Stays::Leaving);
            }
            client.pack(Some(self))
        })
    }

    fn pack(&self, client: &Client, statements: &mut Statements) -> message::Exchange {
        let server: &Server = self.server;
        let replies = &server.replies;
        let mode = self.terms.mode;
        message::Exchange {
            server: pack_server(server, &client.pool, &client.hub.tracked, mode, statements),
            unsent: server.outbox.waiting().into(),
            inbox: server.inbox.as_slice().into(),
            body: server.body,
            in_doubt: server.doubt.is_some(),
            owed: replies.all().map(|owed| pack_owed(owed, statements)).collect(),
            copying: replies.copying(),
            skipping: replies.skipping(),
            open: replies.is_open(),
            settling: replies.is_settling(),
            swallowed: replies.swallowed(),
            // Whoever goes on with it does not know what was usual.
            settings: self.settings + u32::from(!self.strange.is_empty()),
            harmless: self.harmless,
            farewell: self.farewell,
            forgotten: self
                .forgotten
                .iter()
                .map(|(statement, name)| (statements.number(statement), (&**name).into()))
                .collect(),
            again: (self.again.state != AgainState::No).then(|| message::Again {
                failed: self.again.is_waiting(),
                request: self.again.request.as_slice().into(),
                bound: self
                    .again
                    .bound
                    .iter()
                    .map(|statement| statements.number(statement))
                    .collect(),
            }),
        }
    }
}

impl Midst {
    /// What goes on here; statements as they are known here.
    pub(crate) fn resumed(
        [settings, harmless]: [u32; 2],
        farewell: bool,
        forgotten: Vec<(Arc<Statement>, Box<[u8]>)>,
        again: Option<(bool, Vec<u8>, Vec<Arc<Statement>>)>,
    ) -> Self {
        let again = again.map_or_else(Again::default, |(failed, request, bound)| Again {
            state: if failed {
                AgainState::Failed
            } else {
                AgainState::Possible
            },
            request,
            bound,
        });
        Self {
            settings,
            harmless,
            farewell,
            forgotten,
            again,
        }
    }
}

/// What a client that was taken over does first.
#[derive(Debug)]
pub(crate) enum Resumed {
    /// Goes on with its server.
    With(Box<Server>, Box<Midst>),
    /// Asks for a server again, with this time in the queue behind it (µs).
    Waiting(u64),
    /// Waits for a request.
    Idle,
}

impl Client {
    /// Goes on where another process left off, until the client leaves; the reason.
    pub(super) async fn resume(&mut self, resumed: Resumed) -> Refusal {
        let done = match resumed {
            Resumed::With(server, midst) => {
                let terms = self.pool.terms.load_full();
                self.go_on(server, &terms, *midst).await
            }
            Resumed::Waiting(since) => {
                self.waits_since = Some(since);
                self.work().await
            }
            Resumed::Idle => match self.next_request().await {
                Ok(()) => self.work().await,
                Err(reason) => Err(reason),
            },
        };
        match done {
            Ok(()) => self.run().await,
            Err(reason) => reason,
        }
    }

    /// Shows others the application's name.
    pub(crate) fn show_application_name(&self) {
        let name = self.values.get(crate::session::APPLICATION_NAME);
        self.info
            .set_application_name(name.map(|name| &**name).unwrap_or_default());
    }
}
