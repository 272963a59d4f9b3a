//! Who cannot go over, and is told.

use crate::Pool;
use crate::support::Wire;
use crate::world::{client, restart};

#[test]
fn a_login_that_does_not_end_is_told_and_does_not_hold_the_others() {
    let mut pool = Pool::start("");
    let mut silent = Wire::connect(pool.address());
    let mut idle = client(&pool);

    restart(&mut pool);

    assert_eq!(idle.value("SELECT 1"), "1");
    assert_eq!(silent.until_end().code().as_deref(), Some("57P01"));
    let words = "took over 1 clients, 1 servers; 0 TLS clients and 1 others were told to reconnect";
    assert!(pool.log().contains(words), "{}", pool.log());
}

#[test]
fn a_database_that_the_new_configuration_does_not_have_is_told() {
    let mut pool = Pool::start("");
    let mut client = client(&pool);
    client.run("BEGIN");
    let ini = std::fs::read_to_string(pool.file("pgbouncer.ini")).unwrap();
    std::fs::write(pool.file("pgbouncer.ini"), ini.replace("\napp = ", "\nother = ")).unwrap();

    restart(&mut pool);

    let reply = client.until_end();
    assert_eq!(reply.message(), "database removed");
}

#[test]
fn servers_of_another_place_are_not_used_again() {
    // Given a transaction, and a new configuration with another database behind the name.
    let mut pool = Pool::start("");
    let (mut busy, mut idle) = (client(&pool), client(&pool));
    busy.run("BEGIN");
    let before = busy.value("SELECT current_database()");
    assert_eq!(idle.value("SELECT current_database()"), before);
    let other = canvass_testkit::shared_cluster().database();
    let ini = std::fs::read_to_string(pool.file("pgbouncer.ini")).unwrap();
    let ini = ini.replace(&format!("dbname={before}"), &format!("dbname={}", other.name));
    std::fs::write(pool.file("pgbouncer.ini"), ini).unwrap();

    restart(&mut pool);

    assert_eq!(
        busy.value("SELECT current_database()"),
        before,
        "to the end of its transaction"
    );
    assert_eq!(idle.value("SELECT current_database()"), other.name);
    busy.run("COMMIT");
    assert_eq!(busy.value("SELECT current_database()"), other.name);
}
