//! PostgreSQL is restarted while everybody works.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use canvass_testkit::{TestCluster, eventually};

use crate::killed::own_cluster;
use crate::support::{Pooler, Reply, Wire};

/// What clients may be told while PostgreSQL goes down and comes back.
const TRUE: [&str; 5] = ["57P01", "57P02", "57P03", "08001", "08006"];
const CLIENTS: usize = 50;

/// What happened to everybody.
struct Book {
    over: AtomicBool,
    /// Answers so far, by client.
    answered: [AtomicUsize; CLIENTS],
    errors: Mutex<BTreeMap<String, usize>>,
}

impl Book {
    fn note(&self, reply: &Reply) {
        let code = reply.code().unwrap_or_else(|| "no word".into());
        assert!(TRUE.contains(&code.as_str()), "{}", reply.show());
        *self.errors.lock().unwrap().entry(code).or_default() += 1;
    }

    /// Waits until everybody has had so many more answers.
    fn until_all_are_served(&self, more: usize) {
        let before: Vec<usize> = self.answered.iter().map(|n| n.load(Ordering::SeqCst)).collect();
        eventually("everybody to be served", || {
            let mut pairs = self.answered.iter().zip(&before);
            pairs
                .all(|(now, before)| now.load(Ordering::SeqCst) >= before + more)
                .then_some(())
        });
    }

    /// A client that asks one thing after another, and comes again when its connection ends.
    fn ask(&self, pooler: &Pooler, number: usize) {
        let mut client: Option<Wire> = None;
        let mut asked = 0;
        while !self.over.load(Ordering::SeqCst) {
            let mut asking = match client.take() {
                Some(client) => client,
                None => match pooler.client_with(&[]) {
                    Ok(client) => client,
                    Err(reply) => {
                        self.note(&reply);
                        crate::support::between_two_looks();
                        continue;
                    }
                },
            };
            asked += 1;
            let marker = format!("{number}-{asked}");
            let sql = match asked % 3 {
                0 => format!("SELECT '{marker}' FROM pg_sleep(0.01)"),
                _ => format!("SELECT '{marker}'"),
            };
            let reply = asking.query(&sql);
            // Nobody gets a wrong answer, however it ends.
            for row in reply.rows() {
                assert_eq!(row, [marker.as_str()]);
            }
            if reply.is_ready() {
                assert_eq!(reply.rows().len(), 1, "{}", reply.show());
                self.answered[number].fetch_add(1, Ordering::SeqCst);
                client = Some(asking);
            } else {
                self.note(&reply);
                crate::support::between_two_looks();
            }
        }
    }
}

/// Runs 50 clients while `restart` happens twice.
fn under_load(restart: impl Fn(&TestCluster)) {
    let (cluster, database) = own_cluster();
    // No time limit of the pooler's helps those who would hang.
    let settings = [
        ("pool_mode", "transaction"),
        ("default_pool_size", "5"),
        ("server_login_retry", "0.1"),
        ("server_connect_timeout", "600"),
        ("query_wait_timeout", "600"),
    ];
    let pooler = Pooler::start(&database, &settings);
    let book = Book {
        over: AtomicBool::new(false),
        answered: [const { AtomicUsize::new(0) }; CLIENTS],
        errors: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (book, pooler) = (&book, &pooler);
            scope.spawn(move || book.ask(pooler, number));
        }
        let work = || {
            book.until_all_are_served(3);
            for _ in 0..2 {
                restart(&cluster);
                book.until_all_are_served(3);
            }
        };
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        book.over.store(true, Ordering::SeqCst);
        done.unwrap();
    });
    let errors = book.errors.into_inner().unwrap();
    println!("errors: {errors:?}");
    assert!(!errors.is_empty(), "nobody noticed the restart");
    let mut client = pooler.client();
    assert_eq!(client.value("SELECT 'right'"), "right");
    assert!(database.backends() <= 5);
}

#[test]
fn a_fast_restart_under_load_is_an_error_at_once_and_everybody_is_served_again() {
    under_load(|cluster| {
        cluster.stop();
        cluster.start_again();
    });
}

#[test]
fn an_immediate_restart_under_load_is_an_error_at_once_and_everybody_is_served_again() {
    under_load(|cluster| {
        cluster.stop_at_once();
        cluster.start_again();
    });
}

#[test]
fn with_wait_for_restart_those_outside_a_transaction_wait() {
    // Given idle clients, one in a transaction, and a PostgreSQL that has gone.
    let (cluster, database) = own_cluster();
    let settings = [("pool_mode", "transaction"), ("default_pool_size", "2")];
    let pooler = Pooler::start_with(&database, "", &settings, "[canvass]\nwait_for_restart = 600\n");
    let mut idle: Vec<Wire> = (0..10).map(|_| pooler.client()).collect();
    let mut open = pooler.client();
    open.run("BEGIN");
    cluster.stop();

    // When they ask, and others come.
    let reply = open.until_end();
    assert_eq!(reply.code().as_deref(), Some("57P01"), "{}", reply.show());
    let pooler = &pooler;
    std::thread::scope(|scope| {
        let asked: Vec<_> = idle
            .iter_mut()
            .map(|client| scope.spawn(|| client.query("SELECT 'waited'")))
            .chain((0..5).map(|_| {
                scope.spawn(move || match pooler.client_with(&[]) {
                    Ok(mut client) => client.query("SELECT 'waited'"),
                    Err(reply) => reply,
                })
            }))
            .collect();
        let mut console = pooler.console();
        eventually("fifteen to wait", || {
            let rows = console.query("SHOW POOLS").rows();
            let waiting: usize = rows.iter().map(|row| row[3].parse::<usize>().unwrap()).sum();
            assert!(
                asked.iter().all(|client| !client.is_finished()),
                "somebody did not wait"
            );
            (waiting == 15).then_some(())
        });
        cluster.start_again();

        // Then they are served when it is back.
        for client in asked {
            let reply = client.join().unwrap();
            assert_eq!(reply.rows(), [["waited"]], "{}", reply.show());
        }
    });
}

#[test]
fn without_it_those_who_come_are_told_at_once() {
    let (cluster, database) = own_cluster();
    let settings = [
        ("pool_mode", "transaction"),
        ("server_login_retry", "600"),
        ("query_wait_timeout", "600"),
    ];
    let pooler = Pooler::start(&database, &settings);
    let mut client = pooler.client();
    client.run("SELECT 1");
    cluster.stop();
    let mut others: Vec<Wire> = (0..3).map(|_| pooler.client()).collect();
    others.push(client);
    for client in &mut others {
        let reply = client.query("SELECT 1");
        assert!(reply.ended, "{}", reply.show());
        assert_eq!(reply.code().as_deref(), Some("08001"), "{}", reply.show());
        let words = "server login has been failing, cached error: connect failed: ";
        assert!(reply.message().starts_with(words), "{}", reply.show());
    }
}
