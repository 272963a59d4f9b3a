//! Time as others may see it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
pub fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
