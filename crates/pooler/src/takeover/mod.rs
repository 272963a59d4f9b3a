//! Online restart (`-R`): a new process takes the sockets of the running one over, with everything that is known of the
//! connections behind them, and no client notices.
//!
//! The new process comes to the console over the Unix socket, as the same user of the operating system, and says
//! `HAND_OVER` and a version. The old one lets nobody in any more, lets those in who are at it, has everybody stand still
//! wherever they are, and sends everything as one [`Message`](message::Message) a listener, statement, pool, server and
//! client, with the sockets' file descriptors beside them. What is under way goes, too: replies that are owed, halves of
//! messages, bytes that nobody has taken yet. Nobody moves until the new process has said that it has everything: one word
//! decides. Had the old one taken everything back by then, the word does not reach it, and the new one ends; otherwise the
//! old one ends.
//!
//! Connections inside TLS cannot go: the keys are in the old process alone. Their clients are told, as soon as their
//! present query has been answered.

mod build;
mod give;
mod line;
pub(crate) mod message;
pub(crate) mod parcel;
mod settle;
mod take;

pub(crate) use give::{Giving, Parcels, hand_over};
pub(crate) use message::{Listener as Kind, Totals};
pub(crate) use parcel::{Parcel, Stays, pack_server};
pub use take::TakeoverError;
pub(crate) use take::{Inventory, take};

/// The version of the conversation: another one is refused.
pub(crate) const VERSION: u32 = 1;
