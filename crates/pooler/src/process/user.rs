//! Whom the process runs as: never root.

use std::ffi::CString;

use nix::unistd::{User, geteuid, getuid, initgroups, setgid, setuid};

/// Why the process cannot run as whom it should.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// There is no such user.
    #[error("user '{0}' not found")]
    Unknown(String),
    /// The kernel refuses.
    #[error("cannot become user '{user}': {cause}; start as root or as that user")]
    Refused {
        /// The user.
        user: String,
        /// Why.
        cause: nix::Error,
    },
    /// Nobody else was named.
    #[error("the pooler does not run as root: name a user with -u, or with user = in the configuration")]
    Root,
}

/// Becomes `user`, when one is named.
///
/// # Errors
/// [`UserError`]; also when the process is root's afterwards.
pub fn become_user(user: Option<&str>) -> Result<(), UserError> {
    if let Some(name) = user.filter(|name| !name.is_empty()) {
        let found = User::from_name(name).ok().flatten();
        let found = found.ok_or_else(|| UserError::Unknown(name.to_owned()))?;
        if found.uid != getuid() || found.uid != geteuid() {
            switch(&found).map_err(|cause| UserError::Refused {
                user: name.to_owned(),
                cause,
            })?;
        }
    }
    if getuid().is_root() || geteuid().is_root() {
        Err(UserError::Root)
    } else {
        Ok(())
    }
}

fn switch(user: &User) -> nix::Result<()> {
    let name = CString::new(user.name.as_str()).map_err(|_| nix::Error::EINVAL)?;
    initgroups(&name, user.gid)?;
    setgid(user.gid)?;
    setuid(user.uid)
}
