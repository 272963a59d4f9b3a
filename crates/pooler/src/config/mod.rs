//! The configuration: a `pgbouncer.ini` with a `[canvass]` section of our own.

mod canvass;
mod kinds;
mod numbers;
mod sections;
mod settings;
pub mod table;
mod values;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use canvass::Canvass;
pub use sections::{Database, Peer, User};
pub use settings::Settings;
pub use values::{
    AuthType, CheckQuery, LoadBalanceHosts, PoolMode, Secret, ServerCap, SessionState, SslMode, TlsProtocols,
};

/// Everything that the configuration says, with defaults where it is silent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// The file that it was read from; `None` if it was read from a text.
    pub path: Option<PathBuf>,
    /// The section `[pgbouncer]`.
    pub settings: Settings,
    /// The section `[databases]` without its entry `*`, by the names that clients use.
    pub databases: BTreeMap<String, Database>,
    /// The entry `*` of `[databases]`: the pattern for databases that have no entry.
    pub any_database: Option<Database>,
    /// The section `[users]`, by user name.
    pub users: BTreeMap<String, User>,
    /// The section `[peers]`, by peer id.
    pub peers: BTreeMap<u32, Peer>,
    /// The section `[canvass]`.
    pub canvass: Canvass,
}

/// A configuration that was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What the operator should know, one sentence each: settings that are accepted but have no effect.
    pub warnings: Vec<String>,
}

/// Why a configuration was not taken: everything that is wrong with it, one line each.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub(crate) Vec<String>);

impl ConfigError {
    /// What is wrong, one line each, with file and line where there are.
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}
