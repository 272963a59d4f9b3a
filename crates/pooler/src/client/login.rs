//! From the first byte to the first request: encryption, start-up packet, who it is, which pool.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::opening::opening;
use super::wanted::{Wanted, want};
use super::welcome::welcome;
use super::{Client, ClientInfo, Replication};
use crate::auth::client::{ClientLogin, Origin, TlsPeer, unix_user};
use crate::auth::{self, Credentials, Method, Proof};
use crate::config::{AuthType, Database};
use crate::hub::Hub;
use crate::log::Level;
use crate::net::{Outbox, Socket, Stream};
use crate::pool::{Pool, Totals};
use crate::refusal::Refusal;
use crate::session::Statements;
use crate::users::users;
use crate::wire::error::Severity;
use crate::wire::negotiate::put_negotiate;
use crate::wire::startup::Startup;

/// The newest minor version of protocol 3 that is spoken with clients.
const MINOR: u16 = 2;

/// Serves a client from its first byte to its last.
pub async fn serve(hub: Arc<Hub>, socket: Socket, info: Arc<ClientInfo>) {
    std::future::poll_fn(|cx| {
        info.note_task(cx);
        std::task::Poll::Ready(())
    })
    .await;
    hub.add_client(&info);
    let guard = Registered {
        hub: hub.clone(),
        info: info.clone(),
    };
    let limit = hub.config.load().settings.client_login_timeout;
    // Boxed: the login is over soon, and its state would stay part of every client's for good.
    let opened = Box::pin(open(&hub, socket, &info, limit)).await;
    if let Some(session) = opened {
        match session {
            Session::Client(client) => Box::pin(live(*client)).await,
            Session::Console(stream, login) => {
                Box::pin(crate::admin::serve(&hub, &info, *stream, login)).await
            }
            Session::Replication(stream, startup, pool) => {
                Box::pin(crate::replication::serve(&hub, &info, *stream, &startup, &pool)).await;
            }
        }
    }
    drop(guard);
}

async fn live(mut client: Client) {
    let reason = client.run().await;
    end(client, reason).await;
}

/// Goes on with a client that another process has let in.
pub(crate) async fn resume(mut client: Client, resumed: super::Resumed) {
    let reason = client.resume(resumed).await;
    end(client, reason).await;
}

async fn end(mut client: Client, reason: Refusal) {
    client.pool.stats.add(client.info.thread, &client.counted);
    if reason.is_hand_over() {
        return;
    }
    log_end(&client.hub, &client.info, &reason);
    client.say_goodbye(&reason);
    let Client {
        mut stream,
        mut outbox,
        ..
    } = client;
    let last_words = std::future::poll_fn(|cx| outbox.poll_empty(cx, &mut stream));
    let _ = crate::timer::timeout(Duration::from_secs(1), last_words).await;
    let _ = crate::timer::timeout(Duration::from_secs(1), stream.shutdown()).await;
}

pub(crate) fn log_end(hub: &Hub, info: &ClientInfo, reason: &Refusal) {
    let settings = &hub.config.load().settings;
    let age = crate::clock::micros().saturating_sub(info.connected_at) / 1_000_000;
    if settings.log_disconnections {
        hub.log.client(
            Level::Log,
            info,
            &format!("closing because: {} (age={age}s)", reason.message),
        );
    }
    if settings.log_pooler_errors && !reason.silent {
        hub.log
            .client(Level::Warning, info, &format!("pooler error: {}", reason.message));
    }
}

/// Takes the client off all lists, however its task ends.
pub(crate) struct Registered {
    pub(crate) hub: Arc<Hub>,
    pub(crate) info: Arc<ClientInfo>,
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.info.unlink();
        if let (Some(pool), Some(user)) = (self.info.pool.get(), self.info.user.get()) {
            pool.key.database_state.clients.fetch_sub(1, Ordering::Relaxed);
            self.hub.leave_user(user);
        }
        self.hub.remove_client(&self.info);
    }
}

/// What a client turned out to be.
enum Session {
    Client(Box<Client>),
    Console(Box<Stream>, crate::admin::Login),
    Replication(Box<Stream>, Startup, Arc<Pool>),
}

