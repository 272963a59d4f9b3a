//! What is under way goes over, too.

use std::collections::BTreeSet;

use canvass_testkit::{eventually, shared_cluster};

use crate::Pool;
use crate::support::{Wire, build, client::cancel};
use crate::world::{client, restart};

/// A query that goes on until [`say_so`].
const UNTIL_SAID: &str =
    "DO $$ BEGIN LOOP PERFORM FROM said; EXIT WHEN FOUND; PERFORM pg_sleep(0.01); END LOOP; END $$";

fn say_so(pool: &Pool) {
    shared_cluster().execute(&pool.database.name, "INSERT INTO said VALUES (true)");
}

/// Waits until so many sessions are at it.
fn until_at_it(pool: &Pool, query: &str, count: &str) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '{query}%' \
         AND datname = current_database()"
    );
    eventually("the query", || (pool.database.value(&sql) == count).then_some(()));
}

#[test]
fn a_query_goes_on_and_is_answered_to_its_client() {
    let mut pool = Pool::start("");
    let mut clients: Vec<_> = (0..3).map(|_| client(&pool)).collect();
    clients[0].run("CREATE TABLE said (so bool)");
    for (n, client) in clients.iter_mut().enumerate() {
        let mark = build::query(&format!("SELECT 'answer {n}'"));
        client.send(&[build::query(UNTIL_SAID), mark].concat()).unwrap();
    }
    until_at_it(&pool, "DO ", "3");

    restart(&mut pool);
    restart(&mut pool);
    say_so(&pool);

    for (n, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.until_ready().tags(), ["DO"]);
        assert_eq!(client.until_ready().rows(), [[format!("answer {n}")]]);
    }
    assert!(
        pool.log()
            .contains("took over 3 clients, 3 servers; 0 TLS clients and 0 others")
    );
}

#[test]
fn a_query_that_began_before_can_be_cancelled_behind() {
    let mut pool = Pool::start("");
    let (mut busy, mut other) = (client(&pool), client(&pool));
    busy.send(&build::query("SELECT pg_sleep(600)")).unwrap();
    other.send(&build::query("SELECT pg_sleep(601)")).unwrap();
    until_at_it(&pool, "SELECT pg_sleep", "2");

    restart(&mut pool);
    cancel(pool.address(), busy.key.as_ref().unwrap());

    assert_eq!(busy.until_ready().code().as_deref(), Some("57014"));
    until_at_it(&pool, "SELECT pg_sleep(601)", "1");
    assert_eq!(busy.value("SELECT 1"), "1");
}

#[test]
fn a_copy_goes_on() {
    let mut pool = Pool::start("");
    let mut client = client(&pool);
    client.run("CREATE TABLE t (a int)");
    client.send(&build::query("COPY t FROM STDIN")).unwrap();
    client.until(|message| message.kind == b'G');
    let row = build::copy_data(b"12345\n");
    client.send(&row[..7]).unwrap();

    restart(&mut pool);

    client.send(&row[7..]).unwrap();
    client.send(&row).unwrap();
    assert_eq!(client.ask(&build::copy_done()).tags(), ["COPY 2"]);
    assert_eq!(client.value("SELECT sum(a) FROM t"), "24690");
}

#[test]
fn half_a_message_goes_over() {
    let mut pool = Pool::start("");
    let mut client = client(&pool);
    let query = build::query("SELECT 'whole'");
    let (front, back) = query.split_at(9);
    for before in ["SELECT 1", "BEGIN"] {
        client.run(before);
        client.send(front).unwrap();
        restart(&mut pool);
        client.send(back).unwrap();
        assert_eq!(client.until_ready().rows(), [["whole"]], "after {before}");
    }
}

#[test]
fn an_extended_request_goes_on_where_it_stands() {
    // Given a request that has not come to its Sync, and one that has failed before its Sync.
    let mut pool = Pool::start("");
    let (mut half, mut failed) = (client(&pool), client(&pool));
    half.run("BEGIN");
    half.send(&[build::parse("s", "SELECT $1::int + 1", &[]), build::flush()].concat())
        .unwrap();
    assert!(matches!(
        half.until(|message| message.kind == b'1').messages.len(),
        1
    ));
    failed.run("BEGIN");
    failed
        .send(&[build::parse("s", "SELECT nonsense", &[]), build::flush()].concat())
        .unwrap();
    assert_eq!(
        failed.until(|message| message.kind == b'E').code().as_deref(),
        Some("42703")
    );

    restart(&mut pool);

    let rest = [
        build::bind("", "s", &[Some("41")]),
        build::execute("", 0),
        build::sync(),
    ];
    let reply = half.ask(&rest.concat());
    assert_eq!((reply.rows(), reply.state()), (vec![vec!["42".to_owned()]], 'T'));
    let reply = failed.ask(&rest.concat());
    assert_eq!(
        (reply.kinds().as_str(), reply.state()),
        ("Z", 'E'),
        "{}",
        reply.show()
    );
}

#[test]
fn a_reply_that_its_client_has_not_read_goes_on() {
    // Given a client that reads nothing of a reply that no buffer takes.
    let mut pool = Pool::start("");
    let mut slow = client(&pool);
    let rows = 40_000;
    slow.send(&build::query(&format!(
        "SELECT n, repeat('x', 500) FROM generate_series(1, {rows}) n"
    )))
    .unwrap();
    let mut seen = BTreeSet::new();
    let mut read = |slow: &mut Wire, count: usize| {
        for _ in 0..count {
            let reply = slow.until(|message| message.kind == b'D');
            let row = reply.rows().remove(0);
            assert_eq!(row[1].len(), 500);
            assert!(seen.insert(row[0].parse::<usize>().unwrap()), "{} twice", row[0]);
        }
        seen.len()
    };
    read(&mut slow, 10);

    restart(&mut pool);
    read(&mut slow, 10);
    restart(&mut pool);

    assert_eq!(read(&mut slow, rows - 20), rows);
    assert_eq!(slow.until_ready().tags(), [format!("SELECT {rows}")]);
    assert_eq!(slow.value("SELECT 1"), "1");
}
