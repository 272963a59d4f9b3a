use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use crate::{Error, User};

/// How much of a log's end is read to find its last lines.
const TAIL: u64 = 64 * 1024;

/// Logs larger than this are set aside at start.
const LOG_LIMIT: u64 = 50 << 20;

/// The deepest existing directory of `path`: itself or a parent.
pub(crate) fn nearest_existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|parent| parent.exists())
        .unwrap_or(Path::new("/"))
}

/// `path` without links and dots, although its last parts may not exist yet.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Error> {
    let path = std::path::absolute(path).map_err(Error::io("resolve", path))?;
    let existing = nearest_existing(&path);
    let rest = path.strip_prefix(existing).unwrap_or(Path::new(""));
    let existing = existing.canonicalize().map_err(Error::io("resolve", existing))?;
    Ok(if rest.as_os_str().is_empty() {
        existing
    } else {
        existing.join(rest)
    })
}

/// Makes a directory of the user's, readable by nobody else, when there is none.
pub(crate) fn create_private_dir(path: &Path, owner: &User) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => owner.own(path),
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::Io {
            what: "create",
            path: path.to_owned(),
            source,
        }),
    }
}

/// Writes a file of the user's that nobody else may read, whole or not at all.
pub fn write_private(path: &Path, content: &[u8], owner: &User) -> Result<(), Error> {
    let mut new = OsString::from(path);
    new.push(".new");
    let new = PathBuf::from(new);
    match fs::remove_file(&new) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::io("replace", &new)(e)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)
        .map_err(Error::io("create", &new))?;
    give(&file, owner).map_err(Error::io("give to its user", &new))?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(Error::io("write", &new))?;
    fs::rename(&new, path).map_err(Error::io("write", path))?;
    sync_parent(path)
}

/// Makes a rename or a new name in the directory of `path` survive a power cut.
pub(crate) fn sync_parent(path: &Path) -> Result<(), Error> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(Error::io("sync", parent))
}

/// Opens a log for appending. A link in its place is refused: root must not write where a link points.
pub(crate) fn open_log(path: &Path, owner: &User) -> Result<File, Error> {
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
        .map_err(Error::io("open", path))?;
    give(&file, owner).map_err(Error::io("give to its user", path))?;
    Ok(file)
}

fn give(file: &File, owner: &User) -> std::io::Result<()> {
    if owner.switch {
        fchown(file, Some(owner.uid), Some(owner.gid))
    } else {
        Ok(())
    }
}

/// Sets aside each log in `dir` that has grown past 50 MB, as NAME.1; one older generation is kept.
pub(crate) fn rotate_logs(dir: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(dir).map_err(Error::io("read", dir))? {
        let path = entry.map_err(Error::io("read", dir))?.path();
        let large = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file() && meta.len() > LOG_LIMIT);
        if large && path.extension().is_some_and(|extension| extension == "log") {
            fs::rename(&path, path.with_extension("log.1")).map_err(Error::io("rotate", &path))?;
        }
    }
    Ok(())
}

/// The last `count` lines of a log, from its last 64 KB; none when it cannot be read.
pub fn last_lines(path: &Path, count: usize) -> Vec<String> {
    let text = tail(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..]
        .iter()
        .map(|line| line.to_string())
        .collect()
}

fn tail(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_logs_past_the_limit_are_set_aside() {
        let temp = tempfile::tempdir().unwrap();
        let [large, small] = ["large.log", "small.log"].map(|name| temp.path().join(name));
        File::create(&large).unwrap().set_len(LOG_LIMIT + 1).unwrap();
        fs::write(&small, "one line\n").unwrap();

        rotate_logs(temp.path()).unwrap();

        assert!(!large.exists() && temp.path().join("large.log.1").exists());
        assert!(small.exists());
    }

    #[test]
    fn the_last_lines_leave_out_empty_ones() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("a.log");
        fs::write(&log, "one\ntwo\n\nthree\n").unwrap();
        assert_eq!(last_lines(&log, 2), ["two", "three"]);
        assert_eq!(last_lines(&temp.path().join("missing.log"), 2), [""; 0]);
    }

    #[test]
    fn a_log_that_is_a_link_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("a.log");
        std::os::unix::fs::symlink("/etc/passwd", &log).unwrap();
        let refused = open_log(&log, &User::ourselves());
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
    }
}
