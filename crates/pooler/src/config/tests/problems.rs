//! What is said about a configuration that is wrong, and what is never said.

use super::{problem, problems, refused};
use crate::config::Config;

#[test]
fn everything_is_said_at_once_with_file_and_line() {
    let text = "[pgbouncer]\nlissten_port = 1\nmax_client_conn = many\n\n[databases]\na = hots=x\nb\n";
    let error = Config::parse(text).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pgbouncer.ini:2: unknown setting \"lissten_port\" in [pgbouncer], did you mean \"listen_port\"?\n\
         pgbouncer.ini:3: max_client_conn = many: it must be a whole number from 0 to 2147483647\n\
         pgbouncer.ini:6: a: unknown setting \"hots\" in [databases], did you mean \"host\"?\n\
         pgbouncer.ini:7: there is no `=`; settings are written as `name = value`, comments begin with ;"
    );
}

#[test]
fn a_name_like_no_other_is_pointed_to_the_documentation() {
    assert_eq!(
        refused("zzz = 1"),
        "pgbouncer.ini:2: unknown setting \"zzz\" in [pgbouncer]; remove it, or see docs/pool-settings.md for what there is"
    );
    assert_eq!(
        refused("LISTEN_PORT = 1"),
        "pgbouncer.ini:2: unknown setting \"LISTEN_PORT\" in [pgbouncer], did you mean \"listen_port\"?"
    );
    assert_eq!(
        problem("[canvass]\nlane = 1"),
        "pgbouncer.ini:2: unknown setting \"lane\" in [canvass], did you mean \"lanes\"?"
    );
}

#[test]
fn settings_of_later_versions_and_other_systems_are_named_as_such() {
    assert_eq!(
        refused("pool_idle_timeout = 5"),
        "pgbouncer.ini:2: pool_idle_timeout is not supported: it came with pgbouncer 1.26, and this pooler follows 1.25; \
         remove it"
    );
    assert_eq!(
        refused("service_name = x"),
        "pgbouncer.ini:2: service_name is not supported: it matters on Windows only; remove it"
    );
    assert_eq!(
        refused("resolv_conf = /etc/x"),
        "pgbouncer.ini:2: resolv_conf = /etc/x: not supported, because names are looked up by the operating system's \
         resolver, with its own configuration; remove it"
    );
}

#[test]
fn what_has_no_effect_is_a_warning_unless_it_is_the_default() {
    let loaded =
        Config::parse("[pgbouncer]\npkt_buf = 8192\nsbuf_loopcnt = 5\njob_name = pgbouncer\n").unwrap();
    assert_eq!(
        loaded.warnings,
        ["pgbouncer.ini:2: pkt_buf = 8192 has no effect: buffers grow and shrink with the messages"]
    );
}

#[test]
fn only_so_many_problems_are_listed() {
    let text = format!("[pgbouncer]\n{}", "x\n".repeat(70));
    let problems = problems(&text);
    assert_eq!(problems.len(), 51);
    assert_eq!(problems[50], "and 20 more problems");
}

#[test]
fn settings_that_contradict_one_another_are_refused() {
    for (text, problem) in [
        (
            "client_tls_sslmode = require",
            "client_tls_cert_file and client_tls_key_file: set both",
        ),
        (
            "client_tls_sslmode = allow\nclient_tls_key_file = k",
            "client_tls_cert_file and client_tls_key_file: set both",
        ),
        (
            "client_tls_sslmode = verify-full\nclient_tls_key_file = k\nclient_tls_cert_file = c",
            "verify-full needs client_tls_ca_file",
        ),
        (
            "auth_type = cert",
            "auth_type = cert needs client_tls_sslmode = verify-full",
        ),
        ("auth_type = hba", "auth_type = hba needs auth_hba_file"),
        (
            "server_tls_key_file = k",
            "server_tls_cert_file and server_tls_key_file belong together",
        ),
        ("auth_user = a\nauth_query =", "auth_user needs auth_query"),
        ("auth_dbname = pgbouncer", "the console knows no passwords"),
        (
            "min_pool_size = 5\n[canvass]\nmax_server_connections = 4",
            "no pool could ever be filled",
        ),
        (
            "[databases]\na = auth_dbname=pgbouncer",
            "database a: auth_dbname=pgbouncer is the console",
        ),
    ] {
        let said = super::problem(&format!("[pgbouncer]\n{text}"));
        assert!(said.contains(problem), "{text}: {said}");
    }
}

/// Whatever is wrong with a line, no part of its password is in the message, nor in what `Debug` shows of it.
#[test]
fn no_message_holds_a_password() {
    let secrets = ["S3cret", "w0rd", "t00"];
    for text in [
        "[databases]\na = host=x password=S3cret w0rd",
        "[databases]\na = host=x password=S3cret w0rd=t00",
        "[databases]\na = host=x password=S3cret w0rd=t00 port=abc",
        "[databases]\na = host=x password='S3cret w0rd",
        "[databases]\na = host=x password='S3cret'w0rd' port=4",
        "[databases]\na = host=x password=S3cret\tw0rd",
        "[databases]\na = host=x port=abc password=S3cret",
        "[databases]\na = host=x pasword=S3cret w0rd=t00",
        "[databases]\na = host=x passwd=S3cret",
        "[databases]\na = host=x password==S3cret x",
        "[databases]\na host=x password=S3cret",
        "[databases]\na b = host=x password=S3cret",
        "[databases]\n\"a = host=x password=S3cret",
        "[databases]\npgbouncer = host=x password=S3cret",
        "[databases]\na = host=x password=S3cret\0",
        "[pgbouncer]\na = host=x password=S3cret",
        "[pgbouncer]\nlisten_port = host=x password=S3cret",
        "[pgbouncer]\nlisten_port = host=x PASSWORD = S3cret",
        "[users]\na = password=S3cret",
        "[users]\na = password=S3cret w0rd=t00",
        "[peers]\n1 = host=x password=S3cret",
        "a = host=x password=S3cret",
        "[unknown]\na = host=x password=S3cret",
    ] {
        let error = Config::parse(text).expect_err(text);
        for secret in secrets {
            assert!(!format!("{error} {error:?}").contains(secret), "{text}: {error}");
        }
    }
    let config = Config::parse("[databases]\na = user=u password=S3cret")
        .unwrap()
        .config;
    assert_eq!(
        config.databases["a"].password.as_ref().unwrap().expose(),
        "S3cret"
    );
    assert!(!format!("{config:?}").contains("S3cret"));
}