async fn open(hub: &Arc<Hub>, socket: Socket, info: &Arc<ClientInfo>, limit: Duration) -> Option<Session> {
    let mut stream = Some(Stream::Plain(socket));
    let work = crate::timer::within(limit, async {
        let startup = match opening(hub, &mut stream, info).await? {
            Some(startup) => startup,
            None => return Ok(None),
        };
        log_in(hub, &mut stream, info, startup).await.map(Some)
    });
    let refusal = tokio::select! {
        opened = work => match opened {
            Some(Ok(session)) => return session,
            Some(Err(refusal)) => refusal,
            None => Refusal::CLIENT_LOGIN_TIMEOUT,
        },
        refusal = info.sentenced() => refusal,
    };
    log_end(hub, info, &refusal);
    let mut words = Vec::new();
    refusal.put(Severity::Fatal, &mut words);
    if let Some(stream) = &mut stream
        && !words.is_empty()
    {
        let say = async {
            stream.write_all(&words).await?;
            stream.flush().await?;
            stream.shutdown().await
        };
        let _ = crate::timer::timeout(Duration::from_secs(1), say).await;
    }
    None
}

pub(crate) fn eof(_: std::io::Error) -> Refusal {
    Refusal::silent("client unexpected eof")
}

async fn log_in(
    hub: &Arc<Hub>,
    slot: &mut Option<Stream>,
    info: &Arc<ClientInfo>,
    startup: Startup,
) -> Result<Session, Refusal> {
    let stream = slot.as_mut().ok_or(Refusal::BAD_PACKET)?;
    negotiate(stream, &startup).await?;
    let user: Arc<str> = startup
        .get("user")
        .filter(|user| !user.is_empty())
        .ok_or(Refusal::NO_USERNAME)?
        .into();
    let name: Arc<str> = startup
        .get("database")
        .filter(|name| !name.is_empty())
        .unwrap_or(&user)
        .into();
    let _ = info.user.set(user.clone());
    let _ = info.database.set(name.clone());
    if &*name == "pgbouncer" {
        let rights = crate::admin::authenticate(hub, stream, info, &user).await?;
        info.is_admin.store(true, Ordering::Relaxed);
        info.set_application_name(startup.get("application_name").unwrap_or_default());
        let login = crate::admin::Login {
            rights,
            minor: startup.minor.min(MINOR),
        };
        return Ok(Session::Console(
            Box::new(slot.take().ok_or(Refusal::BAD_PACKET)?),
            login,
        ));
    }
    if hub.is_ending() {
        return Err(Refusal::SHUTTING_DOWN);
    }
    let mut wanted = want(hub, &startup, user, &name)?;
    log_attempt(hub, info, stream, wanted.replication.as_deref());
    let proof = authenticate(hub, stream, info, &wanted).await?;
    let credentials = match hub.stored_credentials(
        &wanted.database,
        wanted.database.user.as_deref().unwrap_or(&wanted.user),
    ) {
        Credentials::Nothing if wanted.database.user.is_none() => proof.credentials,
        stored => stored,
    };
    let pool = hub.pool(&wanted.database, &wanted.user, credentials);
    enter(hub, info, &wanted, &pool)?;
    if let Some(value) = &wanted.replication {
        info.set_replication(if value == "database" {
            Replication::Logical
        } else {
            Replication::Physical
        });
        let stream = slot.take().ok_or(Refusal::BAD_PACKET)?;
        return Ok(Session::Replication(Box::new(stream), startup, pool));
    }
    let mut client = Client {
        hub: hub.clone(),
        info: info.clone(),
        pool,
        stream: slot.take().ok_or(Refusal::BAD_PACKET)?,
        outbox: Outbox::default(),
        inbox: Vec::new(),
        inbox_is_new: false,
        body: 0,
        is_inside_reply: false,
        values: std::mem::take(&mut wanted.values),
        statements: Statements::default(),
        deadline: wanted.deadline,
        sentence: None,
        counted: Totals::default(),
        waits_since: None,
        at: crate::clock::micros(),
    };
    if let Err(refusal) = welcome(&mut client, startup.minor.min(MINOR)).await {
        *slot = Some(client.stream);
        return Err(refusal);
    }
    Ok(Session::Client(Box::new(client)))
}

/// Says which version is spoken, when the client asked for a newer one or for options that are unknown.
async fn negotiate(stream: &mut Stream, startup: &Startup) -> Result<(), Refusal> {
    let names = startup.parameters.iter().map(|(name, _)| name.as_str());
    let unknown: Vec<_> = names.filter(|name| name.starts_with("_pq_.")).collect();
    if startup.minor > MINOR || !unknown.is_empty() {
        let mut message = Vec::new();
        put_negotiate(startup.minor.min(MINOR), &unknown, &mut message);
        stream.write_all(&message).await.map_err(eof)?;
    }
    Ok(())
}

/// Asks the client who it is.
async fn authenticate(
    hub: &Arc<Hub>,
    stream: &mut Stream,
    info: &ClientInfo,
    wanted: &Wanted,
) -> Result<Proof, Refusal> {
    let auth_type = hub.config.load().settings.auth_type;
    check(
        hub,
        stream,
        info,
        &Asked {
            user: &wanted.user,
            database: &wanted.database,
            physical_replication: wanted
                .replication
                .as_deref()
                .is_some_and(|value| value != "database"),
            auth_type,
        },
    )
    .await
}

