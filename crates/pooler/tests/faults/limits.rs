//! Limits in number and in time: who is refused, who waits, who is sent away, in which words.

use canvass_testkit::eventually;

use crate::support::{Database, Pooler, Reply, Wire, build, database};

fn start(settings: &[(&str, &str)], sections: &str) -> (Database, Pooler) {
    let database = Database::new();
    let mut all = vec![("pool_mode", "transaction")];
    all.extend(settings);
    let pooler = Pooler::start_with(&database, "", &all, sections);
    (database, pooler)
}

fn check(reply: &Reply, code: &str, message: &str) {
    assert!(reply.ended, "{}", reply.show());
    assert_eq!(reply.code().as_deref(), Some(code), "{}", reply.show());
    assert_eq!(reply.message(), message);
}

/// A client of the database as somebody, or why there is none.
fn try_client(pooler: &Pooler, database: &Database, user: &str) -> Result<Wire, Reply> {
    Wire::login_with(pooler.address, &[("user", user), ("database", &database.name)])
}

fn refused(pooler: &Pooler, database: &Database, user: &str) -> Reply {
    match try_client(pooler, database, user) {
        Ok(_) => panic!("{user} was let in"),
        Err(reply) => reply,
    }
}

/// Sees two in, a third one refused in these words, and one let in once another has left.
fn two_are_let_in(settings: &[(&str, &str)], sections: &str, message: &str) {
    let (database, pooler) = start(settings, sections);
    let first = pooler.client_of("alice");
    let mut second = pooler.client_of("alice");
    check(&refused(&pooler, &database, "alice"), "53300", message);
    assert_eq!(second.value("SELECT 'in'"), "in");
    first.terminate();
    eventually("one to be let in", || {
        try_client(&pooler, &database, "alice").ok().map(drop)
    });
}

#[test]
fn max_client_conn_is_how_many_clients_there_may_be() {
    let message = "no more connections allowed (max_client_conn)";
    two_are_let_in(&[("max_client_conn", "2")], "", message);
}

#[test]
fn max_db_client_connections_counts_a_database_s_clients() {
    let message = "client connections exceeded (max_db_client_connections)";
    two_are_let_in(&[("max_db_client_connections", "2")], "", message);
}

#[test]
fn max_user_client_connections_counts_a_user_s_clients() {
    let message = "client connections exceeded (max_user_client_connections)";
    two_are_let_in(&[("max_user_client_connections", "2")], "", message);
    let sections = "[users]\nalice = max_user_client_connections=2\n";
    two_are_let_in(&[("max_user_client_connections", "1")], sections, message);
}

/// Somebody's request, and whether it waits.
fn until_one_waits(pooler: &Pooler) {
    let mut console = pooler.console();
    eventually("one to wait", || {
        let rows = console.query("SHOW POOLS").rows();
        rows.iter().any(|row| row[3] != "0").then_some(())
    });
}

#[test]
fn max_db_connections_holds_over_all_pools_and_an_idle_server_makes_room() {
    // Given that one user has all servers that there may be.
    let (database, pooler) = start(&[("max_db_connections", "2")], "");
    let mut held = [pooler.client_of("alice"), pooler.client_of("alice")];
    for client in &mut held {
        client.run("BEGIN");
    }
    // When another user comes, then they wait.
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| pooler.client_of("bob").value("SELECT current_user"));
        until_one_waits(&pooler);
        assert!(!waits.is_finished());
        assert_eq!(database.backends(), 2);

        // Until one of the first user's is idle: it makes room.
        held[0].run("COMMIT");
        assert_eq!(waits.join().unwrap(), "bob");
    });
    assert_eq!(held[1].value("SELECT current_user"), "alice");
    assert!(database.backends() <= 2);
}

