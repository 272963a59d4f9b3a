//! Runs against a server of the tests' own: what people do, what is counted, and that both clocks tell the truth.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test: a panic is its message")]

mod stub;

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use canvass_rehearse::Error;
use canvass_rehearse::client::Origin;
use canvass_rehearse::person::data::{People, Unique};
use canvass_rehearse::report::Report;
use canvass_rehearse::report::verdict::Limits;
use canvass_rehearse::run::{Mode, Options, Schedule, rehearse};
use canvass_rehearse::scenario::read::parse;
use stub::{Answer, Stub, ok, redirect};

fn options(scenario: &str, url: &str, mode: Mode) -> Options {
    Options {
        scenario: parse(scenario, Path::new(".")).unwrap(),
        target: Origin::of(url).unwrap().0,
        owned: Vec::new(),
        authority: None,
        mode,
        people: None,
        reuse_rows: false,
        threads: 2,
        time_out: Duration::from_secs(30),
        grace: Duration::from_secs(60),
        acknowledged: None,
        limits: Limits::default(),
        wanted: "a test".into(),
        live: None,
    }
}

fn users(users: u64) -> Mode {
    Mode::Closed {
        users,
        times: Some(1),
        length: None,
    }
}

fn constant(per_second: f64, length: Duration) -> Mode {
    Mode::Open(Schedule {
        people: (per_second * length.as_secs_f64()).round() as u64,
        length,
        due: Box::new(move |person| Duration::from_secs_f64(person as f64 / per_second)),
    })
}

/// Nothing failed, everybody got through.
fn green(report: &Report) {
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert_eq!(
        report.arrivals.finished, report.arrivals.started,
        "{:#?}",
        report.arrivals
    );
    assert!(report.arrivals.started > 0);
}

fn people(rows: &str, columns: &[&str]) -> People {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(rows.as_bytes()).unwrap();
    let columns: Vec<String> = columns.iter().map(|&c| c.into()).collect();
    People::read(file.path(), &columns, None, Unique::First).unwrap()
}

/// A server that answers at once, but nothing for ten seconds from the second after the first request on.
fn freezing() -> Stub {
    let first = Mutex::new(None::<Instant>);
    Stub::start(move |_| {
        let begun = *first.lock().unwrap().get_or_insert_with(Instant::now);
        let (from, to) = (begun + Duration::from_secs(2), begun + Duration::from_secs(12));
        let now = Instant::now();
        if (from..to).contains(&now) {
            // A condition that nobody ever signals, waited for with a limit: the freeze.
            let never = Mutex::new(());
            let _ = Condvar::new().wait_timeout_while(never.lock().unwrap(), to - now, |()| true);
        }
        ok("fine")
    })
}

/// Whether µs are so many seconds, half a second more or less: the machine that runs the tests may be busy.
fn about(micros: u64, seconds: f64) -> bool {
    (micros as f64 / 1e6 - seconds).abs() < 0.5
}

const ONE_STEP: &str = "[[step]]\nname = \"page\"\npath = \"/\"\n";

#[test]
fn a_freeze_of_ten_seconds_gives_the_percentiles_that_arithmetic_demands_when_people_arrive() {
    // 1,600 people in 16 s; the 1,000 of seconds 2 to 12 wait until second 12: evenly between 0 and 10 s.
    let stub = freezing();
    let report = rehearse(options(
        ONE_STEP,
        &stub.url(),
        constant(100.0, Duration::from_secs(16)),
    ))
    .unwrap();
    green(&report);
    assert_eq!((report.arrivals.due, report.arrivals.started), (1600, 1600));
    // Everybody has a connection of their own, so that both clocks agree.
    for clock in [report.overall.from_due, report.overall.from_start] {
        assert!(about(clock.p50, 2.0) && about(clock.p90, 8.4), "{clock:?}");
        assert!(about(clock.p99, 9.84) && about(clock.max, 10.0), "{clock:?}");
    }
    assert!(
        report.timeline[8].p99 == 0 && report.timeline[8].in_flight > 500,
        "{:?}",
        report.timeline[8]
    );
    assert_eq!(report.timeline.iter().map(|s| s.due).sum::<u64>(), 1600);
}

