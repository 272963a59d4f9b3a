use std::path::Path;

use crate::Machine;

const MB: u64 = 1 << 20;
const GB: u64 = 1 << 30;

/// What the settings are made from.
pub(crate) struct Inputs<'a> {
    pub(crate) machine: Machine,
    /// Bytes free where the cluster lives.
    pub(crate) disk_free: u64,
    pub(crate) port: u16,
    pub(crate) socket_dir: &'a Path,
    /// Whether this PostgreSQL can compress WAL with lz4.
    pub(crate) lz4: bool,
    /// A small cluster for tests, beside others on the same machine.
    pub(crate) test: bool,
}

/// One line of canvass.conf with its reason.
struct Setting {
    name: &'static str,
    value: String,
    reason: &'static str,
}

/// The whole of canvass.conf.
pub(crate) fn canvass_conf(inputs: &Inputs<'_>) -> String {
    let mut text = String::from(
        "# Written at every start and sized from this machine: changes made here are lost.\n\
         # To set something else use ALTER SYSTEM, which wins over this file.\n",
    );
    for Setting { name, value, reason } in settings(inputs) {
        text.push_str(&format!("\n# {reason}\n{name} = {value}\n"));
    }
    text
}

/// The whole of pg_hba.conf: passwords everywhere, and nothing from outside this machine.
pub(crate) fn pg_hba() -> &'static str {
    "# Written at every start: this machine only, always with a password.\n\
     local  all          all                scram-sha-256\n\
     host   all          all  127.0.0.1/32  scram-sha-256\n\
     host   all          all  ::1/128       scram-sha-256\n\
     local  replication  all                scram-sha-256\n\
     host   replication  all  127.0.0.1/32  scram-sha-256\n\
     host   replication  all  ::1/128       scram-sha-256\n"
}

fn settings(inputs: &Inputs<'_>) -> Vec<Setting> {
    let mut all = connections(inputs);
    all.extend(memory(inputs));
    all.extend(durability());
    all.extend(wal(inputs));
    all.extend(vacuum());
    all.extend(logging());
    all
}

fn set(name: &'static str, value: impl Into<String>, reason: &'static str) -> Setting {
    Setting {
        name,
        value: value.into(),
        reason,
    }
}

fn connections(inputs: &Inputs<'_>) -> Vec<Setting> {
    let sockets = format!(
        "\"{}\"",
        inputs.socket_dir.display().to_string().replace('"', "\"\"")
    );
    vec![
        set("listen_addresses", "'127.0.0.1'", "This machine only."),
        set(
            "port",
            inputs.port.to_string(),
            "Remembered in canvass-data.toml.",
        ),
        set(
            "unix_socket_directories",
            quote(&sockets),
            "The way in for serve; the directory is private.",
        ),
        set(
            "unix_socket_permissions",
            "0700",
            "Nobody else even reaches the password question.",
        ),
        set("password_encryption", "'scram-sha-256'", "No MD5."),
        set(
            "max_connections",
            max_connections(inputs).to_string(),
            "By cores, and by memory where that is little.",
        ),
        set("cluster_name", "'canvass'", "Tells its processes apart in ps."),
        set("timezone", "'UTC'", "Times mean the same everywhere."),
    ]
}

fn max_connections(inputs: &Inputs<'_>) -> u64 {
    if inputs.test {
        return 200;
    }
    let by_cores = 60 + 20 * inputs.machine.cores;
    let by_memory = inputs.machine.memory / (10 * MB);
    by_cores.min(by_memory).clamp(40, 500)
}

fn memory(inputs: &Inputs<'_>) -> Vec<Setting> {
    let memory = inputs.machine.memory;
    let (shared, maintenance, work) = if inputs.test {
        (64 * MB, 32 * MB, 4 * MB)
    } else {
        let work = memory / 8 / max_connections(inputs);
        (
            (memory / 5).clamp(64 * MB, 8 * GB),
            (memory / 32).clamp(32 * MB, GB),
            work.clamp(4 * MB, 64 * MB),
        )
    };
    vec![
        set(
            "shared_buffers",
            mb(shared),
            "A fifth of memory: serve and the system's cache share the machine.",
        ),
        set(
            "effective_cache_size",
            mb((memory * 3 / 5).max(128 * MB)),
            "What the system's cache will hold (planner only).",
        ),
        set(
            "maintenance_work_mem",
            mb(maintenance),
            "For building indexes and for vacuum.",
        ),
        set(
            "work_mem",
            mb(work),
            "Per sort; all connections at once still fit.",
        ),
        set(
            "jit",
            "off",
            "Queries here are short: compiling them costs more than it saves.",
        ),
    ]
}

fn durability() -> Vec<Setting> {
    vec![
        set("fsync", "on", "Acknowledged means on disk."),
        set("synchronous_commit", "on", "Acknowledged means on disk."),
        set(
            "full_page_writes",
            "on",
            "Pages torn by a power cut are repaired.",
        ),
    ]
}

