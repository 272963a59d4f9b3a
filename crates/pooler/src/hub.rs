//! What all threads share: configuration, pools, clients, limits, the log.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::ArcSwap;
use rustix::net::{RecvFlags, recv};
use socket2::{SockRef, TcpKeepalive};
use tokio::sync::{Notify, watch};

use crate::auth::{Credentials, Keyring, Secret};
use crate::cancel::CancelKeys;
use crate::client::ClientInfo;
use crate::config::{Config, Database, PoolMode};
use crate::control::Control;
use crate::files::Files;
use crate::listen::Listening;
use crate::log::Log;
use crate::names::Names;
use crate::net::Socket;
use crate::pool::{Census, DatabaseState, Gate, Mode, Pool, PoolKey, Stats, Terms};
use crate::pooler::Phase;
use crate::server::Endpoint;
use crate::session::{Texts, Tracked};
use crate::statistics::Statistics;

/// Database and user.
type PoolName = (Arc<str>, Arc<str>);

/// What all threads share.
#[derive(Debug)]
pub struct Hub {
    /// The configuration, replaced as a whole by RELOAD and SET.
    pub config: ArcSwap<Config>,
    /// What the files say that the configuration names: users, rules, certificates.
    pub files: ArcSwap<Files>,
    /// Settings that follow clients; fixed at the start.
    pub tracked: Tracked,
    /// How many clients each thread has.
    pub threads: Box<[AtomicUsize]>,
    /// Server connections, counted over all pools.
    pub census: Census,
    /// What `[canvass] max_server_connections = auto` came to; 0 until it is known.
    pub measured_cap: AtomicUsize,
    /// Texts of prepared statements.
    pub texts: Texts,
    /// Keys with which clients cancel.
    pub cancel_keys: CancelKeys,
    /// Host names.
    pub names: Names,
    /// What all logins share.
    pub keyring: Keyring,
    /// The log.
    pub log: Log,
    /// Wakes the upkeep: a server connection has ended, somebody may have waited for its place.
    pub upkeep: Notify,
    /// Notified when a client or server has ended, for those who wait for all to end.
    pub parted: Notify,
    pools: Mutex<HashMap<PoolName, Arc<Pool>>>,
    auth_pools: Mutex<HashMap<Arc<str>, Arc<Pool>>>,
    databases: Mutex<HashMap<Arc<str>, Arc<DatabaseState>>>,
    clients: Mutex<HashMap<u64, Arc<ClientInfo>>>,
    user_clients: Mutex<HashMap<Arc<str>, usize>>,
    ids: AtomicU64,
    /// Whether clients get servers.
    pub gate: Arc<Gate>,
    /// How far the end has come.
    pub phases: watch::Sender<Phase>,
    /// What administrators and signals have under way.
    pub control: Control,
    /// What consoles did.
    pub console_stats: Stats,
    /// Sums at the ends of periods.
    pub statistics: Statistics,
    /// What is listened on.
    pub listening: OnceLock<Vec<Listening>>,
    /// A service manager opened them, whatever the configuration says.
    pub activated: AtomicBool,
    /// Set when another process goes on with our listeners.
    pub handed_over: OnceLock<Arc<AtomicBool>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static THREAD: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Hub {
    /// Nothing connected.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn new(config: Config, files: Files, log: Log, threads: usize) -> io::Result<Arc<Self>> {
        let tracked = Tracked::new(config.settings.track_extra_parameters.iter().map(String::as_str));
        let names = Names::default();
        names.set_ttl(config.settings.dns_max_ttl, config.settings.dns_nxdomain_ttl);
        Ok(Arc::new(Self {
            cancel_keys: CancelKeys::new(config.settings.peer_id),
            config: ArcSwap::from_pointee(config),
            files: ArcSwap::from_pointee(files),
            tracked,
            threads: (0..threads).map(|_| AtomicUsize::new(0)).collect(),
            census: Census::default(),
            measured_cap: AtomicUsize::new(0),
            texts: Texts::default(),
            names,
            keyring: Keyring::new()?,
            log,
            upkeep: Notify::new(),
            parted: Notify::new(),
            pools: Mutex::default(),
            auth_pools: Mutex::default(),
            databases: Mutex::default(),
            clients: Mutex::default(),
            user_clients: Mutex::default(),
            ids: AtomicU64::new(0),
            gate: Arc::default(),
            phases: watch::Sender::new(Phase::Running),
            control: Control::default(),
            console_stats: Stats::new(threads),
            statistics: Statistics::default(),
            listening: OnceLock::new(),
            activated: AtomicBool::new(false),
            handed_over: OnceLock::new(),
        }))
    }

