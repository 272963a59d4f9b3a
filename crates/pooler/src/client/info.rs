//! What others may see of a client while its task runs, and how they tell it to end.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::pool::Pool;
use crate::refusal::Refusal;
use crate::server::ServerInfo;
use crate::wire::backend_key::BackendKey;

/// What a client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ClientState {
    /// Not logged in.
    Login,
    /// Between requests.
    Idle,
    /// Waits for a server to log in.
    WaitingLogin,
    /// Waits for a server.
    Waiting,
    /// Has a server, which is working.
    Active,
    /// Has a server with an open transaction, and says nothing.
    IdleInTransaction,
    /// A cancel request on its way to the server.
    CancelWaiting,
    /// A cancel request that the server has.
    CancelActive,
}

const STATES: [ClientState; 8] = [
    ClientState::Login,
    ClientState::Idle,
    ClientState::WaitingLogin,
    ClientState::Waiting,
    ClientState::Active,
    ClientState::IdleInTransaction,
    ClientState::CancelWaiting,
    ClientState::CancelActive,
];

/// Whether a connection is for replication, and of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Replication {
    /// It is not.
    None,
    /// Of one database.
    Logical,
    /// Of the whole cluster.
    Physical,
}

/// What a cancel request is about.
#[derive(Debug)]
pub enum Cancels {
    /// A query of a client of this pool.
    Pool(Arc<Pool>),
    /// A query that belongs to another process.
    Peer(u32),
}

/// A client, as others see it.
#[derive(Debug)]
pub struct ClientInfo {
    /// A number of its own.
    pub id: u64,
    /// The thread whose event loop it is on.
    pub thread: usize,
    /// Where it comes from: address, or `unix`, and port.
    pub peer: (String, u16),
    /// Where it arrived.
    pub local: (String, u16),
    /// Microseconds since 1970 when it connected.
    pub connected_at: u64,
    /// Protocol and cipher; empty without TLS.
    pub tls: OnceLock<String>,
    /// The pool that it belongs to, once it is logged in.
    pub pool: OnceLock<Arc<Pool>>,
    /// The user that it logged in as.
    pub user: OnceLock<Arc<str>>,
    /// The database that it asked for.
    pub database: OnceLock<Arc<str>>,
    /// What it must show to cancel.
    pub key: OnceLock<BackendKey>,
    /// It is a console of an administrator.
    pub is_admin: AtomicBool,
    /// It is a cancel request, and this is what it is about.
    pub cancels: OnceLock<Cancels>,
    /// The process at the other end of a Unix socket; 0: not known.
    pub remote_pid: AtomicU32,
    /// The number of its socket's file descriptor.
    pub fd: AtomicI32,
    replication: AtomicU8,
    /// Microseconds since 1970: the last request.
    pub request_at: AtomicU64,
    /// Microseconds since 1970: the present query's beginning; 0 without.
    pub query_at: AtomicU64,
    /// Microseconds since 1970: the present transaction's beginning; 0 without.
    pub transaction_at: AtomicU64,
    /// Microseconds since 1970: the beginning of the present wait or idle time.
    pub since: AtomicU64,
    /// The wait that it was told of, by its beginning.
    pub notified: AtomicU64,
    /// Prepared statements that it holds.
    pub prepared: AtomicU64,
    application_name: Mutex<String>,
    state: AtomicU8,
    server: Mutex<Option<Arc<ServerInfo>>>,
    parked: AtomicBool,
    orders: AtomicU8,
    sentence: Mutex<Option<Refusal>>,
    /// Its task's, from before anybody else can see it.
    waker: OnceLock<Waker>,
}

const NOTHING: u8 = 0;
const END: u8 = 1;
const CANCEL_WAIT: u8 = 2;
const NOTIFY_WAIT: u8 = 4;
const PARK: u8 = 8;
const HAND_OVER: u8 = 16;
const FROZEN: u8 = 32;
const DEPART: u8 = 64;

/// What somebody else wants of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// End the connection.
    End(Refusal),
    /// Fail the request that waits for a server; the connection goes on.
    CancelWait,
    /// Tell the client that it is waiting.
    NotifyWait,
}

