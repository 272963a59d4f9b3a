//! The pooler under test: the one place that knows how it is started.
//!
//! It runs in the test's process, on threads of its own. `CANVASS_TEST_POOLER=/usr/sbin/pgbouncer` runs the same tests
//! against another pooler that reads a pgbouncer.ini, to compare; some tests ask for more than it can do.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use canvass_pooler::config::Config;
use canvass_pooler::{Log, LogConfig};
use canvass_testkit::{Place, eventually};

use super::database::{ADMIN, OTHERS, OWNER};
use super::{Database, Reply, Wire};

/// A running pooler; dropped, it is ended at once.
pub struct Pooler {
    /// Where it listens.
    pub address: SocketAddr,
    database: String,
    running: Option<Running>,
    place: Place,
}

enum Running {
    /// In this process.
    Ours(canvass_pooler::Pooler),
    Other(Child),
}

impl Pooler {
    /// A pooler before one database, with settings of the section `[pgbouncer]`.
    pub fn start(database: &Database, settings: &[(&str, &str)]) -> Self {
        Self::start_with(database, "", settings, "")
    }

    /// The same, with more in the database's connection string, and more sections.
    pub fn start_with(database: &Database, options: &str, settings: &[(&str, &str)], sections: &str) -> Self {
        Self::start_before(database, database.address, options, settings, sections)
    }

    /// The same, with the server at another address, such as that of a proxy.
    pub fn start_before(
        database: &Database,
        server: SocketAddr,
        options: &str,
        settings: &[(&str, &str)],
        sections: &str,
    ) -> Self {
        let name = &database.name;
        let connection = format!(
            "host={} port={} dbname={name} {options}",
            server.ip(),
            server.port()
        );
        Self::start_databases(&[(name, &connection)], settings, sections)
    }

    /// A pooler with these entries under `[databases]`; the first one is where [`Pooler::client`] goes.
    pub fn start_databases(databases: &[(&str, &str)], settings: &[(&str, &str)], sections: &str) -> Self {
        let place = Place::new();
        let users = place.path().join("userlist.txt");
        let everybody = [OWNER, ADMIN].into_iter().chain(OTHERS);
        let list: String = everybody.map(|name| format!("\"{name}\" \"\"\n")).collect();
        fs::write(&users, list).unwrap();

        // A port that was free a moment ago may be taken by now.
        let (address, running) = eventually("a pooler on a free port", || {
            let port = free_port();
            let mut ini = String::from("[databases]\n");
            for (name, connection) in databases {
                ini.push_str(&format!("{name} = {connection}\n"));
            }
            ini.push_str(&format!(
                "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
                 auth_type = trust\nauth_file = {}\nadmin_users = {ADMIN}\n",
                users.display()
            ));
            for (name, value) in settings.iter().filter(|(name, _)| is_known(name)) {
                ini.push_str(&format!("{name} = {value}\n"));
            }
            ini.push_str(sections);
            let file = place.path().join("pgbouncer.ini");
            fs::write(&file, ini).unwrap();
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let log = place.path().join("log");
            match other() {
                Some(program) => start_other(&program, &file, &log, address),
                None => start_ours(&file, &log),
            }
            .map(|running| (address, running))
        });
        Self {
            address,
            database: databases[0].0.to_owned(),
            running: Some(running),
            place,
        }
    }

    /// Whether it is another pooler than ours that is tested.
    pub fn is_other() -> bool {
        other().is_some()
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

    /// The admin console.
    pub fn console(&self) -> Wire {
        Wire::login(self.address, ADMIN, "pgbouncer")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        match self.running.take() {
            // A thread that never ends must not keep the failure from being shown.
            Some(Running::Ours(pooler)) if std::thread::panicking() => std::mem::forget(pooler),
            Some(Running::Ours(pooler)) => pooler.end(),
            Some(Running::Other(mut child)) => {
                let _ = child.kill();
                let _ = child.wait();
            }
            None => {}
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(8)..];
            println!("the pooler's last log lines:\n{}", last.join("\n"));
        }
    }
}

fn other() -> Option<PathBuf> {
    std::env::var_os("CANVASS_TEST_POOLER").map(PathBuf::from)
}

fn start_ours(file: &Path, log: &Path) -> Option<Running> {
    let loaded = Config::load(file).unwrap();
    let log = LogConfig {
        quiet: true,
        file: Some(log.to_owned()),
        syslog: None,
    };
    let log = Log::open(log, 0).unwrap();
    match canvass_pooler::Pooler::start(loaded.config, log) {
        Ok(pooler) => Some(Running::Ours(pooler)),
        Err(canvass_pooler::StartError::Listen { .. }) => None,
        Err(error) => panic!("the pooler does not start: {error}"),
    }
}

/// Debian's pgbouncer, 1.18, stops at settings that came later.
fn is_known(setting: &str) -> bool {
    let later = [
        "max_prepared_statements",
        "query_wait_notify",
        "transaction_timeout",
    ];
    other().is_none() || !later.contains(&setting)
}

fn start_other(program: &Path, file: &Path, log: &Path, address: SocketAddr) -> Option<Running> {
    let output = fs::File::create(log).unwrap();
    let mut child = Command::new(program)
        .args(["-u", "nobody"])
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(output)
        .spawn()
        .unwrap();
    eventually("the pooler to listen", || {
        let ended = child.try_wait().unwrap();
        assert!(
            ended.is_none(),
            "the pooler ended: {}",
            fs::read_to_string(log).unwrap()
        );
        TcpStream::connect(address).ok().map(drop)
    });
    Some(Running::Other(child))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
