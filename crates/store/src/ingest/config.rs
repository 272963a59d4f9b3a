//! The write path's limits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The write path's limits: `[ingest]` in canvass.toml. All hold for one core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Most facts that wait for the writer; beyond, saves are refused with 503. Fewer may wait when the last commits were
    /// so slow that these could not be committed within three quarters of the deadline.
    pub queue_rows: usize,
    /// Most bytes of answers that wait for the writer.
    pub queue_bytes: usize,
    /// Most facts in one transaction: beyond about 500 a larger batch saves no more work, it only waits longer.
    pub batch_rows: usize,
    /// Most bytes of answers in one transaction.
    pub batch_bytes: usize,
    /// Milliseconds after which a save that could not be committed is answered with 503.
    pub deadline_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            queue_rows: 8_192,
            queue_bytes: 32 << 20,
            batch_rows: 1_000,
            batch_bytes: 4 << 20,
            deadline_ms: 8_000,
        }
    }
}

impl Config {
    /// [`Config::deadline_ms`] as a duration.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }
}
