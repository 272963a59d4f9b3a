//! What is due once in a while: clients that wait or idle too long, servers that are old, pools that need more.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::client::{ClientInfo, ClientState, Order};
use crate::clock;
use crate::config::PoolMode;
use crate::hub::Hub;
use crate::pool::Terms;
use crate::refusal::Refusal;
use crate::timer;

/// How often the deadlines of clients are looked at.
const CLIENTS_EVERY: Duration = Duration::from_millis(100);
/// How often pools are looked at, when nothing calls for it before.
const POOLS_EVERY: Duration = Duration::from_millis(300);

/// Does it until the process ends.
pub(crate) async fn run(hub: Arc<Hub>) {
    let mut ticks = timer::interval(CLIENTS_EVERY);
    let mut pools_at = Instant::now();
    loop {
        let called = tokio::select! {
            _ = ticks.tick() => false,
            () = hub.upkeep.notified() => true,
        };
        if called {
            for pool in hub.pools() {
                pool.hand_out();
                pool.grow();
            }
            continue;
        }
        hub.statistics.tick(&hub);
        hub.end_when_due();
        if hub.gate.mode().is_still() {
            // Whatever is done now would surprise the process that takes over.
            continue;
        }
        let now = clock::micros();
        for client in hub.clients() {
            check_client(&hub, &client, now);
        }
        if pools_at.elapsed() >= POOLS_EVERY {
            pools_at = Instant::now();
            check_pools(&hub);
        }
    }
}

fn check_pools(hub: &Arc<Hub>) {
    for pool in hub.pools() {
        pool.maintain(hub);
    }
    let idle = hub.config.load().settings.autodb_idle_timeout;
    if !idle.is_zero() {
        let config = hub.config.load();
        hub.forget_pools(|pool| {
            !config.databases.contains_key(&*pool.key.database)
                && pool.key.database_state.clients.load(Relaxed) == 0
                && pool.is_forgotten(idle)
        });
    }
}

/// Ends what takes too long. Precise to a tenth of a second; costs clients nothing.
fn check_client(hub: &Hub, client: &ClientInfo, now: u64) {
    let Some(pool) = client.pool.get() else {
        return;
    };
    let terms = pool.terms.load();
    let state = client.state();
    let since = client.since.load(Relaxed);
    let past = |began: u64, limit: Duration| {
        !limit.is_zero() && began > 0 && u128::from(now.saturating_sub(began)) >= limit.as_micros()
    };
    if let Some(refusal) = verdict(&terms, client, state, since, &past) {
        client.order(Order::End(refusal));
        return;
    }
    if terms.fast_close
        && state == ClientState::Idle
        && client
            .server()
            .is_some_and(|server| server.close_needed.load(Relaxed))
    {
        client.wake();
    }
    let notify = terms.query_wait_notify;
    if state == ClientState::Waiting && past(since, notify) && client.notified.swap(since, Relaxed) != since {
        client.order(Order::NotifyWait);
    }
    if matches!(state, ClientState::Waiting | ClientState::WaitingLogin)
        && let Some(refusal) = hub.refuses_waiting()
    {
        client.order(Order::End(refusal));
    }
}

fn verdict(
    terms: &Terms,
    client: &ClientInfo,
    state: ClientState,
    since: u64,
    past: &impl Fn(u64, Duration) -> bool,
) -> Option<Refusal> {
    match state {
        ClientState::Login | ClientState::CancelWaiting | ClientState::CancelActive => None,
        ClientState::Waiting | ClientState::WaitingLogin => {
            past(since, terms.query_wait_timeout).then_some(Refusal::QUERY_WAIT_TIMEOUT)
        }
        ClientState::Idle => past(since, terms.client_idle_timeout).then_some(Refusal::CLIENT_IDLE_TIMEOUT),
        ClientState::IdleInTransaction if past(since, terms.idle_transaction_timeout) => {
            Some(Refusal::IDLE_TRANSACTION_TIMEOUT)
        }
        ClientState::Active if past(client.query_at.load(Relaxed), terms.query_timeout) => {
            Some(Refusal::QUERY_TIMEOUT)
        }
        ClientState::Active | ClientState::IdleInTransaction => {
            let began = client.transaction_at.load(Relaxed);
            let counts = terms.mode != PoolMode::Statement;
            (counts && past(began, terms.transaction_timeout)).then_some(Refusal::TRANSACTION_TIMEOUT)
        }
    }
}
