//! Which pool a client belongs to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

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

/// What the console decided about a database, and who uses it.
#[derive(Debug, Default)]
pub struct DatabaseState {
    paused: AtomicBool,
    waits_for_close: AtomicBool,
    disabled: AtomicBool,
    /// Clients that are logged in.
    pub clients: AtomicUsize,
    /// Notified when PAUSE ends, or DISABLE.
    pub changed: Notify,
}

impl DatabaseState {
    /// PAUSE: nobody gets a server, and those that are free are closed.
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// True while nobody gets a server.
    pub fn is_held(&self) -> bool {
        self.is_paused()
    }

    /// PAUSE or RESUME.
    pub fn set_paused(&self, paused: bool) {
        self.paused.store(paused, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// DISABLE: no new clients.
    pub fn is_disabled(&self) -> bool {
        self.disabled.load(Ordering::Relaxed)
    }

    /// DISABLE or ENABLE.
    pub fn set_disabled(&self, disabled: bool) {
        self.disabled.store(disabled, Ordering::Relaxed);
    }

    /// WAIT_CLOSE is under way.
    pub fn is_waiting_for_close(&self) -> bool {
        self.waits_for_close.load(Ordering::Relaxed)
    }

    /// WAIT_CLOSE begins or ends.
    pub fn set_waiting_for_close(&self, waiting: bool) {
        self.waits_for_close.store(waiting, Ordering::Relaxed);
    }
}