#[test]
fn max_user_connections_holds_over_all_databases_and_an_idle_server_makes_room() {
    let database = Database::new();
    let connection = format!(
        "host=127.0.0.1 port={} dbname={}",
        database.address.port(),
        database.name
    );
    let databases = [("one", connection.as_str()), ("two", &connection)];
    let settings = [("pool_mode", "transaction"), ("max_user_connections", "1")];
    let pooler = Pooler::start_databases(&databases, &settings, "");
    let mut held = pooler.client();
    held.run("BEGIN");
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| Wire::login(pooler.address, database::OWNER, "two").value("SELECT 'two'"));
        until_one_waits(&pooler);
        assert!(!waits.is_finished());
        assert_eq!(database.backends(), 1);
        held.run("COMMIT");
        assert_eq!(waits.join().unwrap(), "two");
    });
    assert_eq!(database.backends(), 1);
}

#[test]
fn the_reserve_is_for_those_who_have_waited() {
    let (database, pooler) = start(
        &[
            ("default_pool_size", "1"),
            ("reserve_pool_size", "1"),
            ("reserve_pool_timeout", "0.3"),
        ],
        "",
    );
    let [mut first, mut second, mut third] = [pooler.client(), pooler.client(), pooler.client()];
    first.run("BEGIN");
    assert!(!pooler.log().contains("reserve_pool"));
    second.run("BEGIN");
    assert!(
        pooler.log().contains("taking connection from reserve_pool"),
        "{}",
        pooler.log()
    );
    assert_eq!(database.backends(), 2);

    // There is no more than the reserve.
    third.send(&build::query("SELECT 'third'")).unwrap();
    until_one_waits(&pooler);
    first.run("COMMIT");
    assert_eq!(third.until_ready().rows(), [["third"]]);
    assert_eq!(database.backends(), 2);
}

#[test]
fn a_transaction_may_not_be_idle_for_longer_than_idle_transaction_timeout() {
    let (database, pooler) = start(
        &[("idle_transaction_timeout", "0.3"), ("default_pool_size", "1")],
        "",
    );
    let mut client = pooler.client();
    client.run("BEGIN");
    let server = client.value("SELECT pg_backend_pid()");
    check(&client.until_end(), "25P03", "idle transaction timeout");
    database.until(
        "the transaction to be over",
        &format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = {server}"),
    );
    assert_ne!(pooler.client().value("SELECT pg_backend_pid()"), server);
}

#[test]
fn a_transaction_may_not_take_longer_than_transaction_timeout() {
    let (_database, pooler) = start(&[("transaction_timeout", "0.5"), ("default_pool_size", "1")], "");
    // Whether it works or thinks.
    for sql in ["SELECT pg_sleep(600)", "SELECT 1"] {
        let mut client = pooler.client();
        client.run("BEGIN");
        client.send(&build::query(sql)).unwrap();
        check(&client.until_end(), "25P04", "transaction timeout");
        assert_eq!(pooler.client().value("SELECT 'next'"), "next");
    }
}

#[test]
fn a_query_may_not_take_longer_than_query_timeout() {
    let (_database, pooler) = start(&[("query_timeout", "0.3"), ("default_pool_size", "1")], "");
    let mut client = pooler.client();
    check(&client.query("SELECT pg_sleep(600)"), "57014", "query_timeout");
    // But a transaction of many may.
    let mut client = pooler.client();
    for _ in 0..8 {
        client.run("BEGIN; SELECT pg_sleep(0.05)");
        client.run("COMMIT");
    }
}

#[test]
fn a_request_may_not_wait_longer_than_query_wait_timeout() {
    let (_database, pooler) = start(
        &[
            ("query_wait_timeout", "2"),
            ("query_wait_notify", "1"),
            ("default_pool_size", "1"),
        ],
        "",
    );
    let mut holds = pooler.client();
    let mut waits = pooler.client();
    holds.run("BEGIN");
    let reply = waits.query("SELECT 1");
    check(&reply, "53300", "query_wait_timeout");
    // It was told before, once.
    let notices = reply.messages.iter().filter(|message| message.kind == b'N');
    let notices: Vec<String> = notices.map(|message| message.field(b'M')).collect();
    let words = "No server connection available in postgres backend, client being queued";
    assert_eq!(notices, [words]);
    assert_eq!(holds.value("SELECT 'goes on'"), "goes on");
}

