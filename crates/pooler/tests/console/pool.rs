//! A pooler in this process before a database of its own.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

use canvass_pooler::config::Config;
use canvass_pooler::{Log, LogConfig, Pooler};
use canvass_testkit::{Place, TestDb, eventually, shared_cluster};

use super::Client;

/// May do everything on the console.
pub const ADMIN: &str = "root";
/// May look.
pub const VIEWER: &str = "viewer";
/// The user of the databases.
pub const USER: &str = "canvass";

pub struct Pool {
    pooler: Pooler,
    pub address: SocketAddr,
    pub database: TestDb,
    place: Place,
}

impl Pool {
    /// A pooler in transaction mode with the database `app`, and more settings in `[pgbouncer]`.
    pub fn start(settings: &str) -> Self {
        Self::start_with(settings, "")
    }

    /// The same with more behind it.
    pub fn start_with(settings: &str, more: &str) -> Self {
        let place = Place::new();
        let database = shared_cluster().database();
        fs::write(
            place.path().join("users"),
            format!("\"{ADMIN}\" \"x\"\n\"{VIEWER}\" \"x\"\n\"{USER}\" \"x\"\n"),
        )
        .unwrap();
        write_ini(&place, &entries(&database), settings, more);
        let file = place.path().join("pgbouncer.ini");
        let config = Config::load(&file).unwrap().config;
        let log = LogConfig {
            quiet: true,
            file: Some(place.path().join("log")),
            syslog: None,
        };
        let pooler = Pooler::start(config, Log::open(log, 0).unwrap()).unwrap();
        let address = pooler.addresses()[0];
        Self {
            pooler,
            address,
            database,
            place,
        }
    }

    /// Writes the configuration anew, with these entries of `[databases]`.
    pub fn rewrite(&self, databases: &str, settings: &str) {
        self.rewrite_with(databases, settings, "");
    }

    /// The same with more behind it.
    pub fn rewrite_with(&self, databases: &str, settings: &str, more: &str) {
        write_ini(&self.place, databases, settings, more);
    }

    /// The entry of `app`, and its connection string.
    pub fn entry(&self) -> String {
        entries(&self.database)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.file(&format!(".s.PGSQL.{}", self.address.port()))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap()
    }

    pub fn until_logged(&self, words: &str) {
        eventually(words, || self.log().contains(words).then_some(()));
    }

    /// What Prometheus is told.
    pub fn metrics(&self) -> String {
        let mut socket = TcpStream::connect(self.pooler.metrics_address().unwrap()).unwrap();
        socket.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap();
        let mut page = String::new();
        socket.read_to_string(&mut page).unwrap();
        page
    }

    pub fn console(&self) -> Client {
        Client::tcp(self.address, ADMIN, "pgbouncer").unwrap()
    }

    /// A client of `app`.
    pub fn client(&self) -> Client {
        Client::tcp(self.address, USER, "app").unwrap()
    }

    /// Sends a cancel request for a client, and waits until it is done.
    pub fn cancel(&self, client: &Client) {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.write_all(&client.cancel_request()).unwrap();
        let end = std::io::Read::read(&mut socket, &mut [0]).unwrap();
        assert_eq!(end, 0, "nothing is said to a cancel request");
    }

    /// Waits until a console's SHOW has `value` in the row that has `of` in the column `by`.
    pub fn until(&self, show: &str, by: &str, of: &str, name: &str, value: &str) {
        let mut console = self.console();
        let what = format!("{name} of {of} to be {value} in {show}");
        eventually(&what, || {
            let reply = console.query(show);
            let at = reply.column(by).iter().position(|found| *found == of)?;
            (reply.column(name)[at] == value).then_some(())
        });
    }
}

fn entries(database: &TestDb) -> String {
    let (user, password) = credentials(&database.url);
    let port = shared_cluster().port();
    let name = &database.name;
    format!("app = host=127.0.0.1 port={port} dbname={name} user={user} password={password}\n")
}

fn credentials(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").unwrap().1;
    rest.split_once('@').unwrap().0.split_once(':').unwrap()
}

fn write_ini(place: &Place, databases: &str, settings: &str, more: &str) {
    let dir = place.path().display();
    let ini = format!(
        "[databases]\n{databases}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = 0\nunix_socket_dir = {dir}\n\
         auth_type = trust\nauth_file = {dir}/users\nadmin_users = {ADMIN}\nstats_users = {VIEWER}\n\
         logfile = {dir}/log\npool_mode = transaction\nserver_tls_sslmode = disable\n{settings}\n{more}"
    );
    fs::write(place.path().join("pgbouncer.ini"), ini).unwrap();
}
