//! A pool: the server connections of one user to one database, and the clients that wait for one.
//!
//! A server is taken from the caller's own thread first; only when that has none does one cross from another thread.
//! The limits and the order of those who wait are the pool's, not the thread's.

pub(crate) mod census;
mod gate;
mod hand_over;
mod key;
mod queue;
mod stats;
mod terms;
pub(crate) mod upkeep;

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;

pub use census::{Census, Seat};
pub use gate::{DatabaseState, Gate, Mode};
pub use key::PoolKey;
pub use queue::{Lane, Outcome, Place, Ticket};
pub use stats::{Counts, Stats, Totals};
pub use terms::Terms;
pub use upkeep::Failing;

use crate::auth::Credentials;
use crate::clock;
use crate::hub::Hub;
use crate::refusal::Refusal;
use crate::server::{Server, ServerInfo, ServerState};
use crate::session::Values;
use queue::Queue;

/// The server connections of one user to one database.
#[derive(Debug)]
pub struct Pool {
    /// Which pool it is.
    pub key: PoolKey,
    /// What is configured for it; replaced as a whole by RELOAD.
    pub terms: ArcSwap<Terms>,
    /// What its clients did.
    pub stats: Stats,
    /// How to log in at the server; replaced by every client's login.
    pub credentials: ArcSwap<Credentials>,
    /// What a client is told at its login, once a server has told us.
    pub welcome: arc_swap::ArcSwapOption<Welcome>,
    /// RECONNECT counts it up: older servers leave when they are free.
    generation: AtomicU64,
    hub: Weak<Hub>,
    me: Weak<Pool>,
    inner: Mutex<Inner>,
}

/// What a server reports at its login, for the clients of its pool.
#[derive(Debug, Clone, Default)]
pub struct Welcome {
    /// ParameterStatus messages of settings that are not tracked.
    pub messages: Vec<u8>,
    /// The tracked settings' values.
    pub values: Values,
}

#[derive(Debug)]
struct Inner {
    /// Per thread; the most recently used last.
    idle: Vec<VecDeque<Box<Server>>>,
    waiting: Queue,
    /// Servers that exist or are being connected.
    live: usize,
    connecting: usize,
    failing: Option<Failing>,
    members: HashMap<u64, Arc<ServerInfo>>,
    /// How long a server is held, in a moving average: what early refusal reckons with.
    hold: Duration,
    /// The last moment when there was work; pools of `*` databases leave after `autodb_idle_timeout`.
    used_at: u64,
}

/// What comes of asking for a server.
#[derive(Debug)]
pub enum Taken {
    /// Here it is.
    Server(Box<Server>),
    /// Wait for one.
    Wait(Place),
}