#[test]
fn a_client_may_not_be_idle_for_longer_than_client_idle_timeout() {
    let (_database, pooler) = start(&[("client_idle_timeout", "0.3")], "");
    let mut client = pooler.client();
    client.run("SELECT 1");
    check(&client.until_end(), "57P05", "client_idle_timeout");
}

#[test]
fn a_login_may_not_take_longer_than_client_login_timeout() {
    let (_database, pooler) = start(&[("client_login_timeout", "0.3")], "");
    let mut wire = Wire::connect(pooler.address);
    wire.send(&[0, 0, 0]).unwrap();
    check(&wire.until_end(), "08P01", "client_login_timeout");
}

#[test]
fn a_server_gets_no_older_than_its_lifetime() {
    let (_database, pooler) = start(&[("server_lifetime", "0.3"), ("default_pool_size", "1")], "");
    let mut client = pooler.client();
    let server = client.value("SELECT pg_backend_pid()");
    eventually("another server", || {
        (client.value("SELECT pg_backend_pid()") != server).then_some(())
    });
    eventually("the reason", || {
        pooler
            .log()
            .contains("closing because: server lifetime over")
            .then_some(())
    });
}

#[test]
fn a_lifetime_of_zero_is_one_use() {
    let (_database, pooler) = start(&[("server_lifetime", "0"), ("default_pool_size", "1")], "");
    let mut client = pooler.client();
    let mut servers: Vec<String> = (0..5).map(|_| client.value("SELECT pg_backend_pid()")).collect();
    servers.sort();
    servers.dedup();
    assert_eq!(servers.len(), 5);
}

#[test]
fn servers_that_nobody_needs_leave_but_for_the_smallest_number() {
    let (database, pooler) = start(
        &[
            ("server_idle_timeout", "0.2"),
            ("min_pool_size", "2"),
            ("default_pool_size", "4"),
        ],
        "",
    );
    let mut clients: Vec<Wire> = (0..4).map(|_| pooler.client()).collect();
    for client in &mut clients {
        client.run("BEGIN");
    }
    assert_eq!(database.backends(), 4);
    for client in &mut clients {
        client.run("COMMIT");
    }
    eventually("two to be left", || (database.backends() == 2).then_some(()));
    assert!(pooler.log().contains("closing because: server idle timeout"));
}

/// A server that refuses is left alone for a while, and tried again when somebody comes after it.
#[test]
fn a_login_that_failed_is_remembered_and_tried_again_when_it_is_due() {
    // Given a database that is not there.
    let database = Database::new();
    let missing = format!("{}_later", database.name);
    let connection = format!("host=127.0.0.1 port={} dbname={missing}", database.address.port());
    let settings = [("pool_mode", "transaction"), ("server_login_retry", "1")];
    let pooler = Pooler::start_databases(&[("app", &connection)], &settings, "");
    let words = format!(
        "server login has been failing, cached error: database \"{missing}\" does not exist (server_login_retry)"
    );
    for _ in 0..3 {
        check(&refused_by(&pooler), "3D000", &words);
    }
    let log = pooler.log();
    let attempts = log.matches("server login failed: ").count();
    assert!(attempts <= 2, "{attempts} attempts within a second:\n{log}");

    // When it is there, then clients are served, once a retry is due.
    database.run(&format!("CREATE DATABASE {missing}"));
    eventually("somebody to be served", || pooler.client_with(&[]).ok().map(drop));
}

fn refused_by(pooler: &Pooler) -> Reply {
    match pooler.client_with(&[]) {
        Ok(_) => panic!("let in"),
        Err(reply) => reply,
    }
}
