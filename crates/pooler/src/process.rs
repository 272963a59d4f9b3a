//! The pooler as a process: command line, signals.

use std::io;
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, ConfigError};
use crate::log::{Level, Log, LogConfig, facility};
use crate::pooler::{Pooler, StartError};

/// The command line.
#[derive(Debug, Clone)]
pub struct Options {
    /// The configuration.
    pub config: PathBuf,
    /// Run in the background.
    pub daemon: bool,
    /// Take the sockets over from the pooler that is running with this configuration.
    pub takes_over: bool,
    /// Write nothing to standard error.
    pub quiet: bool,
    /// How much more to log.
    pub verbose: u32,
    /// Become this user.
    pub user: Option<String>,
}

/// Why the process does not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The pooler does not start.
    #[error("{0}")]
    Start(#[from] StartError),
    /// Something of the operating system.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Runs until a signal ends it.
///
/// # Errors
/// [`RunError`].
pub fn run(options: &Options) -> Result<(), RunError> {
    let loaded = Config::load(&options.config)?;
    let config = loaded.config;
    let settings = &config.settings;
    let log = Log::open(
        LogConfig {
            quiet: options.quiet,
            file: settings.logfile.clone(),
            syslog: settings
                .syslog
                .then(|| (facility(&settings.syslog_facility), settings.syslog_ident.clone())),
        },
        settings.verbose.max(options.verbose),
    )?;
    for warning in &loaded.warnings {
        log.line(Level::Warning, warning);
    }
    let pooler = Pooler::start(config, log)?;
    for address in pooler.addresses() {
        pooler
            .hub()
            .log
            .line(Level::Log, &format!("listening on {address}"));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        io::Result::Ok(())
    })?;
    pooler.end();
    Ok(())
}
