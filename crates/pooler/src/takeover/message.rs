//! What one process tells the other: one message a listener, statement, pool, server and client. Times are in µs, moments
//! in µs by the old process's clock. Values of tracked settings stand in the order of [`Hello::tracked`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::server::Endpoint;

/// Bytes, in base64; never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.0.len())
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// Values of the tracked settings.
pub(crate) type Values = Vec<Option<String>>;

/// From the old process to the new one, in the order of the variants.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// First.
    Hello(Hello),
    /// A socket that is listened on, with its file descriptor.
    Listener(Listener),
    /// A prepared statement's text, before anybody who has it.
    Statement(Statement),
    /// A pool, before its servers and clients.
    Pool(Pool),
    /// A server that nobody uses, with its file descriptor.
    Server(Server),
    /// A client, with its file descriptor and that of its server.
    Client(Box<Client>),
    /// Last.
    End(Totals),
}

impl Message {
    /// File descriptors beside the message.
    pub(crate) fn fds(&self) -> usize {
        match self {
            Self::Listener(_) | Self::Server(_) => 1,
            Self::Client(client) => 1 + usize::from(client.exchange.is_some()),
            _ => 0,
        }
    }
}

/// From the new process to the old one.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Answer {
    /// It has everything, and serves.
    Taken,
}

/// What holds for everything.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hello {
    /// [`super::VERSION`].
    pub(crate) version: u32,
    /// The old process.
    pub(crate) pid: u32,
    /// The present moment.
    pub(crate) now: u64,
    /// Numbers of clients and servers up to this one are given.
    pub(crate) last_id: u64,
    /// Numbers of statements up to this one are given.
    pub(crate) last_statement: u64,
    /// Names of the tracked settings.
    pub(crate) tracked: Vec<String>,
    /// The port, for the Unix socket's name.
    pub(crate) port: u16,
    /// A service manager opened the listeners, whatever the configuration says.
    pub(crate) activated: bool,
    /// Databases that take no new clients.
    pub(crate) disabled: Vec<String>,
}

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Listener {
    /// Clients, over TCP.
    Tcp,
    /// Clients, over a Unix socket.
    Unix,
    /// Prometheus.
    Metrics,
}

/// A prepared statement.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Statement {
    /// Its number, and so its name on servers.
    pub(crate) id: u64,
    /// What follows the name in a Parse.
    pub(crate) definition: Bytes,
}

/// A pool.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pool {
    /// The database's name.
    pub(crate) database: String,
    /// The user that its servers are logged in as.
    pub(crate) user: String,
    /// What its servers depend on: other words, other servers.
    pub(crate) origin: String,
    /// How new servers are logged in.
    pub(crate) credentials: Credentials,
    /// What a server reported at its login.
    pub(crate) welcome: Option<Welcome>,
}

/// What new clients of a pool are told.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Welcome {
    /// ParameterStatus messages.
    pub(crate) messages: Bytes,
    /// The tracked settings.
    pub(crate) values: Values,
}

/// How servers of a pool are logged in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Credentials {
    /// Without.
    Nothing,
    /// A password.
    Clear(Bytes),
    /// An MD5 hash, `md5` and 32 digits.
    Md5(Bytes),
    /// Keys out of a client's SCRAM exchange.
    Scram {
        /// Iterations.
        iterations: u32,
        /// Salt.
        salt: Bytes,
        /// ClientKey.
        client_key: Bytes,
        /// ServerKey.
        server_key: Bytes,
    },
}

/// Process id and secret, to cancel with.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Key {
    /// Process id.
    pub(crate) pid: u32,
    /// Secret.
    pub(crate) secret: Bytes,
}

/// A server connection.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    /// Database and user of its pool.
    pub(crate) pool: (String, String),
    /// Its number.
    pub(crate) id: u64,
    /// Where it is connected to.
    pub(crate) endpoint: Endpoint,
    /// Our end.
    pub(crate) local: (String, u16),
    /// To cancel with.
    pub(crate) key: Option<Key>,
    /// When it was connected.
    pub(crate) connected_at: u64,
    /// When it was last used.
    pub(crate) request_at: u64,
    /// Since when it has been idle.
    pub(crate) idle_since: u64,
    /// The status of its last ReadyForQuery.
    pub(crate) transaction: char,
    /// The tracked settings.
    pub(crate) values: Values,
    /// Numbers of its statements, the least recently used first.
    pub(crate) prepared: Vec<u64>,
    /// Whose unnamed statement it has: client and number.
    pub(crate) unnamed: Option<(u64, u64)>,
    /// Its session has state that no reset has removed.
    pub(crate) dirty: bool,
    /// It is to be closed when it is free.
    pub(crate) retire: bool,
    /// It was opened for a pool in this mode.
    pub(crate) mode: String,
}

/// What a client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// Between requests.
    Idle,
    /// Waits for a server.
    Waiting,
    /// Has a server that has not been asked yet, or not for all.
    Active,
    /// Has a server in a transaction.
    InTransaction,
}

