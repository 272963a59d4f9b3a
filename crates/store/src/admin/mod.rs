//! What an administrator writes: waves and codes. No answers.

mod people;
mod waves;

pub use people::{Enrolled, NewPerson, check_fingerprint};
pub use waves::{NewWave, WaveSummary};

use tokio_postgres::Client;

use crate::{Database, Error};

/// A connection for administration.
pub struct Admin {
    client: Client,
}

impl Admin {
    /// Connects.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn connect(database: &Database) -> Result<Self, Error> {
        Ok(Self {
            client: database.connect().await?,
        })
    }

    /// The connection, for reading.
    pub fn client(&self) -> &Client {
        &self.client
    }
}
