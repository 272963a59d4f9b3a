use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{AccessFlags, Uid, access};

use crate::process::Spec;
use crate::{Error, files};

/// Tried in turn when root names nobody and the directory belongs to root.
const CANDIDATES: [&str; 3] = ["canvass", "postgres", "nobody"];

/// The user as whom PostgreSQL and the services run: never root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name, or the number where the system knows no name.
    pub name: String,
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Whether we are root and have to become this user.
    pub switch: bool,
    /// Whether the system knows the user by name, so that its other groups can be looked up.
    pub known: bool,
}

impl User {
    /// The user for `dir`: ourselves, unless we are root. Root takes the `configured` one, else the owner of an
    /// existing cluster or of `dir`, else canvass, postgres or nobody, whichever exists.
    pub fn choose(configured: Option<&str>, dir: &Path) -> Result<User, Error> {
        if !Uid::effective().is_root() {
            return Ok(User::ourselves());
        }
        if let Some(name) = configured {
            let user = User::by_name(name).ok_or_else(|| Error::NoSuchUser { name: name.into() })?;
            return if user.uid == 0 {
                Err(Error::RootUser { name: name.into() })
            } else {
                Ok(user)
            };
        }
        let owned = [dir.join("postgres"), dir.to_owned()];
        if let Some(meta) = owned
            .iter()
            .filter_map(|path| fs::metadata(path).ok())
            .find(|meta| meta.uid() != 0)
        {
            return Ok(User::from_uid(meta.uid(), meta.gid(), true));
        }
        CANDIDATES
            .into_iter()
            .find_map(User::by_name)
            .ok_or_else(|| Error::NoSuchUser {
                name: CANDIDATES[0].into(),
            })
    }

    /// The user as whom this process runs, root included.
    pub(crate) fn ourselves() -> User {
        let (uid, gid) = (Uid::effective(), nix::unistd::getegid());
        User::from_uid(uid.as_raw(), gid.as_raw(), false)
    }

    fn by_name(name: &str) -> Option<User> {
        let found = nix::unistd::User::from_name(name).ok().flatten()?;
        let (uid, gid) = (found.uid.as_raw(), found.gid.as_raw());
        Some(User {
            name: found.name,
            uid,
            gid,
            switch: true,
            known: true,
        })
    }

    fn from_uid(uid: u32, gid: u32, switch: bool) -> User {
        match nix::unistd::User::from_uid(Uid::from_raw(uid)).ok().flatten() {
            Some(found) => User {
                name: found.name,
                uid,
                gid: found.gid.as_raw(),
                switch,
                known: true,
            },
            None => User {
                name: uid.to_string(),
                uid,
                gid,
                switch,
                known: false,
            },
        }
    }

    /// Refuses a `dir` that we cannot write or that the user cannot enter. Nothing is changed.
    pub(crate) fn check_reach(&self, dir: &Path) -> Result<(), Error> {
        let existing = files::nearest_existing(dir);
        self.check_owner(dir)?;
        if access(existing, AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
            let user = User::ourselves().name;
            return Err(Error::NotWritable {
                dir: existing.to_owned(),
                user,
            });
        }
        if !self.switch {
            return Ok(());
        }
        // The directory itself is given to the user when it is made ours; its parents stay as they are.
        let top = if existing == dir {
            dir.parent().unwrap_or(dir)
        } else {
            existing
        };
        if self.may_enter(top)? {
            return Ok(());
        }
        let mut parents: Vec<&Path> = top.ancestors().collect();
        parents.reverse();
        for parent in parents {
            if !self.may_enter(parent)? {
                let (dir, parent) = (dir.to_owned(), parent.to_owned());
                return Err(Error::Unreachable {
                    dir,
                    parent,
                    user: self.name.clone(),
                });
            }
        }
        Ok(())
    }

    /// PostgreSQL insists on owning its directory.
    fn check_owner(&self, dir: &Path) -> Result<(), Error> {
        let cluster = fs::metadata(dir.join("postgres"));
        // Root gives an empty directory to the user; a cluster stays with whom it belongs to.
        let meta = if self.switch {
            cluster.ok()
        } else {
            cluster.or_else(|_| fs::metadata(dir)).ok()
        };
        let Some(meta) = meta.filter(|meta| meta.uid() != self.uid) else {
            return Ok(());
        };
        let owner = User::from_uid(meta.uid(), meta.gid(), false).name;
        Err(Error::OtherOwner {
            dir: dir.to_owned(),
            owner,
        })
    }

    /// Asked of the kernel, as the user: mode bits alone would miss access lists.
    fn may_enter(&self, dir: &Path) -> Result<bool, Error> {
        self.may("-x", dir)
    }

    /// Whether the user may execute the program at `path`.
    pub fn may_execute(&self, path: &Path) -> Result<bool, Error> {
        self.may("-x", path)
    }

    /// Whether the user may read the file at `path`.
    pub fn may_read(&self, path: &Path) -> Result<bool, Error> {
        self.may("-r", path)
    }

    fn may(&self, test: &str, path: &Path) -> Result<bool, Error> {
        Ok(Spec::new("test", "test")
            .arg(test)
            .arg(path)
            .user(self)
            .run_quiet()?
            .success())
    }

    /// Gives `path` to the user, when we are root.
    pub fn own(&self, path: &Path) -> Result<(), Error> {
        if !self.switch {
            return Ok(());
        }
        std::os::unix::fs::lchown(path, Some(self.uid), Some(self.gid))
            .map_err(Error::io("give to its user", path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_never_runs_a_cluster() {
        if !Uid::effective().is_root() {
            return;
        }
        let refused = User::choose(Some("root"), Path::new("/"));
        assert!(matches!(refused, Err(Error::RootUser { .. })), "{refused:?}");
        let chosen = User::choose(None, Path::new("/nowhere")).unwrap();
        assert_ne!(chosen.uid, 0);
    }

    #[test]
    fn a_user_that_does_not_exist_is_named() {
        if !Uid::effective().is_root() {
            return;
        }
        let refused = User::choose(Some("no-such-user"), Path::new("/")).unwrap_err();
        assert!(
            refused.to_string().contains("\"no-such-user\" does not exist"),
            "{refused}"
        );
    }
}
