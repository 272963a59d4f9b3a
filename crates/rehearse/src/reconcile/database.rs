//! A query's rows as a stream of CSV: `COPY (…) TO STDOUT`, so that any type comes as PostgreSQL writes it and memory
//! stays flat.

use std::io::{self, Read};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use futures_util::TryStreamExt;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Error;

/// Bytes that are handed over at once.
const BATCH: usize = 64 << 10;
/// Batches that wait to be read.
const MOST_WAITING: usize = 16;
/// Unless the connection string says otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs the query, in a transaction that only reads, and gives its rows to `take`.
///
/// # Errors
/// [`Error::Bad`] for a connection string or a query that PostgreSQL does not understand, [`Error::Target`] when it
/// cannot be reached or breaks off; else what `take` says.
pub(super) fn read(
    url: &str,
    query: &str,
    take: impl FnOnce(&mut dyn Read) -> Result<(), Error>,
) -> Result<(), Error> {
    let (sender, receiver) = sync_channel(MOST_WAITING);
    thread::scope(|scope| {
        let copying = scope.spawn(move || copy(url, query, &sender));
        let taken = take(&mut Incoming {
            receiver,
            batch: Vec::new(),
            at: 0,
        });
        // Whatever the reader made of rows that broke off, why they did is the cause.
        let copied = copying.join();
        copied.unwrap_or_else(|_| Err(Error::Target("reading from the database panicked".into())))?;
        taken
    })
}

/// The other thread's bytes; at an end when that thread is.
struct Incoming {
    receiver: Receiver<Vec<u8>>,
    batch: Vec<u8>,
    at: usize,
}

impl Read for Incoming {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.batch.len() {
            (self.batch, self.at) = (self.receiver.recv().unwrap_or_default(), 0);
        }
        let count = (&self.batch[self.at..]).read(out)?;
        self.at += count;
        Ok(count)
    }
}

fn copy(url: &str, query: &str, sender: &SyncSender<Vec<u8>>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|e| Error::Target(format!("cannot start reading from the database: {e}")))?;
    runtime.block_on(async {
        let client = connect(url).await?;
        let refused = |e| Error::bad(format!("the query: {}", primary(&e)));
        client
            .batch_execute("BEGIN READ ONLY")
            .await
            .map_err(|e| broken_off(&e))?;
        let query = without_end(query);
        // A line of its own for the bracket: the query may end with a comment.
        let sql = format!("COPY ({query}\n) TO STDOUT WITH (FORMAT csv, HEADER true)");
        let mut rows = pin!(client.copy_out(&sql).await.map_err(refused)?);
        let mut batch = Vec::with_capacity(BATCH);
        // PostgreSQL sends every row by itself.
        while let Some(row) = rows.try_next().await.map_err(|e| match e.as_db_error() {
            Some(_) => refused(e),
            None => broken_off(&e),
        })? {
            batch.extend_from_slice(&row);
            if batch.len() >= BATCH && sender.send(std::mem::take(&mut batch)).is_err() {
                return Ok(());
            }
        }
        // Nobody reads any more when it fails, and knows why.
        let _ = sender.send(batch);
        Ok(())
    })
}

/// A query without the semicolon at its end and the comments behind it, so that brackets can stand around it.
fn without_end(query: &str) -> &str {
    let mut query = query.trim_end();
    loop {
        let line = query.rfind('\n').map_or(0, |end| end + 1);
        let code = query[line..]
            .find("--")
            .map_or(query, |comment| query[..line + comment].trim_end());
        let shorter = match code.strip_suffix(';') {
            Some(statement) => statement,
            None if code.len() <= line => code,
            None => return query,
        };
        if shorter.len() == query.len() {
            return query;
        }
        query = shorter.trim_end();
    }
}

async fn connect(url: &str) -> Result<Client, Error> {
    // Certificates are verified in any case.
    let url = url
        .replace("sslmode=verify-full", "sslmode=require")
        .replace("sslmode=verify-ca", "sslmode=require");
    let mut config: Config = url.parse().map_err(|e: tokio_postgres::Error| {
        Error::bad(format!(
            "the database's connection string: {}; give postgres://user:password@host:port/name",
            primary(&e)
        ))
    })?;
    config.application_name("canvass rehearse reconcile");
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    let failed = |e| {
        Error::Target(format!(
            "cannot connect to the database at {}: {}",
            place(&config),
            primary(&e)
        ))
    };
    if is_plain(&config) {
        let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
        tokio::spawn(connection);
        Ok(client)
    } else {
        let (client, connection) = config.connect(tls()?).await.map_err(failed)?;
        tokio::spawn(connection);
        Ok(client)
    }
}

/// Whether bytes go unencrypted: never over a network unless that is said.
fn is_plain(config: &Config) -> bool {
    let is_local = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
    };
    match config.get_ssl_mode() {
        SslMode::Disable => true,
        SslMode::Require => false,
        _ => {
            config.get_hosts().iter().all(is_local)
                && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
        }
    }
}

fn tls() -> Result<MakeRustlsConnect, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::Target(format!("TLS to the database: {e}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Where a database is, without user and password.
fn place(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "no host".into(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    format!("{host}:{port}")
}

fn broken_off(error: &tokio_postgres::Error) -> Error {
    Error::Target(format!("the database broke off: {}", primary(error)))
}

/// PostgreSQL's primary message (its details may quote rows), or the cause behind the driver's.
fn primary(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    if let Some(said) = error.as_db_error() {
        return format!("{} ({})", said.message(), said.code().code());
    }
    match error.source() {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_querys_end_is_found() {
        for (query, statement) in [
            ("TABLE a", "TABLE a"),
            ("TABLE a ; \n", "TABLE a"),
            (
                "-- all\nTABLE a; -- of it\n\n  -- really; yes\n",
                "-- all\nTABLE a",
            ),
            ("TABLE a -- of it;", "TABLE a -- of it;"),
            ("VALUES ('a;') -- b", "VALUES ('a;') -- b"),
            ("TABLE a;;", "TABLE a"),
            ("TABLE a; TABLE b;", "TABLE a; TABLE b"),
            ("-- nothing", ""),
            ("", ""),
        ] {
            assert_eq!(without_end(query), statement, "{query:?}");
        }
    }

    #[test]
    fn bytes_go_unencrypted_over_sockets_and_loopback_only() {
        for (url, plain) in [
            ("postgres://u@127.0.0.1/d", true),
            ("postgres://u@localhost/d", true),
            ("postgres://u@[::1]/d", true),
            ("host=/run/postgresql dbname=d", true),
            ("postgres://u@db.example.com/d", false),
            ("postgres://u@10.0.0.1/d", false),
            ("postgres://u@localhost,db.example.com/d", false),
            ("host=localhost hostaddr=10.0.0.1 dbname=d", false),
            ("postgres://u@localhost/d?sslmode=require", false),
            ("postgres://u@db.example.com/d?sslmode=disable", true),
        ] {
            assert_eq!(is_plain(&url.parse().unwrap()), plain, "{url}");
        }
    }
}
