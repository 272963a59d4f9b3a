//! Figures for Prometheus, over HTTP/1.1 on `[canvass] metrics_listen`: `GET /metrics`, and `GET /healthz` for whoever
//! asks whether the pooler takes clients. Names of databases and users are the only texts of others in it.
//!
//! Source of the format: <https://prometheus.io/docs/instrumenting/exposition_formats/>, text format 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::TcpListener as StdTcpListener;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::admin::shown_pools;
use crate::hub::Hub;
use crate::log::Level;
use crate::pool::{Mode, Totals};
use crate::pooler::Phase;

/// Requests at once; more wait.
const AT_ONCE: usize = 8;
/// Bytes that a request has at most.
const LONGEST: usize = 8 * 1024;
/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers until the process ends.
pub(crate) async fn serve(hub: Arc<Hub>, listener: StdTcpListener) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return hub.log.line(Level::Error, &format!("metrics_listen: {error}")),
    };
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((socket, _)) => {
                let hub = hub.clone();
                tokio::spawn(async move {
                    // Whoever does not read its answer has had its time.
                    let _ = crate::timer::timeout(PATIENCE, answer(&hub, socket)).await;
                    drop(place);
                });
            }
            Err(error) => {
                hub.log.line(Level::Error, &format!("metrics_listen: {error}"));
                crate::timer::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn answer(hub: &Hub, mut socket: TcpStream) -> std::io::Result<()> {
    let Some(request) = request(&mut socket).await? else {
        return Ok(());
    };
    let (status, kind, body) = respond(hub, &request);
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await?;
    if !request.starts_with("HEAD ") {
        socket.write_all(body.as_bytes()).await?;
    }
    socket.shutdown().await
}

/// The first line of a request, once its head has come; `None` when it does not.
async fn request(socket: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.windows(4).any(|four| four == b"\r\n\r\n") {
        let room = LONGEST - head.len();
        if room == 0 || socket.take(room as u64).read_buf(&mut head).await? == 0 {
            return Ok(None);
        }
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Ok(Some(String::from_utf8_lossy(line).into_owned()))
}

fn respond(hub: &Hub, line: &str) -> (&'static str, &'static str, String) {
    const TEXT: &str = "text/plain; charset=utf-8";
    let mut words = line.split(' ');
    let (method, target, version) = (words.next(), words.next(), words.next());
    let path = target.and_then(|target| target.split('?').next());
    match (method, path, version) {
        (Some("GET" | "HEAD"), Some(path), Some("HTTP/1.1" | "HTTP/1.0")) => match path {
            "/metrics" => ("200 OK", "text/plain; version=0.0.4; charset=utf-8", figures(hub)),
            "/healthz" if hub.phase() != Phase::Running => {
                ("503 Service Unavailable", TEXT, "shutting down\n".to_owned())
            }
            "/healthz" => ("200 OK", TEXT, "ok\n".to_owned()),
            _ => (
                "404 Not Found",
                TEXT,
                "there are /metrics and /healthz\n".to_owned(),
            ),
        },
        (Some(_), Some(_), Some(version)) if version.starts_with("HTTP/1.") => {
            ("405 Method Not Allowed", TEXT, "only GET\n".to_owned())
        }
        _ => ("400 Bad Request", TEXT, "this is HTTP/1.1\n".to_owned()),
    }
}

/// A family of figures in the making.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(
            self.0,
            "# HELP canvass_pool_{name} {help}\n# TYPE canvass_pool_{name} {kind}"
        );
    }

    /// One figure; the values of labels are escaped here.
    fn figure(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let _ = write!(self.0, "canvass_pool_{name}");
        for (at, (label, text)) in labels.iter().enumerate() {
            let escaped = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{escaped}\"", if at == 0 { '{' } else { ',' });
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{end} {value}");
    }

    /// A family of one figure.
    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.figure(name, &[], value);
    }
}

