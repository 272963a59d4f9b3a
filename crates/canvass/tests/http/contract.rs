//! Every call of the API, as `docs/http-api.md` says it.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use canvass_testkit::{Respondent, WaveTimes, eventually, now_micros};
use serde_json::{Value, json};

use crate::support::{Browser, Site, hidden};

fn closed(late: i64) -> WaveTimes {
    WaveTimes {
        opens_in: -7200,
        closes_in: -3600,
        late,
    }
}

#[test]
fn a_code_gives_a_token_however_it_is_typed_and_entering_again_gives_the_same_response() {
    let site = Site::open();
    let api = site.server.api();
    let sloppy = site.wave.codes[0]
        .to_lowercase()
        .replace('-', " ")
        .replace('0', "o");

    let reply = api.post("/api/v1/enter", &[], &json!({ "code": sloppy, "language": "es" }));

    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("content-type"), "application/json");
    assert_eq!(reply.header("cache-control"), "no-store");
    let body = reply.json();
    assert_eq!(body["wave"], site.wave.id);
    assert_eq!(body["questionnaire"].as_str().unwrap().len(), 16);
    assert_eq!(body["languages"], json!(["en", "es"]));
    assert!(body["closes_at"].as_i64().unwrap() > now_micros());
    assert!((body["server_time"].as_i64().unwrap() - now_micros()).abs() < 60_000_000);
    assert_eq!(site.enter(0).token, body["token"], "the same right again");
    let row = site
        .db
        .rows("SELECT language, unit_id FROM wave_1.response")
        .remove(0);
    assert_eq!(row, ["es", "1"], "started once, as it was entered first");
}

#[test]
fn a_code_that_nobody_has_is_told_so() {
    let site = Site::open();
    let api = site.server.api();
    for code in [
        "",
        "0000-0000-000",
        "nonsense!",
        "ABCD-EFGH-JKM",
        &"9".repeat(5000),
    ] {
        let reply = api.post("/api/v1/enter", &[], &json!({ "code": code }));
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (422, "unknown-code"),
            "{code}"
        );
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let body = reply.json();
        assert_eq!(
            (&body["status"], &body["title"]),
            (&json!(422), &json!("Unprocessable Entity"))
        );
        assert!(!body["detail"].as_str().unwrap().is_empty());
    }
}

#[test]
fn outside_its_time_a_wave_lets_nobody_in_and_says_when() {
    let early = Site::with(
        WaveTimes {
            opens_in: 3600,
            ..WaveTimes::default()
        },
        &[],
    );
    let reply = early
        .server
        .api()
        .post("/api/v1/enter", &[], &json!({ "code": early.wave.codes[0] }));
    assert_eq!((reply.status, reply.problem().as_str()), (409, "wave-not-open"));
    assert!(reply.json()["opens_at"].as_i64().unwrap() > now_micros());

    for late in [86_400, 0] {
        let site = Site::with(closed(late), &[]);
        let reply = site
            .server
            .api()
            .post("/api/v1/enter", &[], &json!({ "code": site.wave.codes[0] }));
        assert_eq!((reply.status, reply.problem().as_str()), (409, "wave-closed"));
        assert!(reply.json()["closes_at"].as_i64().unwrap() < now_micros());
    }
}

#[test]
fn a_save_is_acknowledged_with_its_stamp_and_the_servers_time_and_repeats_harmlessly() {
    let site = Site::open();
    let pupil = site.enter(0);
    let (before, stamp) = (now_micros(), now_micros() - 5_000_000);
    let answers = json!({ "single01": "b", "multi001": ["c", "a"] });

    for _ in 0..3 {
        let reply = pupil.save(stamp, "p01", &answers);
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.header("content-type"), "application/json");
        assert_eq!(reply.header("cache-control"), "no-store");
        let body = reply.json();
        assert_eq!(body["stamp"], stamp);
        assert!(body["saved_at"].as_i64().unwrap() >= before);
        assert!(body["server_time"].as_i64().unwrap() >= body["saved_at"].as_i64().unwrap());
    }
    assert_eq!(site.saves(), 1);

    let seen = pupil.save(now_micros(), "p02", &json!({}));
    assert_eq!(seen.status, 200, "a page without changes is saved as seen");
    let cleared = pupil.save(now_micros(), "p01", &json!({ "single01": null }));
    assert_eq!(cleared.status, 200);
    let response = pupil.response();
    assert_eq!(response["answers"], json!({ "multi001": ["a", "c"] }));
    assert_eq!(response["pages"], json!(["p01", "p02"]));
    assert_eq!(response["submitted_at"], Value::Null);
    assert!(response["stamp"].as_i64().unwrap() > stamp);
}

