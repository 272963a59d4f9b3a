//! Stopping and starting in good order: PostgreSQL under serve, and serve under its clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a panic here is a test's failure, and what is printed is its output"
)]

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use canvass_testkit::{
    Load, Mix, Raw, Respondent, SMALL_SURVEY, Server, TestCluster, TestDb, TestWave, WaveTimes, eventually,
    make_wave, now_micros, shared_cluster, until_read,
};
use serde_json::{Value, json};

/// A wave with so many people, and a server that knows it.
fn serve(db: &TestDb, people: usize, settings: &[(&str, &str)]) -> (TestWave, Server) {
    let wave = make_wave(&db.url, "one", SMALL_SURVEY, WaveTimes::default(), people);
    let server = Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, settings);
    (wave, server)
}

fn enter(server: &Server, wave: &TestWave) -> Vec<Respondent> {
    wave.codes.iter().map(|code| server.api().enter(code)).collect()
}

fn an_answer() -> Value {
    json!({ "single01": "a" })
}

fn send(server: &Server, who: &Respondent, stamp: i64) -> Raw {
    Raw::save(server.address(), &who.token, stamp, "p01", &an_answer())
}

#[test]
fn saves_wait_while_postgresql_restarts_and_nobody_is_sent_away() {
    let cluster = TestCluster::start();
    let db = cluster.database();
    // Generous: how fast PostgreSQL restarts is not what is tested.
    let (wave, server) = serve(&db, 32, &[("CANVASS_INGEST_DEADLINE_MS", "18000")]);

    let load = Load::start(&[server.into()], &[wave], 32, Mix::Saves);
    load.goes_on_for(200);
    for _ in 0..2 {
        let before = load.acknowledged();
        cluster.stop();
        cluster.start_again();
        load.assert_nothing_lost(&db);
        load.goes_on_for(before.clamp(200, 300));
    }

    assert_eq!(load.refused(), 0);
    load.finish(&db);
}

#[test]
fn past_the_deadline_a_save_gets_503_and_is_committed_when_it_is_sent_again() {
    let cluster = TestCluster::start();
    let db = cluster.database();
    let (wave, server) = serve(&db, 1, &[("CANVASS_INGEST_DEADLINE_MS", "1500")]);
    let pupil = &enter(&server, &wave)[0];
    let stamp = now_micros();

    cluster.stop();
    let refused = pupil.save(stamp, "p01", &an_answer());
    cluster.start_again();
    let accepted = pupil.save(stamp, "p01", &an_answer());

    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (503, "not-in-time"),
        "{}",
        refused.text
    );
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    assert_eq!(accepted.status, 200, "{}", accepted.text);
    assert_eq!(db.value("SELECT count(*) FROM wave_1.save"), "1");
}

#[test]
fn the_deadline_holds_for_each_save_when_postgresql_hangs() {
    const DEADLINE: Duration = Duration::from_secs(4);
    let cluster = TestCluster::start();
    let db = cluster.database();
    let settings = [
        ("CANVASS_WEB_WORKERS", "1"),
        ("CANVASS_INGEST_DEADLINE_MS", "4000"),
    ];
    let (wave, server) = serve(&db, 1, &settings);
    let pupil = &enter(&server, &wave)[0];
    let stamp = now_micros();

    // The first is in the writer's hands, the second comes half a deadline later, the third just before the first's.
    let frozen = cluster.freeze();
    let begun = Instant::now();
    let mut sent = vec![(begun, send(&server, pupil, stamp))];
    for part in [0.5, 0.9] {
        eventually("time to pass", || {
            (begun.elapsed() >= DEADLINE.mul_f64(part)).then_some(())
        });
        sent.push((Instant::now(), send(&server, pupil, stamp + sent.len() as i64)));
    }

    for (at, raw) in &mut sent {
        let reply = raw.reply().unwrap();
        let waited = at.elapsed();
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (503, "not-in-time"),
            "{}",
            reply.text
        );
        assert!(
            waited >= DEADLINE && waited < DEADLINE.mul_f64(1.25),
            "answered after {waited:?}"
        );
    }
    drop(frozen);
    for n in 0..3 {
        assert_eq!(pupil.save(stamp + n, "p01", &an_answer()).status, 200);
    }
    assert_eq!(db.value("SELECT count(*) FROM wave_1.save"), "3");
}

