//! A cancel request hits the query that it was meant for, or nothing.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::ask::Question;
use crate::judge::{Judge, Verdict, marker};
use crate::support::client::cancel;
use crate::support::{Database, Pooler, Wire, build};
use crate::{check_whole, with_sink};

/// A pooler in transaction mode with so many servers.
fn pool_of(database: &Database, size: &str) -> Pooler {
    let settings = [
        ("pool_mode", "transaction"),
        ("default_pool_size", size),
        ("max_client_conn", "500"),
    ];
    Pooler::start(database, &settings)
}

fn send(client: &mut Wire, sql: &str) {
    client.send(&build::query(sql)).unwrap();
}

/// Asks something that runs until it is cancelled, and waits until it runs.
fn run_for_ever(database: &Database, client: &mut Wire, name: &str) {
    send(client, &format!("SELECT '{name}' FROM pg_sleep(600)"));
    database.until_runs(name);
}

#[test]
fn a_cancel_ends_the_query_and_keeps_the_conversation() {
    let database = with_sink();
    let pooler = pool_of(&database, "2");
    let mut client = pooler.client();
    run_for_ever(&database, &mut client, "mine");

    cancel(pooler.address, client.key.as_ref().unwrap());

    let reply = client.until_ready();
    assert_eq!(reply.code().as_deref(), Some("57014"), "{}", reply.show());
    assert_eq!(reply.message(), "canceling statement due to user request");
    assert_eq!(client.value("SELECT 'still here'"), "still here");
}

#[test]
fn the_key_of_a_conversation_that_is_over_cancels_nobody() {
    // Given a server that one client has used and another one uses now.
    let database = with_sink();
    let pooler = pool_of(&database, "1");
    let mut first = pooler.client();
    first.run("SELECT 1");
    let stale = first.key.clone().unwrap();
    first.terminate();
    let mut second = pooler.client();
    send(&mut second, "SELECT 'second' FROM pg_sleep(0.5)");
    database.until_runs("second");

    // When the first one's key is used again and again.
    for _ in 0..10 {
        cancel(pooler.address, &stale);
    }

    // Then the second one's query comes to its end.
    let reply = second.until_ready();
    assert_eq!(reply.rows(), [["second"]], "{}", reply.show());
}

#[test]
fn the_key_of_an_idle_client_cancels_nobody() {
    // Given an idle client whose last query ran on the server that works for another one now.
    let database = with_sink();
    let pooler = pool_of(&database, "1");
    let mut idle = pooler.client();
    idle.run("SELECT 1");
    let mut busy = pooler.client();
    send(&mut busy, "SELECT 'busy' FROM pg_sleep(0.5)");
    database.until_runs("busy");

    for _ in 0..10 {
        cancel(pooler.address, idle.key.as_ref().unwrap());
    }

    let reply = busy.until_ready();
    assert_eq!(reply.rows(), [["busy"]], "{}", reply.show());
    assert_eq!(
        idle.value("SELECT 'not hit later either'"),
        "not hit later either"
    );
}

#[test]
fn a_guessed_key_cancels_nobody() {
    let database = with_sink();
    let pooler = pool_of(&database, "2");
    let mut victim = pooler.client();
    let stranger = pooler.client();
    let (process, secret) = victim.key.clone().unwrap();
    let (strange_process, strange_secret) = stranger.key.clone().unwrap();
    send(&mut victim, "SELECT 'victim' FROM pg_sleep(0.5)");
    database.until_runs("victim");

    let mut wrong = secret.clone();
    // The last two bits say how often peers have passed the request on.
    *wrong.last_mut().unwrap() ^= 0b100;
    let mut longer = secret.clone();
    longer.push(0);
    for key in [
        (process, wrong),
        (process, vec![0; 4]),
        (process, strange_secret),
        (process, secret[..3].to_vec()),
        (process, vec![]),
        (process, longer),
        (process.wrapping_add(1), secret.clone()),
        (strange_process, secret),
        (0, vec![0; 4]),
    ] {
        cancel(pooler.address, &key);
    }

    let reply = victim.until_ready();
    assert_eq!(reply.rows(), [["victim"]], "{}", reply.show());
}

#[test]
fn keys_cannot_be_told_from_one_another() {
    // Given many clients at once.
    let database = with_sink();
    let pooler = pool_of(&database, "1");
    let clients: Vec<Wire> = (0..100).map(|_| pooler.client()).collect();

    // Then no two have the same key, and no secret is the next one after another.
    let mut keys: Vec<_> = clients.iter().map(|client| client.key.clone().unwrap()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 100);
    let mut secrets: Vec<u32> = keys
        .iter()
        .map(|(_, secret)| u32::from_be_bytes(secret[..4].try_into().unwrap()))
        .collect();
    secrets.sort_unstable();
    let neighbours = secrets.windows(2).filter(|pair| pair[1] - pair[0] < 16).count();
    assert!(neighbours <= 1, "{secrets:?}");
}

