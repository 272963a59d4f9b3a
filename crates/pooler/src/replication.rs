//! Replication: a server connection of the client's own, outside all pools, both passed on byte for byte.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::AsyncWriteExt;

use crate::client::ClientInfo;
use crate::hub::Hub;
use crate::log::Level;
use crate::net::Stream;
use crate::pool::{Pool, Seat};
use crate::refusal::Refusal;
use crate::server::{Target, connect};
use crate::wire::backend_key::BackendKey;
use crate::wire::error::Severity;
use crate::wire::parameter_status::put_status;
use crate::wire::ready::READY_IDLE;
use crate::wire::startup::Startup;

/// Serves a client that asked for replication.
pub(crate) async fn serve(
    hub: &Arc<Hub>,
    info: &Arc<ClientInfo>,
    mut client: Stream,
    startup: &Startup,
    pool: &Arc<Pool>,
) {
    let target = Target {
        id: hub.next_id(),
        thread: hub.this_thread(),
        user: pool.key.user.clone(),
        generation: 0,
        replication: startup.get("replication").map(str::to_owned),
    };
    let terms = pool.terms.load_full();
    let credentials = pool.credentials.load_full();
    let opened = connect(hub, &terms, &credentials, &target, Seat::uncounted()).await;
    let (mut server, welcome) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            let refusal = Refusal::login_failing(error.sqlstate(), &error.to_string());
            crate::client::log_end(hub, info, &refusal);
            let mut words = Vec::new();
            refusal.put(Severity::Fatal, &mut words);
            let _ = client.write_all(&words).await;
            let _ = client.shutdown().await;
            return;
        }
    };
    info.link(&server.info);
    let mut words = vec![b'R', 0, 0, 0, 8, 0, 0, 0, 0];
    words.extend_from_slice(&welcome.messages);
    for (place, name) in hub.tracked.names().enumerate() {
        if let Some(value) = welcome.values.get(place) {
            put_status(name.as_bytes(), value.as_bytes(), &mut words);
        }
    }
    if let Ok(key) = hub.cancel_keys.give(info, startup.minor.min(2)) {
        BackendKey::put(&key, &mut words);
        let _ = info.key.set(key);
    }
    words.extend_from_slice(&READY_IDLE);
    if client.write_all(&words).await.is_err() || client.flush().await.is_err() {
        return;
    }
    info.request_at.store(crate::clock::micros(), Ordering::Relaxed);
    let reason = tokio::select! {
        refusal = info.sentenced() => refusal,
        _ = tokio::io::copy_bidirectional(&mut client, &mut server.stream) => Refusal::silent("client close request"),
    };
    info.unlink();
    hub.log
        .client(Level::Log, info, &format!("closing because: {}", reason.message));
}
