use std::io::{Read, Write};
use std::net::TcpStream;

use super::Pool;
use super::pool::{Setting, free_port};

/// Sends bytes; head and body of the answer.
fn ask(port: u16, request: &str) -> (String, String) {
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.to_owned(), body.to_owned())
}

fn get(port: u16, path: &str) -> (String, String) {
    ask(port, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

fn start() -> (Pool, u16) {
    let port = free_port();
    let setting = Setting::new("", &format!("[canvass]\nmetrics_listen = 127.0.0.1:{port}\n"));
    (Pool::start_in(setting), port)
}

#[test]
fn prometheus_gets_what_the_console_shows() {
    let (pool, port) = start();
    let mut client = pool.client();
    client.run("BEGIN");
    client.run("COMMIT");
    client.run("BEGIN");

    let (head, body) = get(port, "/metrics?x=1");

    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("Content-Type: text/plain; version=0.0.4"), "{head}");
    assert!(
        head.contains(&format!("Content-Length: {}\r\n", body.len())),
        "{head}"
    );
    let of = "database=\"app\",user=\"canvass\"";
    for line in [
        format!("canvass_pool_clients{{{of},state=\"active\"}} 1"),
        format!("canvass_pool_servers{{{of},state=\"active\"}} 1"),
        format!("canvass_pool_servers{{{of},state=\"idle\"}} 0"),
        format!("canvass_pool_transactions_total{{{of}}} 1"),
        format!("canvass_pool_queries_total{{{of}}} 3"),
        "canvass_pool_client_connections 1".to_owned(),
        "canvass_pool_client_connections_limit 100".to_owned(),
        "canvass_pool_paused 0".to_owned(),
        "canvass_pool_database_paused{database=\"app\"} 0".to_owned(),
    ] {
        assert!(
            body.lines().any(|found| found == line),
            "{line} is missing in\n{body}"
        );
    }
    let password = pool
        .database
        .url
        .split(':')
        .nth(2)
        .unwrap()
        .split('@')
        .next()
        .unwrap();
    assert!(!body.contains(password));
}

#[test]
fn every_family_is_introduced_once_and_every_figure_is_one() {
    let (pool, port) = start();
    pool.client().run("SELECT 1");

    let (_, body) = get(port, "/metrics");

    let mut family = String::new();
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert!(
                kind == "gauge" || (kind == "counter" && name.ends_with("_total")),
                "{line}"
            );
            assert_eq!(body.matches(&format!("# TYPE {name} ")).count(), 1);
            name.clone_into(&mut family);
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(name.split('{').next().unwrap(), family, "{line}");
            assert!(value.parse::<f64>().is_ok_and(|value| value >= 0.0), "{line}");
        }
    }
}

#[test]
fn anything_but_a_get_is_refused_and_nothing_is_read_without_end() {
    let (_pool, port) = start();

    assert!(get(port, "/").0.starts_with("HTTP/1.1 404 "));
    assert!(
        ask(port, "POST /metrics HTTP/1.1\r\n\r\n")
            .0
            .starts_with("HTTP/1.1 405 ")
    );
    assert!(ask(port, "hello\r\n\r\n").0.starts_with("HTTP/1.1 400 "));
    let (head, body) = ask(port, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty());
    let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let endless = "x".repeat(1 << 20);
    let _ = socket.write_all(endless.as_bytes());
    let mut nothing = Vec::new();
    let _ = socket.read_to_end(&mut nothing);
    assert!(nothing.is_empty(), "no answer to a head of a megabyte");
}

#[test]
fn health_ends_when_the_end_begins() {
    let (pool, port) = start();
    let client = pool.client();
    assert_eq!(get(port, "/healthz"), get(port, "/healthz"));
    assert!(get(port, "/healthz").0.starts_with("HTTP/1.1 200 "));

    pool.signal(nix::sys::signal::Signal::SIGTERM);
    pool.until_logged("waiting for all clients");

    let (head, body) = get(port, "/healthz");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    assert_eq!(body, "shutting down\n");
    drop(client);
}
