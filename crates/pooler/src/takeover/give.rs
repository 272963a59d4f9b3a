//! The old process: everybody stands still, everything is sent, and one word decides.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

use super::VERSION;
use super::line::Line;
use super::message::{Answer, Bytes, Hello, Listener, Message, Statement, Totals};
use super::parcel::{Parcel, Stays};
use super::settle::pool_message;
use crate::client::{ClientInfo, ClientState, Order, Replication};
use crate::control::{counts, state_error};
use crate::hub::Hub;
use crate::log::Level;
use crate::pool::Mode;
use crate::pooler::Phase;
use crate::refusal::Refusal;

/// How long a login may go on that is under way; then its client is told, as it cannot be carried over.
const FOR_LOGINS: Duration = Duration::from_secs(1);
/// How often those who stay behind are looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
/// How long clients may take over their last words.
const FOR_LAST_WORDS: Duration = Duration::from_secs(3);

/// Clients that stand still, packed, by their numbers; what cannot go, with the reason.
#[derive(Debug, Default)]
pub(crate) struct Parcels(Mutex<Option<HashMap<u64, Result<Parcel, Stays>>>>);

impl Parcels {
    fn slot(&self) -> std::sync::MutexGuard<'_, Option<HashMap<u64, Result<Parcel, Stays>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a client's; false when none is wanted any more.
    pub(crate) fn put(&self, id: u64, packed: Result<Parcel, Stays>) -> bool {
        match &mut *self.slot() {
            Some(parcels) => {
                parcels.insert(id, packed);
                true
            }
            None => false,
        }
    }
}

/// A hand-over that is under way. Dropped before it is done, everybody goes on as if nothing had been.
pub(crate) struct Giving {
    hub: Arc<Hub>,
    is_done: bool,
}

impl Giving {
    /// No new work is taken up, and clients stop between two requests.
    ///
    /// # Errors
    /// Something else holds everything, or the pooler is ending.
    pub(crate) fn begin(hub: &Arc<Hub>) -> Result<Self, Refusal> {
        if hub.is_ending() {
            return Err(Refusal::SHUTTING_DOWN);
        }
        let paused = hub.database_states();
        if paused.iter().any(|(_, state)| state.is_paused_itself()) {
            return Err(state_error("cannot hand over with paused databases"));
        }
        {
            // Held until there is room: a client may stop as soon as the mode has changed.
            let mut slot = hub.control.parcels.slot();
            if !hub.gate.change(Mode::Active, Mode::Draining) {
                return Err(state_error("already suspended/paused"));
            }
            *slot = Some(HashMap::new());
        }
        hub.log.line(Level::Log, "handing over to another process");
        Ok(Self {
            hub: hub.clone(),
            is_done: false,
        })
    }

    /// Lets those in who are at it, then has everybody stand still. Whoever has not within `suspend_timeout` stays behind.
    pub(crate) async fn until_still(&self) {
        let hub = &self.hub;
        let let_in = hub.until(|| !hub.clients().iter().any(|client| logs_in(client)));
        // Others work on in the meantime.
        let _ = crate::timer::timeout(FOR_LOGINS, let_in).await;
        hub.gate.change(Mode::Draining, Mode::HandingOver);
        for client in hub.clients() {
            client.begin_hand_over();
        }
        let all = hub.until(|| {
            let clients = hub.clients();
            let parcels = hub.control.parcels.slot();
            let has = |id| parcels.as_ref().is_some_and(|parcels| parcels.contains_key(id));
            clients
                .iter()
                .all(|client| has(&client.id) || logs_in(client) || goes_not(client))
        });
        let limit = hub.config.load().settings.suspend_timeout;
        if limit.is_zero() {
            return all.await;
        }
        let _ = crate::timer::timeout(limit, all).await;
    }

