//! HTTP/1.1 as a load generator needs it: one task drives a connection, every phase has its moment, and an idle
//! connection holds no buffer.

pub mod reply;

pub use reply::{Headers, Reply};
