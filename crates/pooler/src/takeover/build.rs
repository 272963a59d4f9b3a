//! What was sent, built anew on the thread that it is to live on.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Context;
use std::time::Duration;

use rustix::net::AddressFamily;
use rustix::net::sockopt::socket_domain;
use tokio::net::{TcpStream, UnixStream};

use super::message::{
    self, Client as ClientMessage, Exchange, Key, Server as ServerMessage, State, Values as ValuesMessage,
};
use crate::client::{Client, ClientInfo, ClientState, Midst, Registered, Resumed};
use crate::hub::Hub;
use crate::net::{Outbox, Socket, Stream};
use crate::pool::Pool;
use crate::server::{Closed, OnServer, Owed, Prepared, Replies, Server, ServerInfo, ServerState};
use crate::session::{Statement, Statements, Values};
use crate::wire::backend_key::BackendKey;
use crate::wire::ready::Transaction;

/// What everything that is built refers to.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) hub: Arc<Hub>,
    pub(super) statements: HashMap<u64, Arc<Statement>>,
    /// By database and user.
    pub(super) pools: HashMap<(String, String), Known>,
    /// The old process's tracked settings: where each stands here.
    pub(super) places: Vec<Option<usize>>,
    /// How much later than by the old process's clock it is by ours, in µs.
    pub(super) later: i64,
    /// They are the same here.
    pub(super) tracks_the_same: bool,
}

/// A pool of the old process, here.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) pool: Arc<Pool>,
    /// Its servers are what would be opened now.
    pub(super) fits: bool,
}

fn invalid(words: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words.into())
}

/// Registers a socket with the calling thread's event loop.
pub(super) fn stream(fd: OwnedFd) -> io::Result<Stream> {
    let socket = if socket_domain(&fd)? == AddressFamily::UNIX {
        let socket = std::os::unix::net::UnixStream::from(fd);
        socket.set_nonblocking(true)?;
        Socket::Unix(UnixStream::from_std(socket)?)
    } else {
        let socket = std::net::TcpStream::from(fd);
        socket.set_nonblocking(true)?;
        Socket::Tcp(TcpStream::from_std(socket)?)
    };
    Ok(Stream::Plain(socket))
}

fn key(key: Key) -> BackendKey {
    BackendKey {
        pid: key.pid,
        secret: key.secret.0,
    }
}

impl Ground {
    pub(super) fn values(&self, values: &ValuesMessage) -> Values {
        let mut here = Values::unknown(&self.hub.tracked);
        for (place, value) in self.places.iter().zip(values) {
            if let (Some(place), Some(value)) = (place, value) {
                here.set(*place, Some(value.as_str().into()));
            }
        }
        here
    }

    /// A moment of the old process; 0 is none.
    fn at(&self, moment: u64) -> u64 {
        if moment == 0 {
            0
        } else {
            moment.saturating_add_signed(self.later)
        }
    }

    fn statement(&self, id: u64) -> io::Result<Arc<Statement>> {
        let known = self.statements.get(&id).cloned();
        known.ok_or_else(|| invalid(format!("no statement {id}")))
    }

    /// A server, on the calling thread. It is not used again after its present client when it is not what would be opened
    /// now.
    pub(super) fn server(&self, known: &Known, told: ServerMessage, fd: OwnedFd) -> io::Result<Box<Server>> {
        let hub = &self.hub;
        let number = fd.as_raw_fd();
        let stream = stream(fd)?;
        let info = ServerInfo::new(
            told.id,
            told.endpoint,
            told.local,
            told.key.map(key),
            String::new(),
            self.at(told.connected_at),
        );
        info.fd.store(number, Relaxed);
        info.request_at.store(self.at(told.request_at), Relaxed);
        info.set_state(ServerState::Active);
        let mut prepared = OnServer::default();
        for id in told.prepared {
            prepared.add(&self.statement(id)?, usize::MAX);
        }
        info.prepared
            .store(u32::try_from(prepared.len()).unwrap_or(u32::MAX), Relaxed);
        let same_mode = known.pool.terms.load().mode.word() == told.mode;
        let server = Server {
            seat: known.pool.seat_for(hub, told.id),
            info: Arc::new(info),
            stream,
            outbox: Outbox::default(),
            inbox: Vec::new(),
            body: 0,
            replies: Replies::default(),
            transaction: match told.transaction {
                'I' => Transaction::Idle,
                'T' => Transaction::Open,
                'E' => Transaction::Failed,
                other => return Err(invalid(format!("no transaction's status: {other:?}"))),
            },
            values: self.values(&told.values),
            prepared,
            unnamed: told.unnamed,
            doubt: None,
            retire: told.retire || !same_mode || !known.fits || !self.tracks_the_same,
            dirty: told.dirty,
            home: hub.this_thread(),
            idle_since: self.at(told.idle_since),
            generation: known.pool.generation(),
        };
        server.show_application_name();
        known.pool.enlist(&server);
        Ok(Box::new(server))
    }

    /// A server and what is under way with its client.
    fn exchange(&self, known: &Known, told: Exchange, fd: OwnedFd) -> io::Result<(Box<Server>, Midst)> {
        let mut server = self.server(known, told.server, fd)?;
        server.outbox = Outbox::holding(told.unsent.0);
        server.inbox = told.inbox.0;
        server.body = told.body;
        server.doubt = told.in_doubt.then_some("in doubt when it was taken over");
        let owed: io::Result<_> = told.owed.into_iter().map(|owed| self.owed(owed)).collect();
        server.replies = Replies::restored(
            owed?,
            [told.copying, told.skipping, told.open, told.settling],
            told.swallowed,
        );
        let forgotten = told.forgotten.into_iter();
        let forgotten = forgotten.map(|(id, name)| Ok((self.statement(id)?, name.0.into())));
        let forgotten = forgotten.collect::<io::Result<_>>()?;
        let again = match told.again {
            None => None,
            Some(again) => {
                let bound: io::Result<_> = again.bound.iter().map(|id| self.statement(*id)).collect();
                Some((again.failed, again.request.0, bound?))
            }
        };
        let midst = Midst::resumed([told.settings, told.harmless], told.farewell, forgotten, again);
        Ok((server, midst))
    }

