//! The pooler under test: the one place that knows how it is started.
//!
//! `CANVASS_TEST_POOLER=/usr/sbin/pgbouncer` runs the same tests against another pooler that reads a pgbouncer.ini, to
//! compare; some tests ask for more than it can do.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use canvass_testkit::{Place, eventually};

use super::database::{ADMIN, OTHERS, OWNER};
use super::{Database, Reply, Wire};

/// A running pooler; dropped, it is stopped.
pub struct Pooler {
    /// Where it listens.
    pub address: SocketAddr,
    database: String,
    other: Child,
    place: Place,
}

impl Pooler {
    /// A pooler before one database, with settings of the section `[pgbouncer]`.
    pub fn start(database: &Database, settings: &[(&str, &str)]) -> Self {
        Self::start_with(database, "", settings, "")
    }

    /// The same, with more in the database's connection string, and more sections.
    pub fn start_with(database: &Database, options: &str, settings: &[(&str, &str)], sections: &str) -> Self {
        let Database { name, address } = database;
        let connection = format!(
            "host={} port={} dbname={name} {options}",
            address.ip(),
            address.port()
        );
        Self::start_databases(&[(name, &connection)], settings, sections)
    }

    /// A pooler with these entries under `[databases]`; the first one is where [`Pooler::client`] goes.
    pub fn start_databases(databases: &[(&str, &str)], settings: &[(&str, &str)], sections: &str) -> Self {
        let place = Place::new();
        let port = free_port();
        let mut ini = String::from("[databases]\n");
        for (name, connection) in databases {
            ini.push_str(&format!("{name} = {connection}\n"));
        }
        let users = place.path().join("userlist.txt");
        ini.push_str(&format!(
            "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = trust\nauth_file = {}\nadmin_users = {ADMIN}\n",
            users.display()
        ));
        for (name, value) in settings.iter().filter(|(name, _)| is_known(name)) {
            ini.push_str(&format!("{name} = {value}\n"));
        }
        ini.push_str(sections);
        let everybody = [OWNER, ADMIN].into_iter().chain(OTHERS);
        let list: String = everybody.map(|name| format!("\"{name}\" \"\"\n")).collect();
        fs::write(&users, list).unwrap();
        let file = place.path().join("pgbouncer.ini");
        fs::write(&file, ini).unwrap();
        let log = place.path().join("log");
        let mut other = start_other(&file, &log);
        let address = ([127, 0, 0, 1], port).into();
        eventually("the pooler to listen", || {
            let ended = other.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "the pooler ended: {}",
                fs::read_to_string(&log).unwrap()
            );
            TcpStream::connect(address).ok().map(drop)
        });
        Self {
            address,
            database: databases[0].0.to_owned(),
            other,
            place,
        }
    }

    /// A client of the database, as its owner.
    pub fn client(&self) -> Wire {
        self.client_of(OWNER)
    }

    /// A client of the database, as somebody.
    pub fn client_of(&self, user: &str) -> Wire {
        Wire::login(self.address, user, &self.database)
    }

    /// A client with more start-up parameters.
    ///
    /// # Errors
    /// The reply, when it is not let in.
    pub fn client_with(&self, parameters: &[(&str, &str)]) -> Result<Wire, Reply> {
        let mut all = vec![("user", OWNER), ("database", self.database.as_str())];
        all.extend(parameters);
        Wire::login_with(self.address, &all)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.other.kill();
        let _ = self.other.wait();
    }
}

/// Debian's pgbouncer, 1.18, stops at settings that came later.
fn is_known(setting: &str) -> bool {
    let later = [
        "max_prepared_statements",
        "query_wait_notify",
        "transaction_timeout",
    ];
    !later.contains(&setting)
}

fn start_other(file: &Path, log: &Path) -> Child {
    let program = std::env::var("CANVASS_TEST_POOLER").unwrap();
    let log = fs::File::create(log).unwrap();
    Command::new(program)
        .args(["-u", "nobody"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
