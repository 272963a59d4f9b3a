//! Several processes behind one port: cancel requests find the one that they are for.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use canvass_testkit::{PATIENCE, eventually};

use super::pool::{Setting, USER, free_port};
use super::{Client, Pool};

/// A directory for a Unix socket, or an address.
enum At {
    Unix(PathBuf),
    Tcp(u16),
}

impl At {
    fn entry(&self, port: u16) -> String {
        match self {
            Self::Unix(dir) => format!("host={} port={port}", dir.display()),
            Self::Tcp(port) => format!("host=127.0.0.1 port={port}"),
        }
    }
}

/// A configuration as peer `id`, with these peers.
fn write(setting: &Setting, id: u32, peers: &[(u32, &At)], more: &str) {
    let peers: String = peers
        .iter()
        .map(|(id, at)| format!("{id} = {}\n", at.entry(setting.port)))
        .collect();
    let settings = format!("so_reuseport = 1\npeer_id = {id}\nverbose = 1\n{more}");
    setting.write(&settings, &format!("[peers]\n{peers}"));
}

fn dir(setting: &Setting) -> At {
    At::Unix(setting.file("pid").parent().unwrap().to_owned())
}

/// Two processes on one port, each other's peers by their Unix sockets.
fn two_on_one_port() -> [Pool; 2] {
    let (one, mut two) = (Setting::new("", ""), Setting::new("", ""));
    two.port = one.port;
    let places = [dir(&one), dir(&two)];
    for (id, setting) in [(1, &one), (2, &two)] {
        write(setting, id, &[(1, &places[0]), (2, &places[1])], "");
    }
    [one, two].map(Pool::start_in)
}

/// Which process a client is with.
fn peer_of(client: &Client) -> usize {
    usize::from(u16::from_be_bytes([client.key[0], client.key[1]]))
}

/// Sends a packet and waits until the other side closes.
fn send(mut socket: impl Read + Write, packet: &[u8]) {
    socket.write_all(packet).unwrap();
    let mut rest = Vec::new();
    let _ = socket.read_to_end(&mut rest);
}

fn send_tcp(address: SocketAddr, packet: &[u8]) {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    send(socket, packet);
}

fn send_unix(pool: &Pool, packet: &[u8]) {
    let socket = UnixStream::connect(pool.socket()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    send(socket, packet);
}

/// Has a client's query run.
fn fall_asleep(pool: &Pool, client: &mut Client, mark: &str) {
    client.ask(&format!("SELECT pg_sleep(600) -- {mark}"));
    let sql =
        format!("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%-- {mark}'");
    eventually("the query", || (pool.database.value(&sql) == "1").then_some(()));
}

#[test]
fn a_cancel_request_finds_its_query_whichever_process_it_comes_to() {
    let pools = two_on_one_port();
    // Given clients of both processes, by the one port that both listen on.
    let mut clients: Vec<Client> = Vec::new();
    eventually("clients of both", || {
        clients.push(pools[0].client());
        let with = |peer| clients.iter().filter(|client| peer_of(client) == peer).count();
        (with(1) > 0 && with(2) > 0).then_some(())
    });
    let wrong = |client: &Client| &pools[2 - peer_of(client)];

    for (n, client) in clients.iter_mut().enumerate() {
        fall_asleep(&pools[0], client, &format!("first{n}"));
        // Then the request that comes to the wrong one is passed on,
        send_unix(wrong(client), &client.cancel_request());
        assert_eq!(client.reply().errors[0].0, "57014");
        // and one that comes by the port arrives, wherever the kernel sends it.
        fall_asleep(&pools[0], client, &format!("second{n}"));
        send_tcp(pools[0].address(), &client.cancel_request());
        assert_eq!(client.reply().errors[0].0, "57014");
        assert_eq!(client.run("SELECT 1"), "SELECT 1");
    }
}

#[test]
fn peers_may_be_reached_by_tcp() {
    let (one, two) = (Setting::new("", ""), Setting::new("", ""));
    let places = [At::Tcp(one.port), At::Tcp(two.port)];
    for (id, setting) in [(1, &one), (2, &two)] {
        write(setting, id, &[(1, &places[0]), (2, &places[1])], "");
    }
    let pools = [one, two].map(Pool::start_in);
    let mut client = pools[0].client();
    fall_asleep(&pools[0], &mut client, "mark");

    send_tcp(pools[1].address(), &client.cancel_request());

    assert_eq!(client.reply().errors[0].0, "57014");
}

#[test]
fn a_peer_that_is_down_is_complained_of_and_nothing_else_happens() {
    let pools = two_on_one_port();
    let [mut one, mut two] = pools;
    let lost = Client::unix(&one.socket(), USER, "app").unwrap();
    one.process.kill().unwrap();
    one.process.wait().unwrap();
    let mut client = Client::unix(&two.socket(), USER, "app").unwrap();
    client.run("BEGIN");

    send_unix(&two, &lost.cancel_request());

    two.until_logged("WARNING cancel request for peer 1: connect failed");
    assert!(two.process.try_wait().unwrap().is_none());
    assert_eq!(client.run("COMMIT"), "COMMIT");
}

#[test]
fn a_request_does_not_go_round_among_peers_that_are_configured_wrongly() {
    // Given two processes of which each takes the other for the third.
    let (one, two) = (Setting::new("", ""), Setting::new("", ""));
    let places = [At::Tcp(one.port), At::Tcp(two.port)];
    write(&one, 1, &[(3, &places[1])], "");
    write(&two, 2, &[(3, &places[0])], "");
    let pools = [one, two].map(Pool::start_in);
    let mut packet = 16_u32.to_be_bytes().to_vec();
    packet.extend([4, 210, 22, 46]);
    packet.extend([0, 3, 1, 1, 7, 7, 7, 7]);

    send_tcp(pools[0].address(), &packet);

    let logs = || pools.iter().map(|pool| pool.log()).collect::<String>();
    eventually("the end of it", || {
        logs()
            .contains("was passed on too often: check [peers]")
            .then_some(())
    });
    // Three times it is passed on, as pgbouncer does it, and then no more.
    assert_eq!(logs().matches(" cancel request\n").count(), 4, "{}", logs());
}

#[test]
fn a_cancel_request_of_a_peer_that_nobody_knows_goes_nowhere() {
    let setting = Setting::new("", "");
    write(&setting, 1, &[(2, &At::Tcp(free_port()))], "");
    let pool = Pool::start_in(setting);
    let mut packet = 16_u32.to_be_bytes().to_vec();
    packet.extend([4, 210, 22, 46]);
    packet.extend([0, 9, 1, 1, 7, 7, 7, 7]);

    send_tcp(pool.address(), &packet);

    pool.until_logged("cancel request for unknown peer 9");
}
