//! A server that says whatever a test has it say.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use super::build;

/// Listens on a free port; every connection is a thread with the script, and ends with it.
pub fn start(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let script = Arc::new(script);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let script = script.clone();
            std::thread::spawn(move || {
                let _ = stream.set_nodelay(true);
                script(&mut Peer(stream));
            });
        }
    });
    address
}

/// The pooler, seen from a server.
pub struct Peer(TcpStream);

impl Peer {
    /// The next packet of its, without its length: the start-up message, or a message with its type in front. `None`
    /// when it has gone.
    pub fn packet(&mut self, typed: bool) -> Option<Vec<u8>> {
        let mut packet = vec![0; usize::from(typed)];
        self.0.read_exact(&mut packet).ok()?;
        let mut length = [0; 4];
        self.0.read_exact(&mut length).ok()?;
        let mut body = vec![0; (u32::from_be_bytes(length) as usize).saturating_sub(4)];
        self.0.read_exact(&mut body).ok()?;
        packet.extend(body);
        Some(packet)
    }

    /// Says something; false when nobody listens.
    pub fn say(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    /// Lets it in without asking for anything.
    pub fn welcome(&mut self) -> bool {
        self.packet(false).is_some() && self.say(&welcome())
    }

    /// Waits until it goes.
    pub fn until_gone(&mut self) {
        while self.0.read(&mut [0; 4096]).is_ok_and(|n| n > 0) {}
    }
}

/// What a server says that lets somebody in.
pub fn welcome() -> Vec<u8> {
    let mut all = build::raw(b'R', &0_u32.to_be_bytes());
    let settings = [
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO, MDY"),
        ("TimeZone", "UTC"),
        ("standard_conforming_strings", "on"),
        ("server_version", "15.0"),
    ];
    for (name, value) in settings {
        all.extend(build::raw(b'S', format!("{name}\0{value}\0").as_bytes()));
    }
    all.extend(build::raw(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]));
    all.extend(ready());
    all
}

/// ReadyForQuery outside a transaction.
pub fn ready() -> Vec<u8> {
    build::raw(b'Z', b"I")
}

/// The reply to a query of one row and column.
pub fn one_row(value: &str) -> Vec<u8> {
    let mut all = build::raw(
        b'T',
        b"\0\x01a\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0",
    );
    let mut row = vec![0, 1];
    row.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
    row.extend(value.as_bytes());
    all.extend(build::raw(b'D', &row));
    all.extend(build::raw(b'C', b"SELECT 1\0"));
    all.extend(ready());
    all
}
