//! What goes over with a client.

use crate::Pool;
use crate::pool::USER;
use crate::support::{Wire, build, client::cancel};
use crate::world::{client, restart};

#[test]
fn an_idle_client_goes_on() {
    let mut pool = Pool::start("");
    let mut client = client(&pool);
    let before = client.value("SELECT pg_backend_pid()");

    restart(&mut pool);

    assert_eq!(
        client.value("SELECT pg_backend_pid()"),
        before,
        "its server has come, too"
    );
    assert!(
        pool.log()
            .contains("LOG took over 1 clients, 1 servers; 0 TLS clients")
    );
}

#[test]
fn a_transaction_goes_on_with_everything_that_its_client_has() {
    // Given a prepared statement, an unnamed one, settings, and an open transaction.
    let mut pool = Pool::start("");
    let mut client = client(&pool);
    client.run("CREATE TABLE note (text text)");
    client.run("SET TimeZone = 'Asia/Tokyo'");
    client.run("SET application_name = 'till 7'");
    let prepare = [
        build::parse("named", "SELECT $1::int + 1", &[]),
        build::parse("", "SELECT 'unnamed'", &[]),
        build::sync(),
    ];
    assert_eq!(client.ask(&prepare.concat()).kinds(), "11Z");
    let begin = [build::bind("", "", &[]), build::execute("", 0), build::sync()];
    assert_eq!(client.ask(&begin.concat()).rows(), [["unnamed"]]);
    client.run("BEGIN");
    client.run("INSERT INTO note VALUES ('mine')");
    client.run("SET LOCAL search_path = 'nowhere'");

    restart(&mut pool);

    // Then the transaction is the same one, and seen by nobody else yet.
    assert_eq!(client.value("SHOW search_path"), "nowhere");
    assert_eq!(client.value("SHOW TimeZone"), "Asia/Tokyo");
    assert_eq!(client.value("SHOW application_name"), "till 7");
    let mut other = Wire::login(pool.address(), USER, "app");
    assert_eq!(other.value("SELECT count(*) FROM note"), "0");
    assert_eq!(other.value("SHOW TimeZone"), pool_time_zone(&mut other));
    let reply = client.ask(&build::execute_prepared("named", &[Some("41")]));
    assert_eq!(reply.rows(), [["42"]]);
    client.run("COMMIT");
    assert_eq!(other.value("SELECT count(*) FROM note"), "1");

    // And on another server, too, with its settings and its statement.
    other.run("BEGIN");
    assert_eq!(client.value("SHOW TimeZone"), "Asia/Tokyo");
    let reply = client.ask(&build::execute_prepared("named", &[Some("1")]));
    assert_eq!(reply.rows(), [["2"]]);
    let mut console = pool.console();
    let shown = console.query("SHOW CLIENTS");
    assert!(shown.column("application_name").contains(&"till 7"));
}

/// What the client was told at its login.
fn pool_time_zone(client: &mut Wire) -> String {
    client.parameters["TimeZone"].clone()
}

#[test]
fn a_transaction_that_failed_is_still_failed() {
    let mut pool = Pool::start("");
    let mut client = client(&pool);
    client.run("BEGIN");
    assert_eq!(client.query("SELECT 1/0").state(), 'E');

    restart(&mut pool);

    assert_eq!(client.query("SELECT 1").code().as_deref(), Some("25P02"));
    assert_eq!(client.run("ROLLBACK").state(), 'I');
    assert_eq!(client.value("SELECT 1"), "1");
}

#[test]
fn who_waits_for_a_server_goes_on_waiting() {
    // Given one server, which has a transaction, and a client behind it.
    let mut pool = Pool::start("default_pool_size = 1");
    let (mut first, mut second) = (client(&pool), client(&pool));
    first.run("BEGIN");
    second.send(&build::query("SELECT 'at last'")).unwrap();
    let mut console = pool.console();
    canvass_testkit::eventually("the second to wait", || {
        let pools = console.query("SHOW POOLS");
        (pools.value("database", "app", "cl_waiting") == "1").then_some(())
    });

    restart(&mut pool);

    first.run("COMMIT");
    assert_eq!(second.until_ready().rows(), [["at last"]]);
}

#[test]
fn session_mode_keeps_each_client_with_its_server() {
    let mut pool = Pool::start("pool_mode = session");
    let mut clients: Vec<_> = (0..3).map(|_| client(&pool)).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.run(&format!("CREATE TEMP TABLE mine AS SELECT {n} AS n"));
        client.run(&format!("PREPARE own AS SELECT {n}"));
    }

    restart(&mut pool);

    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.value("SELECT n FROM mine"), n.to_string());
        assert_eq!(client.value("EXECUTE own"), n.to_string());
    }
}

#[test]
fn a_cancel_request_hits_the_query_after_the_hand_over() {
    let mut pool = Pool::start("");
    let (mut victim, mut neighbour) = (client(&pool), client(&pool));
    let keys = [victim.key.clone().unwrap(), neighbour.key.clone().unwrap()];
    victim.run("BEGIN");
    let mut watcher = client(&pool);

    restart(&mut pool);

    victim
        .send(&build::query("SELECT pg_sleep(600) -- victim"))
        .unwrap();
    neighbour
        .send(&build::query("SELECT pg_sleep(600) -- neighbour"))
        .unwrap();
    let running = |watcher: &mut Wire| {
        let sql =
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'";
        watcher.value(sql)
    };
    canvass_testkit::eventually("both to run", || (running(&mut watcher) == "2").then_some(()));
    cancel(pool.address(), &keys[0]);
    assert_eq!(victim.until_ready().code().as_deref(), Some("57014"));
    assert_eq!(running(&mut watcher), "1", "the neighbour is left alone");
    cancel(pool.address(), &keys[1]);
    assert_eq!(neighbour.until_ready().code().as_deref(), Some("57014"));
    assert_eq!(victim.query("SELECT 1").code().as_deref(), Some("25P02"));
}
