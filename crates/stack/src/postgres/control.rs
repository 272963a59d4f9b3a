//! Starting a cluster, knowing when it is ready, stopping it.

use std::fs;
use std::future::{Future, pending};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::leftovers::MENTION;
use crate::postgres::Cluster;
use crate::postgres::leftover::PidFile;
use crate::process::describe;
use crate::{Error, Process, Spec, files};

/// Crash recovery reads at most `max_wal_size` of WAL, which takes minutes on a slow disk.
const READY_LIMIT: Duration = Duration::from_secs(600);
/// A fast shutdown writes a checkpoint first.
pub(super) const STOP_LIMIT: Duration = Duration::from_secs(120);
/// A connection attempt that takes longer is tried anew.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How often a starting PostgreSQL is asked whether it is ready.
const POLL: Duration = Duration::from_millis(20);
/// Starts tried when another program takes the chosen port between our look and PostgreSQL's.
const PORT_TRIES: u32 = 3;
/// Characters of the last log line in a mention, so that the whole fits 80 columns.
const MENTIONED: usize = 44;
/// Log lines shown when it does not start.
const LAST_LINES: usize = 15;

/// How PostgreSQL is told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Open transactions are rolled back, everything is written to its place.
    Fast,
    /// At once; the next start recovers from the WAL. Nothing committed is lost.
    Immediate,
}

impl Mode {
    pub(super) fn signal(self) -> Signal {
        match self {
            Mode::Fast => Signal::SIGINT,
            Mode::Immediate => Signal::SIGQUIT,
        }
    }
}

impl Cluster {
    /// Starts it, waits until it is ready, and sees to the application's role and database.
    pub async fn start_ready(&self) -> Result<Process, Error> {
        for _ in 1..PORT_TRIES {
            let process = self.start().await?;
            match self.ready().await {
                Ok(()) => return Ok(process),
                Err(e) if self.config.port.is_none() && lost_its_port(&e) => self.marker().port = None,
                Err(e) => return Err(e),
            }
        }
        let process = self.start().await?;
        self.ready().await?;
        Ok(process)
    }

    /// Starts it, unless it runs. What a dead postmaster left running is awaited first.
    pub async fn start(&self) -> Result<Process, Error> {
        if let Some(process) = self.running() {
            return Ok(process);
        }
        self.await_orphans().await?;
        self.choose_port()?;
        self.make_socket_dir()?;
        self.write_settings()?;
        let process = self.postgres().arg("-D").arg(self.dir.postgres()).spawn()?;
        *self.lock_process() = Some(process.clone());
        Ok(process)
    }

    /// Waits until it accepts connections and the application's role and database exist. Long waits are mentioned.
    pub async fn ready(&self) -> Result<(), Error> {
        let begun = Instant::now();
        let mut mention = MENTION;
        while !self.accepts().await? {
            let waited = begun.elapsed();
            if waited > READY_LIMIT {
                let (name, log) = ("PostgreSQL".into(), self.log());
                return Err(Error::NotReady {
                    name,
                    seconds: READY_LIMIT.as_secs(),
                    log,
                });
            }
            if waited > mention {
                self.mention("starting", waited);
                mention += MENTION;
            }
            tokio::time::sleep(POLL).await;
        }
        self.ensure_application().await?;
        self.pinned.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn accepts(&self) -> Result<bool, Error> {
        let Some(process) = self.lock_process().clone() else {
            return Err(self.ended_early("was not started".into()));
        };
        if let Some(status) = process.ended() {
            return Err(self.ended_early(describe(status)));
        }
        // The file may still be that of a postmaster that was killed.
        let said_ready = PidFile::read(&self.dir.postgres())
            .is_some_and(|file| file.pid == process.pid() && file.status == "ready");
        Ok(said_ready
            && matches!(
                tokio::time::timeout(CONNECT_LIMIT, self.connect()).await,
                Ok(Ok(_))
            ))
    }

    fn ended_early(&self, status: String) -> Error {
        let log = self.log();
        let last_lines = files::last_lines(&log, LAST_LINES);
        Error::EndedEarly {
            name: "PostgreSQL".into(),
            status,
            log,
            last_lines,
        }
    }

    /// Stops it and waits, at most 120 s, mentioning how long it takes.
    pub async fn stop(&self, mode: Mode) -> Result<(), Error> {
        self.stop_unless_hurried(mode, pending()).await
    }

    /// Like [`Cluster::stop`]; when `hurry` comes first, goes on in immediate mode. After 120 s it is left to
    /// finish: PostgreSQL never gets a SIGKILL from us.
    pub async fn stop_unless_hurried(
        &self,
        mode: Mode,
        hurry: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let Some(process) = self.running() else {
            return self.after_stop().await;
        };
        let mut hurry = std::pin::pin!(hurry);
        let mut hurried = false;
        let begun = Instant::now();
        let mut mention = tokio::time::interval_at(tokio::time::Instant::now() + MENTION, MENTION);
        process.signal(mode.signal());
        loop {
            tokio::select! {
                _ = process.exited() => return self.after_stop().await,
                () = &mut hurry, if !hurried => {
                    hurried = true;
                    self.config.notices.say("stopping PostgreSQL at once; it recovers at the next start");
                    process.signal(Mode::Immediate.signal());
                }
                _ = mention.tick() => self.mention("stopping", begun.elapsed()),
                () = tokio::time::sleep(STOP_LIMIT.saturating_sub(begun.elapsed())) => {
                    let (pid, seconds) = (process.pid(), STOP_LIMIT.as_secs());
                    return Err(Error::StillStopping { pid, seconds, log: self.log() });
                }
            }
        }
    }

    async fn after_stop(&self) -> Result<(), Error> {
        self.await_orphans().await?;
        self.pinned.store(false, Ordering::Relaxed);
        if let Some(sockets) = &self.marker().sockets {
            // Made again at the next start; not empty means that it is in use after all.
            let _ = fs::remove_dir(sockets);
        }
        Ok(())
    }

    pub(super) fn postgres(&self) -> Spec {
        Spec::new("PostgreSQL", self.installation.bin.join("postgres"))
            .own_env_only()
            .env("LC_ALL", "C")
            .user(&self.user)
            .log(self.log())
            .on_parent_death(Signal::SIGINT)
    }

    /// The file with its output.
    pub fn log(&self) -> PathBuf {
        self.dir.log("postgres")
    }

    fn mention(&self, doing: &str, waited: Duration) {
        let last = files::last_lines(&self.log(), 1).pop().unwrap_or_default();
        let last = last.split_once("LOG:  ").map_or(last.as_str(), |(_, text)| text);
        let last: String = last.chars().take(MENTIONED).collect();
        self.config
            .notices
            .say(format!("PostgreSQL is {doing}: {} s ({last})", waited.as_secs()));
    }
}

/// Whether PostgreSQL ended because someone else listens on its port.
fn lost_its_port(error: &Error) -> bool {
    let Error::EndedEarly { last_lines, .. } = error else {
        return false;
    };
    last_lines
        .iter()
        .any(|line| line.contains("could not create any TCP/IP sockets"))
}
