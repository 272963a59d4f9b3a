//! A client: its login, its requests, and what it is given for them. One task a client, on one thread.

mod exchange;
mod hand_over;
mod info;
mod login;
mod opening;
mod replies;
mod request;
mod requests;
mod splice;
mod wait;
mod wanted;
mod welcome;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use exchange::Midst;
pub(crate) use hand_over::Resumed;
pub use info::{Cancels, ClientInfo, ClientState, Order, Replication};
pub use login::serve;
pub(crate) use login::{Asked, Registered, check, eof, log_attempt, log_end, resume, unix_uid};

use crate::clock;
use crate::config::PoolMode;
use crate::hub::Hub;
use crate::log::Level;
use crate::net::{Outbox, Stream};
use crate::pool::{Pool, Taken, Terms, Totals};
use crate::refusal::Refusal;
use crate::server::Server;
use crate::session::{APPLICATION_NAME, Statements, Values};
use crate::wire::error::Severity;

/// New servers that may die before they have served one request: then it is not chance.
const MOST_DEATHS: usize = 3;

/// A client after its login.
#[derive(Debug)]
pub struct Client {
    pub(crate) hub: Arc<Hub>,
    pub(crate) info: Arc<ClientInfo>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) stream: Stream,
    pub(crate) outbox: Outbox,
    /// Bytes that it sent and that nobody has looked at: the beginning of a request, or one that waits.
    pub(crate) inbox: Vec<u8>,
    /// What is in the inbox has come while there was no server, and is to be passed on.
    pub(crate) inbox_is_new: bool,
    /// Bytes still to come of a message that is passed on as it comes.
    pub(crate) body: usize,
    /// The client has a part of a message whose rest will not come: whatever it is told would be taken for that rest.
    pub(crate) is_inside_reply: bool,
    pub(crate) values: Values,
    pub(crate) statements: Statements,
    /// Seconds that it waits for a server at most, when it said so at its start-up.
    pub(crate) deadline: Option<Duration>,
    /// It left state behind in a mode that keeps none: what its next request is answered with, before it must go.
    pub(crate) sentence: Option<Refusal>,
    /// What it did since its pool's sums were last added to.
    pub(crate) counted: Totals,
    /// Since when it has waited for a server, when it began that in another process.
    pub(crate) waits_since: Option<u64>,
    /// When something last happened that changed its state, in [`clock::micros`].
    pub(crate) at: u64,
}

/// How an exchange with a server ended.
#[derive(Debug)]
enum Ended {
    /// The server is free.
    Free,
    /// The client has gone, or must go.
    Client(Refusal),
    /// The server has gone, or is not to be used again.
    Server(Refusal),
}

impl Client {
    /// Serves requests until the client leaves; the reason.
    async fn run(&mut self) -> Refusal {
        loop {
            let done = match self.request().await {
                Ok(()) => self.work().await,
                Err(reason) => Err(reason),
            };
            if let Err(reason) = done {
                return reason;
            }
        }
    }

    async fn work(&mut self) -> Result<(), Refusal> {
        if let Some(sentence) = self.sentence.take() {
            return Err(sentence);
        }
        match self.obtain().await? {
            Some((server, terms)) => self.exchange(server, &terms).await,
            None => Ok(()),
        }
    }

    /// A server for the request that has come: free, prepared for this client, on this thread. `None`: the request was
    /// cancelled while it waited, and answered.
    async fn obtain(&mut self) -> Result<Option<(Box<Server>, Arc<Terms>)>, Refusal> {
        self.at = clock::micros();
        let (began, mut deaths) = (self.at, 0);
        loop {
            let mut terms = self.pool.terms.load_full();
            let lane = request::lane(&self.inbox, &terms);
            let taken = match self
                .pool
                .take(self.info.thread, lane, self.deadline, self.at, &terms)
            {
                Ok(taken) => taken,
                Err(refusal) => {
                    self.fail_request(&refusal).await?;
                    return Ok(None);
                }
            };
            let mut server = match taken {
                Taken::Server(server) => server,
                Taken::Wait(place) => match self.wait(place).await? {
                    wait::Waited::Server(server) => {
                        terms = self.pool.terms.load_full();
                        server
                    }
                    wait::Waited::Cancelled => {
                        self.answer_cancelled().await?;
                        return Ok(None);
                    }
                },
            };
            match self.make_ready(&mut server, &terms).await {
                Ok(()) => {
                    self.counted.assignments += 1;
                    self.counted.wait_time += self.at.saturating_sub(began);
                    return Ok(Some((server, terms)));
                }
                Err(NotReady::Server(why)) => {
                    // It died while it was idle: another one, nothing has been sent yet. But one that was opened for this
                    // very request was never idle.
                    deaths += usize::from(server.info.connected_at >= began);
                    let words = crate::pool::upkeep::closing(&server, &why);
                    self.hub
                        .log
                        .server(Level::Log, &self.pool.key, &server.info, &words);
                    drop(server);
                    if deaths >= MOST_DEATHS {
                        return Err(Refusal::SERVER_CONNECTION_CRASHED);
                    }
                }
                Err(NotReady::Client(refusal)) => {
                    let thread = self.info.thread;
                    self.pool.give_back(server, thread, clock::micros());
                    return Err(refusal);
                }
            }
        }
    }

