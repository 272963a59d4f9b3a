//! Many clients at once, each of whom behaves well or badly by the roll of a dice, while servers are killed under them.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use fastrand::Rng;

use crate::ask::Question;
use crate::judge::{Judge, Verdict, marker};
use crate::support::client::cancel;
use crate::support::{Database, Pooler, Wire, between_two_looks, build, database};

/// A key to cancel with.
type Key = (u32, Vec<u8>);

/// What a crowd does.
pub struct Plan {
    pub seed: u64,
    pub clients: usize,
    /// Things that each client does.
    pub rounds: usize,
    /// A server connection is killed each time this many things were done.
    pub kill_every: usize,
    /// How long a slow question takes, in milliseconds.
    pub slow: u32,
}

/// What happened, for a test to see that something did.
#[derive(Debug, Default)]
pub struct Sums {
    pub answered: AtomicUsize,
    /// Conversations that the server ended, saying why.
    pub ended: AtomicUsize,
    /// Questions cut short by their own cancellation.
    pub cancelled: AtomicUsize,
    pub killed: AtomicUsize,
    /// Server connections seen at once.
    pub most_servers: AtomicUsize,
    /// Reasons of the ends, by SQLSTATE.
    pub reasons: Mutex<Vec<String>>,
}

struct Crowd<'a> {
    plan: &'a Plan,
    address: SocketAddr,
    database: &'a str,
    done: AtomicUsize,
    over: AtomicBool,
    /// Set while a client has stopped reading and waits for the others.
    stopped: AtomicBool,
    /// Keys of conversations that are over: they must hit nobody.
    stale: Mutex<Vec<Key>>,
    wrong: Mutex<Vec<String>>,
    sums: Sums,
}

/// Lets a crowd at the pooler.
///
/// # Panics
/// With everything that was received and should not have been.
pub fn run(database: &Database, pooler: &Pooler, plan: &Plan) -> Sums {
    let crowd = Crowd {
        plan,
        address: pooler.address,
        database: &database.name,
        done: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        stopped: AtomicBool::new(false),
        stale: Mutex::default(),
        wrong: Mutex::default(),
        sums: Sums::default(),
    };
    std::thread::scope(|scope| {
        let killer = scope.spawn(|| crowd.kill_now_and_then(database));
        let crowd = &crowd;
        let clients: Vec<_> = (0..plan.clients)
            .map(|number| scope.spawn(move || Client::new(crowd, number).run()))
            .collect();
        let ends: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
        crowd.over.store(true, Ordering::SeqCst);
        for end in ends {
            end.unwrap();
        }
        killer.join().unwrap();
    });
    let wrong = crowd.wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} wrong answers:\n{}",
        wrong.len(),
        wrong.join("\n\n")
    );
    crowd.sums
}

impl Crowd<'_> {
    /// Kills by progress, not by the clock, so that a slow machine kills as often.
    fn kill_now_and_then(&self, database: &Database) {
        let mut admin = database.admin();
        let mut next = self.plan.kill_every;
        while !self.over.load(Ordering::SeqCst) {
            between_two_looks();
            let servers = admin
                .value(&format!("SELECT count(*) {SERVERS}"))
                .parse()
                .unwrap();
            self.sums.most_servers.fetch_max(servers, Ordering::SeqCst);
            if self.done.load(Ordering::SeqCst) >= next {
                next += self.plan.kill_every;
                let killed = format!(
                    "SELECT pg_terminate_backend(pid) FROM (SELECT pid {SERVERS} ORDER BY random() LIMIT 1) one"
                );
                let killed = admin.query(&killed).rows().len();
                self.sums.killed.fetch_add(killed, Ordering::SeqCst);
            }
        }
    }
}

/// Bytes of the shortest answer to any question: that to a COPY IN.
const SHORTEST_ANSWER: usize = 28;

const SERVERS: &str = "FROM pg_stat_activity WHERE datname = current_database() AND usename = 'canvass'";

struct Client<'a> {
    crowd: &'a Crowd<'a>,
    number: usize,
    asked: usize,
    dice: Rng,
    wire: Option<Wire>,
}

