//! The program file that `canvass up` starts its own parts from.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use canvass_stack::User;

/// This very program, or a copy of it where the user may run it.
///
/// # Errors
/// The copy cannot be written.
pub(crate) fn program(run: &Path, user: &User) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("finding this program's file")?;
    if user.may_execute(&own)? {
        return Ok(own);
    }
    let (copy, new) = (run.join("canvass"), run.join("canvass.new"));
    let failed = || format!("{}: cannot copy this program there", copy.display());
    // What stands in its place may be a link to anywhere: root must not write there.
    if fs::symlink_metadata(&new).is_ok() {
        fs::remove_file(&new).with_context(failed)?;
    }
    fs::copy(&own, &new).with_context(failed)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).with_context(failed)?;
    user.own(&new)?;
    fs::rename(&new, &copy).with_context(failed)?;
    Ok(copy)
}