/// Whose word is to be checked.
pub(crate) struct Asked<'a> {
    pub(crate) user: &'a str,
    pub(crate) database: &'a Database,
    pub(crate) physical_replication: bool,
    pub(crate) auth_type: AuthType,
}

/// Runs the authentication exchange.
pub(crate) async fn check(
    hub: &Arc<Hub>,
    stream: &mut Stream,
    info: &ClientInfo,
    asked: &Asked<'_>,
) -> Result<Proof, Refusal> {
    let files = hub.files.load_full();
    let config = hub.config.load_full();
    let method = crate::users::method(asked.auth_type);
    let peer = match method {
        Method::Peer | Method::Hba => unix_peer(stream).await,
        _ => None,
    };
    let origin = match info.peer.0.parse() {
        Ok(address) => Origin::Tcp(address),
        Err(_) => Origin::Unix {
            user: peer.as_deref(),
        },
    };
    let common_name = crate::tls_start::common_name(hub, stream);
    let login = ClientLogin {
        user: asked.user,
        database: &asked.database.name,
        physical_replication: asked.physical_replication,
        method,
        rules: files.rules.as_ref(),
        maps: files.maps.as_ref(),
        origin,
        tls: stream.is_tls().then_some(TlsPeer {
            common_name: common_name.as_deref(),
        }),
        forced_user: asked.database.user.is_some(),
        scram_iterations: config.settings.scram_iterations,
        keyring: &hub.keyring,
    };
    let secrets = users(hub, &files, &config, asked.database);
    let checked = auth::client::authenticate(stream, &login, &secrets).await;
    checked.map_err(|refused| {
        hub.log
            .client(Level::Log, info, &format!("login failed: {}", refused.reason));
        match refused.told {
            Some((message, sqlstate)) => Refusal::new(sqlstate, message),
            None => Refusal::silent(refused.reason),
        }
    })
}

/// The operating system's user at the other end of a Unix socket. Names may come from another machine: they are not looked
/// up on the event loop.
async fn unix_peer(stream: &Stream) -> Option<String> {
    let uid = unix_uid(stream)?;
    let name = tokio::task::spawn_blocking(move || unix_user(uid)).await;
    name.ok()?.ok().flatten()
}

/// The number of the operating system's user at the other end of a Unix socket.
pub(crate) fn unix_uid(stream: &Stream) -> Option<u32> {
    let Socket::Unix(socket) = stream.socket() else {
        return None;
    };
    Some(socket.peer_cred().ok()?.uid())
}

pub(crate) fn log_attempt(hub: &Hub, info: &ClientInfo, stream: &Stream, replication: Option<&str>) {
    if hub.config.load().settings.log_connections {
        let name = |slot: &std::sync::OnceLock<Arc<str>>| {
            slot.get().map(|name| name.to_string()).unwrap_or_default()
        };
        let tls = if stream.is_tls() {
            stream.tls_words()
        } else {
            "no".to_owned()
        };
        let (database, user) = (name(&info.database), name(&info.user));
        let replication = match replication {
            None => "no",
            Some("database") => "database",
            Some(_) => "yes",
        };
        let words = format!("login attempt: db={database} user={user} tls={tls} replication={replication}");
        hub.log.client(Level::Log, info, &words);
    }
}

/// Counts the client in, as far as the limits allow.
fn enter(hub: &Arc<Hub>, info: &Arc<ClientInfo>, wanted: &Wanted, pool: &Arc<Pool>) -> Result<(), Refusal> {
    let config = hub.config.load();
    let settings = &config.settings;
    if hub.client_count() > settings.max_client_conn as usize {
        return Err(Refusal::MAX_CLIENT_CONN);
    }
    let state = &pool.key.database_state;
    let most = wanted
        .database
        .max_db_client_connections
        .unwrap_or(settings.max_db_client_connections);
    if most > 0 && state.clients.load(Ordering::Relaxed) >= most as usize {
        return Err(Refusal::new(
            "53300",
            "client connections exceeded (max_db_client_connections)",
        ));
    }
    let user = config.users.get(&*wanted.user);
    let most = user
        .and_then(|user| user.max_user_client_connections)
        .unwrap_or(settings.max_user_client_connections);
    if !hub.enter_user(&wanted.user, most as usize) {
        return Err(Refusal::new(
            "53300",
            "client connections exceeded (max_user_client_connections)",
        ));
    }
    state.clients.fetch_add(1, Ordering::Relaxed);
    // Set exactly once, and undone by `Registered`.
    let _ = info.pool.set(pool.clone());
    Ok(())
}
