//! A client of the simple query protocol that can wait for its answers apart from asking.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;

use canvass_testkit::PATIENCE;

trait Socket: Read + Write + Send {
    fn set_waiting(&self, waits: bool);
}

impl Socket for TcpStream {
    fn set_waiting(&self, waits: bool) {
        self.set_nonblocking(!waits).unwrap();
    }
}

impl Socket for UnixStream {
    fn set_waiting(&self, waits: bool) {
        self.set_nonblocking(!waits).unwrap();
    }
}

/// A logged-in client; dropped, it closes without a word.
pub struct Client {
    socket: Box<dyn Socket>,
    /// Process id and secret.
    pub key: Vec<u8>,
    /// Reported settings.
    pub settings: Vec<(String, String)>,
}

/// What a query brought, up to ReadyForQuery or the connection's end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Names and types' object ids.
    pub columns: Vec<(String, u32)>,
    pub rows: Vec<Vec<Option<String>>>,
    /// Tags of commands.
    pub tags: Vec<String>,
    /// SQLSTATEs and messages of errors.
    pub errors: Vec<(String, String)>,
    /// Messages and details of notices.
    pub notices: Vec<(String, String)>,
    /// An empty query was answered.
    pub empty: bool,
    /// The connection ended.
    pub ended: bool,
}

impl Reply {
    /// The values of a column.
    pub fn column(&self, name: &str) -> Vec<&str> {
        let at = self.columns.iter().position(|(column, _)| column == name);
        let at = at.unwrap_or_else(|| panic!("no column {name} in {:?}", self.columns));
        self.rows
            .iter()
            .map(|row| row[at].as_deref().unwrap_or("NULL"))
            .collect()
    }

    /// The value of a column in the row that has `of` in the column `by`.
    pub fn value(&self, by: &str, of: &str, name: &str) -> &str {
        let at = self.column(by).iter().position(|value| *value == of);
        self.column(name)[at.unwrap_or_else(|| panic!("no {of} in {:?}", self.rows))]
    }
}

impl Client {
    pub fn tcp(address: SocketAddr, user: &str, database: &str) -> Result<Self, Box<Reply>> {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::login(Box::new(socket), user, database)
    }

    pub fn unix(path: &Path, user: &str, database: &str) -> Result<Self, Box<Reply>> {
        let socket = UnixStream::connect(path).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::login(Box::new(socket), user, database)
    }

    /// With further start-up parameters.
    pub fn tcp_with(
        address: SocketAddr,
        user: &str,
        database: &str,
        parameters: &str,
    ) -> Result<Self, Box<Reply>> {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self::login_with(Box::new(socket), user, database, parameters)
    }

    fn login(socket: Box<dyn Socket>, user: &str, database: &str) -> Result<Self, Box<Reply>> {
        Self::login_with(socket, user, database, "")
    }

    fn login_with(
        socket: Box<dyn Socket>,
        user: &str,
        database: &str,
        parameters: &str,
    ) -> Result<Self, Box<Reply>> {
        let mut client = Self {
            socket,
            key: vec![],
            settings: vec![],
        };
        let mut packet = vec![0, 3, 0, 0];
        packet.extend(format!("user\0{user}\0database\0{database}\0{parameters}\0").bytes());
        client.send_untyped(&packet);
        let reply = client.reply();
        if reply.ended || !reply.errors.is_empty() {
            Err(Box::new(reply))
        } else {
            Ok(client)
        }
    }

    fn send_untyped(&mut self, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).unwrap();
        self.socket
            .write_all(&[&length.to_be_bytes(), body].concat())
            .unwrap();
    }

    /// Sends a message of any kind.
    pub fn send(&mut self, kind: u8, body: &[u8]) {
        let length = u32::try_from(body.len() + 4).unwrap();
        self.socket
            .write_all(&[&[kind], &length.to_be_bytes()[..], body].concat())
            .unwrap();
    }

    /// Sends a query without waiting for its reply.
    pub fn ask(&mut self, sql: &str) {
        self.send(b'Q', format!("{sql}\0").as_bytes());
    }

    /// Reads up to ReadyForQuery or the end.
    pub fn reply(&mut self) -> Reply {
        let mut reply = Reply::default();
        loop {
            let Some((kind, body)) = self.message() else {
                reply.ended = true;
                return reply;
            };
            match kind {
                b'Z' => return reply,
                b'T' => reply.columns = columns(&body),
                b'D' => reply.rows.push(row(&body)),
                b'C' => reply.tags.push(text(&body)),
                b'I' => reply.empty = true,
                b'E' => reply.errors.push((field(&body, b'C'), field(&body, b'M'))),
                b'N' => reply.notices.push((field(&body, b'M'), field(&body, b'D'))),
                b'K' => self.key = body,
                b'S' => {
                    let (name, value) = text(&body)
                        .split_once('\0')
                        .map(|(a, b)| (a.into(), b.into()))
                        .unwrap();
                    self.settings.push((name, value));
                }
                b'R' => {}
                other => panic!("unexpected {}", char::from(other)),
            }
        }
    }

    pub fn query(&mut self, sql: &str) -> Reply {
        self.ask(sql);
        self.reply()
    }

    /// Runs something that must succeed, and gives its last tag.
    pub fn run(&mut self, sql: &str) -> String {
        let reply = self.query(sql);
        assert_eq!(reply.errors, [], "{sql}");
        reply.tags.last().cloned().unwrap_or_default()
    }

    /// Runs something that must fail: SQLSTATE and message.
    pub fn fail(&mut self, sql: &str) -> (String, String) {
        let reply = self.query(sql);
        reply
            .errors
            .first()
            .cloned()
            .unwrap_or_else(|| panic!("{sql} did not fail: {reply:?}"))
    }

    /// True when nothing has come that was not read.
    pub fn is_silent(&mut self) -> bool {
        self.socket.set_waiting(false);
        let mut byte = [0];
        let read = self.socket.read(&mut byte);
        self.socket.set_waiting(true);
        matches!(read, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }

    /// The cancel request for this client, ready to be sent over another connection.
    pub fn cancel_request(&self) -> Vec<u8> {
        let mut packet = u32::try_from(8 + self.key.len()).unwrap().to_be_bytes().to_vec();
        packet.extend([4, 210, 22, 46]);
        packet.extend(&self.key);
        packet
    }

    fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.socket.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; length as usize - 4];
        self.socket.read_exact(&mut body).ok()?;
        Some((head[0], body))
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8(body[..body.len() - 1].to_vec()).unwrap()
}

fn field(body: &[u8], code: u8) -> String {
    let found = body
        .split(|byte| *byte == 0)
        .find(|field| field.first() == Some(&code));
    found
        .map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
        .unwrap_or_default()
}

fn columns(body: &[u8]) -> Vec<(String, u32)> {
    let mut rest = &body[2..];
    let mut all = Vec::new();
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == 0).unwrap();
        let name = String::from_utf8(rest[..end].to_vec()).unwrap();
        let oid = u32::from_be_bytes(rest[end + 7..end + 11].try_into().unwrap());
        all.push((name, oid));
        rest = &rest[end + 19..];
    }
    all
}

fn row(body: &[u8]) -> Vec<Option<String>> {
    let mut rest = &body[2..];
    let mut all = Vec::new();
    while !rest.is_empty() {
        let length = i32::from_be_bytes(rest[..4].try_into().unwrap());
        rest = &rest[4..];
        all.push(usize::try_from(length).ok().map(|length| {
            let (value, behind) = rest.split_at(length);
            rest = behind;
            String::from_utf8(value.to_vec()).unwrap()
        }));
    }
    all
}
