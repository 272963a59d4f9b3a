//! A save that fails hurts only itself: its neighbours in the same batch are committed, other waves do not notice,
//! and what can be mended is sent again.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a panic here is a test's failure, and what is printed is its output"
)]

use canvass_testkit::{
    Dice, Load, Mix, Raw, Respondent, SMALL_SURVEY, Server, TestDb, WaveTimes, make_wave, now_micros,
    shared_cluster, until_read,
};
use serde_json::{Value, json};

const PEOPLE: usize = 4;

/// A server with one event loop, so that there is one batch at a time, and two waves with people who are in.
struct Scene {
    db: TestDb,
    server: Server,
    waves: [Vec<Respondent>; 2],
    stamp: i64,
}

impl Scene {
    fn new() -> Self {
        let db = shared_cluster().database();
        let waves =
            ["one", "two"].map(|name| make_wave(&db.url, name, SMALL_SURVEY, WaveTimes::default(), PEOPLE));
        let server = Server::start(
            env!("CARGO_BIN_EXE_canvass"),
            &db.url,
            &[("CANVASS_WEB_WORKERS", "1")],
        );
        let waves = waves.map(|wave| wave.codes.iter().map(|code| server.api().enter(code)).collect());
        Self {
            db,
            server,
            waves,
            stamp: now_micros(),
        }
    }

    /// Sends a save; does not wait for the reply.
    fn send(&mut self, wave: usize, person: usize, text: &str) -> Raw {
        self.stamp += 1;
        let token = &self.waves[wave][person].token;
        Raw::save(
            self.server.address(),
            token,
            self.stamp,
            "p03",
            &json!({ "short001": text }),
        )
    }

    /// Sends saves, as (wave, text), that all come into one batch; the statuses and problems of the replies.
    /// `meanwhile` is done when they wait in the queue.
    fn in_one_batch(&mut self, saves: &[(usize, &str)], meanwhile: &str) -> Vec<(u16, String)> {
        let held = self.db.hold("LOCK TABLE wave_2.save IN ACCESS EXCLUSIVE MODE");
        let mut before = self.send(1, 0, "busy writer");
        self.db.until_locked_out();
        let mut waiting: Vec<Raw> = saves
            .iter()
            .enumerate()
            .map(|(n, (wave, text))| self.send(*wave, n % PEOPLE, text))
            .collect();
        until_read(self.server.address(), saves.len() + 1);
        if !meanwhile.is_empty() {
            self.db.execute(meanwhile);
        }
        drop(held);
        assert_eq!(before.reply().unwrap().status, 200);
        waiting
            .iter_mut()
            .map(|raw| raw.reply().unwrap())
            .inspect(|reply| assert_eq!(reply.status == 503, !reply.header("retry-after").is_empty()))
            .map(|reply| (reply.status, reply.problem()))
            .collect()
    }

    fn texts(&self, wave: usize) -> Vec<String> {
        let sql = format!(
            "SELECT answers->>'short001' FROM wave_{}.save ORDER BY stamp",
            wave + 1
        );
        self.db.rows(&sql).into_iter().map(|row| row[0].clone()).collect()
    }
}

fn ok() -> (u16, String) {
    (200, String::new())
}

#[test]
fn a_wave_whose_tables_are_gone_gets_503_and_the_other_wave_is_committed() {
    let mut scene = Scene::new();
    let gone = (503, "wave-unavailable".to_owned());
    let mixed = [(0, "w1a"), (1, "w2a"), (0, "w1b"), (1, "w2b")];

    let replies = scene.in_one_batch(&mixed, "ALTER SCHEMA wave_1 RENAME TO elsewhere");

    assert_eq!(replies, [gone.clone(), ok(), gone.clone(), ok()]);
    assert_eq!(scene.texts(1), ["busy writer", "w2a", "w2b"]);
    let log = scene.server.log();
    assert_eq!(log.matches("ALARM").count(), 1, "{log}");

    // Mended without a restart.
    scene.db.execute("ALTER SCHEMA elsewhere RENAME TO wave_1");
    assert_eq!(scene.in_one_batch(&mixed, ""), [ok(), ok(), ok(), ok()]);
    assert_eq!(scene.texts(0), ["w1a", "w1b"]);

    // Never prepared in this process, so preparing fails already.
    scene.server.kill();
    scene.db.execute("ALTER SCHEMA wave_1 RENAME TO elsewhere");
    scene.server.start_again();
    assert_eq!(scene.in_one_batch(&mixed, ""), [gone.clone(), ok(), gone, ok()]);
}

