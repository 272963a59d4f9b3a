//! What the console's commands do. Words and tags are pgbouncer's.

use std::future::poll_fn;
use std::os::fd::AsFd;
use std::task::Poll;

use tokio::io::AsyncBufReadExt;

use super::parse::{Command, Statement};
use super::{Console, Rights, show};
use crate::client::{ClientState, Order, eof, unix_uid};
use crate::clock;
use crate::control::Shutdown;
use crate::log::Level;
use crate::refusal::Refusal;
use crate::reload;
use crate::takeover::{self, Giving, VERSION};
use crate::wire::error::put_notice;
use crate::wire::row::put_complete;

/// A command's outcome: messages up to and with its CommandComplete, or the error that is its answer.
type Answer = Result<Vec<u8>, Refusal>;

/// Settings that clients change without being asked to; the console accepts that and does nothing.
pub(super) const PRETENDED: [(&str, &str); 6] = [
    ("client_encoding", "UTF-8"),
    ("default_transaction_isolation", "read committed"),
    ("standard_conforming_strings", "on"),
    ("datestyle", "ISO"),
    ("timezone", "GMT"),
    ("extra_float_digits", "2"),
];

/// The SQLSTATE for what is no command.
const SYNTAX: &str = "42601";

fn complete(tag: &str) -> Answer {
    let mut answer = Vec::new();
    put_complete(tag, &mut answer);
    Ok(answer)
}

fn needs_admin() -> Refusal {
    Refusal::new("42501", "admin access needed")
}

fn invalid(command: &str) -> Refusal {
    Refusal::new(SYNTAX, format!("invalid command '{command}', use SHOW HELP;"))
}