#[test]
fn right_answers_of_a_page_are_saved_even_when_others_on_it_are_refused() {
    let site = Site::open();
    let pupil = site.enter(0);
    let answers = json!({ "number01": 12.5, "short001": "x".repeat(21), "stranger": 1, "long0001": 7 });

    let reply = pupil.save(now_micros(), "p03", &answers);

    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (422, "answers-refused"),
        "{}",
        reply.text
    );
    let body = reply.json();
    assert_eq!(body["saved"], json!(["number01"]));
    assert_eq!(
        body["refused"],
        json!([
            { "question": "short001", "reason": "too-long" },
            { "question": "long0001", "reason": "wrong-type" },
            { "question": "stranger", "reason": "unknown-question" },
        ])
    );
    assert!(body["server_time"].is_i64() && body["stamp"].is_i64());
    assert_eq!(pupil.response()["answers"], json!({ "number01": 12.5 }));

    let nothing_right = pupil.save(now_micros(), "p03", &json!({ "number01": 1000 }));
    assert_eq!(nothing_right.status, 422);
    assert_eq!(nothing_right.json()["saved"], json!([]));
    assert_eq!(nothing_right.json()["refused"][0]["reason"], "out-of-range");
    assert_eq!(site.saves(), 1, "nothing right, nothing written");
}

#[test]
fn a_save_without_a_good_token_page_or_stamp_gets_the_named_problem() {
    let site = Site::open();
    let pupil = site.enter(0);
    let body = json!({ "stamp": now_micros(), "page": "p01", "answers": {} });

    for headers in [
        &[][..],
        &[("authorization", "Bearer nonsense")],
        &[("authorization", "Basic eDp5")],
    ] {
        let reply = pupil.api.post("/api/v1/saves", headers, &body);
        assert_eq!((reply.status, reply.problem().as_str()), (401, "bad-token"));
        assert_eq!(reply.header("www-authenticate"), "Bearer");
    }
    let reply = pupil.save(now_micros(), "p99", &json!({}));
    assert_eq!((reply.status, reply.problem().as_str()), (404, "unknown-page"));
    let year_3000 = 32_503_680_000_000_000;
    let reply = pupil.save(year_3000, "p01", &json!({}));
    assert_eq!((reply.status, reply.problem().as_str()), (422, "stamp-in-future"));
    assert!((reply.json()["server_time"].as_i64().unwrap() - now_micros()).abs() < 60_000_000);
    for stamp in [0, -1, i64::MIN] {
        let reply = pupil.save(stamp, "p01", &json!({}));
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (422, "bad-stamp"),
            "{stamp}"
        );
    }
    let nearly = pupil.save(now_micros() + 100_000_000, "p01", &json!({}));
    assert_eq!(
        nearly.status, 200,
        "a clock that is fast by less than two minutes"
    );
    assert_eq!(site.saves(), 1);
}

