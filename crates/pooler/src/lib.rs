//! A PostgreSQL connection pooler for any client, from a pgbouncer.ini. Knows nothing of surveys.
//!
//! A client is one task on one thread (`client`); between requests it holds nothing but its socket. A request gets a
//! server from its pool (`pool`), and the two are joined until the server owes no reply any more (`server::Replies`):
//! that is what keeps one client's replies from ever reaching another.

mod accept;
mod admin;
pub mod auth;
mod cancel;
mod client;
mod clock;
pub mod config;
mod control;
mod files;
mod hub;
mod listen;
mod log;
mod metrics;
mod names;
mod net;
mod pool;
mod pooler;
pub mod process;
mod refusal;
mod reload;
mod replication;
mod server;
mod session;
mod statistics;
mod takeover;
mod timer;
pub mod tls;
mod tls_start;
mod upkeep;
mod users;
mod wire;

pub use log::{Log, LogConfig};
pub use pooler::{Pooler, StartError};
