use std::fs::OpenOptions;
use std::io::{Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};

use crate::{Error, User};

/// One process at a time works on a data directory. The kernel lets go of the lock when its holder ends, however
/// it ends; children do not inherit it, since every file here is closed on exec.
#[derive(Debug)]
pub(crate) struct Lock(#[allow(dead_code)] Flock<std::fs::File>);

impl Lock {
    /// Takes the lock of `dir`, or says which process holds it.
    pub(crate) fn take(path: &Path, dir: &Path, owner: &User) -> Result<Lock, Error> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(path)
            .map_err(Error::io("open", path))?;
        owner.own(path)?;
        let mut file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, Errno::EWOULDBLOCK)) => {
                return Err(Error::InUse {
                    dir: dir.to_owned(),
                    pid: holder(path),
                });
            }
            Err((_, errno)) => return Err(Error::io("lock", path)(errno.into())),
        };
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(Error::io("write", path))?;
        Ok(Lock(file))
    }
}

fn holder(path: &Path) -> String {
    let pid = std::fs::read_to_string(path).unwrap_or_default();
    if pid.trim().is_empty() {
        "(unknown)".into()
    } else {
        pid.trim().to_owned()
    }
}
