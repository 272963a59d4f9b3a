use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::framing::{Chunks, Framing, framing};
use super::{Hosts, Origin, Reply};
use crate::Error;

/// A reply's headers together may have at most this many bytes.
const MOST_HEAD: usize = 256 << 10;
const MOST_HEADERS: usize = 128;
/// A reply's body that is kept may have at most this many bytes.
const MOST_BODY: u64 = 256 << 20;
/// How many local loopback addresses connections to 127.0.0.0/8 are spread over: each has ports of its own.
const LANES: u64 = 250;

/// Makes connections.
#[derive(Clone)]
pub struct Connector {
    hosts: Hosts,
    tls: TlsConnector,
}

impl Connector {
    /// For these hosts. `authority`: a PEM file with certificates to trust besides the system's.
    ///
    /// # Errors
    /// The PEM file cannot be read or holds no certificate.
    pub fn new(hosts: Hosts, authority: Option<&Path>) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = authority {
            let bad = |why: String| Error::bad(format!("{}: {why}", path.display()));
            let found: Vec<CertificateDer> = CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .map_err(|e| bad(format!("no PEM file with certificates: {e}")))?;
            if roots.add_parsable_certificates(found).0 == 0 {
                return Err(bad("there is no certificate in it".into()));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::bad(format!("TLS: {e}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            hosts,
            tls: Arc::new(config).into(),
        })
    }

    /// Connects. `lane` spreads the local ends: the same person should use the same.
    ///
    /// # Errors
    /// [`Trouble::Connect`].
    pub async fn connect(&self, origin: &Origin, lane: u64) -> Result<Connection, Trouble> {
        let address = self.hosts.address(origin).ok_or_else(|| {
            Trouble::Connect(io::Error::other(format!(
                "{} may not be asked without --i-own",
                origin.host
            )))
        })?;
        let tcp = tcp(address, lane).await.map_err(Trouble::Connect)?;
        tcp.set_nodelay(true).map_err(Trouble::Connect)?;
        let stream = if origin.tls {
            let plain = origin
                .host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned();
            let name = ServerName::try_from(plain).map_err(|e| Trouble::Connect(io::Error::other(e)))?;
            Stream::Tls(Box::new(
                self.tls.connect(name, tcp).await.map_err(Trouble::Connect)?,
            ))
        } else {
            Stream::Tcp(tcp)
        };
        Ok(Connection { stream, used: false })
    }
}

async fn tcp(address: SocketAddr, lane: u64) -> io::Result<TcpStream> {
    let IpAddr::V4(ip) = address.ip() else {
        return TcpStream::connect(address).await;
    };
    if !ip.is_loopback() || !cfg!(target_os = "linux") {
        return TcpStream::connect(address).await;
    }
    let socket = TcpSocket::new_v4()?;
    let local = Ipv4Addr::new(127, 0, 0, 1 + (lane % LANES) as u8);
    socket.bind(SocketAddr::new(local.into(), 0))?;
    socket.connect(address).await
}

/// One keep-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    used: bool,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// When things happened, and what went over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Exchanged {
    /// The first byte of the request was about to be written.
    pub started: Instant,
    /// The first bytes of the reply were there.
    pub first: Instant,
    /// The last byte of the reply was there.
    pub last: Instant,
    /// Bytes received, headers included.
    pub bytes_in: u64,
    /// Whether the connection can be used again.
    pub keep: bool,
}

/// Why there is no reply.
#[derive(Debug)]
pub enum Trouble {
    /// No connection was made.
    Connect(io::Error),
    /// The connection ended before the first byte of a reply. `used`: it had served a request before, so that the server
    /// may just have closed it for being idle.
    Closed {
        /// Had it carried an earlier exchange?
        used: bool,
    },
    /// The connection broke.
    Broken(io::Error),
    /// The reply ended too early, or is no HTTP.
    Malformed(String),
    /// It took longer than allowed.
    TimeOut(Duration),
}

impl Trouble {
    /// The cause as reports count it: no addresses, no ports, nothing that differs from person to person.
    pub fn cause(&self) -> String {
        match self {
            Self::Connect(error) => format!("connect: {}", plain(error)),
            Self::Closed { .. } => "closed without a reply".into(),
            Self::Broken(error) => format!("connection: {}", plain(error)),
            Self::Malformed(why) => format!("reply: {why}"),
            Self::TimeOut(limit) => format!("time-out after {} s", limit.as_secs_f64()),
        }
    }

