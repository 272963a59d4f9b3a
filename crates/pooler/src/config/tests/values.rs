//! What each kind of value may be.

use std::time::Duration;

use super::{read, refused, shown};
use crate::config::{AuthType, CheckQuery, PoolMode, ServerCap, SessionState, Settings, SslMode};

#[test]
fn the_defaults_are_pgbouncers() {
    let settings = Settings::default();
    assert_eq!(settings.auth_type, AuthType::Md5);
    assert_eq!(settings.client_tls_sslmode, SslMode::Disable);
    assert_eq!(settings.server_tls_sslmode, SslMode::Prefer);
    assert_eq!(settings.pool_mode, PoolMode::Session);
    assert_eq!(settings.max_prepared_statements, 200);
    assert_eq!(settings.server_reset_query.as_deref(), Some("DISCARD ALL"));
    assert_eq!(settings.server_check_query, CheckQuery::Empty);
    assert_eq!(settings.query_wait_timeout, Duration::from_secs(120));
    assert_eq!(settings.query_wait_notify, Duration::from_secs(5));
    assert_eq!(settings.track_extra_parameters, ["IntervalStyle"]);
    assert_eq!(settings.unix_socket_dir.as_deref(), Some("/tmp".as_ref()));
    assert_eq!(settings.unix_socket_mode, 0o777);
    assert!(settings.tcp_defer_accept && settings.tcp_keepalive && settings.log_stats);
    assert!(settings.client_tls_protocols.tls12 && settings.client_tls_protocols.tls13);
}

#[test]
fn without_a_canvass_section_everything_new_is_off() {
    let canvass = read("[pgbouncer]\n").canvass;
    assert_eq!(canvass.session_state, SessionState::Pgbouncer);
    assert_eq!(canvass.max_server_connections, ServerCap::Off);
    assert_eq!(canvass.wait_for_restart, Duration::ZERO);
    assert!(!canvass.refuse_early && !canvass.lanes && !canvass.allow_clear_text_passwords);
    assert!(canvass.metrics_listen.is_none() && canvass.threads.is_none());
}

#[test]
fn the_canvass_section_is_read() {
    let canvass = read(
        "[canvass]\nthreads = 4\nsession_state = Pin\nmax_server_connections = auto\nrefuse_early = on\nlanes = yes\n\
         lanes_read_share = 70\nwait_for_restart = 2.5\nprepared_statement_max_bytes = 1048576\n\
         metrics_listen = 127.0.0.1:9465\nallow_clear_text_passwords = true\n",
    )
    .canvass;
    assert_eq!(canvass.threads, Some(4));
    assert_eq!(canvass.session_state, SessionState::Pin);
    assert_eq!(canvass.max_server_connections, ServerCap::Auto);
    assert!(canvass.refuse_early && canvass.lanes && canvass.allow_clear_text_passwords);
    assert_eq!(canvass.lanes_read_share, 70);
    assert_eq!(canvass.wait_for_restart, Duration::from_millis(2500));
    assert_eq!(canvass.prepared_statement_max_bytes, 1 << 20);
    assert_eq!(canvass.metrics_listen, Some("127.0.0.1:9465".parse().unwrap()));
    assert_eq!(
        read("[canvass]\nmax_server_connections = 90")
            .canvass
            .max_server_connections,
        ServerCap::At(90)
    );
    let problem = |line: &str| super::problem(&format!("[canvass]\n{line}"));
    assert_eq!(
        problem("max_server_connections = 0"),
        "pgbouncer.ini:2: max_server_connections = 0: it must be `off`, `auto` or a whole number from 1"
    );
    assert_eq!(
        problem("threads = 0"),
        "pgbouncer.ini:2: threads = 0: it must be `auto` or a whole number from 1 to 1024"
    );
    assert_eq!(
        problem("metrics_listen = 9465"),
        "pgbouncer.ini:2: metrics_listen = 9465: it must be an address and a port such as 127.0.0.1:9465"
    );
}