#[test]
fn a_row_that_postgresql_refuses_fails_alone() {
    let mut scene = Scene::new();
    scene.db.execute(
        "ALTER TABLE wave_1.save ADD CONSTRAINT strict CHECK (answers->>'short001' <> 'zq7unlucky')",
    );
    let refused = (422, "refused-by-database".to_owned());

    let replies = scene.in_one_batch(
        &[(0, "w1a"), (0, "zq7unlucky"), (1, "w2a"), (0, "w1b"), (0, "w1c")],
        "",
    );

    assert_eq!(replies, [ok(), refused, ok(), ok(), ok()]);
    assert_eq!(scene.texts(0), ["w1a", "w1b", "w1c"]);
    assert_eq!(scene.texts(1), ["busy writer", "w2a"]);
    for log in [scene.server.log(), shared_cluster().log()] {
        assert!(!log.contains("zq7unlucky"), "an answer in a log: {log}");
    }
}

#[test]
fn a_statement_that_went_stale_is_prepared_again() {
    let mut scene = Scene::new();
    assert_eq!(
        scene.in_one_batch(&[(0, "before"), (1, "before")], ""),
        [ok(), ok()]
    );

    // The table changes under the prepared statement.
    let altered = "ALTER TABLE wave_1.save ALTER COLUMN language TYPE varchar";
    assert_eq!(
        scene.in_one_batch(&[(0, "altered"), (1, "altered")], altered),
        [ok(), ok()]
    );

    // 0A000 is what a plan says whose result has changed, 26000 is what a pooler's other connection says.
    for (n, code) in ["0A000", "26000"].iter().enumerate() {
        let once = format!(
            "CREATE SEQUENCE canvass.tries_{n};
             CREATE FUNCTION canvass.stale_{n}() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$
             BEGIN
                 IF nextval('canvass.tries_{n}') = 1 THEN RAISE 'stale' USING ERRCODE = '{code}'; END IF;
                 RETURN NULL;
             END $$;
             CREATE TRIGGER stale_{n} BEFORE INSERT ON wave_1.save FOR EACH STATEMENT
                 EXECUTE FUNCTION canvass.stale_{n}()"
        );
        assert_eq!(
            scene.in_one_batch(&[(0, code), (1, code)], &once),
            [ok(), ok()],
            "{code}"
        );
        let tries = scene
            .db
            .value(&format!("SELECT last_value FROM canvass.tries_{n}"));
        assert_eq!(tries, "2", "{code}: failed once, then committed");
    }
    assert_eq!(scene.texts(0), ["before", "altered", "0A000", "26000"]);

    // For ever stale is not tried for ever.
    scene.db.execute(
        "CREATE OR REPLACE FUNCTION canvass.stale_0() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE 'stale' USING ERRCODE = '0A000'; END $$",
    );
    let gone = (503, "wave-unavailable".to_owned());
    assert_eq!(
        scene.in_one_batch(&[(0, "never"), (1, "after")], ""),
        [gone, ok()]
    );
}

#[test]
fn more_waves_than_fit_into_one_transaction_are_committed_all_the_same() {
    const WAVES: i32 = 35;
    let db = shared_cluster().database();
    let waves: Vec<_> = (1..=WAVES)
        .map(|n| make_wave(&db.url, &format!("w{n}"), SMALL_SURVEY, WaveTimes::default(), 1))
        .collect();
    let server = Server::start(
        env!("CARGO_BIN_EXE_canvass"),
        &db.url,
        &[("CANVASS_WEB_WORKERS", "1")],
    );
    let people: Vec<Respondent> = waves.iter().map(|w| server.api().enter(&w.codes[0])).collect();
    let (stamp, answers): (i64, Value) = (now_micros(), json!({ "single01": "a" }));
    let send = |who: &Respondent, n: i64| Raw::save(server.address(), &who.token, stamp + n, "p01", &answers);

    let held = db.hold("LOCK TABLE wave_1.save IN ACCESS EXCLUSIVE MODE");
    let mut replies = vec![send(&people[0], 1)];
    db.until_locked_out();
    replies.extend(people.iter().map(|who| send(who, 2)));
    until_read(server.address(), replies.len());
    drop(held);

    for raw in &mut replies {
        assert_eq!(raw.reply().unwrap().status, 200);
    }
    for wave in &waves {
        let sql = format!(
            "SELECT count(*) FROM wave_{}.save WHERE stamp = {}",
            wave.id,
            stamp + 2
        );
        assert_eq!(db.value(&sql), "1");
    }
}

#[test]
fn the_writers_connections_are_terminated_under_load() {
    let db = shared_cluster().database();
    let waves = [make_wave(&db.url, "one", SMALL_SURVEY, WaveTimes::default(), 16)];
    let server = Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, &[]);
    let mut dice = Dice::rolled();

    let load = Load::start(&[server.into()], &waves, 16, Mix::Saves);
    load.goes_on_for(16);
    for _ in 0..3 {
        load.goes_on_for(dice.roll(50..300));
        db.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND usename = 'canvass'",
        );
    }
    load.goes_on_for(100);

    assert_eq!(load.refused(), 0, "saves waited, nobody was sent away");
    load.finish(&db);
}
