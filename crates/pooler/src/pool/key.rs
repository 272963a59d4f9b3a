//! Which pool a client belongs to.

use std::sync::Arc;

use super::DatabaseState;

/// A database as clients name it, and the user that the servers are logged in as.
#[derive(Debug, Clone)]
pub struct PoolKey {
    /// The database's name.
    pub database: Arc<str>,
    /// The user's name.
    pub user: Arc<str>,
    /// What the console decided about the database.
    pub database_state: Arc<DatabaseState>,
}
