//! SHOW POOLS, PEERS and PEER_POOLS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::CONSOLE;
use super::super::table::{Column, Table, cells};
use crate::client::{Cancels, ClientInfo, ClientState};
use crate::config::{LoadBalanceHosts, PoolMode};
use crate::hub::Hub;
use crate::pool::Counts;
use crate::wire::row::Type;

const POOLS: [Column; 17] = [
    ("database", Type::Text),
    ("user", Type::Text),
    ("cl_active", Type::Int4),
    ("cl_waiting", Type::Int4),
    ("cl_active_cancel_req", Type::Int4),
    ("cl_waiting_cancel_req", Type::Int4),
    ("sv_active", Type::Int4),
    ("sv_active_cancel", Type::Int4),
    ("sv_being_canceled", Type::Int4),
    ("sv_idle", Type::Int4),
    ("sv_used", Type::Int4),
    ("sv_tested", Type::Int4),
    ("sv_login", Type::Int4),
    ("maxwait", Type::Int4),
    ("maxwait_us", Type::Int4),
    ("pool_mode", Type::Text),
    ("load_balance_hosts", Type::Text),
];

const PEERS: [Column; 4] = [
    ("peer_id", Type::Int4),
    ("host", Type::Text),
    ("port", Type::Int4),
    ("pool_size", Type::Int4),
];

const PEER_POOLS: [Column; 5] = [
    ("peer_id", Type::Int4),
    ("cl_active_cancel_req", Type::Int4),
    ("cl_waiting_cancel_req", Type::Int4),
    ("sv_active_cancel", Type::Int4),
    ("sv_login", Type::Int4),
];

/// The clients of a pool by what they do.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clients {
    /// Linked to a server, or with nothing to do.
    pub(crate) active: usize,
    /// Wait for a server.
    pub(crate) waiting: usize,
    /// Cancel requests that the server has.
    pub(crate) active_cancels: usize,
    /// Cancel requests on their way.
    pub(crate) waiting_cancels: usize,
}

/// A pool as it is shown.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) clients: Clients,
    pub(crate) servers: Counts,
    pub(crate) mode: PoolMode,
    pub(crate) load_balance_hosts: Option<LoadBalanceHosts>,
}

/// Every pool by database and user. Servers of `auth_query` are counted with those of the user that it runs as.
pub(crate) fn shown(hub: &Hub) -> BTreeMap<(Arc<str>, Arc<str>), Shown> {
    let mut all = BTreeMap::new();
    for pool in hub.pools() {
        let terms = pool.terms.load();
        let hosts = hub
            .database(&pool.key.database)
            .filter(|database| database.host.len() > 1);
        let key = (pool.key.database.clone(), pool.key.user.clone());
        let shown = all.entry(key).or_insert_with(|| Shown {
            clients: Clients::default(),
            servers: Counts::default(),
            mode: terms.mode,
            load_balance_hosts: hosts.map(|database| database.load_balance_hosts),
        });
        shown.servers.add(&pool.counts());
    }
    for client in hub.clients() {
        let pool = match client.cancels.get() {
            Some(Cancels::Pool(pool)) => Some(pool),
            _ => client.pool.get(),
        };
        let shown = pool.and_then(|pool| all.get_mut(&(pool.key.database.clone(), pool.key.user.clone())));
        if let Some(shown) = shown {
            count(&mut shown.clients, &client);
        }
    }
    all
}

fn count(clients: &mut Clients, client: &ClientInfo) {
    match client.state() {
        ClientState::Login => {}
        ClientState::Idle | ClientState::Active | ClientState::IdleInTransaction => clients.active += 1,
        ClientState::Waiting | ClientState::WaitingLogin => clients.waiting += 1,
        ClientState::CancelActive => clients.active_cancels += 1,
        ClientState::CancelWaiting => clients.waiting_cancels += 1,
    }
}

pub(super) fn pools(hub: &Hub) -> Table {
    let mut table = Table::new(&POOLS);
    let mut all = shown(hub);
    let consoles = hub.clients().iter().filter(|client| is_console(client)).count();
    all.insert(
        (CONSOLE.into(), CONSOLE.into()),
        Shown {
            clients: Clients {
                active: consoles,
                ..Clients::default()
            },
            servers: Counts::default(),
            mode: PoolMode::Statement,
            load_balance_hosts: None,
        },
    );
    for (
        (database, user),
        Shown {
            clients,
            servers,
            mode,
            load_balance_hosts,
        },
    ) in all
    {
        let wait: Duration = servers.oldest_wait;
        table.row(cells![
            &database,
            &user,
            clients.active,
            clients.waiting,
            clients.active_cancels,
            clients.waiting_cancels,
            servers.active,
            // Each cancel request that the server has took a connection of its own there.
            clients.active_cancels,
            servers.being_canceled,
            servers.idle,
            servers.used,
            servers.tested,
            servers.connecting,
            wait.as_secs(),
            wait.subsec_micros(),
            mode.word(),
            load_balance_hosts.map(word),
        ]);
    }
    table
}

/// `load_balance_hosts` as it is written.
pub(super) fn word(hosts: LoadBalanceHosts) -> &'static str {
    match hosts {
        LoadBalanceHosts::RoundRobin => "round-robin",
        LoadBalanceHosts::Disable => "disable",
    }
}

pub(super) fn is_console(client: &ClientInfo) -> bool {
    client.is_admin.load(std::sync::atomic::Ordering::Relaxed)
}

pub(super) fn peers(hub: &Hub) -> Table {
    let mut table = Table::new(&PEERS);
    let config = hub.config.load();
    for (id, peer) in &config.peers {
        let size = peer.pool_size.unwrap_or(config.settings.default_pool_size);
        table.row(cells![*id, &peer.host, peer.port, size]);
    }
    table
}

pub(super) fn peer_pools(hub: &Hub) -> Table {
    let mut table = Table::new(&PEER_POOLS);
    let mut all: BTreeMap<u32, Clients> = hub
        .config
        .load()
        .peers
        .keys()
        .map(|id| (*id, Clients::default()))
        .collect();
    for client in hub.clients() {
        if let Some(Cancels::Peer(id)) = client.cancels.get()
            && let Some(clients) = all.get_mut(id)
        {
            count(clients, &client);
        }
    }
    for (id, clients) in all {
        let (active, waiting) = (clients.active_cancels, clients.waiting_cancels);
        table.row(cells![id, active, waiting, active, waiting]);
    }
    table
}
