//! The configuration: a `pgbouncer.ini` with a `[canvass]` section of our own.

mod assign;
mod canvass;
mod check;
mod connection_string;
mod console;
mod ini;
mod kinds;
mod numbers;
mod reader;
mod sections;
mod settings;
pub mod table;
mod values;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reader::Reader;

pub use canvass::Canvass;
pub use console::Row;
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

impl Config {
    /// Reads a configuration file and what it includes. Names of included files that are not absolute are taken from
    /// the working directory, as pgbouncer does.
    ///
    /// # Errors
    /// Everything that is wrong with the files, one line each; then nothing of them is to be used.
    pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
        let mut config = Self {
            path: Some(path.to_owned()),
            ..Self::default()
        };
        config.settings.conffile = Some(path.to_owned());
        let mut reader = Reader::new(config);
        reader.file(path);
        reader.finish()
    }

    /// Reads the text of a configuration file, which messages call `pgbouncer.ini`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str) -> Result<Loaded, ConfigError> {
        let mut reader = Reader::new(Self::default());
        reader.text(text, Path::new("pgbouncer.ini"));
        reader.finish()
    }
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
