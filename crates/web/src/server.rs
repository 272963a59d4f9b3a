//! The event loops: one thread a core, each with a listener, a write queue and a writer of its own. A save never
//! changes thread between socket and commit. The kernel spreads connections over the listeners (SO_REUSEPORT).

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use canvass_store::ingest::{self, DiskGate, Writer};
use canvass_store::read::Reader;
use canvass_store::{Database, Waves, admin};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::address::{Peer, TrustedProxies};
use crate::app::{App, Shared};
use crate::budget::Budget;
use crate::keys::KeyRing;
use crate::request::Arriving;
use crate::token::Tokens;
use crate::{Config, metrics, router, tls};

/// Connections waiting to be accepted, per listener: a class that presses Start at once.
const BACKLOG: i32 = 4_096;
/// How often the waves are read again.
const WAVES_EVERY: Duration = Duration::from_secs(1);
/// How long what was accepted may take to finish when the server stops: a little more than the write path's deadline,
/// so that a save accepted at the last moment is answered even without a database; and within ten seconds in all.
const STOPPING: Duration = Duration::from_millis(8_500);
/// How long what was sent may stay unacknowledged by the other side's machine.
const UNREAD: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Why the web part does not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// As configured.
        address: String,
        /// Why.
        cause: String,
    },
    /// A setting is wrong.
    #[error("{0}")]
    Config(String),
    /// Certificate or key.
    #[error("{0}")]
    Tls(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] canvass_store::Error),
    /// A thread or runtime could not be made, or ended by itself.
    #[error("event loop: {0}")]
    Loop(String),
}

/// Tells a running server to stop; cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Default for Stop {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stop {
    /// Stops accepting; what was accepted is finished.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    async fn stopped(&self) {
        let mut seen = self.0.subscribe();
        // The sender lives in self: waiting cannot fail.
        let _ = seen.wait_for(|stopped| *stopped).await;
    }
}

/// Runs the web part until `stop`. `ready` is called with the address once every listener is open and the database
/// has been reached.
///
/// # Errors
/// [`Error`]; nothing is listened on before the database is known to be reachable, safe and migrated.
pub fn serve(
    config: Config,
    database: Database,
    keys: KeyRing,
    ingest: ingest::Config,
    stop: &Stop,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), Error> {
    let address = resolve(&config.listen)?;
    let tls = tls::acceptor(&config)?;
    let proxies = TrustedProxies::parse(&config.trusted_proxies)
        .map_err(|entry| Error::Config(format!("trusted_proxies: {entry:?} is no address and no network")))?;
    let disk = match config.disk_path.as_str() {
        "" => DiskGate::default(),
        path => DiskGate::watching(path.as_ref(), config.min_free_bytes),
    };
    let prometheus = metrics::install();
    let shared = Arc::new(Shared {
        tokens: Tokens::new(&keys),
        budget: Budget::new(&config),
        waves: Waves::default(),
        documents: std::sync::Mutex::default(),
        connections: AtomicUsize::new(0),
        disk,
        proxies,
        keys,
        config,
    });
    let housekeeping = runtime()?;
    let first = housekeeping.block_on(prepare(&database, &shared))?;
    let (address, listeners) = listen(address, shared.config.worker_count())?;
    let metrics_listener = metrics_listener(&shared.config)?;
    let mut workers = Vec::new();
    for (n, listener) in listeners.into_iter().enumerate() {
        let worker = Worker {
            core: n,
            listener,
            tls: tls.clone(),
            database: database.clone(),
            ingest: ingest.clone(),
            shared: shared.clone(),
            stop: stop.clone(),
        };
        let spawned = thread::Builder::new()
            .name(format!("web-{n}"))
            .spawn(move || worker.run_or_stop_all());
        workers.push(spawned.map_err(|e| Error::Loop(e.to_string()))?);
    }
    ready(address);
    housekeeping.block_on(async {
        tokio::select! {
            () = keep_waves_fresh(&database, &shared, first) => {}
            () = metrics::serve(metrics_listener, prometheus) => {}
            () = watch_disk(&shared.disk) => {}
            () = stop.stopped() => {}
        }
    });
    let mut outcome = Ok(());
    for worker in workers {
        outcome = outcome.and(
            worker
                .join()
                .unwrap_or_else(|_| Err(Error::Loop("a thread panicked".into()))),
        );
    }
    outcome
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .map_err(|e| Error::Loop(e.to_string()))
}

