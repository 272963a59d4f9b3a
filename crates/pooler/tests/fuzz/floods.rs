//! Streams that never end, and what never comes whole: memory stays bounded, and there is an end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use canvass_testkit::eventually;

use crate::support::{Database, Pooler, Wire, build, client, mock};
use crate::watch::memory;

/// More than a pooler should take in from one that floods it, in bytes.
const FLOOD: usize = 64 << 20;
/// What may remain of it.
const MOST: usize = 32 << 20;

fn before(server: SocketAddr, settings: &[(&str, &str)]) -> Pooler {
    let connection = format!("host=127.0.0.1 port={}", server.port());
    let mut all = vec![
        ("pool_mode", "transaction"),
        ("server_tls_sslmode", "disable"),
        ("server_connect_timeout", "600"),
        ("query_wait_timeout", "600"),
        ("server_login_retry", "600"),
    ];
    all.extend(settings);
    Pooler::start_databases(&[("app", &connection)], &all, "")
}

/// Says `what` again and again, up to [`FLOOD`]; how much of it was taken.
fn flood(peer: &mut mock::Peer, what: &[u8]) -> usize {
    let mut said = 0;
    while said < FLOOD && peer.say(what) {
        said += what.len();
    }
    said
}

#[test]
fn a_greeting_without_end_is_refused() {
    for message in [
        build::raw(b'S', format!("name\0{}\0", "x".repeat(20_000)).as_bytes()),
        build::raw(b'N', format!("SNOTICE\0M{}\0\0", "x".repeat(20_000)).as_bytes()),
        build::raw(b'K', &[7; 12]),
    ] {
        let taken = Arc::new(AtomicUsize::new(0));
        let (counts, kind) = (taken.clone(), char::from(message[0]));
        let server = mock::start(move |peer| {
            peer.packet(false);
            peer.say(&build::raw(b'R', &[0; 4]));
            counts.fetch_max(flood(peer, &message), Ordering::SeqCst);
            peer.say(&mock::ready());
            peer.until_gone();
        });
        let pooler = before(server, &[]);
        assert!(pooler.client_with(&[]).is_err(), "{kind}");
        eventually("the server to be hung up on", || {
            (taken.load(Ordering::SeqCst) > 0).then_some(())
        });
        let taken = taken.load(Ordering::SeqCst);
        assert!(taken < FLOOD, "{kind}: {taken} bytes were taken");
    }
}

#[test]
fn a_reply_without_end_to_a_query_of_the_pooler_s_own_is_given_up() {
    let taken = Arc::new(AtomicUsize::new(0));
    let counts = taken.clone();
    let row = build::raw(b'D', &[0; 20_000]);
    let server = mock::start(move |peer| {
        if peer.welcome() && peer.packet(true).is_some() {
            counts.fetch_max(flood(peer, &row), Ordering::SeqCst);
        }
    });
    let settings = [("server_check_delay", "0"), ("server_check_query", "SELECT 1")];
    let pooler = before(server, &settings);
    let reply = pooler.client().query("SELECT 'mine'");
    assert_eq!(reply.code().as_deref(), Some("08006"), "{}", reply.show());
    let taken = taken.load(Ordering::SeqCst);
    assert!(taken < FLOOD, "{taken} bytes were taken");
}

#[test]
fn a_server_that_dies_of_every_query_of_the_pooler_s_own_is_an_error() {
    // Given a server that lets everybody in and ends at the first word.
    let logins = Arc::new(AtomicUsize::new(0));
    let counts = logins.clone();
    let server = mock::start(move |peer| {
        counts.fetch_add(1, Ordering::SeqCst);
        if peer.welcome() {
            peer.packet(true);
        }
    });
    let pooler = before(server, &[]);

    // When a client has a setting of its own, which must be set first.
    let mut client = pooler.client_with(&[("application_name", "mine")]).ok().unwrap();
    let reply = client.query("SELECT 1");

    // Then it learns the truth, after a few attempts.
    assert_eq!(reply.code().as_deref(), Some("08006"), "{}", reply.show());
    let logins = logins.load(Ordering::SeqCst);
    assert!(logins < 10, "{logins} logins for one request");
}

