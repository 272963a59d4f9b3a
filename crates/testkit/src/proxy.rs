//! A connection in between that can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// A TCP proxy on loopback. Threads end with their connections.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    target: SocketAddr,
    open: Mutex<Vec<TcpStream>>,
    refusing: AtomicBool,
    /// A reply of the server that holds this is swallowed and its connection cut.
    swallow: Mutex<Option<Vec<u8>>>,
    swallowed: AtomicUsize,
}

impl Proxy {
    /// Listens on a free port and forwards to `target`, such as `127.0.0.1:5432`.
    pub fn to(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            target: target.parse().unwrap(),
            open: Mutex::default(),
            refusing: AtomicBool::new(false),
            swallow: Mutex::default(),
            swallowed: AtomicUsize::new(0),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                shared.connect(client);
            }
        });
        Self { address, state }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every open connection; refuses new ones until [`Proxy::mend`].
    pub fn cut(&self) {
        self.state.refusing.store(true, Ordering::SeqCst);
        self.state.cut_open();
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.refusing.store(false, Ordering::SeqCst);
    }

    /// From now on, once: the next piece of the server's replies that holds `what` is swallowed and the connection
    /// cut, so that the client does not learn what the server has done.
    pub fn swallow_next(&self, what: &[u8]) {
        *self.state.swallow.lock().unwrap() = Some(what.to_owned());
    }

    /// How many replies were swallowed.
    pub fn swallowed(&self) -> usize {
        self.state.swallowed.load(Ordering::SeqCst)
    }
}

impl State {
    fn cut_open(&self) {
        for stream in self.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn connect(self: &Arc<Self>, client: TcpStream) {
        if self.refusing.load(Ordering::SeqCst) {
            return;
        }
        let Ok(server) = TcpStream::connect(self.target) else {
            return;
        };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        self.open
            .lock()
            .unwrap()
            .extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
        let (client_read, server_read) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let this = self.clone();
        std::thread::spawn(move || this.pump(server_read, client, true));
        let this = self.clone();
        std::thread::spawn(move || this.pump(client_read, server, false));
    }

    fn pump(&self, mut from: TcpStream, mut to: TcpStream, is_reply: bool) {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(n) = from.read(&mut buffer) {
            if n == 0 || (is_reply && self.swallows(&buffer[..n])) || to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    fn swallows(&self, piece: &[u8]) -> bool {
        let mut wanted = self.swallow.lock().unwrap();
        let found = wanted
            .as_ref()
            .is_some_and(|what| piece.windows(what.len()).any(|w| w == what));
        if found {
            *wanted = None;
            self.swallowed.fetch_add(1, Ordering::SeqCst);
        }
        found
    }
}