    /// Everything that goes. From here on nobody joins.
    fn collect(&self) -> io::Result<Cargo> {
        let hub = &self.hub;
        let collected = self.hub.control.parcels.slot().take().unwrap_or_default();
        let mut cargo = Cargo {
            hello: hello(hub),
            listeners: listeners(hub)?,
            parcels: Vec::new(),
            gone: HashSet::new(),
            tls: HashSet::new(),
            totals: Totals::default(),
        };
        for pool in hub.client_pools() {
            cargo.parcels.extend(pool.pack_idle(hub));
        }
        cargo.totals.servers = cargo.parcels.len();
        for client in hub.clients().iter().filter(|client| counts(client)) {
            match collected.get(&client.id) {
                Some(Ok(_)) => drop(cargo.gone.insert(client.id)),
                Some(Err(Stays::Tls)) => {
                    cargo.tls.insert(client.id);
                    cargo.totals.told_tls += 1;
                }
                Some(Err(Stays::Leaving)) => {}
                Some(Err(Stays::Impossible)) | None => cargo.totals.told_others += 1,
            }
        }
        for parcel in collected.into_values().flatten() {
            cargo.totals.clients += 1;
            cargo.totals.servers += parcel.fds.len() - 1;
            cargo.parcels.push(parcel);
        }
        Ok(cargo)
    }

    /// The other process has everything: those who went end here without a word, the others are told; then this process
    /// ends.
    async fn finish(mut self, sent: &Sent) {
        self.is_done = true;
        let hub = &self.hub;
        if let Some(flag) = hub.handed_over.get() {
            flag.store(true, Ordering::SeqCst);
        }
        for client in hub.clients() {
            // Whoever stays moves already.
            if sent.gone.contains(&client.id) {
                client.depart();
            }
        }
        let Totals {
            clients,
            servers,
            told_tls,
            told_others,
        } = sent.totals;
        hub.log.line(
            Level::Log,
            &format!(
                "handed over {clients} clients, {servers} servers; {told_tls} TLS clients and {told_others} others \
                 were told to reconnect"
            ),
        );
        let limit = hub.config.load().settings.suspend_timeout;
        let answered = sent.tell(hub, false);
        if limit.is_zero() {
            answered.await;
        } else {
            let _ = crate::timer::timeout(limit, answered).await;
        }
        let _ = crate::timer::timeout(FOR_LAST_WORDS, sent.tell(hub, true)).await;
        hub.enter_phase(Phase::Ended);
    }
}

impl Drop for Giving {
    fn drop(&mut self) {
        // When the process ends, nobody may move before that: another one may have taken them all the same.
        if self.is_done || self.hub.phase() == Phase::Ended {
            return;
        }
        *self.hub.control.parcels.slot() = None;
        self.hub.gate.change(Mode::HandingOver, Mode::Active);
        self.hub.gate.change(Mode::Draining, Mode::Active);
        for client in self.hub.clients() {
            client.thaw();
        }
        self.hub.upkeep.notify_one();
        self.hub
            .log
            .line(Level::Warning, "nothing was handed over, going on");
    }
}

/// Its login is not over.
fn logs_in(client: &ClientInfo) -> bool {
    let state = client.state();
    matches!(state, ClientState::Login | ClientState::WaitingLogin) && goes(client)
}

/// A console, or a connection for replication.
fn goes_not(client: &ClientInfo) -> bool {
    client.is_admin.load(Ordering::Relaxed) || client.replication() != Replication::None
}

fn goes(client: &ClientInfo) -> bool {
    !goes_not(client) && client.cancels.get().is_none()
}

/// Everything that goes.
struct Cargo {
    hello: Hello,
    listeners: Vec<(Listener, OwnedFd)>,
    parcels: Vec<Parcel>,
    gone: HashSet<u64>,
    tls: HashSet<u64>,
    totals: Totals,
}

/// Who has gone, who is told what.
struct Sent {
    gone: HashSet<u64>,
    tls: HashSet<u64>,
    totals: Totals,
}