    /// Whether a browser would silently send the request again on a new connection.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Closed { used: true })
    }
}

fn plain(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(nix::libc::EMFILE | nix::libc::ENFILE) => "too many open files (raise `ulimit -n`)".into(),
        Some(nix::libc::EADDRNOTAVAIL) => "no local port is left".into(),
        Some(_) => error.kind().to_string(),
        None => error.to_string(),
    }
}

/// What a reply is read into. Idle people hold none: see [`Buffers::take`].
#[derive(Debug, Default)]
pub struct Buffers {
    raw: Vec<u8>,
    /// The reply; its origin and path are the caller's to set.
    pub reply: Reply,
}

thread_local! {
    #[expect(clippy::vec_box, reason = "they move in and out of tasks: a pointer is cheaper to move")]
    static SPARE: RefCell<Vec<Box<Buffers>>> = const { RefCell::new(Vec::new()) };
}

/// As many are kept, none larger than `LARGEST_SPARE`.
const MOST_SPARE: usize = 1024;
const LARGEST_SPARE: usize = 64 << 10;

impl Buffers {
    /// Empty ones, of this thread's spare ones if there are any.
    pub fn take() -> Box<Self> {
        SPARE.with_borrow_mut(Vec::pop).unwrap_or_default()
    }

    /// Gives them back for the next reply.
    pub fn give_back(mut self: Box<Self>) {
        if self.raw.capacity() + self.reply.body.capacity() > LARGEST_SPARE {
            return;
        }
        self.raw.clear();
        self.reply.body.clear();
        self.reply.headers.clear();
        SPARE.with_borrow_mut(|spare| {
            if spare.len() < MOST_SPARE {
                spare.push(self);
            }
        });
    }
}

impl Connection {
    /// Sends a whole request and reads the whole reply to it, undecoded. `wanted`: whether the body is kept; that of a
    /// status from 400 on always is.
    ///
    /// # Errors
    /// [`Trouble`]; the connection is of no use then.
    pub async fn exchange(
        &mut self,
        method: &str,
        request: &[u8],
        wanted: bool,
    ) -> Result<(Exchanged, Box<Buffers>), Trouble> {
        let started = Instant::now();
        let written = self.stream.write(request).await;
        let waited = self.stream.ready().await;
        let mut buffers = Buffers::take();
        let Buffers { raw, reply } = &mut *buffers;
        let n = match waited {
            Ok(()) => self.stream.read(raw).await,
            Err(error) => Err(error),
        };
        match (n, written) {
            (Ok(0), Ok(())) => return Err(Trouble::Closed { used: self.used }),
            (Err(error), Ok(())) if is_reset(&error) => return Err(Trouble::Closed { used: self.used }),
            (Err(error), Ok(())) => return Err(Trouble::Broken(error)),
            // A server that refuses a request may answer before it has read all of it.
            (Ok(0) | Err(_), Err(_)) if self.used => return Err(Trouble::Closed { used: true }),
            (Ok(0) | Err(_), Err(error)) => return Err(Trouble::Broken(error)),
            (Ok(_), _) => {}
        }
        let first = Instant::now();
        let head = self.head(raw, reply).await?;
        let (rest, bytes) = self.body(method, raw, reply, wanted).await?;
        self.used = true;
        let keep = head.keep && rest;
        Ok((
            Exchanged {
                started,
                first,
                last: Instant::now(),
                bytes_in: head.bytes + bytes,
                keep,
            },
            buffers,
        ))
    }

    /// Reads status and headers, leaving in `raw` what follows them. Interim replies (1xx) are passed over.
    async fn head(&mut self, raw: &mut Vec<u8>, reply: &mut Reply) -> Result<Head, Trouble> {
        let mut bytes = 0;
        loop {
            match parse(raw, reply).map_err(|e| Trouble::Malformed(format!("no HTTP/1.1: {e}")))? {
                Some((length, version)) => {
                    raw.drain(..length);
                    bytes += length as u64;
                    if reply.status == 101 {
                        return Err(Trouble::Malformed("status 101 without having been asked".into()));
                    }
                    if reply.status >= 200 {
                        return Ok(Head {
                            bytes,
                            keep: keeps(version, reply),
                        });
                    }
                }
                None if raw.len() > MOST_HEAD => {
                    return Err(Trouble::Malformed("headers of more than 256 KiB".into()));
                }
                None => {
                    if self.stream.read(raw).await.map_err(Trouble::Broken)? == 0 {
                        return Err(Trouble::Malformed("it ended within the headers".into()));
                    }
                }
            }
        }
    }

