//! More than the disk takes, more than behaves: refused early and politely, and the service goes on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a panic here is a test's failure, and what is printed is its output"
)]

use std::collections::HashSet;
use std::net::TcpStream;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use canvass_testkit::{
    Crowd, Raw, Respondent, SMALL_SURVEY, Sent, Server, TestCluster, TestDb, WaveTimes, eventually,
    make_wave, now_micros, raise_open_files, shared_cluster,
};
use serde_json::json;

const PEOPLE: usize = 64;
/// Event loops: two on every machine, so that the arithmetic is the same everywhere.
const WORKERS: &str = "2";
/// How long PostgreSQL waits with each commit; the most that it can be told.
const COMMIT_DELAY_US: u32 = 100_000;
/// By how many KiB a server with a short queue may grow.
const MOST_KIB: u64 = 64 << 10;

/// These tests measure, or take thousands of connections: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A server whose commits take 0.1 s, so that it takes `WORKERS * batch_rows` saves in that time and no more.
struct SlowDisk {
    batch_rows: usize,
    crowd: Crowd,
    server: Server,
    db: TestDb,
    _cluster: TestCluster,
}

impl SlowDisk {
    fn new(batch_rows: usize, settings: &[(&str, &str)]) -> Self {
        raise_open_files();
        let cluster = TestCluster::start();
        let db = cluster.database();
        let wave = make_wave(&db.url, "one", SMALL_SURVEY, WaveTimes::default(), PEOPLE);
        let rows = batch_rows.to_string();
        let mut all = vec![
            ("CANVASS_WEB_WORKERS", WORKERS),
            ("CANVASS_INGEST_BATCH_ROWS", &rows),
        ];
        all.extend(settings);
        let server = Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, &all);
        let tokens = wave
            .codes
            .iter()
            .map(|code| server.api().enter(code).token)
            .collect();
        db.execute(&format!("ALTER SYSTEM SET commit_delay = {COMMIT_DELAY_US}"));
        db.execute("ALTER SYSTEM SET commit_siblings = 0");
        db.execute("SELECT pg_reload_conf()");
        Self {
            batch_rows,
            crowd: Crowd::new(server.address(), tokens),
            server,
            db,
            _cluster: cluster,
        }
    }

    /// Acknowledgements a second when everyone waits for theirs before they send the next.
    fn capacity(&self) -> f64 {
        let seconds = 2.0;
        // Enough connections that both event loops have a full batch waiting while one is being committed.
        let sent = self
            .crowd
            .flat_out(self.batch_rows * 8, Duration::from_secs_f64(seconds));
        rate(&sent, 0.5, seconds)
    }

    /// Offers so many a second; gives what became of them, and by how many KiB the server has grown at most.
    fn offer(&self, per_second: f64, seconds: f64) -> (Vec<Sent>, u64) {
        let before = self.server.resident_kib();
        let mut most = before;
        let length = Duration::from_secs_f64(seconds);
        let sent = std::thread::scope(|scope| {
            let load = scope.spawn(move || self.crowd.by_timetable(per_second, length));
            eventually("the load to end", || {
                most = most.max(self.server.resident_kib());
                load.is_finished().then_some(())
            });
            load.join().unwrap()
        });
        (sent, most - before)
    }
}

/// Acknowledgements a second, from `from` to `to` seconds.
fn rate(sent: &[Sent], from: f64, to: f64) -> f64 {
    let window = from..to;
    let good = sent
        .iter()
        .filter(|s| s.status == 200 && window.contains(&s.answered_at.as_secs_f64()));
    good.count() as f64 / (to - from)
}

/// The value below which so many hundredths of the durations are.
fn percentile(mut durations: Vec<Duration>, hundredths: usize) -> Duration {
    durations.sort();
    let n = durations.len() * hundredths / 100;
    durations
        .get(n.min(durations.len().saturating_sub(1)))
        .copied()
        .unwrap_or_default()
}

