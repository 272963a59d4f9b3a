//! A reverse proxy that writes what a person clicks as a HAR file.
//!
//! The browser stays on the proxy: redirects, cookies and absolute links are rewritten on the way to it (`headers`,
//! `cookies`, `rewrite`), and put right on the way to the target, so the recording (`tape`, `journal`) has the target's
//! own addresses.

mod cookies;
mod headers;
mod journal;
mod origin;
mod pipe;
mod proxy;
mod rewrite;
mod tape;
mod upstream;

use std::convert::Infallible;
use std::future::Future;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub use origin::{Origin, Target};

use crate::Error;

/// Where lines for the person go: one for each request, and warnings.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// What is under way when the recording ends has this long to end by itself.
const GRACE: Duration = Duration::from_secs(1);

/// What to record, and where.
#[derive(Debug, Clone)]
pub struct Config {
    /// What is recorded.
    pub target: Target,
    /// Where the browser comes in, such as `127.0.0.1:8089`; a loopback address, because everything that the person
    /// types passes here unencrypted. Port 0: any free one.
    pub listen: String,
    /// The HAR file; it must not be there yet.
    pub output: PathBuf,
    /// Certificates (PEM) to trust besides the system's.
    pub ca: Option<PathBuf>,
}

/// What came of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many requests were recorded.
    pub requests: usize,
    /// The file; None when nothing was recorded, then there is none.
    pub file: Option<PathBuf>,
}

/// A recorder that listens.
pub struct Recorder {
    listener: TcpListener,
    address: SocketAddr,
    proxy: Arc<proxy::Proxy>,
    deck: Arc<tape::Deck>,
}

impl Recorder {
    /// Checks everything, then listens.
    ///
    /// # Errors
    /// The address is not loopback or taken, the file is there already or cannot be made, the target cannot be reached.
    pub async fn bind(config: Config, say: Say) -> Result<Self, Error> {
        let listener = listen(&config.listen).await?;
        let address = listener
            .local_addr()
            .map_err(|e| in_the_way(&config.listen, &e))?;
        let upstream = upstream::Upstream::new(config.target.origin.clone(), config.ca.as_deref())?;
        upstream.check().await?;
        let deck = Arc::new(tape::Deck::new(journal::Journal::open(&config.output)?, say));
        let proxy = Arc::new(proxy::Proxy::new(config.target, upstream, deck.clone()));
        Ok(Self {
            listener,
            address,
            proxy,
            deck,
        })
    }

    /// Where the browser comes in.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Records until `stop` is ready, then writes the file.
    ///
    /// # Errors
    /// The file cannot be written; what was written before is kept, and the message says where.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<Summary, Error> {
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        let failed = loop {
            tokio::select! {
                () = &mut stop => break None,
                failure = self.deck.failure() => break Some(failure),
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(serve(stream, self.proxy.clone()));
                    }
                    // No file descriptor is left, most likely: the next one may find some.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                Some(_) = connections.join_next() => {}
            }
        };
        drop(self.listener);
        let _ = tokio::time::timeout(GRACE, self.deck.quiet()).await;
        connections.shutdown().await;
        let (requests, file) = self.deck.finish()?;
        match (failed, &file) {
            (None, _) => Ok(Summary { requests, file }),
            (Some(why), Some(file)) => Err(Error::bad(format!(
                "{why}: the recording ended there; {} has the {requests} requests before",
                file.display()
            ))),
            (Some(why), None) => Err(Error::bad(why)),
        }
    }
}

async fn serve(stream: TcpStream, proxy: Arc<proxy::Proxy>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| async {
        // Small on the stack of every connection, whatever a request needs.
        Ok::<_, Infallible>(Box::pin(proxy.handle(request)).await)
    });
    // An error here is a browser that left.
    let _ = http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn listen(text: &str) -> Result<TcpListener, Error> {
    let addresses = text.to_socket_addrs().map_err(|e| {
        Error::bad(format!(
            "--listen {text}: {e}: give an address and a port, such as 127.0.0.1:8089"
        ))
    })?;
    let addresses: Vec<SocketAddr> = addresses.collect();
    if let Some(open) = addresses.iter().find(|address| !address.ip().is_loopback()) {
        return Err(Error::bad(format!(
            "--listen {text}: {} is no loopback address: passwords pass here unencrypted, so record on this machine only \
             (127.0.0.1), from afar through `ssh -L`",
            open.ip()
        )));
    }
    TcpListener::bind(&addresses[..])
        .await
        .map_err(|e| in_the_way(text, &e))
}

fn in_the_way(listen: &str, error: &std::io::Error) -> Error {
    Error::bad(format!(
        "--listen {listen}: {error}: choose another port (0 takes any free one)"
    ))
}
