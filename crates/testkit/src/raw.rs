//! Requests byte by byte: for what a well-behaved client does not do, or not at that moment.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::{PATIENCE, Reply, eventually};

/// A connection on which requests are written and replies read, each when the test says so.
pub struct Raw {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Raw {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            stream,
            received: vec![],
        }
    }

    /// Connects and writes a save; its reply is read later.
    pub fn save(address: SocketAddr, token: &str, stamp: i64, page: &str, answers: &Value) -> Self {
        let mut raw = Self::connect(address);
        raw.write(&save_request(token, stamp, page, answers));
        raw
    }

    /// Writes all of it.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Writes all of it, unless the connection has ended.
    ///
    /// # Errors
    /// The connection's.
    pub fn try_write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next reply; `None` when the connection ended without one.
    pub fn reply(&mut self) -> Option<Reply> {
        let mut piece = [0; 4096];
        loop {
            if let Some((reply, length)) = parse_reply(&self.received) {
                self.received.drain(..length);
                return Some(reply);
            }
            match self.stream.read(&mut piece) {
                Ok(0) => return None,
                Ok(n) => self.received.extend_from_slice(&piece[..n]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return None,
                Err(e) => panic!("no reply: {e}"),
            }
        }
    }
}

/// The bytes of a save.
pub fn save_request(token: &str, stamp: i64, page: &str, answers: &Value) -> Vec<u8> {
    let body = json!({ "stamp": stamp, "page": page, "answers": answers }).to_string();
    let length = body.len();
    format!(
        "POST /api/v1/saves HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

/// A whole reply at the beginning of `bytes`, and its length. Bodies must have a `Content-Length`.
pub(crate) fn parse_reply(bytes: &[u8]) -> Option<(Reply, usize)> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let body = bytes.get(end + 4..end + 4 + length)?;
    let text = String::from_utf8_lossy(body).into_owned();
    let reply = Reply {
        status,
        headers,
        text,
    };
    Some((reply, end + 4 + length))
}

/// Waits until the process that listens on `address` has at least `connections` open there and has read everything
/// that was sent to it.
pub fn until_read(address: SocketAddr, connections: usize) {
    let port = format!(":{:04X}", address.port());
    eventually("the requests to be read", || {
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        // Columns: number, local address, remote address, state (01 is established), tx_queue:rx_queue.
        let open: Vec<Vec<&str>> = table
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|columns| columns[1].ends_with(&port) && columns[3] == "01")
            .collect();
        let read = open.iter().all(|columns| columns[4].ends_with(":00000000"));
        (read && open.len() >= connections).then_some(())
    });
}