    /// A number that nobody else has.
    pub fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The number given last.
    pub fn last_id(&self) -> u64 {
        self.ids.load(Ordering::Relaxed)
    }

    /// Gives no number up to this one: another process has.
    pub fn begin_behind(&self, last_id: u64) {
        self.ids.fetch_max(last_id, Ordering::Relaxed);
    }

    /// True when another process goes on with our listeners.
    pub fn is_handed_over(&self) -> bool {
        self.handed_over
            .get()
            .is_some_and(|flag| flag.load(Ordering::SeqCst))
    }

    /// The number of the calling thread.
    pub fn this_thread(&self) -> usize {
        THREAD.get()
    }

    /// Numbers the calling thread.
    pub fn set_this_thread(thread: usize) {
        THREAD.set(thread);
    }

    /// How far the end has come.
    pub fn phase(&self) -> Phase {
        *self.phases.borrow()
    }

    /// Goes on to a later phase; false when it is no later one.
    pub fn enter_phase(&self, next: Phase) -> bool {
        self.phases.send_if_modified(|phase| {
            let is_later = next > *phase;
            *phase = next.max(*phase);
            is_later
        })
    }

    /// The pooler is ending: no new clients.
    pub fn is_ending(&self) -> bool {
        self.phase() > Phase::Running
    }

    /// The entry for a database that a client asked for: its own, or the one for `*`.
    pub fn database(&self, name: &str) -> Option<Database> {
        let config = self.config.load();
        config.databases.get(name).cloned().or_else(|| {
            let any = config.any_database.clone()?;
            Some(Database {
                name: name.to_owned(),
                ..any
            })
        })
    }

    /// What the console decided about a database.
    pub fn database_state(&self, name: &str) -> Arc<DatabaseState> {
        let mut databases = lock(&self.databases);
        match databases.get(name) {
            Some(state) => state.clone(),
            None => {
                let state = Arc::new(DatabaseState::new(&self.gate));
                databases.insert(name.into(), state.clone());
                state
            }
        }
    }

    /// The pool of a user of a database, made if there is none. `credentials`: what its servers are logged in with.
    pub fn pool(self: &Arc<Self>, database: &Database, user: &str, credentials: Credentials) -> Arc<Pool> {
        let config = self.config.load();
        let user = database.user.as_deref().unwrap_or(user);
        let key: (Arc<str>, Arc<str>) = (database.name.as_str().into(), user.into());
        let mut pools = lock(&self.pools);
        if let Some(pool) = pools.get(&key) {
            if credentials != Credentials::Nothing {
                pool.credentials.store(Arc::new(credentials));
            }
            return pool.clone();
        }
        let terms = Terms::resolve(&config, database, config.users.get(user));
        let pool_key = PoolKey {
            database: key.0.clone(),
            user: key.1.clone(),
            database_state: self.database_state(&database.name),
        };
        let pool = Pool::new(self, pool_key, terms, credentials);
        pools.insert(key, pool.clone());
        pool
    }