/// A client.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Client {
    /// Database and user of its pool.
    pub(crate) pool: (String, String),
    /// Its number.
    pub(crate) id: u64,
    /// The user that it logged in as.
    pub(crate) user: String,
    /// The database that it asked for.
    pub(crate) database: String,
    /// Where it comes from.
    pub(crate) peer: (String, u16),
    /// Where it arrived.
    pub(crate) local: (String, u16),
    /// The process at the other end of a Unix socket.
    pub(crate) remote_pid: u32,
    /// What it shows to cancel.
    pub(crate) key: Option<Key>,
    /// When it connected.
    pub(crate) connected_at: u64,
    /// Its last request.
    pub(crate) request_at: u64,
    /// Its query's beginning.
    pub(crate) query_at: u64,
    /// Its transaction's beginning.
    pub(crate) transaction_at: u64,
    /// What it is doing.
    pub(crate) state: State,
    /// Since when.
    pub(crate) since: u64,
    /// How long it waits for a server.
    pub(crate) deadline: Option<u64>,
    /// What waits to be sent to it.
    pub(crate) unsent: Bytes,
    /// What it sent that nobody has looked at.
    pub(crate) inbox: Bytes,
    /// That is a request, or the whole of a long message.
    pub(crate) inbox_is_new: bool,
    /// Bytes still to come of a message that is passed on, or left out, as it comes.
    pub(crate) body: usize,
    /// The tracked settings.
    pub(crate) values: Values,
    /// Its prepared statements: names and numbers.
    pub(crate) prepared: Vec<(Bytes, u64)>,
    /// Its unnamed statement.
    pub(crate) unnamed: Option<Bytes>,
    /// The unnamed statement's number.
    pub(crate) unnamed_count: u64,
    /// It left state behind in a mode that keeps none, and must go.
    pub(crate) is_refused: bool,
    /// The server that it has, and what is under way between the two.
    pub(crate) exchange: Option<Exchange>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Totals {
    /// Clients that go over.
    pub(crate) clients: usize,
    /// Servers that go over.
    pub(crate) servers: usize,
    /// Clients that are told to reconnect, as they or their servers use TLS.
    pub(crate) told_tls: usize,
    /// Clients that are told for another reason: their login was not over, or they are for replication.
    pub(crate) told_others: usize,
}

/// A client and a server, joined.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// The server.
    pub(crate) server: Server,
    /// What waits to be sent to it.
    pub(crate) unsent: Bytes,
    /// The beginning of a message of its that has not come whole.
    pub(crate) inbox: Bytes,
    /// Bytes still to come of a message that is passed on as it comes.
    pub(crate) body: usize,
    /// Nobody else may have it afterwards.
    pub(crate) in_doubt: bool,
    /// The replies that it owes.
    pub(crate) owed: Vec<Owed>,
    /// It takes COPY data.
    pub(crate) copying: bool,
    /// It ignores everything until a Sync.
    pub(crate) skipping: bool,
    /// A request has begun and has not come to its Sync.
    pub(crate) open: bool,
    /// The first Sync that is owed is the pooler's own.
    pub(crate) settling: bool,
    /// Syncs that a COPY swallows.
    pub(crate) swallowed: usize,
    /// `SET`s whose ParameterStatus has not come.
    pub(crate) settings: u32,
    /// `SET`s that change nothing of importance.
    pub(crate) harmless: u32,
    /// An error that ends its session has been passed on.
    pub(crate) farewell: bool,
    /// Statements whose Parse failed, and what the client called them.
    pub(crate) forgotten: Vec<(u64, Bytes)>,
    /// The request that may be sent again.
    pub(crate) again: Option<Again>,
}

/// A reply that is owed; statements by their numbers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Owed {
    /// To a Parse.
    Parse(Option<Prepared>),
    /// To a Bind.
    Bind,
    /// To a Describe.
    Describe,
    /// To an Execute.
    Execute,
    /// To a Close.
    Close,
    /// To a Close of ours, to make room.
    Evicted(u64),
    /// To a Close of ours, to plan anew.
    Closed,
    /// To a Close of ours of another client's unnamed statement.
    Silenced,
    /// To a Parse that we answer.
    LocalParse(Prepared),
    /// To a Close that we answer: the client's name, and the statement.
    LocalClose(Bytes, u64),
    /// To nothing, but a border.
    CopyEnd,
    /// To a Sync.
    Sync,
    /// To a Query.
    Query,
    /// To a FunctionCall.
    Function,
}

/// What a Parse did before its success was known.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prepared {
    /// The client's name for it.
    pub(crate) client_name: Option<Bytes>,
    /// The statement.
    pub(crate) statement: Option<u64>,
    /// What the name stands for if the statement is not refused.
    pub(crate) instead: Option<u64>,
}

/// A request that is kept to be sent again.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Again {
    /// It has failed, and its ReadyForQuery is still to come.
    pub(crate) failed: bool,
    /// The request.
    pub(crate) request: Bytes,
    /// Statements that it used.
    pub(crate) bound: Vec<u64>,
}