    /// A request that gets no server: early refusals leave the connection, everything else ends it.
    async fn fail_request(&mut self, refusal: &Refusal) -> Result<(), Refusal> {
        if refusal.sqlstate == "53300" {
            return self.answer_refused(refusal).await;
        }
        Err(refusal.clone())
    }

    /// Makes a server fit for this client: on this thread, tested, with the client's settings.
    async fn make_ready(&mut self, server: &mut Server, terms: &Terms) -> Result<(), NotReady> {
        let gone = |error: std::io::Error| NotReady::Server(error.to_string());
        server.move_to(self.info.thread).map_err(gone)?;
        if !server.idle_is_well(&self.hub.tracked) {
            return Err(NotReady::Server("server conn crashed?".to_owned()));
        }
        if let Some(sql) = terms.check_query.as_deref()
            && Duration::from_micros(self.at.saturating_sub(server.idle_since)) >= terms.check_delay
        {
            server.info.set_state(crate::server::ServerState::Tested);
            self.ask(server, sql)
                .await
                .map_err(|error| NotReady::Server(error.to_string()))?;
        }
        if !server.values.serve(&self.values) {
            let sql = server.values.change_into(&self.values, &self.hub.tracked);
            self.ask(server, &sql).await.map_err(|error| match error {
                crate::server::DialogueError::Refused(error) => NotReady::Client(Refusal::new(
                    "22023",
                    format!("invalid server parameter: {}", error.message),
                )),
                error => NotReady::Server(error.to_string()),
            })?;
            server.values.clone_from(&self.values);
            server.show_application_name();
        }
        Ok(())
    }

    /// Runs a query of the pooler's own, within the time that a connection may take.
    async fn ask(&self, server: &mut Server, sql: &str) -> Result<(), crate::server::DialogueError> {
        let limit = self.pool.terms.load().connect_timeout;
        let late = || {
            std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                "no answer to a query of the pooler's own",
            )
        };
        let done = crate::timer::within(limit, server.run(sql, &self.hub.tracked)).await;
        done.unwrap_or_else(|| Err(late().into()))
    }

    /// The client leaves and had a server of its own: it is cleaned for the next one, or closed.
    async fn part(&self, mut server: Box<Server>) {
        self.info.unlink();
        let terms = self.pool.terms.load_full();
        let resets = terms.mode == PoolMode::Session || terms.reset_always || server.dirty;
        if !server.is_clean() {
            self.close(&server, "client disconnect while server was not ready");
            return;
        }
        if let Some(sql) = terms.reset_query.as_deref().filter(|_| resets) {
            server.info.set_state(crate::server::ServerState::Tested);
            if let Err(error) = self.ask(&mut server, sql).await {
                self.close(&server, &format!("reset query failed: {error}"));
                return;
            }
            server.prepared.forget_all();
            server.dirty = false;
            if let Some(welcome) = &*self.pool.welcome.load() {
                server.values.forget_unreported(&welcome.values);
            }
        }
        self.pool.give_back(server, self.info.thread, clock::micros());
    }

    fn close(&self, server: &Server, why: &str) {
        let words = crate::pool::upkeep::closing(server, why);
        self.hub
            .log
            .server(Level::Log, &self.pool.key, &server.info, &words);
    }

    /// Tells the client why it must go, as far as it listens.
    pub(crate) fn say_goodbye(&mut self, refusal: &Refusal) {
        if self.is_inside_reply {
            return;
        }
        let mut words = Vec::new();
        refusal.put(Severity::Fatal, &mut words);
        if !words.is_empty() {
            self.outbox.push(&words);
        }
    }

    /// Notes the value of a tracked setting.
    fn note_value(&mut self, place: usize, value: Option<Arc<str>>) {
        if place == APPLICATION_NAME {
            self.info
                .set_application_name(value.as_deref().unwrap_or_default());
        }
        self.values.set(place, value);
    }

    /// SUSPEND: true when nothing is to be read from anybody. Called when everything is written.
    fn parks(&self) -> bool {
        let parks = self.info.is_to_park();
        if self.info.note_parked(parks) && parks {
            self.hub.parted.notify_waiters();
        }
        parks
    }
}

enum NotReady {
    /// The server is of no use.
    Server(String),
    /// The client wants something impossible.
    Client(Refusal),
}
