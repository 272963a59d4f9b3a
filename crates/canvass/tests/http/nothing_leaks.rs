//! Errors are forced everywhere; then every log, PostgreSQL's included, and every answer to somebody else is searched
//! for answers, names, codes and secrets.

use std::fs;
use std::process::Command;

use canvass_testkit::{
    Api, Respondent, SMALL_SURVEY, Server, TestCluster, TestDb, WaveTimes, eventually, make_wave, now_micros,
};
use serde_json::json;

use crate::support::{BINARY, Bare, Browser};

/// Stands in every text that a respondent gives here.
const ANSWER: &str = "quagga";
/// Stands in every name and identifier of a person here.
const NAME: &str = "Thylacine";
/// A choice that nobody has.
const CHOICE: &str = "moa-choice";

/// All that was said to anybody but the one whom it concerns.
#[derive(Default)]
struct Overheard(Vec<(String, String)>);

impl Overheard {
    fn add(&mut self, what: &str, text: impl Into<String>) {
        self.0.push((what.to_owned(), text.into()));
    }

    fn holds_none_of(&self, secrets: &[(String, String)]) {
        for (what, text) in &self.0 {
            for (name, secret) in secrets {
                let found = text.to_lowercase().find(&secret.to_lowercase());
                assert!(
                    found.is_none(),
                    "{name} in {what}: …{}…",
                    around(text, found.unwrap_or(0))
                );
            }
        }
    }
}

fn around(text: &str, at: usize) -> String {
    let start = text.floor_char_boundary(at.saturating_sub(120));
    text[start..text.floor_char_boundary(at + 120)].to_owned()
}

fn answers() -> serde_json::Value {
    json!({ "number01": 3, "short001": format!("{ANSWER} one"), "long0001": format!("{ANSWER} two") })
}

/// What a respondent may get wrong, each with an answer's text in it.
fn send_bad_saves(pupil: &Respondent) {
    let raw = |body: String| {
        let bearer = pupil.bearer();
        let _ = pupil.api.send(
            "POST",
            "/api/v1/saves",
            &[("authorization", &bearer)],
            body.as_bytes(),
        );
    };
    let now = now_micros();
    raw(format!(
        "{{\"stamp\":{now},\"page\":\"p03\",\"answers\":{{\"short001\":\"{ANSWER}"
    ));
    raw(format!(
        "{{\"stamp\":\"{ANSWER}\",\"page\":\"p03\",\"answers\":{{}}}}"
    ));
    raw(format!(
        "{{\"stamp\":{now},\"page\":\"{ANSWER}\",\"answers\":{{}}}}"
    ));
    raw(format!(
        "{{\"stamp\":{now},\"page\":\"p03\",\"answers\":{{\"{ANSWER}\":\"{ANSWER}\"}}}}"
    ));
    raw(format!(
        "{{\"stamp\":{now},\"page\":\"p03\",\"answers\":{{\"short001\":\"{}\"}}}}",
        ANSWER.repeat(30)
    ));
    raw(format!(
        "{{\"stamp\":{now},\"page\":\"p03\",\"answers\":{{\"short001\":\"{ANSWER}\\u0000\"}}}}"
    ));
    raw(format!(
        "{{\"stamp\":{now},\"page\":\"p03\",\"answers\":{{\"number01\":\"{ANSWER}\"}}}}"
    ));
    raw(format!(
        "{{\"stamp\":{now},\"page\":\"p01\",\"answers\":{{\"single01\":\"{CHOICE}\"}}}}"
    ));
    raw(format!("{ANSWER}{}", " ".repeat(300 << 10)));
    let _ = pupil.api.get(
        &format!("/take/{ANSWER}?{ANSWER}={ANSWER}"),
        &[("cookie", &format!("canvass={ANSWER}"))],
    );
}

