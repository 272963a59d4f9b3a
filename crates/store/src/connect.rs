//! Connections: how they are configured and what they must promise.

use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::Error;
use crate::error::plain;
use crate::tls::TlsSettings;

/// How long a read waits for a free connection.
const POOL_WAIT: Duration = Duration::from_secs(4);
/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A database by its connection string; cheap to clone.
#[derive(Clone)]
pub struct Database {
    config: Config,
    tls: MakeRustlsConnect,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("target", &self.target())
            .finish()
    }
}

impl Database {
    /// Reads a connection string in either of libpq's forms, `sslmode` and `sslrootcert` included.
    ///
    /// # Errors
    /// [`Error::Url`] when it is neither, or `sslrootcert` cannot be read.
    pub fn new(url: &str) -> Result<Self, Error> {
        let (url, tls) = TlsSettings::split_from(url);
        let tls = tls.connector()?;
        let mut config = Config::from_str(&url).map_err(|e| Error::Url(plain(&e)))?;
        // With "$user" in the search path a role named `canvass` would find its tables in our schema of that name.
        let asked = config.get_options().map_or_else(String::new, |o| format!("{o} "));
        config
            .options(format!("{asked}-c synchronous_commit=on -c search_path=public"))
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(Duration::from_secs(10))
            .keepalives_idle(Duration::from_secs(10));
        if config.get_application_name().is_none() {
            config.application_name("canvass");
        }
        Ok(Self { config, tls })
    }

    /// Where the database is, without user and password.
    pub fn target(&self) -> String {
        let host = match self.config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        };
        format!(
            "{host}:{}",
            self.config.get_ports().first().copied().unwrap_or(5432)
        )
    }

    /// One connection; its traffic runs as a task of the current runtime. It is checked by [`refuse_unsafe`].
    ///
    /// # Errors
    /// [`Error::Connect`], [`Error::Unsafe`].
    pub async fn connect(&self) -> Result<Client, Error> {
        let refused = |e: &tokio_postgres::Error| Error::Connect {
            target: self.target(),
            cause: plain(e),
        };
        let (client, connection) = self
            .config
            .connect(self.tls.clone())
            .await
            .map_err(|e| refused(&e))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(cause = %plain(&error), "database connection ended");
            }
        });
        refuse_unsafe(&client).await?;
        Ok(client)
    }

    /// A pool of connections for reading, whose traffic runs on the current runtime.
    ///
    /// # Errors
    /// [`Error::Connect`] when it cannot be built; it does not connect yet.
    pub(crate) fn pool(&self, size: usize) -> Result<Pool, Error> {
        let recycling = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        // Every read through a pool is by key and prepared. A plan outlives the moment when it was made, and what was
        // a page then may be ten million rows now: it must never be a scan of the table.
        let mut config = self.config.clone();
        let asked = config.get_options().unwrap_or_default();
        let options = format!("{asked} -c plan_cache_mode=force_generic_plan -c enable_seqscan=off");
        config.options(options);
        let manager = Manager::from_config(config, self.tls.clone(), recycling);
        Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(POOL_WAIT))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .build()
            .map_err(|e| Error::Connect {
                target: self.target(),
                cause: e.to_string(),
            })
    }

    /// How long a read waits for a free connection, in milliseconds.
    pub(crate) fn pool_wait_ms() -> u64 {
        u64::try_from(POOL_WAIT.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Refuses a server whose COMMIT does not mean "on disk", or that is older than PostgreSQL 14.
///
/// # Errors
/// [`Error::Unsafe`], [`Error::TooOld`], [`Error::Statement`].
pub async fn refuse_unsafe(client: &Client) -> Result<(), Error> {
    let sql = "SELECT current_setting('fsync'), current_setting('full_page_writes'), \
               current_setting('server_version_num')::int, current_setting('server_version'), \
               current_setting('synchronous_commit')";
    let row = client
        .query_one(sql, &[])
        .await
        .map_err(|e| Error::statement("checking the server", &e))?;
    for (column, setting) in [(0, "fsync"), (1, "full_page_writes"), (4, "synchronous_commit")] {
        if row.get::<_, &str>(column) == "off" {
            return Err(Error::Unsafe {
                setting: setting.to_owned(),
            });
        }
    }
    if row.get::<_, i32>(2) < 140_000 {
        return Err(Error::TooOld(row.get(3)));
    }
    Ok(())
}
