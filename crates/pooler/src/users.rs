//! Who may log in: `auth_file`, and `auth_query` over connections that no client ever gets.

use std::sync::Arc;

use tokio::io::AsyncWriteExt;

use crate::auth::query::{Answer, AuthQuery, QueryError, Reply, Users, effective, request};
use crate::auth::{LookupError, Method};
use crate::config::{AuthType, Config, Database};
use crate::files::Files;
use crate::hub::Hub;
use crate::pool::{Lane, Outcome, Pool, Taken};
use crate::refusal::Refusal;
use crate::server::{Server, read_message};
use crate::wire::HEADER;

/// How `auth_type` has clients prove who they are.
pub fn method(auth_type: AuthType) -> Method {
    match auth_type {
        AuthType::Any => Method::Any,
        AuthType::Trust => Method::Trust,
        AuthType::Plain => Method::Plain,
        AuthType::Md5 => Method::Md5,
        AuthType::Cert => Method::Cert,
        AuthType::Hba => Method::Hba,
        AuthType::Peer => Method::Peer,
        AuthType::ScramSha256 => Method::ScramSha256,
        // The configuration refuses them by name.
        AuthType::Pam | AuthType::Ldap => Method::Reject,
    }
}

/// Looks users up for a login to `database`.
pub fn users<'a>(
    hub: &Arc<Hub>,
    files: &'a Files,
    config: &Config,
    database: &Database,
) -> Users<'a, QueryOn> {
    let auth_user = database
        .auth_user
        .clone()
        .or_else(|| config.settings.auth_user.clone());
    let query = auth_user.and_then(|auth_user| {
        let name = database
            .auth_dbname
            .as_ref()
            .or(config.settings.auth_dbname.as_ref());
        let on = match name {
            Some(name) => usable(hub, name),
            // The console is no database that a query could run in.
            None if database.name == crate::admin::CONSOLE => return None,
            None => Ok(database.clone()),
        };
        let configured = database
            .auth_query
            .as_deref()
            .unwrap_or(&config.settings.auth_query);
        Some(QueryOn {
            hub: hub.clone(),
            database: on,
            auth_user,
            query: effective(configured).to_owned(),
        })
    });
    Users {
        list: &files.users,
        query,
    }
}

/// The database that `auth_dbname` names, or what is wrong with it.
fn usable(hub: &Hub, name: &str) -> Result<Database, String> {
    let database = hub.database(name);
    let database = database.ok_or_else(|| format!("authentication database \"{name}\" is not configured"))?;
    if hub.database_state(name).is_disabled() {
        return Err(format!("authentication database \"{name}\" is disabled"));
    }
    Ok(database)
}

/// `auth_query` on a database.
#[derive(Debug)]
pub struct QueryOn {
    hub: Arc<Hub>,
    /// Where it runs, or why it cannot.
    database: Result<Database, String>,
    auth_user: String,
    query: String,
}

impl AuthQuery for QueryOn {
    async fn run(&self, user: &str) -> Result<Answer, QueryError> {
        let database = self.database.as_ref().map_err(|reason| {
            QueryError::Unavailable(LookupError {
                message: "bouncer config error".to_owned(),
                sqlstate: "F0000",
                reason: reason.clone(),
            })
        })?;
        let pool = self.hub.auth_pool(database, &self.auth_user);
        let thread = self.hub.this_thread();
        let mut server = self.server(&pool).await?;
        server.doubt = Some("auth_query is under way");
        server
            .stream
            .write_all(&request(&self.query, user))
            .await
            .map_err(broken)?;
        server.stream.flush().await.map_err(broken)?;
        let mut reply = Reply::default();
        loop {
            let message = read_message(&mut server.stream, 1 << 20).await.map_err(broken)?;
            if let Some(answer) = reply.take(message[0], &message[HEADER..])? {
                server.doubt = None;
                pool.give_back(server, thread, crate::clock::micros());
                return answer;
            }
        }
    }
}

impl QueryOn {
    /// A server on this thread that has not ended while it was idle.
    async fn server(&self, pool: &Arc<Pool>) -> Result<Box<Server>, QueryError> {
        let thread = self.hub.this_thread();
        loop {
            let taken = pool.take(
                thread,
                Lane::Read,
                None,
                crate::clock::micros(),
                &pool.terms.load(),
            );
            let mut server = match taken.map_err(|refusal| unavailable(&refusal))? {
                Taken::Server(server) => server,
                Taken::Wait(mut place) => match std::future::poll_fn(|cx| place.poll(cx)).await {
                    Outcome::Server(server) => server,
                    Outcome::Refused(refusal) => return Err(unavailable(&refusal)),
                },
            };
            server.move_to(thread).map_err(broken)?;
            if server.idle_is_well(&self.hub.tracked) {
                return Ok(server);
            }
        }
    }
}

fn broken(error: std::io::Error) -> QueryError {
    let refusal = Refusal::new("08006", format!("connection of auth_query: {error}"));
    unavailable(&refusal)
}

fn unavailable(refusal: &Refusal) -> QueryError {
    QueryError::Unavailable(LookupError {
        message: refusal.message.to_string(),
        sqlstate: if refusal.sqlstate.starts_with("08") {
            "08001"
        } else {
            "57P03"
        },
        reason: format!("auth_query: {}", refusal.message),
    })
}
