//! Time as others may see it. Reading a clock is dear (a tenth of a microsecond on some machines): the path of a request
//! reads it once when the request comes, once when a server has been waited for, and once when the reply is over.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// How far the clock on the wall was before the one that never goes back, when the process began.
static AHEAD: LazyLock<u64> = LazyLock::new(|| wall().saturating_sub(steady()));

/// Microseconds since 1970, by a clock that never goes back: differences are true lengths of time.
pub fn micros() -> u64 {
    *AHEAD + steady()
}

/// How long ago that was, in [`micros`].
pub fn since(at: u64) -> Duration {
    Duration::from_micros(micros().saturating_sub(at))
}

/// A moment of [`micros`] by the clock on the wall, which may have been set since the start.
pub fn on_the_wall(at: u64) -> u64 {
    (at + wall()).saturating_sub(micros())
}

/// Microseconds since the machine started.
fn steady() -> u64 {
    // Every system that this runs on has the clock.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
        now.tv_sec() as u64 * 1_000_000 + now.tv_nsec() as u64 / 1_000
    })
}

/// Microseconds since 1970.
fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
