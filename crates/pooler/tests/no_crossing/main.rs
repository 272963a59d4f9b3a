//! No client can ever receive what belongs to another: under overload, cancellations, time-outs, kills, and clients
//! that disappear at every byte.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: a panic is its message"
)]

mod ask;
mod cancels;
mod complaints;
mod crowd;
mod every_byte;
mod judge;
#[path = "../support/mod.rs"]
mod support;

use std::sync::Barrier;
use std::sync::atomic::Ordering;

use ask::{KINDS, Question};
use crowd::Plan;
use judge::{Judge, Verdict, marker};
use support::{Database, Pooler, seed};

/// A database with the table that questions write to.
fn with_sink() -> Database {
    let database = Database::new();
    database.direct().run("CREATE TABLE sink (marker text)");
    database
}

/// The pool can still do what it is there for: as many transactions at once as it has servers, no more servers than
/// that, and nothing left over by anybody.
fn check_whole(database: &Database, pooler: &Pooler, size: usize) {
    let all_in = Barrier::new(size);
    let servers: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..size)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = pooler.client();
                    client.run("BEGIN");
                    let server = client.value("SELECT pg_backend_pid()");
                    all_in.wait();
                    client.run("COMMIT");
                    server
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let distinct: std::collections::BTreeSet<&String> = servers.iter().collect();
    assert_eq!(distinct.len(), size, "transactions shared a server: {servers:?}");
    assert!(database.backends() <= size);
    let left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND usename = 'canvass' AND state <> 'idle'";
    assert_eq!(database.value(left), "0", "a server was left in a transaction");
    let lost = "SELECT count(*) FROM sink WHERE marker LIKE 'lost%'";
    assert_eq!(database.value(lost), "0", "what was never committed is there");
}

#[test]
fn the_answers_that_are_expected_are_those_of_postgresql() {
    let database = with_sink();
    let mut direct = database.direct();
    for (i, make) in KINDS.iter().enumerate() {
        let question = Question::of(*make, &marker(1, i));
        let mut judge = Judge::of(&question);
        direct.send(&question.bytes()).unwrap();
        assert_eq!(judge.read(&mut direct), Ok(Verdict::Answered));
    }
}

#[test]
fn one_client_gets_the_answers_of_postgresql_whole_or_in_pieces() {
    let database = with_sink();
    let pooler = Pooler::start(&database, &[("pool_mode", "transaction")]);
    for piece in [usize::MAX, 7, 1] {
        let mut client = pooler.client();
        for (i, make) in KINDS.iter().enumerate() {
            let question = Question::of(*make, &marker(1, i));
            let mut judge = Judge::of(&question);
            client.send_split(&question.bytes(), piece).unwrap();
            assert_eq!(
                judge.read(&mut client),
                Ok(Verdict::Answered),
                "in pieces of {piece}"
            );
        }
    }
}

#[test]
fn under_overload_with_kills_and_cancels_everybody_gets_their_own_answers() {
    // Given a small pool and many clients, some of whom leave, cancel, and stop reading.
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[
            ("pool_mode", "transaction"),
            ("default_pool_size", "4"),
            ("max_client_conn", "1000"),
            ("max_prepared_statements", "10"),
        ],
    );
    let plan = Plan {
        seed: seed(1),
        clients: 60,
        rounds: 25,
        kill_every: 90,
        slow: 20,
    };

    // When they all ask at once.
    let sums = crowd::run(&database, &pooler, &plan);

    // Then every byte was the asker's own, and the pool is whole.
    println!("{sums:?}");
    assert!(sums.answered.load(Ordering::SeqCst) > 500, "{sums:?}");
    assert!(sums.killed.load(Ordering::SeqCst) > 5, "{sums:?}");
    assert!(sums.cancelled.load(Ordering::SeqCst) > 5, "{sums:?}");
    // One that was killed may still be on its way out.
    assert!(sums.most_servers.load(Ordering::SeqCst) <= 5, "{sums:?}");
    check_whole(&database, &pooler, 4);
}
