//! The log: lines as pgbouncer writes them, so that whatever reads or watches them goes on working. Never a password, a
//! statement or a value.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::ZonedDateTime;

use crate::client::ClientInfo;
use crate::pool::PoolKey;
use crate::server::ServerInfo;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The process ends.
    Fatal,
    /// Something failed.
    Error,
    /// Something is odd.
    Warning,
    /// What happens.
    Log,
    /// With `-v`.
    Debug,
    /// With `-v -v`.
    Noise,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Fatal => "FATAL",
            Self::Error => "ERROR",
            Self::Warning => "WARNING",
            Self::Log => "LOG",
            Self::Debug => "DEBUG",
            Self::Noise => "NOISE",
        }
    }

    /// Severity of RFC 5424.
    fn syslog(self) -> u8 {
        match self {
            Self::Fatal => 2,
            Self::Error => 3,
            Self::Warning => 4,
            Self::Log => 6,
            Self::Debug | Self::Noise => 7,
        }
    }
}

/// Where lines go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogConfig {
    /// Not to standard error (`-q`, or as a daemon).
    pub quiet: bool,
    /// `logfile`.
    pub file: Option<PathBuf>,
    /// `syslog`: facility number and name of the program.
    pub syslog: Option<(u8, String)>,
}

impl LogConfig {
    /// What the settings say.
    pub fn new(settings: &crate::config::Settings, quiet: bool) -> Self {
        let syslog = || (facility(&settings.syslog_facility), settings.syslog_ident.clone());
        Self {
            quiet,
            file: settings.logfile.clone(),
            syslog: settings.syslog.then(syslog),
        }
    }
}

/// The number of a syslog facility; `daemon` for a name that is none.
pub fn facility(name: &str) -> u8 {
    match name {
        "user" => 1,
        "auth" => 4,
        "authpriv" => 10,
        _ => match name.strip_prefix("local").and_then(|n| n.parse().ok()) {
            Some(n @ 0..=7) => 16 + n,
            _ => 3,
        },
    }
}

/// The log of one pooler.
#[derive(Debug)]
pub struct Log {
    sinks: Mutex<Sinks>,
    /// What the command line asks for, at least.
    least_verbose: u32,
    verbose: AtomicU32,
}

#[derive(Debug, Default)]
struct Sinks {
    config: LogConfig,
    file: Option<File>,
    syslog: Option<UnixDatagram>,
}

impl Log {
    /// Opens the log. `verbose`: how much is logged at least, whatever the configuration says.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(config: LogConfig, verbose: u32) -> std::io::Result<Self> {
        let log = Self {
            sinks: Mutex::default(),
            least_verbose: verbose,
            verbose: AtomicU32::new(verbose),
        };
        log.reopen(config)?;
        Ok(log)
    }

    /// Opens the file anew, which may have been rotated away.
    ///
    /// # Errors
    /// When the file cannot be opened; lines then go on to where they went.
    pub fn reopen(&self, config: LogConfig) -> std::io::Result<()> {
        let file = config.file.as_ref().map(|path| {
            let opened = OpenOptions::new().create(true).append(true).open(path);
            opened.map_err(|error| {
                std::io::Error::new(error.kind(), format!("logfile {}: {error}", path.display()))
            })
        });
        let file = file.transpose()?;
        let syslog = config.syslog.as_ref().and_then(|_| {
            let socket = UnixDatagram::unbound().ok()?;
            socket.connect("/dev/log").ok()?;
            Some(socket)
        });
        *self.lock() = Sinks { config, file, syslog };
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sinks> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True when nothing goes to standard error.
    pub fn is_quiet(&self) -> bool {
        self.lock().config.quiet
    }

    /// How much the configuration asks for: 0, 1 with `-v`, 2 and more with more.
    pub fn set_verbose(&self, verbose: u32) {
        self.verbose
            .store(verbose.max(self.least_verbose), Ordering::Relaxed);
    }

    /// True when lines of this level are written.
    pub fn writes(&self, level: Level) -> bool {
        match level {
            Level::Debug => self.verbose.load(Ordering::Relaxed) >= 1,
            Level::Noise => self.verbose.load(Ordering::Relaxed) >= 2,
            _ => true,
        }
    }

    /// Writes a line.
    pub fn line(&self, level: Level, words: &str) {
        if !self.writes(level) {
            return;
        }
        let words = printable(words);
        let now = ZonedDateTime::now().strftime("%Y-%m-%d %H:%M:%S%.3f %Z");
        let pid = std::process::id();
        let line = format!("{now} [{pid}] {} {words}\n", level.word());
        let mut sinks = self.lock();
        // A log that cannot be written to has nobody to complain to.
        if !sinks.config.quiet {
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
        if let Some(file) = &mut sinks.file {
            let _ = file.write_all(line.as_bytes());
        }
        if let (Some(socket), Some((facility, ident))) = (&sinks.syslog, &sinks.config.syslog) {
            let priority = facility * 8 + level.syslog();
            let _ = socket.send(format!("<{priority}>{ident}[{pid}]: {words}").as_bytes());
        }
    }

    /// Writes a line about a client.
    pub fn client(&self, level: Level, client: &ClientInfo, words: &str) {
        if self.writes(level) {
            self.line(level, &format!("{} {words}", client.words()));
        }
    }

    /// Writes a line about a server.
    pub fn server(&self, level: Level, pool: &PoolKey, server: &ServerInfo, words: &str) {
        if self.writes(level) {
            let (address, port) = server.endpoint.address();
            let line = format!(
                "S-{:#x}: {}/{}@{address}:{port} {words}",
                server.id, pool.database, pool.user
            );
            self.line(level, &line);
        }
    }

    /// Writes a line about a pool.
    pub fn pool(&self, level: Level, pool: &PoolKey, words: &str) {
        if self.writes(level) {
            self.line(level, &format!("{}/{}: {words}", pool.database, pool.user));
        }
    }
}

/// Names come from the network: a line stays one line.
fn printable(words: &str) -> String {
    if !words.contains(|c: char| c.is_control()) {
        return words.to_owned();
    }
    words
        .chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