#[test]
fn a_freeze_of_ten_seconds_gives_the_percentiles_that_arithmetic_demands_over_ten_connections() {
    let stub = freezing();
    let mode = Mode::Requests {
        per_second: Some(100.0),
        connections: 10,
        length: Duration::from_secs(16),
    };
    let report = rehearse(options(ONE_STEP, &stub.url(), mode)).unwrap();
    assert!(report.failures.is_empty(), "{:#?}", report.failures);
    assert_eq!(report.overall.requests, 1600);
    // From when they were due the requests waited as above; from when they were really begun only ten ever waited.
    let (due, start) = (report.overall.from_due, report.overall.from_start);
    assert!(
        about(due.p50, 2.0) && about(due.p90, 8.4) && about(due.p99, 9.84),
        "{due:?}"
    );
    assert!(
        about(start.p50, 0.0) && about(start.p99, 0.0) && about(start.max, 10.0),
        "{start:?}"
    );
    // That they had to wait for the target's connections is no fault of the generator.
    assert!(report.verdict.valid, "{:#?}", report.verdict);
}

/// A form behind a login, with a token in each page and a session in a cookie; what was stored, by user.
type Stored = Arc<Mutex<HashMap<String, Vec<String>>>>;

fn application() -> (Stub, Stored) {
    let stored = Stored::default();
    let (store, tokens) = (Arc::clone(&stored), AtomicU64::new(0));
    let live = Mutex::new(HashMap::<String, String>::new());
    let page = move |body: &str, live: &Mutex<HashMap<String, String>>, user: &str| {
        let token = format!("t{}", tokens.fetch_add(1, Ordering::Relaxed));
        live.lock().unwrap().insert(token.clone(), user.into());
        ok(format!(
            "<form method=post action=/answers><input type=hidden name=token value={token}>{body}</form>"
        ))
    };
    let stub = Stub::start(move |request| {
        let user = request.cookie("session").unwrap_or_default().to_owned();
        let honest = || {
            live.lock()
                .unwrap()
                .remove(&request.field("token").unwrap_or_default())
        };
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => page("<input name=user>", &live, ""),
            ("POST", "/login") if honest().is_some() => {
                let cookie = format!(
                    "Set-Cookie: session={}; Path=/\r\n",
                    request.field("user").unwrap()
                );
                redirect("/form", &cookie)
            }
            ("GET", "/form") if !user.is_empty() => {
                page("<input type=radio name=mood value=good>", &live, &user)
            }
            ("POST", "/answers") if honest().as_ref() == Some(&user) => {
                store
                    .lock()
                    .unwrap()
                    .entry(user)
                    .or_default()
                    .push(request.field("mood").unwrap());
                redirect("/thanks", "")
            }
            ("GET", "/thanks") => ok(format!("Thank you, {user}")),
            _ => Answer::Keep(403, String::new(), format!("no: {}", request.body)),
        }
    });
    (stub, stored)
}

const LOGIN: &str = r#"
columns = ["user"]
[[step]]
name = "front"
path = "/"
[[step.extract]]
name = "token"
input = "token"

[[step]]
name = "sign in"
path = "/login"
form = { user = "${user}", token = "${token}" }
[[step.check]]
redirect = "^/form$"

[[step]]
name = "answer"
think = "20ms ± 100%"
fill = {}
acknowledge = { user = "${user}" }
[[step.check]]
text = "Thank you"
"#;

fn roster(count: usize) -> String {
    (0..count).fold("user\n".into(), |csv, n| csv + &format!("pupil{n:03}\n"))
}

