//! Time as others may see it. Reading a clock is dear (a tenth of a microsecond on some machines): the path of a request
//! reads it once when the request comes, once when a server has been waited for, and once when the reply is over.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The same moment by two clocks.
static START: LazyLock<(Instant, u64)> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (Instant::now(), micros_of(since))
});

/// Microseconds since 1970, by a clock that never goes back: differences are true lengths of time.
pub fn micros() -> u64 {
    let (start, at) = &*START;
    at + micros_of(start.elapsed())
}

/// How long ago that was, in [`micros`].
pub fn since(at: u64) -> Duration {
    Duration::from_micros(micros().saturating_sub(at))
}

/// A moment of [`micros`] by the clock on the wall, which may have been set since the start.
pub fn on_the_wall(at: u64) -> u64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    (at + micros_of(wall)).saturating_sub(micros())
}

fn micros_of(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}
