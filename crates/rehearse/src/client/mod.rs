//! HTTP/1.1 as a load generator needs it: every phase has its moment, and an idle connection holds no buffer.
//!
//! [`Connection::exchange`] writes one request and reads one reply; redirects, cookies and retries are the caller's
//! ([`crate::run`]). Sources: RFC 9110 (semantics), RFC 9112 (messages).

mod connection;
mod decode;
mod framing;
pub mod reply;
pub mod target;

pub use connection::{Buffers, Connection, Connector, Exchanged, Trouble};
pub use decode::decode;
pub use reply::{Headers, Reply};
pub use target::{Hosts, Origin};