impl Sent {
    /// Tells those who stayed behind, until none is left; `busy`: also those whose query has not been answered.
    async fn tell(&self, hub: &Hub, busy: bool) {
        while self.tell_now(hub, busy) {
            crate::timer::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// True when some are left.
    fn tell_now(&self, hub: &Hub, busy: bool) -> bool {
        let mut left = hub.clients();
        left.retain(|client| counts(client));
        for client in &left {
            if busy || client.state() != ClientState::Active {
                client.order(Order::End(if self.tls.contains(&client.id) {
                    Refusal::RESTART_TLS
                } else {
                    Refusal::RESTART
                }));
            }
        }
        !left.is_empty()
    }
}

fn hello(hub: &Hub) -> Hello {
    let disabled = hub.database_states();
    let place = hub.listening.get().into_iter().flatten().next();
    Hello {
        version: VERSION,
        pid: std::process::id(),
        now: crate::clock::micros(),
        last_id: hub.last_id(),
        last_statement: hub.texts.last_id(),
        tracked: hub.tracked.names().map(str::to_owned).collect(),
        port: place.map_or(0, |place| place.port),
        activated: hub.activated.load(Ordering::Relaxed),
        disabled: disabled
            .into_iter()
            .filter(|(_, state)| state.is_disabled())
            .map(|(name, _)| name.to_string())
            .collect(),
    }
}

/// The listeners belong to the tasks that accept: here are others of their file descriptors.
fn listeners(hub: &Hub) -> io::Result<Vec<(Listener, OwnedFd)>> {
    let this = pidfd_open(getpid(), PidfdFlags::empty())?;
    let all = hub.listening.get().into_iter().flatten();
    all.map(|place| {
        let fd = pidfd_getfd(&this, place.fd, PidfdGetfdFlags::empty())?;
        Ok((place.kind, fd))
    })
    .collect()
}

impl Cargo {
    /// Sends everything, and waits for the word that decides.
    ///
    /// # Errors
    /// The other process did not say it: it has nothing.
    fn deliver(self, mut line: Line, hub: &Hub) -> io::Result<()> {
        let sent = self.send(&mut line, hub);
        let said = sent.and_then(|()| line.receive::<Answer>(|_| 0));
        if said.is_ok() {
            return Ok(());
        }
        // It may have said it just now. Behind this nothing arrives, so what has arrived decides.
        line.hang_up();
        match line.receive::<Answer>(|_| 0) {
            Ok((Answer::Taken, _)) => Ok(()),
            Err(_) => said.map(drop),
        }
    }

    fn send(self, line: &mut Line, hub: &Hub) -> io::Result<()> {
        line.send(&Message::Hello(self.hello), &[])?;
        for (kind, fd) in &self.listeners {
            line.send(&Message::Listener(*kind), &[fd.as_fd()])?;
        }
        let statements: BTreeMap<_, _> = self
            .parcels
            .iter()
            .flat_map(|parcel| &parcel.statements.0)
            .collect();
        for (id, statement) in statements {
            let definition = Bytes(statement.definition.to_vec());
            line.send(&Message::Statement(Statement { id: *id, definition }), &[])?;
        }
        let mut pools: Vec<_> = self.parcels.iter().map(|parcel| &parcel.pool).collect();
        pools.sort_by_key(|pool| Arc::as_ptr(pool));
        pools.dedup_by_key(|pool| Arc::as_ptr(pool));
        for pool in pools {
            line.send(&Message::Pool(pool_message(pool, &hub.tracked)), &[])?;
        }
        // Idle servers stand first.
        for parcel in &self.parcels {
            let fds: Vec<BorrowedFd<'_>> = parcel.fds.iter().map(AsFd::as_fd).collect();
            line.send(&parcel.message, &fds)?;
        }
        line.send(&Message::End(self.totals), &[])
    }
}

/// Hands everything over to the process at the other end of `socket`. When this returns without an error, the pooler is
/// ending.
///
/// # Errors
/// Nothing was handed over, and why.
pub(crate) async fn hand_over(giving: Giving, socket: UnixStream) -> io::Result<()> {
    let line = Line::new(socket)?;
    let hub = giving.hub.clone();
    let mut cargo = giving.collect()?;
    let sent = Sent {
        gone: std::mem::take(&mut cargo.gone),
        tls: std::mem::take(&mut cargo.tls),
        totals: cargo.totals,
    };
    let own = hub.clone();
    let delivered = tokio::task::spawn_blocking(move || cargo.deliver(line, &own)).await;
    match delivered {
        Ok(Ok(())) => {
            giving.finish(&sent).await;
            Ok(())
        }
        Ok(Err(error)) => Err(error),
        Err(error) => Err(io::Error::other(error)),
    }
}
