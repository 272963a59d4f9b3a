//! Private PostgreSQL clusters and processes: start, ready, restart, stop. Knows nothing of surveys.
//!
//! - [`Cluster`] is one private PostgreSQL under one directory: found, created, started, stopped.
//! - [`Process`] is a child that ends when this process ends, however this process ends.
//! - [`Keeper`] starts a service again when it dies and says why when it gives up.
//!
//! Nothing here ever sends SIGKILL to a PostgreSQL process, and nothing here deletes a data directory.

mod data_dir;
mod disk;
mod error;
mod files;
mod leftovers;
mod lock;
mod machine;
mod net;
mod notices;
mod postgres;
mod process;
mod secrets;
mod service;
mod supervise;
mod user;

pub use data_dir::DataDir;
pub use disk::free_bytes;
pub use error::Error;
pub use files::{last_lines, write_private};
pub use machine::Machine;
pub use net::{check_port_free, check_port_open_to};
pub use notices::Notices;
pub use postgres::{
    Cluster, ClusterConfig, LOG_LINE_PREFIX, LOGGED_TRANSACTIONS, Mode, PostgresService, Profile, Role,
    SLOW_STATEMENT,
};
pub use process::{Process, Spec};
pub use service::CommandService;
pub use supervise::{Keeper, RestartPolicy, Service};
pub use user::User;
