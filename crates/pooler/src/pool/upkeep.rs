//! How a pool gets servers and loses them: opened when somebody waits, kept in number, closed when old or idle.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::census::Full;
use super::{Pool, Seat, Terms, Welcome};
use crate::clock;
use crate::config::ServerCap;
use crate::log::Level;
use crate::pooler::Phase;
use crate::refusal::Refusal;
use crate::server::{ConnectError, Server, ServerState, Target, connect};

/// Connections that PostgreSQL keeps for others than ordinary users are not ours.
const ASK_CAP: &str = "SELECT pg_catalog.current_setting('max_connections')::int \
     - pg_catalog.current_setting('superuser_reserved_connections')::int";

/// Logins that a pool has under way at once.
const LOGINS_AT_ONCE: usize = 8;

/// The last login at the server failed.
#[derive(Debug, Clone)]
pub struct Failing {
    /// When it first did, in a row.
    first: Instant,
    /// When it last did.
    last: Instant,
    error: Arc<ConnectError>,
}

impl Failing {
    /// The next login is due: whoever comes now waits for its outcome.
    pub(super) fn retry_is_due(&self, terms: &Terms) -> bool {
        let patience = if self.may_wait(terms) {
            // A restart is waited for: ask often.
            terms.login_retry.min(Duration::from_millis(200))
        } else {
            terms.login_retry
        };
        self.last.elapsed() >= patience
    }

    /// Clients may wait: the server has not been away for longer than a restart takes.
    pub(super) fn may_wait(&self, terms: &Terms) -> bool {
        self.error.is_down() && self.first.elapsed() < terms.wait_for_restart
    }

    pub(super) fn refusal(&self) -> Refusal {
        Refusal::login_failing(self.error.sqlstate(), &self.error.to_string())
    }
}

impl Pool {
    /// Opens servers for those who wait, as far as the limits allow.
    pub fn grow(&self) {
        let terms = self.terms.load_full();
        loop {
            match self.open_one(&terms) {
                Opened::Yes => {}
                Opened::No => return,
                Opened::Full(full) => {
                    // Another pool's idle server may make room; its seat's end brings us back here.
                    if let Some(hub) = self.hub.upgrade() {
                        hub.make_room(full, &self.key);
                    }
                    return;
                }
            }
        }
    }

    fn open_one(&self, terms: &Arc<Terms>) -> Opened {
        let (Some(hub), Some(me)) = (self.hub.upgrade(), self.me.upgrade()) else {
            return Opened::No;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return Opened::No;
        };
        if self.key.database_state.is_held() || hub.phase() == Phase::Ended {
            return Opened::No;
        }
        let mut inner = self.lock();
        let wanted = inner.waiting.len().max(
            terms
                .min_size
                .saturating_sub(inner.live.saturating_sub(inner.connecting)),
        );
        if wanted <= inner.connecting || inner.connecting >= LOGINS_AT_ONCE || inner.live >= terms.most() {
            return Opened::No;
        }
        let waited = inner.waiting.oldest().map(clock::since).unwrap_or_default();
        if inner.live >= terms.most_after(waited) {
            return Opened::No;
        }
        let failing = inner.failing.as_ref();
        if failing.is_some_and(|failing| inner.connecting > 0 || !failing.retry_is_due(terms)) {
            return Opened::No;
        }
        if let Err(full) = hub.census.enter(self, terms, hub.server_cap()) {
            return Opened::Full(full);
        }
        if inner.live >= terms.size {
            hub.log
                .pool(Level::Warning, &self.key, "taking connection from reserve_pool");
        }
        inner.live += 1;
        inner.connecting += 1;
        drop(inner);
        let seat = Seat::new(&self.me);
        let terms = terms.clone();
        runtime.spawn(async move { me.connect(&terms, seat).await });
        Opened::Yes
    }

