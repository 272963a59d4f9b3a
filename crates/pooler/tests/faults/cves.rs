//! What went wrong in pgbouncer, each as a test against a running pooler. What the numbers mean is in pgbouncer's
//! changelog and in the CVE records.

use std::fs;

use canvass_testkit::Place;

use crate::support::{Database, Pooler, Reply, Wire, build, database, mock, scram};
use crate::{Between, PASSWORD, SCRAMMED, require_passwords};

/// Refused with this SQLSTATE, and not let in.
fn check_refused(reply: &Reply, codes: &[&str], what: &str) {
    assert!(reply.ended, "{what}: {}", reply.show());
    let code = reply.code().unwrap_or_default();
    assert!(codes.contains(&code.as_str()), "{what}: {}", reply.show());
    let ok = reply
        .messages
        .iter()
        .any(|message| message.kind == b'R' && message.body == [0; 4]);
    assert!(!ok, "{what}: let in: {}", reply.show());
}

/// A connection on which SCRAM has begun as a user of a database.
fn begun(between: &Between, user: &str, database: &str) -> Wire {
    let mut wire = Wire::connect(between.pooler.address);
    wire.send(&build::startup(&[("user", user), ("database", database)]))
        .unwrap();
    wire.until(|message| message.kind == b'R' && message.body[3] == 10);
    wire
}

/// Whose password is looked up, and how, is not for those to decide who want to log in.
#[test]
fn cve_2025_12819_auth_query_runs_with_nothing_of_the_client_s() {
    // Given a query that writes down what it finds around it.
    let database = Database::new();
    require_passwords(&database);
    database.run(
        "CREATE TABLE seen (search_path text, application_name text, timezone text); \
         CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC; \
         CREATE FUNCTION public.lookup(name text, OUT usename text, OUT passwd text) LANGUAGE plpgsql AS $$ \
         BEGIN INSERT INTO public.seen VALUES (current_setting('search_path'), \
         current_setting('application_name'), current_setting('timezone')); \
         SELECT rolname, rolpassword INTO usename, passwd FROM pg_catalog.pg_authid WHERE rolname = name; END $$",
    );
    let usual = database.value("SELECT current_setting('search_path') || current_setting('timezone')");
    let place = Place::new();
    let users = place.path().join("users");
    fs::write(&users, format!("\"{}\" \"\"\n", database::ADMIN)).unwrap();
    let users = users.display().to_string();
    let settings = [
        ("pool_mode", "transaction"),
        ("auth_type", "scram-sha-256"),
        ("auth_file", users.as_str()),
        ("auth_user", database::ADMIN),
        ("auth_query", "SELECT * FROM public.lookup($1)"),
        ("track_extra_parameters", "search_path, IntervalStyle"),
    ];
    let pooler = Pooler::start(&database, &settings);

    // When clients come with settings of their own.
    let name = database.name.as_str();
    let who = [("user", SCRAMMED), ("database", name)];
    for own in [
        vec![],
        vec![("options", "-c search_path=evil")],
        vec![("options", "--search-path=evil"), ("application_name", "evil")],
        vec![("search_path", "evil"), ("TimeZone", "Asia/Tokyo")],
        vec![],
    ] {
        let (client, reply) = scram::login_with(pooler.address, PASSWORD, &[&who[..], &own].concat());
        let mut client = client.unwrap_or_else(|| panic!("{own:?}: {}", reply.show()));
        let path = client.value("SELECT current_setting('search_path')");
        assert_eq!(
            path == "evil",
            format!("{own:?}").contains("path"),
            "{own:?}: {path}"
        );
        // And who comes with a wrong password has it looked up in the same way.
        let (client, reply) = scram::login_with(pooler.address, "wrong", &[&who[..], &own].concat());
        assert!(client.is_none());
        check_refused(&reply, &["28P01"], "a wrong password");
    }

    // Then the query was run with none of them.
    let seen = database.value(
        "SELECT count(*) || ' ' || string_agg(DISTINCT search_path || timezone || application_name, '; ') FROM seen",
    );
    assert_eq!(seen, format!("10 {usual}"));
}