impl Pool {
    /// An empty pool.
    pub fn new(hub: &Arc<Hub>, key: PoolKey, terms: Terms, credentials: Credentials) -> Arc<Self> {
        let threads = hub.threads.len();
        Arc::new_cyclic(|me| Self {
            key,
            terms: ArcSwap::from_pointee(terms),
            stats: Stats::new(threads),
            credentials: ArcSwap::from_pointee(credentials),
            welcome: arc_swap::ArcSwapOption::empty(),
            generation: AtomicU64::new(0),
            hub: Arc::downgrade(hub),
            me: me.clone(),
            inner: Mutex::new(Inner {
                idle: (0..threads).map(|_| VecDeque::new()).collect(),
                waiting: Queue::new(threads),
                live: 0,
                connecting: 0,
                failing: None,
                members: HashMap::new(),
                hold: Duration::from_millis(1),
                used_at: clock::micros(),
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A server, or a place in the queue; `now` is the time, `terms` are the pool's, and `deadline` is how long the client
    /// waits, if it is not the pool's `query_wait_timeout`.
    ///
    /// # Errors
    /// [`Refusal`]: the server is known to be down, or the wait would be too long.
    pub fn take(
        &self,
        thread: usize,
        lane: Lane,
        deadline: Option<Duration>,
        now: u64,
        terms: &Terms,
    ) -> Result<Taken, Refusal> {
        let paused = self.key.database_state.is_held();
        let ticket = {
            let mut inner = self.lock();
            if !paused {
                while let Some(server) = inner.take_idle(thread, terms.round_robin) {
                    if server.info.close_needed.load(Ordering::Relaxed) {
                        drop(inner);
                        drop(server);
                        inner = self.lock();
                        continue;
                    }
                    return Ok(Taken::Server(server));
                }
                inner.refuse_at_once(terms, lane, deadline)?;
            }
            let ticket = Arc::new(Ticket::new(thread, lane, now));
            inner.waiting.push(ticket.clone());
            ticket
        };
        if !paused {
            self.grow();
        }
        match self.me.upgrade() {
            Some(me) => Ok(Taken::Wait(Place::new(me, ticket))),
            None => Err(Refusal::SHUTDOWN),
        }
    }

    /// Takes a ticket out of the queue. A server that has been given to it meanwhile goes back.
    fn abandon(&self, ticket: &Arc<Ticket>) {
        self.lock().waiting.remove(ticket);
        if let Some(server) = ticket.abandon() {
            self.give_back(server, ticket.thread, clock::micros());
        }
    }

    /// Takes a server back at `now`: for the next who waits, or idle; or closes it, when it is not clean or not wanted.
    pub fn give_back(&self, server: Box<Server>, thread: usize, now: u64) {
        self.put(server, thread, now, true);
    }

    /// The same for one that perhaps nobody has used: however short its life may be, it is used once.
    fn put(&self, mut server: Box<Server>, thread: usize, now: u64, was_used: bool) {
        if server.info.is_being_cancelled() {
            self.give_back_after_cancel(server);
            return;
        }
        let terms = self.terms.load();
        server.info.client.store(0, Ordering::Relaxed);
        let is_too_old = was_used && terms.is_too_old(server.info.connected_at, now);
        if !server.is_clean() || server.retire || server.dirty || is_too_old || self.is_unwanted(&server) {
            drop(server);
            return;
        }
        server.idle_since = now;
        let mut inner = self.lock();
        inner.used_at = now;
        if inner.live > terms.most() && inner.waiting.is_empty() {
            drop(inner);
            drop(server);
            return;
        }
        if !self.key.database_state.is_held() {
            while let Some(ticket) = inner.waiting.next(thread, &terms) {
                match ticket.give(server) {
                    None => return,
                    Some(refused) => server = refused,
                }
            }
        }
        server.info.set_state(ServerState::Idle);
        let home = server.home;
        inner.idle[home].push_back(server);
    }

    /// A cancel request is on its way to this server: only when it has arrived may anybody else use it.
    fn give_back_after_cancel(&self, server: Box<Server>) {
        server.info.set_state(ServerState::BeingCanceled);
        let Some(me) = self.me.upgrade() else {
            return;
        };
        tokio::spawn(async move {
            server.info.cancels_delivered().await;
            let home = server.home;
            me.give_back(server, home, clock::micros());
        });
    }

    fn is_unwanted(&self, server: &Server) -> bool {
        server.generation != self.generation.load(Ordering::Relaxed)
            || server.info.close_needed.load(Ordering::Relaxed)
            || self.key.database_state.is_paused()
    }

    /// Notes how long a server was held.
    pub fn note_hold(&self, held: Duration) {
        let mut inner = self.lock();
        inner.hold = inner.hold * 15 / 16 + held / 16;
    }

    /// Makes all present servers leave: idle ones now, the others when they are free.
    pub fn reconnect(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        for member in self.members() {
            member.close_needed.store(true, Ordering::Relaxed);
        }
        self.close_idle("database configuration changed");
    }

    /// Closes all idle servers and logs why.
    pub fn close_idle(&self, why: &str) {
        let idle = self.drain_idle();
        if let Some(hub) = self.hub.upgrade() {
            for server in &idle {
                hub.log.server(
                    crate::log::Level::Log,
                    &self.key,
                    &server.info,
                    &upkeep::closing(server, why),
                );
            }
        }
    }

    /// Gives idle servers to those who wait: for the end of a time in which nobody got one.
    pub fn hand_out(&self) {
        loop {
            let server = {
                let mut inner = self.lock();
                if inner.waiting.is_empty() || self.key.database_state.is_held() {
                    return;
                }
                inner.take_idle(0, false)
            };
            match server {
                Some(server) => {
                    let home = server.home;
                    self.give_back(server, home, clock::micros());
                }
                None => return,
            }
        }
    }

    /// Takes out all idle servers.
    #[expect(
        clippy::vec_box,
        reason = "a server stays in its box: moving it is moving a pointer"
    )]
    pub fn drain_idle(&self) -> Vec<Box<Server>> {
        self.lock()
            .idle
            .iter_mut()
            .flat_map(VecDeque::drain_all)
            .collect()
    }

    /// Closes the idle server that has been idle longest; false when there is none.
    pub fn evict_one(&self) -> bool {
        let evicted = {
            let mut inner = self.lock();
            let oldest = inner
                .idle
                .iter()
                .enumerate()
                .filter_map(|(thread, idle)| Some((idle.front()?.idle_since, thread)))
                .min();
            oldest.and_then(|(_, thread)| inner.idle[thread].pop_front())
        };
        evicted.is_some()
    }

    /// The moment since which its longest idle server is idle.
    pub fn idle_longest_since(&self) -> Option<u64> {
        let inner = self.lock();
        inner
            .idle
            .iter()
            .filter_map(|idle| Some(idle.front()?.idle_since))
            .min()
    }

    /// Figures for `SHOW POOLS`.
    pub fn counts(&self) -> Counts {
        let inner = self.lock();
        let mut counts = Counts {
            live: inner.live,
            connecting: inner.connecting,
            waiting: inner.waiting.len(),
            oldest_wait: inner.waiting.oldest().map(clock::since).unwrap_or_default(),
            ..Counts::default()
        };
        let terms = self.terms.load();
        let now = clock::micros();
        for member in inner.members.values() {
            counts.count(terms.shown_state(member, now));
        }
        counts
    }

    /// RECONNECT or RELOAD made servers leave that are still there.
    pub fn is_closing(&self) -> bool {
        self.lock()
            .members
            .values()
            .any(|member| member.close_needed.load(Ordering::Relaxed))
    }

    /// Servers that exist, without those that are being connected.
    pub fn connected_servers(&self) -> usize {
        let inner = self.lock();
        inner.live.saturating_sub(inner.connecting)
    }

    /// All its servers, for `SHOW SERVERS`.
    pub fn members(&self) -> Vec<Arc<ServerInfo>> {
        self.lock().members.values().cloned().collect()
    }

    /// True when nobody has used it for `idle`, and it holds nothing.
    pub fn is_forgotten(&self, idle: Duration) -> bool {
        let inner = self.lock();
        inner.waiting.is_empty() && clock::since(inner.used_at) >= idle
    }
}

impl Inner {
    fn take_idle(&mut self, thread: usize, round_robin: bool) -> Option<Box<Server>> {
        let pop = |idle: &mut VecDeque<Box<Server>>| {
            if round_robin {
                idle.pop_front()
            } else {
                idle.pop_back()
            }
        };
        if let Some(server) = self.idle.get_mut(thread).and_then(pop) {
            return Some(server);
        }
        self.idle.iter_mut().find_map(pop)
    }

    /// Says no before anybody waits: the server is down, or the queue is longer than the client's patience.
    fn refuse_at_once(&self, terms: &Terms, lane: Lane, deadline: Option<Duration>) -> Result<(), Refusal> {
        if let Some(failing) = &self.failing
            && self.live == self.connecting
            && !failing.may_wait(terms)
            && !failing.retry_is_due(terms)
        {
            return Err(failing.refusal());
        }
        let deadline = deadline.or(Some(terms.query_wait_timeout).filter(|limit| !limit.is_zero()));
        if terms.refuse_early
            && let Some(deadline) = deadline
        {
            let ahead = self.waiting.ahead_of(lane, terms) + 1;
            let servers = self.live.max(1);
            let expected = self.hold * u32::try_from(ahead.div_ceil(servers)).unwrap_or(u32::MAX);
            if expected > deadline {
                return Err(Refusal::wait_too_long(expected, deadline));
            }
        }
        Ok(())
    }
}

trait DrainAll {
    fn drain_all(&mut self) -> std::collections::vec_deque::Drain<'_, Box<Server>>;
}

impl DrainAll for VecDeque<Box<Server>> {
    fn drain_all(&mut self) -> std::collections::vec_deque::Drain<'_, Box<Server>> {
        self.drain(..)
    }
}
