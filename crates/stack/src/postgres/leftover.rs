//! PostgreSQL processes that an earlier run, or a killed postmaster, left behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Error;
use crate::leftovers::{self, wait_gone};
use crate::postgres::control::STOP_LIMIT;
use crate::postgres::{Cluster, Mode};

/// Backends notice within moments that their postmaster is gone, unless they are in the middle of a query.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(2);

impl Cluster {
    /// A postmaster of this directory that outlived the run which started it is stopped and awaited.
    pub(super) async fn end_leftover_postgres(&self) -> Result<(), Error> {
        let data = self.dir.postgres();
        let lives = |pid| leftovers::working_in(&data).contains(&pid);
        if let Some(PidFile { pid, .. }) = PidFile::read(&data).filter(|file| lives(file.pid)) {
            let notices = &self.config.notices;
            notices.say(format!("stopping PostgreSQL of an earlier run (process {pid})"));
            let _ = kill(Pid::from_raw(pid), Mode::Fast.signal());
            let what = format!("waiting for PostgreSQL of an earlier run (process {pid}) to stop");
            if !wait_gone(|| lives(pid), STOP_LIMIT, notices, &what).await {
                return Err(Error::StillStopping {
                    pid,
                    seconds: STOP_LIMIT.as_secs(),
                    log: self.log(),
                });
            }
        }
        self.await_orphans().await?;
        self.remove_misleading_locks()
    }

    /// For when nothing works in the data directory any more. PostgreSQL recognises a stale lock file by the number in
    /// it, but not when that now belongs to another program or to a dead process that nobody has collected (a
    /// container without an init).
    fn remove_misleading_locks(&self) -> Result<(), Error> {
        let socket_lock = self.socket_dir().join(format!(".s.PGSQL.{}.lock", self.port()));
        for path in [self.dir.postgres().join("postmaster.pid"), socket_lock] {
            let taken = first_number(&path).is_some_and(|pid| Path::new(&format!("/proc/{pid}")).exists());
            if taken {
                fs::remove_file(&path).map_err(Error::io("remove", path))?;
            }
        }
        Ok(())
    }

    /// Backends whose postmaster was killed still hold its shared memory; PostgreSQL refuses to start beside them.
    /// First they are left to notice by themselves, then asked to end their query, then told to go.
    pub(super) async fn await_orphans(&self) -> Result<(), Error> {
        let data = self.dir.postgres();
        let orphans = || leftovers::working_in(&data);
        let what = "waiting for processes of a killed PostgreSQL to end";
        for signal in [None, Some(Signal::SIGTERM), Some(Signal::SIGQUIT)] {
            if let Some(signal) = signal {
                for pid in orphans() {
                    let _ = kill(Pid::from_raw(pid), signal);
                }
            }
            let patience = if signal.is_none() {
                ORPHAN_PATIENCE
            } else {
                5 * ORPHAN_PATIENCE
            };
            if wait_gone(|| !orphans().is_empty(), patience, &self.config.notices, what).await {
                return Ok(());
            }
        }
        match orphans().first() {
            Some(&pid) => Err(Error::LeftoverStays {
                pid,
                seconds: 11 * ORPHAN_PATIENCE.as_secs(),
            }),
            None => Ok(()),
        }
    }
}

/// What a postmaster says of itself in postmaster.pid.
pub(super) struct PidFile {
    pub(super) pid: i32,
    /// "starting", "ready", "stopping"; empty in the first moments.
    pub(super) status: String,
}

impl PidFile {
    pub(super) fn read(data: &Path) -> Option<PidFile> {
        let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        let pid = text.lines().next()?.trim().parse().ok()?;
        Some(PidFile {
            pid,
            status: text.lines().nth(7).unwrap_or_default().trim().to_owned(),
        })
    }
}

/// The process id that a lock file of PostgreSQL begins with.
fn first_number(path: &Path) -> Option<i32> {
    fs::read_to_string(path).ok()?.lines().next()?.trim().parse().ok()
}
