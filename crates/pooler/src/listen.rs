//! Listening: TCP addresses and the Unix socket. Each connection goes to the thread that has the fewest.

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdTcpListener, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};

use crate::config::Config;
use crate::hub::Hub;
use crate::log::Level;
use crate::net::Socket;
use crate::pooler::{Phase, StartError};
use crate::takeover::Kind;

/// How long accepting rests when the process has no file descriptors left.
const REST: Duration = Duration::from_millis(100);

/// Sockets that are listened on.
#[derive(Debug, Default)]
pub struct Listeners {
    pub(crate) tcp: Vec<StdTcpListener>,
    pub(crate) unix: Vec<(StdUnixListener, UnixPlace)>,
    /// For Prometheus.
    pub(crate) metrics: Option<StdTcpListener>,
    pub(crate) port: u16,
    /// A service manager opened them, whatever the configuration says.
    pub(crate) activated: bool,
    /// Set when another process goes on listening on them: files of Unix sockets stay then.
    pub(crate) handed_over: Arc<AtomicBool>,
}

/// Listeners that another process has opened.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) tcp: Vec<StdTcpListener>,
    pub(crate) unix: Vec<StdUnixListener>,
    pub(crate) metrics: Option<StdTcpListener>,
    pub(crate) port: u16,
    pub(crate) activated: bool,
}

/// Where a Unix socket stands; its file is removed with it.
#[derive(Debug)]
pub struct UnixPlace {
    /// Without a path: in the abstract namespace, or somebody else's.
    path: Option<PathBuf>,
    handed_over: Arc<AtomicBool>,
}

impl Drop for UnixPlace {
    fn drop(&mut self) {
        let stays = self.handed_over.load(Ordering::SeqCst);
        if let Some(path) = self.path.as_ref().filter(|_| !stays) {
            let _ = fs::remove_file(path);
        }
    }
}

/// A socket that is listened on, as it is shown.
#[derive(Debug, Clone)]
pub struct Listening {
    /// The number of its file descriptor.
    pub fd: i32,
    /// Address, or `unix`.
    pub address: String,
    /// Port.
    pub port: u16,
    /// What it is for.
    pub(crate) kind: Kind,
    /// As the log has it.
    words: String,
}

impl fmt::Display for Listening {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.words)
    }
}

impl Listeners {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// [`StartError::Listen`].
    pub fn open(config: &Config) -> Result<Self, StartError> {
        Self::open_with(config, Given::default())
    }

    /// The same, as far as it is not open already; what is not named is closed. What a service manager has opened is
    /// kept, and nothing else is opened.
    ///
    /// # Errors
    /// [`StartError::Listen`].
    pub(crate) fn open_with(config: &Config, mut given: Given) -> Result<Self, StartError> {
        let settings = &config.settings;
        let mut all = Self::none(settings.listen_port);
        all.metrics = given
            .metrics
            .take()
            .filter(|listener| listener.local_addr().ok() == config.canvass.metrics_listen);
        if given.activated {
            all.take(given)?;
            all.open_metrics(config)?;
            return Ok(all);
        }
        for name in &settings.listen_addr {
            for address in addresses(name, settings.listen_port)? {
                let is_it =
                    |other: &mut StdTcpListener| other.local_addr().is_ok_and(|other| other == address);
                if let Some(listener) = given.tcp.extract_if(.., is_it).next() {
                    all.tcp.push(listener);
                    continue;
                }
                let listener = tcp(address, config).map_err(|cause| StartError::Listen {
                    address: address.to_string(),
                    cause,
                })?;
                all.tcp.push(listener);
            }
        }
        if settings.listen_port == 0
            && let Some(address) = all.addresses().first()
        {
            all.port = address.port();
        }
        if let Some(dir) = &settings.unix_socket_dir {
            let path = socket_path(dir, all.port);
            // The other process was asked over this very socket.
            let known = given.unix.pop().map(|listener| (listener, file(&path)));
            let opened = known
                .map_or_else(|| unix(&path, config), Ok)
                .map_err(|cause| StartError::Listen {
                    address: path.display().to_string(),
                    cause,
                });
            let (listener, path) = opened?;
            let handed_over = all.handed_over.clone();
            all.unix.push((listener, UnixPlace { path, handed_over }));
        }
        all.open_metrics(config)?;
        if all.tcp.is_empty() && all.unix.is_empty() {
            return Err(StartError::Listen {
                address: "nothing".to_owned(),
                cause: io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "neither listen_addr nor unix_socket_dir is set",
                ),
            });
        }
        Ok(all)
    }

    /// Keeps what a service manager has opened.
    fn take(&mut self, given: Given) -> Result<(), StartError> {
        self.activated = true;
        self.port = given.port;
        for listener in given.tcp {
            self.add_tcp(listener)?;
        }
        for listener in given.unix {
            self.add_unix(listener, None)?;
        }
        Ok(())
    }

    /// None yet.
    pub(crate) fn none(port: u16) -> Self {
        Self {
            port,
            ..Self::default()
        }
    }

    /// Opens `[canvass] metrics_listen`, unless it is open.
    ///
    /// # Errors
    /// [`StartError::Listen`].
    pub(crate) fn open_metrics(&mut self, config: &Config) -> Result<(), StartError> {
        let Some(address) = config.canvass.metrics_listen.filter(|_| self.metrics.is_none()) else {
            return Ok(());
        };
        let opened = StdTcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        let opened = opened.map_err(|cause| StartError::Listen {
            address: address.to_string(),
            cause,
        });
        self.metrics = Some(opened?);
        Ok(())
    }

    /// Listens on a socket that somebody else has opened, too.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn add_tcp(&mut self, listener: StdTcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        self.tcp.push(listener);
        Ok(())
    }

    /// The same for a Unix socket. Its file is removed at the end if `path` says where it is.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn add_unix(&mut self, listener: StdUnixListener, path: Option<PathBuf>) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let handed_over = self.handed_over.clone();
        self.unix.push((listener, UnixPlace { path, handed_over }));
        Ok(())
    }

    /// Where Prometheus may ask.
    pub(crate) fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref()?.local_addr().ok()
    }

    /// How each is shown.
    pub(crate) fn described(&self) -> Vec<Listening> {
        let tcp = self.tcp.iter().filter_map(|listener| {
            let local = listener.local_addr().ok()?;
            let (address, port) = words(&local);
            Some(Listening {
                fd: listener.as_raw_fd(),
                address,
                port,
                kind: Kind::Tcp,
                words: local.to_string(),
            })
        });
        let unix = self.unix.iter().map(|(listener, place)| Listening {
            fd: listener.as_raw_fd(),
            address: "unix".to_owned(),
            port: self.port,
            kind: Kind::Unix,
            words: match &place.path {
                Some(path) => format!("unix:{}", path.display()),
                None => format!("unix, port {}", self.port),
            },
        });
        let metrics = self.metrics.iter().map(|listener| {
            let local = listener
                .local_addr()
                .map(|local| words(&local))
                .unwrap_or_default();
            Listening {
                fd: listener.as_raw_fd(),
                words: format!("{}:{}", local.0, local.1),
                address: local.0,
                port: local.1,
                kind: Kind::Metrics,
            }
        });
        tcp.chain(unix).chain(metrics).collect()
    }

    /// The TCP addresses.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.tcp
            .iter()
            .filter_map(|listener| listener.local_addr().ok())
            .collect()
    }
}

