//! What administrators do to a running pooler, from the console or by signals. Words of errors and log lines are
//! pgbouncer's.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::admin::CONSOLE;
use crate::client::{ClientInfo, ClientState, Order};
use crate::hub::Hub;
use crate::log::Level;
use crate::pool::{DatabaseState, Mode, Pool};
use crate::pooler::Phase;
use crate::refusal::Refusal;
use crate::takeover::Parcels;

/// What administrators and signals have under way.
#[derive(Debug, Default)]
pub struct Control {
    /// Held while the configuration is being replaced.
    pub(crate) changing: Mutex<()>,
    shutdown: AtomicU8,
    /// Clients that stand still for a hand-over, packed.
    pub(crate) parcels: Parcels,
}

/// How the pooler ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Shutdown {
    /// When all clients have left by themselves.
    WaitForClients = 1,
    /// When no server is used any more.
    WaitForServers = 2,
    /// At once.
    Immediate = 3,
}

impl Shutdown {
    fn read(value: u8) -> Option<Self> {
        [Self::WaitForClients, Self::WaitForServers, Self::Immediate]
            .into_iter()
            .find(|kind| *kind as u8 == value)
    }
}

pub(crate) fn state_error(message: &'static str) -> Refusal {
    Refusal::new("55000", message)
}

impl Hub {
    /// The state of a database that an administrator names, which may be one that the entry `*` stands for.
    fn named(&self, name: &str, deed: &str) -> Result<Arc<DatabaseState>, Refusal> {
        if name == CONSOLE {
            return Err(Refusal::new("0A000", format!("cannot {deed} admin db: {name}")));
        }
        match self.database(name) {
            Some(_) => Ok(self.database_state(name)),
            None => Err(Refusal::no_such_database(name)),
        }
    }

    /// Logs that a command was issued.
    fn note(&self, command: &str, database: Option<&str>) {
        let words = match database {
            Some(name) => format!("{command} '{name}' command issued"),
            None => format!("{command} command issued"),
        };
        self.log.line(Level::Log, &words);
    }

    fn pools_of(&self, database: Option<&str>) -> Vec<Arc<Pool>> {
        let mut pools = self.pools();
        pools.retain(|pool| database.is_none_or(|name| *pool.key.database == *name));
        pools
    }

    /// Clients that are no consoles and have logged in, of one database or of all.
    fn clients_of(&self, database: Option<&str>) -> Vec<Arc<ClientInfo>> {
        let mut clients = self.clients();
        clients.retain(|client| {
            client
                .pool
                .get()
                .is_some_and(|pool| database.is_none_or(|name| *pool.key.database == *name))
        });
        clients
    }

    /// Waits until `condition` holds; it is looked at whenever a client or server has ended or stopped.
    pub(crate) async fn until(&self, condition: impl Fn() -> bool) {
        loop {
            let parted = self.parted.notified();
            tokio::pin!(parted);
            parted.as_mut().enable();
            if condition() {
                return;
            }
            parted.await;
        }
    }

    /// PAUSE: nobody gets a server any more, free ones are closed. [`Self::until_quiet`] waits for the others.
    ///
    /// # Errors
    /// Already paused or suspended, or no such database.
    pub fn pause(&self, database: Option<&str>) -> Result<(), Refusal> {
        if self.gate.mode() != Mode::Active {
            return Err(state_error("already suspended/paused"));
        }
        let Some(name) = database else {
            self.note("PAUSE", None);
            return if self.pause_all() {
                Ok(())
            } else {
                Err(state_error("already suspended/paused"))
            };
        };
        let state = self.named(name, "pause")?;
        self.note("PAUSE", database);
        state.set_paused(true);
        for pool in self.pools_of(database) {
            pool.close_idle("pause mode");
        }
        Ok(())
    }

    /// Pauses everything; false when everything is paused or suspended.
    pub(crate) fn pause_all(&self) -> bool {
        let paused = self.gate.change(Mode::Active, Mode::Paused);
        if paused {
            for pool in self.pools() {
                pool.close_idle("pause mode");
            }
        }
        paused
    }

    /// Waits until a paused database, or all, has no server connection any more.
    pub async fn until_quiet(&self, database: Option<&str>) {
        self.until(|| {
            self.pools_of(database)
                .iter()
                .all(|pool| pool.connected_servers() == 0)
        })
        .await;
    }

