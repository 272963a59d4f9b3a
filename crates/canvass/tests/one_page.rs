//! The shortest way through: a code, a page, an acknowledgement, the row.

use canvass_testkit::{SMALL_SURVEY, Server, WaveTimes, eventually, make_wave, now_micros, shared_cluster};
use serde_json::json;

#[test]
fn a_page_that_was_acknowledged_is_in_the_database_and_in_the_response() {
    let db = shared_cluster().database();
    let wave = make_wave(&db.url, "w", SMALL_SURVEY, WaveTimes::default(), 1);
    let server = Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, &[]);
    let pupil = server
        .api()
        .enter(&wave.codes[0].to_lowercase().replace('-', " "));

    let stamp = now_micros();
    let reply = pupil.save(stamp, "p01", &json!({ "single01": "b", "multi001": ["c", "a"] }));

    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.json()["stamp"], stamp);
    let row = db.rows("SELECT stamp, page, answers FROM wave_1.save").remove(0);
    assert_eq!(
        row,
        [
            stamp.to_string(),
            "p01".into(),
            r#"{"multi001": ["a", "c"], "single01": "b"}"#.into()
        ]
    );
    assert_eq!(
        pupil.response()["answers"],
        json!({ "single01": "b", "multi001": ["a", "c"] })
    );
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn migrating_again_is_harmless_even_for_a_role_named_as_our_schema() {
    let cluster = shared_cluster();
    cluster.execute("postgres", "CREATE DATABASE migrated_twice OWNER canvass");
    // PostgreSQL's own default, by which a role finds its tables in a schema of its name first.
    let default = r#"ALTER ROLE canvass IN DATABASE migrated_twice SET search_path = "$user", public"#;
    cluster.execute("postgres", default);
    let url = cluster.url("migrated_twice");
    let migrate =
        || canvass_testkit::block_on(canvass_store::migrate(&url)).map(|report| report.applied.len());

    assert_eq!(migrate().unwrap(), 1);
    assert_eq!(migrate().unwrap(), 0);
}

#[test]
fn a_save_stamped_after_closing_is_kept_and_said_not_to_count() {
    let db = shared_cluster().database();
    let wave = make_wave(&db.url, "w", SMALL_SURVEY, WaveTimes::default(), 1);
    let server = Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, &[]);
    let pupil = server.api().enter(&wave.codes[0]);
    let in_time = pupil.save(now_micros(), "p01", &json!({ "single01": "a" }));
    assert_eq!(in_time.json()["late"], json!(null));
    shared_cluster().execute(&db.name, "UPDATE canvass.wave SET closes_at = now()");

    eventually("serve to see that the wave has closed", || {
        let reply = pupil.save(now_micros(), "p01", &json!({ "single01": "c" }));
        assert_eq!(reply.status, 200, "{}", reply.text);
        (reply.json()["late"] == true).then_some(())
    });

    let response = pupil.response();
    assert_eq!(response["answers"], json!({ "single01": "a" }));
    assert!(response["left_out"].as_u64() > Some(0));
}

#[test]
fn a_rotated_key_signs_later_and_the_file_keeps_its_owner() {
    use std::os::unix::fs::MetadataExt;
    let db = shared_cluster().database();
    let wave = make_wave(&db.url, "w", SMALL_SURVEY, WaveTimes::default(), 1);
    let server = Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, &[]);
    // As under `canvass up`: root rotates a file that serve's user owns.
    let _ = std::os::unix::fs::chown(server.keys(), Some(54_321), None);
    let before = std::fs::metadata(server.keys()).unwrap();
    let rotate = std::process::Command::new(env!("CARGO_BIN_EXE_canvass"))
        .args(["keys", "rotate"])
        .arg(server.keys())
        .output()
        .unwrap();
    assert!(rotate.status.success(), "{rotate:?}");
    let after = std::fs::metadata(server.keys()).unwrap();
    assert_eq!((before.uid(), before.mode()), (after.uid(), after.mode()));

    // One process has learned the new key, the other one has not: what either signs the other takes.
    let learned = Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, &[]);
    std::fs::copy(server.keys(), learned.keys()).unwrap();
    learned.kill();
    learned.start_again();
    let (old, new) = (
        server.api().enter(&wave.codes[0]),
        learned.api().enter(&wave.codes[0]),
    );
    assert_eq!(
        old.through(&learned.api())
            .save(now_micros(), "p01", &json!({}))
            .status,
        200
    );
    assert_eq!(
        new.through(&server.api())
            .save(now_micros(), "p01", &json!({}))
            .status,
        200
    );
}

#[test]
fn what_was_read_by_key_while_a_table_was_small_is_read_by_key_when_it_is_large() {
    let db = shared_cluster().database();
    let wave = make_wave(&db.url, "w", SMALL_SURVEY, WaveTimes::default(), 1);
    let server = Server::start(env!("CARGO_BIN_EXE_canvass"), &db.url, &[]);
    let pupil = server.api().enter(&wave.codes[0]);
    assert_eq!(
        pupil
            .save(now_micros(), "p01", &json!({ "single01": "b" }))
            .status,
        200
    );
    // One page and known to be: left to itself PostgreSQL would plan to scan it, and keep to that plan.
    db.execute("ANALYZE wave_1.save");
    let scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relid = 'wave_1.save'::regclass";
    let scans_before = db.value(scans);

    for _ in 0..20 {
        assert_eq!(pupil.response()["answers"], json!({ "single01": "b" }));
    }

    let reads = "SELECT idx_scan FROM pg_stat_user_tables WHERE relid = 'wave_1.save'::regclass";
    eventually("PostgreSQL to have counted the reads by key", || {
        let reads: i64 = db.value(reads).parse().unwrap();
        (reads >= 20).then_some(())
    });
    assert_eq!(db.value(scans), scans_before);
}
