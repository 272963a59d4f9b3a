//! Cancel requests: keys that cannot be guessed, and delivery that can only hit the query it was meant for.
//!
//! A key is 4 bytes of process id and 4 bytes of secret (32 in protocol 3.2), all from the operating system's generator;
//! with `peer_id` the peer that a key belongs to stands in its first two bytes, and the last two bits count how often a
//! request may still be passed on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Cancels, ClientInfo, ClientState, Order};
use crate::hub::Hub;
use crate::log::Level;
use crate::server::{ConnectError, ServerInfo};
use crate::wire::backend_key::BackendKey;
use crate::wire::startup::put_cancel;

/// How often a request is passed on between peers at most: a wrong configuration must not send it round for ever.
const HOPS: u8 = 3;

/// Keys in use.
#[derive(Debug)]
pub struct CancelKeys {
    peer: u32,
    clients: Mutex<HashMap<u32, (BackendKey, Arc<ClientInfo>)>>,
}

impl CancelKeys {
    /// None in use. `peer`: this process among its peers, 0 without peers.
    pub fn new(peer: u32) -> Self {
        Self {
            peer,
            clients: Mutex::default(),
        }
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, HashMap<u32, (BackendKey, Arc<ClientInfo>)>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key for a client that speaks protocol 3.`minor`.
    ///
    /// # Errors
    /// When the operating system gives no random numbers.
    pub fn give(&self, client: &Arc<ClientInfo>, minor: u16) -> Result<BackendKey, getrandom::Error> {
        loop {
            let mut random = [0; 36];
            getrandom::fill(&mut random)?;
            let mut pid = [random[0], random[1], random[2], random[3]];
            if self.peer > 0 {
                [pid[0], pid[1]] = u16::try_from(self.peer).unwrap_or(u16::MAX).to_be_bytes();
            }
            let mut secret = random[4..if minor >= 2 { 36 } else { 8 }].to_vec();
            if let Some(last) = secret.last_mut() {
                *last |= HOPS;
            }
            let key = BackendKey {
                pid: u32::from_be_bytes(pid),
                secret,
            };
            let mut clients = self.clients();
            if key.pid != 0 && !clients.contains_key(&key.pid) {
                clients.insert(key.pid, (key.clone(), client.clone()));
                return Ok(key);
            }
        }
    }

    /// Takes a key that was given by a process before this one, with its client.
    pub fn take_over(&self, key: BackendKey, client: &Arc<ClientInfo>) {
        self.clients().insert(key.pid, (key, client.clone()));
    }

    /// The client has gone.
    pub fn remove(&self, key: &BackendKey) {
        self.clients().remove(&key.pid);
    }

    /// The client with this key.
    fn client(&self, key: &BackendKey) -> Option<Arc<ClientInfo>> {
        let clients = self.clients();
        let (own, client) = clients.get(&key.pid)?;
        same_secret(own, key).then(|| client.clone())
    }
}

/// Compares secrets in a time that does not tell where they differ; the hops do not count.
fn same_secret(own: &BackendKey, shown: &BackendKey) -> bool {
    let (Some((own_last, own)), Some((shown_last, shown))) =
        (own.secret.split_last(), shown.secret.split_last())
    else {
        return false;
    };
    if own.len() != shown.len() {
        return false;
    }
    let differs = own.iter().zip(shown).fold(0, |sum, (a, b)| sum | (a ^ b));
    (differs | ((own_last ^ shown_last) & !HOPS)) == 0
}

/// Carries out a cancel request, which came over the connection `request`.
pub async fn cancel(hub: &Arc<Hub>, request: &ClientInfo, key: &BackendKey) {
    request.set_state(ClientState::CancelWaiting, crate::clock::micros());
    if let Some(peer) = foreign_peer(hub, key) {
        let _ = request.cancels.set(Cancels::Peer(peer));
        return pass_to_peer(hub, peer, request, key).await;
    }
    let Some(client) = hub.cancel_keys.client(key) else {
        hub.log.line(Level::Log, "cancel request: no such client");
        return;
    };
    if let Some(pool) = client.pool.get() {
        let _ = request.cancels.set(Cancels::Pool(pool.clone()));
    }
    let waits = matches!(client.state(), ClientState::Waiting | ClientState::WaitingLogin);
    match client.begin_cancel() {
        Some(server) => {
            let limit = hub.config.load().settings.cancel_wait_timeout;
            let delivered = deliver(hub, request, &client, &server);
            if crate::timer::within(limit, delivered).await.is_none() {
                hub.log
                    .client(Level::Warning, &client, "cancel request: cancel_wait_timeout");
            }
            server.cancel_ends();
            client.wake();
        }
        None if waits => client.order(Order::CancelWait),
        // It has nothing under way: as with PostgreSQL, nothing happens.
        None => {}
    }
}

/// Sends the request to the server's postmaster and waits until it has closed the connection: only then has the signal
/// been sent.
async fn deliver(hub: &Arc<Hub>, cancel: &ClientInfo, client: &ClientInfo, server: &ServerInfo) {
    let (Some(key), Some(pool)) = (&server.key, client.pool.get()) else {
        return;
    };
    let terms = pool.terms.load_full();
    let mut stream = match crate::server::open_for_cancel(hub, &terms, &server.endpoint).await {
        Ok(stream) => stream,
        Err(error) => {
            hub.log.client(
                Level::Warning,
                client,
                &format!("cancel request not delivered: {error}"),
            );
            return;
        }
    };
    cancel.set_state(ClientState::CancelActive, crate::clock::micros());
    let mut request = Vec::new();
    put_cancel(key, &mut request);
    if stream.write_all(&request).await.is_ok() && stream.flush().await.is_ok() {
        let mut end = [0];
        let _ = stream.read(&mut end).await;
    }
}

/// The peer that a key belongs to, if it is not this process.
fn foreign_peer(hub: &Hub, key: &BackendKey) -> Option<u32> {
    if hub.cancel_keys.peer == 0 {
        return None;
    }
    let [a, b, ..] = key.pid.to_be_bytes();
    let peer = u32::from(u16::from_be_bytes([a, b]));
    (peer != hub.cancel_keys.peer).then_some(peer)
}

async fn pass_to_peer(hub: &Arc<Hub>, peer: u32, cancel: &ClientInfo, key: &BackendKey) {
    let Some(to) = hub.config.load().peers.get(&peer).cloned() else {
        hub.log
            .line(Level::Log, &format!("cancel request for unknown peer {peer}"));
        return;
    };
    let mut key = key.clone();
    let Some(last) = key.secret.last_mut().filter(|last| **last & HOPS > 0) else {
        hub.log.line(
            Level::Warning,
            &format!("cancel request for peer {peer} was passed on too often: check [peers]"),
        );
        return;
    };
    *last -= 1;
    let work = async {
        let mut stream = crate::server::open_to_peer(hub, &to).await?;
        cancel.set_state(ClientState::CancelActive, crate::clock::micros());
        let mut request = Vec::new();
        put_cancel(&key, &mut request);
        stream.write_all(&request).await?;
        stream.flush().await?;
        let mut end = [0];
        // It says nothing: the end is the answer.
        let _ = stream.read(&mut end).await?;
        Ok(())
    };
    let failed: Result<(), ConnectError> = crate::timer::timeout(Duration::from_secs(10), work)
        .await
        .unwrap_or(Err(ConnectError::Timeout));
    if let Err(error) = failed {
        let words = format!("cancel request for peer {peer}: {error}");
        hub.log.line(Level::Warning, &words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_secret_fits() {
        let key = |secret: &[u8]| BackendKey {
            pid: 1,
            secret: secret.to_vec(),
        };
        assert!(
            same_secret(&key(&[1, 2, 3, 7]), &key(&[1, 2, 3, 6])),
            "hops do not count"
        );
        assert!(!same_secret(&key(&[1, 2, 3, 7]), &key(&[1, 2, 3, 15])));
        assert!(!same_secret(&key(&[1, 2, 3, 7]), &key(&[1, 2, 4, 7])));
        assert!(!same_secret(&key(&[1, 2, 3, 7]), &key(&[1, 2, 3, 7, 7])));
    }
}
