use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, User, files, secrets};

/// The layout that this release makes and the newest that it understands.
const LAYOUT: u32 = 1;
/// Our mark in a data directory.
const MARKER: &str = "canvass-data.toml";
/// Socket paths must stay below this, in bytes; the system's own limit is 107.
const SOCKET_PATH_LIMIT: usize = 100;

/// A data directory and the names inside it.
#[derive(Clone, Debug)]
pub struct DataDir {
    dir: PathBuf,
}

/// What the marker file remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Marker {
    /// Version of the layout.
    pub(crate) layout: u32,
    /// PostgreSQL's port on loopback, and part of its socket's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) port: Option<u16>,
    /// Where the socket is, when the path inside the directory would be too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sockets: Option<PathBuf>,
}

impl DataDir {
    /// The directory at `path`, which need not exist. Reads nothing inside and changes nothing.
    pub fn at(path: &Path) -> Result<DataDir, Error> {
        let dir = files::absolute(path)?;
        let existing = files::nearest_existing(&dir);
        if !existing.is_dir() {
            return Err(Error::NotADirectory {
                path: existing.to_owned(),
            });
        }
        Ok(DataDir { dir })
    }

    /// The directory itself, absolute.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// PostgreSQL's data directory.
    pub fn postgres(&self) -> PathBuf {
        self.dir.join("postgres")
    }

    /// Sockets and pid files; worth nothing when nothing runs.
    pub fn run(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// The log of the process called `name`.
    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    /// All logs.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The secret called `name`.
    pub fn secret(&self, name: &str) -> PathBuf {
        self.dir.join("secrets").join(name)
    }

    /// The password of a database role, which must exist.
    pub(crate) fn password(&self, role: &str) -> Result<String, Error> {
        secrets::read(&self.secret(role))
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.dir.join("up.lock")
    }

    fn marker_file(&self) -> PathBuf {
        self.dir.join(MARKER)
    }

    /// Whether the directory has been made ours already.
    pub fn is_made(&self) -> bool {
        self.marker_file().exists()
    }

    /// Our mark, or None where there is nothing yet. A directory that holds something else is refused.
    pub(crate) fn marker(&self) -> Result<Option<Marker>, Error> {
        let path = self.marker_file();
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return self.refuse_foreign().map(|()| None),
            Err(e) => return Err(Error::io("read", path)(e)),
        };
        let marker: Marker = toml::from_str(&text).map_err(|e| Error::BadMarker {
            path,
            reason: e.message().to_owned(),
        })?;
        if marker.layout > LAYOUT {
            return Err(Error::NewerLayout {
                dir: self.dir.clone(),
                found: marker.layout,
                known: LAYOUT,
            });
        }
        Ok(Some(marker))
    }

    /// What a new file system (lost+found) or a start cut off (a half-written marker) leaves does not count.
    fn refuse_foreign(&self) -> Result<(), Error> {
        if !self.dir.exists() {
            return Ok(());
        }
        for entry in fs::read_dir(&self.dir).map_err(Error::io("read", &self.dir))? {
            let name = entry.map_err(Error::io("read", &self.dir))?.file_name();
            if name != "lost+found" && !name.as_bytes().starts_with(MARKER.as_bytes()) {
                return Err(Error::NotOurs {
                    dir: self.dir.clone(),
                });
            }
        }
        Ok(())
    }

    /// The major version that made the cluster, or None where there is none yet.
    pub(crate) fn major(&self) -> Result<Option<u32>, Error> {
        let path = self.postgres().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => match text.trim().parse() {
                Ok(major) => Ok(Some(major)),
                Err(_) => Err(Error::BadVersion {
                    path,
                    text: text.lines().next().unwrap_or_default().into(),
                }),
            },
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("read", path)(e)),
        }
    }

    /// Makes the directory ours: itself, the mark, and what is inside. Repeating is harmless.
    pub(crate) fn make(&self, owner: &User) -> Result<(), Error> {
        self.make_itself(owner).map_err(|e| self.not_writable(e))?;
        owner.own(&self.dir)?;
        if !self.is_made() {
            self.remember(
                &Marker {
                    layout: LAYOUT,
                    ..Marker::default()
                },
                owner,
            )?;
        }
        for inner in [self.run(), self.logs(), self.dir.join("secrets")] {
            files::create_private_dir(&inner, owner)?;
        }
        Ok(())
    }

    fn make_itself(&self, owner: &User) -> Result<(), Error> {
        if let Some(parent) = self.dir.parent() {
            fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        }
        files::create_private_dir(&self.dir, owner)
    }

    /// Root may try anywhere; some file systems refuse it all the same.
    fn not_writable(&self, error: Error) -> Error {
        match error {
            Error::Io { source, .. }
                if matches!(
                    source.kind(),
                    ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                Error::NotWritable {
                    dir: self.dir.clone(),
                    user: User::ourselves().name,
                }
            }
            other => other,
        }
    }

    /// Writes the mark.
    pub(crate) fn remember(&self, marker: &Marker, owner: &User) -> Result<(), Error> {
        let path = self.marker_file();
        let text = toml::to_string(marker).map_err(|e| Error::BadMarker {
            path: path.clone(),
            reason: e.to_string(),
        })?;
        let head = "# Canvass keeps its data here. Written by canvass up; not to be edited.\n";
        files::write_private(&path, format!("{head}{text}").as_bytes(), owner)
    }

    /// Where the socket goes: inside the directory while its path is short enough, else a directory of its own under
    /// /run or /tmp, named after this one.
    pub(crate) fn socket_dir(&self) -> Option<PathBuf> {
        let longest = self.run().join(".s.PGSQL.65535");
        if longest.as_os_str().len() < SOCKET_PATH_LIMIT {
            return None;
        }
        let root = nix::unistd::Uid::effective().is_root();
        let base = if root {
            Path::new("/run")
        } else {
            Path::new("/tmp")
        };
        Some(base.join(format!("canvass-{:016x}", fnv1a(self.dir.as_os_str().as_bytes()))))
    }
}

/// 64-bit FNV-1a: a short name that stays the same in every release.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_gets_a_short_socket_directory_of_its_own() {
        let short = DataDir {
            dir: PathBuf::from("/var/lib/canvass"),
        };
        assert_eq!(short.socket_dir(), None);

        let one = DataDir {
            dir: PathBuf::from(format!("/{}/1", "d".repeat(90))),
        };
        let two = DataDir {
            dir: PathBuf::from(format!("/{}/2", "d".repeat(90))),
        };
        let (one, two) = (one.socket_dir().unwrap(), two.socket_dir().unwrap());
        assert!(one.as_os_str().len() < 40, "{}", one.display());
        assert_ne!(one, two);
    }

    #[test]
    fn a_directory_of_something_else_is_refused_and_a_fresh_file_system_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::at(temp.path()).unwrap();
        fs::create_dir(temp.path().join("lost+found")).unwrap();
        assert_eq!(dir.marker().unwrap(), None);

        fs::write(temp.path().join("thesis.txt"), "").unwrap();
        assert!(matches!(dir.marker(), Err(Error::NotOurs { .. })));
    }

    #[test]
    fn a_layout_from_the_future_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join(MARKER), "layout = 99\n").unwrap();
        let refused = DataDir::at(temp.path()).unwrap().marker().unwrap_err();
        assert!(refused.to_string().contains("layout 99"), "{refused}");
    }
}