    /// Opens a server and hands it to whoever is next.
    async fn connect(self: Arc<Self>, terms: &Terms, mut seat: Seat) {
        let Some(hub) = self.hub.upgrade() else {
            return;
        };
        let generation = self.generation.load(Ordering::Relaxed);
        let id = hub.next_id();
        seat.belongs_to(id);
        let target = Target {
            id,
            thread: hub.this_thread(),
            user: terms
                .server_user
                .as_deref()
                .map_or_else(|| self.key.user.clone(), Into::into),
            generation,
            replication: None,
        };
        let credentials = self.credentials.load_full();
        let opened = tokio::select! {
            opened = connect(&hub, terms, &credentials, &target, seat) => opened,
            () = self.key.database_state.until_paused() => {
                self.lock().connecting -= 1;
                return;
            }
        };
        match opened {
            Ok((mut server, welcome)) => {
                measure_cap(&hub, &mut server).await;
                self.connected(&hub, Box::new(server), welcome);
            }
            Err(error) => self.connect_failed(&hub, terms, error),
        }
    }

    fn connected(&self, hub: &crate::hub::Hub, server: Box<Server>, welcome: Welcome) {
        hub.log.server(
            Level::Log,
            &self.key,
            &server.info,
            &format!(
                "new connection to server (from {}:{})",
                server.info.local.0, server.info.local.1
            ),
        );
        self.welcome.store(Some(Arc::new(welcome)));
        {
            let mut inner = self.lock();
            inner.connecting -= 1;
            inner.failing = None;
            inner.members.insert(server.info.id, server.info.clone());
        }
        server.info.set_state(ServerState::Idle);
        let home = server.home;
        self.put(server, home, clock::micros(), false);
        // More may be wanted than could be opened while logins failed.
        self.grow();
    }

    fn connect_failed(&self, hub: &crate::hub::Hub, terms: &Terms, error: ConnectError) {
        let words = error.to_string();
        hub.log.pool(
            Level::Warning,
            &self.key,
            &format!("server login failed: {words}"),
        );
        let waiting = {
            let mut inner = self.lock();
            inner.connecting -= 1;
            let now = Instant::now();
            let first = inner.failing.as_ref().map_or(now, |failing| failing.first);
            let failing = Failing {
                first,
                last: now,
                error: Arc::new(error),
            };
            let hopeless = inner.live == inner.connecting && !failing.may_wait(terms);
            let refusal = failing.refusal();
            inner.failing = Some(failing);
            let waiting = if hopeless {
                inner.waiting.drain()
            } else {
                Vec::new()
            };
            waiting
                .into_iter()
                .map(|ticket| (ticket, refusal.clone()))
                .collect::<Vec<_>>()
        };
        for (ticket, refusal) in waiting {
            ticket.refuse(refusal);
        }
    }

    /// A server, or the attempt to open one, has ended.
    pub(super) fn server_is_gone(&self, member: Option<u64>) {
        let waiting = {
            let mut inner = self.lock();
            inner.live -= 1;
            if let Some(id) = member {
                inner.members.remove(&id);
            }
            !inner.waiting.is_empty()
        };
        if waiting {
            self.grow();
        }
    }

    /// What is due once in a while: dead, old and idle servers leave, those who wait get more.
    pub fn maintain(&self, hub: &crate::hub::Hub) {
        let terms = self.terms.load_full();
        let leaving = self.take_leaving(hub, &terms);
        for (server, why) in leaving {
            hub.log
                .server(Level::Log, &self.key, &server.info, &closing(&server, why));
        }
        self.refuse_the_hopeless(&terms);
        self.grow();
    }

