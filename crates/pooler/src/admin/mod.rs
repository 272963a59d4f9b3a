//! The administrator's console: the database `pgbouncer`. It speaks the simple query protocol only, uses no pool, and
//! counts against no limit.

mod parse;
mod run;
mod show;
mod table;

pub(crate) use show::shown_pools;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};

use crate::client::{Asked, ClientInfo, ClientState, check, eof, log_attempt, log_end, unix_uid};
use crate::clock;
use crate::config::{AuthType, Database};
use crate::hub::Hub;
use crate::log::Level;
use crate::net::Stream;
use crate::pool::{Mode, Totals};
use crate::refusal::Refusal;
use crate::wire::error::{Severity, put_error};
use crate::wire::parameter_status::put_status;
use crate::wire::ready::READY_IDLE;
use crate::wire::{self, HEADER, query};

/// The console's database, and the user that may enter from the pooler's own account.
pub(crate) const CONSOLE: &str = "pgbouncer";
/// The pgbouncer whose console this is, as tools look for it.
pub(crate) const COMPATIBLE: &str = "1.25.0";
/// The longest message on the console, in bytes: no command has a tenth of that.
const LONGEST: usize = 64 * 1024;
/// Bytes that are read ahead: nearly every query fits.
const READ_AHEAD: usize = 512;
/// What a console is told about itself.
const PARAMETERS: [(&str, &str); 6] = [
    ("client_encoding", "UTF8"),
    ("server_encoding", "UTF8"),
    ("DateStyle", "ISO"),
    ("TimeZone", "GMT"),
    ("standard_conforming_strings", "on"),
    ("is_superuser", "on"),
];

/// What somebody may do on the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Everything.
    Admin,
    /// Look.
    Look,
}

/// Who has come in, and how.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Login {
    pub(crate) rights: Rights,
    /// The minor version of protocol 3.
    pub(crate) minor: u16,
}

/// Lets an administrator in.
///
/// # Errors
/// When it is none.
pub(crate) async fn authenticate(
    hub: &Arc<Hub>,
    stream: &mut Stream,
    info: &ClientInfo,
    user: &str,
) -> Result<Rights, Refusal> {
    if user == CONSOLE && unix_uid(stream) == Some(nix::unistd::getuid().as_raw()) {
        if hub.config.load().settings.log_connections {
            hub.log
                .client(Level::Log, info, "pgbouncer access from unix socket");
        }
        return Ok(Rights::Admin);
    }
    log_attempt(hub, info, stream, None);
    let config = hub.config.load_full();
    let settings = &config.settings;
    let is_in = |users: &[String]| users.iter().any(|name| name == user);
    if settings.auth_type == AuthType::Any {
        // Nobody is asked, so names prove nothing; as in pgbouncer they count all the same.
        return Ok(if is_in(&settings.admin_users) {
            Rights::Admin
        } else {
            Rights::Look
        });
    }
    let database = Database {
        name: CONSOLE.to_owned(),
        ..Database::default()
    };
    let asked = Asked {
        user,
        database: &database,
        physical_replication: false,
        auth_type: settings.auth_type,
    };
    check(hub, stream, info, &asked).await?;
    if is_in(&settings.admin_users) {
        Ok(Rights::Admin)
    } else if is_in(&settings.stats_users) {
        Ok(Rights::Look)
    } else {
        Err(Refusal::new("28000", "not allowed").with_hint("name the user in admin_users or stats_users"))
    }
}

/// A console.
pub(crate) struct Console<'a> {
    hub: &'a Arc<Hub>,
    info: &'a Arc<ClientInfo>,
    stream: BufReader<Stream>,
    rights: Rights,
}

/// Serves the console.
pub(crate) async fn serve(hub: &Arc<Hub>, info: &Arc<ClientInfo>, stream: Stream, login: Login) {
    let mut console = Console {
        hub,
        info,
        stream: BufReader::with_capacity(READ_AHEAD, stream),
        rights: login.rights,
    };
    let reason = match console.welcome(login.minor).await {
        Ok(()) => console.live().await,
        Err(reason) => reason,
    };
    log_end(hub, info, &reason);
    let mut words = Vec::new();
    reason.put(Severity::Fatal, &mut words);
    let goodbye = async {
        console.stream.write_all(&words).await?;
        console.stream.flush().await?;
        console.stream.shutdown().await
    };
    let _ = crate::timer::timeout(std::time::Duration::from_secs(1), goodbye).await;
    info.is_admin.store(false, Ordering::Relaxed);
    resume_after_the_last(hub, login.rights);
}

