//! Running in the background. There is no fork: the program starts itself again and waits until that process serves
//! clients, or has said why it does not.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::{dup2_stdin, setsid};

use super::RunError;
use crate::config::Settings;

/// Set for the process in the background.
const MARK: &str = "CANVASS_POOL_DAEMON";
/// What that process says when it serves clients.
const READY: &str = "ready";

/// True in the process that was started for the background.
pub fn is_child() -> bool {
    env::var_os(MARK).is_some()
}

/// Checks that a process in the background can be found and heard.
///
/// # Errors
/// [`RunError::Daemon`].
pub fn check(settings: &Settings) -> Result<(), RunError> {
    if settings.pidfile.is_none() {
        return Err(RunError::Daemon("daemon needs pidfile configured".to_owned()));
    }
    if settings.logfile.is_none() && !settings.syslog {
        return Err(RunError::Daemon(
            "daemon needs logfile or syslog configured".to_owned(),
        ));
    }
    Ok(())
}

/// Starts this program again in the background, with the same arguments, and waits until it serves clients. The new
/// process reports over its standard input, on which nobody writes by accident.
///
/// # Errors
/// What keeps it from that.
pub fn spawn() -> Result<(), RunError> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut child = Command::new(program())
        .arg0(env::args_os().next().unwrap_or_else(|| "canvass".into()))
        .args(env::args_os().skip(1))
        .env(MARK, "1")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut words = String::new();
    ours.read_to_string(&mut words)?;
    if words == READY {
        return Ok(());
    }
    let status = child.wait()?;
    if words.is_empty() {
        words = format!("the process in the background ended: {status}");
    }
    Err(RunError::Daemon(words))
}

/// The file to start this program from: by its own path, since the kernel names a process after the file's name, and
/// whoever looks for this one looks for that. Where the path is another program's by now, the link that stays this one's.
fn program() -> PathBuf {
    let link = Path::new("/proc/self/exe");
    let is_this = |path: &PathBuf| match (path.metadata(), link.metadata()) {
        (Ok(there), Ok(this)) => (there.dev(), there.ino()) == (this.dev(), this.ino()),
        _ => false,
    };
    env::current_exe()
        .ok()
        .filter(is_this)
        .unwrap_or_else(|| link.to_owned())
}

/// In the background: leaves the session of the terminal.
///
/// # Errors
/// The kernel's.
pub fn begin() -> io::Result<()> {
    // A process that leads a group already is nobody's job.
    match setsid() {
        Ok(_) | Err(nix::Error::EPERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// In the background: tells who waits for it that this process serves clients, and lets go of it.
///
/// # Errors
/// The kernel's.
pub fn report_ready() -> io::Result<()> {
    say(READY)?;
    dup2_stdin(File::open("/dev/null")?)?;
    Ok(())
}

/// In the background: tells who waits why this process does not start.
pub fn report_failure(error: &RunError) {
    // Whoever does not listen any more need not know.
    let _ = say(&error.to_string());
}

fn say(words: &str) -> io::Result<()> {
    let pipe = io::stdin().as_fd().try_clone_to_owned()?;
    UnixStream::from(pipe).write_all(words.as_bytes())
}