/// A length inside a packet is the client's word.
#[test]
fn cve_2026_6664_lengths_in_a_sasl_message_are_not_believed() {
    let between = Between::start(&[], "");
    for length in [
        0,
        1,
        27,
        29,
        1000,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fff0,
        0xffff_ffff,
    ] {
        let mut wire = begun(&between, SCRAMMED, &between.database.name);
        let reply = wire.ask(&scram::initial_response(length));
        check_refused(&reply, &["08P01", "28P01"], &format!("{length}"));
    }
    between.check_whole();
}

/// Packets whose header says any length, before and after the login.
#[test]
fn cve_2026_6668_and_107348_lengths_in_headers_are_not_believed() {
    let between = Between::start(&[("max_packet_size", "4294967295")], "");
    for length in [
        0_u32,
        3,
        0x4000_0000,
        0x7fff_ffff,
        0x8000_0000,
        0x8000_0001,
        0xffff_fffb,
        0xffff_ffff,
    ] {
        let mut wire = Wire::connect(between.pooler.address);
        let _ = wire.send(&length.to_be_bytes());
        let _ = wire.send(&[0, 3, 0, 0]);
        assert!(
            wire.until_end().messages.is_empty(),
            "{length}: a start-up packet"
        );
        let mut wire = begun(&between, SCRAMMED, &between.database.name);
        let reply = wire.ask(&build::lying(b'p', length, b"n,,n=,r=a"));
        assert!(reply.ended && !reply.is_ready(), "{length}: a password");
        for kind in *b"QPBDCESXdcfFHp" {
            let mut wire = between.client();
            let _ = wire.send(&build::lying(kind, length, b"abc"));
            // Nothing more comes, whether the pooler waits for it or not.
            wire.finish_sending();
            assert!(!wire.until_end().is_ready(), "{length}: {}", char::from(kind));
        }
    }
    between.check_whole();
}

