//! A client that says exactly what it is told to, and reads exactly what comes.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use canvass_testkit::PATIENCE;

use super::{Message, build, transcript};

/// A connection. Dropped, it closes as a program's end would close it: without a Terminate.
pub struct Wire {
    stream: TcpStream,
    inbox: Vec<u8>,
    /// What the server said about itself at the login and later.
    pub parameters: BTreeMap<String, String>,
    /// Process id and secret, to cancel with.
    pub key: Option<(u32, Vec<u8>)>,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A whole message.
    Message(Message),
    /// The connection ended, in order or not, after these bytes of an incomplete message.
    End(Vec<u8>),
    /// Nothing, until the deadline.
    Silence,
}

/// What was read until a condition, or until the end.
#[derive(Debug, Default)]
pub struct Reply {
    /// In their order.
    pub messages: Vec<Message>,
    /// True when the connection ended.
    pub ended: bool,
}

impl Wire {
    /// Connects and says nothing yet.
    pub fn connect(address: SocketAddr) -> Self {
        Self::try_connect(address).unwrap()
    }

    pub fn try_connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            inbox: vec![],
            parameters: BTreeMap::new(),
            key: None,
        })
    }

    /// Connects and logs in without a password.
    pub fn login(address: SocketAddr, user: &str, database: &str) -> Self {
        Self::login_with(address, &[("user", user), ("database", database)])
            .unwrap_or_else(|refusal| panic!("{user} is not let into {database}: {}", refusal.show()))
    }

    /// Logs in with start-up parameters.
    ///
    /// # Errors
    /// The reply of a server that does not let the client in.
    pub fn login_with(address: SocketAddr, parameters: &[(&str, &str)]) -> Result<Self, Reply> {
        let mut wire = Self::try_connect(address).map_err(|_| Reply::ended())?;
        let reply = wire.start(&build::startup(parameters));
        if reply.is_ready() { Ok(wire) } else { Err(reply) }
    }

    /// Sends a start-up message and reads its reply.
    pub fn start(&mut self, startup: &[u8]) -> Reply {
        let _ = self.send(startup);
        let reply = self.until_ready();
        for message in &reply.messages {
            if message.kind == b'K' {
                let (process, secret) = message.body.split_at(4);
                self.key = Some((u32::from_be_bytes(process.try_into().unwrap()), secret.to_owned()));
            }
        }
        reply
    }

    /// Writes all of it. An error means that the other side has closed; what it said before can still be read.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Writes it in pieces of `size` bytes, each in a packet of its own.
    pub fn send_split(&mut self, bytes: &[u8], size: usize) -> io::Result<()> {
        bytes.chunks(size).try_for_each(|piece| self.send(piece))
    }

    /// The next message, the end, or silence at the deadline.
    pub fn next_until(&mut self, deadline: Instant) -> Next {
        loop {
            if let Some((message, length)) = Message::first(&self.inbox) {
                self.inbox.drain(..length);
                if message.kind == b'S' {
                    let (name, value) = message.parameter();
                    self.parameters.insert(name, value);
                }
                return Next::Message(message);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Next::Silence;
            }
            self.stream.set_read_timeout(Some(left)).unwrap();
            let mut piece = [0; 32 << 10];
            match self.stream.read(&mut piece) {
                Ok(0) => return Next::End(std::mem::take(&mut self.inbox)),
                Ok(n) => self.inbox.extend_from_slice(&piece[..n]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Next::End(std::mem::take(&mut self.inbox)),
            }
        }
    }

    /// The next message or the end.
    pub fn next(&mut self) -> Next {
        let next = self.next_until(Instant::now() + PATIENCE);
        assert_ne!(next, Next::Silence, "waited in vain for a message");
        next
    }

    /// Messages up to one that `is_last`, or to the end.
    pub fn until(&mut self, mut is_last: impl FnMut(&Message) -> bool) -> Reply {
        let mut reply = Reply::default();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.next_until(deadline) {
                Next::Message(message) => {
                    reply.messages.push(message);
                    if is_last(reply.messages.last().unwrap()) {
                        return reply;
                    }
                }
                Next::End(_) => {
                    reply.ended = true;
                    return reply;
                }
                Next::Silence => panic!("waited in vain after:\n{}", reply.show()),
            }
        }
    }

    /// Messages up to ReadyForQuery, or to the end.
    pub fn until_ready(&mut self) -> Reply {
        self.until(|message| message.kind == b'Z')
    }

    /// Messages until the connection ends.
    pub fn until_end(&mut self) -> Reply {
        self.until(|_| false)
    }

    /// Exactly `n` bytes, fewer when the connection ends.
    pub fn read_bytes(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.inbox);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        while bytes.len() < n {
            let mut piece = vec![0; n - bytes.len()];
            match self.stream.read(&mut piece) {
                Ok(0) => break,
                Ok(got) => bytes.extend_from_slice(&piece[..got]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => break,
                Err(e) => panic!("no bytes: {e}"),
            }
        }
        bytes
    }

    /// Sends and reads up to ReadyForQuery, or to the end.
    pub fn ask(&mut self, bytes: &[u8]) -> Reply {
        let _ = self.send(bytes);
        self.until_ready()
    }

    /// A simple query and its reply.
    pub fn query(&mut self, sql: &str) -> Reply {
        self.ask(&build::query(sql))
    }

    /// The only value of a query's only row.
    pub fn value(&mut self, sql: &str) -> String {
        let reply = self.query(sql);
        let rows = reply.rows();
        assert!(rows.len() == 1 && rows[0].len() == 1, "{sql}:\n{}", reply.show());
        rows[0][0].clone()
    }

    /// A query that must succeed.
    pub fn run(&mut self, sql: &str) -> Reply {
        let reply = self.query(sql);
        assert!(
            reply.is_ready() && reply.error().is_none(),
            "{sql}:\n{}",
            reply.show()
        );
        reply
    }

    /// Whether nothing comes for a while: for what must not be answered. Bounded, so keep it for the rare case.
    pub fn is_silent_for(&mut self, while_: Duration) -> bool {
        self.next_until(Instant::now() + while_) == Next::Silence
    }

    /// Says that nothing more will be sent; replies can still be read.
    pub fn finish_sending(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Ends at once with a reset, as a machine that lost power and came back does.
    pub fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Ends in order.
    pub fn terminate(mut self) {
        let _ = self.send(&build::terminate());
        self.until_end();
    }

    /// Limits how much unread data the kernel keeps for this client.
    pub fn small_buffer(&self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_recv_buffer_size(4096).unwrap();
    }

    /// The address of this side.
    pub fn local(&self) -> SocketAddr {
        self.stream.local_addr().unwrap()
    }
}

