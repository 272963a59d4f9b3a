//! What the clients of a pool did, counted by thread without locks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::server::ServerState;

macro_rules! totals {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Sums since the start, or what one exchange adds to them.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct Totals { $($(#[$doc])* pub $name: u64,)* }

        #[derive(Debug, Default)]
        #[repr(align(128))]
        struct Cells { $($name: AtomicU64,)* }

        impl Cells {
            /// Only the cells' own thread adds: nothing comes between reading and writing.
            fn add(&self, more: &Totals) {
                $(if more.$name != 0 {
                    let sum = self.$name.load(Ordering::Relaxed).wrapping_add(more.$name);
                    self.$name.store(sum, Ordering::Relaxed);
                })*
            }

            fn add_to(&self, sum: &mut Totals) {
                $(sum.$name += self.$name.load(Ordering::Relaxed);)*
            }
        }

        impl Totals {
            /// Adds others.
            pub fn add(&mut self, more: &Self) {
                $(self.$name += more.$name;)*
            }

            /// What has come since `before`.
            #[must_use]
            pub fn since(&self, before: &Self) -> Self {
                Self { $($name: self.$name.saturating_sub(before.$name),)* }
            }
        }
    };
}

totals! {
    /// Transactions.
    xacts,
    /// Queries: simple ones and Syncs.
    queries,
    /// Times that a client was given a server.
    assignments,
    /// Bytes from clients.
    received,
    /// Bytes to clients.
    sent,
    /// Microseconds in transactions.
    xact_time,
    /// Microseconds in queries.
    query_time,
    /// Microseconds that clients waited for a server.
    wait_time,
    /// Parse messages of clients.
    client_parses,
    /// Parse messages to servers.
    server_parses,
    /// Bind messages of clients.
    binds,
}

/// A pool's sums.
#[derive(Debug)]
pub struct Stats(Box<[Cells]>);

impl Stats {
    /// All zero.
    pub fn new(threads: usize) -> Self {
        Self((0..threads).map(|_| Cells::default()).collect())
    }

    /// Adds what the calling thread has counted; nobody else may add in its name.
    pub fn add(&self, thread: usize, more: &Totals) {
        if let Some(cells) = self.0.get(thread) {
            cells.add(more);
        }
    }

    /// The sums over all threads.
    pub fn totals(&self) -> Totals {
        let mut sum = Totals::default();
        for cells in &self.0 {
            cells.add_to(&mut sum);
        }
        sum
    }
}

/// How many of a pool do what just now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Servers that exist or are being connected.
    pub live: usize,
    /// Servers that are being connected.
    pub connecting: usize,
    /// Clients that wait.
    pub waiting: usize,
    /// How long the first of them has waited.
    pub oldest_wait: Duration,
    /// Servers with a client.
    pub active: usize,
    /// Idle ones.
    pub idle: usize,
    /// Idle ones to be tested before use.
    pub used: usize,
    /// Being reset or checked.
    pub tested: usize,
    /// Free but for a cancel request on its way.
    pub being_canceled: usize,
}

impl Counts {
    /// Adds another pool's; of the waits the longer one counts.
    pub fn add(&mut self, other: &Self) {
        self.live += other.live;
        self.connecting += other.connecting;
        self.waiting += other.waiting;
        self.oldest_wait = self.oldest_wait.max(other.oldest_wait);
        self.active += other.active;
        self.idle += other.idle;
        self.used += other.used;
        self.tested += other.tested;
        self.being_canceled += other.being_canceled;
    }

    pub(super) fn count(&mut self, state: ServerState) {
        match state {
            ServerState::New => {}
            ServerState::Active => self.active += 1,
            ServerState::Idle => self.idle += 1,
            ServerState::Used => self.used += 1,
            ServerState::Tested => self.tested += 1,
            ServerState::BeingCanceled => self.being_canceled += 1,
        }
    }
}
