//! Ids that cannot be mistaken for one another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A wave: 1 and up. Its answers stand in the schema `wave_N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WaveId(pub i32);

/// A response: a random positive number that says nothing about the person.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResponseId(pub i64);

impl WaveId {
    /// The name of the wave's schema.
    pub fn schema(self) -> String {
        format!("wave_{}", self.0)
    }
}

impl fmt::Display for WaveId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for ResponseId {
    /// Response ids do not go into logs: with an export at hand they lead to answers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseId(..)")
    }
}
