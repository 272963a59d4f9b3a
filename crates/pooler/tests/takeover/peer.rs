//! A process of the pooler's own user that asks for everything and does not take it: this test binary once more.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use canvass_testkit::PATIENCE;
use nix::unistd::{User, getuid};

use crate::Pool;
use crate::support::build;

/// How the process is told what to do.
const ARGUMENTS: &str = "CANVASS_TEST_PEER";

/// Runs it, until it has ended in order.
pub fn run(pool: &Pool, deed: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "peer::peer", "--ignored"])
        .env(ARGUMENTS, format!("{} {deed}", pool.socket().display()))
        .stdout(Stdio::null());
    if getuid().is_root() {
        let nobody = User::from_name("nobody").unwrap().unwrap();
        command.uid(nobody.uid.as_raw()).gid(nobody.gid.as_raw());
    }
    assert!(command.status().unwrap().success(), "{deed}");
}

#[test]
#[ignore = "it is the process that other tests start"]
fn peer() {
    let arguments = std::env::var(ARGUMENTS).unwrap();
    let (path, deed) = arguments.split_once(' ').unwrap();
    let mut socket = UnixStream::connect(path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let startup = build::startup(&[("user", "pgbouncer"), ("database", "pgbouncer")]);
    socket.write_all(&startup).unwrap();
    until(&mut socket, b'Z');
    if deed == "speaks another version" {
        socket.write_all(&build::query("HAND_OVER 99")).unwrap();
        let refusal = until(&mut socket, b'E');
        assert!(refusal.contains("version 1"), "{refusal}");
        return;
    }
    socket.write_all(&build::query("HAND_OVER 1")).unwrap();
    until(&mut socket, b'C');
    if let Some(words) = deed.strip_prefix("says ") {
        socket.write_all(words.as_bytes()).unwrap();
    }
    if deed == "dies when it has everything" {
        while !frame(&mut socket).contains("\"End\"") {}
    }
}

/// Reads messages up to one of this type; its text.
fn until(socket: &mut UnixStream, last: u8) -> String {
    loop {
        let mut head = [0; 5];
        socket.read_exact(&mut head).unwrap();
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let text = text(socket, length as usize - 4);
        assert!(head[0] != b'E' || last == b'E', "{text}");
        if head[0] == last {
            return text;
        }
    }
}

/// Reads a message of the hand-over.
fn frame(socket: &mut UnixStream) -> String {
    let mut length = [0; 4];
    socket.read_exact(&mut length).unwrap();
    text(socket, u32::from_be_bytes(length) as usize)
}

fn text(socket: &mut UnixStream, length: usize) -> String {
    let mut body = vec![0; length];
    socket.read_exact(&mut body).unwrap();
    String::from_utf8_lossy(&body).into_owned()
}
