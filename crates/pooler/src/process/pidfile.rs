//! The pidfile: one process at a time.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// Why there is no pidfile.
#[derive(Debug, thiserror::Error)]
pub enum PidfileError {
    /// The process that wrote it lives, or nobody can tell.
    #[error("pidfile '{}' exists, another instance running?", .0.display())]
    Held(PathBuf),
    /// It cannot be read or written.
    #[error("could not {deed} pidfile '{}': {cause}", .path.display())]
    Io {
        /// What could not be done.
        deed: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// The file with this process's number; removed when dropped.
#[derive(Debug)]
pub struct Pidfile {
    path: PathBuf,
}

impl Pidfile {
    /// True when there was a file of a process that has ended, which is removed.
    ///
    /// # Errors
    /// [`PidfileError`].
    pub fn check(path: &Path) -> Result<bool, PidfileError> {
        let failed = |deed| {
            move |cause| PidfileError::Io {
                deed,
                path: path.to_owned(),
                cause,
            }
        };
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            text => text.map_err(failed("read"))?,
        };
        let pid = text.trim().parse().ok().filter(|pid| *pid > 0).map(Pid::from_raw);
        match pid.map(|pid| kill(pid, None)) {
            Some(Err(Errno::ESRCH)) => {
                fs::remove_file(path).map_err(failed("remove stale"))?;
                Ok(true)
            }
            _ => Err(PidfileError::Held(path.to_owned())),
        }
    }

    /// Writes the file over that of the process that was taken over.
    ///
    /// # Errors
    /// [`PidfileError`].
    pub fn replace(path: &Path) -> Result<Self, PidfileError> {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let own = PathBuf::from(name);
        let mut written = Self::write(&own)?;
        fs::rename(&own, path).map_err(|cause| PidfileError::Io {
            deed: "replace",
            path: path.to_owned(),
            cause,
        })?;
        path.clone_into(&mut written.path);
        Ok(written)
    }

    /// Leaves the file to the process that has taken over.
    pub fn leave(mut self) {
        self.path.clear();
    }

    /// Writes the file, which must not exist.
    ///
    /// # Errors
    /// [`PidfileError`].
    pub fn write(path: &Path) -> Result<Self, PidfileError> {
        let write = || {
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o644)
                .open(path)?;
            writeln!(file, "{}", std::process::id())
        };
        write().map_err(|cause| PidfileError::Io {
            deed: "write",
            path: path.to_owned(),
            cause,
        })?;
        Ok(Self {
            path: path.to_owned(),
        })
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_keeps_others_out_and_a_dead_one_does_not() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pid");
        assert!(!Pidfile::check(&path).unwrap(), "there is none");

        let pidfile = Pidfile::write(&path).unwrap();
        assert!(
            matches!(Pidfile::check(&path), Err(PidfileError::Held(_))),
            "this process lives"
        );
        assert!(Pidfile::write(&path).is_err(), "nothing is overwritten");
        drop(pidfile);
        assert!(!path.exists());

        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        fs::write(&path, format!("{}\n", child.id())).unwrap();
        assert!(Pidfile::check(&path).unwrap(), "stale");
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_number_keeps_others_out() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("pid");
        for text in ["", "me", "0", "-1"] {
            fs::write(&path, text).unwrap();
            assert!(
                matches!(Pidfile::check(&path), Err(PidfileError::Held(_))),
                "{text:?}"
            );
        }
    }
}