/// Asks `address` to cancel what `key` stands for; returns when the request has been taken and the connection closed.
pub fn cancel(address: SocketAddr, key: &(u32, Vec<u8>)) {
    let Ok(mut wire) = Wire::try_connect(address) else {
        return;
    };
    let _ = wire.send(&build::cancel(key.0, &key.1));
    let _ = wire.until_end();
}

impl Reply {
    fn ended() -> Self {
        Self {
            messages: vec![],
            ended: true,
        }
    }

    /// True when the last message is ReadyForQuery.
    pub fn is_ready(&self) -> bool {
        self.messages.last().is_some_and(|message| message.kind == b'Z')
    }

    /// The last ReadyForQuery's state: `I`, `T`, `E`; a space when there is none.
    pub fn state(&self) -> char {
        let ready = self.messages.iter().rfind(|message| message.kind == b'Z');
        ready.map_or(' ', |message| char::from(message.body[0]))
    }

    /// SQLSTATE of the first error; `None` without one.
    pub fn code(&self) -> Option<String> {
        self.error().map(|error| error.field(b'C'))
    }

    /// The first error.
    pub fn error(&self) -> Option<&Message> {
        self.messages.iter().find(|message| message.kind == b'E')
    }

    /// The first error's text; empty without one.
    pub fn message(&self) -> String {
        self.error().map(|error| error.field(b'M')).unwrap_or_default()
    }

    /// All rows; NULL is the text `NULL`.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let rows = self.messages.iter().filter(|message| message.kind == b'D');
        rows.map(|message| {
            let columns = message.row().into_iter();
            columns
                .map(|column| column.unwrap_or_else(|| "NULL".into()))
                .collect()
        })
        .collect()
    }

    /// All commands' tags.
    pub fn tags(&self) -> Vec<String> {
        let tags = self.messages.iter().filter(|message| message.kind == b'C');
        tags.map(Message::text).collect()
    }

    /// The kinds of all messages in their order, such as `12TDCZ`.
    pub fn kinds(&self) -> String {
        self.messages
            .iter()
            .map(|message| char::from(message.kind))
            .collect()
    }

    /// Readable, one message a line.
    pub fn show(&self) -> String {
        let mut lines = transcript::lines(&self.messages);
        if self.ended {
            lines.push("(the connection ended)".into());
        }
        lines.join("\n")
    }
}
