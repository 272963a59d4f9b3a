//! Databases, users and peers.

use std::time::Duration;

use super::{problem, read};
use crate::config::{Config, Database, LoadBalanceHosts, PoolMode, Secret, User};

#[test]
fn a_database_says_all_that_it_may() {
    let config = read(
        "[databases]\nsurvey = host=db1,db2 port=5433 dbname=s user=u password='p w' auth_user=au \
         auth_query='SELECT 1, 2' auth_dbname=postgres pool_size=5 min_pool_size=1 reserve_pool_size=2 \
         max_db_connections=9 max_db_client_connections=90 pool_mode=Transaction server_lifetime=60 \
         load_balance_hosts=disable connect_query='SET x TO ''y''' client_encoding=UTF8 datestyle=ISO timezone=UTC \
         application_name=app\n",
    );
    let expected = Database {
        name: "survey".to_owned(),
        host: vec!["db1".to_owned(), "db2".to_owned()],
        port: 5433,
        dbname: Some("s".to_owned()),
        user: Some("u".to_owned()),
        password: Some(Secret::new("p w")),
        auth_user: Some("au".to_owned()),
        auth_query: Some("SELECT 1, 2".to_owned()),
        auth_dbname: Some("postgres".to_owned()),
        pool_size: Some(5),
        min_pool_size: Some(1),
        reserve_pool_size: Some(2),
        max_db_connections: Some(9),
        max_db_client_connections: Some(90),
        pool_mode: Some(PoolMode::Transaction),
        server_lifetime: Some(Duration::from_secs(60)),
        load_balance_hosts: LoadBalanceHosts::Disable,
        connect_query: Some("SET x TO 'y'".to_owned()),
        client_encoding: Some("UTF8".to_owned()),
        datestyle: Some("ISO".to_owned()),
        timezone: Some("UTC".to_owned()),
        application_name: Some("app".to_owned()),
    };
    assert_eq!(config.databases["survey"], expected);
}

#[test]
fn what_a_database_does_not_say_is_left_to_the_settings() {
    let config =
        read("[databases]\na =\nb = pool_size=-1 min_pool_size=0 reserve_pool=3 server_lifetime=-1\n");
    assert_eq!(
        config.databases["a"],
        Database {
            name: "a".to_owned(),
            port: 5432,
            ..Database::default()
        }
    );
    let b = &config.databases["b"];
    assert_eq!(
        (b.pool_size, b.min_pool_size, b.reserve_pool_size),
        (None, Some(0), Some(3))
    );
    assert_eq!(b.server_lifetime, None);
}

#[test]
fn the_entry_for_all_others_stands_apart_and_is_read_at_once() {
    let config = read("[databases]\na = host=x\n* = host=y auth_user=z\n");
    assert_eq!(config.databases.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(config.any_database.unwrap().host, ["y"]);
    assert_eq!(
        problem("[databases]\n* = host=y pool_siz=3"),
        "pgbouncer.ini:2: *: unknown setting \"pool_siz\" in [databases], did you mean \"pool_size\"?"
    );
}

#[test]
fn the_console_is_no_database_of_ours() {
    assert_eq!(
        problem("[databases]\npgbouncer = host=x"),
        "pgbouncer.ini:2: the database pgbouncer is the console and cannot be set; give it another name"
    );
}

#[test]
fn a_wrong_value_names_database_key_and_value() {
    assert_eq!(
        problem("[databases]\na = host=x port=0"),
        "pgbouncer.ini:2: a: port = 0: it must be a whole number from 1 to 65535"
    );
    assert_eq!(
        problem("[databases]\na = host=x pool_size=many"),
        "pgbouncer.ini:2: a: pool_size = many: it must be a whole number from 0 to 2147483647"
    );
    assert_eq!(
        problem("[databases]\na = target_session_attrs=primary"),
        "pgbouncer.ini:2: a: target_session_attrs is not supported: it came with pgbouncer 1.26, and this pooler follows \
         1.25; remove it"
    );
}

#[test]
fn a_user_says_all_that_it_may() {
    let config = read(
        "[users]\nu = pool_mode=statement pool_size=1 reserve_pool_size=2 max_user_connections=3 \
         max_user_client_connections=4 query_timeout=5 idle_transaction_timeout=6.5 transaction_timeout=7 \
         client_idle_timeout=0\nv =\n",
    );
    let expected = User {
        name: "u".to_owned(),
        pool_mode: Some(PoolMode::Statement),
        pool_size: Some(1),
        reserve_pool_size: Some(2),
        max_user_connections: Some(3),
        max_user_client_connections: Some(4),
        query_timeout: Some(Duration::from_secs(5)),
        idle_transaction_timeout: Some(Duration::from_millis(6500)),
        transaction_timeout: Some(Duration::from_secs(7)),
        client_idle_timeout: Some(Duration::ZERO),
    };
    assert_eq!(config.users["u"], expected);
    assert_eq!(
        config.users["v"],
        User {
            name: "v".to_owned(),
            ..User::default()
        }
    );
    assert_eq!(
        problem("[users]\nu = pool_mode=session max_db_connections=1"),
        "pgbouncer.ini:2: u: unknown setting \"max_db_connections\" in [users], did you mean \"max_user_connections\"?"
    );
}

#[test]
fn peers_have_a_number_and_a_host() {
    let config = read("[peers]\n1 = host=/tmp/one\n2 = host=h port=7 pool_size=8\n");
    let one = &config.peers[&1];
    assert_eq!(
        (one.id, one.host.as_str(), one.port, one.pool_size),
        (1, "/tmp/one", 6432, None)
    );
    let two = &config.peers[&2];
    assert_eq!(
        (two.id, two.host.as_str(), two.port, two.pool_size),
        (2, "h", 7, Some(8))
    );
    for id in ["0", "16384", "x"] {
        assert_eq!(
            problem(&format!("[peers]\n{id} = host=h")),
            format!("pgbouncer.ini:2: peer {id}: it must be a peer_id from 1 to 16383")
        );
    }
    assert_eq!(
        problem("[peers]\n3 = port=1"),
        "pgbouncer.ini:2: peer 3: there is no host=; say where it is"
    );
}

#[test]
fn a_password_without_a_user_is_in_vain() {
    let loaded = Config::parse("[databases]\na = host=x password=geheim\n").unwrap();
    assert_eq!(
        loaded.warnings,
        ["database a: password= has no effect without user="]
    );
}