#[test]
fn a_long_request_that_is_not_executed_is_not_kept() {
    // Given a client that waits for a server with the beginning of a long query.
    let database = Database::new();
    let settings = [("pool_mode", "transaction"), ("default_pool_size", "1")];
    let pooler = Pooler::start(&database, &settings);
    let mut holds = pooler.client();
    holds.run("BEGIN");
    let mut waits = pooler.client();
    let length = 200 << 20;
    waits
        .send(&build::lying(b'Q', length + 4, &[b' '; 40_000]))
        .unwrap();
    let mut console = pooler.console();
    eventually("it to wait", || {
        let rows = console.query("SHOW POOLS").rows();
        rows.iter().any(|row| row[3] == "1").then_some(())
    });

    // When it is cancelled, and the rest of the query comes.
    let key = waits.key.clone().unwrap();
    client::cancel(pooler.address, &key);
    let before = memory();
    let mut left = length as usize - 40_000;
    let piece = vec![b' '; 1 << 20];
    let mut most = 0;
    while left > 0 {
        let now = piece.len().min(left);
        waits.send(&piece[..now]).unwrap();
        left -= now;
        most = most.max(memory().saturating_sub(before));
    }

    // Then it fails, the connection goes on, and nothing of the query was kept.
    let reply = waits.until_ready();
    assert_eq!(reply.code().as_deref(), Some("57014"), "{}", reply.show());
    assert!(most < MOST, "memory grew by {most} bytes");
    holds.run("COMMIT");
    assert_eq!(waits.value("SELECT 'goes on'"), "goes on");
}

/// What somebody asks for who has not said who they are leaves nothing behind.
#[test]
fn names_of_databases_that_nobody_logged_in_to_are_not_kept() {
    // Given a pooler for any database.
    let database = Database::new();
    let connection = format!("host=127.0.0.1 port={}", database.address.port());
    let settings = [("auth_type", "scram-sha-256"), ("pool_mode", "transaction")];
    let pooler = Pooler::start_databases(&[("*", &connection)], &settings, "");
    let ask = |number: usize| {
        let name = format!("{number:09900}");
        let mut wire = Wire::connect(pooler.address);
        wire.send(&build::startup(&[("user", "somebody"), ("database", &name)]))
            .unwrap();
        let reply = wire.until(|message| message.kind == b'R');
        assert!(!reply.ended, "{}", reply.show());
        wire.reset();
    };
    ask(0);
    let before = memory();

    // When many come for databases of long names.
    (1..4_000).for_each(ask);

    // Then the names are not kept.
    let grown = memory().saturating_sub(before);
    assert!(grown < MOST, "memory grew by {grown} bytes");
}

/// Nobody who waits is read from without end.
#[test]
fn those_who_wait_for_a_server_are_not_read_from_without_end() {
    let database = Database::new();
    let settings = [("pool_mode", "transaction"), ("default_pool_size", "1")];
    let pooler = Pooler::start(&database, &settings);
    let mut holds = pooler.client();
    holds.run("BEGIN");
    let before = memory();
    let taken = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let (mut floods, taken) = (pooler.client(), taken.clone());
            let query = build::query(&format!("SELECT '{}'", "x".repeat(10_000)));
            scope.spawn(move || {
                while taken.load(Ordering::SeqCst) < FLOOD && floods.send(&query).is_ok() {
                    taken.fetch_add(query.len(), Ordering::SeqCst);
                }
            });
        }
        let is_quiet = |now: usize, then: &mut usize| std::mem::replace(then, now) == now;
        let mut last = usize::MAX;
        eventually("everybody to be held up", || {
            let before = taken.load(Ordering::SeqCst);
            crate::support::between_two_looks();
            (before > 0 && is_quiet(before, &mut last)).then_some(())
        });
        assert!(memory().saturating_sub(before) < MOST);
        // Their connections end, and with them their threads.
        holds.terminate();
        drop_all(&pooler);
    });
}

fn drop_all(pooler: &Pooler) {
    let mut console: Wire = pooler.console();
    console.run("KILL");
}
