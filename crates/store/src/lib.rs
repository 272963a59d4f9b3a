//! The only crate with survey SQL.
//!
//! * [`ingest`] is the write path: every answer, start and submission goes through it and nothing else writes them.
//! * [`read`] only reads.
//! * [`admin`] makes waves and codes: few writes, none of them answers.
//! * [`migrate`] brings a database to this program's schema.

pub mod admin;
pub mod code;
mod connect;
mod error;
mod ids;
pub mod ingest;
mod migration;
pub mod read;
mod tls;
mod waves;

pub use connect::{Database, refuse_unsafe};
pub use error::Error;
pub use ids::{ResponseId, WaveId};
pub use migration::{MigrationReport, migrate};
pub use tokio_postgres::Client;
pub use waves::{Phase, Wave, Waves};
