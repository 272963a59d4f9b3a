//! SHOW DATABASES, USERS, CONFIG, LISTS and MEM.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::super::CONSOLE;
use super::super::table::{Cell, Column, Table, cells};
use super::pools::{is_console, word};
use crate::client::{ClientInfo, ClientState};
use crate::config::{Database, PoolMode};
use crate::hub::Hub;
use crate::pool::Pool;
use crate::server::{Server, ServerInfo};
use crate::wire::row::Type;

const DATABASES: [Column; 17] = [
    ("name", Type::Text),
    ("host", Type::Text),
    ("port", Type::Int4),
    ("database", Type::Text),
    ("force_user", Type::Text),
    ("pool_size", Type::Int4),
    ("min_pool_size", Type::Int4),
    ("reserve_pool_size", Type::Int4),
    ("server_lifetime", Type::Int4),
    ("pool_mode", Type::Text),
    ("load_balance_hosts", Type::Text),
    ("max_connections", Type::Int4),
    ("current_connections", Type::Int4),
    ("max_client_connections", Type::Int4),
    ("current_client_connections", Type::Int4),
    ("paused", Type::Int4),
    ("disabled", Type::Int4),
];

const USERS: [Column; 8] = [
    ("name", Type::Text),
    ("pool_size", Type::Text),
    ("reserve_pool_size", Type::Text),
    ("pool_mode", Type::Text),
    ("max_user_connections", Type::Int4),
    ("current_connections", Type::Int4),
    ("max_user_client_connections", Type::Int4),
    ("current_client_connections", Type::Int4),
];

const CONFIG: [Column; 4] = [
    ("key", Type::Text),
    ("value", Type::Text),
    ("default", Type::Text),
    ("changeable", Type::Text),
];

const LISTS: [Column; 2] = [("list", Type::Text), ("items", Type::Int4)];

const MEM: [Column; 5] = [
    ("name", Type::Text),
    ("size", Type::Int4),
    ("used", Type::Int4),
    ("free", Type::Int4),
    ("memtotal", Type::Int4),
];

/// Configured databases and those that the entry `*` stands for at present, by name.
fn all_databases(hub: &Hub) -> BTreeMap<String, Database> {
    let mut all = hub.config.load().databases.clone();
    let used = hub.pools().into_iter().map(|pool| pool.key.database.to_string());
    let decided = hub
        .database_states()
        .into_iter()
        .filter(|(_, state)| state.is_paused_itself() || state.is_disabled());
    for name in used.chain(decided.map(|(name, _)| name.to_string())) {
        if let Some(database) = hub.database(&name) {
            all.insert(name, database);
        }
    }
    all
}

pub(super) fn databases(hub: &Hub) -> Table {
    let mut table = Table::new(&DATABASES);
    let config = hub.config.load();
    let settings = &config.settings;
    let mut rows: BTreeMap<String, [Cell; 17]> = BTreeMap::new();
    for (name, database) in all_databases(hub) {
        let state = hub.database_state(&name);
        let host = (!database.host.is_empty()).then(|| database.host.join(","));
        let hosts = (database.host.len() > 1).then(|| word(database.load_balance_hosts));
        let cells = cells![
            &name,
            host,
            database.port,
            database.dbname.as_ref().unwrap_or(&name),
            database.user.as_ref(),
            database.pool_size.unwrap_or(settings.default_pool_size),
            database.min_pool_size.unwrap_or(settings.min_pool_size),
            database.reserve_pool_size.unwrap_or(settings.reserve_pool_size),
            database
                .server_lifetime
                .unwrap_or(settings.server_lifetime)
                .as_secs(),
            database.pool_mode.map(PoolMode::word),
            hosts,
            database.max_db_connections.unwrap_or(settings.max_db_connections),
            hub.census.of_database(&name),
            database
                .max_db_client_connections
                .unwrap_or(settings.max_db_client_connections),
            state.clients.load(Relaxed),
            state.is_paused_itself(),
            state.is_disabled(),
        ];
        rows.insert(name, cells);
    }
    rows.insert(CONSOLE.to_owned(), console_row(hub));
    for cells in rows.into_values() {
        table.row(cells);
    }
    table
}

