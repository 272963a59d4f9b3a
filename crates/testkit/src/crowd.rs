//! Many people at once, on as many connections as it takes.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::raw::{parse_reply, save_request};
use crate::{PATIENCE, Reply, block_on, now_micros};

/// People who save through keep-alive connections.
pub struct Crowd {
    address: SocketAddr,
    tokens: Vec<String>,
    answers: Value,
    next_stamp: AtomicI64,
}

/// What became of a save.
#[derive(Debug, Clone)]
pub struct Sent {
    /// Its stamp; no two of a crowd have the same.
    pub stamp: i64,
    /// The reply's status; 0 when the connection ended without one.
    pub status: u16,
    /// The last part of a problem's `type`.
    pub problem: String,
    /// The reply said when to come again.
    pub retry_after: bool,
    /// When the reply was there, from the beginning.
    pub answered_at: Duration,
    /// From the moment for which it was planned to its reply: what a person would have waited.
    pub took: Duration,
}

/// How often the timetable is looked at.
const TICK: Duration = Duration::from_millis(1);

impl Crowd {
    /// People with these write tokens for [`crate::SMALL_SURVEY`].
    pub fn new(address: SocketAddr, tokens: Vec<String>) -> Self {
        Self {
            address,
            tokens,
            answers: json!({ "gridrow1": "a", "gridrow2": "c" }),
            next_stamp: AtomicI64::new(now_micros() - 3_600_000_000),
        }
    }

    /// Each of `connections` sends the next save as soon as the one before is answered: how much is possible.
    pub fn flat_out(&self, connections: usize, length: Duration) -> Vec<Sent> {
        let begun = Instant::now();
        let sent = RefCell::new(Vec::new());
        let one = async || {
            let mut connection = Line::open(self.address).await;
            while begun.elapsed() < length {
                let planned = Instant::now();
                let outcome = connection.save(self.next(), begun, planned).await;
                sent.borrow_mut().push(outcome);
            }
        };
        block_on(async {
            futures_util::future::join_all((0..connections).map(|_| one())).await;
        });
        sent.into_inner()
    }

    /// Sends `per_second` saves evenly over `length`, whatever becomes of those before: on a free connection, or on
    /// one more. Returns when all are answered.
    pub fn by_timetable(&self, per_second: f64, length: Duration) -> Vec<Sent> {
        let sent = Rc::new(RefCell::new(Vec::new()));
        let free: Rc<RefCell<Vec<mpsc::UnboundedSender<Job>>>> = Rc::default();
        let total = (per_second * length.as_secs_f64()) as usize;
        block_on(LocalSet::new().run_until(async {
            let begun = Instant::now();
            for n in 0..total {
                let planned = begun + Duration::from_secs_f64(n as f64 / per_second);
                while Instant::now() < planned {
                    tokio::time::sleep(TICK).await;
                }
                let job = (self.next(), begun, planned);
                let taken = free.borrow_mut().pop();
                let line = taken.unwrap_or_else(|| self.one_more(&free, &sent));
                line.send(job).unwrap();
                // The others' turn, also when the timetable is behind.
                if n % 16 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let until = Instant::now() + PATIENCE;
            while sent.borrow().len() < total {
                assert!(Instant::now() < until, "some saves were never answered");
                tokio::time::sleep(TICK).await;
            }
        }));
        Rc::into_inner(sent).map_or_else(Vec::new, RefCell::into_inner)
    }

    /// A connection that does jobs and is free in between; it ends with the runtime.
    fn one_more(
        &self,
        free: &Rc<RefCell<Vec<mpsc::UnboundedSender<Job>>>>,
        sent: &Rc<RefCell<Vec<Sent>>>,
    ) -> mpsc::UnboundedSender<Job> {
        let (line, mut jobs) = mpsc::unbounded_channel::<Job>();
        let (address, free, sent) = (self.address, Rc::downgrade(free), Rc::downgrade(sent));
        let itself = line.clone();
        tokio::task::spawn_local(async move {
            let mut connection = Line::open(address).await;
            while let Some((request, begun, planned)) = jobs.recv().await {
                let outcome = connection.save(request, begun, planned).await;
                let (Some(free), Some(sent)) = (free.upgrade(), sent.upgrade()) else {
                    return;
                };
                sent.borrow_mut().push(outcome);
                free.borrow_mut().push(itself.clone());
            }
        });
        line
    }

    fn next(&self) -> (i64, Vec<u8>) {
        let stamp = self.next_stamp.fetch_add(1, Ordering::Relaxed);
        let who = usize::try_from(stamp).unwrap() % self.tokens.len();
        (
            stamp,
            save_request(&self.tokens[who], stamp, "p02", &self.answers),
        )
    }
}

/// A save, when all began, and for when it is planned.
type Job = ((i64, Vec<u8>), Instant, Instant);

/// A keep-alive connection.
struct Line {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Line {
    async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.ok();
        Self { address, stream }
    }

    async fn save(&mut self, (stamp, request): (i64, Vec<u8>), begun: Instant, planned: Instant) -> Sent {
        let reply = self.exchange(&request).await;
        if reply.is_none() {
            *self = Self::open(self.address).await;
        }
        let status = reply.as_ref().map_or(0, |r| r.status);
        Sent {
            stamp,
            status,
            problem: reply
                .as_ref()
                .filter(|r| r.status != 200)
                .map_or_else(String::new, Reply::problem),
            retry_after: reply.is_some_and(|r| !r.header("retry-after").is_empty()),
            answered_at: begun.elapsed(),
            took: planned.elapsed(),
        }
    }

    async fn exchange(&mut self, request: &[u8]) -> Option<Reply> {
        let stream = self.stream.as_mut()?;
        stream.write_all(request).await.ok()?;
        let mut received = Vec::with_capacity(1024);
        loop {
            if let Some((reply, _)) = parse_reply(&received) {
                return Some(reply);
            }
            if stream.read_buf(&mut received).await.ok()? == 0 {
                return None;
            }
        }
    }
}