fn resolve(listen: &str) -> Result<SocketAddr, Error> {
    use std::net::ToSocketAddrs;
    let failed = |cause: String| Error::Listen {
        address: listen.to_owned(),
        cause,
    };
    let mut addresses = listen
        .to_socket_addrs()
        .map_err(|e| failed(format!("{e}; expected HOST:PORT")))?;
    addresses.next().ok_or_else(|| failed("no such host".into()))
}

/// Reaches the database, reads the waves, and sees that the keys are the database's.
async fn prepare(database: &Database, shared: &Shared) -> Result<canvass_store::Client, Error> {
    let client = database.connect().await?;
    admin::check_fingerprint(&client, shared.keys.codes()).await?;
    shared.waves.refresh(&client).await?;
    Ok(client)
}

/// A listener a worker. That nobody else listens there is seen first: with SO_REUSEPORT it would go unnoticed.
fn listen(address: SocketAddr, workers: usize) -> Result<(SocketAddr, Vec<StdListener>), Error> {
    let failed = |e: std::io::Error| Error::Listen {
        address: address.to_string(),
        cause: match e.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another process listens there; choose another with --listen".into()
            }
            _ => e.to_string(),
        },
    };
    drop(StdListener::bind(address).map_err(failed)?);
    let mut address = address;
    let mut listeners = Vec::new();
    for _ in 0..workers {
        let socket =
            Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP)).map_err(failed)?;
        socket.set_reuse_address(true).map_err(failed)?;
        socket.set_reuse_port(true).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        socket.bind(&address.into()).map_err(failed)?;
        socket.listen(BACKLOG).map_err(failed)?;
        let listener = StdListener::from(socket);
        // With port 0 the first listener gets a port and the others share it.
        address = listener.local_addr().map_err(failed)?;
        listeners.push(listener);
    }
    Ok((address, listeners))
}

/// The metrics listener. Without it the server runs all the same: a busy port must not keep respondents out.
fn metrics_listener(config: &Config) -> Result<Option<StdListener>, Error> {
    if config.metrics_listen.is_empty() {
        return Ok(None);
    }
    let bound = StdListener::bind(resolve(&config.metrics_listen)?);
    let listener = bound.and_then(|listener| listener.set_nonblocking(true).map(|()| listener));
    let listener = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
    match listener {
        Ok((address, listener)) => {
            tracing::info!("metrics on http://{address}/metrics");
            Ok(Some(listener))
        }
        Err(cause) => {
            tracing::warn!(address = config.metrics_listen, %cause, "no metrics: choose another web.metrics_listen");
            Ok(None)
        }
    }
}

/// Reads the waves again and again; connects again when the connection broke. Never ends.
async fn keep_waves_fresh(database: &Database, shared: &Shared, first: canvass_store::Client) {
    let mut client = Some(first);
    let mut every = tokio::time::interval(WAVES_EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let refreshed = match &client {
            Some(client) => shared.waves.refresh(client).await,
            None => match database.connect().await {
                Ok(fresh) => shared.waves.refresh(client.insert(fresh)).await,
                Err(error) => Err(error),
            },
        };
        if let Err(cause) = refreshed {
            tracing::warn!(%cause, "the waves could not be read again; those in memory stay");
            client = None;
        }
    }
}

async fn watch_disk(disk: &DiskGate) {
    let mut every = tokio::time::interval(Duration::from_secs(1));
    loop {
        every.tick().await;
        disk.look();
        ::metrics::gauge!("canvass_disk_free_bytes").set(disk.free() as f64);
    }
}

