//! A private PostgreSQL.

mod cluster;
mod control;
mod find;
mod initdb;
mod leftover;
mod prepare;
mod roles;
mod service;
mod settings;

pub use cluster::{Cluster, ClusterConfig, LOGGED_TRANSACTIONS, Profile, Role, SLOW_STATEMENT};
pub use control::Mode;
pub use service::PostgresService;
pub use settings::LOG_LINE_PREFIX;