#[test]
fn seconds_may_have_a_fraction_or_an_exponent() {
    for (text, seconds) in [
        ("0.5", "0.5"),
        ("1e2", "100"),
        (".25", "0.25"),
        ("5.", "5"),
        ("+5", "5"),
        ("010", "10"),
    ] {
        assert_eq!(shown(&format!("server_lifetime = {text}")), seconds, "{text}");
    }
    assert_eq!(shown("server_lifetime = 0.000001"), "0.000001");
    let must = "it must be a number of seconds from 0 to 10000000000";
    for text in ["-3", "5s", "", "nan", "inf", "1e300", "0x10", "5 6"] {
        assert_eq!(
            refused(&format!("server_lifetime = {text}")),
            format!("pgbouncer.ini:2: server_lifetime = {text}: {must}")
        );
    }
    // pgbouncer takes it for 0, which here means "use each connection once"
    assert!(
        refused("server_lifetime = 1e-9").ends_with("it must be at least a microsecond (0.000001), or 0")
    );
}

#[test]
fn some_times_are_whole_numbers() {
    assert_eq!(shown("query_wait_notify = 7"), "7");
    assert_eq!(shown("tcp_user_timeout = 1500"), "1500");
    assert_eq!(
        read("[pgbouncer]\ntcp_user_timeout = 1500")
            .settings
            .tcp_user_timeout,
        Duration::from_millis(1500)
    );
    assert!(refused("query_wait_notify = 1.5").ends_with("it must be a whole number from 0 to 10000000000"));
    assert!(refused("stats_period = 0").ends_with("it must be a whole number from 1 to 10000000000"));
}

#[test]
fn whole_numbers_are_read_as_c_reads_them() {
    for (text, number) in [
        ("0x1F", "31"),
        ("010", "8"),
        ("+5", "5"),
        ("0", "0"),
        ("2147483647", "2147483647"),
    ] {
        assert_eq!(shown(&format!("max_client_conn = {text}")), number, "{text}");
    }
    for text in [
        "-5",
        "1.5",
        "08",
        "0b1",
        "2147483648",
        "99999999999999999999999",
        "",
        "++5",
        "+-5",
        "0x",
        "5 6",
        "٣",
    ] {
        assert_eq!(
            refused(&format!("max_client_conn = {text}")),
            format!(
                "pgbouncer.ini:2: max_client_conn = {text}: it must be a whole number from 0 to 2147483647"
            )
        );
    }
    assert_eq!(shown("unix_socket_mode = 0770"), "504", "as pgbouncer shows it");
    assert!(refused("unix_socket_mode = 0999").ends_with("it must be permissions in octal such as 0770"));
    assert_eq!(shown("max_packet_size = 4294967295"), "4294967295");
    assert!(refused("max_packet_size = 0").ends_with("it must be a whole number from 1024 to 4294967295"));
    assert_eq!(shown("listen_port = 0"), "0", "a port of the system's choice");
    assert!(refused("listen_port = 65536").ends_with("it must be a whole number from 0 to 65535"));
    assert!(refused("peer_id = 16384").ends_with("it must be a whole number from 0 to 16383"));
}

#[test]
fn a_flag_is_a_number_or_a_word() {
    for (text, flag) in [
        ("1", "1"),
        ("2", "1"),
        ("0", "0"),
        ("yes", "1"),
        ("ON", "1"),
        ("true", "1"),
        ("no", "0"),
    ] {
        assert_eq!(shown(&format!("log_connections = {text}")), flag, "{text}");
    }
    for text in ["", "-1", "y", "ja"] {
        assert_eq!(
            refused(&format!("log_connections = {text}")),
            format!("pgbouncer.ini:2: log_connections = {text}: it must be 0 or 1")
        );
    }
}

#[test]
fn words_are_known_in_any_case_and_a_wrong_one_is_told_the_nearest() {
    assert_eq!(shown("pool_mode = Transaction"), "transaction");
    assert_eq!(
        refused("pool_mode = transactions"),
        "pgbouncer.ini:2: pool_mode = transactions: did you mean \"transaction\"? It must be one of session, transaction, \
         statement"
    );
    assert_eq!(
        refused("pool_mode = 7"),
        "pgbouncer.ini:2: pool_mode = 7: it must be one of session, transaction, statement"
    );
    assert_eq!(shown("server_tls_sslmode = verify-full"), "verify-full");
    assert_eq!(shown("syslog_facility = local7"), "local7");
    assert!(refused("syslog_facility = local8").contains("did you mean \"local"));
}

