//! Hostile clients over a Unix socket, before a real PostgreSQL.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use canvass_testkit::{Place, eventually};
use fastrand::Rng;

use crate::support::{Database, Pooler, build, database};
use crate::{corpus, mutate, watch};

/// No case takes so long: a client that has finished sending is answered and sent away.
const PATIENCE: Duration = Duration::from_secs(30);

struct Target {
    is_trusting: bool,
    database: Database,
    pooler: Pooler,
    socket: PathBuf,
    _place: Place,
}

impl Target {
    fn start(auth_type: &str) -> Self {
        let database = Database::new();
        database.run("CREATE TABLE item (n int); GRANT ALL ON item TO PUBLIC");
        // Whatever a changed text asks for, it does not take long.
        let limited = format!("ALTER DATABASE {} SET statement_timeout = '5s'", database.name);
        database.run(&limited);
        let place = Place::new();
        let dir = place.path().display().to_string();
        let settings = [
            ("pool_mode", "transaction"),
            ("default_pool_size", "4"),
            ("max_client_conn", "200"),
            ("max_prepared_statements", "5"),
            ("auth_type", auth_type),
            ("unix_socket_dir", dir.as_str()),
            ("ignore_startup_parameters", "geqo, work_mem"),
            ("query_wait_timeout", "20"),
            ("client_login_timeout", "20"),
            ("log_connections", "0"),
            ("log_disconnections", "0"),
            ("log_pooler_errors", "0"),
        ];
        let pooler = Pooler::start_with(&database, "", &settings, "[canvass]\nthreads = 2\n");
        let socket = place.path().join(format!(".s.PGSQL.{}", pooler.address.port()));
        Self {
            is_trusting: auth_type == "trust",
            database,
            pooler,
            socket,
            _place: place,
        }
    }

    /// Says all this in pieces and nothing more; returns when the pooler has closed the connection.
    fn say(&self, dice: &mut Rng, bytes: &[u8], number: u64) {
        let mut stream = UnixStream::connect(&self.socket).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let size = [1, 7, 100, 5_000, usize::MAX][dice.usize(..5)];
        let (mut reader, until) = (stream.try_clone().unwrap(), Instant::now() + PATIENCE);
        std::thread::scope(|scope| {
            // Read all the time: who does not read is not written to, and not read from either.
            let reads = scope.spawn(move || {
                let mut piece = vec![0; 64 << 10];
                loop {
                    match reader.read(&mut piece) {
                        Ok(0) => return true,
                        Ok(_) if Instant::now() < until => {}
                        Err(e) if e.kind() == ErrorKind::ConnectionReset => return true,
                        _ => return false,
                    }
                }
            });
            let _ = bytes.chunks(size).try_for_each(|piece| stream.write_all(piece));
            let _ = stream.shutdown(Shutdown::Write);
            if !reads.join().unwrap() {
                let shown = self.shown();
                panic!(
                    "case {number} does not come to an end:\n{}\n{shown}",
                    bytes.escape_ascii()
                );
            }
        });
    }

    /// What everybody is doing, by the pooler's word and by PostgreSQL's.
    fn shown(&self) -> String {
        let mut console = self.pooler.console();
        let pooler = ["SHOW CLIENTS", "SHOW SERVERS", "SHOW POOLS"].map(|show| console.query(show).show());
        let activity = "SELECT pid, state, wait_event_type, wait_event, query FROM pg_stat_activity WHERE datname IS NOT NULL";
        let postgres = self.database.admin().query(activity).show();
        format!("{}\n{postgres}", pooler.join("\n"))
    }

    /// An ordinary client and an administrator, served as ever.
    fn check_ordinary(&self) {
        if self.is_trusting {
            let mut client = self.pooler.client();
            let answer = build::extended("SELECT $1::int + 1", &[Some("41")]);
            assert_eq!(client.ask(&answer).rows(), [["42"]]);
            client.run("BEGIN");
            client.run("COMMIT");
            assert!(self.pooler.console().query("SHOW POOLS").is_ready());
        }
        assert!(self.database.backends() <= 4);
    }

    /// Everybody has gone, and left nothing in use.
    fn check_quiet(&self) {
        let mut console = self.pooler.console();
        eventually("all clients to be gone", || {
            let rows = console.query("SHOW CLIENTS").rows();
            (rows.len() == 1).then_some(())
        });
        let rows = console.query("SHOW POOLS").rows();
        for row in rows {
            // cl_active, cl_waiting, sv_active; the console's own pool has the console.
            let is_console = row[0] == "pgbouncer";
            assert!(is_console || row[2..4] == ["0", "0"], "{row:?}");
            assert!(row[6] == "0", "{row:?}");
        }
    }
}

#[test]
fn hostile_startup_packets() {
    let target = Target::start("trust");
    let case = |number: u64| {
        let mut dice = Rng::with_seed(number);
        let opening = corpus::opening(&mut dice, database::OWNER, &target.database.name);
        let mut bytes = mutate::stream(&mut dice, opening, false);
        bytes.extend(corpus::requests(&mut dice).concat());
        target.say(&mut dice, &bytes, number);
    };
    watch::run(10_000_000, case, || target.check_ordinary());
    target.check_quiet();
}

#[test]
fn hostile_answers_to_a_request_for_a_password() {
    for auth_type in ["scram-sha-256", "md5", "plain"] {
        let target = Target::start(auth_type);
        let case = |number: u64| {
            let mut dice = Rng::with_seed(number);
            let who = [("user", database::OWNER), ("database", &target.database.name)];
            let mut bytes = build::startup(&who);
            let passwords = corpus::passwords(&mut dice);
            bytes.extend(mutate::stream(&mut dice, passwords, true));
            target.say(&mut dice, &bytes, number);
        };
        watch::run(20_000_000, case, || target.check_ordinary());
    }
}

#[test]
fn hostile_requests() {
    let target = Target::start("trust");
    let case = |number: u64| {
        let mut dice = Rng::with_seed(number);
        let who = [("user", database::OWNER), ("database", &target.database.name)];
        let mut bytes = build::startup(&who);
        let requests = corpus::requests(&mut dice);
        bytes.extend(mutate::stream(&mut dice, requests, true));
        target.say(&mut dice, &bytes, number);
    };
    watch::run(30_000_000, case, || target.check_ordinary());
    target.check_quiet();
}

#[test]
fn hostile_questions_to_the_console() {
    let target = Target::start("trust");
    let commands = [
        "SHOW POOLS",
        "SHOW CLIENTS; SHOW HELP",
        "SET log_stats = 0",
        "SHOW LISTS",
        "RECONNECT",
        "x'\"$",
    ];
    let case = |number: u64| {
        let mut dice = Rng::with_seed(number);
        let mut bytes = build::startup(&[("user", database::ADMIN), ("database", "pgbouncer")]);
        let mut requests: Vec<Vec<u8>> = (0..3)
            .map(|_| build::query(commands[dice.usize(..commands.len())]))
            .collect();
        requests.extend(corpus::requests(&mut dice));
        bytes.extend(mutate::stream(&mut dice, requests, true));
        target.say(&mut dice, &bytes, number);
    };
    watch::run(40_000_000, case, || target.check_ordinary());
}
