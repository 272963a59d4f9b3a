//! What an earlier run left behind when it was killed: found through /proc, ended gently, awaited.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::{Error, Notices};

/// How often the process table is looked at while we wait for someone else's child.
const POLL: Duration = Duration::from_millis(50);
/// How often a wait is mentioned.
pub(crate) const MENTION: Duration = Duration::from_secs(3);

/// When a process started, in clock ticks since boot: with its id, a name that is never used twice before a reboot.
pub(crate) fn start_time(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the command in brackets and may itself hold spaces and brackets.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace();
    let state = fields.next()?;
    if state == "Z" {
        return None; // dead, waiting only for its parent to look
    }
    fields.nth(18)?.parse().ok()
}

/// Processes whose working directory is `dir`. A postmaster and all its children work in their data directory.
pub(crate) fn working_in(dir: &Path) -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == dir))
        .filter(|pid| start_time(*pid).is_some())
        .collect()
}

/// Waits until `alive` says no, mentioning `what` now and then. False when `limit` passes first.
pub(crate) async fn wait_gone(
    mut alive: impl FnMut() -> bool,
    limit: Duration,
    notices: &Notices,
    what: &str,
) -> bool {
    let begun = Instant::now();
    let mut mention = MENTION;
    while alive() {
        let waited = begun.elapsed();
        if waited >= limit {
            return false;
        }
        if waited >= mention {
            notices.say(format!("{what}: {} s", waited.as_secs()));
            mention += MENTION;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}

/// Ends the service whose id an earlier run left in `pid_file`, if it still lives: SIGTERM, then SIGKILL after `grace`.
pub(crate) async fn end_service(pid_file: &Path, grace: Duration, notices: &Notices) -> Result<(), Error> {
    let Some((pid, started)) = read_pid_file(pid_file) else {
        return Ok(());
    };
    let alive = || start_time(pid) == Some(started);
    if alive() {
        let name = pid_file.file_stem().unwrap_or_default().to_string_lossy();
        let what = format!("waiting for {name} of an earlier run (process {pid}) to end");
        notices.say(format!("ending {name} of an earlier run (process {pid})"));
        for (signal, limit) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, grace)] {
            let _ = kill(Pid::from_raw(pid), signal);
            if wait_gone(alive, limit, notices, &what).await {
                break;
            }
        }
        if alive() {
            return Err(Error::LeftoverStays {
                pid,
                seconds: 2 * grace.as_secs(),
            });
        }
    }
    remove_pid_file(pid_file);
    Ok(())
}

/// Notes a service's id and start time, so that a later run can tell it from a stranger with the same id.
pub(crate) fn pid_file_text(pid: i32) -> Option<String> {
    start_time(pid).map(|started| format!("{pid} {started}\n"))
}

fn read_pid_file(path: &Path) -> Option<(i32, u64)> {
    let text = fs::read_to_string(path).ok()?;
    let mut fields = text.split_whitespace();
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

pub(crate) fn remove_pid_file(path: &Path) {
    // A pid file that stays is recognised as stale by its start time.
    let _ = fs::remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_process_is_told_from_another_one_with_its_number() {
        let me = std::process::id().cast_signed();
        let text = pid_file_text(me).unwrap();
        assert_eq!(
            text.split_whitespace().nth(1).unwrap().parse::<u64>().ok(),
            start_time(me)
        );
        assert_eq!(start_time(i32::MAX), None);
    }

    #[test]
    fn processes_are_found_by_their_working_directory() {
        let cwd = std::env::current_dir().unwrap();
        assert!(working_in(&cwd).contains(&std::process::id().cast_signed()));
    }
}