#[test]
fn in_the_late_period_saves_are_accepted_and_afterwards_nothing_is() {
    let site = Site::open();
    let pupil = site.enter(0);
    let in_time = now_micros() - 10_000_000;
    site.close(1, 3600);

    let reply = pupil.save(in_time, "p01", &json!({ "single01": "a" }));
    assert_eq!(
        reply.status, 200,
        "under way when the wave closed: {}",
        reply.text
    );
    let late = pupil.save(now_micros(), "p01", &json!({ "single01": "b" }));
    assert_eq!(late.status, 200, "kept, but it does not count");
    assert_eq!(
        (&late.json()["late"], &reply.json()["late"]),
        (&json!(true), &Value::Null)
    );
    let response = pupil.response();
    assert_eq!(response["answers"], json!({ "single01": "a" }));
    assert_eq!(response["left_out"], 1);

    site.close(2, 0);
    eventually("the wave to be over", || {
        let reply = pupil.save(in_time, "p01", &json!({ "single01": "a" }));
        (reply.status == 409).then(|| assert_eq!(reply.problem(), "wave-over"))
    });
    assert_eq!(pupil.submit(now_micros()).problem(), "wave-over");
}

#[test]
fn a_submission_asks_for_required_answers_follows_every_save_and_repeats_harmlessly() {
    let site = Site::open();
    let pupil = site.enter(0);
    let first = now_micros();

    let reply = pupil.submit(first);
    assert_eq!((reply.status, reply.problem().as_str()), (422, "required"));
    assert_eq!(reply.json()["required"], json!(["single01"]));

    assert_eq!(pupil.save(first, "p01", &json!({ "single01": "a" })).status, 200);
    let reply = pupil.submit(first - 1);
    assert_eq!((reply.status, reply.problem().as_str()), (422, "stamp-behind"));
    assert_eq!(reply.json()["stamp"], first);

    for _ in 0..2 {
        let reply = pupil.submit(first + 1);
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert_eq!(reply.json()["stamp"], first + 1);
    }
    assert_eq!(pupil.submit(first + 2).status, 200, "again later is harmless too");
    assert_eq!(pupil.response()["submitted_at"], first + 1);
    let after = pupil.save(first + 10, "p01", &json!({ "single01": "b" }));
    assert_eq!(
        after.status, 200,
        "saves are accepted whatever the submission state"
    );
    assert_eq!(pupil.response()["answers"], json!({ "single01": "a" }));
    assert_eq!(
        pupil.submit(now_micros() + 300_000_000).problem(),
        "stamp-in-future"
    );
}

