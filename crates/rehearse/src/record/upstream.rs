//! Connections to the target: HTTP/1.1, with TLS when it is https.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::origin::Origin;
use crate::Error;

/// What anything in the way of a body may fail with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// A request's body on its way to the target.
pub type SentBody = UnsyncBoxBody<Bytes, BoxError>;

/// A target that takes longer to accept a connection counts as down.
const CONNECT: Duration = Duration::from_secs(10);
/// Servers close idle connections, some after 5 s; one that has rested longer is not used again.
const REST: Duration = Duration::from_secs(4);
/// Browsers open six connections to a host; more at rest are of no use.
const AT_REST: usize = 8;

/// The way to the target, with connections at rest.
pub struct Upstream {
    origin: Origin,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    rest: Mutex<Vec<(Instant, SendRequest<SentBody>)>>,
}

impl Upstream {
    /// For one origin; `ca` has certificates (PEM) to trust besides the system's.
    ///
    /// # Errors
    /// The certificates cannot be read; the host is no name that a certificate could be for.
    pub fn new(origin: Origin, ca: Option<&Path>) -> Result<Self, Error> {
        let tls = match origin.scheme {
            "https" => Some((connector(ca)?, server_name(&origin)?)),
            _ => None,
        };
        Ok(Self {
            origin,
            tls,
            rest: Mutex::new(Vec::new()),
        })
    }

    /// Connects, to see whether the target is there. The connection is closed at once: a server with one thread would
    /// wait for a request on it, and hear no other.
    ///
    /// # Errors
    /// One line that says why not.
    pub async fn check(&self) -> Result<(), Error> {
        let sender = self.connect().await;
        let cannot = |e| Error::Target(format!("the target {} cannot be reached: {e}", self.origin));
        sender.map(drop).map_err(cannot)
    }

    /// Sends a request; `replayable` says that it has no body and may be sent twice, as a connection at rest may have
    /// been closed by the target at this very moment.
    ///
    /// # Errors
    /// No connection, or it broke before the response's head.
    pub async fn send(
        &self,
        request: Request<SentBody>,
        replayable: bool,
    ) -> Result<(Response<Incoming>, SendRequest<SentBody>), BoxError> {
        if replayable && let Some(mut sender) = self.rested() {
            let mut copy = Request::new(no_body());
            copy.method_mut().clone_from(request.method());
            copy.uri_mut().clone_from(request.uri());
            copy.headers_mut().clone_from(request.headers());
            if let Ok(response) = sender.send_request(copy).await {
                return Ok((response, sender));
            }
        }
        let mut sender = self.connect().await?;
        let response = sender.send_request(request).await.map_err(|e| chain(&e))?;
        Ok((response, sender))
    }

    /// Takes a connection back after its response was read.
    pub fn keep(&self, sender: SendRequest<SentBody>) {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.retain(|(since, sender)| !sender.is_closed() && since.elapsed() < REST);
        if !sender.is_closed() && rest.len() < AT_REST {
            rest.push((Instant::now(), sender));
        }
    }

    fn rested(&self) -> Option<SendRequest<SentBody>> {
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        rest.retain(|(since, sender)| !sender.is_closed() && since.elapsed() < REST);
        let ready = rest.iter().position(|(_, sender)| sender.is_ready())?;
        Some(rest.swap_remove(ready).1)
    }

    async fn connect(&self) -> Result<SendRequest<SentBody>, BoxError> {
        let connecting = tokio::time::timeout(CONNECT, self.handshake());
        connecting
            .await
            .map_err(|_| format!("no connection within {} s", CONNECT.as_secs()))?
    }

    async fn handshake(&self) -> Result<SendRequest<SentBody>, BoxError> {
        let (host, port) = self.origin.host_and_port();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => drive(http1::handshake(TokioIo::new(stream)).await?),
            Some((tls, name)) => {
                let stream = tls.connect(name.clone(), stream).await.map_err(certificate)?;
                drive(http1::handshake(TokioIo::new(stream)).await?)
            }
        }
    }
}

/// No body at all.
pub fn no_body() -> SentBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// The connection's own task ends with it; what goes wrong is told to whoever waits for the response.
fn drive<T>(
    (sender, connection): (SendRequest<SentBody>, http1::Connection<TokioIo<T>, SentBody>),
) -> Result<SendRequest<SentBody>, BoxError>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    tokio::spawn(connection);
    Ok(sender)
}

fn connector(ca: Option<&Path>) -> Result<TlsConnector, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        let bad = |e: String| Error::bad(format!("{}: {e}: PEM certificates were expected", path.display()));
        let list = CertificateDer::pem_file_iter(path).map_err(|e| bad(e.to_string()))?;
        let list: Vec<_> = list.collect::<Result<_, _>>().map_err(|e| bad(e.to_string()))?;
        if list.is_empty() {
            return Err(bad("no certificate in it".to_owned()));
        }
        roots.add_parsable_certificates(list);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::bad(format!("TLS: {e}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn server_name(origin: &Origin) -> Result<ServerName<'static>, Error> {
    let (host, _) = origin.host_and_port();
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerName::try_from(host).map_err(|e| Error::bad(format!("--target {origin}: {e}")))
}

fn certificate(error: std::io::Error) -> BoxError {
    let text = error.to_string();
    if text.contains("certificate") {
        return format!("{text} (a certificate of your own? --ca FILE names the one to trust)").into();
    }
    text.into()
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> BoxError {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line.into()
}