    fn owed(&self, told: message::Owed) -> io::Result<Owed> {
        Ok(match told {
            message::Owed::Parse(None) => Owed::Parse(None),
            message::Owed::Parse(Some(prepared)) => Owed::Parse(Some(self.prepared(prepared)?)),
            message::Owed::LocalParse(prepared) => Owed::LocalParse(self.prepared(prepared)?),
            message::Owed::LocalClose(name, id) => Owed::LocalClose(Box::new(Closed {
                client_name: name.0.into(),
                statement: self.statement(id)?,
            })),
            message::Owed::Evicted(id) => Owed::Evicted(self.statement(id)?),
            message::Owed::Bind => Owed::Bind,
            message::Owed::Describe => Owed::Describe,
            message::Owed::Execute => Owed::Execute,
            message::Owed::Close => Owed::Close,
            message::Owed::Closed => Owed::Closed,
            message::Owed::Silenced => Owed::Silenced,
            message::Owed::CopyEnd => Owed::CopyEnd,
            message::Owed::Sync => Owed::Sync,
            message::Owed::Query => Owed::Query,
            message::Owed::Function => Owed::Function,
        })
    }

    fn prepared(&self, told: message::Prepared) -> io::Result<Box<Prepared>> {
        let statement = |id: Option<u64>| id.map(|id| self.statement(id)).transpose();
        Ok(Box::new(Prepared {
            client_name: told.client_name.map(|name| name.0.into()),
            statement: statement(told.statement)?,
            instead: statement(told.instead)?,
        }))
    }

    /// A client, on the calling thread and in the task that serves it, and what it does first.
    pub(super) fn client(
        &self,
        known: &Known,
        told: ClientMessage,
        fds: Vec<OwnedFd>,
        cx: &Context<'_>,
    ) -> io::Result<(Client, Resumed, Registered)> {
        let hub = &self.hub;
        let mut fds = fds.into_iter();
        let fd = fds.next().ok_or_else(|| invalid("a client without a socket"))?;
        let info = self.client_info(known, &told, fd.as_raw_fd(), cx);
        let registered = Registered {
            hub: hub.clone(),
            info: info.clone(),
        };
        if let Some(told) = told.key {
            let own = key(told);
            hub.cancel_keys.take_over(own.clone(), &info);
            // Nobody else sets it.
            let _ = info.key.set(own);
        }
        let mut statements = Statements::default();
        for (name, id) in told.prepared {
            statements.put_back(name.0.into(), self.statement(id)?);
        }
        info.prepared.store(statements.len() as u64, Relaxed);
        statements.put_back_unnamed(told.unnamed_count, told.unnamed.map(|definition| definition.0));
        let resumed = match (told.exchange, fds.next()) {
            (Some(exchange), Some(fd)) => {
                let (server, midst) = self.exchange(known, exchange, fd)?;
                info.link(&server.info);
                Resumed::With(server, Box::new(midst))
            }
            _ if told.state == State::Waiting => Resumed::Waiting(self.at(told.since)),
            _ => Resumed::Idle,
        };
        let client = Client {
            hub: hub.clone(),
            info,
            pool: known.pool.clone(),
            stream: stream(fd)?,
            outbox: Outbox::holding(told.unsent.0),
            inbox: told.inbox.0,
            inbox_is_new: told.inbox_is_new,
            is_inside_reply: false,
            body: told.body,
            values: self.values(&told.values),
            statements,
            deadline: told.deadline.map(Duration::from_micros),
            sentence: told.is_refused.then(crate::refusal::Refusal::session_state),
            counted: crate::pool::Totals::default(),
            waits_since: None,
            at: crate::clock::micros(),
        };
        client.show_application_name();
        Ok((client, resumed, registered))
    }

    fn client_info(&self, known: &Known, told: &ClientMessage, fd: i32, cx: &Context<'_>) -> Arc<ClientInfo> {
        let hub = &self.hub;
        let user: Arc<str> = told.user.as_str().into();
        let info = ClientInfo::new(
            told.id,
            hub.this_thread(),
            told.peer.clone(),
            told.local.clone(),
            self.at(told.connected_at),
        );
        // Nobody else has it yet.
        let _ = info.user.set(user.clone());
        let _ = info.database.set(told.database.as_str().into());
        let _ = info.pool.set(known.pool.clone());
        info.fd.store(fd, Relaxed);
        info.remote_pid.store(told.remote_pid, Relaxed);
        info.request_at.store(self.at(told.request_at), Relaxed);
        info.query_at.store(self.at(told.query_at), Relaxed);
        info.transaction_at.store(self.at(told.transaction_at), Relaxed);
        let state = match told.state {
            State::Idle => ClientState::Idle,
            State::Waiting => ClientState::Waiting,
            State::Active => ClientState::Active,
            State::InTransaction => ClientState::IdleInTransaction,
        };
        info.set_state(state, self.at(told.since));
        info.note_task(cx);
        let info = Arc::new(info);
        hub.enter_user(&user, 0);
        known.pool.key.database_state.clients.fetch_add(1, Relaxed);
        hub.add_client(&info);
        info
    }
}