#[test]
fn the_questionnaire_is_an_immutable_compressed_document_in_each_language() {
    let site = Site::open();
    let api = site.server.api();
    let version = api
        .post("/api/v1/enter", &[], &json!({ "code": site.wave.codes[0] }))
        .json()["questionnaire"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = |language: &str| format!("/api/v1/questionnaire/{version}/{language}");

    let plain = api.get(&path("en"), &[]);
    assert_eq!(plain.status, 200);
    assert_eq!(
        plain.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(plain.header("content-type"), "application/json");
    assert_eq!(plain.header("vary"), "accept-encoding");
    let document = plain.json();
    assert_eq!(document["version"], version);
    assert_eq!(
        (&document["language"], &document["languages"]),
        (&json!("en"), &json!(["en", "es"]))
    );
    assert_eq!(document["pages"][0]["items"][1]["question"]["id"], "single01");
    assert_eq!(api.get(&path("es"), &[]).json()["title"], "Prueba");
    for (accepted, used) in [
        ("gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("br;q=0, gzip", "gzip"),
        ("zstd", ""),
    ] {
        let mut bare = site.connect();
        bare.send(format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {accepted}\r\nConnection: close\r\n\r\n",
            path("en")
        ));
        let head = bare.rest().to_ascii_lowercase();
        let coding = head
            .split("content-encoding: ")
            .nth(1)
            .map_or("", |c| c.split("\r\n").next().unwrap());
        assert_eq!(coding, used, "{accepted}");
    }
    for missing in [path("fr"), "/api/v1/questionnaire/0123456789abcdef/en".into()] {
        let reply = api.get(&missing, &[]);
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (404, "unknown-questionnaire")
        );
    }
}

/// What a page's script does: the key and the ticket stand in the page of a session.
struct Sealer {
    key: Aes256Gcm,
    ticket: String,
}

impl Sealer {
    fn of(browser: &Browser) -> Self {
        let html = browser.get("/take/p01").text;
        let attribute = |name: &str| {
            let rest = html
                .split_once(&format!("{name}=\""))
                .unwrap_or_else(|| panic!("{name} in {html}"))
                .1;
            rest.split_once('"').unwrap().0.to_owned()
        };
        let key = URL_SAFE_NO_PAD.decode(attribute("data-seal-key")).unwrap();
        Self {
            key: Aes256Gcm::new_from_slice(&key).unwrap(),
            ticket: attribute("data-seal-ticket"),
        }
    }

    fn seal(&self, iv: u8, save: &Value) -> Value {
        let json = save.to_string();
        let payload = Payload {
            msg: json.as_bytes(),
            aad: self.ticket.as_bytes(),
        };
        let data = self.key.encrypt(&Nonce::from([iv; 12]), payload).unwrap();
        json!({
            "ticket": self.ticket,
            "iv": URL_SAFE_NO_PAD.encode([iv; 12]),
            "data": URL_SAFE_NO_PAD.encode(data),
        })
    }
}

fn with(item: &Value, member: &str, value: impl Into<Value>) -> Value {
    let mut item = item.clone();
    item[member] = value.into();
    item
}

#[test]
fn sealed_items_are_accepted_or_not_and_nothing_else_is_said() {
    let site = Site::open();
    let (one, other) = (Sealer::of(&site.browser_of(0)), Sealer::of(&site.browser_of(1)));
    let stamp = now_micros();
    let save = |answers: Value| json!({ "stamp": stamp, "page": "p01", "answers": answers });
    let good = one.seal(1, &save(json!({ "single01": "c" })));
    let partly = one.seal(
        2,
        &json!({ "stamp": stamp, "page": "p03", "answers": { "number01": 1, "short001": 2 } }),
    );
    let future = one.seal(
        3,
        &json!({ "stamp": stamp + 600_000_000, "page": "p01", "answers": {} }),
    );
    let unknown_page = one.seal(4, &json!({ "stamp": stamp, "page": "p99", "answers": {} }));
    let not_a_save = one.seal(5, &json!([1, 2]));
    let mut flipped = URL_SAFE_NO_PAD.decode(good["data"].as_str().unwrap()).unwrap();
    flipped[0] ^= 1;
    let tampered = with(&good, "data", URL_SAFE_NO_PAD.encode(flipped));
    let others_ticket = with(&good, "ticket", other.ticket.as_str());
    let foreign = json!({ "ticket": "AAAA", "iv": "AAAA", "data": "AAAA" });
    let items = json!({ "items": [
        good, partly, future, unknown_page, not_a_save, tampered, others_ticket, foreign,
        other.seal(6, &save(json!({ "single01": "b" }))), good,
    ] });

    // Delivered by somebody without any token or cookie.
    let reply = site.server.api().post("/api/v1/sealed", &[], &items);

    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.header("cache-control"), "no-store");
    let expected = json!({ "accepted": [true, false, null, false, false, false, false, false, true, true] });
    assert_eq!(reply.json(), expected);
    let rows = site
        .db
        .rows("SELECT page, answers FROM wave_1.save ORDER BY page, answers");
    let rows: Vec<String> = rows.iter().map(|r| r.join(" ")).collect();
    assert_eq!(
        rows,
        [
            r#"p01 {"single01": "b"}"#,
            r#"p01 {"single01": "c"}"#,
            r#"p03 {"number01": 1}"#
        ]
    );

    let many: Vec<Value> = vec![foreign.clone(); 51];
    let reply = site
        .server
        .api()
        .post("/api/v1/sealed", &[], &json!({ "items": many }));
    assert_eq!((reply.status, reply.problem().as_str()), (400, "malformed"));
    let none = site
        .server
        .api()
        .post("/api/v1/sealed", &[], &json!({ "items": [] }));
    assert_eq!((none.status, none.json()), (200, json!({ "accepted": [] })));
}