    /// RESUME: the end of PAUSE, KILL and SUSPEND.
    ///
    /// # Errors
    /// Nothing to resume, or the pooler is ending.
    pub fn resume(&self, database: Option<&str>) -> Result<(), Refusal> {
        match database {
            None => {
                self.note("RESUME", None);
                if self.shutdown_under_way().is_some() {
                    return Err(Refusal::SHUTTING_DOWN);
                }
                self.resume_all()?;
            }
            Some(name) => {
                if name != CONSOLE && self.database(name).is_none() {
                    return Err(Refusal::no_such_database(name));
                }
                self.note("RESUME", database);
                if !self.database_state(name).set_paused(false) {
                    return Err(Refusal::new("55000", format!("database {name} is not paused")));
                }
            }
        }
        self.upkeep.notify_one();
        Ok(())
    }

    /// Ends the mode that holds for all databases; where there is none, every PAUSE and KILL of single databases.
    fn resume_all(&self) -> Result<(), Refusal> {
        if self.resume_mode() {
            return Ok(());
        }
        let paused = self
            .database_states()
            .into_iter()
            .filter(|(_, state)| state.set_paused(false));
        if paused.count() == 0 {
            return Err(state_error("pooler is not paused/suspended"));
        }
        Ok(())
    }

    /// Ends the mode that holds for all databases; false when there is none.
    pub(crate) fn resume_mode(&self) -> bool {
        let was_suspended = self.gate.change(Mode::Suspended, Mode::Active);
        if was_suspended {
            for client in self.clients() {
                client.set_parking(false);
            }
        }
        let resumed = was_suspended || self.gate.change(Mode::Paused, Mode::Active);
        if resumed {
            self.upkeep.notify_one();
        }
        resumed
    }

    /// SUSPEND: nothing is read from anybody any more. [`Self::until_suspended`] waits until everything is written.
    ///
    /// # Errors
    /// Already paused or suspended.
    pub fn suspend(&self) -> Result<(), Refusal> {
        if self.gate.mode() != Mode::Active {
            return Err(state_error("already suspended/paused"));
        }
        if self
            .database_states()
            .iter()
            .any(|(_, state)| state.is_paused_itself())
        {
            return Err(state_error("cannot suspend with paused databases"));
        }
        self.note("SUSPEND", None);
        if !self.gate.change(Mode::Active, Mode::Suspended) {
            return Err(state_error("already suspended/paused"));
        }
        for client in self.clients() {
            client.set_parking(true);
        }
        Ok(())
    }

    /// Waits until all clients have stopped, with nothing left to write to anybody. Those that cannot within
    /// `suspend_timeout` are sent away.
    pub async fn until_suspended(&self) {
        let limit = self.config.load().settings.suspend_timeout;
        let all = self.until(|| self.clients().iter().all(|client| stands_still(client)));
        if limit.is_zero() {
            return all.await;
        }
        if crate::timer::timeout(limit, all).await.is_ok() {
            return;
        }
        let is_late = |client: &ClientInfo| !stands_still(client) && client.state() != ClientState::Login;
        for client in self.clients().iter().filter(|client| is_late(client)) {
            client.order(Order::End(Refusal::SUSPEND_TIMEOUT));
        }
        let rest = self.until(|| !self.clients().iter().any(|client| is_late(client)));
        // Whoever does not even take its last words has a second for that.
        let _ = crate::timer::timeout(Duration::from_secs(3), rest).await;
    }

    /// RECONNECT: servers leave when they are free, new ones take their places.
    ///
    /// # Errors
    /// No such database.
    pub fn reconnect(&self, database: Option<&str>) -> Result<(), Refusal> {
        if let Some(name) = database {
            self.named(name, "reconnect")?;
        }
        self.note("RECONNECT", database);
        for pool in self.pools_of(database) {
            pool.reconnect();
        }
        self.upkeep.notify_one();
        Ok(())
    }

