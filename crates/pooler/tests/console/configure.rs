use std::fs;

use canvass_testkit::eventually;

use super::Pool;

#[test]
fn reload_takes_the_new_configuration_while_everybody_stays_connected() {
    let pool = Pool::start("default_pool_size = 5");
    let mut console = pool.console();
    let mut client = pool.client();
    client.run("BEGIN");
    let before = client.query("SELECT pg_backend_pid()").rows;

    pool.rewrite(&pool.entry(), "default_pool_size = 9");
    assert_eq!(console.run("RELOAD"), "RELOAD");

    assert_eq!(
        console.query("SHOW DATABASES").value("name", "app", "pool_size"),
        "9"
    );
    client.run("COMMIT");
    let after = client.query("SELECT pg_backend_pid()").rows;
    assert_eq!(before, after, "nothing has changed for the server");
    assert!(pool.log().contains("LOG RELOAD command issued"));
}

#[test]
fn a_broken_file_changes_nothing() {
    let pool = Pool::start("default_pool_size = 5");
    let mut console = pool.console();
    pool.rewrite(&pool.entry(), "default_pool_size = many");

    let failed = console.fail("RELOAD");

    assert_eq!(
        failed,
        (
            "F0000".into(),
            "RELOAD failed, see logs for additional details".into()
        )
    );
    assert_eq!(
        console.query("SHOW DATABASES").value("name", "app", "pool_size"),
        "5"
    );
    assert_eq!(pool.client().run("SELECT 1"), "SELECT 1");
    let log = pool.log();
    assert!(
        log.contains("pgbouncer.ini:") && log.contains("many"),
        "the log says where and what: {log}"
    );
    let failures = log
        .lines()
        .filter(|line| line.to_lowercase().contains("reload failed"));
    let failures: Vec<_> = failures.collect();
    assert_eq!(failures.len(), 1, "the failure itself is logged once: {log}");
    assert!(failures[0].contains("RELOAD Failed, see logs for more details"));
}

#[test]
fn a_broken_userlist_changes_nothing_either() {
    let pool = Pool::start("default_pool_size = 5");
    let mut console = pool.console();
    pool.rewrite(&pool.entry(), "default_pool_size = 6");
    fs::write(pool.file("users"), "no quotes\n").unwrap();

    assert_eq!(console.fail("RELOAD").0, "F0000");

    assert_eq!(
        console.query("SHOW DATABASES").value("name", "app", "pool_size"),
        "5"
    );
}

#[test]
fn servers_leave_when_their_database_has_another_place() {
    // Given a server, and another database.
    let pool = Pool::start("");
    let mut console = pool.console();
    let mut client = pool.client();
    client.run("SELECT 1");
    let elsewhere = canvass_testkit::shared_cluster().database();

    // When the entry points there.
    pool.rewrite(&pool.entry().replace(&pool.database.name, &elsewhere.name), "");
    console.run("RELOAD");
    console.run("WAIT_CLOSE");

    // Then the client, who stayed, gets servers there.
    let now = client.query("SELECT current_database()");
    assert_eq!(now.rows[0][0].as_deref(), Some(elsewhere.name.as_str()));
    assert!(
        pool.log()
            .contains("closing because: database configuration changed")
    );
}

#[test]
fn clients_of_a_database_that_has_gone_must_go() {
    let pool = Pool::start("");
    let mut console = pool.console();
    let mut client = pool.client();
    client.run("SELECT 1");

    pool.rewrite(&pool.entry().replacen("app", "renamed", 1), "");
    console.run("RELOAD");

    assert_eq!(
        client.reply().errors,
        [("57P01".into(), "database removed".into())]
    );
    eventually("the pool to be forgotten", || {
        (!console.query("SHOW POOLS").column("database").contains(&"app")).then_some(())
    });
    assert_eq!(
        super::Client::tcp(pool.address, "canvass", "renamed")
            .unwrap()
            .run("SELECT 1"),
        "SELECT 1"
    );
}

#[test]
fn reload_opens_the_log_anew() {
    let pool = Pool::start("");
    let mut console = pool.console();
    fs::rename(pool.file("log"), pool.file("log.1")).unwrap();

    console.run("RELOAD");
    console.run("RECONNECT");

    assert!(pool.log().contains("RECONNECT command issued"));
}

#[test]
fn set_changes_one_setting_at_once() {
    let pool = Pool::start("");
    let mut console = pool.console();
    pool.client().run("SELECT 1");

    assert_eq!(
        console.run("SET default_pool_size = 3"),
        "SET default_pool_size=3"
    );
    assert_eq!(
        console.run("SET server_check_query TO 'SELECT 2'"),
        "SET server_check_query=SELECT 2"
    );

    let config = console.query("SHOW CONFIG");
    assert_eq!(config.value("key", "default_pool_size", "value"), "3");
    assert_eq!(config.value("key", "default_pool_size", "default"), "20");
    assert_eq!(config.value("key", "server_check_query", "value"), "SELECT 2");
    assert_eq!(config.value("key", "listen_port", "changeable"), "no");
    assert_eq!(
        console.query("SHOW DATABASES").value("name", "app", "pool_size"),
        "3"
    );
}

#[test]
fn set_refuses_what_it_cannot_do() {
    let pool = Pool::start("");
    let mut console = pool.console();
    for set in [
        "SET nothing = 1",
        "SET listen_port = 7",
        "SET pool_mode = sometimes",
    ] {
        assert_eq!(console.fail(set), ("22023".into(), "SET failed".into()), "{set}");
    }
}

#[test]
fn a_file_can_say_less_than_set_and_reload_goes_back_to_it() {
    let pool = Pool::start("default_pool_size = 5");
    let mut console = pool.console();
    console.run("SET default_pool_size = 3");

    console.run("RELOAD");

    assert_eq!(
        console
            .query("SHOW CONFIG")
            .value("key", "default_pool_size", "value"),
        "5"
    );
}