#[test]
fn sealed_items_for_a_wave_that_is_over_are_refused_for_good() {
    let site = Site::open();
    let sealer = Sealer::of(&site.browser_of(0));
    let pupil = site.enter(1);
    site.close(2, 0);
    eventually("the wave to be over", || {
        (pupil.save(1, "p01", &json!({})).status == 409).then_some(())
    });

    let item = sealer.seal(
        1,
        &json!({ "stamp": now_micros() - 60_000_000, "page": "p01", "answers": {} }),
    );
    let reply = site
        .server
        .api()
        .post("/api/v1/sealed", &[], &json!({ "items": [item] }));

    assert_eq!(reply.json(), json!({ "accepted": [false] }));
}

#[test]
fn wrong_methods_and_wrong_paths_get_a_problem_under_api_and_a_page_elsewhere() {
    let site = Site::open();
    let api = site.server.api();
    for (method, path, allow) in [
        ("GET", "/api/v1/saves", "POST"),
        ("PUT", "/api/v1/saves", "POST"),
        ("GET", "/api/v1/enter", "POST"),
        ("GET", "/api/v1/sealed", "POST"),
        ("GET", "/api/v1/submission", "POST"),
        ("POST", "/api/v1/response", "GET,HEAD"),
        ("DELETE", "/api/v1/questionnaire/x/en", "GET,HEAD"),
    ] {
        let reply = api.send(method, path, &[], b"").unwrap();
        assert_eq!(
            (reply.status, reply.problem().as_str()),
            (405, "method-not-allowed"),
            "{method} {path}"
        );
        assert_eq!(reply.header("allow"), allow, "{method} {path}");
    }
    for path in [
        "/api/v1/nothing",
        "/api/",
        "/api/v2/saves",
        "/api/v1/saves/",
        "/api/v1/questionnaire/%ff/en",
    ] {
        let reply = api.get(path, &[]);
        assert_eq!(reply.status, 404, "{path}: {}", reply.text);
        assert_eq!(reply.header("content-type"), "application/problem+json", "{path}");
    }
    for path in ["/nothing", "/take/p01/p02", "/static/none.js", "/take/%ff"] {
        let reply = api.get(path, &[]);
        assert!(matches!(reply.status, 404 | 303), "{path}: {}", reply.status);
        assert!(
            reply
                .header("content-security-policy")
                .starts_with("default-src 'none'"),
            "{path}"
        );
    }
}

#[test]
fn a_response_is_read_with_its_token_only() {
    let site = Site::open();
    let (one, other) = (site.enter(0), site.enter(1));
    one.save(now_micros(), "p03", &json!({ "short001": "mine" }));

    assert_eq!(other.response()["answers"], json!({}));
    let body = one.response();
    assert_eq!(body["answers"], json!({ "short001": "mine" }));
    assert_eq!(body["wave"], site.wave.id);
    assert!(body["questionnaire"].is_string() && body["server_time"].is_i64());
    let without = one.api.get("/api/v1/response", &[]);
    assert_eq!((without.status, without.problem().as_str()), (401, "bad-token"));
    // The cookie is for pages: it opens no door here.
    let browser = site.browser_of(0);
    assert_eq!(browser.get("/api/v1/response").status, 401);
}

