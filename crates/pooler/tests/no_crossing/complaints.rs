//! What users of other poolers complained about, as tests.

use std::sync::atomic::{AtomicUsize, Ordering};

use canvass_testkit::eventually;

use crate::ask::{KINDS, Question};
use crate::crowd::{self, Plan};
use crate::judge::{Judge, Verdict, marker};
use crate::support::{Pooler, build, seed};
use crate::{check_whole, with_sink};

#[test]
fn under_overload_with_time_outs_everybody_gets_their_own_answers() {
    // Given a small pool that many wait for longer than they may.
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[
            ("pool_mode", "transaction"),
            ("default_pool_size", "3"),
            ("max_client_conn", "1000"),
            ("query_wait_timeout", "1"),
            ("query_timeout", "1"),
            ("max_prepared_statements", "10"),
        ],
    );
    let plan = Plan {
        seed: seed(2),
        clients: 60,
        rounds: 6,
        kill_every: 100,
        slow: 400,
    };

    // All its servers are held until some have waited in vain.
    let held: Vec<_> = (0..3)
        .map(|_| {
            let mut client = pooler.client();
            client.run("BEGIN");
            client
        })
        .collect();
    let waited = || {
        pooler
            .log()
            .matches("closing because: query_wait_timeout")
            .count()
    };

    let sums = std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually("some whose time ran out", || (waited() > 5).then_some(()));
            drop(held);
        });
        crowd::run(&database, &pooler, &plan)
    });

    println!("{sums:?}");
    assert!(sums.answered.load(Ordering::SeqCst) > 60, "{sums:?}");
    let ended = sums.ended.load(Ordering::SeqCst);
    assert!(ended > 5, "nobody was told that their time ran out: {sums:?}");
    // One that was killed may still be on its way out.
    assert!(sums.most_servers.load(Ordering::SeqCst) <= 4, "{sums:?}");
    check_whole(&database, &pooler, 3);
}

#[test]
fn a_request_whose_time_ran_out_in_the_queue_is_not_executed_in_part() {
    // Given a pool whose only server is taken, and somebody whose pipeline waits for it.
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[
            ("pool_mode", "transaction"),
            ("default_pool_size", "1"),
            ("query_wait_timeout", "1"),
        ],
    );
    let mut holds = pooler.client();
    let mut waits = pooler.client();
    holds.run("BEGIN");
    let statement = |n: i32| build::extended(&format!("INSERT INTO sink VALUES ('lost-{n}')"), &[]);
    waits.send(&statement(1)).unwrap();
    waits.send(&statement(2)).unwrap();

    // When its time runs out.
    let reply = waits.until_end();

    // Then it is told why, and not a part of it is ever executed.
    assert!(reply.error().is_some(), "{}", reply.show());
    assert_eq!(reply.message(), "query_wait_timeout");
    let _ = waits.send(&statement(3));
    holds.run("COMMIT");
    check_whole(&database, &pooler, 1);
}

#[test]
fn what_one_client_did_not_finish_saying_is_not_finished_by_the_next() {
    // Given a pool of one server.
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[("pool_mode", "transaction"), ("default_pool_size", "1")],
    );
    for kind in [b'd', b'c', b'f'] {
        // When somebody leaves in a message that PostgreSQL reads to its end and does not answer.
        let mut leaves = pooler.client();
        let half = build::lying(kind, 1000, b"half");
        leaves.send(&[build::query("SELECT 1"), half].concat()).unwrap();
        assert_eq!(leaves.until_ready().tags(), ["SELECT 1"]);
        leaves.finish_sending();
        leaves.until_end();

        // Then the next one's request is no part of it.
        let mut next = pooler.client();
        assert_eq!(
            next.value("SELECT 'of the next one'"),
            "of the next one",
            "{}",
            kind as char
        );
    }
    check_whole(&database, &pooler, 1);
}

#[test]
fn a_pool_with_many_more_clients_than_servers_serves_them_all() {
    let database = with_sink();
    let settings = [
        ("pool_mode", "transaction"),
        ("default_pool_size", "3"),
        ("max_client_conn", "200"),
    ];
    let pooler = Pooler::start(&database, &settings);
    std::thread::scope(|scope| {
        for number in 0..100 {
            let pooler = &pooler;
            scope.spawn(move || {
                let mut client = pooler.client();
                for asked in 0..20 {
                    let question = Question::of(KINDS[asked % KINDS.len()], &marker(number, asked));
                    let mut judge = Judge::of(&question);
                    client.send(&question.bytes()).unwrap();
                    assert_eq!(judge.read(&mut client), Ok(Verdict::Answered));
                }
            });
        }
        // One that is not used again may still be on its way out when the next one is there.
        for _ in 0..20 {
            eventually("three servers at most", || {
                (database.backends() <= 3).then_some(())
            });
        }
    });
    check_whole(&database, &pooler, 3);
}

#[test]
fn transaction_mode_keeps_to_its_size() {
    // Given a pool of five that 44 clients want at once.
    let database = with_sink();
    let settings = [("pool_mode", "transaction"), ("default_pool_size", "5")];
    let pooler = Pooler::start(&database, &settings);
    let (open, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..44 {
            scope.spawn(|| {
                let mut client = pooler.client();
                for _ in 0..3 {
                    // When each has transactions of its own.
                    client.run("BEGIN");
                    most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    client.run("SELECT pg_sleep(0.005)");
                    // Then never more than five are open, on never more than five servers.
                    assert!(database.backends() <= 5);
                    open.fetch_sub(1, Ordering::SeqCst);
                    client.run("COMMIT");
                }
            });
        }
    });
    assert_eq!(most.load(Ordering::SeqCst), 5);
}