    /// Takes out the idle servers that have to go, each with the reason.
    fn take_leaving(&self, hub: &crate::hub::Hub, terms: &Terms) -> Vec<(Box<Server>, &'static str)> {
        let mut inner = self.lock();
        let mut leaving = Vec::new();
        let mut live = inner.live;
        let generation = self.generation.load(Ordering::Relaxed);
        let paused = self.key.database_state.is_paused();
        let now = clock::micros();
        for idle in &mut inner.idle {
            let mut staying = VecDeque::with_capacity(idle.len());
            for mut server in idle.drain(..) {
                let age = clock::since(server.idle_since);
                let why = if !server.idle_is_well(&hub.tracked) {
                    Some("server conn crashed?")
                } else if server.info.close_needed.load(Ordering::Relaxed) || server.generation != generation
                {
                    Some("database configuration changed")
                } else if paused {
                    Some("pause mode")
                } else if terms.is_too_old(server.info.connected_at, now) {
                    Some("server lifetime over")
                } else if !terms.idle_timeout.is_zero() && age >= terms.idle_timeout && live > terms.min_size
                {
                    Some("server idle timeout")
                } else if live > terms.most() {
                    Some("too many servers in the pool")
                } else {
                    None
                };
                match why {
                    Some(why) => {
                        live -= 1;
                        leaving.push((server, why));
                    }
                    None => staying.push_back(server),
                }
            }
            *idle = staying;
        }
        leaving
    }

    /// Nobody waits longer for a server that does not come back.
    fn refuse_the_hopeless(&self, terms: &Terms) {
        let refused = {
            let mut inner = self.lock();
            match &inner.failing {
                Some(failing)
                    if inner.live == 0 && !failing.may_wait(terms) && !failing.retry_is_due(terms) =>
                {
                    let refusal = failing.refusal();
                    let waiting = inner.waiting.drain();
                    waiting
                        .into_iter()
                        .map(|ticket| (ticket, refusal.clone()))
                        .collect()
                }
                _ => Vec::new(),
            }
        };
        for (ticket, refusal) in refused {
            ticket.refuse(refusal);
        }
    }
}

/// `max_server_connections = auto`: what the database machine leaves to ordinary users, asked once.
async fn measure_cap(hub: &crate::hub::Hub, server: &mut Server) {
    let is_auto = hub.config.load().canvass.max_server_connections == ServerCap::Auto;
    if !is_auto || hub.measured_cap.load(Ordering::Relaxed) > 0 {
        return;
    }
    let asked = server.rows(ASK_CAP, &hub.tracked).await;
    let row = asked.ok().and_then(|rows| rows.into_iter().next());
    // One column: head, number of columns, length of the value.
    let value = row.as_deref().and_then(|row| row.get(crate::wire::HEADER + 6..));
    let cap = value.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
    hub.measured_cap.store(cap.unwrap_or(0).max(1), Ordering::Relaxed);
}

/// What is logged when a server leaves.
pub(crate) fn closing(server: &Server, why: &str) -> String {
    let age = clock::micros().saturating_sub(server.info.connected_at) / 1_000_000;
    format!("closing because: {why} (age={age}s)")
}

enum Opened {
    Yes,
    No,
    Full(Full),
}

impl crate::hub::Hub {
    /// Server connections at most, over all pools; 0 is no limit.
    pub fn server_cap(&self) -> usize {
        match self.config.load().canvass.max_server_connections {
            ServerCap::Off => 0,
            ServerCap::At(most) => most as usize,
            ServerCap::Auto => self.measured_cap.load(Ordering::Relaxed),
        }
    }

    /// Closes the idle server of another pool that has been idle longest, if that makes room under the limit that is
    /// full.
    fn make_room(&self, full: Full, wanted: &super::PoolKey) {
        let mut candidates: Vec<_> = self
            .pools()
            .into_iter()
            .filter(|pool| match full {
                Full::Database => pool.key.database == wanted.database && pool.key.user != wanted.user,
                Full::User => pool.key.user == wanted.user && pool.key.database != wanted.database,
                Full::All => pool.key.user != wanted.user || pool.key.database != wanted.database,
            })
            .filter_map(|pool| Some((pool.idle_longest_since()?, pool)))
            .collect();
        candidates.sort_by_key(|(since, _)| *since);
        for (_, pool) in candidates {
            if pool.evict_one() {
                return;
            }
        }
    }
}
