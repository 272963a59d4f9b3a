//! `[canvass] session_state`: what becomes of a session's state in transaction mode.

use crate::support::{Database, Pooler, Wire};

fn start(how: &str, size: &str) -> (Database, Pooler) {
    let database = Database::new();
    let settings = [("pool_mode", "transaction"), ("default_pool_size", size)];
    let sections = format!("[canvass]\nsession_state = {how}\n");
    let pooler = Pooler::start_with(&database, "", &settings, &sections);
    (database, pooler)
}

/// State that a command's tag tells of, and a query that shows it.
const STATES: [(&str, &str, &str); 4] = [
    ("SET work_mem = '1234kB'", "SHOW work_mem", "1234kB"),
    (
        "PREPARE mine AS SELECT 1",
        "SELECT count(*) FROM pg_prepared_statements WHERE name = 'mine'",
        "1",
    ),
    ("LISTEN mine", "SELECT count(*) FROM pg_listening_channels()", "1"),
    (
        "BEGIN; DECLARE mine CURSOR WITH HOLD FOR SELECT 1; COMMIT",
        "SELECT count(*) FROM pg_cursors WHERE name = 'mine'",
        "1",
    ),
];

fn server(client: &mut Wire) -> String {
    client.value("SELECT pg_backend_pid()")
}

#[test]
fn as_in_pgbouncer_it_stays_on_the_server() {
    for (make, show, shown) in STATES {
        let (_database, pooler) = start("pgbouncer", "1");
        let [mut leaves, mut finds] = [pooler.client(), pooler.client()];
        leaves.run(make);
        assert_eq!(finds.value(show), shown, "{make}");
    }
}

#[test]
fn reset_cleans_the_server_before_anybody_gets_it() {
    for (make, show, shown) in STATES {
        let (_database, pooler) = start("reset", "1");
        let [mut leaves, mut others] = [pooler.client(), pooler.client()];
        let before = server(&mut leaves);
        leaves.run(make);
        for client in [&mut others, &mut leaves] {
            assert_ne!(client.value(show), shown, "{make}");
        }
        assert_eq!(server(&mut others), before, "{make}: the server is kept");
    }
}

#[test]
fn pin_keeps_the_server_with_its_client_until_that_leaves() {
    for (make, show, shown) in STATES {
        let (_database, pooler) = start("pin", "2");
        let [mut pinned, mut other] = [pooler.client(), pooler.client()];
        pinned.run(make);
        let own = server(&mut pinned);
        for _ in 0..3 {
            assert_ne!(server(&mut other), own, "{make}");
            assert_ne!(other.value(show), shown, "{make}");
            assert_eq!(pinned.value(show), shown, "{make}");
            assert_eq!(server(&mut pinned), own, "{make}");
        }
        // What it leaves behind is cleaned.
        pinned.terminate();
        let mut both = [other, pooler.client()];
        for client in &mut both {
            client.run("BEGIN");
        }
        for client in &mut both {
            assert_ne!(client.value(show), shown, "{make}");
        }
    }
}

#[test]
fn refuse_ends_the_client_at_its_next_request_and_cleans_the_server() {
    for (make, show, shown) in STATES {
        let (_database, pooler) = start("refuse", "1");
        let [mut leaves, mut other] = [pooler.client(), pooler.client()];
        leaves.run(make);
        // Its next request is answered so; the server is clean by then.
        let reply = leaves.query("SELECT 1");
        assert!(reply.ended, "{make}: {}", reply.show());
        assert_eq!(reply.code().as_deref(), Some("0A000"), "{make}: {}", reply.show());
        assert!(
            reply.message().contains("session_state = refuse"),
            "{}",
            reply.show()
        );
        assert_ne!(other.value(show), shown, "{make}");
    }
}

#[test]
fn what_is_tracked_or_ends_with_its_transaction_is_no_state() {
    for how in ["reset", "pin", "refuse"] {
        let (_database, pooler) = start(how, "1");
        let [mut client, mut other] = [pooler.client(), pooler.client()];
        client.run("SET application_name = 'mine'");
        client.run("SET TimeZone = 'Asia/Tokyo'");
        client.run("BEGIN; SELECT set_config('work_mem', '1234kB', true); COMMIT");
        client.run("BEGIN");
        client.run("SET LOCAL work_mem = '1234kB'");
        client.run("SET TRANSACTION READ ONLY");
        client.run("COMMIT");
        client.run("SET extra_float_digits = 3");
        let own = server(&mut client);
        assert_eq!(
            server(&mut other),
            own,
            "{how}: neither cleaned, nor kept, nor closed"
        );
        assert_eq!(other.value("SHOW application_name"), "", "{how}");
        assert_eq!(client.value("SHOW application_name"), "mine", "{how}");
        assert_eq!(client.value("SHOW TimeZone"), "Asia/Tokyo", "{how}");
        assert_ne!(other.value("SHOW TimeZone"), "Asia/Tokyo", "{how}");
    }
}

/// State that no command's tag tells of by itself, with what shows it.
const REPORTED: [(&str, &str); 4] = [
    ("SET ROLE alice", "SELECT current_user::text"),
    ("SET SESSION AUTHORIZATION alice", "SELECT session_user::text"),
    (
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SHOW default_transaction_read_only",
    ),
    (
        "DO $$ BEGIN PERFORM set_config('role', 'alice', false); END $$",
        "SELECT current_user::text",
    ),
];

#[test]
fn roles_and_read_only_sessions_are_state_too() {
    for how in ["reset", "pin", "refuse"] {
        for (make, show) in REPORTED {
            // Given servers of a superuser, whose role is reported.
            let database = Database::new();
            let settings = [("pool_mode", "transaction"), ("default_pool_size", "2")];
            let sections = format!("[canvass]\nsession_state = {how}\n");
            let pooler = Pooler::start_with(&database, "user=canvass_admin", &settings, &sections);
            let [mut leaves, mut other] = [pooler.client(), pooler.client()];
            let usual = other.value(show);

            leaves.run(make);
            for _ in 0..3 {
                assert_eq!(other.value(show), usual, "{how}: {make}");
            }
            if how == "pin" {
                assert_ne!(leaves.value(show), usual, "{make}: it stays with its client");
            }
        }
    }
}
