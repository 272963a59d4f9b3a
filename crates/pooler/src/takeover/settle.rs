//! What was taken over is put in its place: listeners, pools, servers, clients. Nobody moves before the old process has
//! let go.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::sync::{Arc, mpsc};
use std::task::Poll;

use tokio::io::AsyncWriteExt;
use tokio::runtime::Handle;

use super::build::{Ground, Known, stream};
use super::message::{
    Bytes, Client, Credentials as CredentialsMessage, Listener, Pool as PoolMessage, Totals,
    Welcome as WelcomeMessage,
};
use super::parcel::{names, values};
use super::take::{Inventory, TakeoverError};
use crate::auth::md5::Md5Hash;
use crate::auth::scram::PassThrough;
use crate::auth::{Credentials, Password};
use crate::hub::Hub;
use crate::listen::Given;
use crate::pool::{Mode, Pool, Welcome};
use crate::refusal::Refusal;
use crate::session::Tracked;
use crate::wire::error::Severity;

/// A pool as the other process hears of it.
pub(super) fn pool_message(pool: &Pool, tracked: &Tracked) -> PoolMessage {
    let (database, user) = names(pool);
    let welcome = pool.welcome.load_full();
    PoolMessage {
        database,
        user,
        origin: pool.terms.load().origin(),
        credentials: credentials_message(&pool.credentials.load()),
        welcome: welcome.map(|welcome| WelcomeMessage {
            messages: Bytes(welcome.messages.clone()),
            values: values(&welcome.values, tracked),
        }),
    }
}

fn credentials_message(credentials: &Credentials) -> CredentialsMessage {
    match credentials {
        Credentials::Nothing => CredentialsMessage::Nothing,
        Credentials::Clear(password) => CredentialsMessage::Clear(password.bytes().into()),
        Credentials::Md5(hash) => CredentialsMessage::Md5(hash.text().as_bytes().into()),
        Credentials::Scram(keys) => CredentialsMessage::Scram {
            iterations: keys.iterations,
            salt: (&*keys.salt).into(),
            client_key: keys.client_key[..].into(),
            server_key: keys.server_key[..].into(),
        },
    }
}

fn credentials(told: &CredentialsMessage) -> Option<Credentials> {
    Some(match told {
        CredentialsMessage::Nothing => Credentials::Nothing,
        CredentialsMessage::Clear(password) => Credentials::Clear(Password::new(password.0.as_slice())),
        CredentialsMessage::Md5(hash) => {
            Credentials::Md5(Md5Hash::parse(std::str::from_utf8(&hash.0).ok()?)?)
        }
        CredentialsMessage::Scram {
            iterations,
            salt,
            client_key,
            server_key,
        } => Credentials::Scram(Arc::new(PassThrough {
            iterations: *iterations,
            salt: salt.0.as_slice().into(),
            client_key: client_key.0.as_slice().try_into().ok()?,
            server_key: server_key.0.as_slice().try_into().ok()?,
        })),
    })
}

impl Inventory {
    /// The listeners that were taken over.
    pub(crate) fn listeners(&mut self) -> Given {
        let mut given = Given {
            activated: self.hello.activated,
            port: self.hello.port,
            ..Given::default()
        };
        for (kind, fd) in self.listeners.drain(..) {
            match kind {
                Listener::Tcp => given.tcp.push(TcpListener::from(fd)),
                Listener::Unix => given.unix.push(UnixListener::from(fd)),
                Listener::Metrics => given.metrics = Some(TcpListener::from(fd)),
            }
        }
        given
    }

    /// Puts everything in its place on `threads`, and then says so: clients go on from here.
    ///
    /// # Errors
    /// [`TakeoverError`]: the old process goes on, and this one must end.
    pub(crate) fn settle(mut self, hub: &Arc<Hub>, threads: &[Handle]) -> Result<Totals, TakeoverError> {
        hub.begin_behind(self.hello.last_id);
        hub.texts.begin_behind(self.hello.last_statement);
        for name in &self.hello.disabled {
            hub.database_state(name).set_disabled(true);
        }
        let ground = Arc::new(self.ground(hub)?);
        let (done, all_done) = mpsc::channel();
        let mut places = threads.iter().cycle();
        let servers = std::mem::take(&mut self.servers);
        for ((server, fd), thread) in servers.into_iter().zip(&mut places) {
            let (ground, done) = (ground.clone(), done.clone());
            thread.spawn(async move {
                let result = match ground.pools.get(&server.pool).cloned() {
                    Some(known) => ground.server(&known, server, fd).map(|server| {
                        // Dropped, it is closed.
                        if !server.retire {
                            known.pool.keep_idle(server);
                        }
                    }),
                    None => Ok(()),
                };
                let _ = done.send(result);
            });
        }
        for ((client, fds), thread) in std::mem::take(&mut self.clients).into_iter().zip(places) {
            thread.spawn(go_on(ground.clone(), client, fds, done.clone()));
        }
        drop(done);
        // The loop ends when every task has said how it went.
        for result in all_done {
            result?;
        }
        self.say_taken()?;
        hub.gate.change(Mode::TakingOver, Mode::Active);
        hub.upkeep.notify_one();
        Ok(self.totals)
    }

