use std::io::Read;

use canvass_testkit::eventually;

use super::{Client, Pool};

fn error(code: &str, message: &str) -> (String, String) {
    (code.into(), message.into())
}

#[test]
fn pause_waits_until_servers_are_free_and_clients_wait_until_resume() {
    // Given a client in a transaction.
    let pool = Pool::start("");
    let (mut console, mut other) = (pool.console(), pool.console());
    let mut client = pool.client();
    client.run("BEGIN");

    // When everything is paused, the command is not answered while the transaction lasts.
    console.ask("PAUSE");
    pool.until("SHOW STATE", "key", "paused", "value", "yes");
    assert_eq!(other.fail("PAUSE"), error("55000", "already suspended/paused"));
    assert_eq!(other.fail("SUSPEND"), error("55000", "already suspended/paused"));
    client.run("SELECT 1");
    assert!(console.is_silent());

    // Then the end of the transaction ends the wait, and with it the server.
    client.run("COMMIT");
    assert_eq!(console.reply().tags, ["PAUSE"]);
    assert_eq!(console.query("SHOW SERVERS").rows.len(), 0);
    client.ask("SELECT 2");
    pool.until("SHOW POOLS", "database", "app", "cl_waiting", "1");
    assert!(client.is_silent());

    // And RESUME lets everybody go on.
    assert_eq!(console.run("RESUME"), "RESUME");
    assert_eq!(client.reply().tags, ["SELECT 1"]);
    assert_eq!(
        console.fail("RESUME"),
        error("55000", "pooler is not paused/suspended")
    );
    assert!(pool.log().contains("LOG PAUSE command issued"));
}

#[test]
fn one_database_is_paused_and_resumed_by_name() {
    let pool = Pool::start("");
    let mut console = pool.console();
    let mut client = pool.client();
    client.run("SELECT 1");

    assert_eq!(console.run("PAUSE app"), "PAUSE");
    assert_eq!(
        console.query("SHOW DATABASES").value("name", "app", "paused"),
        "1"
    );
    assert_eq!(console.query("SHOW STATE").column("value"), ["yes", "no", "no"]);
    assert_eq!(
        console.fail("SUSPEND"),
        error("55000", "cannot suspend with paused databases")
    );
    client.ask("SELECT 1");
    pool.until("SHOW POOLS", "database", "app", "cl_waiting", "1");

    assert_eq!(console.run("RESUME app"), "RESUME");
    assert_eq!(client.reply().tags, ["SELECT 1"]);
    assert_eq!(
        console.fail("RESUME app"),
        error("55000", "database app is not paused")
    );
    assert_eq!(
        console.fail("PAUSE nowhere"),
        error("3D000", "no such database: nowhere")
    );
    assert_eq!(
        console.fail("PAUSE pgbouncer"),
        error("0A000", "cannot pause admin db: pgbouncer")
    );
}

#[test]
fn a_pause_that_takes_too_long_can_be_cancelled() {
    let pool = Pool::start("");
    let mut console = pool.console();
    let mut client = pool.client();
    client.run("BEGIN");
    console.ask("PAUSE");
    pool.until("SHOW STATE", "key", "paused", "value", "yes");

    pool.cancel(&console);

    assert_eq!(
        console.reply().errors,
        [error("57014", "canceling statement due to user request")]
    );
    let state = console.query("SHOW STATE");
    assert_eq!(
        state.value("key", "paused", "value"),
        "no",
        "the cancel undoes it"
    );
    client.run("COMMIT");
    assert_eq!(client.run("SELECT 1"), "SELECT 1");
}

#[test]
fn a_pause_outlives_the_console_that_asked_for_it() {
    let pool = Pool::start("");
    let mut console = pool.console();
    let mut client = pool.client();
    client.run("BEGIN");
    console.ask("PAUSE");
    pool.until("SHOW STATE", "key", "paused", "value", "yes");

    // When the console is closed while it waits.
    drop(console);
    client.run("COMMIT");

    // Then it is paused until somebody else resumes.
    client.ask("SELECT 1");
    pool.until("SHOW POOLS", "database", "app", "cl_waiting", "1");
    let mut other = pool.console();
    assert_eq!(other.query("SHOW STATE").value("key", "paused", "value"), "yes");
    assert_eq!(other.run("RESUME"), "RESUME");
    assert_eq!(client.reply().tags, ["SELECT 1"]);
}