#[test]
fn a_server_is_not_given_away_in_a_transaction() {
    // Given a transaction that its client thinks about for a long time.
    let database = with_sink();
    let settings = [("pool_mode", "transaction"), ("default_pool_size", "2")];
    let pooler = Pooler::start(&database, &settings);
    let mut thinks = pooler.client();
    thinks.run("BEGIN");
    thinks.run("INSERT INTO sink VALUES ('thinks')");
    let mine = thinks.value("SELECT pg_backend_pid()");

    // When many others use the pool.
    for _ in 0..20 {
        let mut other = pooler.client();
        assert_ne!(other.value("SELECT pg_backend_pid()"), mine);
        assert_eq!(other.value("SELECT count(*) FROM sink"), "0");
    }

    // Then it goes on where it was, also after an error and a savepoint.
    thinks.run("SAVEPOINT a");
    assert_eq!(thinks.query("SELECT 1/0").state(), 'E');
    assert_ne!(pooler.client().value("SELECT pg_backend_pid()"), mine);
    thinks.run("ROLLBACK TO a");
    assert_eq!(thinks.value("SELECT pg_backend_pid()"), mine);
    thinks.run("COMMIT");
    assert_eq!(database.value("SELECT count(*) FROM sink"), "1");
}

#[test]
fn a_large_answer_arrives_whole() {
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[("pool_mode", "transaction"), ("default_pool_size", "1")],
    );
    let mut client = pooler.client();

    // Many rows, 64 MB together; then one of 30 MB.
    client
        .send(&build::query(
            "SELECT i, repeat(chr(97 + i % 26), 64000) FROM generate_series(1, 1000) i",
        ))
        .unwrap();
    let mut rows = 0;
    let reply = client.until(|message| {
        if message.kind == b'D' {
            rows += 1;
            let row = message.row();
            let letter = char::from(97 + u8::try_from(rows % 26).unwrap());
            assert_eq!(row[0].as_deref(), Some(rows.to_string().as_str()));
            assert!(row[1].as_ref().unwrap().len() == 64_000 && row[1].as_ref().unwrap().starts_with(letter));
        }
        message.kind == b'Z'
    });
    assert!(reply.is_ready());
    assert_eq!(reply.tags(), ["SELECT 1000"]);
    let one = client.value("SELECT repeat('0123456789', 3000000)");
    assert!(one.len() == 30_000_000 && one.ends_with("789"));
}

#[test]
fn a_client_that_does_not_read_holds_up_nobody_and_fills_no_memory() {
    // Given a client that asks for much more than all buffers hold, and does not read it.
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[("pool_mode", "transaction"), ("default_pool_size", "2")],
    );
    let mut lazy = pooler.client();
    lazy.small_buffer();
    lazy.send(&build::query(
        "SELECT repeat('x', 100000) FROM generate_series(1, 2000)",
    ))
    .unwrap();

    // Then its server has to wait for it: the pooler does not take in the 200 MB.
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND wait_event = 'ClientWrite'";
    database.until("the server to wait for its client", waits);

    // And others are served meanwhile.
    let mut other = pooler.client();
    for asked in 0..100 {
        assert_eq!(other.value(&format!("SELECT {asked}")), asked.to_string());
    }

    // When it leaves, its server is lost to nobody.
    lazy.reset();
    check_whole(&database, &pooler, 2);
}

#[test]
fn what_a_client_prepared_without_a_name_is_nothing_to_others() {
    // Given one server, on which somebody has prepared the unnamed statement.
    let database = with_sink();
    let pooler = Pooler::start(
        &database,
        &[("pool_mode", "transaction"), ("default_pool_size", "1")],
    );
    let mut first = pooler.client();
    let prepared = [
        build::parse("", "SELECT 'the secret of the first'", &[]),
        build::sync(),
    ]
    .concat();
    assert!(first.ask(&prepared).error().is_none());

    // When somebody else binds or describes the unnamed statement, without having prepared one.
    let mut second = pooler.client();
    for asked in [
        [build::bind("", "", &[]), build::execute("", 0), build::sync()].concat(),
        [build::describe_statement(""), build::sync()].concat(),
    ] {
        // Then there is none, as PostgreSQL says.
        let reply = second.ask(&asked);
        assert_eq!(reply.code().as_deref(), Some("26000"), "{}", reply.show());
    }
}

#[test]
fn a_request_without_its_sync_keeps_its_server() {
    // Given one server, and a client that has heard of its row being written but has not said Sync.
    let database = with_sink();
    let settings = [("pool_mode", "transaction"), ("default_pool_size", "1")];
    let pooler = Pooler::start(&database, &settings);
    let (mut half, mut other) = (pooler.client(), pooler.client());
    let request = [
        build::parse("", "INSERT INTO sink VALUES ('half')", &[]),
        build::bind("", "", &[]),
        build::execute("", 0),
        build::flush(),
    ];
    half.send(&request.concat()).unwrap();
    half.until(|message| message.kind == b'C');

    // When another one's request fails, which would take the row with it.
    other.send(&build::query("SELECT 1/0")).unwrap();
    let mut console = pooler.console();
    canvass_testkit::eventually("the other one to have had its turn or to wait for it", || {
        let rows = console.query("SHOW POOLS").rows();
        let waits = rows.iter().any(|row| row[0] == database.name && row[3] == "1");
        let soon = std::time::Instant::now() + std::time::Duration::from_millis(20);
        let answered = other.next_until(soon) != crate::support::Next::Silence;
        (waits || answered).then_some(())
    });

    half.ask(&build::sync());
    assert_eq!(database.value("SELECT count(*) FROM sink"), "1");
}
