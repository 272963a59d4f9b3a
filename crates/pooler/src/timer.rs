//! Time limits and pauses. The event loops have no timers of their own, for which each of their turns would read the clock
//! four times and look for the next one due: one thread of the process keeps the time for all.

use std::future::pending;
use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, EnterGuard, Handle};
use tokio::time::{Interval, Sleep, Timeout};

static KEEPER: OnceLock<Handle> = OnceLock::new();

/// Starts the thread that keeps the time, unless it runs.
///
/// # Errors
/// The operating system gives no thread.
pub(crate) fn start() -> io::Result<()> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if KEEPER.get().is_some() {
        return Ok(());
    }
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let handle = runtime.handle().clone();
    thread::Builder::new()
        .name("pool-timer".to_owned())
        .spawn(move || runtime.block_on(pending::<()>()))?;
    // Nobody else sets it.
    let _ = KEEPER.set(handle);
    Ok(())
}

/// What is made while this lives is kept by the keeper; before it is started, by the calling runtime.
fn kept() -> Option<EnterGuard<'static>> {
    KEEPER.get().map(Handle::enter)
}

/// `work`, for as long as `limit` at most.
pub(crate) fn timeout<F: Future>(limit: Duration, work: F) -> Timeout<F> {
    let _kept = kept();
    tokio::time::timeout(limit, work)
}

/// What `work` gives; `None` when it takes longer than `limit`, where zero is no limit, as in the configuration.
pub(crate) async fn within<F: Future>(limit: Duration, work: F) -> Option<F::Output> {
    if limit.is_zero() {
        return Some(work.await);
    }
    timeout(limit, work).await.ok()
}

/// A pause.
pub(crate) fn sleep(length: Duration) -> Sleep {
    let _kept = kept();
    tokio::time::sleep(length)
}

/// A tick at once and then every `period`, later ones later when one was missed.
pub(crate) fn interval(period: Duration) -> Interval {
    let _kept = kept();
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}
