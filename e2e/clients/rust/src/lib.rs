//! Checks with a line each, and probes of session state: see ../../python/suite.py, whose lines these print.

use std::env;
use std::fmt::Display;
use std::future::Future;
use std::io::Error as IoError;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What PostgreSQL says when state is on another connection: no such table, prepared statement, cursor.
const LOST: [&str; 3] = ["42P01", "26000", "34000"];
const PATIENCE: Duration = Duration::from_secs(30);

/// An error of a client library, with its SQLSTATE where there is one.
#[derive(Debug)]
pub struct Failure {
    /// Five characters, or none.
    pub code: Option<String>,
    /// In words.
    pub message: String,
}

impl Failure {
    /// A failed check.
    pub fn new(message: impl Display) -> Self {
        Self {
            code: None,
            message: message.to_string(),
        }
    }
}

impl From<IoError> for Failure {
    fn from(why: IoError) -> Self {
        Self::new(why)
    }
}

/// What every check gives.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Counts, and prints a line for each check.
pub struct Suite {
    passed: usize,
    failed: usize,
    only_state: bool,
}

/// A session whose state is looked at.
#[allow(async_fn_in_trait, reason = "one thread runs all of it")]
pub trait Session: Sized {
    /// Logs in.
    async fn open() -> Outcome<Self>;
    /// Runs a statement in a transaction and gives the backend's process id.
    async fn set_up(&mut self, sql: &str) -> Outcome<i32>;
    /// The first column of the first row.
    async fn value(&mut self, sql: &str) -> Outcome<String>;
    /// Whether a notification on `news` arrives that another connection sends.
    async fn heard(&mut self) -> Outcome<bool>;
}

impl Suite {
    /// Nothing checked yet.
    #[allow(clippy::new_without_default, reason = "it reads the environment")]
    pub fn new() -> Self {
        let only_state = env::var("CLIENTS_CHECKS").is_ok_and(|checks| checks == "state");
        Self {
            passed: 0,
            failed: 0,
            only_state,
        }
    }

    fn say(&mut self, outcome: &str, feature: &str, why: &str) {
        match outcome {
            "fail" => self.failed += 1,
            "skip" => {}
            _ => self.passed += 1,
        }
        let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
        let colon = if why.is_empty() { "" } else { ": " };
        println!("{outcome} {feature}{colon}{why}");
    }

    /// A feature that this client does not have.
    pub fn skip(&mut self, feature: &str, why: &str) {
        if !self.only_state {
            self.say("skip", feature, why);
        }
    }

    /// Runs a check for at most half a minute.
    pub async fn check(&mut self, feature: &str, run: impl Future<Output = Outcome>) {
        if self.only_state {
            return;
        }
        match timeout(PATIENCE, run).await {
            Ok(Ok(())) => self.say("pass", feature, ""),
            Ok(Err(why)) => self.say("fail", feature, &why.message),
            Err(_) => self.say("fail", feature, "it hangs"),
        }
    }

    /// The probes of state.tsv, and LISTEN.
    pub async fn states<S: Session>(&mut self) {
        self.state::<S>("LISTEN", "LISTEN news", None).await;
        let path = env::var("CLIENTS_STATE").expect("run.py says where state.tsv is");
        let probes = std::fs::read_to_string(path).expect("state.tsv is there");
        for line in probes.lines() {
            let parts: Vec<&str> = line.split('\t').collect();
            let [feature, set_up, look, want] = parts[..] else {
                panic!("state.tsv has four columns")
            };
            self.state::<S>(feature, set_up, Some((look, want))).await;
        }
    }

    async fn state<S: Session>(&mut self, feature: &str, set_up: &str, look: Option<(&str, &str)>) {
        let (outcome, why) = timeout(PATIENCE, probe::<S>(set_up, look))
            .await
            .unwrap_or_else(|_| Ok(("fail", "it hangs".to_owned())))
            .unwrap_or_else(|why| ("fail", why.message));
        self.say(outcome, feature, &why);
    }

    /// Prints the sum and ends the process.
    pub fn end(self) -> ! {
        println!("{} passed, {} failed", self.passed, self.failed);
        std::process::exit(i32::from(self.failed > 0))
    }
}

async fn probe<S: Session>(set_up: &str, look: Option<(&str, &str)>) -> Outcome<(&'static str, String)> {
    let opened = async {
        let mut session = S::open().await?;
        let pid = session.set_up(set_up).await?;
        Ok::<_, Failure>((session, pid))
    };
    let (mut session, pid) = match opened.await {
        Ok(opened) => opened,
        Err(why) => return Ok(("refused", why.message)),
    };
    let (found, _held) = steal(pid).await?;
    let there = match look {
        Some((sql, want)) => session.value(sql).await.map(|value| value == want),
        None => session.heard().await,
    };
    Ok(match (there, found.as_str()) {
        (Err(why), _) if why.code.as_deref().is_some_and(|code| LOST.contains(&code)) => {
            ("lost", String::new())
        }
        (Err(why), _) => ("refused", why.message),
        (Ok(true), "pinned") => ("pinned", String::new()),
        (Ok(false), "pinned") => ("fail", "pinned, and yet lost".to_owned()),
        (Ok(there), _) => (if there { "kept" } else { "lost" }, String::new()),
    })
}

/// Asks run.py to keep the server connection with this process id busy, so that another one has to serve us.
async fn steal(pid: i32) -> Outcome<(String, TcpStream)> {
    let port = variable("CLIENTS_THIEF");
    let mut thief = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
    thief
        .write_all(format!("{} {pid}\n", variable("PGDATABASE")).as_bytes())
        .await?;
    let mut found = String::new();
    BufReader::new(&mut thief).read_line(&mut found).await?;
    let found = found.trim().to_owned();
    if !["stolen", "pinned"].contains(&found.as_str()) {
        return Err(Failure::new(format!("the thief says: {found}")));
    }
    Ok((found, thief))
}

/// A variable that run.py sets.
pub fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run.py starts this"))
}

/// Fails unless both are the same.
pub fn same<T: PartialEq + std::fmt::Debug>(got: T, want: T) -> Outcome {
    if got == want {
        Ok(())
    } else {
        Err(Failure::new(format!("got {got:?}, not {want:?}")))
    }
}

/// Fails unless this failed with the SQLSTATE.
pub fn fails<T>(code: &str, outcome: Outcome<T>) -> Outcome {
    match outcome {
        Err(why) if why.code.as_deref() == Some(code) => Ok(()),
        Err(why) => Err(why),
        Ok(_) => Err(Failure::new(format!("no error where {code} was to come"))),
    }
}
