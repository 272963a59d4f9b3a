//! Whether clients get servers at all: PAUSE and SUSPEND on the console, RESUME after them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use tokio::sync::Notify;

/// What the console decided for all databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mode {
    /// Clients get servers.
    Active,
    /// PAUSE: nobody gets a server, and those that are free are closed.
    Paused,
    /// SUSPEND: nobody gets a server, and nothing is read from anybody.
    Suspended,
    /// Another process is about to take everything over: clients work, and nobody new is let in.
    Draining,
    /// Another process is taking everything over: nobody gets a server, and nobody moves.
    HandingOver,
    /// This process is taking over from another one, and begins when it has everything.
    TakingOver,
}

impl Mode {
    /// Nobody gets a server, and nothing is done about time that passes.
    pub fn is_still(self) -> bool {
        matches!(self, Self::Suspended | Self::HandingOver | Self::TakingOver)
    }

    /// Connections are accepted.
    pub fn lets_in(self) -> bool {
        matches!(self, Self::Active | Self::Paused)
    }
}

/// The mode, shared by all databases, and word of its changes.
#[derive(Debug, Default)]
pub struct Gate {
    mode: AtomicU8,
    changed: Notify,
}

impl Gate {
    /// What the console decided for all databases.
    pub fn mode(&self) -> Mode {
        match self.mode.load(Ordering::SeqCst) {
            1 => Mode::Paused,
            2 => Mode::Suspended,
            3 => Mode::Draining,
            4 => Mode::HandingOver,
            5 => Mode::TakingOver,
            _ => Mode::Active,
        }
    }

    /// Goes from one mode to another; false when the mode was not `from`.
    pub fn change(&self, from: Mode, to: Mode) -> bool {
        let changed = self
            .mode
            .compare_exchange(from as u8, to as u8, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok();
        if changed {
            self.changed.notify_waiters();
        }
        changed
    }

    /// Waits until `condition` holds; it is looked at whenever a mode or a database's state has changed.
    pub async fn until(&self, condition: impl Fn() -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if condition() {
                return;
            }
            changed.await;
        }
    }
}

/// What the console decided about a database, and who uses it.
#[derive(Debug)]
pub struct DatabaseState {
    gate: Arc<Gate>,
    paused: AtomicBool,
    disabled: AtomicBool,
    /// Clients that are logged in.
    pub clients: AtomicUsize,
}

impl DatabaseState {
    /// Neither paused nor disabled. `gate`: what holds for all databases.
    pub fn new(gate: &Arc<Gate>) -> Self {
        Self {
            gate: gate.clone(),
            paused: AtomicBool::new(false),
            disabled: AtomicBool::new(false),
            clients: AtomicUsize::new(0),
        }
    }

    /// This database was paused by name, or killed.
    pub fn is_paused_itself(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    /// PAUSE: nobody gets a server, and those that are free are closed.
    pub fn is_paused(&self) -> bool {
        self.is_paused_itself() || self.gate.mode() == Mode::Paused
    }

    /// True while nobody gets a server.
    pub fn is_held(&self) -> bool {
        self.is_paused_itself() || !matches!(self.gate.mode(), Mode::Active | Mode::Draining)
    }

    /// PAUSE or RESUME of this database; what it was before.
    pub fn set_paused(&self, paused: bool) -> bool {
        let before = self.paused.swap(paused, Ordering::SeqCst);
        self.gate.changed.notify_waiters();
        before
    }

    /// Waits until it is paused.
    pub async fn until_paused(&self) {
        self.gate.until(|| self.is_paused()).await;
    }

    /// DISABLE: no new clients.
    pub fn is_disabled(&self) -> bool {
        self.disabled.load(Ordering::Relaxed)
    }

    /// DISABLE or ENABLE.
    pub fn set_disabled(&self, disabled: bool) {
        self.disabled.store(disabled, Ordering::Relaxed);
    }
}
