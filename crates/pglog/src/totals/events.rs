//! What the log says beside durations.

use serde::{Deserialize, Serialize};

use super::ledger::Merge;
use super::{Checkpoints, Connections, Locks, Messages, Plans, Pooler, TemporaryFiles, Vacuums};

/// What the log says beside durations.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Events {
    /// Errors, warnings, and what an operator has to see.
    pub messages: Messages,
    /// Connections and sessions.
    pub connections: Connections,
    /// Temporary files.
    pub temporary: TemporaryFiles,
    /// Waits for locks, and deadlocks.
    pub locks: Locks,
    /// Checkpoints and restartpoints.
    pub checkpoints: Checkpoints,
    /// Autovacuum.
    pub vacuums: Vacuums,
    /// auto_explain's plans.
    pub plans: Plans,
    /// A pooler's log.
    #[serde(default)]
    pub pooler: Pooler,
    /// Records that say something else, which is not told apart.
    pub untold: u64,
}

impl Merge for Events {
    fn merge(&mut self, other: &Self) {
        self.messages.merge(&other.messages);
        self.connections.merge(&other.connections);
        self.temporary.merge(&other.temporary);
        self.locks.merge(&other.locks);
        self.checkpoints.merge(&other.checkpoints);
        self.vacuums.merge(&other.vacuums);
        self.plans.merge(&other.plans);
        self.pooler.merge(&other.pooler);
        self.untold += other.untold;
    }
}