/// Path of the Unix socket for a port; it begins with `@` in the abstract namespace.
pub(crate) fn socket_path(dir: &Path, port: u16) -> PathBuf {
    dir.join(format!(".s.PGSQL.{port}"))
}

fn addresses(name: &str, port: u16) -> Result<Vec<SocketAddr>, StartError> {
    if name == "*" {
        let mut all = vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)];
        if port != 0 && StdTcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok() {
            all.push(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port));
        }
        return Ok(all);
    }
    let found = (name.trim_matches(['[', ']']), port).to_socket_addrs();
    found.map(Iterator::collect).map_err(|cause| StartError::Listen {
        address: name.to_owned(),
        cause,
    })
}

fn tcp(address: SocketAddr, config: &Config) -> io::Result<StdTcpListener> {
    let settings = &config.settings;
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if settings.so_reuseport {
        socket.set_reuse_port(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(settings.listen_backlog).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The file of a Unix socket; in the abstract namespace there is none.
fn file(path: &Path) -> Option<PathBuf> {
    (!path.to_string_lossy().starts_with('@')).then(|| path.to_owned())
}

/// Opens a Unix socket; the path is given when there is a file to remove.
fn unix(path: &Path, config: &Config) -> io::Result<(StdUnixListener, Option<PathBuf>)> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr as UnixAddr;
    let settings = &config.settings;
    if let Some(name) = path.to_string_lossy().strip_prefix('@') {
        let listener = StdUnixListener::bind_addr(&UnixAddr::from_abstract_name(name)?)?;
        listener.set_nonblocking(true)?;
        return Ok((listener, None));
    }
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "unix socket is in use, cannot continue",
            ));
        }
        fs::remove_file(path)?;
    }
    let listener = StdUnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(settings.unix_socket_mode))?;
    if let Some(group) = &settings.unix_socket_group {
        let found = nix::unistd::Group::from_name(group)?;
        let gid = found
            .map(|group| group.gid)
            .or_else(|| group.parse().ok().map(nix::unistd::Gid::from_raw));
        let gid = gid.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("no group {group}")))?;
        nix::unistd::chown(path, None, Some(gid))?;
    }
    SockRef::from(&listener).listen(i32::try_from(settings.listen_backlog).unwrap_or(i32::MAX))?;
    listener.set_nonblocking(true)?;
    Ok((listener, Some(path.to_owned())))
}

/// A connection on its way to its thread.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) socket: Travelling,
    pub(crate) peer: (String, u16),
    pub(crate) local: (String, u16),
}

/// A socket that is registered with no event loop, or with the right one.
#[derive(Debug)]
pub(crate) enum Travelling {
    Tcp(std::net::TcpStream),
    Unix(std::os::unix::net::UnixStream),
    Here(Socket),
}

