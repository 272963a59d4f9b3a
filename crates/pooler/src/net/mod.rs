//! Sockets: plain or with TLS, bound to one event loop at a time, and what waits to be written to them.

mod outbox;
mod scratch;
mod socket;
mod stream;

pub use outbox::Outbox;
pub use scratch::{LONG, SCRATCH, with_scratch};
pub use socket::Socket;
pub use stream::Stream;
