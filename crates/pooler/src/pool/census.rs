//! How many server connections there are, over all pools: per database, per user, in all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::{Pool, Terms};

/// Counts of server connections.
#[derive(Debug, Default)]
pub struct Census(Mutex<Heads>);

#[derive(Debug, Default)]
struct Heads {
    all: usize,
    /// Counted by database.
    databases: HashMap<Arc<str>, usize>,
    /// Counted by user.
    users: HashMap<Arc<str>, usize>,
}

impl Heads {
    fn count_in(&mut self, pool: &Pool) {
        self.all += 1;
        *self.databases.entry(pool.key.database.clone()).or_default() += 1;
        *self.users.entry(pool.key.user.clone()).or_default() += 1;
    }
}

/// The limit that leaves no place for another server connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// `max_db_connections`.
    Database,
    /// `max_user_connections`.
    User,
    /// `[canvass] max_server_connections`.
    All,
}

impl Census {
    fn with<T>(&self, work: impl FnOnce(&mut Heads) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts one in, if every limit allows it; 0 is no limit.
    pub(super) fn enter(&self, pool: &Pool, terms: &Terms, most: usize) -> Result<(), Full> {
        self.with(|heads| {
            let database = heads
                .databases
                .get(&pool.key.database)
                .copied()
                .unwrap_or_default();
            let user = heads.users.get(&pool.key.user).copied().unwrap_or_default();
            let full = |count: usize, limit: usize| limit > 0 && count >= limit;
            if full(database, terms.max_database_connections) {
                return Err(Full::Database);
            }
            if full(user, terms.max_user_connections) {
                return Err(Full::User);
            }
            if full(heads.all, most) {
                return Err(Full::All);
            }
            heads.count_in(pool);
            Ok(())
        })
    }

    /// Counts one in that is there already, whatever the limits say.
    pub(super) fn admit(&self, pool: &Pool) {
        self.with(|heads| heads.count_in(pool));
    }

    fn leave(&self, pool: &Pool) {
        self.with(|heads| {
            heads.all -= 1;
            for (map, key) in [
                (&mut heads.databases, &pool.key.database),
                (&mut heads.users, &pool.key.user),
            ] {
                if let Some(count) = map.get_mut(key) {
                    *count -= 1;
                    if *count == 0 {
                        map.remove(key);
                    }
                }
            }
        });
    }

    /// Server connections in all.
    pub fn all(&self) -> usize {
        self.with(|heads| heads.all)
    }

    /// Server connections to a database.
    pub fn of_database(&self, name: &str) -> usize {
        self.with(|heads| heads.databases.get(name).copied().unwrap_or_default())
    }

    /// Server connections of a user.
    pub fn of_user(&self, name: &str) -> usize {
        self.with(|heads| heads.users.get(name).copied().unwrap_or_default())
    }
}

/// A server's place among those that are allowed; dropping it gives the place up and tells the pool.
#[derive(Debug)]
pub struct Seat {
    pool: Weak<Pool>,
    member: Option<u64>,
}

impl Seat {
    pub(super) fn new(pool: &Weak<Pool>) -> Self {
        Self {
            pool: pool.clone(),
            member: None,
        }
    }

    /// A place that nobody counts: a connection outside all pools, for `auth_query` or replication.
    pub fn uncounted() -> Self {
        Self {
            pool: Weak::new(),
            member: None,
        }
    }

    pub(super) fn belongs_to(&mut self, member: u64) {
        self.member = Some(member);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some(pool) = self.pool.upgrade() else {
            return;
        };
        let hub = pool.hub.upgrade();
        if let Some(hub) = &hub {
            hub.census.leave(&pool);
            hub.upkeep.notify_one();
        }
        pool.server_is_gone(self.member);
        if let Some(hub) = &hub {
            hub.parted.notify_waiters();
        }
    }
}