#[test]
fn a_cancel_that_comes_late_never_hits_the_next_client_on_the_server() {
    // Given one server, which two clients use by turns as fast as they can.
    let database = with_sink();
    let pooler = pool_of(&database, "1");
    let over = AtomicBool::new(false);
    let mut hit = 0;
    std::thread::scope(|scope| {
        let bystander = scope.spawn(|| {
            let mut client = pooler.client();
            let mut asked = 0;
            while !over.load(Ordering::SeqCst) {
                asked += 1;
                let question = Question::slow(&marker(1, asked), 1);
                let mut judge = Judge::of(&question);
                client.send(&question.bytes()).unwrap();
                // Then the one that is never cancelled is never hit.
                assert_eq!(judge.read(&mut client), Ok(Verdict::Answered));
            }
            asked
        });

        // When each query of the other one is cancelled at about the time when it ends.
        let mut target = pooler.client();
        let key = target.key.clone().unwrap();
        for asked in 0..250 {
            let question = Question::slow(&marker(2, asked), 1);
            let mut judge = Judge::of(&question).may_be_cancelled();
            target.send(&question.bytes()).unwrap();
            let (address, key) = (pooler.address, key.clone());
            let canceller = scope.spawn(move || cancel(address, &key));
            if asked % 2 == 0 {
                canceller.join().unwrap();
                assert_eq!(judge.read(&mut target), Ok(Verdict::Answered));
            } else {
                assert_eq!(judge.read(&mut target), Ok(Verdict::Answered));
                canceller.join().unwrap();
            }
            hit += usize::from(judge.was_cancelled);

            // Nor is its own next query, once the request has been dealt with.
            let question = Question::of(crate::ask::KINDS[0], &marker(2, 1000 + asked));
            let mut judge = Judge::of(&question);
            target.send(&question.bytes()).unwrap();
            assert_eq!(judge.read(&mut target), Ok(Verdict::Answered));
        }
        over.store(true, Ordering::SeqCst);
        assert!(bystander.join().unwrap() > 20);
    });
    assert!(hit > 0, "not one of 250 cancels hit anything");
    check_whole(&database, &pooler, 1);
}

#[test]
fn a_cancel_arrives_although_the_pool_is_saturated() {
    // Given a pool whose servers are all taken, and others who wait for one.
    let database = with_sink();
    let pooler = pool_of(&database, "2");
    let mut running: Vec<Wire> = (0..2).map(|_| pooler.client()).collect();
    for (i, client) in running.iter_mut().enumerate() {
        run_for_ever(&database, client, &format!("runs {i}"));
    }
    let mut waiting: Vec<Wire> = (0..20).map(|_| pooler.client()).collect();
    for client in &mut waiting {
        send(client, "SELECT 'waited'");
    }

    // When one of those that run is cancelled.
    cancel(pooler.address, running[0].key.as_ref().unwrap());

    // Then it is told, and the others get its server.
    let reply = running[0].until_ready();
    assert_eq!(reply.code().as_deref(), Some("57014"), "{}", reply.show());
    for client in &mut waiting {
        assert_eq!(client.until_ready().rows(), [["waited"]]);
    }
    cancel(pooler.address, running[1].key.as_ref().unwrap());
    assert_eq!(running[1].until_ready().code().as_deref(), Some("57014"));
}

#[test]
fn a_client_that_waits_can_be_cancelled_and_nobody_else_is() {
    // Given a client that runs something and one that waits for its server.
    let database = with_sink();
    let pooler = pool_of(&database, "1");
    let mut running = pooler.client();
    let mut waiting = pooler.client();
    let mut second = pooler.client();
    run_for_ever(&database, &mut running, "runs");
    send(
        &mut waiting,
        "INSERT INTO sink VALUES ('cancelled before it ran')",
    );
    send(&mut second, "SELECT 'second'");

    // When the one that waits is cancelled.
    cancel(pooler.address, waiting.key.as_ref().unwrap());

    // Then it is told so while the other one still runs, and its statement is never executed.
    let reply = waiting.until(|message| matches!(message.kind, b'Z' | b'E'));
    assert_eq!(reply.code().as_deref(), Some("57014"), "{}", reply.show());
    cancel(pooler.address, running.key.as_ref().unwrap());
    assert_eq!(running.until_ready().code().as_deref(), Some("57014"));
    assert_eq!(second.until_ready().rows(), [["second"]]);
    assert_eq!(database.value("SELECT count(*) FROM sink"), "0");
    check_whole(&database, &pooler, 1);
}

#[test]
fn a_storm_of_cancels_leaves_the_pool_as_it_was() {
    // Given queries that run, and clients that are idle.
    let database = with_sink();
    let pooler = pool_of(&database, "3");
    let mut running: Vec<Wire> = (0..2).map(|_| pooler.client()).collect();
    for (i, client) in running.iter_mut().enumerate() {
        run_for_ever(&database, client, &format!("runs {i}"));
    }
    let idle: Vec<Wire> = (0..20).map(|_| pooler.client()).collect();
    let keys: Vec<_> = running
        .iter()
        .chain(&idle)
        .map(|client| client.key.clone().unwrap())
        .collect();

    // When all are cancelled many times, all at once.
    std::thread::scope(|scope| {
        for key in keys.iter().cycle().take(200) {
            scope.spawn(|| cancel(pooler.address, key));
        }
    });

    // Then those that ran are told once, and the pool serves as before.
    for client in &mut running {
        let reply = client.until_ready();
        assert_eq!(reply.code().as_deref(), Some("57014"), "{}", reply.show());
        assert_eq!(client.value("SELECT 'goes on'"), "goes on");
    }
    drop(idle);
    check_whole(&database, &pooler, 3);
}