/// The console is shown as a database; it has no servers.
fn console_row(hub: &Hub) -> [Cell; 17] {
    let settings = &hub.config.load().settings;
    let consoles = hub.clients().iter().filter(|client| is_console(client)).count();
    cells![
        CONSOLE,
        None::<String>,
        settings.listen_port,
        CONSOLE,
        CONSOLE,
        2_u32,
        0_u32,
        0_u32,
        settings.server_lifetime.as_secs(),
        PoolMode::Statement.word(),
        None::<String>,
        0_u32,
        0_u32,
        0_u32,
        consoles,
        false,
        false,
    ]
}

/// Users that are configured, that have a secret in `auth_file`, or that are connected.
fn all_users(hub: &Hub) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = hub.config.load().users.keys().cloned().collect();
    all.extend(hub.files.load().users.users().map(str::to_owned));
    all.extend(
        hub.users_connected()
            .into_iter()
            .map(|(name, _)| name.to_string()),
    );
    all.extend(hub.pools().into_iter().map(|pool| pool.key.user.to_string()));
    all.insert(CONSOLE.to_owned());
    all
}

pub(super) fn users(hub: &Hub) -> Table {
    let mut table = Table::new(&USERS);
    let config = hub.config.load();
    let settings = &config.settings;
    for name in all_users(hub) {
        let user = config.users.get(&name);
        let servers = user
            .and_then(|user| user.max_user_connections)
            .unwrap_or(settings.max_user_connections);
        let clients = user.and_then(|user| user.max_user_client_connections);
        table.row(cells![
            &name,
            user.and_then(|user| user.pool_size),
            user.and_then(|user| user.reserve_pool_size),
            user.and_then(|user| user.pool_mode).map(PoolMode::word),
            servers,
            hub.census.of_user(&name),
            clients.unwrap_or(settings.max_user_client_connections),
            hub.clients_of_user(&name),
        ]);
    }
    table
}

pub(super) fn settings(hub: &Hub) -> Table {
    let mut table = Table::new(&CONFIG);
    for row in hub.config.load().show() {
        table.row(cells![
            row.key,
            row.value,
            row.default,
            if row.changeable { "yes" } else { "no" }
        ]);
    }
    table
}

pub(super) fn lists(hub: &Hub) -> Table {
    let mut table = Table::new(&LISTS);
    let clients = hub.clients();
    let is_at_login = |client: &&Arc<ClientInfo>| client.state() == ClientState::Login;
    let peers = hub.config.load().peers.len();
    for (list, items) in [
        ("databases", all_databases(hub).len() + 1),
        ("users", all_users(hub).len()),
        ("peers", peers),
        ("pools", super::pools::shown(hub).len() + 1),
        ("peer_pools", peers),
        ("free_clients", 0),
        ("used_clients", clients.len()),
        ("login_clients", clients.iter().filter(is_at_login).count()),
        ("free_servers", 0),
        ("used_servers", hub.census.all()),
        ("dns_names", hub.names.all().len()),
        ("dns_zones", 0),
        ("dns_queries", 0),
        ("dns_pending", 0),
    ] {
        table.row(cells![list, items]);
    }
    table
}

/// What there is many of, with the bytes that one takes by itself.
pub(super) fn memory(hub: &Hub) -> Table {
    let mut table = Table::new(&MEM);
    for (name, size, used) in [
        (
            "client_cache",
            size_of::<ClientInfo>() + size_of::<crate::client::Client>(),
            hub.client_count(),
        ),
        (
            "server_cache",
            size_of::<ServerInfo>() + size_of::<Server>(),
            hub.census.all(),
        ),
        ("pool_cache", size_of::<Pool>(), hub.pools().len()),
        ("db_cache", size_of::<Database>(), all_databases(hub).len()),
        (
            "user_cache",
            size_of::<crate::config::User>(),
            all_users(hub).len(),
        ),
    ] {
        table.row(cells![name, size, used, 0_u32, size * used]);
    }
    table
}