/// Four times the capacity is offered. At least nine tenths of the capacity are still acknowledged, and all others but one
/// in a hundred are sent away at once: measured up to three times, since the machine may be busy with something else.
/// Every time: who is sent away gets 503 with the time to come again, memory stays bounded, nothing is lost. Gives how
/// long the refusals took.
fn overload(slow: &SlowDisk, seconds: f64, most_kib: u64) -> Vec<Duration> {
    let mut refusals = Vec::new();
    for attempt in 1.. {
        let capacity = slow.capacity();
        let (sent, growth_kib) = slow.offer(capacity * 4.0, seconds);
        let acknowledged = rate(&sent, 1.0, seconds);
        let (good, refused): (Vec<&Sent>, Vec<&Sent>) = sent.iter().partition(|s| s.status == 200);
        let took = |sent: &[&Sent]| sent.iter().map(|s| s.took).collect::<Vec<_>>();
        println!(
            "capacity {capacity:.0}/s, offered {:.0}/s, acknowledged {acknowledged:.0}/s ({:.0} %); p99 of {} acknowledged \
             {:?}, of {} refused {:?}; memory +{growth_kib} KiB",
            capacity * 4.0,
            100.0 * acknowledged / capacity,
            good.len(),
            percentile(took(&good), 99),
            refused.len(),
            percentile(took(&refused), 99),
        );
        assert!(refused.len() > sent.len() / 2, "that was no overload");
        assert!(
            refused.iter().all(|s| s.status == 503 && s.retry_after),
            "{refused:?}"
        );
        let late = refused.iter().filter(|s| s.problem != "busy").count();
        assert!(growth_kib < most_kib, "grew by {growth_kib} KiB");
        slow.assert_present(&good);
        refusals = took(&refused);
        if acknowledged >= 0.9 * capacity && late * 100 <= refused.len() {
            break;
        }
        assert!(
            attempt < 3,
            "at the third attempt {acknowledged}/s of {capacity}/s, and {late} of {} let in and refused later",
            refused.len()
        );
    }
    refusals
}

impl SlowDisk {
    fn assert_present(&self, acknowledged: &[&Sent]) {
        let rows = self.db.rows("SELECT stamp FROM wave_1.save");
        let stamps: HashSet<i64> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
        assert_eq!(rows.len(), stamps.len(), "no save twice");
        assert!(
            acknowledged.iter().all(|s| stamps.contains(&s.stamp)),
            "acknowledged and not there"
        );
    }
}

#[test]
fn four_times_the_capacity_is_offered() {
    let _alone = alone();
    let slow = SlowDisk::new(20, &[("CANVASS_INGEST_QUEUE_ROWS", "100")]);
    overload(&slow, 4.0, MOST_KIB);
}

/// The queue has room for far more than can be committed before its deadline. Who would wait in vain is told so at
/// once, not at the deadline; and no commit is wasted on batches half of which are late.
#[test]
fn four_times_the_capacity_is_offered_and_the_queue_is_long() {
    let _alone = alone();
    let slow = SlowDisk::new(20, &[("CANVASS_INGEST_DEADLINE_MS", "2000")]);
    overload(&slow, 6.0, MOST_KIB);
}

/// The figures that depend on the machine: 2,000 saves/s of capacity, 8,000/s offered, refusals within 50 ms.
#[cfg(feature = "long")]
fn two_thousand_a_second(settings: &[(&str, &str)], seconds: f64, most_kib: u64) {
    let _alone = alone();
    let slow = SlowDisk::new(100, settings);
    let p99 = percentile(overload(&slow, seconds, most_kib), 99);
    assert!(
        p99 < Duration::from_millis(50),
        "refusals took {p99:?} at the 99th percentile"
    );
}

#[cfg(feature = "long")]
#[test]
fn eight_thousand_a_second_are_offered_where_two_thousand_are_possible() {
    two_thousand_a_second(&[("CANVASS_INGEST_QUEUE_ROWS", "1000")], 8.0, MOST_KIB);
}

