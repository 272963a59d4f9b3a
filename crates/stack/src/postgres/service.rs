use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::postgres::Cluster;
use crate::{Error, Process, Service};

/// A cluster under a [`crate::Keeper`].
#[derive(Debug)]
pub struct PostgresService {
    cluster: Arc<Cluster>,
    log: PathBuf,
}

impl PostgresService {
    /// Keeps `cluster` alive.
    pub fn new(cluster: Arc<Cluster>) -> PostgresService {
        PostgresService {
            log: cluster.log(),
            cluster,
        }
    }
}

impl Service for PostgresService {
    fn name(&self) -> &str {
        "PostgreSQL"
    }

    fn log(&self) -> &Path {
        &self.log
    }

    async fn start(&mut self) -> Result<Process, Error> {
        self.cluster.start().await
    }
}