    /// DISABLE and ENABLE: whether a database takes new clients.
    ///
    /// # Errors
    /// No such database.
    pub fn disable(&self, database: &str, disabled: bool) -> Result<(), Refusal> {
        let (command, deed) = if disabled {
            ("DISABLE", "disable")
        } else {
            ("ENABLE", "enable")
        };
        let state = self.named(database, deed)?;
        self.note(command, Some(database));
        state.set_disabled(disabled);
        Ok(())
    }

    /// KILL: pauses a database, or every one that is in use, and drops its clients and servers at once.
    ///
    /// # Errors
    /// Already paused or suspended, or no such database.
    pub fn kill(&self, database: Option<&str>) -> Result<(), Refusal> {
        if self.gate.mode() != Mode::Active {
            return Err(state_error("already suspended/paused"));
        }
        if let Some(name) = database {
            self.named(name, "kill")?.set_paused(true);
        }
        self.note("KILL", database);
        let pools = self.pools_of(database);
        for pool in &pools {
            pool.key.database_state.set_paused(true);
        }
        for client in self.clients_of(database) {
            client.order(Order::End(Refusal::KILLED));
        }
        for pool in &pools {
            pool.reconnect();
        }
        Ok(())
    }

    /// KILL_CLIENT: drops one client, and the server that it has.
    ///
    /// # Errors
    /// No such client.
    pub fn kill_client(&self, id: u64) -> Result<(), Refusal> {
        let client = self
            .clients()
            .into_iter()
            .find(|client| client.id == id && client.state() != ClientState::Login);
        let client = client.ok_or_else(|| Refusal::new("42704", "client not found"))?;
        client.order(Order::End(Refusal::KILLED));
        Ok(())
    }

    /// WAIT_CLOSE: waits until the servers have left that RECONNECT or RELOAD made leave.
    ///
    /// # Errors
    /// No such database.
    pub async fn wait_close(&self, database: Option<&str>) -> Result<(), Refusal> {
        if let Some(name) = database {
            self.named(name, "wait in")?;
        }
        self.note("WAIT_CLOSE", database);
        self.until(|| !self.pools_of(database).iter().any(|pool| pool.is_closing()))
            .await;
        Ok(())
    }

    /// The shutdown that is under way.
    pub fn shutdown_under_way(&self) -> Option<Shutdown> {
        Shutdown::read(self.control.shutdown.load(Ordering::SeqCst))
    }

    /// SHUTDOWN, without a word in the log.
    pub fn shut_down(&self, how: Shutdown) {
        self.control.shutdown.store(how as u8, Ordering::SeqCst);
        match how {
            Shutdown::WaitForClients => {
                self.enter_phase(Phase::Closed);
            }
            Shutdown::WaitForServers => {
                self.enter_phase(Phase::Closed);
                self.pause_all();
            }
            Shutdown::Immediate => {
                self.enter_phase(Phase::Ended);
            }
        }
    }

    /// Ends the pooler when what it waits for has come.
    pub(crate) fn end_when_due(&self) {
        let words = match self.shutdown_under_way() {
            Some(Shutdown::WaitForClients) if self.clients().iter().all(|client| !counts(client)) => {
                "client connections dropped, exiting"
            }
            Some(Shutdown::WaitForServers) if self.has_no_servers() => "server connections dropped, exiting",
            _ => return,
        };
        if self.enter_phase(Phase::Ended) {
            self.log.line(Level::Log, words);
        }
    }

    fn has_no_servers(&self) -> bool {
        self.pools().iter().all(|pool| pool.connected_servers() == 0)
            && !self.clients().iter().any(|client| client.server().is_some())
    }

    /// Why those who wait for a server will not get one, when the pooler is ending.
    pub(crate) fn refuses_waiting(&self) -> Option<Refusal> {
        match self.shutdown_under_way()? {
            Shutdown::WaitForServers | Shutdown::Immediate => Some(Refusal::SERVER_SHUTTING_DOWN),
            Shutdown::WaitForClients => None,
        }
    }
}

/// The pooler waits for this one before it ends: a client, not a console, not a cancel request.
pub(crate) fn counts(client: &ClientInfo) -> bool {
    !client.is_admin.load(Ordering::Relaxed) && client.cancels.get().is_none()
}

/// SUSPEND need not wait for this one.
fn stands_still(client: &ClientInfo) -> bool {
    client.is_parked() || !counts(client)
}
