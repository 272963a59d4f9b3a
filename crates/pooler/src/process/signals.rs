//! What signals do: as on the console, with pgbouncer's words in the log.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::service;
use crate::control::Shutdown;
use crate::hub::Hub;
use crate::log::Level;
use crate::pool::Mode;
use crate::pooler::Phase;
use crate::reload;

/// The signals that a pooler hears.
pub struct Signals {
    hangup: Signal,
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
    user1: Signal,
    user2: Signal,
}

impl Signals {
    /// From now on signals are heard, and do not end the process by themselves.
    ///
    /// # Errors
    /// The kernel's.
    pub fn hear() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    /// Does what signals ask for until the pooler has ended.
    pub async fn obey(mut self, hub: &Arc<Hub>) {
        let mut phases = hub.phases.subscribe();
        let ended = phases.wait_for(|phase| *phase == Phase::Ended);
        tokio::pin!(ended);
        loop {
            tokio::select! {
                _ = &mut ended => return,
                _ = self.hangup.recv() => reload(hub).await,
                _ = self.terminate.recv() => shut_down(hub, "SIGTERM", Shutdown::WaitForClients),
                _ = self.interrupt.recv() => shut_down(hub, "SIGINT", Shutdown::WaitForServers),
                _ = self.quit.recv() => {
                    hub.log.line(Level::Log, "got SIGQUIT, fast exit");
                    hub.shut_down(Shutdown::Immediate);
                }
                _ = self.user1.recv() => pause(hub),
                _ = self.user2.recv() => resume(hub),
            }
        }
    }
}

async fn reload(hub: &Arc<Hub>) {
    hub.log.line(Level::Log, "got SIGHUP, re-reading config");
    service::reloading();
    let own = hub.clone();
    // What went wrong is in the log.
    let _ = tokio::task::spawn_blocking(move || reload::reload_now(&own)).await;
    service::ready();
}

fn shut_down(hub: &Hub, signal: &str, how: Shutdown) {
    if hub.shutdown_under_way().is_some() {
        let words = format!("got {signal} while shutting down, fast exit");
        hub.log.line(Level::Log, &words);
        return hub.shut_down(Shutdown::Immediate);
    }
    let waits_for = match how {
        Shutdown::WaitForServers => "waiting for all servers connections to be released",
        _ => "waiting for all clients disconnect",
    };
    hub.log
        .line(Level::Log, &format!("got {signal}, shutting down, {waits_for}"));
    service::stopping();
    if matches!(hub.gate.mode(), Mode::Suspended | Mode::HandingOver) {
        hub.log
            .line(Level::Fatal, "suspend was in progress, going down immediately");
        return hub.shut_down(Shutdown::Immediate);
    }
    hub.shut_down(how);
}

fn pause(hub: &Hub) {
    let words = if hub.pause_all() {
        "got SIGUSR1, pausing all activity"
    } else {
        "got SIGUSR1, but already paused/suspended"
    };
    hub.log.line(Level::Log, words);
}

fn resume(hub: &Hub) {
    if hub.shutdown_under_way().is_some() {
        return hub
            .log
            .line(Level::Log, "got SIGUSR2 while shutting down, ignoring");
    }
    let words = match hub.gate.mode() {
        Mode::Suspended => "got SIGUSR2, continuing from SUSPEND",
        Mode::Paused => "got SIGUSR2, continuing from PAUSE",
        Mode::Active | Mode::Draining | Mode::HandingOver | Mode::TakingOver => {
            "got SIGUSR2, but not paused/suspended"
        }
    };
    hub.log.line(Level::Log, words);
    hub.resume_mode();
}
