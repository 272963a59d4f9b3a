//! A private cluster from its making to its end.

#![allow(clippy::unwrap_used)] // helpers too: a panic there is the failure's message

mod support;

use std::fs;

use canvass_stack::{Mode, Role};
use support::{Place, connect, connect_to, mode, processes_in, show};

#[tokio::test]
async fn what_was_written_is_there_after_a_stop_and_a_start() {
    let place = Place::new();
    let cluster = place.started().await;
    let client = connect(&cluster, Role::Application).await;
    client
        .batch_execute("CREATE SCHEMA w; CREATE TABLE w.kept (n int); INSERT INTO w.kept VALUES (42)")
        .await
        .unwrap();
    let port = cluster.port();
    cluster.stop(Mode::Fast).await.unwrap();
    assert_eq!(processes_in(&place.dir()), [] as [i32; 0]);
    drop(cluster);

    let again = place.started().await;

    let client = connect(&again, Role::Application).await;
    let kept: i32 = client
        .query_one("SELECT n FROM w.kept", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(kept, 42);
    assert_eq!(again.port(), port, "the port is remembered");
    again.stop(Mode::Fast).await.unwrap();
}

#[tokio::test]
async fn settings_that_durability_and_privacy_need_are_in_force() {
    let place = Place::new();
    let cluster = place.started().await;
    let client = connect(&cluster, Role::Admin).await;
    for (setting, value) in [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("listen_addresses", "127.0.0.1"),
        ("password_encryption", "scram-sha-256"),
        ("log_error_verbosity", "terse"),
        ("log_statement", "none"),
        ("log_min_error_statement", "panic"),
        ("log_min_duration_statement", "-1"),
        ("log_parameter_max_length", "0"),
        ("log_parameter_max_length_on_error", "0"),
        ("checkpoint_completion_target", "0.9"),
        ("jit", "off"),
    ] {
        assert_eq!(show(&client, setting).await, value, "{setting}");
    }
    let unread = "SELECT count(*) FROM pg_file_settings WHERE error IS NOT NULL";
    assert_eq!(client.query_one(unread, &[]).await.unwrap().get::<_, i64>(0), 0);
    assert!(["lz4", "pglz", "on"].contains(&show(&client, "wal_compression").await.as_str()));
    let locale = "SELECT datcollate FROM pg_database WHERE datname = 'canvass'";
    assert_eq!(
        client.query_one(locale, &[]).await.unwrap().get::<_, String>(0),
        "C.UTF-8"
    );
    cluster.stop(Mode::Fast).await.unwrap();
}

#[tokio::test]
async fn secrets_are_the_owners_and_a_password_is_always_asked_for() {
    let place = Place::new();
    let cluster = place.started().await;
    assert_eq!(mode(place.dir().join("secrets")), 0o700);
    assert_eq!(mode(place.dir().join("secrets/canvass")), 0o600);
    assert_eq!(mode(place.dir().join("secrets/canvass_admin")), 0o600);
    assert_eq!(mode(place.dir().join("postgres")), 0o700);

    connect_to(&cluster.tcp_url(Role::Application, "canvass").unwrap()).await;
    for url in [
        cluster.url(Role::Application, "canvass"),
        cluster.tcp_url(Role::Application, "canvass"),
    ] {
        let url = url.unwrap();
        let (before, _) = url.split_once("canvass:").unwrap();
        let (_, after) = url.split_once('@').unwrap();
        let wrong =
            tokio_postgres::connect(&format!("{before}canvass:wrong@{after}"), tokio_postgres::NoTls).await;
        assert!(wrong.is_err(), "a wrong password opened {after}");
    }
    let client = connect(&cluster, Role::Application).await;
    let superuser = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user";
    assert!(!client.query_one(superuser, &[]).await.unwrap().get::<_, bool>(0));
    cluster.stop(Mode::Fast).await.unwrap();
}

#[tokio::test]
async fn a_violated_constraint_leaves_no_value_in_the_log() {
    let place = Place::new();
    let cluster = place.started().await;
    let client = connect(&cluster, Role::Application).await;
    client
        .batch_execute(
            "CREATE SCHEMA w; CREATE TABLE w.t (a text PRIMARY KEY CHECK (length(a) > 3), b text NOT NULL)",
        )
        .await
        .unwrap();
    let insert = "INSERT INTO w.t VALUES ($1, $2)";
    let secret = "hunter2-secret-answer";
    client.execute(insert, &[&secret, &secret]).await.unwrap();

    let errors = [
        client.execute(insert, &[&secret, &secret]).await.unwrap_err(),
        client.execute(insert, &[&"h2s", &secret]).await.unwrap_err(),
        client
            .execute(insert, &[&"hunter2-other", &None::<String>])
            .await
            .unwrap_err(),
        client
            .batch_execute("INSERT INTO w.t VALUES ('hunter2-secret-answer', 'hunter2')")
            .await
            .unwrap_err(),
        client
            .batch_execute("SELECT 'hunter2-secret-answer' FROM w.missing")
            .await
            .unwrap_err(),
    ];
    let said = errors
        .iter()
        .map(|e| e.as_db_error().and_then(|e| e.detail()).unwrap_or_default());
    assert!(
        said.collect::<String>().contains("hunter2"),
        "the client does see the details"
    );
    cluster.stop(Mode::Fast).await.unwrap();

    let logs = place.logs();
    assert!(
        logs.contains("duplicate key value violates unique constraint"),
        "{logs}"
    );
    assert!(!logs.contains("hunter2") && !logs.contains("h2s"), "{logs}");
}

#[tokio::test]
async fn a_making_that_was_cut_off_is_done_again() {
    let place = Place::new();
    drop(place.open().await);
    fs::rename(place.dir().join("postgres"), place.dir().join("postgres.new")).unwrap();
    fs::remove_file(place.dir().join("postgres.new/PG_VERSION")).unwrap();

    let cluster = place.started().await;

    assert!(!place.dir().join("postgres.new").exists());
    cluster.stop(Mode::Fast).await.unwrap();
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_still_works() {
    let place = Place::new();
    let config = place.config();
    let dir = place.root().join("x".repeat(60)).join("y".repeat(60));
    let cluster = canvass_stack::Cluster::create_or_open(canvass_stack::ClusterConfig { dir, ..config })
        .await
        .unwrap();
    cluster.start_ready().await.unwrap();

    connect(&cluster, Role::Application).await;

    let sockets = cluster.socket_dir();
    assert!(sockets.as_os_str().len() < 60, "{}", sockets.display());
    assert_eq!(mode(&sockets), 0o700);
    cluster.stop(Mode::Fast).await.unwrap();
    assert!(!sockets.exists());
}

#[tokio::test]
async fn a_busy_port_is_passed_over_unless_it_was_asked_for() {
    let place = Place::new();
    let cluster = place.started().await;
    let port = cluster.port();
    cluster.stop(Mode::Fast).await.unwrap();
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();

    cluster.start_ready().await.unwrap();
    assert_ne!(cluster.port(), port);
    cluster.stop(Mode::Fast).await.unwrap();
    drop(cluster);

    let config = canvass_stack::ClusterConfig {
        port: Some(port),
        ..place.config()
    };
    let asked = canvass_stack::Cluster::create_or_open(config).await.unwrap();
    let refused = asked.start().await.unwrap_err().to_string();
    assert!(
        refused.contains(&format!("127.0.0.1:{port}: already in use")),
        "{refused}"
    );
}
