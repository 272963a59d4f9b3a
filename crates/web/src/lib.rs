//! The web part: respondents' pages and the API, on one event loop per core.
//!
//! * `router.rs` lists every route.
//! * `server.rs` runs the event loops: listeners, connections, stopping.
//! * `app.rs` is what a handler can reach; `api/` and `respond/` are the handlers.
//! * `token.rs` is what is signed and sealed; `keys.rs` the file with the secrets.
//!
//! Nothing here speaks SQL, and nothing here acknowledges: an answer is acknowledged by `store::ingest` alone.

mod address;
mod api;
mod app;
mod assets;
mod budget;
mod config;
mod enter;
mod error;
pub mod keys;
mod metrics;
mod request;
mod respond;
mod router;
mod server;
mod tls;
mod token;

pub use config::Config;
pub use server::{Error, Stop, serve};
pub use token::{Right, Seal, SealedItem, Session, Tokens};
