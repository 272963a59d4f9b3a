//! Hostile servers: nearly right at the login, nearly right in their replies.

use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;

use crate::support::{Database, Pooler, build, mock};
use crate::{corpus, mutate, watch};

/// No case brings so many bytes.
const MOST: usize = 64 << 20;

/// A server whose words are right until its dice say otherwise: then it says something else and ends.
fn serve(peer: &mut mock::Peer, number: u64, at_login: bool) {
    let mut dice = Rng::with_seed(number);
    if peer.packet(false).is_none() {
        return;
    }
    if at_login {
        let words = [
            build::raw(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"),
            build::raw(b'R', b"\0\0\0\x05salt"),
            build::raw(b'R', b"\0\0\0\x03"),
            build::raw(b'E', b"SFATAL\0VFATAL\0C28000\0Mno\0\0"),
            build::raw(b'N', b"SNOTICE\0C00000\0Mwell\0\0"),
            mock::welcome(),
        ];
        let said: Vec<Vec<u8>> = (0..dice.usize(1..4))
            .map(|_| words[dice.usize(..words.len())].clone())
            .collect();
        let said = mutate::stream(&mut dice, said, true);
        let _ = peer.say(&said);
        return;
    }
    if !peer.say(&mock::welcome()) {
        return;
    }
    let mut copies = false;
    while let Some(message) = peer.packet(true) {
        // One that keeps what it owes to itself would be as one that never answers: nobody can tell it from a slow one.
        if message[0] == b'X' || copies && !b"dcfSH".contains(&message[0]) {
            return;
        }
        copies &= !b"cf".contains(&message[0]);
        let reply = corpus::reply(&mut dice, message[0]);
        if dice.u8(..4) == 0 {
            let reply = mutate::stream(&mut dice, reply, true);
            let _ = peer.say(&reply);
            return;
        }
        copies |= reply.iter().any(|said| said[0] == b'G');
        if copies && message[0] == b'S' {
            continue;
        }
        if !peer.say(&reply.concat()) {
            return;
        }
    }
}

/// Whoever asks a hostile server gets its words or an error, and an ordinary server is as good as ever.
fn clients_of(at_login: bool, first: u64) {
    let connections = AtomicU64::new(first);
    let hostile = mock::start(move |peer| {
        serve(peer, connections.fetch_add(1, Ordering::SeqCst), at_login);
    });
    let database = Database::new();
    let connect = |address: std::net::SocketAddr, name: &str| {
        format!(
            "host=127.0.0.1 port={} dbname={name} user=canvass password=secret",
            address.port()
        )
    };
    let databases = [
        ("good", connect(database.address, &database.name)),
        ("hostile", connect(hostile, "any")),
    ];
    let databases: Vec<(&str, &str)> = databases
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    let settings = [
        ("pool_mode", "transaction"),
        ("default_pool_size", "4"),
        ("max_client_conn", "200"),
        ("server_login_retry", "0"),
        ("server_tls_sslmode", "disable"),
        // No case is helped by a time limit.
        ("server_connect_timeout", "600"),
        ("query_wait_timeout", "600"),
        ("log_connections", "0"),
        ("log_disconnections", "0"),
        ("log_pooler_errors", "0"),
    ];
    let pooler = Pooler::start_databases(&databases, &settings, "[canvass]\nthreads = 2\n");
    let case = |number: u64| {
        let mut dice = Rng::with_seed(number);
        let who = [
            ("user", "canvass"),
            ("database", "hostile"),
            ("application_name", "fuzz"),
        ];
        let Ok(mut client) = crate::support::Wire::try_connect(pooler.address) else {
            return;
        };
        // What a hostile server said may be no message at all: bytes, not messages, are read here.
        let mut bytes = build::startup(&who);
        bytes.extend(corpus::requests(&mut dice).concat());
        bytes.extend(build::terminate());
        let _ = client.send(&bytes);
        client.finish_sending();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| client.read_bytes(MOST)));
        let received = done.unwrap_or_else(|_| {
            let mut console = pooler.console();
            let shown = ["SHOW CLIENTS", "SHOW SERVERS", "SHOW POOLS"].map(|show| console.query(show).show());
            panic!("case {number} does not come to an end:\n{}", shown.join("\n"));
        });
        assert!(received.len() < MOST, "case {number}");
    };
    let ordinary = || {
        let mut client = pooler.client();
        assert_eq!(client.value("SELECT 'ordinary'"), "ordinary");
        assert!(pooler.console().query("SHOW POOLS").is_ready());
    };
    watch::run(first, case, ordinary);
}

#[test]
fn hostile_servers_at_the_login() {
    clients_of(true, 50_000_000);
}

#[test]
fn hostile_replies() {
    clients_of(false, 60_000_000);
}
