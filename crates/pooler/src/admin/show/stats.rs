//! SHOW STATS, STATS_TOTALS, STATS_AVERAGES and TOTALS.

use super::super::table::{Cell, Column, Table, cells};
use crate::hub::Hub;
use crate::pool::Totals;
use crate::wire::row::Type;

const STATS: [Column; 23] = [
    ("database", Type::Text),
    ("total_server_assignment_count", Type::Numeric),
    ("total_xact_count", Type::Numeric),
    ("total_query_count", Type::Numeric),
    ("total_received", Type::Numeric),
    ("total_sent", Type::Numeric),
    ("total_xact_time", Type::Numeric),
    ("total_query_time", Type::Numeric),
    ("total_wait_time", Type::Numeric),
    ("total_client_parse_count", Type::Numeric),
    ("total_server_parse_count", Type::Numeric),
    ("total_bind_count", Type::Numeric),
    ("avg_server_assignment_count", Type::Numeric),
    ("avg_xact_count", Type::Numeric),
    ("avg_query_count", Type::Numeric),
    ("avg_recv", Type::Numeric),
    ("avg_sent", Type::Numeric),
    ("avg_xact_time", Type::Numeric),
    ("avg_query_time", Type::Numeric),
    ("avg_wait_time", Type::Numeric),
    ("avg_client_parse_count", Type::Numeric),
    ("avg_server_parse_count", Type::Numeric),
    ("avg_bind_count", Type::Numeric),
];

const STATS_TOTALS: [Column; 12] = [
    ("database", Type::Text),
    ("server_assignment_count", Type::Numeric),
    ("xact_count", Type::Numeric),
    ("query_count", Type::Numeric),
    ("bytes_received", Type::Numeric),
    ("bytes_sent", Type::Numeric),
    ("xact_time", Type::Numeric),
    ("query_time", Type::Numeric),
    ("wait_time", Type::Numeric),
    ("client_parse_count", Type::Numeric),
    ("server_parse_count", Type::Numeric),
    ("bind_count", Type::Numeric),
];

const STATS_AVERAGES: [Column; 12] = [
    ("database", Type::Text),
    ("server_assignment_count", Type::Numeric),
    ("xact_count", Type::Numeric),
    ("query_count", Type::Numeric),
    ("bytes_received", Type::Numeric),
    ("bytes_sent", Type::Numeric),
    ("xact_time", Type::Numeric),
    ("query_time", Type::Numeric),
    ("wait_time", Type::Numeric),
    ("avg_client_parse_count", Type::Numeric),
    ("avg_server_parse_count", Type::Numeric),
    ("avg_bind_count", Type::Numeric),
];

const TOTALS: [Column; 2] = [("name", Type::Text), ("value", Type::Numeric)];

/// Names of SHOW TOTALS, in the order of [`values`], without `total_` and `avg_`.
const NAMES: [&str; 11] = [
    "server_assignment_count",
    "xact_count",
    "query_count",
    "client_bytes",
    "server_bytes",
    "xact_time",
    "query_time",
    "wait_time",
    "ps_client_parse_count",
    "ps_server_parse_count",
    "ps_bind_count",
];

fn values(totals: &Totals) -> [u64; 11] {
    [
        totals.assignments,
        totals.xacts,
        totals.queries,
        totals.received,
        totals.sent,
        totals.xact_time,
        totals.query_time,
        totals.wait_time,
        totals.client_parses,
        totals.server_parses,
        totals.binds,
    ]
}

pub(super) fn stats(hub: &Hub) -> Table {
    let mut table = Table::new(&STATS);
    for (database, figures) in hub.statistics.of_databases(hub) {
        let mut numbers = values(&figures.total).into_iter().chain(values(&figures.average));
        table.row(std::array::from_fn::<Cell, 23, _>(|column| match column {
            0 => Cell::from(&database),
            _ => numbers.next().into(),
        }));
    }
    table
}

pub(super) fn totals_by_database(hub: &Hub) -> Table {
    let figures = hub.statistics.of_databases(hub).into_iter();
    by_database(
        &STATS_TOTALS,
        figures.map(|(database, figures)| (database, figures.total)),
    )
}

pub(super) fn averages_by_database(hub: &Hub) -> Table {
    let figures = hub.statistics.of_databases(hub).into_iter();
    by_database(
        &STATS_AVERAGES,
        figures.map(|(database, figures)| (database, figures.average)),
    )
}

fn by_database(columns: &[Column], rows: impl Iterator<Item = (std::sync::Arc<str>, Totals)>) -> Table {
    let mut table = Table::new(columns);
    for (database, totals) in rows {
        let mut numbers = values(&totals).into_iter();
        table.row(std::array::from_fn::<Cell, 12, _>(|column| match column {
            0 => Cell::from(&database),
            _ => numbers.next().into(),
        }));
    }
    table
}

pub(super) fn totals(hub: &Hub) -> Table {
    let mut table = Table::new(&TOTALS);
    let figures = hub.statistics.of_all(hub);
    for (prefix, totals) in [("total", figures.total), ("avg", figures.average)] {
        for (name, value) in NAMES.into_iter().zip(values(&totals)) {
            table.row(cells![format!("{prefix}_{name}"), value]);
        }
    }
    table
}
