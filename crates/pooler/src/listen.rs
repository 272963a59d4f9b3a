//! Listening: TCP addresses, the Unix socket, and the address for Prometheus.

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

use socket2::{Domain, Protocol, SockRef, Socket as RawSocket, Type};

use crate::config::Config;
use crate::pooler::StartError;
use crate::takeover::Kind;

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

pub(crate) fn words(address: &SocketAddr) -> (String, u16) {
    (address.ip().to_canonical().to_string(), address.port())
}