/// With the limits as they come, for longer than the deadline: some twelve thousand people wait for their reply, each on
/// a connection.
#[cfg(feature = "long")]
#[test]
fn eight_thousand_a_second_are_offered_to_the_default_queue() {
    two_thousand_a_second(&[], 16.0, 15_000 * 24);
}

fn one_pupil(settings: &[(&str, &str)]) -> (TestDb, Server, Respondent) {
    let db = shared_cluster().database();
    let wave = make_wave(&db.url, "one", SMALL_SURVEY, WaveTimes::default(), 1);
    let server = Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, settings);
    let pupil = server.api().enter(&wave.codes[0]);
    (db, server, pupil)
}

fn assert_still_saves(pupil: &Respondent) {
    let reply = pupil.save(now_micros(), "p01", &json!({ "single01": "a" }));
    assert_eq!(reply.status, 200, "{}", reply.text);
}

#[test]
fn ten_thousand_idle_connections_are_no_hindrance() {
    let _alone = alone();
    const WANTED: usize = 10_000;
    // Each end of a connection is an open file, of this process and of serve; both need some for other things.
    let possible = WANTED.min(raise_open_files() - 1_000);
    if possible < WANTED {
        println!("only {possible} connections: `ulimit -Hn` allows no more");
    }
    let (_db, server, pupil) = one_pupil(&[("CANVASS_WEB_HEADER_TIMEOUT_MS", "120000")]);
    let before = server.resident_kib();

    let idle: Vec<TcpStream> = (0..possible)
        .map(|_| TcpStream::connect(server.address()).unwrap())
        .collect();
    assert_still_saves(&pupil.through(&server.api()));

    println!(
        "{} idle connections: {} KiB each",
        idle.len(),
        (server.resident_kib() - before) as f64 / idle.len() as f64
    );
    for n in [0, possible / 2, possible - 1] {
        assert!(idle[n].set_nonblocking(true).is_ok());
        let mut byte = [0];
        let read = std::io::Read::read(&mut &idle[n], &mut byte);
        assert_eq!(
            read.unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock,
            "still open"
        );
    }
    assert_eq!(
        server.terminate().code(),
        Some(0),
        "and they do not keep it from stopping"
    );
}

#[test]
fn who_sends_headers_slowly_or_nothing_at_all_is_cut_off() {
    let (_db, server, pupil) = one_pupil(&[("CANVASS_WEB_HEADER_TIMEOUT_MS", "300")]);

    let mut silent = Raw::connect(server.address());
    let mut slow = Raw::connect(server.address());
    slow.write(b"POST /api/v1/saves HTTP/1.1\r\nhost: test\r\nauthor");
    let mut trickling = Raw::connect(server.address());
    trickling.write(b"GET /healthz HTTP/1.1\r\n");
    // A header now and then does not buy more time.
    eventually("the connection to be cut", || {
        trickling.try_write(b"x-more: 1\r\n").is_err().then_some(())
    });

    assert!(silent.reply().is_none());
    assert!(slow.reply().is_none_or(|reply| reply.status == 408));
    assert_still_saves(&pupil);
}

#[test]
fn a_body_that_never_comes_gets_408() {
    let (_db, server, pupil) = one_pupil(&[("CANVASS_WEB_BODY_TIMEOUT_MS", "300")]);
    let head = format!(
        "POST /api/v1/saves HTTP/1.1\r\nhost: test\r\nauthorization: {}\r\ncontent-length: 50\r\n\r\n",
        pupil.bearer()
    );
    for part in ["", "{\"stamp\": 17"] {
        let mut raw = Raw::connect(server.address());
        raw.write(head.as_bytes());
        raw.write(part.as_bytes());

        let reply = raw.reply().unwrap();

        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (408, "too-slow"),
            "{}",
            reply.text
        );
        assert!(
            raw.reply().is_none(),
            "and the connection ends, for the rest of the body is not a request"
        );
    }
    assert_still_saves(&pupil);
}
