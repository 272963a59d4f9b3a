//! A disk filled to the brim under load loses nothing: serve refuses in time where it watches the disk, and where it
//! does not, PostgreSQL may fail, and what it acknowledged is there when there is room again.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic here is a test's failure, and what is printed is its output"
)]

use canvass_testkit::{
    Load, Mix, SMALL_SURVEY, Server, SmallDisk, TestCluster, TestDb, TestWave, WaveTimes, eventually,
    make_wave, now_micros,
};
use serde_json::json;

const CLIENTS: usize = 32;
const MEGABYTES: u32 = 300;
const MIN_FREE: u64 = 96 << 20;

/// A PostgreSQL on a disk of its own. The cluster is dropped before the disk.
struct Scene {
    db: TestDb,
    waves: [TestWave; 2],
    cluster: TestCluster,
    disk: SmallDisk,
}

/// `None` where no disk can be had.
fn scene() -> Option<Scene> {
    let disk = SmallDisk::mount(MEGABYTES)?;
    let cluster = TestCluster::start_in(&disk.path().join("data"));
    let db = cluster.database();
    // The WAL stays small, so that it is the ballast that fills the disk.
    db.execute("ALTER SYSTEM SET max_wal_size = '64MB'");
    db.execute("ALTER SYSTEM SET min_wal_size = '32MB'");
    db.execute("SELECT pg_reload_conf()");
    let people = [CLIENTS / 2, CLIENTS / 2 + 1];
    let waves = ["one", "two"].map(|name| {
        make_wave(
            &db.url,
            name,
            SMALL_SURVEY,
            WaveTimes::default(),
            people[usize::from(name == "two")],
        )
    });
    Some(Scene {
        db,
        waves,
        cluster,
        disk,
    })
}

fn serve(db: &TestDb, settings: &[(&str, &str)]) -> Server {
    Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, settings)
}

#[test]
fn below_min_free_serve_refuses_and_postgresql_goes_on() {
    let Some(scene) = scene() else { return };
    let (path, min_free) = (scene.disk.path().display().to_string(), MIN_FREE.to_string());
    let watched = [
        ("CANVASS_WEB_DISK_PATH", path.as_str()),
        ("CANVASS_WEB_MIN_FREE_BYTES", &min_free),
    ];
    let server = std::sync::Arc::new(serve(&scene.db, &watched));
    // Somebody who does not belong to the load.
    let observer = server.api().enter(scene.waves[1].codes.last().unwrap());

    let load = Load::start(std::slice::from_ref(&server), &scene.waves, CLIENTS, Mix::Saves);
    load.goes_on_for(200);
    let ballast = scene.disk.ballast();
    ballast.fill(MIN_FREE / 3);
    // What was let in before is committed still; from then on nobody is let in.
    eventually("everyone to be refused", || {
        let (acknowledged, refused) = (load.acknowledged(), load.refused());
        eventually("refusals", || {
            (load.refused() > refused + 2 * CLIENTS).then_some(())
        });
        (load.acknowledged() == acknowledged).then_some(())
    });
    let refusal = observer.save(now_micros(), "p01", &json!({ "single01": "a" }));

    assert_eq!(
        (refusal.status, refusal.problem().as_str()),
        (503, "disk-full"),
        "{}",
        refusal.text
    );
    assert_ne!(refusal.header("retry-after"), "");
    assert_eq!(observer.response()["answers"], json!({}), "reading goes on");
    load.assert_nothing_lost(&scene.db);
    assert!(
        !scene.cluster.log().contains("No space left"),
        "PostgreSQL has not noticed"
    );

    drop(ballast);
    load.goes_on_for(200);
    load.finish(&scene.db);
}

#[test]
fn a_disk_filled_to_the_brim_loses_nothing() {
    let Some(scene) = scene() else { return };
    let server = serve(&scene.db, &[("CANVASS_INGEST_DEADLINE_MS", "1000")]);

    let load = Load::start(&[server.into()], &scene.waves, CLIENTS, Mix::Everything);
    load.goes_on_for(300);
    let ballast = scene.disk.ballast();
    // First the tables find no room: PostgreSQL goes on and refuses rows.
    eventually("saves to be refused", || {
        ballast.fill(0);
        (load.refused() > 2 * CLIENTS).then_some(())
    });
    load.assert_nothing_lost(&scene.db);
    // Then the WAL finds none, and PostgreSQL panics.
    let next_wal_file = "SELECT pg_logical_emit_message(true, '', ''); SELECT pg_switch_wal()";
    let cause = eventually("PostgreSQL to fail", || {
        ballast.fill(0);
        scene.db.try_execute(next_wal_file).err()
    });
    println!(
        "{cause}; PostgreSQL {}",
        if scene.cluster.is_running() {
            "runs"
        } else {
            "has ended"
        }
    );

    drop(ballast);
    eventually("PostgreSQL to be back", || {
        if !scene.cluster.is_running() {
            scene.cluster.start_again();
        }
        scene.db.try_execute("SELECT 1").ok()
    });
    load.assert_nothing_lost(&scene.db);
    load.goes_on_for(300);
    let sent = load.finish(&scene.db);

    println!("{sent} facts, all there");
}