fn wal(inputs: &Inputs<'_>) -> Vec<Setting> {
    let max = if inputs.test {
        256 * MB
    } else {
        (inputs.disk_free / 8).clamp(128 * MB, 16 * GB)
    };
    let compression = if inputs.lz4 { "lz4" } else { "on" };
    let buffers = if inputs.test {
        4 * MB
    } else {
        (inputs.machine.memory / 64).clamp(4 * MB, 64 * MB)
    };
    vec![
        set(
            "wal_compression",
            compression,
            "Full page images shrink several times for little CPU.",
        ),
        set(
            "wal_buffers",
            mb(buffers),
            "Room for the batches between two commits.",
        ),
        set(
            "max_wal_size",
            mb(max),
            "Few checkpoints; an eighth of the free disk at most.",
        ),
        set(
            "min_wal_size",
            mb((max / 4).max(64 * MB)),
            "WAL files are used again instead of made anew.",
        ),
        set(
            "checkpoint_timeout",
            "15min",
            "Each checkpoint makes every page cost a full image once more.",
        ),
        set(
            "checkpoint_completion_target",
            "0.9",
            "A checkpoint's writes are spread over its whole interval.",
        ),
    ]
}

fn vacuum() -> Vec<Setting> {
    vec![
        set(
            "autovacuum",
            "on",
            "Keeps statistics and the visibility map; rows are never updated.",
        ),
        set(
            "autovacuum_vacuum_insert_threshold",
            "100000",
            "Tables only grow: a visit per growth step, not per minute.",
        ),
        set(
            "autovacuum_vacuum_insert_scale_factor",
            "0.4",
            "The step, as a part of the table.",
        ),
        set(
            "autovacuum_analyze_scale_factor",
            "0.2",
            "Plans follow the growth.",
        ),
        set("track_io_timing", "on", "Tells a slow disk from a slow query."),
    ]
}

/// The `log_line_prefix` of every cluster: time, process, who, and SQLSTATE.
pub const LOG_LINE_PREFIX: &str = "%m [%p] %quser=%u,db=%d,app=%a,state=%e ";

fn logging() -> Vec<Setting> {
    vec![
        set("log_destination", "'stderr'", "Captured in log/postgres.log."),
        set(
            "logging_collector",
            "off",
            "The file is opened by whoever starts PostgreSQL.",
        ),
        set(
            "log_timezone",
            "'UTC'",
            "Lines of several machines can be put in order.",
        ),
        set(
            "log_line_prefix",
            format!("'{LOG_LINE_PREFIX}'"),
            "Time, process, who, and SQLSTATE; log readers know this shape.",
        ),
        set(
            "log_error_verbosity",
            "terse",
            "DETAIL and CONTEXT quote the values of failing rows.",
        ),
        set("log_statement", "none", "Statements can carry values."),
        set(
            "log_min_error_statement",
            "panic",
            "Failing statements can carry values.",
        ),
        set(
            "log_min_duration_statement",
            "-1",
            "Slow statements can carry values; the survey server's never do, and are logged (docs/logs.md).",
        ),
        set("log_parameter_max_length", "0", "Parameters are answers."),
        set(
            "log_parameter_max_length_on_error",
            "0",
            "Parameters are answers.",
        ),
        set(
            "log_checkpoints",
            "on",
            "The first thing to look at when writes become slow.",
        ),
        set(
            "log_lock_waits",
            "on",
            "Nothing here should ever wait a second for a lock.",
        ),
        set("log_autovacuum_min_duration", "10s", "Explains a busy disk."),
        set("log_temp_files", "10MB", "Explains a busy disk, too."),
        set("log_connections", "on", "Who came,"),
        set("log_disconnections", "on", "and how long they stayed."),
    ]
}

fn mb(bytes: u64) -> String {
    format!("{}MB", bytes / MB)
}

/// A value in a configuration file: quotes and backslashes doubled.
fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(memory: u64, cores: u64, disk_free: u64) -> String {
        canvass_conf(&Inputs {
            machine: Machine { cores, memory },
            disk_free,
            port: 20_001,
            socket_dir: Path::new("/srv/o'clock/run"),
            lz4: true,
            test: false,
        })
    }

    fn value<'a>(conf: &'a str, name: &str) -> &'a str {
        let line = conf
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} = ")));
        line.unwrap_or_else(|| panic!("{name} is missing in:\n{conf}"))
    }

    #[test]
    fn a_small_machine_keeps_most_of_its_memory() {
        let conf = conf(GB, 1, 10 * GB);
        assert_eq!(value(&conf, "shared_buffers"), "204MB");
        assert_eq!(value(&conf, "max_connections"), "80");
        assert_eq!(value(&conf, "work_mem"), "4MB");
        assert_eq!(value(&conf, "max_wal_size"), "1280MB");
    }

    #[test]
    fn a_large_machine_meets_the_limits() {
        let conf = conf(256 * GB, 64, 2_000 * GB);
        assert_eq!(value(&conf, "shared_buffers"), "8192MB");
        assert_eq!(value(&conf, "max_connections"), "500");
        assert_eq!(value(&conf, "max_wal_size"), "16384MB");
        assert_eq!(value(&conf, "wal_buffers"), "64MB");
    }

    #[test]
    fn a_full_disk_still_gives_a_valid_file() {
        let conf = conf(GB, 2, 0);
        assert_eq!(
            (value(&conf, "max_wal_size"), value(&conf, "min_wal_size")),
            ("128MB", "64MB")
        );
    }

    #[test]
    fn every_setting_has_its_reason_and_paths_are_quoted() {
        let conf = conf(GB, 1, GB);
        assert_eq!(value(&conf, "unix_socket_directories"), "'\"/srv/o''clock/run\"'");
        for block in conf.split("\n\n").skip(1) {
            assert!(
                block.starts_with("# ") && block.contains(" = "),
                "no reason in {block:?}"
            );
        }
    }
}