/// A server whose part of the nonce fits into no buffer.
#[test]
fn cve_2026_6665_a_server_s_nonce_may_be_of_any_length() {
    for length in [0_usize, 1, 100, 1_000, 1_900, 2_100, 20_000, 3_000_000] {
        let server = mock::start(move |peer| {
            peer.packet(false);
            peer.say(&build::raw(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"));
            let Some(first) = peer.packet(true) else {
                return;
            };
            let first = String::from_utf8_lossy(&first).into_owned();
            let nonce = first.split("r=").nth(1).unwrap_or_default();
            let challenge = format!("r={nonce}{},s=c2FsdHNhbHQ=,i=4096", "x".repeat(length));
            peer.say(&build::raw(b'R', &[b"\0\0\0\x0b", challenge.as_bytes()].concat()));
            peer.packet(true);
            let last = format!("v={}", "A".repeat(length));
            peer.say(&build::raw(b'R', &[b"\0\0\0\x0c", last.as_bytes()].concat()));
            peer.until_gone();
        });
        refused_by(server, &["08001"], &format!("a nonce of {length} bytes"));
    }
}

/// A server that asks for years of work.
#[test]
fn cve_2026_6669_a_server_cannot_make_the_pooler_work_without_end() {
    for iterations in ["2147483647", "4294967295", "99999999999", "0", "-1"] {
        let server = mock::start(move |peer| {
            peer.packet(false);
            peer.say(&build::raw(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"));
            let Some(first) = peer.packet(true) else {
                return;
            };
            let first = String::from_utf8_lossy(&first).into_owned();
            let nonce = first.split("r=").nth(1).unwrap_or_default();
            let challenge = format!("r={nonce}xyz,s=c2FsdHNhbHQ=,i={iterations}");
            peer.say(&build::raw(b'R', &[b"\0\0\0\x0b", challenge.as_bytes()].concat()));
            peer.until_gone();
        });
        refused_by(server, &["08001"], &format!("{iterations} iterations"));
    }
}

/// An error need not have any field, at the login or later.
#[test]
fn cve_2026_6666_an_error_without_a_sqlstate_is_an_error() {
    for body in [
        &b"\0"[..],
        b"",
        b"SFATAL\0\0",
        b"MFATAL: no\0\0",
        b"C\0M\0\0",
        b"C123\0Mno\0\0",
        b"C",
    ] {
        let error = build::raw(b'E', body);
        let at_login = error.clone();
        let server = mock::start(move |peer| {
            peer.packet(false);
            peer.say(&at_login);
        });
        refused_by(server, &["08001"], &format!("{body:?} at the login"));
        let before_ready = error.clone();
        let server = mock::start(move |peer| {
            peer.packet(false);
            peer.say(&build::raw(b'R', &[0; 4]));
            peer.say(&before_ready);
        });
        refused_by(server, &["08001"], &format!("{body:?} behind the login"));

        // Later, it goes to the client as it is, and the connection goes on.
        let reply = [error.clone(), mock::ready()].concat();
        let server = mock::start(move |peer| {
            let mut goes_on = peer.welcome();
            while goes_on && peer.packet(true).is_some() {
                goes_on = peer.say(&reply);
            }
        });
        let pooler = before(server, &[]);
        let mut client = pooler.client();
        for _ in 0..3 {
            let reply = client.query("SELECT 1");
            assert_eq!(reply.kinds(), "EZ", "{body:?}");
            assert_eq!(reply.messages[0].body, body);
        }
    }
}

/// Whatever it was: what a server says beyond what it owes is nobody's, and nobody waits for more of it.
#[test]
fn a_server_that_says_more_than_it_owes_is_closed_at_once() {
    let done = || build::raw(b'C', b"SELECT 1\0");
    let extras = [
        done(),
        build::raw(b'D', &[0, 1, 0, 0, 0, 1, b'x']),
        mock::ready(),
        build::raw(b'Z', b"T"),
        [done(), mock::ready()].concat(),
        build::raw(b'E', b"SFATAL\0VFATAL\0C57P01\0Mgone\0\0"),
    ];
    for extra in extras {
        let reply = [done(), mock::ready(), extra.clone()].concat();
        let server = mock::start(move |peer| {
            if peer.welcome() && peer.packet(true).is_some() {
                peer.say(&reply);
                peer.until_gone();
            }
        });
        let pooler = before(server, &[("default_pool_size", "1")]);
        for _ in 0..3 {
            // It gets what is its own, and the rest is no answer to anything.
            let mut client = pooler.client();
            client.send(&build::query("SELECT 1")).unwrap();
            let reply = client.until_end();
            assert_eq!(reply.kinds(), "CZE", "behind {extra:?}: {}", reply.show());
            assert!(
                reply
                    .code()
                    .is_some_and(|code| code == "08006" || code == "57P01"),
                "{}",
                reply.show()
            );
        }
    }
}

/// Who may look may not end others.
#[test]
fn cve_2026_6667_kill_client_is_for_administrators() {
    let database = Database::new();
    let pooler = Pooler::start(&database, &[("stats_users", "alice")]);
    let mut victim = pooler.client();
    let mut viewer = Wire::login(pooler.address, "alice", "pgbouncer");
    let clients = viewer.query("SHOW CLIENTS");
    let columns = clients.messages[0].clone();
    assert_eq!(columns.kind, b'T');
    for id in 0..20 {
        let reply = viewer.query(&format!("KILL_CLIENT {id}"));
        assert_eq!(reply.code().as_deref(), Some("42501"), "{}", reply.show());
    }
    for command in ["KILL_CLIENT", "kill_client 0x1", "Kill_Client 1; KILL_CLIENT 2"] {
        let reply = viewer.query(command);
        assert_eq!(reply.code().as_deref(), Some("42501"), "{}", reply.show());
    }
    assert_eq!(victim.value("SELECT 'alive'"), "alive");
}

/// A name that is none in `options`.
#[test]
fn cve_2026_107349_an_option_without_a_name_ends_the_login_and_nothing_else() {
    let database = Database::new();
    let pooler = Pooler::start(&database, &[("ignore_startup_parameters", "geqo, seed")]);
    for options in [
        "-c=",
        "-c =",
        "-c",
        "--",
        "--=",
        "-c=x",
        "-c geqo=off -c=",
        "-c=-c=",
        "\\",
        "-",
        "=",
        "-c\\ =",
    ] {
        let refused = pooler.client_with(&[("options", options)]);
        let Err(reply) = refused else {
            panic!("{options:?} was let in");
        };
        check_refused(&reply, &["08P01"], options);
    }
    let mut client = pooler
        .client_with(&[("options", "-c geqo=off --seed=1")])
        .ok()
        .unwrap();
    assert_eq!(client.value("SELECT 'in'"), "in");
}

/// A second start-up message while it is asked who comes.
#[test]
fn cve_2026_107350_only_the_first_startup_message_counts() {
    let between = Between::start(&[], "");
    let name = between.database.name.clone();
    let second = [("user", database::ADMIN), ("database", name.as_str())];
    for another in [
        build::startup(&second),
        build::startup(&[("user", SCRAMMED), ("database", "pgbouncer")]),
        build::ssl_request(),
        build::cancel(1, &[0, 0, 0, 1]),
    ] {
        // In the place of the first message of the exchange.
        let mut wire = begun(&between, SCRAMMED, &name);
        check_refused(
            &wire.ask(&another),
            &["08P01"],
            "in the place of the first message",
        );

        // In the place of the last one.
        let mut wire = begun(&between, SCRAMMED, &name);
        wire.send(&scram::initial_response(28)).unwrap();
        wire.until(|message| message.kind == b'R');
        check_refused(
            &wire.ask(&another),
            &["08P01"],
            "in the place of the last message",
        );
    }

    // Nor where the database does not exist: whatever follows the first one, nobody is let in.
    let (client, reply) = scram::login(between.pooler.address, SCRAMMED, PASSWORD, "nowhere");
    assert!(client.is_none());
    check_refused(&reply, &["3D000", "08P01", "28P01"], "no such database");
    let mut wire = Wire::connect(between.pooler.address);
    let first = build::startup(&[("user", SCRAMMED), ("database", "nowhere")]);
    let _ = wire.send(&[first, build::startup(&second)].concat());
    let reply = wire.until_end();
    let ok = reply
        .messages
        .iter()
        .any(|message| message.kind == b'R' && message.body == [0; 4]);
    assert!(!ok, "{}", reply.show());
    between.check_whole();
}

/// The last message of an exchange may lack what it must have.
#[test]
fn cve_2026_19888_a_last_word_that_lacks_something_is_refused() {
    let between = Between::start(&[], "");
    let who = [("user", SCRAMMED), ("database", between.database.name.as_str())];
    for lacks in ["c=", "r=", "p=", "everything", "the end"] {
        let (client, reply) = scram::exchange(between.pooler.address, &who, |challenge| {
            let whole = scram::answer(challenge, PASSWORD);
            match lacks {
                "everything" => String::new(),
                "the end" => whole[..whole.len() - 3].to_owned(),
                _ => {
                    let parts = whole.split(',').filter(|part| !part.starts_with(lacks));
                    parts.collect::<Vec<_>>().join(",")
                }
            }
        });
        assert!(client.is_none(), "without {lacks}");
        check_refused(&reply, &["08P01", "28P01"], lacks);
    }
    between.check_whole();
}

/// CVE-2021-3935: what somebody put between the request for encryption and the encryption.
#[test]
fn cve_2021_3935_unencrypted_bytes_behind_a_request_for_encryption_end_the_connection() {
    let between = Between::start(&[], "");
    let startup = build::startup(&[("user", SCRAMMED), ("database", between.database.name.as_str())]);
    for request in [build::ssl_request(), build::gssenc_request()] {
        let mut wire = Wire::connect(between.pooler.address);
        wire.send(&[request, startup.clone()].concat()).unwrap();
        check_refused(&wire.until_end(), &["08P01"], "in one piece");
    }
    between.check_whole();
}

/// A pooler before a server of the test's, that logs in there with a password.
fn before(server: std::net::SocketAddr, settings: &[(&str, &str)]) -> Pooler {
    let connection = format!(
        "host={} port={} user=somebody password=secret",
        server.ip(),
        server.port()
    );
    let mut all = vec![
        ("pool_mode", "transaction"),
        ("server_tls_sslmode", "disable"),
        ("server_connect_timeout", "600"),
        ("server_login_retry", "600"),
    ];
    all.extend(settings);
    Pooler::start_databases(&[("app", &connection)], &all, "")
}

/// Whoever comes is told that this server cannot be logged in to; the console is served as ever.
fn refused_by(server: std::net::SocketAddr, codes: &[&str], what: &str) {
    let pooler = before(server, &[]);
    let Err(reply) = pooler.client_with(&[]) else {
        panic!("{what}: let in");
    };
    check_refused(&reply, codes, what);
    let words = "server login has been failing, cached error: ";
    assert!(reply.message().starts_with(words), "{what}: {}", reply.show());
    assert!(pooler.console().query("SHOW POOLS").is_ready());
}
