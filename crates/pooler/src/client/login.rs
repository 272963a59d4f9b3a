//! From the first byte to the first request: encryption, start-up packet, who it is, which pool.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Client, ClientInfo, ClientState, Replication};
use crate::auth::client::{ClientLogin, Origin, TlsPeer, unix_user};
use crate::auth::{self, Credentials, Method, Proof};
use crate::cancel;
use crate::config::{AuthType, Database, PoolMode};
use crate::hub::Hub;
use crate::log::Level;
use crate::net::{Outbox, Socket, Stream};
use crate::pool::{Pool, Totals};
use crate::refusal::Refusal;
use crate::session::{Statements, Values, as_reported};
use crate::users::users;
use crate::wire::error::Severity;
use crate::wire::negotiate::put_negotiate;
use crate::wire::parameter_status::put_status;
use crate::wire::ready::READY_IDLE;
use crate::wire::startup::{BadOpening, MAX_STARTUP, Opening, Startup};

/// The newest minor version of protocol 3 that is spoken with clients.
const MINOR: u16 = 2;
/// AuthenticationOk.
const AUTHENTICATION_OK: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 0];
/// Packets before the start-up packet at most: requests for GSSAPI and for TLS.
const MAX_OPENINGS: usize = 4;
/// Parameters that are always accepted, whatever they say: drivers send them without being asked.
const IGNORED: [&str; 1] = ["extra_float_digits"];

