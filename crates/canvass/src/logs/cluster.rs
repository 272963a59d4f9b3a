//! The log of the PostgreSQL that `canvass up` runs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;
use canvass_stack::{LOGGED_TRANSACTIONS, SLOW_STATEMENT};

/// The logs of a data directory of `canvass up`; what has to be known of them is added to `notes`.
///
/// # Errors
/// There are none.
pub(super) fn logs(dir: &Path, notes: &mut Vec<String>) -> anyhow::Result<Vec<PathBuf>> {
    let log = dir.join("log/postgres.log");
    if !log.is_file() {
        bail!(
            "{}: not there: is {} the --data of canvass up?",
            log.display(),
            dir.display()
        );
    }
    if version(dir).is_some_and(|major| major >= 15) {
        notes.push(format!(
            "of the survey server's statements those of {} ms and more are logged, and one transaction in \
             {LOGGED_TRANSACTIONS} whole: of what is faster there was about {LOGGED_TRANSACTIONS} times as much",
            SLOW_STATEMENT.as_millis()
        ));
    }
    // The one before, set aside when it had grown large.
    let older = dir.join("log/postgres.log.1");
    Ok([older, log].into_iter().filter(|log| log.is_file()).collect())
}

/// The major version that made the cluster.
fn version(dir: &Path) -> Option<u32> {
    let text = fs::read_to_string(dir.join("postgres/PG_VERSION")).ok()?;
    text.trim().parse().ok()
}