    /// Reads the body. Returns whether another exchange may follow, and the bytes received.
    async fn body(
        &mut self,
        method: &str,
        raw: &mut Vec<u8>,
        reply: &mut Reply,
        wanted: bool,
    ) -> Result<(bool, u64), Trouble> {
        let kept = wanted || reply.status >= 400;
        let broken = |why: &str| Trouble::Malformed(why.into());
        match framing(method, reply.status, &reply.headers).map_err(|e| broken(&e.to_string()))? {
            Framing::Length(length) if kept && length > MOST_BODY => {
                Err(broken("a body of more than 256 MiB"))
            }
            Framing::Length(length) => {
                let mut left = length as usize;
                let now = left.min(raw.len());
                reply.body.extend_from_slice(&raw[..now]);
                let mut more = raw.len() > now;
                left -= now;
                while left > 0 {
                    let into = if kept { &mut reply.body } else { &mut *raw };
                    if !kept {
                        into.clear();
                    }
                    let n = self.stream.read(into).await.map_err(Trouble::Broken)?;
                    if n == 0 {
                        return Err(broken("it ended before its Content-Length"));
                    }
                    more |= n > left;
                    left = left.saturating_sub(n);
                }
                if kept {
                    reply.body.truncate(length as usize);
                }
                Ok((!more, length))
            }
            Framing::Chunked => {
                let mut chunks = Chunks::default();
                let mut bytes = raw.len() as u64;
                while !chunks
                    .take(raw, &mut reply.body)
                    .map_err(|e| broken(&e.to_string()))?
                {
                    if reply.body.len() as u64 > MOST_BODY {
                        return Err(broken("a body of more than 256 MiB"));
                    }
                    if !kept {
                        reply.body.clear();
                    }
                    match self.stream.read(raw).await.map_err(Trouble::Broken)? {
                        0 => return Err(broken("it ended within its chunks")),
                        n => bytes += n as u64,
                    }
                }
                Ok((raw.is_empty(), bytes))
            }
            Framing::Close => {
                let mut bytes = raw.len() as u64;
                reply.body.append(raw);
                loop {
                    if reply.body.len() as u64 > MOST_BODY {
                        return Err(broken("a body of more than 256 MiB"));
                    }
                    if !kept {
                        reply.body.clear();
                    }
                    match self.stream.read(&mut reply.body).await.map_err(Trouble::Broken)? {
                        0 => return Ok((false, bytes)),
                        n => bytes += n as u64,
                    }
                }
            }
        }
    }
}

struct Head {
    bytes: u64,
    keep: bool,
}

/// Status and headers into `reply`: their length and the minor version, or None when there must be more bytes.
fn parse(raw: &[u8], reply: &mut Reply) -> Result<Option<(usize, u8)>, httparse::Error> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = parsed.parse(raw)? else {
        return Ok(None);
    };
    reply.status = parsed.code.unwrap_or_default();
    reply.headers.clear();
    for field in parsed.headers.iter() {
        reply.headers.push(field.name, field.value);
    }
    Ok(Some((length, parsed.version.unwrap_or_default())))
}

/// RFC 9112, section 9.3.
fn keeps(version: u8, reply: &Reply) -> bool {
    let says = |word: &str| {
        reply
            .headers
            .all("connection")
            .flat_map(|v| v.split(','))
            .any(|v| v.trim().eq_ignore_ascii_case(word))
    };
    !says("close") && (version == 1 || says("keep-alive"))
}

fn is_reset(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
    )
}

impl Stream {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.write_all(bytes).await,
            Self::Tls(tls) => {
                tls.write_all(bytes).await?;
                tls.flush().await
            }
        }
    }

    /// Waits until there is something to read, without holding a buffer for it.
    async fn ready(&self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.readable().await,
            // What TLS has read already is no longer to be seen in the socket.
            Self::Tls(_) => Ok(()),
        }
    }

    async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<usize> {
        into.reserve(4096);
        match self {
            Self::Tcp(tcp) => tcp.read_buf(into).await,
            Self::Tls(tls) => tls.read_buf(into).await,
        }
    }
}