/// Nobody is left who could end a SUSPEND.
fn resume_after_the_last(hub: &Hub, rights: Rights) {
    let is_console = |client: &Arc<ClientInfo>| client.is_admin.load(Ordering::Relaxed);
    if rights == Rights::Admin && hub.gate.mode() == Mode::Suspended && !hub.clients().iter().any(is_console)
    {
        hub.log
            .line(Level::Log, "admin disappeared when suspended, doing RESUME");
        // It is suspended, so it can be resumed, unless somebody was faster.
        let _ = hub.resume(None);
    }
}

impl Console<'_> {
    async fn welcome(&mut self, minor: u16) -> Result<(), Refusal> {
        let key = self.hub.cancel_keys.give(self.info, minor);
        let key = key.map_err(|error| Refusal::new("XX000", format!("no random numbers: {error}")))?;
        let _ = self.info.key.set(key.clone());
        let mut words = vec![b'R', 0, 0, 0, 8, 0, 0, 0, 0];
        put_status(
            b"server_version",
            format!("{COMPATIBLE}/bouncer").as_bytes(),
            &mut words,
        );
        for (name, value) in PARAMETERS {
            put_status(name.as_bytes(), value.as_bytes(), &mut words);
        }
        key.put(&mut words);
        words.extend_from_slice(&READY_IDLE);
        self.say(&words).await
    }

    /// Runs queries until somebody ends it; why.
    async fn live(&mut self) -> Refusal {
        loop {
            self.info.set_state(ClientState::Idle, clock::micros());
            let (info, stream) = (self.info, &mut self.stream);
            let message = tokio::select! {
                refusal = info.sentenced() => return refusal,
                message = message(stream) => message,
            };
            let done = match message {
                Ok(message) => self.handle(&message).await,
                Err(refusal) => Err(refusal),
            };
            if let Err(refusal) = done {
                return refusal;
            }
        }
    }

    async fn handle(&mut self, message: &[u8]) -> Result<(), Refusal> {
        let now = clock::micros();
        self.info.request_at.store(now, Ordering::Relaxed);
        match message[0] {
            b'Q' => {
                let text = query::text(message).and_then(|text| std::str::from_utf8(text).ok());
                let text = text.ok_or(Refusal::BAD_PACKET)?.to_owned();
                let sent = self.query(&text).await?;
                let took = clock::micros().saturating_sub(now);
                let counted = Totals {
                    xacts: 1,
                    queries: 1,
                    received: message.len() as u64,
                    sent,
                    xact_time: took,
                    query_time: took,
                    ..Totals::default()
                };
                self.hub.console_stats.add(self.info.thread, &counted);
                Ok(())
            }
            b'X' => Err(Refusal::silent("client close request")),
            b'P' | b'B' | b'E' | b'D' | b'C' | b'S' | b'H' | b'F' => Err(Refusal::new(
                "0A000",
                "extended query protocol not supported by admin console",
            )),
            kind => {
                let words = format!(
                    "unsupported packet type for admin console: {}",
                    char::from(kind).escape_default()
                );
                Err(Refusal::new("08P01", words))
            }
        }
    }

    /// Answers a query; how many bytes that took.
    async fn query(&mut self, text: &str) -> Result<u64, Refusal> {
        let statements = parse::statements(text);
        let mut sent = 0;
        if statements.is_empty() {
            // EmptyQueryResponse
            self.say(b"I\0\0\0\x04").await?;
            sent += 5;
        }
        for statement in &statements {
            match self.run(statement).await? {
                Ok(answer) => {
                    self.say(&answer).await?;
                    sent += answer.len();
                }
                Err(refusal) => {
                    let mut answer = Vec::new();
                    let hint = refusal.hint.as_deref();
                    put_error(
                        Severity::Error,
                        &refusal.sqlstate,
                        &refusal.message,
                        hint,
                        &mut answer,
                    );
                    self.say(&answer).await?;
                    sent += answer.len();
                    break;
                }
            }
        }
        self.say(&READY_IDLE).await?;
        Ok((sent + READY_IDLE.len()) as u64)
    }

    async fn say(&mut self, words: &[u8]) -> Result<(), Refusal> {
        self.stream.write_all(words).await.map_err(eof)?;
        self.stream.flush().await.map_err(eof)
    }
}

/// Reads a message.
async fn message(stream: &mut BufReader<Stream>) -> Result<Vec<u8>, Refusal> {
    let mut message = vec![0; HEADER];
    stream.read_exact(&mut message).await.map_err(eof)?;
    let head = wire::client_head(&message).map_err(|error| Refusal::silent(error.to_string()))?;
    let total = head.map_or(0, |head| head.total);
    if !(HEADER..=LONGEST).contains(&total) {
        return Err(Refusal::new(
            "54000",
            format!("a message of {total} bytes on the console, which takes {LONGEST}"),
        ));
    }
    message.resize(total, 0);
    stream.read_exact(&mut message[HEADER..]).await.map_err(eof)?;
    Ok(message)
}
