//! A running pooler: its threads, its listeners, its upkeep.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use crate::accept::{self, Accepted};
use crate::client::{self, ClientInfo};
use crate::clock;
use crate::config::Config;
use crate::files::Files;
use crate::hub::Hub;
use crate::listen::Listeners;
use crate::log::{Level, Log};
use crate::pool::Mode;
use crate::takeover::{Inventory, TakeoverError, Totals};
use crate::timer;
use crate::upkeep;

/// Why a pooler does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file that the configuration names cannot be used.
    #[error("{0}")]
    Files(String),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address, or the path of the Unix socket.
        address: String,
        /// Why.
        cause: io::Error,
    },
    /// Something else of the operating system.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A running pooler; dropping it ends it at once.
#[derive(Debug)]
pub struct Pooler {
    hub: Arc<Hub>,
    addresses: Vec<SocketAddr>,
    metrics_address: Option<SocketAddr>,
    threads: Vec<JoinHandle<()>>,
    loops: Vec<Handle>,
}

/// Event loops for so many cores. With one or two, PostgreSQL or the clients are there too, and a second loop costs more
/// in waking each other than it brings (measured by `bench/pool.sh threads`).
fn threads_for(cores: usize) -> usize {
    if cores <= 2 { 1 } else { cores }
}

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Clients come and go.
    Running,
    /// No new ones but consoles, over the Unix socket.
    Closed,
    /// At once.
    Ended,
}

impl Pooler {
    /// Starts the pooler: when this returns it accepts clients.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(config: Config, log: Log) -> Result<Self, StartError> {
        let files = Files::load(&config.settings).map_err(StartError::Files)?;
        let listeners = Listeners::open(&config)?;
        Self::start_with(config, files, log, listeners, Mode::Active)
    }

    /// The same with files that are read and sockets that are open already. In [`Mode::TakingOver`] nobody is let in before
    /// [`Self::take_over`].
    ///
    /// # Errors
    /// [`StartError`].
    pub(crate) fn start_with(
        config: Config,
        files: Files,
        log: Log,
        listeners: Listeners,
        mode: Mode,
    ) -> Result<Self, StartError> {
        timer::start()?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let count = config
            .canvass
            .threads
            .map_or(threads_for(cores), |n| n as usize)
            .max(1);
        let hub = Hub::new(config, files, log, count)?;
        hub.gate.change(Mode::Active, mode);
        hub.activated.store(listeners.activated, Ordering::Relaxed);
        // The file of the Unix socket is the other process's as long as that may go on.
        listeners
            .handed_over
            .store(mode == Mode::TakingOver, Ordering::SeqCst);
        let addresses = listeners.addresses();
        let metrics_address = listeners.metrics_address();
        // Nobody else sets them.
        let _ = hub.listening.set(listeners.described());
        let _ = hub.handed_over.set(listeners.handed_over.clone());
        let mut inboxes = Vec::new();
        let mut threads = Vec::new();
        let mut loops = Vec::new();
        let mut receivers = Vec::new();
        for _ in 0..count {
            let (inbox, receiver) = mpsc::unbounded_channel();
            inboxes.push(inbox);
            receivers.push(receiver);
        }
        let mut listeners = Some((listeners, inboxes));
        for (number, inbox) in receivers.into_iter().enumerate() {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()?;
            loops.push(runtime.handle().clone());
            let worker = Worker {
                hub: hub.clone(),
                number,
                inbox,
                listeners: listeners.take(),
                stopped: hub.phases.subscribe(),
            };
            let spawned = thread::Builder::new()
                .name(format!("pool-{number}"))
                .spawn(move || {
                    Hub::set_this_thread(number);
                    runtime.block_on(worker.run());
                })?;
            threads.push(spawned);
        }
        Ok(Self {
            hub,
            addresses,
            metrics_address,
            threads,
            loops,
        })
    }

    /// Goes on with everything that another process had.
    ///
    /// # Errors
    /// [`TakeoverError`]: the other process goes on, and this one must end.
    pub(crate) fn take_over(&self, inventory: Inventory) -> Result<Totals, TakeoverError> {
        let totals = inventory.settle(&self.hub, &self.loops)?;
        if let Some(flag) = self.hub.handed_over.get() {
            flag.store(false, Ordering::SeqCst);
        }
        Ok(totals)
    }

    /// The TCP addresses that it listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where Prometheus may ask, if `[canvass] metrics_listen` says so.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// What its threads share.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Lets nobody in any more.
    pub fn close(&self) {
        self.hub.enter_phase(Phase::Closed);
    }

    /// Ends at once, and waits until all threads have.
    pub fn end(mut self) {
        self.end_now();
    }

    fn end_now(&mut self) {
        self.hub.enter_phase(Phase::Ended);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                self.hub.log.line(Level::Error, "a thread ended by a panic");
            }
        }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.end_now();
    }
}

struct Worker {
    hub: Arc<Hub>,
    number: usize,
    inbox: mpsc::UnboundedReceiver<Accepted>,
    /// The first thread's: what it accepts from, and where it hands connections to.
    listeners: Option<(Listeners, Vec<mpsc::UnboundedSender<Accepted>>)>,
    stopped: watch::Receiver<Phase>,
}

impl Worker {
    async fn run(mut self) {
        if let Some((listeners, inboxes)) = self.listeners.take() {
            accept::spawn(listeners, &self.hub, &inboxes, &self.stopped);
            tokio::spawn(upkeep::run(self.hub.clone()));
        }
        let mut stopped = self.stopped.clone();
        let ended = stopped.wait_for(|phase| *phase == Phase::Ended);
        tokio::pin!(ended);
        loop {
            tokio::select! {
                _ = &mut ended => return,
                accepted = self.inbox.recv() => match accepted {
                    Some(accepted) => self.admit(accepted),
                    None => {
                        let _ = (&mut ended).await;
                        return;
                    }
                },
            }
        }
    }

    fn admit(&self, accepted: Accepted) {
        let Accepted { socket, peer, local } = accepted;
        match socket.arrive() {
            Ok(socket) => {
                let (fd, pid) = (socket.as_fd().as_raw_fd(), socket.peer_pid());
                let info = ClientInfo::new(self.hub.next_id(), self.number, peer, local, clock::micros());
                info.fd.store(fd, Ordering::Relaxed);
                info.remote_pid.store(pid.unwrap_or_default(), Ordering::Relaxed);
                tokio::spawn(client::serve(self.hub.clone(), socket, Arc::new(info)));
            }
            Err(error) => self.hub.log.line(Level::Warning, &format!("accept: {error}")),
        }
    }
}
