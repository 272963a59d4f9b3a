//! Reading. Nothing under this folder writes.

mod entry;
mod export;
mod response;

use deadpool_postgres::{Object, Pool, PoolError};

pub use entry::{CodeHash, Enrolment};
pub use export::{ExportRow, Exporter, UnitNames};

use crate::{Database, Error};

/// A core's connections for reading from the primary: what was committed before a read began, the read sees.
#[derive(Clone)]
pub struct Reader {
    pool: Pool,
    target: String,
}

impl Reader {
    /// A reader of at most `connections` connections, opened when they are needed, on the current runtime.
    ///
    /// # Errors
    /// [`Error::Connect`] when the pool cannot be built.
    pub fn new(database: &Database, connections: usize) -> Result<Self, Error> {
        Ok(Self {
            pool: database.pool(connections)?,
            target: database.target(),
        })
    }

    pub(crate) async fn client(&self) -> Result<Object, Error> {
        self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(_) => Error::Busy(Database::pool_wait_ms()),
            PoolError::Backend(e) => Error::Connect {
                target: self.target.clone(),
                cause: crate::error::plain(&e),
            },
            other => Error::Connect {
                target: self.target.clone(),
                cause: other.to_string(),
            },
        })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Connect`], [`Error::Statement`].
    pub async fn ping(&self) -> Result<(), Error> {
        let client = self.client().await?;
        client
            .simple_query("SELECT 1")
            .await
            .map(drop)
            .map_err(|e| Error::statement("asking for a sign of life", &e))
    }
}

/// True for an error after which a read on another connection may succeed: the connection broke, or the server
/// was restarting.
pub(crate) fn broken_connection(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || error.as_db_error().is_none()
        || error
            .code()
            .is_some_and(|c| c.code().starts_with("57P") || c.code().starts_with("08"))
}
