//! A network in between that splits, slows and cuts what it carries, at the byte that it is told.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use canvass_testkit::{PATIENCE, eventually};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the one who connected.
    Up,
    /// To the one who connected.
    Down,
}

/// What happens to the bytes that go one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// They go on as they come.
    Whole,
    /// So many at a time, each piece a moment after the one before.
    Pieces(usize),
    /// Once: so many in one piece, the rest when that has been read.
    SplitAt(usize),
    /// Once: so many, then the connection ends.
    CutAt(usize),
    /// Once: so many, the rest when it is released.
    HoldAt(usize),
}

/// A proxy on loopback. Threads end with their connections.
pub struct Network {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    target: SocketAddr,
    open: Mutex<Vec<TcpStream>>,
    ways: [Mutex<Track>; 2],
    released: Condvar,
}

struct Track {
    flow: Flow,
    /// Bytes since the flow was set.
    passed: usize,
    holds: bool,
}

/// How far to go, and what to do there.
enum Step {
    On(usize),
    AndPause(usize),
    AndWait(usize),
    AndCut(usize),
    AndHold(usize),
}

impl Network {
    /// Listens on a free port and carries everything to `target`.
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let track = || {
            Mutex::new(Track {
                flow: Flow::Whole,
                passed: 0,
                holds: false,
            })
        };
        let state = Arc::new(State {
            target,
            open: Mutex::default(),
            ways: [track(), track()],
            released: Condvar::new(),
        });
        let shared = state.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                shared.carry(near);
            }
        });
        Self { address, state }
    }

    /// From now on, bytes that go this way flow so; they are counted from here.
    pub fn set(&self, way: Way, flow: Flow) {
        let mut track = self.state.track(way);
        (track.flow, track.passed, track.holds) = (flow, 0, false);
        self.state.released.notify_all();
    }

    /// Bytes that went this way since its flow was set.
    pub fn passed(&self, way: Way) -> usize {
        self.state.track(way).passed
    }

    /// Waits until bytes are held back.
    pub fn until_held(&self, way: Way) {
        eventually("bytes to be held back", || {
            self.state.track(way).holds.then_some(())
        });
    }

    /// Ends all connections.
    pub fn cut_all(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl State {
    fn track(&self, way: Way) -> std::sync::MutexGuard<'_, Track> {
        self.ways[way as usize].lock().unwrap()
    }

    fn carry(self: &Arc<Self>, near: TcpStream) {
        let Ok(far) = TcpStream::connect(self.target) else {
            return;
        };
        let _ = (near.set_nodelay(true), far.set_nodelay(true));
        let copy = |stream: &TcpStream| stream.try_clone().unwrap();
        {
            let mut open = self.open.lock().unwrap();
            open.retain(|stream| stream.peer_addr().is_ok());
            open.extend([copy(&near), copy(&far)]);
        }
        for (way, from, to) in [
            (Way::Up, copy(&near), copy(&far)),
            (Way::Down, copy(&far), copy(&near)),
        ] {
            let this = self.clone();
            std::thread::spawn(move || {
                this.pump(way, &from, &to);
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            });
        }
    }

    /// Carries bytes until either end is gone or the connection is cut.
    fn pump(&self, way: Way, mut from: &TcpStream, mut to: &TcpStream) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let n = match from.read(&mut buffer) {
                Ok(n) if n > 0 => n,
                _ => return,
            };
            let mut rest = &buffer[..n];
            while !rest.is_empty() {
                let step = self.track(way).step(rest.len());
                let (Step::On(now)
                | Step::AndPause(now)
                | Step::AndWait(now)
                | Step::AndCut(now)
                | Step::AndHold(now)) = step;
                if to.write_all(&rest[..now]).is_err() {
                    return;
                }
                rest = &rest[now..];
                match step {
                    Step::On(_) => {}
                    Step::AndPause(_) => std::thread::sleep(Duration::from_micros(100)),
                    Step::AndWait(_) => until_read(to),
                    Step::AndCut(_) => return,
                    Step::AndHold(_) => {
                        let held = self.track(way);
                        drop(self.released.wait_while(held, |track| track.holds).unwrap());
                    }
                }
            }
        }
    }
}

impl Track {
    fn step(&mut self, available: usize) -> Step {
        let until = |at: usize| at.saturating_sub(self.passed);
        let (step, now, is_over) = match self.flow {
            Flow::Whole => (Step::On(available), available, false),
            Flow::Pieces(size) => (Step::AndPause(size.min(available)), size.min(available), false),
            Flow::SplitAt(at) | Flow::CutAt(at) | Flow::HoldAt(at) if until(at) > available => {
                (Step::On(available), available, false)
            }
            Flow::SplitAt(at) => (Step::AndWait(until(at)), until(at), true),
            Flow::CutAt(at) => (Step::AndCut(until(at)), until(at), true),
            Flow::HoldAt(at) => {
                self.holds = true;
                (Step::AndHold(at - self.passed), at - self.passed, true)
            }
        };
        self.passed += now;
        if is_over {
            self.flow = Flow::Whole;
        }
        step
    }
}

/// Waits until the other side has read all that was written to `stream`, or is gone.
fn until_read(stream: &TcpStream) {
    let (Ok(own), Ok(other)) = (stream.local_addr(), stream.peer_addr()) else {
        return;
    };
    let port = |address: SocketAddr| format!(":{:04X}", address.port());
    let (own, other) = (port(own), port(other));
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        // Columns: number, local address, remote address, state (01 is established), tx_queue:rx_queue.
        let unread = table.lines().any(|line| {
            let mut columns = line.split_ascii_whitespace().skip(1);
            let (from, to) = (columns.next().unwrap_or(""), columns.next().unwrap_or(""));
            let (state, queues) = (columns.next().unwrap_or(""), columns.next().unwrap_or(""));
            let theirs = from.ends_with(&other) && to.ends_with(&own);
            // What was written is in their queue by now; tx_queue would also count what is not acknowledged yet.
            theirs && state == "01" && !queues.ends_with(":00000000")
        });
        if !unread {
            return;
        }
        std::thread::sleep(Duration::from_micros(50));
    }
}
