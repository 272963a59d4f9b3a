//! People who answer all the time and give nothing up, and the book of what they sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Api, PATIENCE, Reply, Respondent, Server, TestDb, TestWave, eventually, now_micros};

/// What a client waits after a refusal or a broken connection before it sends the same again.
const PAUSE: Duration = Duration::from_millis(10);

/// What the clients send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mix {
    /// One save after the other.
    Saves,
    /// Between saves they enter again and submit, so that a batch goes into several tables.
    Everything,
}

/// Clients under way, each with a response of its own. What is not acknowledged is sent again unchanged until it is.
pub struct Load {
    book: Arc<Book>,
    waves: Vec<i32>,
    clients: Vec<JoinHandle<()>>,
}

/// A row that must come of it: table, client, stamp, and for a save its page and answers.
type Fact = (&'static str, usize, i64, String);

struct Book {
    /// Everything that was sent, and whether it was acknowledged.
    facts: Mutex<BTreeMap<Fact, bool>>,
    clients: usize,
    /// Every stamp is this, plus a multiple of the number of clients, plus the client's number.
    first_stamp: i64,
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
    finishing: AtomicBool,
    abandoned: AtomicBool,
}

impl Load {
    /// Starts `clients` of them, spread over the waves' codes. With several servers everything is sent to each of
    /// them, at about the same time.
    pub fn start(servers: &[Arc<Server>], waves: &[TestWave], clients: usize, mix: Mix) -> Self {
        let book = Arc::new(Book {
            facts: Mutex::default(),
            clients,
            first_stamp: now_micros() - 3_600_000_000,
            acknowledged: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            finishing: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
        });
        let mut threads = Vec::new();
        for number in 0..clients {
            let code = &waves[number % waves.len()].codes[number / waves.len()];
            let step = Arc::new(Step::new(servers.len()));
            for server in servers {
                let client = Client {
                    number,
                    code: code.clone(),
                    server: server.clone(),
                    book: book.clone(),
                    step: step.clone(),
                    api: None,
                };
                threads.push(std::thread::spawn(move || client.run(mix)));
            }
        }
        Self {
            book,
            waves: waves.iter().map(|w| w.id).collect(),
            clients: threads,
        }
    }

    /// How many acknowledgements came so far.
    pub fn acknowledged(&self) -> usize {
        self.book.acknowledged.load(Ordering::SeqCst)
    }

    /// How many times 503 came so far.
    pub fn refused(&self) -> usize {
        self.book.refused.load(Ordering::SeqCst)
    }

    /// Waits for so many acknowledgements more.
    pub fn goes_on_for(&self, more: usize) {
        let goal = self.acknowledged() + more;
        eventually("acknowledgements", || {
            let died = self.clients.iter().any(JoinHandle::is_finished);
            assert!(!died, "a client gave up, see its message above");
            (self.acknowledged() >= goal).then_some(())
        });
    }

    /// Sees that everything acknowledged by now is in the database.
    pub fn assert_nothing_lost(&self, db: &TestDb) {
        let acknowledged: Vec<Fact> = {
            let facts = self.book.facts.lock().unwrap();
            facts
                .iter()
                .filter(|(_, a)| **a)
                .map(|(f, _)| f.clone())
                .collect()
        };
        let rows: BTreeSet<Fact> = self.rows(db).into_iter().collect();
        let lost: Vec<&Fact> = acknowledged.iter().filter(|f| !rows.contains(*f)).collect();
        assert!(
            lost.is_empty(),
            "{} of {} acknowledged are lost, such as {:?}",
            lost.len(),
            acknowledged.len(),
            lost[0]
        );
    }

    /// Lets every client finish what it has sent; then the rows are exactly what was sent, once each.
    pub fn finish(mut self, db: &TestDb) -> usize {
        self.book.finishing.store(true, Ordering::SeqCst);
        eventually("clients to finish", || {
            self.clients.iter().all(JoinHandle::is_finished).then_some(())
        });
        for client in self.clients.drain(..) {
            client.join().unwrap();
        }
        let facts = std::mem::take(&mut *self.book.facts.lock().unwrap());
        assert!(facts.values().all(|acknowledged| *acknowledged));
        let sent: Vec<Fact> = facts.into_keys().collect();
        let mut rows = self.rows(db);
        rows.sort();
        let missing = sent.iter().filter(|f| rows.binary_search(f).is_err()).count();
        let strange = rows.iter().filter(|f| sent.binary_search(f).is_err()).count();
        assert_eq!((missing, strange), (0, 0), "rows missing, rows that nobody sent");
        assert_eq!(rows.len(), sent.len(), "no row twice");
        sent.len()
    }

    /// What is in the waves' tables, in no order.
    fn rows(&self, db: &TestDb) -> Vec<Fact> {
        let mut facts = Vec::new();
        let mut responses = BTreeMap::new();
        for wave in &self.waves {
            let mut add = |table, row: &[String], text: String| {
                let stamp: i64 = row[1].parse().unwrap();
                let client = (stamp - self.book.first_stamp) % i64::try_from(self.book.clients).unwrap();
                let client = usize::try_from(client).unwrap();
                let response = responses.entry(client).or_insert_with(|| (*wave, row[0].clone()));
                assert_eq!(*response, (*wave, row[0].clone()), "one client, one response");
                facts.push((table, client, stamp, text));
            };
            for row in db.rows(&format!(
                "SELECT response_id, stamp, page, answers FROM wave_{wave}.save"
            )) {
                let answers: Value = serde_json::from_str(&row[3]).unwrap();
                add("save", &row, format!("{} {answers}", row[2]));
            }
            for row in db.rows(&format!(
                "SELECT response_id, stamp FROM wave_{wave}.submission WHERE kind = 'submitted'"
            )) {
                add("submission", &row, String::new());
            }
        }
        let distinct: BTreeSet<_> = responses.values().collect();
        assert_eq!(distinct.len(), responses.len(), "no response is two clients'");
        facts
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.book.abandoned.store(true, Ordering::SeqCst);
    }
}

impl Book {
    fn sending(&self, fact: &Fact) {
        self.facts.lock().unwrap().entry(fact.clone()).or_insert(false);
    }

    fn acknowledged(&self, fact: &Fact) {
        *self.facts.lock().unwrap().get_mut(fact).unwrap() = true;
    }

    fn stamp(&self, client: usize, turn: usize) -> i64 {
        self.first_stamp + i64::try_from(turn * self.clients + client).unwrap()
    }
}

/// Keeps a client's threads, one for each server, at the same turn.
struct Step {
    barrier: Barrier,
    last: AtomicBool,
}

impl Step {
    fn new(threads: usize) -> Self {
        Self {
            barrier: Barrier::new(threads),
            last: AtomicBool::new(false),
        }
    }

    /// Waits for the others; true when there is another turn, the same for all of them.
    fn next(&self, book: &Book) -> bool {
        if self.barrier.wait().is_leader() {
            self.last
                .store(book.finishing.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        self.barrier.wait();
        !self.last.load(Ordering::SeqCst)
    }
}

struct Client {
    number: usize,
    code: String,
    server: Arc<Server>,
    book: Arc<Book>,
    step: Arc<Step>,
    api: Option<(std::net::SocketAddr, Api)>,
}

impl Client {
    fn run(mut self, mix: Mix) {
        let Some(token) = self.enter() else { return };
        for turn in 0.. {
            let delivered = self.save(&token, turn)
                && match (mix, turn % 4) {
                    (Mix::Everything, 1) => self.enter().is_some(),
                    (Mix::Everything, 3) => self.submit(&token, turn),
                    _ => true,
                };
            if !delivered || !self.step.next(&self.book) {
                return;
            }
        }
    }

    fn enter(&mut self) -> Option<String> {
        let code = json!({ "code": self.code }).to_string();
        let reply = self.deliver(&|api| api.send("POST", "/api/v1/enter", &[], code.as_bytes()))?;
        Some(reply.json()["token"].as_str().unwrap().to_owned())
    }

    fn save(&mut self, token: &str, turn: usize) -> bool {
        // Every seventh save has the stamp of the one before: only their answers tell them apart.
        let stamp = self.book.stamp(self.number, turn - usize::from(turn % 7 == 6));
        let (page, answers) = answers(self.number, turn);
        let fact = ("save", self.number, stamp, format!("{page} {answers}"));
        self.deliver_fact(token, &fact, &|who| who.try_save(stamp, page, &answers))
    }

    fn submit(&mut self, token: &str, turn: usize) -> bool {
        let stamp = self.book.stamp(self.number, turn);
        let fact = ("submission", self.number, stamp, String::new());
        let body = json!({ "stamp": stamp }).to_string();
        self.deliver_fact(token, &fact, &|who| {
            let headers = [("authorization", who.bearer())];
            let headers = headers.each_ref().map(|(n, v)| (*n, v.as_str()));
            who.api
                .send("POST", "/api/v1/submission", &headers, body.as_bytes())
        })
    }

    fn deliver_fact(
        &mut self,
        token: &str,
        fact: &Fact,
        send: &dyn Fn(&Respondent) -> Result<Reply, String>,
    ) -> bool {
        self.book.sending(fact);
        let reply = self.deliver(&|api| {
            send(&Respondent {
                api: api.clone(),
                token: token.to_owned(),
            })
        });
        if reply.is_some() {
            self.book.acknowledged(fact);
            self.book.acknowledged.fetch_add(1, Ordering::SeqCst);
        }
        reply.is_some()
    }

    /// Sends until it is acknowledged; `None` when the test has ended.
    fn deliver(&mut self, send: &dyn Fn(&Api) -> Result<Reply, String>) -> Option<Reply> {
        let until = Instant::now() + PATIENCE;
        loop {
            if self.book.abandoned.load(Ordering::SeqCst) {
                return None;
            }
            assert!(Instant::now() < until, "not acknowledged, whatever was tried");
            match self.api().map(|api| send(&api)) {
                Some(Ok(reply)) if reply.status == 200 => return Some(reply),
                Some(Ok(reply)) => {
                    assert_eq!(reply.status, 503, "{}", reply.text);
                    assert_ne!(reply.header("retry-after"), "", "{}", reply.text);
                    self.book.refused.fetch_add(1, Ordering::SeqCst);
                }
                Some(Err(_)) => self.api = None,
                None => {}
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The way to the server, wherever it listens now.
    fn api(&mut self) -> Option<Api> {
        let address = self.server.try_address()?;
        if self.api.as_ref().is_none_or(|(known, _)| *known != address) {
            self.api = Some((address, Api::new(&format!("http://{address}"))));
        }
        self.api.as_ref().map(|(_, api)| api.clone())
    }
}

/// A page of [`crate::SMALL_SURVEY`] with answers as they are stored.
fn answers(client: usize, turn: usize) -> (&'static str, Value) {
    let choice = |n: usize| ["a", "b", "c"][(client + turn / n) % 3];
    match turn % 3 {
        0 => (
            "p01",
            json!({ "single01": choice(1), "multi001": if client.is_multiple_of(2) { json!(["a", "c"]) } else { json!([choice(9)]) } }),
        ),
        1 => ("p02", json!({ "gridrow1": choice(3), "gridrow2": choice(9) })),
        _ => (
            "p03",
            json!({
                "number01": turn % 100,
                "short001": format!("{client}, {turn}"),
                "long0001": "Größer – ".repeat(turn % 20) + "end",
            }),
        ),
    }
}
