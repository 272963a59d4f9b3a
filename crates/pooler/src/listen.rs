//! Listening: TCP addresses and the Unix socket. Each connection goes to the thread that has the fewest.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdTcpListener, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, Type};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};

use crate::config::Config;
use crate::hub::Hub;
use crate::log::Level;
use crate::net::Socket;
use crate::pool::Mode;
use crate::pooler::{Phase, StartError};

/// How long accepting rests when the process has no file descriptors left.
const REST: Duration = Duration::from_millis(100);

/// Sockets that are listened on.
#[derive(Debug, Default)]
pub struct Listeners {
    pub(crate) tcp: Vec<StdTcpListener>,
    pub(crate) unix: Vec<(StdUnixListener, UnixPlace)>,
    pub(crate) port: u16,
}

/// Where a Unix socket stands; its file is removed with it.
#[derive(Debug)]
pub struct UnixPlace {
    path: Option<PathBuf>,
    /// Another process goes on listening there.
    pub(crate) keep: bool,
}

impl Drop for UnixPlace {
    fn drop(&mut self) {
        if let Some(path) = self.path.as_ref().filter(|_| !self.keep) {
            let _ = fs::remove_file(path);
        }
    }
}

impl Listeners {
    /// Opens what the configuration names.
    ///
    /// # Errors
    /// [`StartError::Listen`].
    pub fn open(config: &Config) -> Result<Self, StartError> {
        let settings = &config.settings;
        let mut all = Self {
            port: settings.listen_port,
            ..Self::default()
        };
        for name in &settings.listen_addr {
            for address in addresses(name, settings.listen_port)? {
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
            let opened = unix(&path, config).map_err(|cause| StartError::Listen {
                address: path.display().to_string(),
                cause,
            })?;
            all.unix.push(opened);
        }
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

    /// File descriptor, address and port of each.
    pub(crate) fn described(&self) -> Vec<(i32, String, u16)> {
        let tcp = self.tcp.iter().filter_map(|listener| {
            let (address, port) = words(&listener.local_addr().ok()?);
            Some((listener.as_raw_fd(), address, port))
        });
        let unix = self
            .unix
            .iter()
            .map(|(listener, _)| (listener.as_raw_fd(), "unix".to_owned(), self.port));
        tcp.chain(unix).collect()
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

fn unix(path: &Path, config: &Config) -> io::Result<(StdUnixListener, UnixPlace)> {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr as UnixAddr;
    let settings = &config.settings;
    if let Some(name) = path.to_string_lossy().strip_prefix('@') {
        let listener = StdUnixListener::bind_addr(&UnixAddr::from_abstract_name(name)?)?;
        listener.set_nonblocking(true)?;
        return Ok((
            listener,
            UnixPlace {
                path: None,
                keep: false,
            },
        ));
    }
    if path.exists() {
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "a pooler is already listening there",
            ));
        }
        fs::remove_file(path)?;
    }
    let listener = StdUnixListener::bind(path)?;
    let place = UnixPlace {
        path: Some(path.to_owned()),
        keep: false,
    };
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
    Ok((listener, place))
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
        self.hub
            .gate
            .until(|| self.hub.gate.mode() != Mode::Suspended)
            .await;
    }

    async fn until_suspended(&self) {
        self.hub
            .gate
            .until(|| self.hub.gate.mode() == Mode::Suspended)
            .await;
    }

    /// A connection that was given up is no reason to wait; a lack of file descriptors is.
    async fn rest(&self, error: &io::Error) {
        if error.kind() != io::ErrorKind::ConnectionAborted {
            self.complain(error);
            tokio::time::sleep(REST).await;
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
