//! What becomes of servers whose `connect_query` fails.

use crate::support::{Database, Pooler};

fn start(connect_query: &str) -> (Database, Pooler) {
    let database = Database::new();
    let options = format!("connect_query='{connect_query}'");
    let pooler = Pooler::start_with(&database, &options, &[("pool_mode", "transaction")], "");
    (database, pooler)
}

#[test]
fn a_server_that_refuses_it_is_used_all_the_same() {
    let (_database, pooler) = start("SELECT 1 FROM nowhere");

    assert_eq!(pooler.client().value("SELECT 2"), "2");

    let log = pooler.log();
    let words = "connect_query failed: relation \"nowhere\" does not exist";
    let line = log.lines().find(|line| line.contains(words));
    assert!(line.is_some_and(|line| line.contains(" WARNING ")), "{log}");
}

#[test]
fn a_server_is_not_used_that_it_leaves_in_a_transaction() {
    let (_database, pooler) = start("BEGIN; SELECT 1 FROM nowhere");

    let refused = pooler.client_with(&[]).err().unwrap();

    assert!(
        refused.message().contains("connect_query failed"),
        "{}",
        refused.show()
    );
}

#[test]
fn a_server_is_not_used_that_it_ends() {
    let (_database, pooler) = start("SELECT pg_terminate_backend(pg_backend_pid())");

    let refused = pooler.client_with(&[]).err().unwrap();

    assert!(
        refused.message().contains("connect_query failed"),
        "{}",
        refused.show()
    );
}
