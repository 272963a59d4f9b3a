//! What goes wrong around a pooler: a network that splits, slows and cuts at every byte, servers that die, PostgreSQL
//! that is restarted under load. Clients get right answers or true errors at once, and the pool is whole afterwards.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test: a panic is its message"
)]

mod connect_query;
mod conversation;
mod cut;
mod cves;
mod killed;
mod limits;
mod prepared;
mod restart;
mod session_state;
mod split;
mod statement_mode;
#[path = "../support/mod.rs"]
mod support;
mod tls;

use std::fs;

use canvass_testkit::{Place, eventually};
use support::{Database, Network, Pooler, database, scram};

/// Logs in with a password, at the pooler and at PostgreSQL.
pub const SCRAMMED: &str = "scrammed";
const PASSWORD: &str = "a secret";

/// A pooler with a network on either side of it.
struct Between {
    database: Database,
    /// From clients to the pooler.
    near: Network,
    /// From the pooler to PostgreSQL.
    far: Network,
    pooler: Pooler,
    _place: Place,
}

impl Between {
    /// In transaction mode with a single server, and logins with a password on both sides. Nothing here ends by a time
    /// limit before the test's patience does.
    fn start(settings: &[(&str, &str)], sections: &str) -> Self {
        let database = Database::new();
        require_passwords(&database);
        database.run(conversation::SETUP);
        let place = Place::new();
        let users = place.path().join("users");
        fs::write(&users, format!("\"{SCRAMMED}\" \"{PASSWORD}\"\n")).unwrap();
        let users = users.display().to_string();
        let far = Network::to(database.address);
        let mut all = vec![
            ("pool_mode", "transaction"),
            ("default_pool_size", "1"),
            ("auth_type", "scram-sha-256"),
            ("auth_file", users.as_str()),
            ("admin_users", SCRAMMED),
            ("server_connect_timeout", "600"),
            ("client_login_timeout", "600"),
            ("query_wait_timeout", "600"),
            ("server_login_retry", "0"),
            ("server_tls_sslmode", "disable"),
        ];
        all.extend(settings);
        let pooler = Pooler::start_before(&database, far.address, "", &all, sections);
        Self {
            near: Network::to(pooler.address),
            database,
            far,
            pooler,
            _place: place,
        }
    }

    /// Logs in through the near network.
    fn login(&self) -> (Option<support::Wire>, support::Reply) {
        scram::login(self.near.address, SCRAMMED, PASSWORD, &self.database.name)
    }

    /// A client that has logged in.
    fn client(&self) -> support::Wire {
        let (wire, reply) = self.login();
        wire.unwrap_or_else(|| panic!("is not let in:\n{}", reply.show()))
    }

    /// The admin console, past the near network.
    fn console(&self) -> support::Wire {
        let (wire, reply) = scram::login(self.pooler.address, SCRAMMED, PASSWORD, "pgbouncer");
        wire.unwrap_or_else(|| panic!("no console:\n{}", reply.show()))
    }

    /// Waits until nobody uses or waits for a server, and then has somebody served.
    fn check_whole(&self) {
        let quiet = "SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 'scrammed' \
                     AND datname = current_database() AND state <> 'idle'";
        self.database.until("servers to be idle", quiet);
        assert_eq!(self.client().value("SELECT 'whole'"), "whole");
        eventually("a single idle server", || {
            (self.database.backends() == 1).then_some(())
        });
    }
}

/// Has PostgreSQL ask one user for a password.
fn require_passwords(database: &Database) {
    static DONE: std::sync::Once = std::sync::Once::new();
    DONE.call_once(|| {
        let path = database::cluster().dir().join("trust_hba.conf");
        let rest = fs::read_to_string(&path).unwrap();
        fs::write(
            &path,
            format!("host all {SCRAMMED} 127.0.0.1/32 scram-sha-256\n{rest}"),
        )
        .unwrap();
        let role = format!("CREATE ROLE {SCRAMMED} LOGIN PASSWORD '{PASSWORD}'");
        database.run(&role);
        database.value("SELECT pg_reload_conf()");
        database.until(
            "the new rules to be read",
            &format!("SELECT count(*) FROM pg_hba_file_rules WHERE user_name = '{{{SCRAMMED}}}'"),
        );
    });
    database.run(&format!("GRANT CREATE ON SCHEMA public TO {SCRAMMED}"));
}
