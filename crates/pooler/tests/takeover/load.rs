//! Clients that work the whole time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use canvass_testkit::eventually;

use crate::Pool;
use crate::pool::Setting;
use crate::support::{Wire, build};
use crate::world::{client, restart};

/// How many work at once.
const CLIENTS: usize = 200;

/// Works until it is told to stop, with a query of every kind in turn; every answer is its own, and none is missing.
fn work(mut client: Wire, number: usize, stop: &AtomicBool, done: &AtomicU64) {
    client.run(&format!("SET application_name = 'worker {number}'"));
    let prepare = [build::parse("mine", "SELECT $1::text", &[]), build::sync()];
    assert_eq!(client.ask(&prepare.concat()).kinds(), "1Z");
    let mut turn = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        turn += 1;
        let word = format!("{number}/{turn}");
        assert_eq!(client.value(&format!("SELECT '{word}'")), word);
        let reply = client.ask(&build::execute_prepared("mine", &[Some(&word)]));
        assert_eq!(reply.rows(), [[word.as_str()]], "{}", reply.show());
        client.run("BEGIN");
        assert_eq!(client.value("SHOW application_name"), format!("worker {number}"));
        client.run(&format!("INSERT INTO work VALUES ({number}, {turn})"));
        client.run("COMMIT");
        // Two requests at once, and their answers in their order.
        let both = [
            build::extended("SELECT $1::text", &[Some("a")]),
            build::extended("SELECT $1::text", &[Some(&word)]),
        ];
        client.send(&both.concat()).unwrap();
        assert_eq!(client.until_ready().rows(), [["a"]]);
        assert_eq!(client.until_ready().rows(), [[word.as_str()]]);
        // More than a buffer takes.
        let rows = client
            .query(&format!("SELECT n, '{word}' FROM generate_series(1, 3000) n"))
            .rows();
        let is_whole = (1..=3000)
            .zip(&rows)
            .all(|(n, row)| row[0] == n.to_string() && row[1] == word);
        assert!(is_whole && rows.len() == 3000, "{} rows", rows.len());
        done.fetch_add(1, Ordering::Relaxed);
    }
    assert_eq!(
        client.value(&format!("SELECT count(*) FROM work WHERE client = {number}")),
        turn.to_string(),
        "every transaction once"
    );
}

#[test]
fn two_hundred_clients_work_through_three_restarts_and_lose_nothing() {
    let setting = Setting::new(
        "default_pool_size = 10\nmax_client_conn = 300",
        "[canvass]\nthreads = 3\n",
    );
    let mut pool = Pool::start_in(setting);
    client(&pool).run("CREATE TABLE work (client int, turn bigint)");
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let workers: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (client, stop, done) = (client(&pool), stop.clone(), done.clone());
            thread::spawn(move || work(client, number, &stop, &done))
        })
        .collect();

    for _ in 0..3 {
        let before = done.load(Ordering::Relaxed);
        eventually("work to be under way", || {
            let some_failed = workers.iter().any(thread::JoinHandle::is_finished);
            assert!(!some_failed, "a worker has failed");
            (done.load(Ordering::Relaxed) > before + CLIENTS as u64).then_some(())
        });
        restart(&mut pool);
    }
    let before = done.load(Ordering::Relaxed);
    eventually("work to go on", || {
        (done.load(Ordering::Relaxed) > before + CLIENTS as u64).then_some(())
    });
    stop.store(true, Ordering::Relaxed);
    for worker in workers {
        worker.join().unwrap();
    }
    let log = pool.log();
    let all = format!("took over {CLIENTS} clients");
    assert_eq!(log.matches(&all).count(), 3, "{log}");
    let told = log.matches("0 TLS clients and 0 others were told").count();
    assert_eq!(told, 6, "{log}");
}
