//! Opening a server connection: address, TLS, start-up packet, login, the server's report of itself.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsStream;

use super::dialogue::read_message;
use super::{DialogueError, OnServer, Replies, Server, ServerInfo};
use crate::auth::{self, Credentials, LoginError};
use crate::clock;
use crate::config::Peer;
use crate::hub::Hub;
use crate::log::Level;
use crate::net::{Outbox, Socket, Stream};
use crate::pool::{Seat, Terms, Welcome};
use crate::session::Values;
use crate::timer;
use crate::tls::{Started, TlsError};
use crate::wire::backend_key::BackendKey;
use crate::wire::error::ServerError;
use crate::wire::parameter_status;
use crate::wire::ready::Transaction;
use crate::wire::startup::Startup;

/// The longest message before a server is ready, in bytes (libpq's limit for errors and notices is 30,000).
const LONGEST: usize = 30_000;
/// Bytes that a server may say between AuthenticationOk and its first ReadyForQuery. PostgreSQL says about a thousand.
const LONGEST_GREETING: usize = 256 * 1024;
/// Where Unix sockets are when no host is configured, the first that has one.
const SOCKET_DIRS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Endpoint {
    /// Address and port.
    Tcp(IpAddr, u16),
    /// Directory and port of a Unix socket.
    Unix(String, u16),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(IpAddr::V6(address), port) => write!(out, "[{address}]:{port}"),
            Self::Tcp(address, port) => write!(out, "{address}:{port}"),
            Self::Unix(dir, port) => write!(out, "unix({dir}):{port}"),
        }
    }
}

impl Endpoint {
    /// Address as `SHOW SERVERS` has it, and port.
    pub fn address(&self) -> (String, u16) {
        match self {
            Self::Tcp(address, port) => (address.to_string(), *port),
            Self::Unix(_, port) => ("unix".to_owned(), *port),
        }
    }
}

/// Which connection to open.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its number.
    pub id: u64,
    /// The thread that opens it.
    pub thread: usize,
    /// The user to log in as.
    pub user: Arc<str>,
    /// The pool's generation.
    pub generation: u64,
    /// `replication` in the start-up packet, for a connection of its own.
    pub replication: Option<String>,
}

/// Why no server connection could be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers there.
    #[error("connect failed: {endpoint}: {cause}")]
    Connect {
        /// Where.
        endpoint: String,
        /// Why.
        cause: io::Error,
    },
    /// The name has no address.
    #[error("DNS lookup failed: {host}: {cause}")]
    Lookup {
        /// The name.
        host: String,
        /// Why.
        cause: io::Error,
    },
    /// Connection and login took longer than `server_connect_timeout`.
    #[error("connect timeout")]
    Timeout,
    /// TLS could not be agreed upon.
    #[error("{0}")]
    Tls(String),
    /// The login failed.
    #[error("{0}")]
    Login(#[from] LoginError),
    /// The server refused after the login.
    #[error("{}", .0.message)]
    Refused(ServerError),
    /// `connect_query` left the connection in no state to be used.
    #[error("connect_query failed: {0}")]
    ConnectQuery(DialogueError),
    /// The connection broke, or the server said something that is no login.
    #[error("server conn crashed during login: {0}")]
    Broken(#[from] io::Error),
}

impl ConnectError {
    /// The SQLSTATE for clients that wait.
    pub fn sqlstate(&self) -> &str {
        match self {
            Self::Refused(error) => &error.sqlstate,
            Self::Login(error) => error.sqlstate(),
            _ => "08001",
        }
    }

    /// True when the server is down or starting: waiting may help.
    pub fn is_down(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Timeout | Self::Broken(_) | Self::Lookup { .. } => true,
            Self::Login(LoginError::Io(_)) => true,
            _ => self.sqlstate().starts_with("57P"),
        }
    }
}

