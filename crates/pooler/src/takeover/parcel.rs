//! What goes over, packed: a client or a server, its file descriptors, the statements that it knows.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::message::{self, Bytes, Key, Message, Values as ValuesMessage};
use crate::config::PoolMode;
use crate::net::Stream;
use crate::pool::Pool;
use crate::server::{Owed, Prepared, Server};
use crate::session::{Statement, Tracked, Values};
use crate::wire::backend_key::BackendKey;
use crate::wire::ready::Transaction;

/// A client or a server that goes over.
#[derive(Debug)]
pub(crate) struct Parcel {
    pub(super) message: Message,
    pub(super) fds: Vec<OwnedFd>,
    pub(super) statements: Statements,
    pub(super) pool: Arc<Pool>,
}

/// Why a client cannot go over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stays {
    /// It, or its server, is inside TLS.
    Tls,
    /// It has gone, and its last request is served to its end.
    Leaving,
    /// Its socket cannot be shared.
    Impossible,
}

impl Parcel {
    pub(crate) fn new(message: Message, fds: Vec<OwnedFd>, statements: Statements, pool: &Arc<Pool>) -> Self {
        Self {
            message,
            fds,
            statements,
            pool: pool.clone(),
        }
    }

    /// A server that nobody uses.
    ///
    /// # Errors
    /// Why it cannot go.
    pub(crate) fn of_idle(server: &Server, pool: &Arc<Pool>, tracked: &Tracked) -> Result<Self, Stays> {
        let fd = shared(&server.stream)?;
        let mut statements = Statements::default();
        let mode = pool.terms.load().mode;
        let message = pack_server(server, pool, tracked, mode, &mut statements);
        Ok(Self::new(Message::Server(message), vec![fd], statements, pool))
    }
}

/// Statements that something refers to, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Statements(pub(super) BTreeMap<u64, Arc<Statement>>);

impl Statements {
    /// A statement's number.
    pub(crate) fn number(&mut self, statement: &Arc<Statement>) -> u64 {
        self.0.entry(statement.id).or_insert_with(|| statement.clone());
        statement.id
    }
}

/// Packs a server, without what is under way on it. `mode`: that of its present use.
pub(crate) fn pack_server(
    server: &Server,
    pool: &Arc<Pool>,
    tracked: &Tracked,
    mode: PoolMode,
    statements: &mut Statements,
) -> message::Server {
    let info = &server.info;
    let prepared = server.prepared.by_use();
    message::Server {
        pool: names(pool),
        id: info.id,
        endpoint: info.endpoint.clone(),
        local: info.local.clone(),
        key: info.key.as_ref().map(key),
        connected_at: info.connected_at,
        request_at: info.request_at.load(Relaxed),
        idle_since: server.idle_since,
        transaction: match server.transaction {
            Transaction::Idle => 'I',
            Transaction::Open => 'T',
            Transaction::Failed => 'E',
        },
        values: values(&server.values, tracked),
        prepared: prepared
            .iter()
            .map(|statement| statements.number(statement))
            .collect(),
        unnamed: server.unnamed,
        dirty: server.dirty,
        retire: server.retire || info.close_needed.load(Relaxed) || !pool.is_current(server),
        mode: mode.word().to_owned(),
    }
}

pub(crate) fn pack_owed(owed: &Owed, statements: &mut Statements) -> message::Owed {
    match owed {
        Owed::Parse(prepared) => message::Owed::Parse(
            prepared
                .as_ref()
                .map(|prepared| pack_prepared(prepared, statements)),
        ),
        Owed::LocalParse(prepared) => message::Owed::LocalParse(pack_prepared(prepared, statements)),
        Owed::LocalClose(closed) => {
            let number = statements.number(&closed.statement);
            message::Owed::LocalClose((&*closed.client_name).into(), number)
        }
        Owed::Evicted(statement) => message::Owed::Evicted(statements.number(statement)),
        Owed::Bind => message::Owed::Bind,
        Owed::Describe => message::Owed::Describe,
        Owed::Execute => message::Owed::Execute,
        Owed::Close => message::Owed::Close,
        Owed::Closed => message::Owed::Closed,
        Owed::Silenced => message::Owed::Silenced,
        Owed::CopyEnd => message::Owed::CopyEnd,
        Owed::Sync => message::Owed::Sync,
        Owed::Query => message::Owed::Query,
        Owed::Function => message::Owed::Function,
    }
}

fn pack_prepared(prepared: &Prepared, statements: &mut Statements) -> message::Prepared {
    let mut number = |statement: &Option<Arc<Statement>>| {
        let statement = statement.as_ref()?;
        Some(statements.number(statement))
    };
    message::Prepared {
        statement: number(&prepared.statement),
        instead: number(&prepared.instead),
        client_name: prepared.client_name.as_deref().map(Into::into),
    }
}

/// Another file descriptor of a connection's socket.
///
/// # Errors
/// It cannot go.
pub(crate) fn shared(stream: &Stream) -> Result<OwnedFd, Stays> {
    if stream.is_tls() {
        return Err(Stays::Tls);
    }
    let fd = stream.socket().as_fd().try_clone_to_owned();
    fd.map_err(|_| Stays::Impossible)
}

/// Database and user.
pub(crate) fn names(pool: &Pool) -> (String, String) {
    (pool.key.database.to_string(), pool.key.user.to_string())
}

pub(crate) fn key(key: &BackendKey) -> Key {
    Key {
        pid: key.pid,
        secret: Bytes(key.secret.clone()),
    }
}

pub(crate) fn values(values: &Values, tracked: &Tracked) -> ValuesMessage {
    (0..tracked.len())
        .map(|place| values.get(place).map(|value| value.to_string()))
        .collect()
}