    /// The pool of the connections that `auth_query` uses on a database: no client ever gets one of them.
    pub fn auth_pool(self: &Arc<Self>, database: &Database, auth_user: &str) -> Arc<Pool> {
        let config = self.config.load();
        let mut pools = lock(&self.auth_pools);
        if let Some(pool) = pools
            .get(database.name.as_str())
            .filter(|pool| &*pool.key.user == auth_user)
        {
            return pool.clone();
        }
        let terms = Terms {
            mode: PoolMode::Transaction,
            ..Terms::resolve(&config, database, config.users.get(auth_user))
        };
        let key = PoolKey {
            database: database.name.as_str().into(),
            user: auth_user.into(),
            database_state: self.database_state(&database.name),
        };
        let credentials = self.stored_credentials(database, auth_user);
        let pool = Pool::new(self, key, terms, credentials);
        pools.insert(pool.key.database.clone(), pool.clone());
        pool
    }

    /// What the configuration knows to log in with as `user`.
    pub fn stored_credentials(&self, database: &Database, user: &str) -> Credentials {
        let own = database
            .password
            .as_ref()
            .filter(|_| database.user.as_deref().is_none_or(|own| own == user));
        let own = own.and_then(|password| Secret::parse(password.expose()));
        let secret = own.or_else(|| self.files.load().users.secret(user).cloned());
        secret.as_ref().map_or(Credentials::Nothing, Credentials::from)
    }

    /// True for a pool of `auth_query`.
    pub fn is_auth_pool(&self, pool: &Pool) -> bool {
        let pools = lock(&self.auth_pools);
        pools
            .get(&pool.key.database)
            .is_some_and(|auth| std::ptr::eq(auth.as_ref(), pool))
    }

    /// All pools, those of `auth_query` included.
    pub fn pools(&self) -> Vec<Arc<Pool>> {
        let mut pools: Vec<_> = lock(&self.pools).values().cloned().collect();
        pools.extend(lock(&self.auth_pools).values().cloned());
        pools
    }

    /// All pools that clients get servers from.
    pub fn client_pools(&self) -> Vec<Arc<Pool>> {
        lock(&self.pools).values().cloned().collect()
    }

    /// Whether a database takes no new clients. Asked before anybody knows who asks, so it leaves nothing behind.
    pub fn is_disabled(&self, name: &str) -> bool {
        lock(&self.databases)
            .get(name)
            .is_some_and(|state| state.is_disabled())
    }

    /// Names and states of all databases that anybody has asked for or decided about.
    pub fn database_states(&self) -> Vec<(Arc<str>, Arc<DatabaseState>)> {
        lock(&self.databases)
            .iter()
            .map(|(name, state)| (name.clone(), state.clone()))
            .collect()
    }

    /// Users with a client, and how many clients each has.
    pub fn users_connected(&self) -> Vec<(Arc<str>, usize)> {
        lock(&self.user_clients)
            .iter()
            .map(|(name, count)| (name.clone(), *count))
            .collect()
    }

    /// Forgets pools.
    pub fn forget_pools(&self, forget: impl Fn(&Pool) -> bool) {
        let gone: Vec<_> = lock(&self.pools).extract_if(|_, pool| forget(pool)).collect();
        let auth: Vec<_> = lock(&self.auth_pools)
            .extract_if(|_, pool| forget(pool))
            .collect();
        for pool in gone
            .iter()
            .map(|(_, pool)| pool)
            .chain(auth.iter().map(|(_, pool)| pool))
        {
            pool.reconnect();
        }
        let is_decided = |state: &DatabaseState| state.is_paused_itself() || state.is_disabled();
        lock(&self.databases).retain(|_, state| Arc::strong_count(state) > 1 || is_decided(state));
    }

    /// A client has connected.
    pub fn add_client(&self, client: &Arc<ClientInfo>) {
        self.threads[client.thread].fetch_add(1, Ordering::Relaxed);
        lock(&self.clients).insert(client.id, client.clone());
        match self.gate.mode() {
            Mode::Suspended => client.set_parking(true),
            Mode::HandingOver => client.begin_hand_over(),
            _ => {}
        }
    }