#[test]
fn a_paused_pooler_welcomes_nobody_whom_it_would_have_to_ask_a_server_about() {
    // Given a paused database that no server has told about itself.
    let pool = Pool::start("");
    let mut console = pool.console();
    console.run("PAUSE app");
    let (address, user) = (pool.address, super::pool::USER);

    // When somebody logs in, then it waits.
    let login = std::thread::spawn(move || Client::tcp(address, user, "app").unwrap().run("SELECT 1"));
    pool.until("SHOW POOLS", "database", "app", "cl_waiting", "1");
    console.run("RESUME app");

    assert_eq!(login.join().unwrap(), "SELECT 1");
}

#[test]
fn suspend_stops_everybody_where_they_are() {
    // Given a client in a transaction and one without.
    let pool = Pool::start("");
    let mut console = pool.console();
    let (mut busy, mut idle) = (pool.client(), pool.client());
    busy.run("BEGIN");
    idle.run("SELECT 1");

    // When everything is suspended, nobody is heard any more, and nobody is lost.
    assert_eq!(console.run("SUSPEND"), "SUSPEND");
    assert_eq!(console.query("SHOW STATE").column("value"), ["no", "no", "yes"]);
    busy.ask("SELECT 1");
    idle.ask("SELECT 2");
    assert_eq!(console.run("SHOW STATE"), "SHOW");
    assert!(busy.is_silent() && idle.is_silent());

    // Then RESUME lets them go on.
    assert_eq!(console.run("RESUME"), "RESUME");
    assert_eq!(busy.reply().tags, ["SELECT 1"]);
    assert_eq!(idle.reply().tags, ["SELECT 1"]);
    busy.run("COMMIT");
}

#[test]
fn a_suspended_pooler_goes_on_when_its_last_administrator_leaves() {
    let pool = Pool::start("");
    let mut client = pool.client();
    let mut console = pool.console();
    console.run("SUSPEND");
    client.ask("SELECT 1");

    drop(console);

    assert_eq!(client.reply().tags, ["SELECT 1"]);
    assert!(
        pool.log()
            .contains("admin disappeared when suspended, doing RESUME")
    );
}

#[test]
fn those_who_cannot_be_suspended_in_time_are_sent_away() {
    // Given a client that does not read what it asked for.
    let pool = Pool::start("suspend_timeout = 0.2");
    let mut console = pool.console();
    let mut deaf = pool.client();
    deaf.ask("SELECT repeat('x', 1000) FROM generate_series(1, 100000)");
    let stuck = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'ClientWrite'";
    eventually("nothing to move any more", || {
        (0..20).all(|_| pool.database.value(stuck) == "1").then_some(())
    });

    assert_eq!(console.run("SUSPEND"), "SUSPEND");

    console.run("RESUME");
    assert_eq!(console.query("SHOW CLIENTS").column("database"), ["pgbouncer"]);
    pool.until_logged("closing because: suspend_timeout");
}

#[test]
fn reconnect_replaces_servers_when_they_are_free() {
    let pool = Pool::start("");
    let mut console = pool.console();
    let mut client = pool.client();
    client.run("BEGIN");
    let before = client.query("SELECT pg_backend_pid()").rows;

    // When they are to be replaced, one in use stays until it is free, and WAIT_CLOSE waits for that.
    assert_eq!(console.run("RECONNECT app"), "RECONNECT");
    assert_eq!(console.query("SHOW SERVERS").column("close_needed"), ["1"]);
    console.ask("WAIT_CLOSE app");
    assert_eq!(client.query("SELECT pg_backend_pid()").rows, before);
    assert!(console.is_silent());
    client.run("COMMIT");

    assert_eq!(console.reply().tags, ["WAIT_CLOSE"]);
    assert_ne!(client.query("SELECT pg_backend_pid()").rows, before);
    assert_eq!(console.query("SHOW SERVERS").column("close_needed"), ["0"]);
    assert_eq!(console.run("WAIT_CLOSE"), "WAIT_CLOSE", "nothing to wait for");
}

#[test]
fn with_fast_close_a_session_ends_with_its_transaction_when_its_server_is_replaced() {
    let pool = Pool::start("pool_mode = session\nserver_fast_close = 1");
    let mut console = pool.console();
    let (mut idle, mut busy) = (pool.client(), pool.client());
    idle.run("SELECT 1");
    busy.run("BEGIN");

    assert_eq!(console.run("RECONNECT app"), "RECONNECT");

    let told = vec![error("57P01", "database configuration changed")];
    assert_eq!(idle.reply().errors, told);
    assert_eq!(busy.run("SELECT 1"), "SELECT 1");
    assert_eq!(busy.run("COMMIT"), "COMMIT");
    assert_eq!(busy.reply().errors, told);
    assert_eq!(pool.client().run("SELECT 1"), "SELECT 1");

    // Without it the session goes on.
    assert_eq!(
        console.run("SET server_fast_close = 0"),
        "SET server_fast_close=0"
    );
    let mut stays = pool.client();
    let before = stays.query("SELECT pg_backend_pid()").rows;
    assert_eq!(console.run("RECONNECT app"), "RECONNECT");
    assert_eq!(console.query("SHOW SERVERS").column("close_needed"), ["1"]);
    assert_eq!(stays.query("SELECT pg_backend_pid()").rows, before);
}