impl Console<'_> {
    /// Runs a command.
    ///
    /// # Errors
    /// Why the console ends.
    pub(super) async fn run(&mut self, statement: &Statement<'_>) -> Result<Answer, Refusal> {
        let answer = match &statement.command {
            None => Err(invalid(statement.text)),
            Some(Command::Set { key, value }) => self.set(key, value).await,
            Some(Command::Word { word, argument }) => {
                let argument = argument.as_deref().filter(|argument| !argument.is_empty());
                match word.as_str() {
                    "show" | "select" => show::show(self.hub, argument.unwrap_or_default(), self.rights)
                        .unwrap_or_else(|| Err(invalid(statement.text))),
                    word if !is_known(word, argument) => Err(invalid(statement.text)),
                    _ if self.rights != Rights::Admin => Err(needs_admin()),
                    word => self.act(word, argument).await?,
                }
            }
        };
        // Why a RELOAD failed is in the log already, and that it did.
        if let Err(refusal) = &answer
            && refusal.sqlstate != reload::RELOAD_FAILED
        {
            // What cannot be understood may be anything, a password too.
            let is_ours = refusal.sqlstate != SYNTAX;
            self.hub.log.line(
                Level::Error,
                if is_ours {
                    &refusal.message
                } else {
                    "invalid command on the console"
                },
            );
        }
        Ok(answer)
    }

    async fn act(&mut self, word: &str, argument: Option<&str>) -> Result<Answer, Refusal> {
        let hub = self.hub.clone();
        let database = || argument.ok_or_else(|| Refusal::new("22023", "a database is required"));
        let done = match word {
            "pause" => match hub.pause(argument) {
                Ok(()) => return self.finish_pause(argument).await,
                Err(refusal) => Err(refusal),
            },
            "suspend" => match hub.suspend() {
                Ok(()) => return self.finish_suspend().await,
                Err(refusal) => Err(refusal),
            },
            "hand_over" => return self.hand_over(argument).await,
            "wait_close" => {
                let waiting = hub.wait_close(argument);
                self.wait(waiting).await?.unwrap_or(Err(Refusal::CANCELLED))
            }
            "reload" => reload::reload(&hub).await,
            "shutdown" => return self.shut_down(argument).await,
            "resume" => hub.resume(argument),
            "reconnect" => hub.reconnect(argument),
            "disable" => database().and_then(|name| hub.disable(name, true)),
            "enable" => database().and_then(|name| hub.disable(name, false)),
            "kill" => hub.kill(argument),
            _ => client_id(argument).and_then(|id| hub.kill_client(id)),
        };
        Ok(done.and_then(|()| complete(&word.to_ascii_uppercase())))
    }

    /// PAUSE is answered when no server is left.
    async fn finish_pause(&mut self, database: Option<&str>) -> Result<Answer, Refusal> {
        let hub = self.hub.clone();
        if self.wait(hub.until_quiet(database)).await?.is_some() {
            return Ok(complete("PAUSE"));
        }
        // Undone, unless somebody else has done so.
        let _ = hub.resume(database);
        Ok(Err(Refusal::CANCELLED))
    }

    /// SUSPEND is answered when nobody moves any more.
    async fn finish_suspend(&mut self) -> Result<Answer, Refusal> {
        let hub = self.hub.clone();
        if self.wait(hub.until_suspended()).await?.is_some() {
            return Ok(complete("SUSPEND"));
        }
        let _ = hub.resume(None);
        Ok(Err(Refusal::CANCELLED))
    }

    async fn shut_down(&mut self, argument: Option<&str>) -> Result<Answer, Refusal> {
        let how = shutdown(argument).unwrap_or(Shutdown::WaitForClients);
        let words = match argument {
            Some(argument) => format!("SHUTDOWN {} command issued", argument.to_ascii_uppercase()),
            None => "SHUTDOWN command issued".to_owned(),
        };
        self.hub.log.line(Level::Log, &words);
        self.hub.shut_down(how);
        if how == Shutdown::Immediate {
            // The connection stays until the process has ended: that is the answer.
            std::future::pending::<()>().await;
        }
        Ok(complete("SHUTDOWN"))
    }

    /// Another process takes everything over, and then this one ends. Not for administrators: the conversation that
    /// follows has file descriptors in it, and secrets.
    async fn hand_over(&mut self, version: Option<&str>) -> Result<Answer, Refusal> {
        let socket = self.stream.get_ref().socket();
        if unix_uid(self.stream.get_ref()) != Some(nix::unistd::getuid().as_raw()) {
            return Ok(Err(Refusal::new(
                "42501",
                "only the pooler's own user takes over, by the Unix socket",
            )));
        }
        if version != Some(&VERSION.to_string()) {
            let words = format!("hand-over is spoken in version {VERSION} here");
            return Ok(Err(Refusal::new("0A000", words)));
        }
        if !self.stream.buffer().is_empty() {
            return Ok(Err(Refusal::BAD_PACKET));
        }
        let socket = socket.as_fd().try_clone_to_owned().map_err(eof)?;
        let giving = match Giving::begin(self.hub) {
            Ok(giving) => giving,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if self.wait(giving.until_still()).await?.is_none() {
            return Ok(Err(Refusal::CANCELLED));
        }
        let mut answer = Vec::new();
        put_complete("HAND_OVER", &mut answer);
        self.say(&answer).await?;
        let hub = self.hub.clone();
        if let Err(error) = takeover::hand_over(giving, socket.into()).await {
            hub.log
                .line(Level::Warning, &format!("hand-over failed: {error}"));
        }
        Err(Refusal::silent("hand-over is over"))
    }

    async fn set(&mut self, key: &str, value: &str) -> Answer {
        if PRETENDED.iter().any(|(name, _)| *name == key) {
            let mut answer = Vec::new();
            put_notice("SET ignored", &mut answer);
            put_complete("SET", &mut answer);
            return Ok(answer);
        }
        if self.rights != Rights::Admin {
            return Err(needs_admin());
        }
        reload::set(self.hub, key, value).await?;
        complete(&format!("SET {key}={value}"))
    }

    /// Waits for something, and for the administrator to leave or to cancel it, which gives `None`.
    async fn wait<T>(&mut self, work: impl Future<Output = T>) -> Result<Option<T>, Refusal> {
        self.info.set_state(ClientState::Waiting, clock::micros());
        let (info, stream) = (self.info, &mut self.stream);
        let ordered = poll_fn(|_| info.next_order().map_or(Poll::Pending, Poll::Ready));
        let left = async {
            match stream.fill_buf().await {
                Ok([]) => Refusal::silent("client unexpected eof"),
                // The next query waits for its turn.
                Ok(_) => std::future::pending().await,
                Err(error) => eof(error),
            }
        };
        let done = tokio::select! {
            done = work => Ok(Some(done)),
            refusal = left => Err(refusal),
            order = ordered => match order {
                Order::End(refusal) => Err(refusal),
                Order::CancelWait | Order::NotifyWait => Ok(None),
            },
        };
        self.info.wait_is_over();
        self.info.set_state(ClientState::Idle, clock::micros());
        done
    }
}

/// True for commands beside SHOW and SET, with what may stand behind them.
fn is_known(word: &str, argument: Option<&str>) -> bool {
    match word {
        "disable" | "enable" | "kill" | "kill_client" | "pause" | "reconnect" | "resume" | "wait_close" => {
            true
        }
        "hand_over" => argument.is_some(),
        "reload" | "suspend" => argument.is_none(),
        "shutdown" => shutdown(argument).is_some(),
        _ => false,
    }
}

fn shutdown(argument: Option<&str>) -> Option<Shutdown> {
    match argument.map(str::to_ascii_lowercase).as_deref() {
        None => Some(Shutdown::Immediate),
        Some("wait_for_clients") => Some(Shutdown::WaitForClients),
        Some("wait_for_servers") => Some(Shutdown::WaitForServers),
        Some(_) => None,
    }
}

fn client_id(argument: Option<&str>) -> Result<u64, Refusal> {
    let id = argument.and_then(|id| id.parse().ok());
    id.ok_or_else(|| {
        Refusal::new("22023", "invalid client pointer supplied").with_hint("take the id of SHOW CLIENTS")
    })
}