    fn ground(&self, hub: &Arc<Hub>) -> Result<Ground, TakeoverError> {
        let invalid = |words: &str| TakeoverError::from(io::Error::new(io::ErrorKind::InvalidData, words));
        let tracked = &self.hello.tracked;
        let mut ground = Ground {
            hub: hub.clone(),
            statements: HashMap::new(),
            pools: HashMap::new(),
            places: tracked
                .iter()
                .map(|name| hub.tracked.place(name.as_bytes()))
                .collect(),
            later: crate::clock::micros().cast_signed() - self.hello.now.cast_signed(),
            tracks_the_same: hub.tracked.names().eq(tracked.iter().map(String::as_str)),
        };
        for told in &self.statements {
            let statement = hub.texts.take_over(told.id, &told.definition.0);
            let statement = statement.ok_or_else(|| invalid("a statement's number that is none"))?;
            ground.statements.insert(told.id, statement);
        }
        for told in &self.pools {
            let credentials =
                credentials(&told.credentials).ok_or_else(|| invalid("credentials that are none"))?;
            // One that is no longer configured has no place here: its clients are told.
            let Some(database) = hub.database(&told.database) else {
                continue;
            };
            let stored = hub.stored_credentials(&database, &told.user);
            let credentials = if stored == Credentials::Nothing {
                credentials
            } else {
                stored
            };
            let pool = hub.pool(&database, &told.user, credentials);
            let fits = pool.terms.load().origin() == told.origin && *pool.key.user == *told.user;
            if let Some(welcome) = told.welcome.as_ref().filter(|_| fits && ground.tracks_the_same) {
                pool.welcome.store(Some(Arc::new(Welcome {
                    messages: welcome.messages.0.clone(),
                    values: ground.values(&welcome.values),
                })));
            }
            let name = (told.database.clone(), told.user.clone());
            ground.pools.insert(name, Known { pool, fits });
        }
        Ok(ground)
    }
}

/// Builds a client, says how that went, and serves it as soon as the old process has let go.
async fn go_on(ground: Arc<Ground>, told: Client, fds: Vec<OwnedFd>, done: mpsc::Sender<io::Result<()>>) {
    let gate = ground.hub.gate.clone();
    let until_let_go = gate.until(|| gate.mode() != Mode::TakingOver);
    let Some(known) = ground.pools.get(&told.pool).cloned() else {
        let _ = done.send(Ok(()));
        drop(done);
        until_let_go.await;
        return send_away(fds).await;
    };
    let mut told = Some((told, fds));
    let built = poll_fn(|cx| {
        let (told, fds) = told.take().expect("it is ready the first time");
        Poll::Ready(ground.client(&known, told, fds, cx))
    })
    .await;
    drop(ground);
    match built {
        Ok((client, resumed, registered)) => {
            let _ = done.send(Ok(()));
            drop(done);
            until_let_go.await;
            Box::pin(crate::client::resume(client, resumed)).await;
            drop(registered);
        }
        Err(error) => {
            let _ = done.send(Err(error));
        }
    }
}

/// The client's database is not configured any more.
async fn send_away(fds: Vec<OwnedFd>) {
    let Some(Ok(mut client)) = fds.into_iter().next().map(stream) else {
        return;
    };
    let mut words = Vec::new();
    Refusal::DATABASE_REMOVED.put(Severity::Fatal, &mut words);
    let say = async {
        client.write_all(&words).await?;
        client.shutdown().await
    };
    let _ = crate::timer::timeout(std::time::Duration::from_secs(1), say).await;
}