impl<'a> Client<'a> {
    fn new(crowd: &'a Crowd<'a>, number: usize) -> Self {
        Self {
            crowd,
            number,
            asked: 0,
            dice: Rng::with_seed(crowd.plan.seed ^ (number as u64) << 32),
            wire: None,
        }
    }

    fn run(mut self) {
        for _ in 0..self.crowd.plan.rounds {
            if !self.crowd.wrong.lock().unwrap().is_empty() {
                break;
            }
            if let Err(wrong) = self.do_something() {
                self.crowd.wrong.lock().unwrap().push(wrong);
                self.wire = None;
            }
            self.crowd.done.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn do_something(&mut self) -> Result<(), String> {
        match self.dice.usize(..100) {
            0..50 => self.ask_and_read(),
            50..58 => self.leave_in_the_request(),
            58..66 => self.leave_in_the_answer(),
            66..70 => self.leave_in_a_transaction(),
            70..78 => self.cancel_own(),
            78..84 => self.cancel_idle(),
            84..90 => self.cancel_stale(),
            90..96 => self.ask_slow(),
            _ => self.stop_reading(),
        }
    }

    /// A few questions, one after the other or all at once, whole or in pieces.
    fn ask_and_read(&mut self) -> Result<(), String> {
        let questions: Vec<Question> = (0..self.dice.usize(1..5)).map(|_| self.question()).collect();
        let Some(mut wire) = self.wire() else {
            return Ok(());
        };
        let mut judge = Judge::default();
        let pipelined = self.dice.bool();
        let piece = if self.dice.u8(..4) == 0 {
            self.dice.usize(1..40)
        } else {
            usize::MAX
        };
        for question in &questions {
            judge.asked(question);
            for part in &question.parts {
                let _ = wire.send_split(&part.bytes, piece);
                if !pipelined {
                    let verdict = judge.read_parts(&mut wire, 1)?;
                    if let Verdict::Ended(code) = verdict {
                        return self.ended(code);
                    }
                }
            }
        }
        self.settle(judge, wire)
    }

    fn ask_slow(&mut self) -> Result<(), String> {
        let question = Question::slow(&self.marker(), self.crowd.plan.slow);
        let Some(mut wire) = self.wire() else {
            return Ok(());
        };
        let judge = Judge::of(&question);
        let _ = wire.send(&question.bytes());
        self.settle(judge, wire)
    }

    fn leave_in_the_request(&mut self) -> Result<(), String> {
        let question = self.question();
        let Some(mut wire) = self.wire() else {
            return Ok(());
        };
        let bytes = question.bytes();
        let _ = wire.send(&bytes[..self.dice.usize(..=bytes.len())]);
        self.leave(wire);
        Ok(())
    }

    fn leave_in_the_answer(&mut self) -> Result<(), String> {
        let question = self.question();
        let Some(mut wire) = self.wire() else {
            return Ok(());
        };
        let mut judge = Judge::of(&question);
        let _ = wire.send(&question.bytes());
        let received = wire.read_bytes(self.dice.usize(1..SHORTEST_ANSWER));
        self.leave(wire);
        judge.take_beginning(&received)
    }

    fn leave_in_a_transaction(&mut self) -> Result<(), String> {
        let marker = self.marker();
        let Some(mut wire) = self.wire() else {
            return Ok(());
        };
        let sql = format!("BEGIN; INSERT INTO sink VALUES ('lost-{marker}')");
        let _ = wire.send(&build::query(&sql));
        if self.dice.bool() {
            let reply = wire.until_ready();
            let expected = ["BEGIN", "INSERT 0 1"];
            if reply.is_ready() && reply.tags() != expected {
                return Err(format!("{sql}:\n{}", reply.show()));
            }
        }
        self.leave(wire);
        Ok(())
    }

    /// Asks something slow and cancels it while it waits or runs.
    fn cancel_own(&mut self) -> Result<(), String> {
        let question = Question::slow(&self.marker(), self.crowd.plan.slow);
        let Some(mut wire) = self.wire() else {
            return Ok(());
        };
        let judge = Judge::of(&question);
        let _ = wire.send(&question.bytes());
        let mut judge = judge.may_be_cancelled();
        cancel(self.crowd.address, wire.key.as_ref().unwrap());
        let verdict = judge.read(&mut wire)?;
        if judge.was_cancelled {
            self.crowd.sums.cancelled.fetch_add(1, Ordering::SeqCst);
        }
        self.conclude(verdict, wire)
    }

    /// Cancels while nothing runs: whatever is asked afterwards must not be hit.
    fn cancel_idle(&mut self) -> Result<(), String> {
        let Some(wire) = self.wire() else { return Ok(()) };
        cancel(self.crowd.address, wire.key.as_ref().unwrap());
        self.wire = Some(wire);
        self.ask_and_read()
    }

    fn cancel_stale(&mut self) -> Result<(), String> {
        let stale = {
            let stale = self.crowd.stale.lock().unwrap();
            (!stale.is_empty()).then(|| stale[self.dice.usize(..stale.len())].clone())
        };
        if let Some(key) = stale {
            cancel(self.crowd.address, &key);
        }
        self.ask_and_read()
    }

    /// Asks for more than all buffers hold, reads a little, and leaves it there; or reads it to its end after all.
    fn stop_reading(&mut self) -> Result<(), String> {
        let question = Question::large(&self.marker(), 3000);
        let Some(mut wire) = self.wire() else {
            return Ok(());
        };
        let reads_on = self.dice.bool();
        if !reads_on {
            wire.small_buffer();
        }
        let mut judge = Judge::of(&question);
        let _ = wire.send(&question.bytes());
        if reads_on {
            return self.settle(judge, wire);
        }
        let received = wire.read_bytes(5000);
        self.until_others_go_on();
        self.leave(wire);
        judge.take_beginning(&received)
    }

    /// Holds a server until others have done something. One client at a time, or they would hold all servers.
    fn until_others_go_on(&self) {
        let Crowd {
            plan, done, stopped, ..
        } = self.crowd;
        if stopped.swap(true, Ordering::SeqCst) {
            return;
        }
        let (all, now) = (plan.clients * plan.rounds, || done.load(Ordering::SeqCst));
        let until = now() + 3;
        while now() < until && now() + 2 * plan.clients < all {
            between_two_looks();
        }
        stopped.store(false, Ordering::SeqCst);
    }

    fn question(&mut self) -> Question {
        let marker = self.marker();
        Question::roll(&mut self.dice, &marker)
    }

    fn marker(&mut self) -> String {
        self.asked += 1;
        marker(self.number, self.asked)
    }

    /// The conversation that is going on, or a new one; none when the pooler is too busy.
    fn wire(&mut self) -> Option<Wire> {
        if let Some(wire) = self.wire.take() {
            return Some(wire);
        }
        let parameters = [("user", database::OWNER), ("database", self.crowd.database)];
        match Wire::login_with(self.crowd.address, &parameters) {
            Ok(wire) => Some(wire),
            Err(refusal) => {
                let code = refusal.code();
                let code = code.unwrap_or_else(|| panic!("refused without a word: {}", refusal.show()));
                self.crowd
                    .sums
                    .reasons
                    .lock()
                    .unwrap()
                    .push(format!("login {code}"));
                None
            }
        }
    }

    fn leave(&mut self, wire: Wire) {
        self.crowd.stale.lock().unwrap().extend(wire.key.clone());
        if self.dice.bool() {
            wire.reset();
        }
    }

    fn settle(&mut self, mut judge: Judge, mut wire: Wire) -> Result<(), String> {
        let verdict = judge.read(&mut wire)?;
        self.conclude(verdict, wire)
    }

    fn conclude(&mut self, verdict: Verdict, wire: Wire) -> Result<(), String> {
        match verdict {
            Verdict::Answered => {
                self.crowd.sums.answered.fetch_add(1, Ordering::SeqCst);
                self.wire = Some(wire);
                Ok(())
            }
            Verdict::Ended(code) => self.ended(code),
        }
    }

    fn ended(&mut self, code: String) -> Result<(), String> {
        self.crowd.sums.ended.fetch_add(1, Ordering::SeqCst);
        self.crowd.sums.reasons.lock().unwrap().push(code);
        Ok(())
    }
}