#[test]
fn fifty_people_sign_in_and_fill_the_form_that_they_were_given() {
    let (stub, stored) = application();
    let folder = tempfile::tempdir().unwrap();
    let acks = folder.path().join("acks.ndjson");
    let report = rehearse(Options {
        people: Some(people(&roster(50), &["user"])),
        acknowledged: Some(acks.clone()),
        ..options(LOGIN, &stub.url(), users(50))
    })
    .unwrap();
    green(&report);
    let stored = stored.lock().unwrap();
    assert_eq!(stored.len(), 50);
    assert!(stored.values().all(|answers| answers == &["good"]), "{stored:?}");
    let written = std::fs::read_to_string(acks).unwrap();
    assert_eq!(
        written
            .lines()
            .filter(|l| l.contains("\"step\":\"all / answer\",\"user\":\"pupil0"))
            .count(),
        50
    );
    assert_eq!(report.acknowledged.unwrap().count, 50);
    // Redirects belong to their step; everybody kept one connection.
    assert_eq!(
        report.steps.iter().map(|s| s.requests).collect::<Vec<_>>(),
        [50, 50, 50]
    );
    assert_eq!(
        stub.connections.load(Ordering::Relaxed),
        51,
        "one each, and the look whether anybody answers"
    );
}

#[test]
fn a_failed_check_stops_the_person_and_is_counted_by_cause_with_a_sample_that_tells_nothing() {
    let (stub, _) = application();
    let wrong = LOGIN.replace("${token}", "forged");
    let report = rehearse(Options {
        people: Some(people(&roster(5), &["user"])),
        ..options(&wrong, &stub.url(), users(5))
    })
    .unwrap();
    assert_eq!((report.arrivals.failed, report.arrivals.finished), (5, 0));
    assert!(!report.verdict.passed);
    let [failure] = report.failures.as_slice() else {
        panic!("one cause: {:#?}", report.failures)
    };
    assert_eq!(
        (failure.step.as_str(), failure.cause.as_str(), failure.count),
        ("all / sign in", "status 403", 5)
    );
    assert!(
        failure
            .sample
            .starts_with("POST /login -> 403 /login: no: user=…&token="),
        "{}",
        failure.sample
    );
    assert!(!failure.sample.contains("pupil"), "{}", failure.sample);
    assert_eq!(report.steps[2].requests, 0, "who failed does not go on");
}

#[test]
fn who_leaves_and_resumes_does_so_with_an_empty_jar_and_the_same_row() {
    let (stub, stored) = application();
    let persona = "[persona]\nleave = 1\nresume = 1\nresume_after = \"10ms\"\n";
    let scenario = LOGIN.replacen("[[step]]", &format!("{persona}[[step]]"), 1);
    let report = rehearse(Options {
        people: Some(people(&roster(20), &["user"])),
        ..options(&scenario, &stub.url(), users(20))
    })
    .unwrap();
    green(&report);
    assert!(
        stored.lock().unwrap().values().all(|answers| answers.len() == 1),
        "{stored:?}"
    );
    assert!(
        report.steps[0].requests == 40,
        "everybody began twice: {:?}",
        report.steps[0]
    );
}

#[test]
fn a_double_click_sends_twice_and_going_back_sends_the_same_form_again() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let stub = Stub::start(move |request| {
        if request.method == "POST" {
            log.lock().unwrap().push(request.body.clone());
        }
        ok("<form method=post><input type=hidden name=stamp value=7><input type=radio name=a value=1></form>")
    });
    let scenario = |persona: &str| {
        format!(
            "[persona]\n{persona} = 1\n[[step]]\nname = \"a\"\npath = \"/\"\n[[step]]\nname = \"b\"\nfill = {{}}\n"
        )
    };
    for persona in ["double_click", "back"] {
        green(&rehearse(options(&scenario(persona), &stub.url(), users(1))).unwrap());
        assert_eq!(*seen.lock().unwrap(), ["stamp=7&a=1", "stamp=7&a=1"], "{persona}");
        seen.lock().unwrap().clear();
    }
}

