//! What is configured for one pool: database, user and general settings resolved.

use std::time::Duration;

use crate::config::{CheckQuery, Config, Database, LoadBalanceHosts, PoolMode, SessionState, User};
use crate::server::{ServerInfo, ServerState};

/// A pool's settings. Counts of 0 and times of zero are no limit.
#[derive(Debug, Clone)]
pub struct Terms {
    /// When a client gives its server back.
    pub mode: PoolMode,
    /// Servers at most.
    pub size: usize,
    /// Servers that are kept even when nobody needs them.
    pub min_size: usize,
    /// Servers in addition when somebody has waited long.
    pub reserve: usize,
    /// How long.
    pub reserve_after: Duration,
    /// Server connections to this database at most, over all its pools.
    pub max_database_connections: usize,
    /// Server connections of this user at most, over all its pools.
    pub max_user_connections: usize,
    /// Hosts, or directories of Unix sockets.
    pub hosts: Vec<String>,
    /// Port.
    pub port: u16,
    /// The database's name at the server.
    pub server_database: String,
    /// Whom servers are logged in as, when the database says so and not the client.
    pub server_user: Option<String>,
    /// Whether connections take turns over the hosts.
    pub balance_hosts: bool,
    /// SQL that a new server runs first.
    pub connect_query: Option<String>,
    /// Settings that the configuration gives to every server at its login.
    pub server_parameters: Vec<(&'static str, String)>,
    /// How old a server gets.
    pub lifetime: Duration,
    /// How long a server is kept idle.
    pub idle_timeout: Duration,
    /// How long a connection and login may take.
    pub connect_timeout: Duration,
    /// How long to wait after a login that failed.
    pub login_retry: Duration,
    /// In session mode, a server that is to be replaced leaves at the end of its client's transaction, and the client with it.
    pub fast_close: bool,
    /// Servers that were used last come last, not first.
    pub round_robin: bool,
    /// SQL that cleans a session.
    pub reset_query: Option<String>,
    /// It is run after every transaction too.
    pub reset_always: bool,
    /// How long a server may be idle and be used without a check.
    pub check_delay: Duration,
    /// SQL of the check; `None` switches checks off.
    pub check_query: Option<String>,
    /// Prepared statements that a server holds at most; 0: they are not followed.
    pub max_prepared: usize,
    /// Bytes of prepared statements that a client holds at most.
    pub max_prepared_bytes: usize,
    /// What happens to state of the session outside session mode.
    pub session_state: SessionState,
    /// `query_timeout`.
    pub query_timeout: Duration,
    /// `query_wait_timeout`.
    pub query_wait_timeout: Duration,
    /// `query_wait_notify`.
    pub query_wait_notify: Duration,
    /// `transaction_timeout`.
    pub transaction_timeout: Duration,
    /// `idle_transaction_timeout`.
    pub idle_transaction_timeout: Duration,
    /// `client_idle_timeout`.
    pub client_idle_timeout: Duration,
    /// Bytes of a message at most, of a client or of a server.
    pub max_packet: usize,
    /// Simple queries are refused.
    pub no_simple_queries: bool,
    /// Reads and writes wait in lanes of their own.
    pub lanes: bool,
    /// Percent of the servers that reads get when both wait.
    pub read_share: u32,
    /// Those whose wait would be too long are refused at once.
    pub refuse_early: bool,
    /// How long clients wait for a server that is down, rather than being refused.
    pub wait_for_restart: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        let config = Config::default();
        Self::resolve(&config, &Database::default(), None)
    }
}

