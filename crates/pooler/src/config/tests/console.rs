//! SHOW CONFIG, SET and RELOAD.

use super::read;
use crate::config::{Canvass, Config, PoolMode, Settings};

#[test]
fn show_config_has_every_setting_in_alphabetical_order() {
    let rows = Config::default().show();
    let keys = rows.iter().map(|row| row.key).collect::<Vec<_>>();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(keys, sorted, "as pgbouncer shows them");
    assert_eq!(keys.len(), Settings::KEYS.len());
    let row = |key: &str| rows.iter().find(|row| row.key == key).unwrap();
    assert_eq!(
        (row("pool_mode").value.as_str(), row("pool_mode").default),
        ("session", "session")
    );
    assert_eq!(
        (
            row("unix_socket_mode").value.as_str(),
            row("unix_socket_mode").default
        ),
        ("511", "0777")
    );
    assert_eq!(
        (row("auth_file").value.as_str(), row("auth_file").default),
        ("", "")
    );
}

/// The column `changeable` of pgbouncer.
#[test]
fn what_needs_a_restart_is_what_needs_one_in_pgbouncer() {
    let fixed = Config::default()
        .show()
        .into_iter()
        .filter(|row| !row.changeable)
        .map(|row| row.key);
    assert_eq!(
        fixed.collect::<Vec<_>>(),
        [
            "disable_pqexec",
            "job_name",
            "listen_addr",
            "listen_backlog",
            "listen_port",
            "pidfile",
            "pkt_buf",
            "resolv_conf",
            "so_reuseport",
            "track_extra_parameters",
            "unix_socket_dir",
            "unix_socket_group",
            "unix_socket_mode",
            "user",
        ]
    );
}

#[test]
fn our_own_section_is_shown_behind_only_if_it_says_something() {
    let rows = read("[canvass]\nlanes = 1\n").show();
    assert_eq!(rows.len(), Settings::KEYS.len() + Canvass::KEYS.len());
    let lanes = rows.iter().find(|row| row.key == "lanes").unwrap();
    assert_eq!(
        (lanes.value.as_str(), lanes.default, lanes.changeable),
        ("1", "0", true)
    );
}

#[test]
fn no_name_is_in_both_sections() {
    let both = Canvass::KEYS
        .iter()
        .filter(|ours| Settings::KEYS.iter().any(|key| key.name == ours.name));
    assert_eq!(both.map(|key| key.name).collect::<Vec<_>>(), Vec::<&str>::new());
}

#[test]
fn set_changes_one_value() {
    let mut config = Config::default();
    config.set("pool_mode", "transaction").unwrap();
    config.set("lanes", "1").unwrap();
    config.set("server_reset_query", "").unwrap();
    config.set("sbuf_loopcnt", "9").unwrap();
    assert_eq!(config.settings.pool_mode, PoolMode::Transaction);
    assert!(config.canvass.lanes);
    assert_eq!(config.settings.server_reset_query, None);
}

#[test]
fn set_refuses_what_the_file_may_not_say_and_what_needs_a_restart() {
    for (key, value, said) in [
        (
            "listen_port",
            "1",
            "listen_port is changed by a restart only: set it in the file, then restart",
        ),
        (
            "threads",
            "1",
            "threads is changed by a restart only: set it in the file, then restart",
        ),
        (
            "pool_mod",
            "session",
            "unknown setting \"pool_mod\" in [pgbouncer], did you mean \"pool_mode\"?",
        ),
        (
            "default_pool_size",
            "-1",
            "default_pool_size = -1: it must be a whole number from 0 to 2147483647",
        ),
        (
            "auth_type",
            "cert",
            "auth_type = cert needs client_tls_sslmode = verify-full",
        ),
    ] {
        let mut config = Config::default();
        assert_eq!(config.set(key, value).unwrap_err().to_string(), said);
        assert_eq!(config, Config::default(), "nothing has changed");
    }
}

#[test]
fn reload_keeps_what_only_a_restart_changes_and_says_so() {
    let running = read("[pgbouncer]\nlisten_port = 1\nuser = a\npool_mode = session\n");
    let mut file =
        read("[pgbouncer]\nlisten_port = 2\nuser = a\npool_mode = statement\n[canvass]\nthreads = 3\n");
    assert_eq!(file.keep_until_restart(&running), ["listen_port", "threads"]);
    assert_eq!(file.settings.listen_port, 1);
    assert_eq!(file.canvass.threads, None);
    assert_eq!(file.settings.pool_mode, PoolMode::Statement);
    assert_eq!(file.keep_until_restart(&running), Vec::<&str>::new());
}