/// Opens a connection and logs in. With several hosts, each is tried before this fails.
///
/// # Errors
/// [`ConnectError`] of the last host.
pub async fn connect(
    hub: &Hub,
    terms: &Terms,
    credentials: &Credentials,
    target: &Target,
    seat: Seat,
) -> Result<(Server, Welcome), ConnectError> {
    let endpoints = endpoints(hub, terms).await?;
    let mut last = ConnectError::Timeout;
    let mut seat = Some(seat);
    for endpoint in endpoints {
        let attempt = login(hub, terms, credentials, target, &endpoint);
        let done = timer::within(terms.connect_timeout, attempt).await;
        match done.unwrap_or(Err(ConnectError::Timeout)) {
            Ok((login, welcome)) => {
                let seat = seat.take().unwrap_or_else(Seat::uncounted);
                let mut server = login.into_server(hub, target, endpoint, seat, &welcome);
                server.show_application_name();
                if let Some(sql) = &terms.connect_query {
                    let work = run_connect_query(hub, &mut server, sql);
                    let ran = timer::within(terms.connect_timeout, work).await;
                    ran.unwrap_or(Err(ConnectError::Timeout))?;
                }
                return Ok((server, welcome));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Runs `connect_query`. A server that refuses it in order is used all the same, as by pgbouncer: a mistake in it must not
/// cost the database.
async fn run_connect_query(hub: &Hub, server: &mut Server, sql: &str) -> Result<(), ConnectError> {
    match server.run(sql, &hub.tracked).await {
        Err(error @ DialogueError::Refused(_)) if server.is_clean() => {
            let words = format!("S-{:#x}: connect_query failed: {error}", server.info.id);
            hub.log.line(Level::Warning, &words);
            Ok(())
        }
        done => done.map_err(ConnectError::ConnectQuery),
    }
}

/// Turns over several hosts, for all pools alike.
static TURN: AtomicUsize = AtomicUsize::new(0);

/// Every address of every host, in the order in which to try them.
async fn endpoints(hub: &Hub, terms: &Terms) -> Result<Vec<Endpoint>, ConnectError> {
    let port = terms.port;
    let mut all = Vec::new();
    let mut failed = None;
    for host in &terms.hosts {
        if host.starts_with('/') || host.starts_with('@') {
            all.push(Endpoint::Unix(host.clone(), port));
            continue;
        }
        match hub.names.addresses(host, port).await {
            Ok(addresses) => all.extend(addresses.into_iter().map(|address| Endpoint::Tcp(address, port))),
            Err(cause) => {
                failed = Some(ConnectError::Lookup {
                    host: host.clone(),
                    cause,
                })
            }
        }
    }
    if terms.hosts.is_empty() {
        let configured = hub.config.load().settings.unix_socket_dir.clone();
        let configured = configured.map(|dir| dir.display().to_string());
        let dirs = configured.into_iter().chain(SOCKET_DIRS.map(str::to_owned));
        let mut known: Vec<_> = dirs.collect();
        let has_socket = |dir: &String| std::path::Path::new(&socket_path(dir, port)).exists();
        known.sort_by_key(|dir| !has_socket(dir));
        all.extend(known.into_iter().take(1).map(|dir| Endpoint::Unix(dir, port)));
    }
    if all.is_empty() {
        return Err(failed.unwrap_or(ConnectError::Timeout));
    }
    if terms.balance_hosts && all.len() > 1 {
        let turn = TURN.fetch_add(1, Ordering::Relaxed) % all.len();
        all.rotate_left(turn);
    }
    Ok(all)
}

fn socket_path(dir: &str, port: u16) -> String {
    format!("{}/.s.PGSQL.{port}", dir.trim_end_matches('/'))
}

/// Opens a socket to `endpoint`.
///
/// # Errors
/// [`ConnectError::Connect`].
pub(crate) async fn open(hub: &Hub, endpoint: &Endpoint) -> Result<Socket, ConnectError> {
    let failed = |cause| ConnectError::Connect {
        endpoint: endpoint.to_string(),
        cause,
    };
    match endpoint {
        Endpoint::Tcp(address, port) => {
            let socket = TcpStream::connect((*address, *port)).await.map_err(failed)?;
            hub.tune(&socket).map_err(failed)?;
            Ok(Socket::Tcp(socket))
        }
        Endpoint::Unix(dir, port) => {
            let path = socket_path(dir, *port);
            let abstract_name = path.strip_prefix('@');
            let socket = match abstract_name {
                Some(name) => {
                    let address = SocketAddr::from_abstract_name(name).map_err(failed)?;
                    let socket = std::os::unix::net::UnixStream::connect_addr(&address).map_err(failed)?;
                    socket.set_nonblocking(true).map_err(failed)?;
                    UnixStream::from_std(socket).map_err(failed)?
                }
                None => UnixStream::connect(path).await.map_err(failed)?,
            };
            Ok(Socket::Unix(socket))
        }
    }
}

/// A connection inside TLS as `server_tls_sslmode` asks for it.
///
/// # Errors
/// [`ConnectError`]: no TLS where it is required, or a certificate that is not trusted.
pub(crate) async fn open_with_tls(
    hub: &Hub,
    terms: &Terms,
    endpoint: &Endpoint,
) -> Result<Stream, ConnectError> {
    let socket = open(hub, endpoint).await?;
    let files = hub.files.load_full();
    let Some(side) = files.server_tls.as_ref().filter(|_| !socket.is_unix()) else {
        return Ok(Stream::Plain(socket));
    };
    let host = terms.hosts.iter().find(|host| hub.names.is_of(host, endpoint));
    let host = host.cloned().unwrap_or_else(|| endpoint.address().0);
    let started = side.start(socket, &host).await;
    let failed = |error| match error {
        // What a certificate is refused for is `InvalidData`; anything else is a connection that broke.
        TlsError::Io(cause) | TlsError::Handshake(cause) if cause.kind() != io::ErrorKind::InvalidData => {
            ConnectError::Broken(cause)
        }
        error => ConnectError::Tls(format!("TLS with {endpoint}: {error}")),
    };
    match started.map_err(failed)? {
        Started::Plain(socket) => Ok(Stream::Plain(socket)),
        Started::Tls(stream) => Ok(Stream::Tls(Box::new(TlsStream::Client(*stream)))),
    }
}

/// Opens a connection for a cancel request.
///
/// # Errors
/// [`ConnectError`].
pub(crate) async fn open_for_cancel(
    hub: &Hub,
    terms: &Terms,
    endpoint: &Endpoint,
) -> Result<Stream, ConnectError> {
    open_with_tls(hub, terms, endpoint).await
}

/// Opens a connection to another process of this pooler.
///
/// # Errors
/// [`ConnectError`].
pub(crate) async fn open_to_peer(hub: &Hub, peer: &Peer) -> Result<Stream, ConnectError> {
    let endpoint = if peer.host.starts_with('/') || peer.host.starts_with('@') {
        Endpoint::Unix(peer.host.clone(), peer.port)
    } else {
        let addresses = hub.names.addresses(&peer.host, peer.port).await;
        let addresses = addresses.map_err(|cause| ConnectError::Lookup {
            host: peer.host.clone(),
            cause,
        })?;
        let first = addresses.into_iter().next().ok_or(ConnectError::Timeout)?;
        Endpoint::Tcp(first, peer.port)
    };
    Ok(Stream::Plain(open(hub, &endpoint).await?))
}

/// What a login brings.
struct Login {
    stream: Stream,
    key: Option<BackendKey>,
    local: (String, u16),
}

async fn login(
    hub: &Hub,
    terms: &Terms,
    credentials: &Credentials,
    target: &Target,
    endpoint: &Endpoint,
) -> Result<(Login, Welcome), ConnectError> {
    let mut stream = open_with_tls(hub, terms, endpoint).await?;
    let mut parameters = vec![
        ("user".to_owned(), target.user.to_string()),
        ("database".to_owned(), terms.server_database.clone()),
    ];
    let own = terms.server_parameters.iter();
    parameters.extend(own.map(|(name, value)| ((*name).to_owned(), value.clone())));
    if let Some(replication) = &target.replication {
        parameters.push(("replication".to_owned(), replication.clone()));
    }
    let mut packet = Vec::new();
    Startup { minor: 0, parameters }.put(&mut packet);
    stream.write_all(&packet).await?;
    stream.flush().await?;
    let is_safe = stream.is_tls() || stream.socket().is_unix();
    let answers = auth::ServerCredentials {
        user: &target.user,
        credentials,
        may_send_clear_text: is_safe || hub.config.load().canvass.allow_clear_text_passwords,
        keyring: &hub.keyring,
    };
    auth::server::answer(&mut stream, &answers).await?;
    let (key, welcome) = report(hub, &mut stream).await?;
    let local = hub.local_address(stream.socket(), endpoint);
    Ok((Login { stream, key, local }, welcome))
}

/// Reads what a server says between AuthenticationOk and its first ReadyForQuery.
async fn report(hub: &Hub, stream: &mut Stream) -> Result<(Option<BackendKey>, Welcome), ConnectError> {
    let mut key = None;
    let mut welcome = Welcome {
        messages: Vec::new(),
        values: Values::unknown(&hub.tracked),
    };
    let mut said = 0;
    while said < LONGEST_GREETING {
        let message = read_message(stream, LONGEST).await?;
        said += message.len();
        match message[0] {
            b'S' => match parameter_status::read(&message) {
                Some((name, value)) => match hub.tracked.place(name) {
                    Some(place) => {
                        let value = String::from_utf8_lossy(value);
                        welcome.values.set(place, Some((&*value).into()));
                    }
                    None => welcome.messages.extend_from_slice(&message),
                },
                None => return Err(strange('S')),
            },
            b'K' => key = BackendKey::read(&message),
            b'N' => {}
            b'E' => return Err(ConnectError::Refused(ServerError::read(&message))),
            b'Z' => return Ok((key, welcome)),
            other => return Err(strange(char::from(other))),
        }
    }
    let words = format!("more than {LONGEST_GREETING} bytes before the first ReadyForQuery");
    Err(io::Error::new(io::ErrorKind::InvalidData, words).into())
}

fn strange(kind: char) -> ConnectError {
    ConnectError::Broken(io::Error::new(
        io::ErrorKind::InvalidData,
        format!("unexpected message of type {kind:?}"),
    ))
}

impl Login {
    fn into_server(
        self,
        hub: &Hub,
        target: &Target,
        endpoint: Endpoint,
        seat: Seat,
        welcome: &Welcome,
    ) -> Server {
        let tls = self.stream.tls_words();
        let info = ServerInfo::new(target.id, endpoint, self.local, self.key, tls, clock::micros());
        info.fd
            .store(self.stream.socket().as_fd().as_raw_fd(), Ordering::Relaxed);
        debug_assert_eq!(hub.tracked.names().count(), hub.tracked.len());
        Server {
            info: Arc::new(info),
            stream: self.stream,
            outbox: Outbox::default(),
            inbox: Vec::new(),
            body: 0,
            replies: Replies::default(),
            transaction: Transaction::Idle,
            values: welcome.values.clone(),
            prepared: OnServer::default(),
            unnamed: None,
            doubt: None,
            retire: false,
            dirty: false,
            home: target.thread,
            idle_since: clock::micros(),
            generation: target.generation,
            seat,
        }
    }
}