impl Terms {
    /// What holds for `user` on `database`.
    pub fn resolve(config: &Config, database: &Database, user: Option<&User>) -> Self {
        let all = &config.settings;
        let ours = &config.canvass;
        let of_user = |pick: fn(&User) -> Option<u32>| user.and_then(pick);
        let time =
            |pick: fn(&User) -> Option<Duration>, general: Duration| user.and_then(pick).unwrap_or(general);
        let size = of_user(|u| u.pool_size).or(database.pool_size);
        let reserve = of_user(|u| u.reserve_pool_size).or(database.reserve_pool_size);
        let count = |own: Option<u32>, general: u32| own.unwrap_or(general) as usize;
        let parameters = [
            ("client_encoding", &database.client_encoding),
            ("datestyle", &database.datestyle),
            ("timezone", &database.timezone),
            ("application_name", &database.application_name),
        ];
        Self {
            mode: user
                .and_then(|u| u.pool_mode)
                .or(database.pool_mode)
                .unwrap_or(all.pool_mode),
            size: count(size, all.default_pool_size),
            min_size: count(database.min_pool_size, all.min_pool_size),
            reserve: count(reserve, all.reserve_pool_size),
            reserve_after: all.reserve_pool_timeout,
            max_database_connections: count(database.max_db_connections, all.max_db_connections),
            max_user_connections: count(of_user(|u| u.max_user_connections), all.max_user_connections),
            hosts: database.host.clone(),
            port: database.port,
            server_database: database.dbname.clone().unwrap_or_else(|| database.name.clone()),
            server_user: database.user.clone(),
            balance_hosts: database.load_balance_hosts == LoadBalanceHosts::RoundRobin,
            connect_query: database.connect_query.clone(),
            server_parameters: parameters
                .into_iter()
                .filter_map(|(name, value)| Some((name, value.clone()?)))
                .collect(),
            lifetime: database.server_lifetime.unwrap_or(all.server_lifetime),
            idle_timeout: all.server_idle_timeout,
            connect_timeout: all.server_connect_timeout,
            login_retry: all.server_login_retry,
            fast_close: all.server_fast_close,
            round_robin: all.server_round_robin,
            reset_query: all.server_reset_query.clone(),
            reset_always: all.server_reset_query_always,
            check_delay: all.server_check_delay,
            check_query: match &all.server_check_query {
                CheckQuery::Off => None,
                CheckQuery::Empty => Some(String::new()),
                CheckQuery::Query(sql) => Some(sql.clone()),
            },
            max_prepared: all.max_prepared_statements as usize,
            max_prepared_bytes: usize::try_from(ours.prepared_statement_max_bytes).unwrap_or(usize::MAX),
            session_state: ours.session_state,
            query_timeout: time(|u| u.query_timeout, all.query_timeout),
            query_wait_timeout: all.query_wait_timeout,
            query_wait_notify: all.query_wait_notify,
            transaction_timeout: time(|u| u.transaction_timeout, all.transaction_timeout),
            idle_transaction_timeout: time(|u| u.idle_transaction_timeout, all.idle_transaction_timeout),
            client_idle_timeout: time(|u| u.client_idle_timeout, all.client_idle_timeout),
            max_packet: all.max_packet_size as usize,
            no_simple_queries: all.disable_pqexec,
            lanes: ours.lanes,
            read_share: ours.lanes_read_share,
            refuse_early: ours.refuse_early,
            wait_for_restart: ours.wait_for_restart,
        }
    }

    /// Servers at most, the reserve included.
    pub fn most(&self) -> usize {
        if self.size == 0 {
            usize::MAX
        } else {
            self.size + self.reserve
        }
    }

    /// Servers at most for one who has waited so long.
    pub fn most_after(&self, waited: Duration) -> usize {
        if self.size == 0 {
            usize::MAX
        } else if self.reserve > 0 && waited >= self.reserve_after {
            self.size + self.reserve
        } else {
            self.size
        }
    }

    /// True for a server connected at `connected_at` (µs since 1970) that has reached its lifetime; a lifetime of zero
    /// is one use.
    pub fn is_too_old(&self, connected_at: u64, now: u64) -> bool {
        Duration::from_micros(now.saturating_sub(connected_at)) >= self.lifetime
    }

    /// What a server is doing, as the console says it at `now` (µs since 1970): an idle one is `used` when it will be
    /// checked before the next client gets it.
    pub fn shown_state(&self, server: &ServerInfo, now: u64) -> ServerState {
        let idle = || now.saturating_sub(server.request_at.load(std::sync::atomic::Ordering::Relaxed));
        match server.state() {
            ServerState::Idle
                if self.check_query.is_some() && u128::from(idle()) > self.check_delay.as_micros() =>
            {
                ServerState::Used
            }
            state => state,
        }
    }

    /// True when servers that were opened under `before` are not what would be opened now.
    pub fn needs_other_servers(&self, before: &Self) -> bool {
        self.hosts != before.hosts
            || self.port != before.port
            || self.server_database != before.server_database
            || self.server_user != before.server_user
            || self.server_parameters != before.server_parameters
            || self.connect_query != before.connect_query
    }

    /// Prepared statements are followed from server to server.
    pub fn follows_statements(&self) -> bool {
        self.max_prepared > 0 && self.mode != PoolMode::Session
    }
}