#[test]
fn a_step_is_repeated_until_the_page_is_reached() {
    let stub = Stub::start(|request| {
        let page: u32 = request.path.trim_start_matches("/p").parse().unwrap_or(0);
        let next = format!("<form method=post action=/p{}><input name=x></form>", page + 1);
        ok(if page >= 4 { "done".into() } else { next })
    });
    let scenario = "[[step]]\nname = \"first\"\npath = \"/p0\"\n[[step]]\nname = \"pages\"\nfill = {}\nrepeat = 30\n\
                    until = \"^/p4\"\n[[step]]\nname = \"last\"\npath = \"/n${n}\"\n";
    let report = rehearse(options(scenario, &stub.url(), users(3))).unwrap();
    green(&report);
    assert_eq!(
        report.steps.iter().map(|s| s.requests).collect::<Vec<_>>(),
        [3, 12, 3]
    );
}

#[test]
fn a_connection_that_the_server_closed_while_idle_is_no_failure() {
    let stub = Stub::start(|_| Answer::Drop(200, "bye".into()));
    let scenario =
        "[[step]]\nname = \"page\"\npath = \"/\"\nmethod = \"POST\"\nrepeat = 5\nthink = \"5ms\"\n";
    let report = rehearse(options(scenario, &stub.url(), users(4))).unwrap();
    green(&report);
    assert_eq!(report.overall.requests, 20);
    assert_eq!(report.overall.connect.count, 20);
}

#[test]
fn bodies_end_where_rfc_9112_says_and_are_decoded() {
    let stub = Stub::start(|request| {
        assert!(request.headers["accept-encoding"].contains("gzip"));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"a hidden word").unwrap();
        let gzip = gzip.finish().unwrap();
        let mut reply = match request.path.as_str() {
            "/chunked" => {
                let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n";
                let mut reply = format!("{head}{:x}\r\n", gzip.len()).into_bytes();
                reply.extend(&gzip);
                reply.extend(b"\r\n0\r\n\r\n");
                return Answer::Raw(reply);
            }
            "/close" => b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n".to_vec(),
            _ => format!(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\
                          Content-Length: {}\r\n\r\n",
                gzip.len()
            )
            .into_bytes(),
        };
        reply.extend(gzip);
        Answer::Raw(reply)
    });
    let step = |path: &str| {
        format!("[[step]]\nname = {path:?}\npath = {path:?}\n[[step.check]]\ntext = \"hidden\"\n")
    };
    let scenario = ["/chunked", "/close", "/interim"].map(step).concat();
    green(&rehearse(options(&scenario, &stub.url(), users(1))).unwrap());
}

#[test]
fn a_body_that_nobody_reads_is_not_kept_and_the_connection_stays_in_step() {
    let stub = Stub::start(|request| match request.path.as_str() {
        "/chunked" => {
            let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let chunk = format!("{:x}\r\n{}\r\n", 100_000, "x".repeat(100_000));
            Answer::Raw(format!("{head}{}0\r\n\r\n", chunk.repeat(200)).into_bytes())
        }
        "/close" => Answer::Raw(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(20_000_000)).into_bytes()),
        _ => ok("x".repeat(20_000_000)),
    });
    let step = |path: &str| format!("[[step]]\nname = {path:?}\npath = {path:?}\nrepeat = 2\n");
    let scenario = ["/length", "/chunked", "/close"].map(step).concat();
    let report = rehearse(options(&scenario, &stub.url(), users(1))).unwrap();
    green(&report);
    assert_eq!(
        report.steps[0].connect.count, 1,
        "what was passed over ended where it should"
    );
    assert!(
        report.steps.iter().all(|s| s.bytes_in > 40_000_000),
        "{:#?}",
        report.steps
    );
}