impl Travelling {
    /// Registers it with the calling thread's event loop.
    pub(crate) fn arrive(self) -> io::Result<Socket> {
        Ok(match self {
            Self::Tcp(socket) => Socket::Tcp(TcpStream::from_std(socket)?),
            Self::Unix(socket) => Socket::Unix(UnixStream::from_std(socket)?),
            Self::Here(socket) => socket,
        })
    }

    fn leave(socket: Socket, stays: bool) -> io::Result<Self> {
        Ok(match socket {
            socket if stays => Self::Here(socket),
            Socket::Tcp(socket) => Self::Tcp(socket.into_std()?),
            Socket::Unix(socket) => Self::Unix(socket.into_std()?),
            socket @ Socket::Moving => Self::Here(socket),
        })
    }
}

/// Accepts on the calling thread until the end begins.
pub(crate) fn spawn(
    listeners: Listeners,
    hub: &Arc<Hub>,
    inboxes: &[mpsc::UnboundedSender<Accepted>],
    stopped: &watch::Receiver<Phase>,
) {
    if let Some(listener) = listeners.metrics {
        tokio::spawn(crate::metrics::serve(hub.clone(), listener));
    }
    for listener in listeners.tcp {
        let accepting = Accepting::new(hub, inboxes);
        let mut stopped = stopped.clone();
        tokio::spawn(async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => tokio::select! {
                    () = accepting.tcp(&listener) => {}
                    _ = stopped.wait_for(|phase| *phase > Phase::Running) => {}
                },
                Err(error) => accepting.complain(&error),
            }
        });
    }
    for (listener, place) in listeners.unix {
        let accepting = Accepting::new(hub, inboxes);
        let mut stopped = stopped.clone();
        let port = listeners.port;
        tokio::spawn(async move {
            match UnixListener::from_std(listener) {
                Ok(listener) => tokio::select! {
                    // Consoles come in as long as the process lives.
                    () = accepting.unix(&listener, port) => {}
                    _ = stopped.wait_for(|phase| *phase == Phase::Ended) => {}
                },
                Err(error) => accepting.complain(&error),
            }
            drop(place);
        });
    }
}

struct Accepting {
    hub: Arc<Hub>,
    inboxes: Vec<mpsc::UnboundedSender<Accepted>>,
}

impl Accepting {
    fn new(hub: &Arc<Hub>, inboxes: &[mpsc::UnboundedSender<Accepted>]) -> Self {
        Self {
            hub: hub.clone(),
            inboxes: inboxes.to_vec(),
        }
    }

    fn complain(&self, error: &io::Error) {
        self.hub.log.line(Level::Error, &format!("accept: {error}"));
    }

    async fn tcp(&self, listener: &TcpListener) {
        loop {
            self.while_suspended().await;
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.until_suspended() => continue,
            };
            match accepted {
                Ok((socket, peer)) => {
                    let local = socket.local_addr().map(|address| words(&address));
                    if let Err(error) = self.hub.tune(&socket) {
                        self.complain(&error);
                    }
                    self.hand_over(Socket::Tcp(socket), words(&peer), local.unwrap_or_default());
                }
                Err(error) => self.rest(&error).await,
            }
        }
    }

    async fn unix(&self, listener: &UnixListener, port: u16) {
        loop {
            self.while_suspended().await;
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.until_suspended() => continue,
            };
            match accepted {
                Ok((socket, _)) => {
                    let place = ("unix".to_owned(), port);
                    self.hand_over(Socket::Unix(socket), place.clone(), place);
                }
                Err(error) => self.rest(&error).await,
            }
        }
    }

    async fn while_suspended(&self) {
        self.hub.gate.until(|| self.hub.gate.mode().lets_in()).await;
    }

    async fn until_suspended(&self) {
        self.hub.gate.until(|| !self.hub.gate.mode().lets_in()).await;
    }

    /// A connection that was given up is no reason to wait; a lack of file descriptors is.
    async fn rest(&self, error: &io::Error) {
        if error.kind() != io::ErrorKind::ConnectionAborted {
            self.complain(error);
            crate::timer::sleep(REST).await;
        }
    }

    fn hand_over(&self, socket: Socket, peer: (String, u16), local: (String, u16)) {
        let here = self.hub.this_thread();
        let counts = self
            .hub
            .threads
            .iter()
            .map(|clients| clients.load(Ordering::Relaxed));
        let to = counts
            .enumerate()
            .min_by_key(|(_, clients)| *clients)
            .map_or(here, |(thread, _)| thread);
        let accepted = Travelling::leave(socket, to == here).map(|socket| Accepted { socket, peer, local });
        match accepted {
            // A thread that has ended takes nobody; the process is ending.
            Ok(accepted) => drop(self.inboxes[to].send(accepted)),
            Err(error) => self.complain(&error),
        }
    }
}

fn words(address: &SocketAddr) -> (String, u16) {
    (address.ip().to_canonical().to_string(), address.port())
}
