//! What goes beyond pgbouncer: one cap over all pools, early refusal, lanes.

use canvass_testkit::eventually;

use super::pool::USER;
use super::{Client, Pool};

fn client_of(pool: &Pool, database: &str) -> Client {
    Client::tcp(pool.address, USER, database).unwrap()
}

/// A pooler with a second and a third name for its database: three pools.
fn three_pools(canvass: &str) -> Pool {
    let pool = Pool::start_with("", canvass);
    let named = |name: &str| pool.entry().replacen("app", name, 1);
    let all = [pool.entry(), named("second"), named("third")].concat();
    pool.rewrite_with(&all, "", canvass);
    assert_eq!(pool.console().run("RELOAD"), "RELOAD");
    pool
}

#[test]
fn one_cap_holds_over_all_pools_and_an_idle_server_makes_room_for_another_pool() {
    // Given a cap of two servers, both of them in transactions.
    let pool = three_pools("[canvass]\nmax_server_connections = 2");
    let (mut first, mut second) = (pool.client(), client_of(&pool, "second"));
    first.run("BEGIN");
    second.run("BEGIN");

    // When a third pool wants one, then it waits.
    let address = pool.address;
    let third = std::thread::spawn(move || {
        let mut third = Client::tcp(address, USER, "third").unwrap();
        third.run("SELECT 1")
    });
    pool.until("SHOW POOLS", "database", "third", "cl_waiting", "1");
    assert_eq!(pool.console().query("SHOW SERVERS").rows.len(), 2);

    // When one becomes idle, then it makes room.
    first.run("COMMIT");
    assert_eq!(third.join().unwrap(), "SELECT 1");
    let mut console = pool.console();
    let servers = console.query("SHOW SERVERS");
    let mut of = servers.column("database");
    of.sort_unstable();
    assert_eq!(of, ["second", "third"]);
    second.run("COMMIT");
}

#[test]
fn the_cap_is_what_the_database_machine_leaves_to_ordinary_users() {
    let pool = Pool::start_with(
        "",
        "[canvass]\nmax_server_connections = auto\nmetrics_listen = 127.0.0.1:0",
    );
    let leaves = "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int";
    let left = pool.client().query(leaves).rows[0][0].clone().unwrap();

    let wanted = format!("\ncanvass_pool_server_connections_limit {left}\n");
    eventually(&wanted, || pool.metrics().contains(&wanted).then_some(()));
}

#[test]
fn who_cannot_wait_long_enough_is_refused_at_once_and_goes_on() {
    // Given a pool of one whose server is held for a quarter of a second each time.
    let pool = Pool::start_with("default_pool_size = 1", "[canvass]\nrefuse_early = 1");
    let mut holds = pool.client();
    for _ in 0..4 {
        holds.run("SELECT pg_sleep(0.25)");
    }
    holds.run("BEGIN");
    let with = |deadline: &str| {
        let parameters = format!("canvass.deadline\0{deadline}\0");
        Client::tcp_with(pool.address, USER, "app", &parameters).unwrap()
    };

    // When somebody comes who waits for a hundredth of a second, then the answer is no, before anybody has waited.
    let mut hurried = with("10ms");
    let (code, message) = hurried.fail("SELECT 1");
    assert_eq!(code, "53300");
    assert!(
        message.ends_with("this client waits 10ms: refused early"),
        "{message}"
    );
    assert_eq!(pool.console().query("SHOW POOLS").column("cl_waiting"), ["0"; 2]);

    // Who has time waits.
    let mut patient = with("60");
    patient.ask("SELECT 1");
    pool.until("SHOW POOLS", "database", "app", "cl_waiting", "1");
    holds.run("COMMIT");
    assert_eq!(patient.reply().tags, ["SELECT 1"]);

    // And the one who was refused has lost nothing.
    assert_eq!(hurried.run("SELECT 1"), "SELECT 1");
}

#[test]
fn a_read_does_not_wait_behind_all_the_writes_that_came_before_it() {
    for (lanes, at_most) in [(true, 2), (false, 13)] {
        // Given a pool of one, and twelve writes that wait for it.
        let settings = format!("[canvass]\nlanes = {}", u8::from(lanes));
        let pool = Pool::start_with("default_pool_size = 1", &settings);
        let mut holds = pool.client();
        holds.run("CREATE SEQUENCE turn; CREATE TABLE written (turn bigint)");
        holds.run("BEGIN");
        let mut writers: Vec<_> = (0..12).map(|_| pool.client()).collect();
        for writer in &mut writers {
            writer.ask("INSERT INTO written VALUES (nextval('turn'))");
        }
        pool.until("SHOW POOLS", "database", "app", "cl_waiting", "12");

        // When a read comes last.
        let mut reader = pool.client();
        reader.ask("SELECT nextval('turn')");
        pool.until("SHOW POOLS", "database", "app", "cl_waiting", "13");
        holds.run("COMMIT");

        // Then it has its turn among the first with lanes, and last without.
        let turn: u32 = reader.reply().rows[0][0].as_deref().unwrap().parse().unwrap();
        assert!(turn <= at_most, "lanes {lanes}: turn {turn}");
        assert!(lanes || turn == at_most, "without lanes: turn {turn}");
        for writer in &mut writers {
            assert_eq!(writer.reply().tags, ["INSERT 0 1"]);
        }
    }
}
