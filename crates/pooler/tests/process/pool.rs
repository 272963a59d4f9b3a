//! A pooler in a process of its own: this test binary once more, as an unprivileged user.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use canvass_pooler::process::Options;
use canvass_testkit::{Place, TestDb, eventually, shared_cluster};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getuid};

use super::Client;

/// How the test binary is told that it is a pooler.
const ARGUMENTS: &str = "CANVASS_TEST_POOL";
/// May do everything on the console.
pub const ADMIN: &str = "boss";
/// The user of the databases.
pub const USER: &str = "canvass";

/// What the process that [`Place::command`] starts is to do.
pub fn options_of_child() -> Options {
    let arguments = std::env::var(ARGUMENTS).unwrap();
    let (switches, config) = arguments.split_once(' ').unwrap();
    Options {
        config: PathBuf::from(config),
        daemon: switches.contains('d'),
        takes_over: switches.contains('R'),
        quiet: false,
        verbose: 0,
        user: switches.contains('u').then(|| "nobody".to_owned()),
    }
}

/// A place with a configuration.
pub struct Setting {
    place: Place,
    pub database: TestDb,
    pub port: u16,
}

impl Setting {
    /// A configuration in transaction mode with the database `app`, and more in `[pgbouncer]` and behind it.
    pub fn new(settings: &str, more: &str) -> Self {
        let setting = Self {
            place: Place::new(),
            database: shared_cluster().database(),
            port: free_port(),
        };
        fs::set_permissions(setting.place.path(), fs::Permissions::from_mode(0o777)).unwrap();
        fs::write(
            setting.file("users"),
            format!("\"{ADMIN}\" \"x\"\n\"{USER}\" \"x\"\n"),
        )
        .unwrap();
        setting.write(settings, more);
        setting
    }

    /// Writes the configuration anew.
    pub fn write(&self, settings: &str, more: &str) {
        let (user, password) = credentials(&self.database.url);
        let (name, dir) = (&self.database.name, self.place.path().display());
        let ini = format!(
            "[databases]\napp = host=127.0.0.1 port={} dbname={name} user={user} password={password}\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {}\nunix_socket_dir = {dir}\nauth_type = trust\n\
             auth_file = {dir}/users\nadmin_users = {ADMIN}\nlogfile = {dir}/log\npidfile = {dir}/pid\n\
             pool_mode = transaction\nserver_tls_sslmode = disable\n{settings}\n{more}",
            shared_cluster().port(),
            self.port,
        );
        fs::write(self.file("pgbouncer.ini"), ini).unwrap();
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    pub fn socket(&self) -> PathBuf {
        self.file(&format!(".s.PGSQL.{}", self.port))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    pub fn until_logged(&self, words: &str) {
        eventually(words, || self.log().contains(words).then_some(()));
    }

    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The process number in the pidfile, once it is there.
    pub fn pid(&self) -> i32 {
        eventually("a pidfile", || {
            fs::read_to_string(self.file("pid")).ok()?.trim().parse().ok()
        })
    }

    /// A pooler that is not started yet: `d` in the background, `R` taking over, `r` as root.
    pub fn command(&self, switches: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let user = if getuid().is_root() && !switches.contains('r') {
            "u"
        } else {
            ""
        };
        command
            .args(["--exact", "pooler", "--ignored", "--nocapture"])
            .env(
                ARGUMENTS,
                format!("-{user}{switches} {}", self.file("pgbouncer.ini").display()),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.file("stderr")).unwrap())
            .process_group(0);
        command
    }

    /// Runs a pooler that ends by itself: how it ended, and what it wrote to standard error.
    pub fn run(&self, switches: &str) -> (ExitStatus, String) {
        let status = self.command(switches).status().unwrap();
        (status, fs::read_to_string(self.file("stderr")).unwrap())
    }

    pub fn console(&self) -> Client {
        Client::tcp(self.address(), ADMIN, "pgbouncer").unwrap()
    }

    pub fn client(&self) -> Client {
        Client::tcp(self.address(), USER, "app").unwrap()
    }
}

/// A running pooler.
pub struct Pool {
    pub setting: Setting,
    pub process: Child,
}

impl std::ops::Deref for Pool {
    type Target = Setting;

    fn deref(&self) -> &Setting {
        &self.setting
    }
}

impl Pool {
    pub fn start(settings: &str) -> Self {
        Self::start_in(Setting::new(settings, ""))
    }

    pub fn start_in(setting: Setting) -> Self {
        let process = setting.command("").spawn().unwrap();
        let mut pool = Self { setting, process };
        pool.until_up();
        pool
    }

    fn until_up(&mut self) {
        eventually("the pooler to be up", || {
            let ended = self.process.try_wait().unwrap();
            let words = || fs::read_to_string(self.setting.file("stderr")).unwrap();
            assert!(ended.is_none(), "the pooler ended: {}", words());
            self.setting.log().contains("process up").then_some(())
        });
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.process.id()).unwrap()), signal).unwrap();
    }

    /// Waits until the process has ended.
    pub fn until_ended(&mut self) -> ExitStatus {
        eventually("the pooler to end", || self.process.try_wait().unwrap())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn credentials(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").unwrap().1;
    rest.split_once('@').unwrap().0.split_once(':').unwrap()
}
