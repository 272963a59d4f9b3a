//! Whatever is killed or cut, at whatever moment: what was acknowledged is there, and what is sent again until it is
//! acknowledged is there once, with the values that were sent.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a panic here is a test's failure, and what is printed is its output"
)]

use std::sync::Arc;

use canvass_testkit::{
    Dice, Load, Mix, Proxy, SMALL_SURVEY, Server, TestCluster, TestDb, TestWave, WaveTimes, eventually,
    make_wave, shared_cluster,
};

const CLIENTS: usize = 64;
const KILLS: usize = 3;

fn serve(url: &str) -> Arc<Server> {
    Arc::new(Server::start(env!("CARGO_BIN_EXE_canvass"), url, &[]))
}

fn one_wave(db: &TestDb) -> [TestWave; 1] {
    [make_wave(
        &db.url,
        "one",
        SMALL_SURVEY,
        WaveTimes::default(),
        CLIENTS,
    )]
}

fn two_waves(db: &TestDb) -> [TestWave; 2] {
    ["one", "two"].map(|name| make_wave(&db.url, name, SMALL_SURVEY, WaveTimes::default(), CLIENTS / 2))
}

/// A while that ends at a moment nobody can foresee: after so many acknowledgements.
fn a_while(load: &Load, dice: &mut Dice) {
    load.goes_on_for(dice.roll(100..800));
}

#[test]
fn serve_is_killed_under_load() {
    let db = shared_cluster().database();
    let waves = one_wave(&db);
    let server = serve(&db.url);
    let mut dice = Dice::rolled();

    let load = Load::start(std::slice::from_ref(&server), &waves, CLIENTS, Mix::Saves);
    for _ in 0..KILLS {
        a_while(&load, &mut dice);
        server.kill();
        server.start_again();
        load.assert_nothing_lost(&db);
    }
    load.goes_on_for(200);
    let sent = load.finish(&db);

    println!("{sent} facts, {KILLS} kills of serve");
}

#[test]
fn every_postgresql_process_is_killed_under_load() {
    let cluster = TestCluster::start();
    let db = cluster.database();
    let waves = two_waves(&db);
    let server = serve(&db.url);
    let mut dice = Dice::rolled();

    let load = Load::start(&[server], &waves, CLIENTS, Mix::Everything);
    for _ in 0..KILLS {
        a_while(&load, &mut dice);
        cluster.kill_all();
        cluster.start_again();
        load.assert_nothing_lost(&db);
    }
    load.goes_on_for(200);
    let sent = load.finish(&db);

    println!("{sent} facts, {KILLS} kills of PostgreSQL");
}

#[test]
fn two_serves_get_the_same_saves_and_everything_is_killed() {
    let cluster = TestCluster::start();
    let db = cluster.database();
    let waves = two_waves(&db);
    let servers = [serve(&db.url), serve(&db.url)];
    let mut dice = Dice::rolled();

    let load = Load::start(&servers, &waves, CLIENTS, Mix::Everything);
    for _ in 0..KILLS {
        a_while(&load, &mut dice);
        let unlucky = &servers[dice.roll(0..2)];
        unlucky.kill();
        unlucky.start_again();
        load.assert_nothing_lost(&db);
    }
    a_while(&load, &mut dice);
    cluster.kill_all();
    cluster.start_again();
    load.assert_nothing_lost(&db);
    load.goes_on_for(200);
    let sent = load.finish(&db);

    println!("{sent} facts, {KILLS} kills of a serve, one of PostgreSQL");
}

/// Cuts the connection between serve and PostgreSQL `KILLS` times when a reply with `what` comes: PostgreSQL has
/// committed, serve does not learn it.
fn cut_at_reply(what: &[u8], mix: Mix, waves: impl Fn(&TestDb) -> Vec<TestWave>) {
    let cluster = shared_cluster();
    let db = cluster.database();
    let waves = waves(&db);
    let proxy = Proxy::to(&format!("127.0.0.1:{}", cluster.port()));
    let direct = format!("127.0.0.1:{}/", cluster.port());
    assert!(db.url.contains(&direct));
    let server = serve(&db.url.replace(&direct, &format!("{}/", proxy.address())));
    let mut dice = Dice::rolled();

    let load = Load::start(std::slice::from_ref(&server), &waves, CLIENTS, mix);
    for cuts in 1..=KILLS {
        a_while(&load, &mut dice);
        proxy.swallow_next(what);
        eventually("a reply to be swallowed", || {
            (proxy.swallowed() == cuts).then_some(())
        });
        load.assert_nothing_lost(&db);
    }
    load.goes_on_for(200);
    let sent = load.finish(&db);

    let again = server.log().matches("then the same batch again").count();
    assert!(
        again >= KILLS,
        "{again} batches were sent again after {KILLS} cuts"
    );
    println!("{sent} facts, {KILLS} replies swallowed");
}

#[test]
fn the_connection_is_cut_before_the_reply_to_a_commit() {
    cut_at_reply(b"COMMIT\0", Mix::Everything, |db| two_waves(db).into());
}

#[test]
fn the_connection_is_cut_before_the_reply_to_an_insert_that_commits_itself() {
    cut_at_reply(b"INSERT 0 ", Mix::Saves, |db| one_wave(db).into());
}
