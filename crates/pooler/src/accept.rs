//! Accepting: each connection goes to the thread that has the fewest.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};

use crate::hub::Hub;
use crate::listen::{Listeners, words};
use crate::log::Level;
use crate::net::Socket;
use crate::pooler::Phase;

/// How long accepting rests when the process has no file descriptors left.
const REST: Duration = Duration::from_millis(100);

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
            let Some((socket, peer)) = self.next(listener.accept()).await else {
                continue;
            };
            let local = socket.local_addr().map(|address| words(&address));
            if let Err(error) = self.hub.tune(&socket) {
                self.complain(&error);
            }
            self.hand_over(Socket::Tcp(socket), words(&peer), local.unwrap_or_default());
        }
    }

    async fn unix(&self, listener: &UnixListener, port: u16) {
        loop {
            if let Some((socket, _)) = self.next(listener.accept()).await {
                let place = ("unix".to_owned(), port);
                self.hand_over(Socket::Unix(socket), place.clone(), place);
            }
        }
    }

    /// The next connection, once connections are let in; `None`: there was none, look again.
    async fn next<T>(&self, accept: impl Future<Output = io::Result<T>>) -> Option<T> {
        self.while_suspended().await;
        let accepted = tokio::select! {
            accepted = accept => accepted,
            () = self.until_suspended() => return None,
        };
        match accepted {
            Ok(connection) => Some(connection),
            Err(error) => {
                self.rest(&error).await;
                None
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