#[test]
fn ways_of_authenticating_that_are_not_supported_are_refused_by_name() {
    for way in ["pam", "ldap", "LDAP", "gss"] {
        assert_eq!(
            refused(&format!("auth_type = {way}")),
            format!(
                "pgbouncer.ini:2: auth_type = {way}: this way of authenticating is not supported; use scram-sha-256 with \
                 auth_file or auth_query, or cert"
            )
        );
    }
    assert!(refused("auth_type = peer").ends_with("use `hba` here and `peer` there"));
    assert_eq!(shown("auth_type = scram-sha-256"), "scram-sha-256");
    assert_eq!(shown("auth_type = plain"), "plain");
    assert_eq!(
        refused("auth_ldap_options = ldapurl=\"ldap://x\""),
        "pgbouncer.ini:2: auth_ldap_options = ldapurl=\\\"ldap://x\\\": not supported, because users are not authenticated \
         against LDAP; remove it"
    );
    assert_eq!(shown("auth_ldap_options ="), "");
}

#[test]
fn the_check_query_is_off_empty_or_a_query() {
    let query = |line: &str| read(&format!("[pgbouncer]\n{line}")).settings.server_check_query;
    assert_eq!(query("server_check_query ="), CheckQuery::Off);
    assert_eq!(query("server_check_query = <empty>"), CheckQuery::Empty);
    assert_eq!(
        query("server_check_query = select 1"),
        CheckQuery::Query("select 1".to_owned())
    );
}

#[test]
fn tls_versions_are_those_that_are_safe() {
    let versions = |text: &str| {
        let protocols = read(&format!("[pgbouncer]\nserver_tls_protocols = {text}"))
            .settings
            .server_tls_protocols;
        assert_eq!(protocols.written(), text);
        (protocols.tls12, protocols.tls13)
    };
    assert_eq!(versions("secure"), (true, true));
    assert_eq!(versions("all"), (true, true));
    assert_eq!(versions(""), (true, true));
    assert_eq!(versions("TLSv1.2, tlsv1.3"), (true, true));
    assert_eq!(versions("tlsv1.0,tlsv1.1,tlsv1.2"), (true, false));
    assert_eq!(versions("all:!tlsv1.2"), (false, true));
    assert!(refused("server_tls_protocols = tlsv1.0,tlsv1.1").ends_with("use secure (TLS 1.2 and 1.3)"));
    assert!(refused("server_tls_protocols = tlsv1.4").ends_with("or versions such as tlsv1.2,tlsv1.3"));
}

#[test]
fn lists_are_separated_by_commas_and_names_by_spaces_too() {
    let settings =
        read("[pgbouncer]\nadmin_users = a, b c,\tlast ,\nlisten_addr = 127.0.0.1, ::1 ,localhost\n")
            .settings;
    assert_eq!(settings.admin_users, ["a", "b", "c", "last"]);
    assert_eq!(settings.listen_addr, ["127.0.0.1", "::1", "localhost"]);
    assert_eq!(read("[pgbouncer]\nlisten_addr = *").settings.listen_addr, ["*"]);
    assert!(
        refused("listen_addr = a b")
            .ends_with("an address has no spaces in it; separate several with commas")
    );
}

#[test]
fn an_empty_path_or_text_is_none() {
    let settings =
        read("[pgbouncer]\nlogfile =\nunix_socket_dir =\nserver_reset_query =\nauth_file = /a b\n").settings;
    assert!(
        settings.logfile.is_none()
            && settings.unix_socket_dir.is_none()
            && settings.server_reset_query.is_none()
    );
    assert_eq!(settings.auth_file.as_deref(), Some("/a b".as_ref()));
}