#[test]
fn troubles_are_told_apart_by_cause() {
    let stub = Stub::start(|request| match request.path.as_str() {
        "/silence" => Answer::Silence,
        "/nothing" => Answer::Raw(Vec::new()),
        "/garbage" => Answer::Raw(b"SSH-2.0-x\r\n\r\n".to_vec()),
        "/short" => Answer::Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".to_vec()),
        "/away" => redirect("http://192.0.2.1/", ""),
        _ => redirect("/loop", ""),
    });
    for (path, cause) in [
        ("/silence", "time-out after 0.3 s"),
        ("/nothing", "closed without a reply"),
        ("/garbage", "reply: no HTTP/1.1"),
        ("/short", "reply: it ended before its Content-Length"),
        ("/away", "connect: 192.0.2.1 may not be asked without --i-own"),
        ("/loop", "reply: more than 10 redirects"),
    ] {
        let scenario = format!("[[step]]\nname = \"s\"\npath = {path:?}\n");
        let time_out = if path == "/silence" {
            Duration::from_millis(300)
        } else {
            Duration::from_secs(30)
        };
        let report = rehearse(Options {
            time_out,
            ..options(&scenario, &stub.url(), users(1))
        })
        .unwrap();
        let [failure] = report.failures.as_slice() else {
            panic!("{path}: {:#?}", report.failures)
        };
        assert!(failure.cause.starts_with(cause), "{path}: {}", failure.cause);
    }
}

#[test]
fn a_crowd_that_is_due_at_the_same_moment_comes_in_full() {
    let stub = Stub::start(|_| ok("fine"));
    let due = Box::new(|_| Duration::ZERO);
    let mode = Mode::Open(Schedule {
        people: 1500,
        length: Duration::from_millis(1),
        due,
    });
    let report = rehearse(options(ONE_STEP, &stub.url(), mode)).unwrap();
    green(&report);
    assert_eq!((report.arrivals.due, report.arrivals.finished), (1500, 1500));
    assert_eq!(report.arrivals.late.count, 1500);
}

#[test]
fn assets_are_fetched_over_several_connections_and_counted_by_themselves() {
    let stub = Stub::start(|request| match request.path.as_str() {
        "/missing.css" => Answer::Keep(404, String::new(), String::new()),
        _ => ok("fine"),
    });
    let scenario =
        "[[step]]\nname = \"page\"\npath = \"/\"\nassets = [\"/a.js\", \"/b.js\", \"/missing.css\"]\n";
    let report = rehearse(options(scenario, &stub.url(), users(2))).unwrap();
    assert_eq!(report.arrivals.finished, 2);
    let rows: Vec<_> = report
        .steps
        .iter()
        .map(|s| (s.name.as_str(), s.requests, s.failures))
        .collect();
    assert_eq!(rows, [("page", 2, 0), ("page (assets)", 6, 2)]);
    assert_eq!(report.failures[0].cause, "status 404");
}

#[test]
fn nothing_starts_that_could_not_work() {
    let stub = Stub::start(|_| ok("fine"));
    let complaint = |options: Options| match rehearse(options) {
        Err(error @ (Error::Bad(_) | Error::Target(_) | Error::File { .. })) => {
            let text = error.to_string();
            assert!(!text.contains('\n'), "{text}");
            text
        }
        Ok(_) => panic!("it started"),
    };
    let down = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let at = |url: &str| complaint(options(ONE_STEP, url, users(1)));
    assert!(at(&format!("http://{down}")).contains("nobody answers at http://127.0.0.1"));
    assert!(at("http://192.0.2.1").contains("--i-own 192.0.2.1"));

    let few = Options {
        people: Some(people(&roster(3), &["user"])),
        ..options(LOGIN, &stub.url(), users(4))
    };
    assert!(complaint(few).contains("3 rows for 4 people"));
    assert!(complaint(options(LOGIN, &stub.url(), users(1))).contains("--data"));
    let two = format!("{ONE_STEP}{}", ONE_STEP.replace("page", "other"));
    let single = Mode::Requests {
        per_second: None,
        connections: 1,
        length: Duration::from_secs(1),
    };
    assert!(complaint(options(&two, &stub.url(), single)).contains("single step"));
    let acks = Options {
        acknowledged: Some("/nowhere/acks".into()),
        ..options(ONE_STEP, &stub.url(), users(1))
    };
    assert!(complaint(acks).contains("/nowhere/acks"));
}
