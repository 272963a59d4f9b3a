//! The new process: it comes to the running one's console, and reads everything.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;

use rustix::net::sockopt::socket_peercred;

use super::VERSION;
use super::line::Line;
use super::message::{Answer, Client, Hello, Listener, Message, Pool, Server, Statement, Totals};
use crate::config::Settings;
use crate::listen::socket_path;
use crate::wire::error::ServerError;
use crate::wire::startup::Startup;
use crate::wire::{self, HEADER, query};

/// The longest message of the console, in bytes.
const LONGEST: usize = 64 * 1024;

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
pub enum TakeoverError {
    /// There is no Unix socket to ask over.
    #[error("-R: unix_socket_dir is not set, and a running pooler hands over by its Unix socket only")]
    NoSocket,
    /// The running process belongs to somebody else.
    #[error("-R: the running pooler is user {theirs}, this process is user {ours}: run both as the same one")]
    OtherUser {
        /// Whose it is.
        theirs: u32,
        /// Whose this one is.
        ours: u32,
    },
    /// The running process said no.
    #[error("-R: the running pooler refuses to hand over: {0}")]
    Refused(String),
    /// The conversation broke; the running process goes on.
    #[error("-R: nothing was taken over: {0}")]
    Broken(#[from] io::Error),
}

fn invalid(words: impl Into<String>) -> TakeoverError {
    io::Error::new(io::ErrorKind::InvalidData, words.into()).into()
}

/// Everything that the old process sent.
#[derive(Debug)]
pub(crate) struct Inventory {
    pub(super) hello: Hello,
    pub(super) listeners: Vec<(Listener, OwnedFd)>,
    pub(super) statements: Vec<Statement>,
    pub(super) pools: Vec<Pool>,
    pub(super) servers: Vec<(Server, OwnedFd)>,
    pub(super) clients: Vec<(Client, Vec<OwnedFd>)>,
    pub(super) totals: Totals,
    line: Line,
}

/// Asks the pooler that is running with this configuration for everything; `None` when there is none.
///
/// # Errors
/// [`TakeoverError`]; the running process goes on as if nothing had been.
pub(crate) fn take(settings: &Settings) -> Result<Option<Inventory>, TakeoverError> {
    let dir = settings
        .unix_socket_dir
        .as_deref()
        .ok_or(TakeoverError::NoSocket)?;
    let socket = match connect(&socket_path(dir, settings.listen_port)) {
        Ok(socket) => socket,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let theirs = socket_peercred(&socket).map_err(io::Error::from)?.uid.as_raw();
    let ours = nix::unistd::getuid().as_raw();
    if theirs != ours {
        return Err(TakeoverError::OtherUser { theirs, ours });
    }
    ask(&socket)?;
    Inventory::read(Line::new(socket)?).map(Some)
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

fn connect(path: &Path) -> io::Result<UnixStream> {
    match path.to_string_lossy().strip_prefix('@') {
        Some(name) => UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?),
        None => UnixStream::connect(path),
    }
}

/// Logs in at the console and says what is wanted. The answer comes when everybody stands still.
fn ask(mut socket: &UnixStream) -> Result<(), TakeoverError> {
    let mut packet = Vec::new();
    let parameters = ["user", "database"].map(|name| (name.to_owned(), crate::admin::CONSOLE.to_owned()));
    Startup {
        minor: 0,
        parameters: parameters.into(),
    }
    .put(&mut packet);
    socket.write_all(&packet)?;
    until(socket, b'Z')?;
    let mut packet = Vec::new();
    query::put_query(format!("HAND_OVER {VERSION}").as_bytes(), &mut packet);
    socket.write_all(&packet)?;
    until(socket, b'C')
}

/// Reads messages up to one of this type, and no byte more: file descriptors come with what follows.
fn until(mut socket: &UnixStream, last: u8) -> Result<(), TakeoverError> {
    loop {
        let mut message = vec![0; HEADER];
        socket.read_exact(&mut message)?;
        let total = match wire::head(&message) {
            Ok(Some(head)) if head.total <= LONGEST => head.total,
            _ => return Err(invalid("what listens there is no pooler")),
        };
        message.resize(total, 0);
        socket.read_exact(&mut message[HEADER..])?;
        match message[0] {
            b'E' => return Err(TakeoverError::Refused(ServerError::read(&message).message)),
            b'R' if message[HEADER..] != [0; 4] => {
                return Err(TakeoverError::Refused("it asks for a password".to_owned()));
            }
            kind if kind == last => return Ok(()),
            _ => {}
        }
    }
}

impl Inventory {
    fn read(mut line: Line) -> Result<Self, TakeoverError> {
        let hello = match line.receive(Message::fds)? {
            (Message::Hello(hello), _) if hello.version == VERSION => hello,
            _ => return Err(invalid("the conversation begins without its version")),
        };
        let mut all = Self {
            hello,
            listeners: Vec::new(),
            statements: Vec::new(),
            pools: Vec::new(),
            servers: Vec::new(),
            clients: Vec::new(),
            totals: Totals::default(),
            line,
        };
        loop {
            let (message, mut fds) = all.line.receive(Message::fds)?;
            match (message, fds.pop()) {
                (Message::Listener(kind), Some(fd)) => all.listeners.push((kind, fd)),
                (Message::Statement(statement), _) => all.statements.push(statement),
                (Message::Pool(pool), _) => all.pools.push(pool),
                (Message::Server(server), Some(fd)) => all.servers.push((server, fd)),
                (Message::Client(client), Some(last)) => {
                    fds.push(last);
                    all.clients.push((*client, fds));
                }
                (Message::End(totals), _) => {
                    all.totals = totals;
                    return Ok(all);
                }
                _ => return Err(invalid("a message out of its order")),
            }
        }
    }

    /// Says that this process has everything, and serves. From here on it must.
    ///
    /// # Errors
    /// The old process has taken everything back.
    pub(super) fn say_taken(&mut self) -> Result<(), TakeoverError> {
        Ok(self.line.send(&Answer::Taken, &[])?)
    }
}