/// Serves a client from its first byte to its last.
pub async fn serve(hub: Arc<Hub>, socket: Socket, info: Arc<ClientInfo>) {
    std::future::poll_fn(|cx| {
        info.is_served_by(cx);
        std::task::Poll::Ready(())
    })
    .await;
    hub.add_client(&info);
    let guard = Registered {
        hub: hub.clone(),
        info: info.clone(),
    };
    let limit = hub.config.load().settings.client_login_timeout;
    let limit = if limit.is_zero() {
        Duration::from_secs(365 * 86_400)
    } else {
        limit
    };
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
    let work = crate::timer::timeout(limit, async {
        let startup = match opening(hub, &mut stream, info).await? {
            Some(startup) => startup,
            None => return Ok(None),
        };
        log_in(hub, &mut stream, info, startup).await.map(Some)
    });
    let sentenced = std::future::poll_fn(|_| match info.sentence() {
        Some(refusal) => std::task::Poll::Ready(refusal),
        None => std::task::Poll::Pending,
    });
    let refusal = tokio::select! {
        opened = work => match opened {
            Ok(Ok(session)) => return session,
            Ok(Err(refusal)) => refusal,
            Err(_) => Refusal::CLIENT_LOGIN_TIMEOUT,
        },
        refusal = sentenced => refusal,
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

/// Reads until there is a start-up packet, over TLS where that is agreed upon. `None`: it was a cancel request.
async fn opening(
    hub: &Arc<Hub>,
    slot: &mut Option<Stream>,
    info: &ClientInfo,
) -> Result<Option<Startup>, Refusal> {
    crate::tls_start::direct(hub, slot).await?;
    for _ in 0..MAX_OPENINGS {
        let stream = slot.as_mut().ok_or(Refusal::BAD_PACKET)?;
        match read_opening(stream).await? {
            Opening::Ssl if !stream.is_tls() => crate::tls_start::answer(hub, slot).await?,
            Opening::Gssenc if !stream.is_tls() => {
                if !hub.nothing_unencrypted(stream.socket()).map_err(eof)? {
                    return Err(Refusal::new(
                        "08P01",
                        "received unencrypted data after GSSAPI encryption request",
                    ));
                }
                stream.write_all(b"N").await.map_err(eof)?;
            }
            Opening::Ssl | Opening::Gssenc => return Err(Refusal::BAD_PACKET),
            Opening::Cancel(key) => {
                hub.log.client(Level::Debug, info, "cancel request");
                cancel::cancel(hub, info, &key).await;
                return Ok(None);
            }
            Opening::Startup(startup) => {
                let mode = hub.config.load().settings.client_tls_sslmode;
                if mode.is_required() && !stream.is_tls() && !stream.socket().is_unix() {
                    return Err(Refusal::SSL_REQUIRED);
                }
                if stream.is_tls() {
                    let _ = info.tls.set(stream.tls_words());
                }
                return Ok(Some(startup));
            }
        }
    }
    Err(Refusal::BAD_PACKET)
}

async fn read_opening(stream: &mut Stream) -> Result<Opening, Refusal> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.map_err(eof)?;
    let length = u32::from_be_bytes(length) as usize;
    // PostgreSQL counts the length field in, and closes without a word.
    if !(8..=MAX_STARTUP + 4).contains(&length) {
        return Err(Refusal::silent(BadOpening::Length.to_string()));
    }
    let mut packet = vec![0; length - 4];
    stream.read_exact(&mut packet).await.map_err(eof)?;
    Opening::read(&packet).map_err(|error| match error {
        BadOpening::Length => Refusal::silent(error.to_string()),
        BadOpening::Version { .. } => Refusal::new("0A000", error.to_string()),
        BadOpening::Layout => Refusal::new("08P01", error.to_string()),
    })
}

/// What the start-up packet asks for, checked.
struct Wanted {
    user: Arc<str>,
    database: Database,
    values: Values,
    replication: Option<String>,
    deadline: Option<Duration>,
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

/// Checks the start-up packet's parameters.
fn want(hub: &Hub, startup: &Startup, user: Arc<str>, name: &str) -> Result<Wanted, Refusal> {
    let database = hub
        .database(name)
        .ok_or_else(|| Refusal::no_such_database(name))?;
    if hub.is_disabled(name) {
        return Err(Refusal::database_disabled(name));
    }
    let mut wanted = Wanted {
        user,
        database,
        values: Values::unknown(&hub.tracked),
        replication: None,
        deadline: None,
    };
    let config = hub.config.load();
    let is_ignored = |name: &str| {
        IGNORED.contains(&name)
            || config
                .settings
                .ignore_startup_parameters
                .iter()
                .any(|own| own == name)
    };
    for (name, value) in &startup.parameters {
        match name.as_str() {
            "user" | "database" => {}
            name if name.starts_with("_pq_.") => {}
            "replication" => wanted.replication = replication(value)?,
            "canvass.deadline" => wanted.deadline = Some(deadline(value)?),
            "options" if is_ignored("options") => {}
            "options" => {
                for (name, value) in
                    options(value).ok_or_else(|| Refusal::unsupported_parameter("options"))?
                {
                    match hub.tracked.place(name.as_bytes()) {
                        Some(place) => wanted.values.set(place, Some(as_reported(place, &value))),
                        None if is_ignored(&name) => {}
                        None if name == "canvass.deadline" => wanted.deadline = Some(deadline(&value)?),
                        None => return Err(Refusal::unsupported_option(&name)),
                    }
                }
            }
            name => match hub.tracked.place(name.as_bytes()) {
                Some(place) => wanted.values.set(place, Some(as_reported(place, value))),
                None if is_ignored(name) => {}
                None => return Err(Refusal::unsupported_parameter(name)),
            },
        }
    }
    Ok(wanted)
}

/// `replication`: off, physical, or of one database.
fn replication(value: &str) -> Result<Option<String>, Refusal> {
    match value.to_ascii_lowercase().as_str() {
        "false" | "off" | "no" | "0" => Ok(None),
        "true" | "on" | "yes" | "1" | "database" => Ok(Some(value.to_owned())),
        _ => Err(Refusal::new(
            "22023",
            format!("invalid value for parameter \"replication\": \"{value}\""),
        )),
    }
}

/// How long the client waits for a server: seconds, or with `ms` behind it milliseconds.
fn deadline(value: &str) -> Result<Duration, Refusal> {
    let (number, unit) = match value.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (value.strip_suffix('s').unwrap_or(value), 1.0),
    };
    let seconds = number.trim().parse::<f64>().ok().map(|seconds| seconds * unit);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| {
            Refusal::new(
                "22023",
                format!("canvass.deadline: \"{value}\" is no time: write 2.5 or 500ms"),
            )
        })
}

/// `-c name=value` and `--name=value`, with backslashes before blanks; `None` for anything else.
fn options(text: &str) -> Option<Vec<(String, String)>> {
    let mut words = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => words.last_mut()?.push(chars.next()?),
            c if c.is_ascii_whitespace() => words.push(String::new()),
            c => words.last_mut()?.push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    let mut settings = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let setting = match word.as_str() {
            "-c" => words.next()?,
            _ => match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
                Some(setting) => setting.to_owned(),
                None => return None,
            },
        };
        let (name, value) = setting.split_once('=')?;
        if name.is_empty() {
            return None;
        }
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Some(settings)
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

