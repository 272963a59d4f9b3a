//! `canvass up` as a person or a service manager meets it: the real program, a real PostgreSQL.

#![allow(clippy::unwrap_used)] // helpers too: a panic there is the failure's message

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Longer than anything here should take; a condition not met by then has failed.
const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(20);

/// A place for one data directory, with an address of its own. What still works in it at the end is ended.
struct Place {
    temp: tempfile::TempDir,
    listen: SocketAddr,
    pool: SocketAddr,
}

impl Place {
    fn new() -> Place {
        let temp = tempfile::Builder::new().prefix("up-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (listen, pool) = (free(), free()); // both taken at once, so that they differ
        Place {
            temp,
            listen: listen.local_addr().unwrap(),
            pool: pool.local_addr().unwrap(),
        }
    }

    fn root(&self) -> &Path {
        self.temp.path()
    }

    fn dir(&self) -> PathBuf {
        self.root().join("data")
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .args(["up", "--data", "data", "--listen", &self.listen.to_string()])
            .current_dir(self.root())
            .env("CANVASS_UP_POOL_LISTEN", self.pool.to_string())
            .env("CANVASS_WEB_METRICS_LISTEN", "")
            .env("CANVASS_WEB_MIN_FREE_BYTES", (64 << 20).to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn up(&self) -> Up {
        Up::wait(
            self.command(Path::new(env!("CARGO_BIN_EXE_canvass")))
                .spawn()
                .unwrap(),
        )
    }

    /// An `up` that is refused: what it says, on one line.
    fn refused(&self, change: impl FnOnce(&mut Command)) -> String {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_canvass")));
        change(&mut command);
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        said
    }

    fn get(&self, path: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(self.listen)?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
            self.listen
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    fn is_ready(&self) -> bool {
        self.get("/readyz")
            .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// The first number in a pid file.
    fn pid(&self, file: &str) -> Option<i32> {
        let text = fs::read_to_string(self.dir().join(file)).ok()?;
        text.split_whitespace().next()?.parse().ok()
    }

    /// Processes that work in the data directory: PostgreSQL's and serve.
    fn processes(&self) -> Vec<i32> {
        let dir = self.dir();
        let entries = fs::read_dir("/proc").unwrap();
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(&dir)))
            .collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for pid in self.processes() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        }
    }
}

/// A running `canvass up`, ended with the test.
struct Up {
    child: Child,
    /// What it printed on standard output.
    summary: String,
    errors: BufReader<ChildStderr>,
}

impl Up {
    /// Waits until the summary is out.
    fn wait(mut child: Child) -> Up {
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut summary = String::new();
        while !summary.contains("Stop") {
            if out.read_line(&mut summary).unwrap() == 0 {
                let mut said = String::new();
                errors.read_to_string(&mut said).unwrap();
                panic!("ended before it was ready: {said}");
            }
        }
        Up {
            child,
            summary,
            errors,
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    /// Waits for its end; what it said on standard error.
    fn ended(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.errors.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }

    fn codes(&self) -> Vec<&str> {
        let line = self
            .summary
            .lines()
            .find(|line| line.trim_start().starts_with("Codes"))
            .unwrap();
        line.split_whitespace().skip(1).collect()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn until(what: &str, mut met: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !met() {
        assert!(begun.elapsed() < PATIENCE, "still waiting: {what}");
        std::thread::sleep(POLL); // between two looks
    }
}

fn sigkill(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
}

#[test]
fn it_serves_stops_in_order_and_finds_everything_again() {
    let place = Place::new();
    let up = place.up();
    assert!(place.is_ready());
    assert!(
        up.summary.lines().all(|line| line.chars().count() <= 80),
        "{}",
        up.summary
    );
    assert!(
        up.summary.contains(&format!("http://{}", place.listen)),
        "{}",
        up.summary
    );
    let codes: Vec<String> = up.codes().into_iter().map(str::to_owned).collect();
    assert_eq!(codes.len(), 3, "{}", up.summary);
    for file in [
        "keys.toml",
        "secrets/demo-codes",
        "secrets/database-url",
        "secrets/pool-users",
        "secrets/pool-url",
        "run/serve.toml",
        "run/pool.ini",
    ] {
        let mode = fs::metadata(place.dir().join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{file}");
    }

    up.signal(Signal::SIGTERM);
    let (status, said) = up.ended();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("stopped; all data is in data"), "{said}");
    assert_eq!(place.processes(), [] as [i32; 0]);
    let log = fs::read_to_string(place.dir().join("log/postgres.log")).unwrap();
    assert!(
        log.contains("received fast shutdown request") && log.contains("database system is shut down"),
        "{log}"
    );

    let again = place.up();
    assert_eq!(again.codes(), codes, "the same demonstration");
    again.signal(Signal::SIGINT);
    assert_eq!(again.ended().0.code(), Some(0));
}

#[test]
fn its_database_log_can_be_reported_and_holds_no_answer() {
    let place = Place::new();
    let up = place.up();
    let api = canvass_testkit::Api::new(&format!("http://{}", place.listen));
    let pupil = api.enter(up.codes()[0]);
    let log = place.dir().join("log/postgres.log");
    // One transaction in a hundred is logged: until a save was.
    let began = Instant::now();
    for n in 0.. {
        assert!(began.elapsed() < PATIENCE, "no save was logged");
        let answer = serde_json::json!({ "home0604": format!("zqxanswer {n}") });
        let reply = pupil.save(canvass_testkit::now_micros(), "p30", &answer);
        assert_eq!(reply.status, 200, "{}", reply.text);
        if n % 50 == 0 && fs::read_to_string(&log).unwrap().contains(": INSERT INTO") {
            break;
        }
    }
    let report = Command::new(env!("CARGO_BIN_EXE_canvass"))
        .args(["logs", "--data", "data"])
        .current_dir(place.root())
        .output()
        .unwrap();
    let (said, complained) = (
        String::from_utf8_lossy(&report.stdout),
        String::from_utf8_lossy(&report.stderr),
    );
    assert_eq!(report.status.code(), Some(0), "{said}{complained}");
    assert!(said.contains("insert into"), "{said}");
    assert!(said.contains("transaction in 100 whole"), "{said}");
    up.signal(Signal::SIGTERM);
    assert_eq!(up.ended().0.code(), Some(0));
    let logged = fs::read_to_string(&log).unwrap();
    assert!(!logged.contains("zqxanswer"), "an answer is in PostgreSQL's log");
}

#[test]
fn after_kill_9_the_next_one_works_at_once() {
    let place = Place::new();
    let first = place.up();
    first.signal(Signal::SIGKILL);
    first.ended();

    let second = place.up(); // PostgreSQL and serve may still be on their way out
    assert!(place.is_ready());
    let everyone = place.processes();
    second.signal(Signal::SIGSTOP);
    everyone.into_iter().for_each(sigkill);
    second.signal(Signal::SIGKILL);
    second.ended();
    assert!(
        place.dir().join("postgres/postmaster.pid").exists() && place.dir().join("run/serve.pid").exists()
    );

    let third = place.up();
    assert!(place.is_ready());
    third.signal(Signal::SIGTERM);
    assert_eq!(third.ended().0.code(), Some(0));
    assert_eq!(place.processes(), [] as [i32; 0]);
}

#[test]
fn what_dies_is_started_again_even_from_a_place_that_only_root_can_reach() {
    let place = Place::new();
    let closed = place.root().join("closed");
    fs::create_dir(&closed).unwrap();
    let program = closed.join("canvass");
    fs::copy(env!("CARGO_BIN_EXE_canvass"), &program).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let up = Up::wait(place.command(&program).spawn().unwrap());

    let serve = place.pid("run/serve.pid").unwrap();
    sigkill(serve);
    until("another serve", || {
        place.pid("run/serve.pid").is_some_and(|pid| pid != serve) && place.is_ready()
    });

    let postmaster = place.pid("postgres/postmaster.pid").unwrap();
    let serve = place.pid("run/serve.pid");
    sigkill(postmaster);
    until("another postmaster", || {
        place
            .pid("postgres/postmaster.pid")
            .is_some_and(|pid| pid != postmaster)
    });
    until("serve's connections", || place.is_ready());
    assert_eq!(place.pid("run/serve.pid"), serve, "serve waits by itself");

    up.signal(Signal::SIGTERM);
    let (status, said) = up.ended();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(
        said.contains("serve was ended by SIGKILL; starting it again in 0.2 s"),
        "{said}"
    );
    assert!(
        said.contains("PostgreSQL was ended by SIGKILL; starting it again in 0.2 s"),
        "{said}"
    );
}

/// What a query through the pool gives: several connections at once, since that is what it is for.
fn asked_through_the_pool(place: &Place) -> Result<Vec<String>, tokio_postgres::Error> {
    let url = fs::read_to_string(place.dir().join("secrets/pool-url")).unwrap();
    let config: tokio_postgres::Config = url.trim().parse().unwrap();
    assert_eq!(config.get_ports(), [place.pool.port()]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut users = Vec::new();
        for _ in 0..40 {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
            tokio::spawn(connection);
            let row = client.query_one("SELECT current_user::text", &[]).await?;
            users.push((client, row.get::<_, String>(0)));
        }
        Ok(users.into_iter().map(|(_, user)| user).collect())
    })
}

#[test]
fn others_work_with_the_database_through_the_pool() {
    let place = Place::new();
    let up = place.up();
    assert!(
        up.summary.contains(&format!("Pool   {}", place.pool)),
        "{}",
        up.summary
    );
    until("the pool", || TcpStream::connect(place.pool).is_ok());
    let users = asked_through_the_pool(&place).unwrap();
    assert_eq!(users, ["canvass"; 40]);
    let log = fs::read_to_string(place.dir().join("log/pool.log")).unwrap();
    let servers = log.matches("new connection to server").count();
    assert!(
        (1..=20).contains(&servers),
        "40 clients, {servers} servers: {log}"
    );

    let pool = place.pid("run/pool.pid").unwrap();
    sigkill(pool);
    until("another pool", || {
        place.pid("run/pool.pid").is_some_and(|pid| pid != pool) && asked_through_the_pool(&place).is_ok()
    });
    assert!(place.is_ready());

    // A client that stays does not keep everything from stopping.
    let idle = TcpStream::connect(place.pool).unwrap();
    up.signal(Signal::SIGTERM);
    let (status, said) = up.ended();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(
        said.contains("pool was ended by SIGKILL; starting it again in 0.2 s"),
        "{said}"
    );
    assert_eq!(place.processes(), [] as [i32; 0]);
    drop(idle);
}

#[test]
fn without_an_address_there_is_no_pool() {
    let place = Place::new();
    let with = place.up();
    assert!(place.dir().join("secrets/pool-url").exists());
    with.signal(Signal::SIGTERM);
    assert_eq!(with.ended().0.code(), Some(0));
    let up = Up::wait(
        place
            .command(Path::new(env!("CARGO_BIN_EXE_canvass")))
            .env("CANVASS_UP_POOL_LISTEN", "")
            .spawn()
            .unwrap(),
    );
    assert!(!up.summary.contains("Pool"), "{}", up.summary);
    assert!(!place.dir().join("run/pool.pid").exists());
    assert!(!place.dir().join("secrets/pool-url").exists());
    up.signal(Signal::SIGTERM);
    assert_eq!(up.ended().0.code(), Some(0));
}

#[test]
fn a_serve_that_cannot_live_is_given_up_with_the_reason() {
    let place = Place::new();
    let up = place.up();
    up.signal(Signal::SIGTERM);
    up.ended();
    fs::write(place.dir().join("keys.toml"), "not keys at all").unwrap();

    let output = place
        .command(Path::new(env!("CARGO_BIN_EXE_canvass")))
        .output()
        .unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("serve failed 5 times in a row; last it ended with exit code 1"),
        "{said}"
    );
    assert!(said.contains("keys.toml"), "the log's last lines: {said}");
    assert_eq!(place.processes(), [] as [i32; 0]);
}

#[test]
fn a_second_ctrl_c_stops_at_once_and_nothing_is_left() {
    let place = Place::new();
    let up = place.up();
    // A response that never ends keeps serve from finishing.
    let mut slow = TcpStream::connect(place.listen).unwrap();
    slow.write_all(b"POST /enter HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n")
        .unwrap();
    slow.write_all(b"Content-Length: 100\r\n\r\nco").unwrap();

    up.signal(Signal::SIGINT);
    let mut up = up;
    let mut said = String::new();
    while !said.contains("stopping") {
        assert_ne!(up.errors.read_line(&mut said).unwrap(), 0, "{said}");
    }
    up.signal(Signal::SIGINT);

    assert_eq!(up.ended().0.code(), Some(0));
    assert_eq!(place.processes(), [] as [i32; 0]);
    let again = place.up();
    again.signal(Signal::SIGTERM);
    assert_eq!(again.ended().0.code(), Some(0));
}

#[test]
fn a_directory_in_use_names_who_uses_it() {
    let place = Place::new();
    let up = place.up();
    let said = place.refused(|_| {});
    assert!(
        said.contains(&format!("data: in use by the running process {}", up.child.id())),
        "{said}"
    );
    assert!(place.is_ready(), "the running one is left alone");
    up.signal(Signal::SIGTERM);
    assert_eq!(up.ended().0.code(), Some(0));
}

#[test]
fn refusals_come_before_anything_is_made() {
    let place = Place::new();
    let taken = TcpListener::bind(place.listen).unwrap();
    let said = place.refused(|_| {});
    let expected = format!(
        "{}: already in use by another program: stop that one, or change --listen",
        place.listen
    );
    assert!(said.contains(&expected), "{said}");
    drop(taken);

    let taken = TcpListener::bind(place.pool).unwrap();
    let said = place.refused(|_| {});
    let expected = format!(
        "{}: already in use by another program: stop that one, or change up.pool_listen",
        place.pool
    );
    assert!(said.contains(&expected), "{said}");
    drop(taken);

    let said = place.refused(|up| {
        up.env("CANVASS_WEB_MIN_FREE_BYTES", (1_u64 << 60).to_string());
    });
    assert!(said.contains("1073741824.0 GiB needed: make room"), "{said}");

    let said = place.refused(|up| {
        up.args(["--config", "missing.toml"]);
    });
    assert!(said.contains("missing.toml"), "{said}");
    assert!(!place.dir().exists());
}
