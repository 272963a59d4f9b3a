use std::net::TcpStream;

use canvass_testkit::eventually;

use super::{Client, Pool};

fn refuses_connections(pool: &Pool) {
    eventually("nobody to be let in over TCP", || {
        TcpStream::connect(pool.address).is_err().then_some(())
    });
}

#[test]
fn shutdown_ends_everything_at_once() {
    let pool = Pool::start("");
    let mut client = pool.client();
    client.run("BEGIN");
    let mut console = pool.console();

    console.ask("SHUTDOWN");

    assert!(console.reply().ended, "the end of the connection is the answer");
    assert!(client.reply().ended);
    eventually("the Unix socket to be removed", || {
        (!pool.socket().exists()).then_some(())
    });
    assert!(pool.log().contains("SHUTDOWN command issued"));
}

#[test]
fn shutdown_waits_for_clients() {
    // Given two clients, one of them in no transaction.
    let pool = Pool::start("");
    let (mut first, mut second) = (pool.client(), pool.client());
    first.run("BEGIN");
    let mut console = pool.console();

    // When the pooler is to end after them.
    assert_eq!(console.run("SHUTDOWN WAIT_FOR_CLIENTS"), "SHUTDOWN");

    // Then nobody else is let in, they go on, and consoles come in over the Unix socket.
    refuses_connections(&pool);
    let refused = Client::unix(&pool.socket(), "canvass", "app").err().unwrap();
    assert_eq!(
        refused.errors,
        [("57P01".into(), "pooler is shutting down".into())]
    );
    assert_eq!(
        console.fail("RESUME"),
        ("57P01".into(), "pooler is shutting down".into())
    );
    first.run("COMMIT");
    second.run("SELECT 1");
    drop(first);
    let mut other = Client::unix(&pool.socket(), "pgbouncer", "pgbouncer").unwrap();
    assert_eq!(other.run("SHOW CLIENTS"), "SHOW");

    // And the last one's end is the end, whatever consoles there are.
    drop(second);
    assert!(console.reply().ended);
    pool.until_logged("client connections dropped, exiting");
}

#[test]
fn shutdown_waits_for_servers() {
    // Given a client in a transaction, and one that waits.
    let pool = Pool::start("default_pool_size = 1");
    let (mut busy, mut waiting) = (pool.client(), pool.client());
    busy.run("BEGIN");
    waiting.ask("SELECT 1");
    pool.until("SHOW POOLS", "database", "app", "cl_waiting", "1");
    let mut console = pool.console();

    assert_eq!(console.run("SHUTDOWN WAIT_FOR_SERVERS"), "SHUTDOWN");

    // Then the one that waits is told, and the other may end its transaction.
    refuses_connections(&pool);
    assert_eq!(
        waiting.reply().errors,
        [("57P01".into(), "server shutting down".into())]
    );
    assert_eq!(busy.run("SELECT 1"), "SELECT 1");
    busy.run("COMMIT");
    assert!(busy.reply().ended);
    pool.until_logged("server connections dropped, exiting");
}