#[test]
fn sigterm_under_load_ends_with_0_and_loses_nothing() {
    let db = shared_cluster().database();
    let (wave, server) = serve(&db, 32, &[]);
    let server = Arc::new(server);

    let load = Load::start(std::slice::from_ref(&server), &[wave], 32, Mix::Everything);
    for _ in 0..3 {
        load.goes_on_for(200);
        let asked = Instant::now();
        assert_eq!(server.terminate().code(), Some(0));
        assert!(
            asked.elapsed() < Duration::from_secs(10),
            "gone after {:?}",
            asked.elapsed()
        );
        server.start_again();
        load.assert_nothing_lost(&db);
    }

    load.finish(&db);
}

#[test]
fn what_was_accepted_before_sigterm_is_committed_and_answered() {
    const PEOPLE: usize = 40;
    let db = shared_cluster().database();
    let (wave, server) = serve(&db, PEOPLE, &[]);
    let people = enter(&server, &wave);
    let stamp = now_micros();

    // Given requests that wait for their commit
    let held = db.hold("LOCK TABLE wave_1.save IN ACCESS EXCLUSIVE MODE");
    let mut waiting: Vec<Raw> = people.iter().map(|who| send(&server, who, stamp)).collect();
    until_read(server.address(), PEOPLE);
    db.until_locked_out();
    // when the server is told to stop and has stopped accepting
    let address = server.address();
    let stopping = std::thread::spawn(move || server.terminate());
    eventually("serve to stop accepting", || {
        TcpStream::connect(address).is_err().then_some(())
    });
    drop(held);

    // then every one of them is answered.
    for raw in &mut waiting {
        assert_eq!(raw.reply().expect("an answer").status, 200);
    }
    assert_eq!(stopping.join().unwrap().code(), Some(0));
    assert_eq!(db.value("SELECT count(*) FROM wave_1.save"), PEOPLE.to_string());
}

#[test]
fn sigterm_without_a_database_answers_everything_within_ten_seconds() {
    const PEOPLE: usize = 20;
    let cluster = TestCluster::start();
    let db = cluster.database();
    let (wave, server) = serve(&db, PEOPLE, &[]);
    let people = enter(&server, &wave);
    let stamp = now_micros();

    cluster.stop();
    let mut waiting: Vec<Raw> = people.iter().map(|who| send(&server, who, stamp)).collect();
    until_read(server.address(), PEOPLE);
    let asked = Instant::now();
    let status = server.terminate();

    assert_eq!(status.code(), Some(0));
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "gone after {:?}",
        asked.elapsed()
    );
    for raw in &mut waiting {
        let reply = raw.reply().expect("an answer");
        assert_eq!(reply.status, 503, "{}", reply.text);
    }
}

#[test]
fn a_serve_that_starts_while_connections_are_short_works_when_they_are_not() {
    let cluster = TestCluster::start();
    let db = cluster.database();
    // Room for the first connection, by which serve looks whether the database is fit; none for the writers.
    let wave = make_wave(&db.url, "one", SMALL_SURVEY, WaveTimes::default(), 1);
    let connected = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'canvass'";
    eventually("connections to end", || {
        (db.value(connected) == "0").then_some(())
    });
    db.execute("ALTER ROLE canvass CONNECTION LIMIT 1");
    let server = Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, &[]);
    eventually("the writers to be refused", || {
        cluster
            .log()
            .contains("too many connections for role")
            .then_some(())
    });
    db.execute("ALTER ROLE canvass CONNECTION LIMIT -1");

    // Each on a connection of its own, so that every event loop gets some.
    for n in 0..16 {
        let pupil = server.api().enter(&wave.codes[0]);
        assert_eq!(
            pupil.save(now_micros(), "p01", &an_answer()).status,
            200,
            "connection {n}"
        );
    }
}