/// All figures.
fn figures(hub: &Hub) -> String {
    let mut page = Page(String::with_capacity(16 * 1024));
    page.family("info", "gauge", "Always 1; the version of the pooler.");
    page.figure("info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    let mode = hub.gate.mode();
    page.single(
        "paused",
        "gauge",
        "1 while everything is paused.",
        u8::from(mode == Mode::Paused),
    );
    page.single(
        "suspended",
        "gauge",
        "1 while everything is suspended.",
        u8::from(mode == Mode::Suspended),
    );
    page.single(
        "client_connections",
        "gauge",
        "Client connections, consoles among them.",
        hub.client_count(),
    );
    let most = hub.config.load().settings.max_client_conn;
    page.single("client_connections_limit", "gauge", "max_client_conn.", most);
    page.single(
        "server_connections",
        "gauge",
        "Server connections of all pools.",
        hub.census.all(),
    );
    page.single(
        "server_connections_limit",
        "gauge",
        "The cap on server connections over all pools; 0: none.",
        hub.server_cap(),
    );
    of_databases(hub, &mut page);
    of_pools(hub, &mut page);
    sums(hub, &mut page);
    page.0
}

fn of_databases(hub: &Hub, page: &mut Page) {
    let states: BTreeMap<_, _> = hub.database_states().into_iter().collect();
    page.family(
        "database_paused",
        "gauge",
        "1 while this database is paused by its name.",
    );
    for (name, state) in &states {
        page.figure(
            "database_paused",
            &[("database", name)],
            u8::from(state.is_paused_itself()),
        );
    }
    page.family(
        "database_disabled",
        "gauge",
        "1 while this database takes no new clients.",
    );
    for (name, state) in &states {
        page.figure(
            "database_disabled",
            &[("database", name)],
            u8::from(state.is_disabled()),
        );
    }
}

fn of_pools(hub: &Hub, page: &mut Page) {
    let pools = shown_pools(hub);
    page.family("clients", "gauge", "Clients of a pool by what they do.");
    for ((database, user), pool) in &pools {
        for (state, count) in [
            ("active", pool.clients.active),
            ("waiting", pool.clients.waiting),
            ("active_cancel_req", pool.clients.active_cancels),
            ("waiting_cancel_req", pool.clients.waiting_cancels),
        ] {
            page.figure(
                "clients",
                &[("database", database), ("user", user), ("state", state)],
                count,
            );
        }
    }
    page.family(
        "servers",
        "gauge",
        "Server connections of a pool by what they do.",
    );
    for ((database, user), pool) in &pools {
        for (state, count) in [
            ("active", pool.servers.active),
            ("idle", pool.servers.idle),
            ("used", pool.servers.used),
            ("tested", pool.servers.tested),
            ("login", pool.servers.connecting),
            ("being_canceled", pool.servers.being_canceled),
        ] {
            page.figure(
                "servers",
                &[("database", database), ("user", user), ("state", state)],
                count,
            );
        }
    }
    page.family(
        "longest_wait_seconds",
        "gauge",
        "How long the client that is first in the queue has waited.",
    );
    for ((database, user), pool) in &pools {
        let labels = [("database", &**database), ("user", &**user)];
        page.figure(
            "longest_wait_seconds",
            &labels,
            pool.servers.oldest_wait.as_secs_f64(),
        );
    }
}

/// What there is of a sum: its name, its help, and its value out of the totals.
type Sum = (&'static str, &'static str, fn(&Totals) -> f64);

const MICROS: f64 = 1e6;

const SUMS: [Sum; 11] = [
    ("transactions_total", "Transactions.", |sum| sum.xacts as f64),
    ("queries_total", "Queries.", |sum| sum.queries as f64),
    (
        "server_assignments_total",
        "Times that a client was given a server.",
        |sum| sum.assignments as f64,
    ),
    ("received_bytes_total", "Bytes from clients.", |sum| {
        sum.received as f64
    }),
    ("sent_bytes_total", "Bytes to clients.", |sum| sum.sent as f64),
    ("transaction_seconds_total", "Time in transactions.", |sum| {
        sum.xact_time as f64 / MICROS
    }),
    ("query_seconds_total", "Time in queries.", |sum| {
        sum.query_time as f64 / MICROS
    }),
    (
        "wait_seconds_total",
        "Time that clients waited for a server.",
        |sum| sum.wait_time as f64 / MICROS,
    ),
    (
        "client_parses_total",
        "Statements that clients prepared.",
        |sum| sum.client_parses as f64,
    ),
    (
        "server_parses_total",
        "Statements that were prepared on servers.",
        |sum| sum.server_parses as f64,
    ),
    ("binds_total", "Prepared statements that clients bound.", |sum| {
        sum.binds as f64
    }),
];

fn sums(hub: &Hub, page: &mut Page) {
    let mut pools = BTreeMap::<_, Totals>::new();
    for pool in hub.pools() {
        let key = (pool.key.database.clone(), pool.key.user.clone());
        pools.entry(key).or_default().add(&pool.stats.totals());
    }
    for (name, help, value) in SUMS {
        page.family(name, "counter", help);
        for ((database, user), totals) in &pools {
            page.figure(name, &[("database", database), ("user", user)], value(totals));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_out_of_their_quotes() {
        let mut page = Page(String::new());
        page.figure("x", &[("database", "a\"b\\c\nd"), ("user", "u")], 1.5);
        page.figure("y", &[], 2);
        assert_eq!(
            page.0,
            "canvass_pool_x{database=\"a\\\"b\\\\c\\nd\",user=\"u\"} 1.5\ncanvass_pool_y 2\n"
        );
    }
}
