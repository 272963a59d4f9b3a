//! SHOW CLIENTS, SERVERS, SOCKETS, ACTIVE_SOCKETS and FDS: one row a connection.

use std::collections::HashMap;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::CONSOLE;
use super::super::table::{Cell, Column, Table, cells};
use crate::client::{ClientInfo, ClientState, Replication};
use crate::clock;
use crate::hub::Hub;
use crate::server::{ServerInfo, ServerState};
use crate::takeover::Kind;
use crate::wire::row::Type;

const SHORT: usize = 21;

const SOCKETS: [Column; 28] = [
    ("type", Type::Text),
    ("user", Type::Text),
    ("database", Type::Text),
    ("replication", Type::Text),
    ("state", Type::Text),
    ("addr", Type::Text),
    ("port", Type::Int4),
    ("local_addr", Type::Text),
    ("local_port", Type::Int4),
    ("connect_time", Type::Text),
    ("request_time", Type::Text),
    ("wait", Type::Int4),
    ("wait_us", Type::Int4),
    ("close_needed", Type::Int4),
    ("ptr", Type::Text),
    ("link", Type::Text),
    ("remote_pid", Type::Int4),
    ("tls", Type::Text),
    ("application_name", Type::Text),
    ("prepared_statements", Type::Int4),
    ("id", Type::Int4),
    ("recv_pos", Type::Int4),
    ("pkt_pos", Type::Int4),
    ("pkt_remain", Type::Int4),
    ("send_pos", Type::Int4),
    ("send_remain", Type::Int4),
    ("pkt_avail", Type::Int4),
    ("send_avail", Type::Int4),
];

const FDS: [Column; 15] = [
    ("fd", Type::Int4),
    ("task", Type::Text),
    ("user", Type::Text),
    ("database", Type::Text),
    ("addr", Type::Text),
    ("port", Type::Int4),
    ("cancel", Type::Int8),
    ("link", Type::Int4),
    ("client_encoding", Type::Text),
    ("std_strings", Type::Text),
    ("datestyle", Type::Text),
    ("timezone", Type::Text),
    ("password", Type::Text),
    ("scram_client_key", Type::Bytea),
    ("scram_server_key", Type::Bytea),
];

/// A server connection and the database and user that it belongs to.
struct Server {
    info: Arc<ServerInfo>,
    database: Arc<str>,
    user: Arc<str>,
    state: ServerState,
    replication: Replication,
}

/// Every server connection: those of pools, and those that clients have for replication.
fn all_servers(hub: &Hub, clients: &[Arc<ClientInfo>]) -> Vec<Server> {
    let now = clock::micros();
    let mut all = Vec::new();
    for pool in hub.pools() {
        let terms = pool.terms.load();
        all.extend(pool.members().into_iter().map(|info| Server {
            state: terms.shown_state(&info, now),
            database: pool.key.database.clone(),
            user: pool.key.user.clone(),
            replication: Replication::None,
            info,
        }));
    }
    for client in clients
        .iter()
        .filter(|client| client.replication() != Replication::None)
    {
        if let (Some(info), Some(pool)) = (client.server(), client.pool.get()) {
            all.push(Server {
                state: ServerState::Active,
                database: pool.key.database.clone(),
                user: pool.key.user.clone(),
                replication: client.replication(),
                info,
            });
        }
    }
    all.sort_by_key(|server| server.info.id);
    all
}

pub(super) fn clients(hub: &Hub) -> Table {
    let mut table = Table::new(&SOCKETS[..SHORT]);
    for client in hub.clients() {
        if let Some(state) = client_state(&client) {
            let cells = client_cells(&client, state, clock::micros());
            table.row(cells);
        }
    }
    table
}

pub(super) fn servers(hub: &Hub) -> Table {
    let mut table = Table::new(&SOCKETS[..SHORT]);
    let clients = hub.clients();
    for server in all_servers(hub, &clients) {
        table.row(server_cells(&server, server_state(server.state)));
    }
    table
}

/// SHOW SOCKETS; `active`: only those with something under way.
pub(super) fn sockets(hub: &Hub, active: bool) -> Table {
    let mut table = Table::new(&SOCKETS);
    let clients = hub.clients();
    for client in &clients {
        let (state, is_busy) = match client.state() {
            ClientState::Waiting | ClientState::WaitingLogin => ("cl_waiting", true),
            ClientState::Active => ("cl_active", true),
            ClientState::Idle | ClientState::IdleInTransaction => ("cl_active", false),
            ClientState::Login => ("cl_login", true),
            ClientState::CancelWaiting => ("cl_waiting_cancel_req", true),
            ClientState::CancelActive => ("cl_active_cancel_req", true),
        };
        if is_busy || !active {
            table.row(with_buffers(client_cells(client, state, clock::micros())));
        }
    }
    for server in all_servers(hub, &clients) {
        let (state, is_busy) = match server.state {
            ServerState::New => ("sv_login", true),
            ServerState::Active => ("sv_active", true),
            ServerState::Tested => ("sv_tested", true),
            ServerState::BeingCanceled => ("sv_being_canceled", true),
            ServerState::Idle => ("sv_idle", false),
            ServerState::Used => ("sv_used", false),
        };
        if is_busy || !active {
            table.row(with_buffers(server_cells(&server, state)));
        }
    }
    table
}

