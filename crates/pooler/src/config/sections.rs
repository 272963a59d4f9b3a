//! What an entry of the sections `[databases]`, `[users]` and `[peers]` says. What is `None` was not said, and the
//! setting of the same name in `[pgbouncer]` holds.

use std::time::Duration;

use super::table::Support::Same;
use super::table::settings;
use super::values::{LoadBalanceHosts, PoolMode, Secret};

settings! {
    /// An entry of the section `[databases]`: where a database that clients name is.
    pub struct Database {
        /// The name by which clients ask for it; `*` in the entry for all others.
        pub name: String,
    }

    /// The database's name on its server; unset: the name by which clients ask for it.
    dbname: Option<String> = TEXT, "", Now, Same;
    /// Host names or addresses separated by commas; with `/` at its start the directory of a Unix socket, with `@` its
    /// name in the abstract namespace; unset: a Unix socket in `unix_socket_dir`.
    host: Vec<String> = HOSTS, "", Now, Same;
    /// The server's port.
    port: u16 = PORT, "5432", Now, Same;
    /// The user as whom every client is logged in to the server; unset: as the user that the client is.
    user: Option<String> = TEXT, "", Now, Same;
    /// The password of `user`.
    password: Option<Secret> = SECRET, "", Now, Same;
    /// `auth_user` for this database.
    auth_user: Option<String> = TEXT, "", Now, Same;
    /// `auth_query` for this database.
    auth_query: Option<String> = TEXT, "", Now, Same;
    /// `auth_dbname` for this database.
    auth_dbname: Option<String> = TEXT, "", Now, Same;
    /// `default_pool_size` for this database's pools.
    pool_size: Option<u32> = OWN_COUNT, "", Now, Same;
    /// `min_pool_size` for this database's pools.
    min_pool_size: Option<u32> = OWN_COUNT, "", Now, Same;
    /// `reserve_pool_size` for this database's pools; `reserve_pool` is its older name.
    reserve_pool_size: Option<u32> = OWN_COUNT, "", Now, Same;
    /// `max_db_connections` for this database.
    max_db_connections: Option<u32> = OWN_COUNT, "", Now, Same;
    /// `max_db_client_connections` for this database.
    max_db_client_connections: Option<u32> = OWN_COUNT, "", Now, Same;
    /// `pool_mode` for this database.
    pool_mode: Option<PoolMode> = OWN_POOL_MODE, "", Now, Same;
    /// `server_lifetime` for this database, in seconds.
    server_lifetime: Option<Duration> = OWN_SECONDS, "", Now, Same;
    /// Which host of several the next server connection goes to: `round-robin`, or `disable` for the same one until it
    /// fails.
    load_balance_hosts: LoadBalanceHosts = LOAD_BALANCE_HOSTS, "round-robin", Now, Same;
    /// The query that is sent once after connecting to the server; its errors are logged, not more.
    connect_query: Option<String> = TEXT, "", Now, Same;
    /// `client_encoding` that is asked of the server.
    client_encoding: Option<String> = TEXT, "", Now, Same;
    /// `datestyle` that is asked of the server.
    datestyle: Option<String> = TEXT, "", Now, Same;
    /// `timezone` that is asked of the server.
    timezone: Option<String> = TEXT, "", Now, Same;
    /// `application_name` that is asked of the server.
    application_name: Option<String> = TEXT, "", Now, Same;
}

settings! {
    /// An entry of the section `[users]`: what holds for one user in every database.
    pub struct User {
        /// The user's name.
        pub name: String,
    }

    /// `pool_mode` for this user; it wins over the database's.
    pool_mode: Option<PoolMode> = OWN_POOL_MODE, "", Now, Same;
    /// `default_pool_size` for this user's pools; it wins over the database's.
    pool_size: Option<u32> = OWN_COUNT, "", Now, Same;
    /// `reserve_pool_size` for this user's pools; it wins over the database's.
    reserve_pool_size: Option<u32> = OWN_COUNT, "", Now, Same;
    /// `max_user_connections` for this user.
    max_user_connections: Option<u32> = OWN_COUNT, "", Now, Same;
    /// `max_user_client_connections` for this user.
    max_user_client_connections: Option<u32> = OWN_COUNT, "", Now, Same;
    /// `query_timeout` for this user, in seconds.
    query_timeout: Option<Duration> = OWN_SECONDS, "", Now, Same;
    /// `idle_transaction_timeout` for this user, in seconds.
    idle_transaction_timeout: Option<Duration> = OWN_SECONDS, "", Now, Same;
    /// `transaction_timeout` for this user, in seconds.
    transaction_timeout: Option<Duration> = OWN_SECONDS, "", Now, Same;
    /// `client_idle_timeout` for this user, in seconds.
    client_idle_timeout: Option<Duration> = OWN_SECONDS, "", Now, Same;
}

settings! {
    /// An entry of the section `[peers]`: another process that cancel requests may belong to.
    pub struct Peer {
        /// Its `peer_id`, 1 to 16383.
        pub id: u32,
    }

    /// Its host name or address; with `/` at its start the directory of its Unix socket, with `@` the socket's name in
    /// the abstract namespace. Required.
    host: String = STRING, "", Now, Same;
    /// Its port.
    port: u16 = PORT, "6432", Now, Same;
    /// How many cancel requests may be on their way to it at once; unset: `default_pool_size`.
    pool_size: Option<u32> = OWN_COUNT, "", Now, Same;
}