impl ClientInfo {
    /// A client that has just connected.
    pub fn new(id: u64, thread: usize, peer: (String, u16), local: (String, u16), now: u64) -> Self {
        Self {
            id,
            thread,
            peer,
            local,
            connected_at: now,
            tls: OnceLock::new(),
            pool: OnceLock::new(),
            user: OnceLock::new(),
            database: OnceLock::new(),
            key: OnceLock::new(),
            is_admin: AtomicBool::new(false),
            cancels: OnceLock::new(),
            remote_pid: AtomicU32::new(0),
            fd: AtomicI32::new(-1),
            replication: AtomicU8::new(Replication::None as u8),
            parked: AtomicBool::new(false),
            request_at: AtomicU64::new(now),
            query_at: AtomicU64::new(0),
            transaction_at: AtomicU64::new(0),
            since: AtomicU64::new(now),
            notified: AtomicU64::new(0),
            prepared: AtomicU64::new(0),
            application_name: Mutex::default(),
            state: AtomicU8::new(ClientState::Login as u8),
            server: Mutex::default(),
            orders: AtomicU8::new(NOTHING),
            sentence: Mutex::default(),
            waker: OnceLock::new(),
        }
    }

    /// The application name in force.
    pub fn application_name(&self) -> String {
        let name = self.application_name.lock();
        name.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes the application name in force.
    pub fn set_application_name(&self, name: &str) {
        let mut slot = self
            .application_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        name.clone_into(&mut slot);
    }

    /// What it is doing.
    pub fn state(&self) -> ClientState {
        STATES[usize::from(self.state.load(Ordering::Relaxed))]
    }

    /// Notes what it is doing, since `now` (µs since 1970).
    pub fn set_state(&self, state: ClientState, now: u64) {
        self.since.store(now, Ordering::Relaxed);
        self.state.store(state as u8, Ordering::Relaxed);
    }

    fn server_slot(&self) -> MutexGuard<'_, Option<Arc<ServerInfo>>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server that it has.
    pub fn server(&self) -> Option<Arc<ServerInfo>> {
        self.server_slot().clone()
    }

    /// Notes the server that it has.
    pub fn link(&self, server: &Arc<ServerInfo>) {
        server.client.store(self.id, Ordering::Relaxed);
        *self.server_slot() = Some(server.clone());
    }

    /// It has no server any more. A cancel request that set out before is seen by the server's pool; none sets out
    /// afterwards.
    pub fn unlink(&self) {
        *self.server_slot() = None;
    }

    /// The server that a cancel request for this client must go to, which nobody else gets until
    /// [`ServerInfo::cancel_ends`].
    pub fn begin_cancel(&self) -> Option<Arc<ServerInfo>> {
        let slot = self.server_slot();
        // One that another process takes over has nothing under way.
        let server = slot.as_ref().filter(|_| !self.is_frozen())?;
        server.cancel_begins();
        Some(server.clone())
    }

    /// Gives an order. The first reason to end stands.
    pub fn order(&self, order: Order) {
        let bit = match order {
            Order::End(refusal) => {
                self.sentence
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(refusal);
                END
            }
            Order::CancelWait => CANCEL_WAIT,
            Order::NotifyWait => NOTIFY_WAIT,
        };
        self.orders.fetch_or(bit, Ordering::SeqCst);
        self.wake();
    }

    /// Has its task look at what has changed.
    pub fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Whether it is to stop reading, from its client and from its server, once everything is written.
    pub fn set_parking(&self, parks: bool) {
        if parks {
            self.orders.fetch_or(PARK, Ordering::SeqCst);
        } else {
            self.orders.fetch_and(!PARK, Ordering::SeqCst);
        }
        self.wake();
    }

    /// True when it is to stop; it has been woken to see this, and will be when it may go on.
    pub fn is_to_park(&self) -> bool {
        self.orders.load(Ordering::SeqCst) & PARK != 0
    }

    /// Notes whether it has stopped; true when that is new.
    pub fn note_parked(&self, parked: bool) -> bool {
        self.parked.load(Ordering::Relaxed) != parked && self.parked.swap(parked, Ordering::SeqCst) != parked
    }

    /// True when it has stopped and everything is written.
    pub fn is_parked(&self) -> bool {
        self.parked.load(Ordering::SeqCst)
    }

    /// Another process is to take it over: it is to stand still at the next place between two requests.
    pub fn begin_hand_over(&self) {
        self.orders.fetch_or(HAND_OVER, Ordering::SeqCst);
        self.wake();
    }

    /// True when it is to stand still at the next place between two requests; it has been woken to see this.
    pub fn is_to_hand_over(&self) -> bool {
        self.orders.load(Ordering::SeqCst) & HAND_OVER != 0
    }

    /// Stands still from now on, hearing no order and no cancel request; false when a cancel request is under way.
    pub fn freeze(&self) -> bool {
        let slot = self.server_slot();
        if slot.as_ref().is_some_and(|server| server.is_being_cancelled()) {
            return false;
        }
        self.orders.fetch_or(FROZEN, Ordering::SeqCst);
        true
    }

    /// True while it stands still for a hand-over.
    pub fn is_frozen(&self) -> bool {
        self.orders.load(Ordering::SeqCst) & FROZEN != 0
    }

    /// The hand-over is off, or goes on without this one: it moves again.
    pub fn thaw(&self) {
        self.orders.fetch_and(!(HAND_OVER | FROZEN), Ordering::SeqCst);
        self.wake();
    }

    /// Another process has it: it ends here without a word to anybody.
    pub fn depart(&self) {
        self.orders.fetch_or(DEPART, Ordering::SeqCst);
        self.wake();
    }

    /// Whether its connection is for replication.
    pub fn replication(&self) -> Replication {
        match self.replication.load(Ordering::Relaxed) {
            1 => Replication::Logical,
            2 => Replication::Physical,
            _ => Replication::None,
        }
    }

    /// Its connection is for replication.
    pub fn set_replication(&self, replication: Replication) {
        self.replication.store(replication as u8, Ordering::Relaxed);
    }

    /// The calling task is the client's: orders wake it from now on. To be called before anybody else knows of the client.
    pub fn note_task(&self, cx: &Context<'_>) {
        // A task has the same waker all its life.
        let _ = self.waker.set(cx.waker().clone());
    }

    /// The next order.
    pub fn next_order(&self) -> Option<Order> {
        let orders = self.orders.load(Ordering::SeqCst);
        if orders & DEPART != 0 {
            return Some(Order::End(Refusal::HANDED_OVER));
        }
        if orders == NOTHING || orders & FROZEN != 0 {
            return None;
        }
        for (bit, order) in [(CANCEL_WAIT, Order::CancelWait), (NOTIFY_WAIT, Order::NotifyWait)] {
            if self.orders.fetch_and(!bit, Ordering::SeqCst) & bit != 0 {
                return Some(order);
            }
        }
        let sentence = self
            .sentence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        sentence.map(Order::End)
    }

    /// The same for one who only wants to know whether to end.
    pub fn sentence(&self) -> Option<Refusal> {
        let orders = self.orders.load(Ordering::SeqCst);
        if orders & DEPART != 0 {
            return Some(Refusal::HANDED_OVER);
        }
        if orders & END == 0 || orders & FROZEN != 0 {
            return None;
        }
        self.sentence
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for a reason to end.
    pub async fn sentenced(&self) -> Refusal {
        poll_fn(|_| self.sentence().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// Forgets orders about a wait that is over.
    pub fn wait_is_over(&self) {
        if self.orders.load(Ordering::Relaxed) != NOTHING {
            self.orders
                .fetch_and(!(CANCEL_WAIT | NOTIFY_WAIT), Ordering::SeqCst);
        }
    }

    /// `database/user@address:port`, as the log has it.
    pub fn words(&self) -> String {
        let name = |slot: &OnceLock<Arc<str>>| slot.get().map_or("(nouser)", |name| name).to_owned();
        let database = self.database.get().map_or("(nodb)", |name| name);
        format!(
            "C-{:#x}: {database}/{}@{}:{}",
            self.id,
            name(&self.user),
            self.peer.0,
            self.peer.1
        )
    }
}