/// As SHOW CLIENTS has it; `None` before the login.
fn client_state(client: &ClientInfo) -> Option<&'static str> {
    Some(match client.state() {
        ClientState::Login => return None,
        ClientState::Idle => "idle",
        ClientState::WaitingLogin | ClientState::Waiting => "waiting",
        ClientState::Active | ClientState::IdleInTransaction => "active",
        ClientState::CancelWaiting => "waiting_cancel_req",
        ClientState::CancelActive => "active_cancel_req",
    })
}

fn server_state(state: ServerState) -> &'static str {
    match state {
        ServerState::New => "new",
        ServerState::Active => "active",
        ServerState::Idle => "idle",
        ServerState::Used => "used",
        ServerState::Tested => "tested",
        ServerState::BeingCanceled => "being_canceled",
    }
}

/// What stands in the place of a connection's address: no connection has the same number.
fn pointer(id: u64) -> String {
    format!("{id:#x}")
}

/// Local time, as in the log.
fn time(micros: u64) -> String {
    let at = i64::try_from(clock::on_the_wall(micros))
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let at = at
        .unwrap_or(Timestamp::UNIX_EPOCH)
        .to_zoned_datetime(TimeZone::system());
    at.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

fn replication(kind: Replication) -> &'static str {
    match kind {
        Replication::None => "none",
        Replication::Logical => "logical",
        Replication::Physical => "physical",
    }
}

fn name(slot: &OnceLock<Arc<str>>, missing: &'static str) -> Cell {
    slot.get().map_or_else(|| Cell::from(missing), Cell::from)
}

fn client_cells(client: &ClientInfo, state: &'static str, now: u64) -> [Cell; SHORT] {
    let waits = matches!(client.state(), ClientState::Waiting | ClientState::WaitingLogin);
    let wait = if waits {
        now.saturating_sub(client.since.load(Relaxed))
    } else {
        0
    };
    cells![
        "C",
        name(&client.user, "(nouser)"),
        name(&client.database, "(nodb)"),
        replication(client.replication()),
        state,
        &client.peer.0,
        client.peer.1,
        &client.local.0,
        client.local.1,
        time(client.connected_at),
        time(client.request_at.load(Relaxed)),
        wait / 1_000_000,
        wait % 1_000_000,
        false,
        pointer(client.id),
        client
            .server()
            .map_or_else(String::new, |server| pointer(server.id)),
        client.remote_pid.load(Relaxed),
        client.tls.get().cloned().unwrap_or_default(),
        client.application_name(),
        client.prepared.load(Relaxed),
        client.id,
    ]
}

fn server_cells(server: &Server, state: &'static str) -> [Cell; SHORT] {
    let info = &server.info;
    let (address, port) = info.endpoint.address();
    let client = info.client.load(Relaxed);
    cells![
        "S",
        &server.user,
        &server.database,
        replication(server.replication),
        state,
        address,
        port,
        &info.local.0,
        info.local.1,
        time(info.connected_at),
        time(info.request_at.load(Relaxed)),
        0_u32,
        0_u32,
        info.close_needed.load(Relaxed),
        pointer(info.id),
        if client == 0 {
            String::new()
        } else {
            pointer(client)
        },
        info.key.as_ref().map_or(0, |key| key.pid.cast_signed()),
        &info.tls,
        info.application_name(),
        info.prepared.load(Relaxed),
        info.id,
    ]
}

/// The columns about buffers: what others cannot see of a connection here, and zero.
fn with_buffers(cells: [Cell; SHORT]) -> [Cell; 28] {
    let mut cells = cells.into_iter();
    std::array::from_fn(|_| cells.next().unwrap_or_else(|| Cell::from(0_u32)))
}

/// SHOW FDS. Keys and secrets are never shown: an online restart does not need this table.
pub(super) fn file_descriptors(hub: &Hub) -> Table {
    let mut table = Table::new(&FDS);
    let clients = hub.clients();
    let clients: Vec<_> = clients
        .iter()
        .filter(|client| client.database.get().is_none_or(|name| &**name != CONSOLE))
        .collect();
    let servers = all_servers(hub, &hub.clients());
    let mut row = |fd: i32,
                   task: &'static str,
                   user: Cell,
                   database: Cell,
                   (addr, port): (String, u16),
                   link: Option<i32>| {
        let none = || Cell(None);
        let secret = [none(), none(), none(), none(), none(), none(), none()];
        let [a, b, c, d, e, f, g] = secret;
        let cells = cells![
            fd,
            task,
            user,
            database,
            addr,
            port,
            none(),
            link,
            a,
            b,
            c,
            d,
            e,
            f,
            g
        ];
        table.row(cells);
    };
    let listening = hub.listening.get().into_iter().flatten();
    for place in listening.filter(|place| place.kind != Kind::Metrics) {
        let address = (place.address.clone(), place.port);
        row(place.fd, "pooler", Cell(None), Cell(None), address, None);
    }
    for client in clients {
        let link = client.server().map(|server| server.fd.load(Relaxed));
        let (user, database) = (name(&client.user, "(nouser)"), name(&client.database, "(nodb)"));
        row(
            client.fd.load(Relaxed),
            "client",
            user,
            database,
            client.peer.clone(),
            link,
        );
    }
    let by_id: HashMap<_, _> = hub
        .clients()
        .iter()
        .map(|client| (client.id, client.fd.load(Relaxed)))
        .collect();
    for server in servers {
        let link = by_id.get(&server.info.client.load(Relaxed)).copied();
        let (user, database) = (Cell::from(&server.user), Cell::from(&server.database));
        row(
            server.info.fd.load(Relaxed),
            "server",
            user,
            database,
            server.info.endpoint.address(),
            link,
        );
    }
    table
}