#[test]
fn a_disabled_database_takes_no_new_clients() {
    let pool = Pool::start("");
    let mut console = pool.console();
    let mut inside = pool.client();

    assert_eq!(console.run("DISABLE app"), "DISABLE");
    let refused = Client::tcp(pool.address, super::pool::USER, "app");
    assert_eq!(refused.err().unwrap().errors[0].0, "3D000");
    assert_eq!(inside.run("SELECT 1"), "SELECT 1");
    assert_eq!(
        console.query("SHOW DATABASES").value("name", "app", "disabled"),
        "1"
    );

    assert_eq!(console.run("ENABLE app"), "ENABLE");
    assert_eq!(pool.client().run("SELECT 1"), "SELECT 1");
    assert_eq!(console.fail("DISABLE"), error("22023", "a database is required"));
}

#[test]
fn kill_drops_clients_and_servers_at_once_until_resume() {
    let pool = Pool::start("");
    let mut console = pool.console();
    let (mut busy, mut idle) = (pool.client(), pool.client());
    busy.run("BEGIN");
    idle.run("SELECT 1");

    assert_eq!(console.run("KILL app"), "KILL");

    for client in [&mut busy, &mut idle] {
        let last = client.reply();
        assert_eq!(
            (last.errors, last.ended),
            (vec![error("57P01", "admin forced disconnect")], true)
        );
    }
    eventually("the servers to be gone", || {
        console.query("SHOW SERVERS").rows.is_empty().then_some(())
    });
    assert_eq!(
        console.query("SHOW DATABASES").value("name", "app", "paused"),
        "1"
    );
    assert_eq!(console.run("RESUME app"), "RESUME");
    assert_eq!(pool.client().run("SELECT 1"), "SELECT 1");
}

#[test]
fn everything_that_was_killed_is_resumed_together() {
    let pool = Pool::start("");
    let mut console = pool.console();
    pool.client().run("SELECT 1");

    assert_eq!(console.run("KILL"), "KILL");
    assert_eq!(
        console.query("SHOW DATABASES").value("name", "app", "paused"),
        "1"
    );
    assert_eq!(console.run("RESUME"), "RESUME");

    assert_eq!(pool.client().run("SELECT 1"), "SELECT 1");
}

#[test]
fn kill_client_drops_one_client_and_its_server() {
    let pool = Pool::start("");
    let mut console = pool.console();
    let (mut first, mut second) = (pool.client(), pool.client());
    first.run("BEGIN");
    second.run("SELECT 1");
    let clients = console.query("SHOW CLIENTS");
    let id = clients.value("state", "active", "id").to_owned();

    assert_eq!(console.run(&format!("KILL_CLIENT {id}")), "KILL_CLIENT");

    assert_eq!(first.reply().errors, [error("57P01", "admin forced disconnect")]);
    assert_eq!(second.run("SELECT 1"), "SELECT 1");
    assert_eq!(
        console.fail(&format!("KILL_CLIENT {id}")),
        error("42704", "client not found")
    );
    assert_eq!(
        console.fail("KILL_CLIENT me"),
        error("22023", "invalid client pointer supplied")
    );
}

#[test]
fn a_cancel_request_is_shown_while_it_waits_for_nothing_and_ends_without_a_word() {
    // Given a query that is under way.
    let pool = Pool::start("");
    let mut client = pool.client();
    client.ask("SELECT pg_sleep(3600)");
    pool.until("SHOW SERVERS", "database", "app", "state", "active");
    let mut onlooker = pool.client();
    eventually("the query to have begun", || {
        let sleeping =
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'";
        (!onlooker.query(sleeping).rows.is_empty()).then_some(())
    });

    // When it is cancelled through the pooler.
    pool.cancel(&client);

    // Then it ends, and the client goes on.
    assert_eq!(client.reply().errors[0].0, "57014");
    assert_eq!(client.run("SELECT 1"), "SELECT 1");
    let mut nothing = std::net::TcpStream::connect(pool.address).unwrap();
    drop(nothing.shutdown(std::net::Shutdown::Write));
    assert_eq!(nothing.read(&mut [0]).unwrap(), 0);
}
