//! The section `[canvass]`: what pgbouncer doesn't have. Without the section all of it is off.

use std::net::SocketAddr;
use std::time::Duration;

use super::table::Support::Ours;
use super::table::settings;
use super::values::{ServerCap, SessionState};

settings! {
    /// The settings of the section `[canvass]`. The defaults behave as pgbouncer does.
    pub struct Canvass {}

    /// Whether clear-text passwords are given to servers without TLS; never mind on a Unix socket.
    allow_clear_text_passwords: bool = FLAG, "0", Now, Ours;
    /// Whether writes, reads and the console wait in lanes of their own, so that none starves another.
    lanes: bool = FLAG, "0", Now, Ours;
    /// Of a pool's server connections the percentage that reads may take while writes wait, 1 to 99.
    lanes_read_share: u32 = PERCENT, "50", Now, Ours;
    /// One cap on server connections over all pools: a number, `auto` to take it from the database machine
    /// (`max_connections` without the reserved ones, asked when connecting), or `off`.
    max_server_connections: ServerCap = SERVER_CAP, "off", Now, Ours;
    /// The address and port of `GET /metrics` for Prometheus; empty: none.
    metrics_listen: Option<SocketAddr> = SOCKET_ADDRESS, "", Restart, Ours;
    /// How many bytes of prepared statements one client may keep; beyond that Parse is refused (54000).
    prepared_statement_max_bytes: u64 = LONG_BYTES, "16777216", Now, Ours;
    /// Whether a query is refused at once when it would probably wait longer than its deadline.
    refuse_early: bool = FLAG, "0", Now, Ours;
    /// What happens to session state that a client leaves behind: `pgbouncer`, `reset`, `pin` or `refuse`.
    session_state: SessionState = SESSION_STATE, "pgbouncer", Now, Ours;
    /// How many threads serve connections; `auto`: one a core, a single one where there are only two.
    threads: Option<u32> = THREADS, "auto", Restart, Ours;
    /// How many seconds clients wait for a server that is restarting instead of getting its refusal; 0: they don't.
    wait_for_restart: Duration = SECONDS, "0", Now, Ours;
}
