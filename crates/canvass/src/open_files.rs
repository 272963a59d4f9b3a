//! How many files, and so how many connections, a process may have open.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// Raises this process's limit, and that of the processes which it starts, as far as allowed: to at least `wanted` for
/// who may (root with `CAP_SYS_RESOURCE`), else to the hard limit. Returns the limit then; `None` when it cannot be told.
pub(crate) fn raise(wanted: usize) -> Option<usize> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let wanted = hard.max(rlim_t::try_from(wanted).unwrap_or(hard));
    let reached = [wanted, hard]
        .into_iter()
        .find(|limit| setrlimit(Resource::RLIMIT_NOFILE, *limit, *limit).is_ok())?;
    Some(usize::try_from(reached).unwrap_or(usize::MAX))
}

/// Files that a process has open beside its connections.
pub(crate) const OTHERS: usize = 100;