/// The statuses of saves while `sql` is in force.
fn while_broken(cluster: &TestCluster, db: &TestDb, pupil: &Respondent, sql: &str, mend: &str) -> Vec<u16> {
    cluster.execute(&db.name, sql);
    let statuses = (0..3)
        .map(|n| pupil.save(now_micros() + n, "p03", &answers()).status)
        .collect();
    cluster.execute(&db.name, mend);
    statuses
}

#[test]
fn no_answer_no_name_no_code_and_no_secret_is_in_any_log_or_answer_to_somebody_else() {
    let cluster = TestCluster::start();
    let db = cluster.database();
    let wave = make_wave(&db.url, "w", SMALL_SURVEY, WaveTimes::default(), 5);
    let settings = [
        ("CANVASS_LOG", "trace"),
        ("CANVASS_INGEST_DEADLINE_MS", "1500"),
        ("CANVASS_WEB_METRICS_LISTEN", "127.0.0.1:0"),
        ("CANVASS_WEB_BODY_TIMEOUT_MS", "500"),
    ];
    let server = Server::start(BINARY, &db.url, &settings);
    let mut overheard = Overheard::default();
    let stranger = server.api();

    // People with names, enrolled from a file, wrong ones too.
    let office = |args: &[&str]| {
        let mut command = Command::new(BINARY);
        command
            .args(args)
            .current_dir(server.place())
            .env("CANVASS_LOG", "trace");
        command
            .env("CANVASS_DATABASE_URL", &db.url)
            .env("CANVASS_KEYS", server.keys());
        command.output().unwrap()
    };
    let people = |name: &str, text: String| {
        let path = server.place().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let good = people(
        "good.csv",
        format!("person,name,unit\n{NAME}-1,{NAME} Jones,One\n"),
    );
    let sheet = office(&["codes", "--wave", "w", "--people", &good, "--csv"]);
    assert!(sheet.status.success(), "{sheet:?}");
    let printed = String::from_utf8(sheet.stdout).unwrap();
    let code = printed
        .lines()
        .nth(1)
        .unwrap()
        .rsplit(',')
        .next()
        .unwrap()
        .to_owned();
    overheard.add("codes' log", String::from_utf8_lossy(&sheet.stderr));
    for (n, bad) in [
        format!("person,name\n{NAME}-2,{NAME}\n{NAME}-2,{NAME}\n"),
        format!("person,name\n{NAME}-2\n"),
        format!("person,name\n{NAME}-2,{NAME}\0\n"),
        format!("person,name,role\n{NAME}-2,{NAME},student,{NAME}\n"),
    ]
    .into_iter()
    .enumerate()
    {
        let output = office(&[
            "codes",
            "--wave",
            "w",
            "--people",
            &people(&format!("bad{n}.csv"), bad),
        ]);
        assert_eq!(output.status.code(), Some(1));
        overheard.add("codes' error", String::from_utf8_lossy(&output.stderr));
    }
    cluster.execute(
        &db.name,
        "ALTER TABLE roster.respondent ADD CONSTRAINT short CHECK (length(person) < 13) NOT VALID",
    );
    let long = people("long.csv", format!("person,name\n{NAME}-0000000000002,{NAME}\n"));
    let output = office(&["codes", "--wave", "w", "--people", &long]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    overheard.add(
        "codes refused by the database",
        String::from_utf8_lossy(&output.stderr),
    );

    // Somebody answers, rightly and wrongly, by both ways.
    let pupil = stranger.enter(&code);
    assert_eq!(pupil.save(now_micros(), "p03", &answers()).status, 200);
    send_bad_saves(&pupil);
    let browser = Browser::at(server.address(), server.api());
    browser.post("/enter", &[("code", &code)]);
    browser.turn(
        "p03",
        "next",
        &[("short001", &ANSWER.repeat(30)), ("number01", ANSWER)],
    );
    browser.turn("p01", "next", &[("single01", CHOICE)]);
    let page = browser.get("/take/p03").text;
    let cookie = browser.cookies();
    // Codes with a slip of the pen, in places where they do not belong, and right ones cut off.
    let slip = format!(
        "{}{}",
        &code[..code.len() - 1],
        if code.ends_with('0') { '1' } else { '0' }
    );
    for wrong in [slip.as_str(), &code[1..], &format!("{code}{code}")] {
        stranger.post("/api/v1/enter", &[], &json!({ "code": wrong }));
        Browser::at(server.address(), server.api()).post("/enter", &[("code", wrong)]);
    }
    stranger.get(&format!("/?code={code}"), &[]);
    stranger.get(&format!("/enter/{code}"), &[("x-code", &code)]);
    let mut half = Bare::to(server.address());
    half.send(format!(
        "POST /enter HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\ncode={code}&x={ANSWER}"
    ));
    half.rest();
    let mut noise = Bare::to(server.address());
    noise.send(format!("{code} {ANSWER} {}\r\n\r\n", pupil.token));
    noise.rest();

    // The database refuses rows, in all the ways that it has.
    let refused = while_broken(
        &cluster,
        &db,
        &pupil,
        "ALTER TABLE wave_1.save ADD CONSTRAINT few CHECK (length(answers::text) < 10) NOT VALID",
        "ALTER TABLE wave_1.save DROP CONSTRAINT few",
    );
    assert_eq!(refused, [422; 3], "a row that PostgreSQL refuses");
    let trigger = |body: &str| {
        format!(
            "CREATE FUNCTION public.spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$; \
             CREATE TRIGGER spoil BEFORE INSERT ON wave_1.save FOR EACH ROW EXECUTE FUNCTION public.spoil()"
        )
    };
    let mend = "DROP FUNCTION public.spoil CASCADE";
    for (body, expected) in [
        ("PERFORM 1 / 0;", 422),
        ("PERFORM (NEW.answers ->> 'number01')::numeric(1, 1);", 422),
        (
            "RAISE EXCEPTION USING ERRCODE = '57014', MESSAGE = 'cancelled';",
            503,
        ),
        (
            "RAISE EXCEPTION USING ERRCODE = '42501', MESSAGE = 'not allowed';",
            503,
        ),
    ] {
        let statuses = while_broken(&cluster, &db, &pupil, &trigger(body), mend);
        assert_eq!(statuses, [expected; 3], "{body}");
    }
    // A trigger's own words: they could quote the row, so serve's log has only their code.
    let quoting =
        "RAISE EXCEPTION USING ERRCODE = 'P0001', MESSAGE = 'row of ' || length(NEW.answers::text);";
    assert_eq!(
        while_broken(&cluster, &db, &pupil, &trigger(quoting), mend),
        [503; 3]
    );
    let renamed = while_broken(
        &cluster,
        &db,
        &pupil,
        "ALTER TABLE wave_1.save RENAME COLUMN answers TO gone",
        "ALTER TABLE wave_1.save RENAME COLUMN gone TO answers",
    );
    assert_eq!(renamed.last(), Some(&503));
    // Reading breaks too, for API, pages and export.
    cluster.execute(&db.name, "ALTER TABLE wave_1.save RENAME COLUMN answers TO gone");
    overheard.add("a failed read", stranger.get("/readyz", &[]).text);
    browser.get("/take/p03");
    pupil
        .api
        .get("/api/v1/response", &[("authorization", &pupil.bearer())]);
    let output = office(&["export", "--wave", "w", "--out", "out.csv"]);
    assert_eq!(output.status.code(), Some(1));
    overheard.add("a failed export", String::from_utf8_lossy(&output.stderr));
    cluster.execute(&db.name, "ALTER TABLE wave_1.save RENAME COLUMN gone TO answers");
    let output = office(&["export", "--wave", "w", "--out", "/proc/out.csv"]);
    assert_eq!(output.status.code(), Some(1));
    overheard.add("an export to nowhere", String::from_utf8_lossy(&output.stderr));
    // Connections are killed under way, then all of PostgreSQL.
    for _ in 0..3 {
        cluster.execute(
            &db.name,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'canvass'",
        );
        let _ = pupil.save(now_micros(), "p03", &answers());
        browser.get("/take/p03");
    }
    cluster.kill_all();
    assert_eq!(pupil.save(now_micros(), "p03", &answers()).status, 503);
    browser.turn_from(&page, "p03", "next", &[("short001", ANSWER)]);
    stranger.post("/api/v1/enter", &[], &json!({ "code": code }));
    overheard.add("codes without a database", {
        let output = office(&["codes", "--wave", "w", "--people", &good]);
        String::from_utf8_lossy(&output.stderr).into_owned()
    });
    cluster.start_again();
    eventually("saves to go on", || {
        (pupil.save(now_micros(), "p03", &answers()).status == 200).then_some(())
    });

    // Somebody else asks for everything.
    let other = stranger.enter(&wave.codes[1]);
    let headers = [("authorization", other.bearer())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    for path in [
        "/api/v1/response",
        "/",
        "/offline",
        "/take",
        "/review",
        "/done",
        "/healthz",
        "/readyz",
        "/nothing",
    ] {
        overheard.add(path, stranger.get(path, &headers).text);
    }
    let log = server.log();
    let metrics = log
        .split("metrics on ")
        .nth(1)
        .unwrap()
        .split("/metrics")
        .next()
        .unwrap();
    overheard.add("the metrics", Api::new(metrics).get("/metrics", &[]).text);
    overheard.add(
        "the command line",
        fs::read_to_string(format!("/proc/{}/cmdline", server.pid())).unwrap(),
    );
    assert_eq!(server.terminate().code(), Some(0));
    overheard.add("serve's log", server.log());
    overheard.add("PostgreSQL's log", cluster.log());

    // What was forced did happen, and was logged: in both logs.
    let (log, postgres) = (server.log(), cluster.log());
    for expected in [
        "PostgreSQL refused a row",
        "23514",
        "22012",
        "ALARM",
        "P0001",
        "connecting again",
        "a read failed",
    ] {
        assert!(
            log.contains(expected),
            "{expected} in serve's log:\n{}",
            &log[log.len().saturating_sub(4000)..]
        );
    }
    for expected in [
        "violates check constraint \"few\"",
        "violates check constraint \"short\"",
        "division by zero",
    ] {
        assert!(
            postgres.contains(expected),
            "{expected} in PostgreSQL's log:\n{postgres}"
        );
    }
    assert!(!log.contains("row of "), "a trigger's words");

    let keys = fs::read_to_string(server.keys()).unwrap();
    let mut secrets: Vec<(String, String)> = vec![
        ("an answer".into(), ANSWER.into()),
        ("an answer".into(), CHOICE.into()),
        ("a name".into(), NAME.into()),
        ("a write token".into(), pupil.token.clone()),
        ("another's write token".into(), other.token.clone()),
        ("a cookie".into(), cookie.split_once('=').unwrap().1.to_owned()),
        (
            "a seal key".into(),
            page.split("data-seal-key=\"")
                .nth(1)
                .unwrap()
                .split('"')
                .next()
                .unwrap()
                .into(),
        ),
        ("a slip of a code".into(), slip),
        (
            "the database's password".into(),
            db.url
                .split(':')
                .nth(2)
                .unwrap()
                .split('@')
                .next()
                .unwrap()
                .into(),
        ),
    ];
    secrets.extend(
        keys.split('"')
            .filter(|part| part.len() == 64)
            .map(|key| ("a key".into(), key.into())),
    );
    for code in wave.codes.iter().chain([&code]) {
        secrets.push(("a code".into(), code.clone()));
        secrets.push(("a code".into(), code.replace('-', "")));
    }
    assert!(secrets.iter().all(|(_, secret)| secret.len() > 5) && secrets.len() > 20);
    overheard.holds_none_of(&secrets);
}
