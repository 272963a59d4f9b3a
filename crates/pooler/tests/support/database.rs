//! A PostgreSQL per test binary that lets everybody in, and a database per test.

use std::net::SocketAddr;
use std::sync::OnceLock;

use canvass_testkit::{TestCluster, eventually, shared_cluster};

use super::Wire;

/// The owner of every test's database.
pub const OWNER: &str = "canvass";
/// The superuser.
pub const ADMIN: &str = "canvass_admin";
/// Others who may connect.
pub const OTHERS: [&str; 3] = ["alice", "bob", "carol"];

/// A database of one test.
pub struct Database {
    /// Its name.
    pub name: String,
    /// Where PostgreSQL listens.
    pub address: SocketAddr,
}

/// The PostgreSQL of this test binary, where nobody needs a password.
pub fn cluster() -> &'static TestCluster {
    static READY: OnceLock<()> = OnceLock::new();
    let cluster = shared_cluster();
    READY.get_or_init(|| {
        cluster.trust_everybody();
        for name in OTHERS {
            cluster.execute("postgres", &format!("CREATE ROLE {name} LOGIN"));
        }
    });
    cluster
}

impl Database {
    #[allow(clippy::new_without_default, reason = "it makes a database")]
    pub fn new() -> Self {
        let cluster = cluster();
        let database = Self {
            name: cluster.database().name,
            address: ([127, 0, 0, 1], cluster.port()).into(),
        };
        let everybody = OTHERS.join(", ");
        database
            .admin()
            .run(&format!("GRANT CREATE ON SCHEMA public TO {everybody}"));
        database
    }

    /// A connection as its owner, without any pooler.
    pub fn direct(&self) -> Wire {
        Wire::login(self.address, OWNER, &self.name)
    }

    /// A connection as superuser, without any pooler.
    pub fn admin(&self) -> Wire {
        Wire::login(self.address, ADMIN, &self.name)
    }

    /// Runs statements as superuser.
    pub fn run(&self, sql: &str) {
        self.admin().run(sql);
    }

    /// The only value of a query's only row, asked as superuser.
    pub fn value(&self, sql: &str) -> String {
        self.admin().value(sql)
    }

    /// How many connections its users have, without those of [`Database::admin`].
    pub fn backends(&self) -> usize {
        self.value(&format!("SELECT count(*) {}", OF_USERS))
            .parse()
            .unwrap()
    }

    /// Ends every connection of its users; how many there were.
    pub fn terminate_backends(&self) -> usize {
        let sql = format!("SELECT count(pg_terminate_backend(pid)) {OF_USERS}");
        self.value(&sql).parse().unwrap()
    }

    /// Waits until a query says something else than `0`, `f` or nothing.
    pub fn until(&self, what: &str, sql: &str) {
        let mut admin = self.admin();
        eventually(what, || {
            let rows = admin.query(sql).rows();
            let value = rows.first().map_or("", |row| row[0].as_str()).to_owned();
            (!matches!(value.as_str(), "" | "0" | "f")).then_some(())
        });
    }

    /// Waits until somebody runs a statement that holds `text`.
    pub fn until_runs(&self, text: &str) {
        let sql = format!("SELECT count(*) {OF_USERS} AND state = 'active' AND query LIKE '%{text}%'");
        self.until(text, &sql);
    }
}

const OF_USERS: &str = "FROM pg_stat_activity WHERE datname = current_database() \
                        AND backend_type = 'client backend' AND usename <> 'canvass_admin'";