/// One core's event loop.
struct Worker {
    core: usize,
    listener: StdListener,
    tls: Option<TlsAcceptor>,
    database: Database,
    ingest: ingest::Config,
    shared: Arc<Shared>,
    stop: Stop,
}

impl Worker {
    /// Serving with fewer event loops than asked for would go unnoticed, so when one ends they all end.
    fn run_or_stop_all(self) -> Result<(), Error> {
        let stop = self.stop.clone();
        let outcome = self.run();
        stop.stop();
        outcome
    }

    fn run(self) -> Result<(), Error> {
        runtime()?.block_on(self.turn())
    }

    /// Accepts until stopped; finishes what was accepted; then lets the writer finish.
    async fn turn(self) -> Result<(), Error> {
        let (ingest, mut writer) = ingest::open(
            self.database.clone(),
            &self.ingest,
            self.shared.disk.clone(),
            self.core,
        );
        // `prepare` has seen that the database can be reached and is safe. Should it be away by now, then saves wait
        // for it as they do at any other time.
        if let Err(cause) = writer.connect().await {
            tracing::warn!(%cause, "a writer could not connect; it tries again with the first save");
        }
        let writer = tokio::spawn(Writer::run(writer));
        let reader = Reader::new(&self.database, self.shared.config.readers)?;
        let routes = router::router(App::new(ingest.clone(), reader, self.shared.clone()));
        let listener = TcpListener::from_std(self.listener).map_err(|e| Error::Loop(e.to_string()))?;
        let open = Arc::new(());
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        let connection = Connection {
                            routes: routes.clone(),
                            peer: Peer(peer.ip()),
                            shared: self.shared.clone(),
                            stop: self.stop.clone(),
                            _open: open.clone(),
                        };
                        connection.accept(stream, self.tls.as_ref());
                    }
                    // No file descriptors, most likely: those who are in go on, the others wait.
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept connections for a moment");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                },
                () = self.stop.stopped() => break,
            }
        }
        drop(listener);
        let finished = async {
            while Arc::strong_count(&open) > 1 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(STOPPING, finished).await.is_err() {
            tracing::warn!("some connections did not end in time; they are cut");
        }
        ingest.close();
        let _ = tokio::time::timeout(Duration::from_secs(1), writer).await;
        Ok(())
    }
}

/// One connection of a respondent or API client.
struct Connection {
    routes: Router,
    peer: Peer,
    shared: Arc<Shared>,
    stop: Stop,
    _open: Arc<()>,
}

impl Connection {
    fn accept(self, stream: tokio::net::TcpStream, tls: Option<&TlsAcceptor>) {
        let open = self.shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let guard = Counted(self.shared.clone());
        ::metrics::gauge!("canvass_connections").set(open as f64);
        if open > self.shared.config.max_connections {
            metrics::refused("connections");
            return;
        }
        let _ = stream.set_nodelay(true);
        // Who never reads what was sent is let go.
        let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(UNREAD));
        match tls.cloned() {
            None => {
                tokio::spawn(async move {
                    let _guard = guard;
                    self.talk(stream).await;
                });
            }
            Some(tls) => {
                tokio::spawn(async move {
                    let _guard = guard;
                    if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                        self.talk(stream).await;
                    }
                });
            }
        }
    }

    async fn talk(self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static) {
        let Self {
            routes,
            peer,
            shared,
            stop,
            _open,
        } = self;
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut request: Request = request.map(|incoming| Body::new(Arriving::new(incoming)));
            request.extensions_mut().insert(peer);
            routes.clone().oneshot(request)
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(shared.config.header_timeout())
            .max_buf_size(64 << 10);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        tokio::select! {
            _ = connection.as_mut() => return,
            () = stop.stopped() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    }
}

/// A connection that is counted as long as it is open.
struct Counted(Arc<Shared>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
