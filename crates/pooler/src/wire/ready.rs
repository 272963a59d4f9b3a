//! ReadyForQuery (`Z`): a request is over; one byte says where the transaction stands.

use super::HEADER;

/// Where a session's transaction stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    /// `I`: none.
    Idle,
    /// `T`: in one.
    Open,
    /// `E`: in one that failed.
    Failed,
}

impl Transaction {
    /// Reads a whole ReadyForQuery; `None` when it is none.
    pub fn read(message: &[u8]) -> Option<Self> {
        match message.get(HEADER..)? {
            b"I" => Some(Self::Idle),
            b"T" => Some(Self::Open),
            b"E" => Some(Self::Failed),
            _ => None,
        }
    }
}

/// ReadyForQuery outside a transaction.
pub const READY_IDLE: [u8; 6] = [b'Z', 0, 0, 0, 5, b'I'];
