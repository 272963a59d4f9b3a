//! The pooler as a process: command line, user, background, pidfile, service manager, signals.

mod daemon;
mod pidfile;
mod service;
mod signals;
mod user;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::admin::COMPATIBLE;
use crate::config::{Config, ConfigError, Loaded};
use crate::files::Files;
use crate::hub::Hub;
use crate::listen::Listeners;
use crate::log::{Level, Log, LogConfig};
use crate::pool::Mode;
use crate::pooler::{Pooler, StartError};
use crate::takeover::{self, Inventory, Kind, TakeoverError, Totals};
use pidfile::Pidfile;
use signals::Signals;

pub use pidfile::PidfileError;
pub use user::UserError;

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
    /// It does not run as whom it should.
    #[error("{0}")]
    User(#[from] UserError),
    /// Another process runs with this configuration.
    #[error("{0}")]
    Pidfile(#[from] PidfileError),
    /// `-R` was asked for, and what is running cannot be taken over.
    #[error("{0}")]
    TakeOver(#[from] TakeoverError),
    /// It does not run in the background.
    #[error("{0}")]
    Daemon(String),
    /// Something of the operating system.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Runs until a signal or the console ends it; in the background it returns when the pooler there serves clients.
///
/// # Errors
/// [`RunError`].
pub fn run(options: &Options) -> Result<(), RunError> {
    if !options.daemon {
        return serve(options);
    }
    if daemon::is_child() {
        return serve(options).inspect_err(daemon::report_failure);
    }
    daemon::check(&Config::load(&options.config)?.config.settings)?;
    daemon::spawn()
}

fn serve(options: &Options) -> Result<(), RunError> {
    let Loaded { config, warnings } = Config::load(&options.config)?;
    // Still as root, if that is who started us: keys and secrets may be readable for nobody else.
    let files = Files::load(&config.settings).map_err(StartError::Files)?;
    let settings = &config.settings;
    user::become_user(options.user.as_deref().or(settings.user.as_deref()))?;
    if options.daemon {
        daemon::begin()?;
    }
    let log = LogConfig::new(settings, options.quiet || options.daemon);
    let log = Log::open(log, options.verbose)?;
    log.set_verbose(settings.verbose);
    for warning in &warnings {
        log.line(Level::Warning, warning);
    }
    let mut inventory = None;
    if options.takes_over {
        inventory = takeover::take(settings)?;
        if inventory.is_none() {
            log.line(Level::Log, "-R: no pooler is running, starting as usual");
        }
    }
    if let Some(path) = &settings.pidfile
        && inventory.is_none()
        && Pidfile::check(path)?
    {
        log.line(Level::Log, "stale pidfile, removing");
    }
    note_limits(&config, &log);
    let listeners = match (&mut inventory, service::listeners(settings.listen_port)?) {
        (Some(inventory), _) => Listeners::open_with(&config, inventory.listeners())?,
        (None, Some(listeners)) => listeners,
        (None, None) => Listeners::open(&config)?,
    };
    let pidfile = settings.pidfile.clone();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let signals = Signals::hear()?;
        let mode = match inventory {
            Some(_) => Mode::TakingOver,
            None => Mode::Active,
        };
        let pooler = Pooler::start_with(config, files, log, listeners, mode)?;
        let pidfile = match inventory {
            Some(inventory) => take_over(&pooler, inventory, pidfile.as_deref())?,
            None => pidfile.as_deref().map(Pidfile::write).transpose()?,
        };
        note_start(pooler.hub());
        if options.daemon
            && let Err(error) = daemon::report_ready()
        {
            // Whoever waited for it has gone; clients have not.
            pooler.hub().log.line(Level::Warning, &format!("daemon: {error}"));
        }
        service::ready();
        signals.obey(pooler.hub()).await;
        let is_handed_over = pooler.hub().is_handed_over();
        if !is_handed_over {
            service::stopping();
        }
        pooler.end();
        if let Some(pidfile) = pidfile.filter(|_| is_handed_over) {
            pidfile.leave();
        }
        Ok(())
    })
}

/// Goes on with everything that the running pooler had. Once that is so, nothing ends this process any more: there is no
/// other one.
fn take_over(
    pooler: &Pooler,
    inventory: Inventory,
    pidfile: Option<&Path>,
) -> Result<Option<Pidfile>, TakeoverError> {
    let Totals {
        clients,
        servers,
        told_tls,
        told_others,
    } = pooler.take_over(inventory)?;
    let log = &pooler.hub().log;
    let words = format!(
        "took over {clients} clients, {servers} servers; {told_tls} TLS clients and {told_others} others were told to \
         reconnect"
    );
    log.line(Level::Log, &words);
    Ok(pidfile.and_then(|path| match Pidfile::replace(path) {
        Ok(pidfile) => Some(pidfile),
        Err(error) => {
            log.line(Level::Error, &error.to_string());
            None
        }
    }))
}

/// Logs what is listened on, and that the pooler is there.
fn note_start(hub: &Arc<Hub>) {
    let version = env!("CARGO_PKG_VERSION");
    let listening = hub.listening.get().into_iter().flatten();
    for place in listening.filter(|place| place.kind != Kind::Metrics) {
        hub.log.line(Level::Log, &format!("listening on {place}"));
    }
    hub.log.line(
        Level::Log,
        &format!("process up: PgBouncer {COMPATIBLE} (canvass pool {version})"),
    );
}

/// Lets the process open as many files as it may, and logs how many that is and how many may be needed.
fn note_limits(config: &Config, log: &Log) {
    let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return;
    };
    let limit = match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => hard,
        Err(_) => getrlimit(Resource::RLIMIT_NOFILE).map_or(hard, |(soft, _)| soft),
    };
    let clients = config.settings.max_client_conn;
    let size = |own: Option<u32>| u64::from(own.unwrap_or(config.settings.default_pool_size));
    let servers: u64 = config
        .databases
        .values()
        .map(|database| size(database.pool_size))
        .sum();
    log.line(
        Level::Log,
        &format!(
            "kernel file descriptor limit: {limit} (hard: {hard}); max_client_conn: {clients}, max expected fd use: {}",
            u64::from(clients) + servers + 10
        ),
    );
}
