//! SHOW: tables with pgbouncer 1.25's columns in their order.

mod configuration;
mod pools;
mod sockets;
mod stats;

use super::run::PRETENDED;
use super::table::{Column, Table, cells};
use super::{COMPATIBLE, Rights};
use crate::hub::Hub;
use crate::pool::Mode;
use crate::refusal::Refusal;
use crate::wire;
use crate::wire::row::{Type, put_complete};

use std::sync::Arc;

const STATE: [Column; 2] = [("key", Type::Text), ("value", Type::Text)];
const VERSION: [Column; 1] = [("version", Type::Text)];
const DNS_HOSTS: [Column; 3] = [
    ("hostname", Type::Text),
    ("ttl", Type::Int8),
    ("addrs", Type::Text),
];
const DNS_ZONES: [Column; 3] = [
    ("zonename", Type::Text),
    ("serial", Type::Int8),
    ("count", Type::Int4),
];

/// What there is, for SHOW HELP.
const HELP: &str = "
\tSHOW ACTIVE_SOCKETS | CLIENTS | CONFIG | DATABASES | DNS_HOSTS | DNS_ZONES | FDS | HELP | LISTS | MEM
\tSHOW PEERS | PEER_POOLS | POOLS | SERVERS | SOCKETS | STATE | STATS | STATS_AVERAGES | STATS_TOTALS
\tSHOW TOTALS | USERS | VERSION
\tSET key = value
\tRELOAD
\tPAUSE [db]
\tSUSPEND
\tRESUME [db]
\tDISABLE db
\tENABLE db
\tRECONNECT [db]
\tWAIT_CLOSE [db]
\tKILL [db]
\tKILL_CLIENT id
\tSHUTDOWN
\tSHUTDOWN WAIT_FOR_SERVERS | WAIT_FOR_CLIENTS";

/// Answers SHOW `what`; `None`: there is no such thing.
pub(super) fn show(hub: &Arc<Hub>, what: &str, rights: Rights) -> Option<Result<Vec<u8>, Refusal>> {
    let what = what.to_ascii_lowercase();
    if let Some((name, value)) = PRETENDED.iter().find(|(name, _)| *name == what) {
        let mut table = Table::new(&[(*name, Type::Text)]);
        table.row(cells![*value]);
        return Some(Ok(finished(table.into_messages())));
    }
    let table = match what.as_str() {
        "clients" => sockets::clients(hub),
        "servers" => sockets::servers(hub),
        "sockets" => sockets::sockets(hub, false),
        "active_sockets" => sockets::sockets(hub, true),
        "fds" if rights != Rights::Admin => return Some(Err(Refusal::new("42501", "admin access needed"))),
        "fds" => sockets::file_descriptors(hub),
        "pools" => pools::pools(hub),
        "peer_pools" => pools::peer_pools(hub),
        "peers" => pools::peers(hub),
        "databases" => configuration::databases(hub),
        "users" => configuration::users(hub),
        "config" => configuration::settings(hub),
        "lists" => configuration::lists(hub),
        "mem" => configuration::memory(hub),
        "stats" => stats::stats(hub),
        "stats_totals" => stats::totals_by_database(hub),
        "stats_averages" => stats::averages_by_database(hub),
        "totals" => stats::totals(hub),
        "state" => state(hub),
        "version" => version(),
        "dns_hosts" => dns_hosts(hub),
        "dns_zones" => Table::new(&DNS_ZONES),
        "help" => return Some(Ok(finished(help()))),
        _ => return None,
    };
    Some(Ok(finished(table.into_messages())))
}

fn finished(mut messages: Vec<u8>) -> Vec<u8> {
    put_complete("SHOW", &mut messages);
    messages
}

/// A NoticeResponse with the commands as its detail.
fn help() -> Vec<u8> {
    let mut message = Vec::new();
    wire::put(&mut message, b'N', |body| {
        for (field, text) in [
            (b'S', "NOTICE"),
            (b'V', "NOTICE"),
            (b'C', "00000"),
            (b'M', "Console usage"),
            (b'D', HELP),
        ] {
            body.push(field);
            wire::put_cstr(body, text.as_bytes());
        }
        body.push(0);
    });
    message
}

fn version() -> Table {
    let mut table = Table::new(&VERSION);
    // Tools look for a word and a number here to know what columns there are.
    let words = format!(
        "PgBouncer {COMPATIBLE} (canvass pool {})",
        env!("CARGO_PKG_VERSION")
    );
    table.row(cells![words]);
    table
}

fn state(hub: &Hub) -> Table {
    let mut table = Table::new(&STATE);
    let mode = hub.gate.mode();
    for (name, of) in [
        ("active", Mode::Active),
        ("paused", Mode::Paused),
        ("suspended", Mode::Suspended),
    ] {
        table.row(cells![name, if mode == of { "yes" } else { "no" }]);
    }
    table
}

fn dns_hosts(hub: &Hub) -> Table {
    let mut table = Table::new(&DNS_HOSTS);
    for (host, ttl, addresses) in hub.names.all() {
        let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        table.row(cells![host, ttl, addresses.join(",")]);
    }
    table
}
