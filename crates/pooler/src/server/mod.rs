//! A connection to PostgreSQL: what it is, what it owes, and how it is opened.

mod connect;
mod dialogue;
mod info;
mod owed;
mod prepared;

use std::sync::Arc;

pub use connect::{ConnectError, Endpoint, Target, connect};
pub(crate) use connect::{open_for_cancel, open_to_peer};
pub use dialogue::DialogueError;
pub(crate) use dialogue::read_message;
pub use info::{ServerInfo, ServerState};
pub use owed::{Closed, Met, Owed, Prepared, ReadyFor, Replies};
pub use prepared::OnServer;

use crate::net::{Outbox, Stream, with_scratch};
use crate::pool::Seat;
use crate::session::{APPLICATION_NAME, Tracked, Values};
use crate::wire::ready::Transaction;
use crate::wire::{self, parameter_status};

/// A server connection after its login. Whoever owns it may use it; closing it is dropping it.
#[derive(Debug)]
pub struct Server {
    /// What others may see of it.
    pub info: Arc<ServerInfo>,
    /// The connection.
    pub stream: Stream,
    /// Bytes that it has not taken yet.
    pub outbox: Outbox,
    /// The beginning of a message that has not come whole.
    pub inbox: Vec<u8>,
    /// Bytes still to come of a message that is passed on as it comes.
    pub body: usize,
    /// The replies that it owes.
    pub replies: Replies,
    /// Where its transaction stood at its last ReadyForQuery.
    pub transaction: Transaction,
    /// Its settings.
    pub values: Values,
    /// The statements that it has.
    pub prepared: OnServer,
    /// Whose unnamed statement it has: client and number.
    pub unnamed: Option<(u64, u64)>,
    /// Why nobody may have it after its present client.
    pub doubt: Option<&'static str>,
    /// It is in order, but must not be used again after its present client.
    pub retire: bool,
    /// Its session has state that no reset has removed.
    pub dirty: bool,
    /// The thread whose event loop it is registered with.
    pub home: usize,
    /// When it was last given back, in [`crate::clock::micros`].
    pub idle_since: u64,
    /// The pool's generation when it was opened: RECONNECT makes older ones leave.
    pub generation: u64,
    /// Its place among the connections that are allowed; given up when it is dropped.
    pub seat: Seat,
}

impl Server {
    /// Registers it with the event loop of `thread`.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn move_to(&mut self, thread: usize) -> std::io::Result<()> {
        if self.home != thread {
            self.stream.rehome()?;
            self.home = thread;
        }
        Ok(())
    }

    /// True when the next client may have it: nothing owed, nothing half said, no transaction, no doubt.
    pub fn is_clean(&self) -> bool {
        self.transaction == Transaction::Idle
            && self.doubt.is_none()
            && self.body == 0
            && self.inbox.is_empty()
            && self.outbox.is_empty()
            && self.replies.none()
    }

    /// Hears what an idle server says by itself, without waiting: settings that changed and notices are fine, anything
    /// else means that it is about to go, or in a state that is not known. False: close it.
    pub fn idle_is_well(&mut self, tracked: &Tracked) -> bool {
        loop {
            let well = with_scratch(|scratch| match self.stream.take_now(scratch)? {
                Ok(n) if n > 0 => Some(self.hear_while_idle(&scratch[..n], tracked)),
                _ => Some(false),
            });
            match well {
                None => return true,
                Some(false) => return false,
                Some(true) => {}
            }
        }
    }

    fn hear_while_idle(&mut self, mut bytes: &[u8], tracked: &Tracked) -> bool {
        while !bytes.is_empty() {
            let Ok(Some(head)) = wire::head(bytes) else {
                return false;
            };
            let Some((message, rest)) = bytes.split_at_checked(head.total) else {
                return false;
            };
            match head.kind {
                b'S' => self.note_setting(message, tracked),
                b'N' => {}
                _ => return false,
            }
            bytes = rest;
        }
        true
    }

    /// Notes a ParameterStatus; the place of the setting when it is a tracked one.
    pub fn note_setting(&mut self, message: &[u8], tracked: &Tracked) {
        if let Some((name, value)) = parameter_status::read(message)
            && let Some(place) = tracked.place(name)
            && let Ok(value) = std::str::from_utf8(value)
        {
            self.values.set(place, Some(value.into()));
            if place == APPLICATION_NAME {
                self.info.set_application_name(value);
            }
        }
    }

    /// Shows others the application's name, which is one of its values.
    pub fn show_application_name(&self) {
        let name = self.values.get(APPLICATION_NAME);
        self.info
            .set_application_name(name.map(|name| &**name).unwrap_or_default());
    }
}