/// Tells the client what a server would tell it: for the first client of a pool, one has to be asked.
async fn welcome(client: &mut Client, minor: u16) -> Result<(), Refusal> {
    let pool = client.pool.clone();
    let asked = pool.welcome.load_full();
    let told = match asked {
        Some(told) => told,
        None => {
            ask_server(client).await?;
            pool.welcome.load_full().ok_or(Refusal::SERVER_LOGIN_FAILING)?
        }
    };
    client.values.fill_from(&told.values);
    add_host(client);
    let key = client.hub.cancel_keys.give(&client.info, minor);
    let key = key.map_err(|error| Refusal::new("XX000", format!("no random numbers: {error}")))?;
    let _ = client.info.key.set(key.clone());
    let mut words = AUTHENTICATION_OK.to_vec();
    words.extend_from_slice(&told.messages);
    for (place, name) in client.hub.tracked.names().enumerate() {
        if told.values.get(place).is_some()
            && let Some(value) = client.values.get(place)
        {
            put_status(name.as_bytes(), value.as_bytes(), &mut words);
        }
    }
    key.put(&mut words);
    words.extend_from_slice(&READY_IDLE);
    client.stream.write_all(&words).await.map_err(eof)?;
    client.stream.flush().await.map_err(eof)
}

/// Has a server opened if there is none, and gives it back.
async fn ask_server(client: &mut Client) -> Result<(), Refusal> {
    use crate::pool::{Lane, Taken};
    client.at = crate::clock::micros();
    client.info.set_state(ClientState::WaitingLogin, client.at);
    let terms = client.pool.terms.load_full();
    let taken = client
        .pool
        .take(client.info.thread, Lane::Read, None, client.at, &terms)?;
    let server = match taken {
        Taken::Server(server) => server,
        Taken::Wait(place) => match client.wait(place).await? {
            super::wait::Waited::Server(server) => server,
            super::wait::Waited::Cancelled => return Err(Refusal::CANCELLED),
        },
    };
    client
        .pool
        .give_back(server, client.info.thread, crate::clock::micros());
    Ok(())
}

/// `application_name_add_host`: where the client comes from, behind its application's name.
fn add_host(client: &mut Client) {
    use crate::session::APPLICATION_NAME;
    let name = client.values.get(APPLICATION_NAME).cloned();
    let value = if client.hub.config.load().settings.application_name_add_host {
        let (address, port) = &client.info.peer;
        let own = name.as_deref().filter(|name| !name.is_empty()).unwrap_or("app");
        // NAMEDATALEN: PostgreSQL cuts at 63 bytes, and the host is what must stay.
        let host = format!("{address}:{port}");
        let room = 63_usize.saturating_sub(host.len() + 3);
        let cut = own
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .take_while(|end| *end <= room)
            .last();
        Some(format!("{} - {host}", &own[..cut.unwrap_or(0)]).into())
    } else {
        name
    };
    client.note_value(APPLICATION_NAME, value);
}

impl PoolMode {
    /// As `SHOW DATABASES` has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
            Self::Statement => "statement",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_settings_or_nothing() {
        let read = |text: &str| options(text);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read("-c a=b"), Some(vec![pair("a", "b")]));
        assert_eq!(
            read(" -c  a=b\\ c --work-mem=1MB -csearch_path=x "),
            Some(vec![
                pair("a", "b c"),
                pair("work_mem", "1MB"),
                pair("search_path", "x"),
            ])
        );
        assert_eq!(read(""), Some(vec![]));
        for bad in ["-c", "-c=", "-c =x", "-x", "a=b", "-c a", "\\"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_deadline_is_a_time() {
        assert_eq!(deadline("2.5").unwrap(), Duration::from_millis(2_500));
        assert_eq!(deadline("500ms").unwrap(), Duration::from_millis(500));
        for bad in ["", "soon", "-1", "NaN", "1e300"] {
            assert!(deadline(bad).is_err(), "{bad}");
        }
    }
}
