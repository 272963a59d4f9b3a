use std::net::SocketAddr;
use std::path::PathBuf;

use crate::disk::gib;

/// What can go wrong with a private cluster or a process. Each names the thing, the value and the way out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No installed PostgreSQL is new enough.
    #[error("no PostgreSQL 14 or newer found ({looked}): install it with `apt-get install postgresql`")]
    NoPostgres {
        /// Where we looked and what was there.
        looked: String,
    },
    /// The directory was made by a PostgreSQL major that is not installed.
    #[error(
        "{}: made by PostgreSQL {made_by}, but only {installed} is installed: `apt-get install postgresql-{made_by}`",
        dir.display()
    )]
    OtherMajor {
        /// The data directory.
        dir: PathBuf,
        /// The major in its PG_VERSION.
        made_by: u32,
        /// The majors that are installed, comma separated.
        installed: String,
    },
    /// PG_VERSION cannot be understood.
    #[error("{}: holds {text:?} instead of a PostgreSQL version: restore it, or name another directory", path.display())]
    BadVersion {
        /// The file PG_VERSION.
        path: PathBuf,
        /// Its first line.
        text: String,
    },
    /// The directory holds something else.
    #[error("{}: not empty and not made by canvass: name a new or an empty directory", dir.display())]
    NotOurs {
        /// The data directory.
        dir: PathBuf,
    },
    /// The directory was made by a newer release.
    #[error("{}: layout {found}, but this release knows layout {known} at most: use the newer release", dir.display())]
    NewerLayout {
        /// The data directory.
        dir: PathBuf,
        /// The layout in its marker file.
        found: u32,
        /// The newest layout known here.
        known: u32,
    },
    /// The marker file is damaged.
    #[error("{}: {reason}: restore the file", path.display())]
    BadMarker {
        /// The marker file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// We may not create or write the directory.
    #[error("{}: not writable by user {user}: name another directory, for example --data /var/lib/canvass", dir.display())]
    NotWritable {
        /// The directory that cannot be written.
        dir: PathBuf,
        /// Who tried.
        user: String,
    },
    /// The path is a file.
    #[error("{}: not a directory: name a new or an empty directory", path.display())]
    NotADirectory {
        /// The path.
        path: PathBuf,
    },
    /// The unprivileged user cannot pass through a parent directory.
    #[error(
        "{}: user {user}, who runs PostgreSQL here, may not enter {}: use --data /var/lib/canvass",
        dir.display(), parent.display()
    )]
    Unreachable {
        /// The data directory.
        dir: PathBuf,
        /// The first parent that the user may not enter.
        parent: PathBuf,
        /// The unprivileged user.
        user: String,
    },
    /// The directory belongs to someone else, and we are not root.
    #[error("{}: belongs to user {owner}: run as {owner}, or name another directory", dir.display())]
    OtherOwner {
        /// The directory.
        dir: PathBuf,
        /// Whom it belongs to.
        owner: String,
    },
    /// The configured user does not exist.
    #[error("user {name:?} does not exist: `adduser --system --group {name}`, or configure another user")]
    NoSuchUser {
        /// The configured name.
        name: String,
    },
    /// PostgreSQL refuses to run as root.
    #[error("user {name:?} is root, and PostgreSQL refuses to run as root: configure another user")]
    RootUser {
        /// The configured name.
        name: String,
    },
    /// Another process holds the directory.
    #[error("{}: in use by the running process {pid}: stop that one first (kill {pid})", dir.display())]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// Who holds its lock.
        pid: String,
    },
    /// Too little room.
    #[error("{}: {} free, {} needed: make room, or lower min_free_bytes", dir.display(), gib(*free), gib(*needed))]
    DiskNearlyFull {
        /// The directory whose file system was measured.
        dir: PathBuf,
        /// Bytes free for us.
        free: u64,
        /// Bytes wanted.
        needed: u64,
    },
    /// Someone listens there already.
    #[error("{address}: already in use by another program: stop that one, or change {setting}")]
    PortBusy {
        /// The address wanted.
        address: SocketAddr,
        /// Where the address was set.
        setting: &'static str,
    },
    /// The address is not of this machine, or may not be bound.
    #[error("{address}: cannot listen there ({source}): change {setting}")]
    CannotListen {
        /// The address wanted.
        address: SocketAddr,
        /// Where the address was set.
        setting: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The unprivileged user may not listen on so low a port.
    #[error(
        "{address}: user {user} may not listen below port {lowest}: change {setting}, or \
         `sysctl net.ipv4.ip_unprivileged_port_start={}`", address.port()
    )]
    LowPort {
        /// The address wanted.
        address: SocketAddr,
        /// The unprivileged user.
        user: String,
        /// The lowest port open to everyone.
        lowest: u16,
        /// Where the address was set.
        setting: &'static str,
    },
    /// A secret of an existing cluster is gone.
    #[error("{}: missing, but the cluster beside it needs it: restore the file", path.display())]
    SecretMissing {
        /// The secret's file.
        path: PathBuf,
    },
    /// The directory for sockets is not ours alone.
    #[error("{}: not a private directory of user {user}: remove it", dir.display())]
    SocketDir {
        /// The directory.
        dir: PathBuf,
        /// Who should own it.
        user: String,
    },
    /// A program could not be started.
    #[error("{}: cannot be started: {source}", program.display())]
    Spawn {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A short-lived program failed.
    #[error("{program} {status}{}", said(last_lines))]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
        /// The last lines it wrote.
        last_lines: Vec<String>,
    },
    /// A process ended before it was ready.
    #[error("{name} {status} before it was ready; {} ends with:{}", log.display(), indented(last_lines))]
    EndedEarly {
        /// What it is.
        name: String,
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        last_lines: Vec<String>,
    },
    /// A process was not ready in time.
    #[error("{name} was not ready after {seconds} s: see {}", log.display())]
    NotReady {
        /// What it is.
        name: String,
        /// How long we waited.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// A service died too often.
    #[error("{name} failed {failures} times in a row; last it {reason}; {} ends with:{}", log.display(), indented(last_lines))]
    GaveUp {
        /// The service.
        name: String,
        /// Failures in a row.
        failures: u32,
        /// The last failure.
        reason: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        last_lines: Vec<String>,
    },
    /// PostgreSQL is still writing after the time given for a stop.
    #[error("PostgreSQL (process {pid}) is still stopping after {seconds} s and was left to finish: see {}", log.display())]
    StillStopping {
        /// The postmaster.
        pid: i32,
        /// How long we waited.
        seconds: u64,
        /// Its log.
        log: PathBuf,
    },
    /// A process of an earlier run does not end.
    #[error("process {pid} of an earlier run has not ended after {seconds} s: see what it does, then end it")]
    LeftoverStays {
        /// The process.
        pid: i32,
        /// How long we waited.
        seconds: u64,
    },
    /// The database refused what a new cluster needs.
    #[error("PostgreSQL refused to {what}: {source}")]
    Database {
        /// What was asked for.
        what: String,
        /// What PostgreSQL said.
        source: tokio_postgres::Error,
    },
    /// The system's random numbers are not available.
    #[error("no random numbers from the system: {0}")]
    Random(getrandom::Error),
    /// A file operation failed.
    #[error("{}: cannot {what}: {source}", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { what, path, source }
    }
}

fn said(lines: &[String]) -> String {
    if lines.is_empty() {
        String::new()
    } else {
        format!(": {}", lines.join(" / "))
    }
}

fn indented(lines: &[String]) -> String {
    if lines.is_empty() {
        return " (nothing)".into();
    }
    lines.iter().map(|line| format!("\n    {line}")).collect()
}