    /// A client has gone.
    pub fn remove_client(&self, client: &ClientInfo) {
        self.threads[client.thread].fetch_sub(1, Ordering::Relaxed);
        lock(&self.clients).remove(&client.id);
        if let Some(key) = client.key.get() {
            self.cancel_keys.remove(key);
        }
        self.parted.notify_waiters();
    }

    /// All clients.
    pub fn clients(&self) -> Vec<Arc<ClientInfo>> {
        let mut clients: Vec<_> = lock(&self.clients).values().cloned().collect();
        clients.sort_by_key(|client| client.id);
        clients
    }

    /// How many clients are connected.
    pub fn client_count(&self) -> usize {
        lock(&self.clients).len()
    }

    /// Counts a user's client in, if there may be one more (0: no limit).
    pub fn enter_user(&self, user: &Arc<str>, most: usize) -> bool {
        let mut users = lock(&self.user_clients);
        let count = users.entry(user.clone()).or_default();
        if most > 0 && *count >= most {
            return false;
        }
        *count += 1;
        true
    }

    /// Counts a user's client out.
    pub fn leave_user(&self, user: &Arc<str>) {
        let mut users = lock(&self.user_clients);
        if let Some(count) = users.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                users.remove(user);
            }
        }
    }

    /// How many clients of a user are logged in.
    pub fn clients_of_user(&self, user: &str) -> usize {
        lock(&self.user_clients).get(user).copied().unwrap_or_default()
    }

    /// Sets what the configuration says about TCP.
    ///
    /// # Errors
    /// The kernel's.
    pub fn tune(&self, socket: &impl AsFd) -> io::Result<()> {
        let config = self.config.load();
        let settings = &config.settings;
        let socket = SockRef::from(socket);
        socket.set_tcp_nodelay(true)?;
        if settings.tcp_keepalive {
            let mut keepalive = TcpKeepalive::new();
            if !settings.tcp_keepidle.is_zero() {
                keepalive = keepalive.with_time(settings.tcp_keepidle);
            }
            if !settings.tcp_keepintvl.is_zero() {
                keepalive = keepalive.with_interval(settings.tcp_keepintvl);
            }
            if settings.tcp_keepcnt > 0 {
                keepalive = keepalive.with_retries(settings.tcp_keepcnt);
            }
            socket.set_tcp_keepalive(&keepalive)?;
        }
        if settings.tcp_socket_buffer > 0 {
            socket.set_recv_buffer_size(settings.tcp_socket_buffer as usize)?;
            socket.set_send_buffer_size(settings.tcp_socket_buffer as usize)?;
        }
        if !settings.tcp_user_timeout.is_zero() {
            socket.set_tcp_user_timeout(Some(settings.tcp_user_timeout))?;
        }
        Ok(())
    }

    /// True when nothing can be read from a socket: whoever has just been told to speak TLS has not spoken without.
    ///
    /// # Errors
    /// The kernel's.
    pub fn nothing_unencrypted(&self, socket: &Socket) -> io::Result<bool> {
        let mut byte = [0_u8; 1];
        match recv(socket.as_fd(), &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, 0)) => Ok(true),
            Ok(_) => Ok(false),
            Err(rustix::io::Errno::AGAIN) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    /// Our end of a connection: address and port.
    pub fn local_address(&self, socket: &Socket, endpoint: &Endpoint) -> (String, u16) {
        match (socket, endpoint) {
            (Socket::Tcp(socket), _) => match socket.local_addr() {
                Ok(address) => (address.ip().to_canonical().to_string(), address.port()),
                Err(_) => (IpAddr::from([0, 0, 0, 0]).to_string(), 0),
            },
            (_, Endpoint::Unix(_, port) | Endpoint::Tcp(_, port)) => ("unix".to_owned(), *port),
        }
    }
}
