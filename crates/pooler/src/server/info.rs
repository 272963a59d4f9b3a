//! What others may see of a server connection while somebody uses it.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::connect::Endpoint;
use crate::wire::backend_key::BackendKey;

/// What a server is doing, as `SHOW SERVERS` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ServerState {
    /// Logging in.
    New,
    /// Serves a client.
    Active,
    /// Idle, nobody has used it since it was tested.
    Idle,
    /// Idle, to be tested before use.
    Used,
    /// Runs a reset or a check.
    Tested,
    /// Its client is gone, a cancel request is on its way to it.
    BeingCanceled,
}

impl ServerState {
    const ALL: [Self; 6] = [
        Self::New,
        Self::Active,
        Self::Idle,
        Self::Used,
        Self::Tested,
        Self::BeingCanceled,
    ];
}

/// A server connection, as others see it.
#[derive(Debug)]
pub struct ServerInfo {
    /// A number of its own.
    pub id: u64,
    /// Where it is connected to.
    pub endpoint: Endpoint,
    /// Our end: address and port.
    pub local: (String, u16),
    /// The process id that the server gave and the secret to cancel with.
    pub key: Option<BackendKey>,
    /// Microseconds since 1970 when it was connected.
    pub connected_at: u64,
    /// Protocol and cipher; empty without TLS.
    pub tls: String,
    state: AtomicU8,
    /// Microseconds since 1970 when it was last used.
    pub request_at: AtomicU64,
    /// The client that it serves; 0: none.
    pub client: AtomicU64,
    /// How many statements it has prepared.
    pub prepared: AtomicU32,
    /// The number of its socket's file descriptor.
    pub fd: AtomicI32,
    /// It is to be closed as soon as it is free.
    pub close_needed: AtomicBool,
    application_name: Mutex<String>,
    cancels: AtomicU32,
    cancelled: Notify,
}

impl ServerInfo {
    /// A server that has just been opened.
    pub fn new(
        id: u64,
        endpoint: Endpoint,
        local: (String, u16),
        key: Option<BackendKey>,
        tls: String,
        now: u64,
    ) -> Self {
        Self {
            id,
            endpoint,
            local,
            key,
            connected_at: now,
            tls,
            state: AtomicU8::new(ServerState::New as u8),
            request_at: AtomicU64::new(now),
            client: AtomicU64::new(0),
            prepared: AtomicU32::new(0),
            fd: AtomicI32::new(-1),
            close_needed: AtomicBool::new(false),
            application_name: Mutex::default(),
            cancels: AtomicU32::new(0),
            cancelled: Notify::new(),
        }
    }

    /// What it is doing.
    pub fn state(&self) -> ServerState {
        ServerState::ALL[usize::from(self.state.load(Ordering::Relaxed))]
    }

    /// Notes what it is doing.
    pub fn set_state(&self, state: ServerState) {
        self.state.store(state as u8, Ordering::Relaxed);
    }

    /// The application name in force.
    pub fn application_name(&self) -> String {
        self.application_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Notes the application name in force.
    pub fn set_application_name(&self, name: &str) {
        let mut slot = self
            .application_name
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        name.clone_into(&mut slot);
    }

    /// A cancel request for its present client sets out. While it is under way nobody else gets the server.
    pub fn cancel_begins(&self) {
        self.cancels.fetch_add(1, Ordering::SeqCst);
    }

    /// A cancel request has been delivered, or given up.
    pub fn cancel_ends(&self) {
        self.cancels.fetch_sub(1, Ordering::SeqCst);
        self.cancelled.notify_waiters();
    }

    /// True while a cancel request is on its way.
    pub fn is_being_cancelled(&self) -> bool {
        self.cancels.load(Ordering::SeqCst) > 0
    }

    /// Waits until no cancel request is on its way.
    pub async fn cancels_delivered(&self) {
        loop {
            let notified = self.cancelled.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if !self.is_being_cancelled() {
                return;
            }
            notified.await;
        }
    }
}