#[test]
fn health_readiness_and_measurements() {
    let site = Site::with(
        WaveTimes::default(),
        &[("CANVASS_WEB_METRICS_LISTEN", "127.0.0.1:0")],
    );
    let api = site.server.api();
    let health = api.get("/healthz", &[]);
    assert_eq!((health.status, health.text.as_str()), (200, r#"{"status":"ok"}"#));
    let ready = api.get("/readyz", &[]);
    assert_eq!(
        (ready.status, ready.text.as_str()),
        (200, r#"{"status":"ready"}"#)
    );
    assert_eq!(
        api.get("/metrics", &[]).status,
        404,
        "measurements are not for respondents"
    );

    site.enter(0)
        .save(now_micros(), "p01", &json!({ "single01": "a" }));
    api.post("/api/v1/enter", &[], &json!({ "code": "wrong" }));
    let log = site.server.log();
    let address = log
        .split("metrics on http://")
        .nth(1)
        .expect("the log says where the measurements are");
    let address = address
        .split(|c: char| c.is_whitespace() || c == '/')
        .next()
        .unwrap();
    let metrics = canvass_testkit::Api::new(&format!("http://{address}"));
    let text = eventually("measurements", || {
        let text = metrics.get("/metrics", &[]).text;
        text.contains("canvass_batch_rows").then_some(text)
    });
    for name in [
        "canvass_request_seconds_count{route=\"POST /api/v1/saves\"} 1",
        "canvass_batch_rows_count",
        "canvass_commit_seconds_bucket",
        "canvass_queue_depth",
        "canvass_refused_total{reason=\"wrong-code\"} 1",
        "canvass_connections",
    ] {
        assert!(text.contains(name), "{name} in:\n{text}");
    }
    assert_eq!(metrics.get("/other", &[]).status, 404);
}

#[test]
fn without_its_database_the_server_is_alive_but_not_ready_and_says_try_again() {
    let cluster = canvass_testkit::TestCluster::start();
    let db = cluster.database();
    let wave = canvass_testkit::make_wave(
        &db.url,
        "w",
        canvass_testkit::SMALL_SURVEY,
        WaveTimes::default(),
        2,
    );
    let server = canvass_testkit::Server::start(
        crate::support::BINARY,
        &db.url,
        &[("CANVASS_INGEST_DEADLINE_MS", "500")],
    );
    let browser = Browser::at(server.address(), server.api());
    browser.post("/enter", &[("code", &wave.codes[1])]);
    let page = browser.get("/take/p03").text;
    let pupil = server.api().enter(&wave.codes[0]);
    cluster.stop();

    assert_eq!(server.api().get("/healthz", &[]).status, 200);
    let unready = server.api().get("/readyz", &[]);
    assert_eq!((unready.status, unready.problem().as_str()), (503, "unavailable"));
    let reply = pupil.save(now_micros(), "p01", &json!({ "single01": "a" }));
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (503, "not-in-time"),
        "{}",
        reply.text
    );
    let seconds: u32 = reply.header("retry-after").parse().unwrap();
    assert!((2..=4).contains(&seconds), "{seconds}");
    // Without JavaScript the page comes back with what was typed in it.
    let reply = browser.turn_from(
        &page,
        "p03",
        "next",
        &[("number01", "4"), ("short001", "keep this")],
    );
    assert_eq!(reply.status, 503);
    assert!(reply.header("retry-after").parse::<u32>().is_ok());
    assert!(reply.text.contains("value=\"keep this\""), "{}", reply.text);
    assert_eq!(hidden(&reply.text, "stamp"), hidden(&page, "stamp"));
    let enter = server
        .api()
        .post("/api/v1/enter", &[], &json!({ "code": wave.codes[0] }));
    assert_eq!((enter.status, enter.problem().as_str()), (503, "unavailable"));

    cluster.start_again();
    eventually("saves to be taken again", || {
        (pupil
            .save(now_micros(), "p01", &json!({ "single01": "a" }))
            .status
            == 200)
            .then_some(())
    });
    assert_eq!(server.api().get("/readyz", &[]).status, 200);
}

#[test]
fn a_full_disk_refuses_writes_and_not_reads() {
    // Given a disk that never has so much room.
    let most = i64::MAX.to_string();
    let site = Site::with(WaveTimes::default(), &[]);
    let pupil: Respondent = site.enter(0);
    let settings = [
        ("CANVASS_WEB_DISK_PATH", "/tmp"),
        ("CANVASS_WEB_MIN_FREE_BYTES", &most),
    ];
    let full = canvass_testkit::Server::start(crate::support::BINARY, &site.db.url, &settings);
    let pupil = pupil.through(&full.api());

    let reply = pupil.save(now_micros(), "p01", &json!({ "single01": "a" }));

    assert_eq!((reply.status, reply.problem().as_str()), (503, "disk-full"));
    assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 30);
    assert_eq!(full.api().get("/readyz", &[]).problem(), "disk-full");
    assert_eq!(pupil.response()["answers"], json!({}), "reading goes on");
}
