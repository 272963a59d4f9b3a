//! Servers that die: on an administrator's word, and by a signal that takes the whole of PostgreSQL with it.

use std::fs;

use canvass_testkit::{Place, TestCluster, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Database, Pooler, Wire, build, database, scram};

const ONE: [(&str, &str); 2] = [("pool_mode", "transaction"), ("default_pool_size", "1")];

fn end(database: &Database, server: &str) {
    database.value(&format!("SELECT pg_terminate_backend({server})"));
    let gone = format!("SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = {server}");
    database.until("the server to be gone", &gone);
}

fn server_of(client: &mut Wire) -> String {
    client.value("SELECT pg_backend_pid()")
}

/// What PostgreSQL says to a client that an administrator ends.
fn check_ended(reply: &crate::support::Reply) {
    assert!(reply.ended, "{}", reply.show());
    assert_eq!(reply.code().as_deref(), Some("57P01"), "{}", reply.show());
    let errors = reply.messages.iter().filter(|message| message.kind == b'E');
    assert_eq!(errors.count(), 1, "{}", reply.show());
}

#[test]
fn a_server_that_is_ended_while_it_works_is_an_error_at_once() {
    let database = Database::new();
    let pooler = Pooler::start(&database, &ONE);
    let mut client = pooler.client();
    client.run("BEGIN");
    let server = server_of(&mut client);
    client.send(&build::query("SELECT pg_sleep(600)")).unwrap();
    database.until_runs("pg_sleep");

    end(&database, &server);

    check_ended(&client.until_end());
    assert_ne!(server_of(&mut pooler.client()), server);
}

#[test]
fn a_server_that_is_ended_while_its_client_thinks_is_an_error_at_once() {
    let database = Database::new();
    let pooler = Pooler::start(&database, &ONE);
    let mut client = pooler.client();
    client.run("BEGIN");
    let server = server_of(&mut client);

    end(&database, &server);

    check_ended(&client.until_end());
    assert_ne!(server_of(&mut pooler.client()), server);
}

#[test]
fn a_server_that_is_ended_while_it_is_idle_is_nobody_s_business() {
    let database = Database::new();
    let pooler = Pooler::start(
        &database,
        &[("pool_mode", "transaction"), ("default_pool_size", "3")],
    );
    let mut clients = [pooler.client(), pooler.client(), pooler.client()];
    for client in &mut clients {
        client.run("BEGIN");
    }
    for client in &mut clients {
        client.run("COMMIT");
    }
    for _ in 0..5 {
        assert!(database.terminate_backends() > 0);
        eventually("the servers to be gone", || {
            (database.backends() == 0).then_some(())
        });
        for client in &mut clients {
            assert_eq!(client.value("SELECT 'right'"), "right");
        }
    }
}

#[test]
fn in_session_mode_the_session_ends_with_its_server() {
    let database = Database::new();
    let pooler = Pooler::start(&database, &[("pool_mode", "session"), ("default_pool_size", "1")]);
    let mut client = pooler.client();
    let server = server_of(&mut client);
    end(&database, &server);
    check_ended(&client.until_end());
    assert_ne!(server_of(&mut pooler.client()), server);
}

/// Whoever logs in right behind it does not hear of it either.
#[test]
fn a_server_of_auth_query_that_is_ended_while_it_is_idle_is_nobody_s_business() {
    let database = Database::new();
    crate::require_passwords(&database);
    let place = Place::new();
    let users = place.path().join("users");
    fs::write(&users, format!("\"{}\" \"\"\n", database::ADMIN)).unwrap();
    let users = users.display().to_string();
    let settings = [
        ("pool_mode", "transaction"),
        ("auth_type", "scram-sha-256"),
        ("auth_file", users.as_str()),
        ("auth_user", database::ADMIN),
        (
            "auth_query",
            "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = $1",
        ),
    ];
    let pooler = Pooler::start(&database, &settings);
    let log_in = || scram::login(pooler.address, crate::SCRAMMED, crate::PASSWORD, &database.name);
    for _ in 0..10 {
        let (client, reply) = log_in();
        assert!(client.is_some(), "{}", reply.show());
        let asked =
            "FROM pg_stat_activity WHERE query LIKE 'SELECT rolname%' AND datname = current_database()";
        database.value(&format!("SELECT count(pg_terminate_backend(pid)) {asked}"));
        database.until("it to be gone", &format!("SELECT count(*) = 0 {asked}"));
    }
}

/// A PostgreSQL that no other test uses.
pub fn own_cluster() -> (TestCluster, Database) {
    let cluster = TestCluster::start();
    cluster.trust_everybody();
    let name = cluster.database().name;
    let address = ([127, 0, 0, 1], cluster.port()).into();
    (cluster, Database { name, address })
}

#[test]
fn a_server_that_is_killed_takes_all_others_with_it_and_everybody_hears_of_it() {
    // Given clients that work, that think in a transaction, that are idle, on a PostgreSQL of their own.
    let (_cluster, database) = own_cluster();
    let settings = [
        ("pool_mode", "transaction"),
        ("default_pool_size", "3"),
        ("server_login_retry", "0"),
    ];
    let pooler = Pooler::start(&database, &settings);
    let [mut works, mut thinks, mut idles] = [pooler.client(), pooler.client(), pooler.client()];
    thinks.run("BEGIN");
    works.run("BEGIN");
    idles.run("SELECT 1");
    let server = server_of(&mut works);
    works.send(&build::query("SELECT pg_sleep(600)")).unwrap();
    database.until_runs("pg_sleep");

    // When one server is killed: PostgreSQL ends all others and starts anew.
    kill(Pid::from_raw(server.parse().unwrap()), Signal::SIGKILL).unwrap();

    // Then those who had a server hear of it: in our words, as the killed one says nothing, or in PostgreSQL's.
    let reply = works.until_end();
    assert_eq!(reply.code().as_deref(), Some("08006"), "{}", reply.show());
    let reply = thinks.until_end();
    let code = reply.code().unwrap_or_default();
    assert!(["57P02", "08006"].contains(&code.as_str()), "{}", reply.show());

    // And who had none goes on, or is told that the server is away, until it is back.
    let mut client = Some(idles);
    eventually("PostgreSQL to be back", || {
        let mut asking = match client.take() {
            Some(client) => client,
            None => pooler.client_with(&[]).ok()?,
        };
        let reply = asking.query("SELECT 'right'");
        if reply.is_ready() {
            assert_eq!(reply.rows(), [["right"]]);
            return Some(());
        }
        let code = reply.code().unwrap_or_default();
        let known = ["57P02", "57P03", "08006", "08001"];
        assert!(known.contains(&code.as_str()), "{}", reply.show());
        None
    });
}
