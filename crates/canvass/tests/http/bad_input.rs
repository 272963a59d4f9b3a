//! What the world may send: each gets the named error, and the service goes on in the same process.

use std::time::{Duration, Instant};

use canvass_testkit::{
    Reply, Respondent, Server, WaveTimes, eventually, make_wave, now_micros, shared_cluster,
};
use serde_json::{Value, json};

use crate::support::{BINARY, Bare, Browser, Site, save_request, status};

fn raw_save(pupil: &Respondent, body: &[u8]) -> Reply {
    let headers = [("authorization", pupil.bearer())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    pupil.api.send("POST", "/api/v1/saves", &headers, body).unwrap()
}

fn told(reply: &Reply) -> (u16, String) {
    assert_eq!(
        reply.header("content-type"),
        "application/problem+json",
        "{}",
        reply.text
    );
    assert_eq!(reply.header("cache-control"), "no-store");
    (reply.status, reply.problem())
}

#[test]
fn bodies_that_are_no_save_are_malformed() {
    let site = Site::open();
    let (pupil, pid) = (site.enter(0), site.server.pid());
    let now = now_micros();
    let deep = format!(
        r#"{{"stamp":{now},"page":"p01","answers":{{"single01":{}1{}}}}}"#,
        "[".repeat(60_000),
        "]".repeat(60_000)
    );
    let deep_top = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let digits = format!(r#"{{"stamp":{},"page":"p01","answers":{{}}}}"#, "9".repeat(400));
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"\"text\"".to_vec(),
        b"{}".to_vec(),
        b"{\"stamp\":1}".to_vec(),
        br#"{"stamp":"1","page":"p01","answers":{}}"#.to_vec(),
        br#"{"stamp":1.5,"page":"p01","answers":{}}"#.to_vec(),
        br#"{"stamp":1e15,"page":"p01","answers":{}}"#.to_vec(),
        br#"{"stamp":1e999,"page":"p01","answers":{}}"#.to_vec(),
        br#"{"stamp":NaN,"page":"p01","answers":{}}"#.to_vec(),
        br#"{"stamp":true,"page":"p01","answers":{}}"#.to_vec(),
        br#"{"stamp":null,"page":"p01","answers":{}}"#.to_vec(),
        br#"{"stamp":9223372036854775808,"page":"p01","answers":{}}"#.to_vec(),
        br#"{"stamp":1,"stamp":2,"page":"p01","answers":{}}"#.to_vec(),
        br#"{"stamp":1,"page":"p01","page":"p02","answers":{}}"#.to_vec(),
        br#"{"stamp":1,"page":7,"answers":{}}"#.to_vec(),
        br#"{"stamp":1,"page":"p01","answers":[]}"#.to_vec(),
        br#"{"stamp":1,"page":"p01","answers":null}"#.to_vec(),
        br#"{"stamp":1,"page":"\ud800","answers":{}}"#.to_vec(),
        br#"{"stamp":1,"page":"p01","answers":{"\udfff":1}}"#.to_vec(),
        br#"{"stamp":1,"page":"p01","answers":{"single01":a}}"#.to_vec(),
        br#"{"stamp":1,"page":"p01","answers":{"single01":"a"},}"#.to_vec(),
        br#"{"stamp":1,"page":"p01","answers":{}} trailing"#.to_vec(),
        b"{\"stamp\":1,\"page\":\"p01\",\"answers\":{\"single01\":\"\xff\"}}".to_vec(),
        b"{\"stamp\":1,\"page\":\"p01\",\"answers\":{\"single01\":\"a\0b\"}}".to_vec(),
        b"\xef\xbb\xbf{\"stamp\":1,\"page\":\"p01\",\"answers\":{}}".to_vec(),
        b"\0\0\0\0".to_vec(),
        deep.into_bytes(),
        deep_top.into_bytes(),
        digits.into_bytes(),
    ];
    for body in &bodies {
        let reply = raw_save(&pupil, body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        // Nested too deep is a value of the wrong type where a value is expected.
        if body.starts_with(br#"{"stamp":"#) && body.len() > 100_000 {
            assert!(matches!(reply.status, 400 | 422), "{shown}: {}", reply.text);
            continue;
        }
        assert_eq!(told(&reply), (400, "malformed".into()), "{shown}: {}", reply.text);
        assert!(
            !reply.text.contains("single01"),
            "a problem quotes nothing: {}",
            reply.text
        );
    }
    for path in ["/api/v1/enter", "/api/v1/sealed", "/api/v1/submission"] {
        for body in [
            &b""[..],
            b"{",
            b"[]",
            b"{}",
            b"\xff",
            b"{\"code\":1}",
            b"{\"items\":{}}",
            b"{\"stamp\":\"x\"}",
        ] {
            let bearer = pupil.bearer();
            let reply = pupil
                .api
                .send("POST", path, &[("authorization", &bearer)], body)
                .unwrap();
            assert_eq!(told(&reply), (400, "malformed".into()), "{path} {body:?}");
        }
    }
    assert_eq!(site.saves(), 0);
    site.still_serves(pid);
}

#[test]
fn values_that_are_no_answer_are_refused_one_by_one() {
    let site = Site::open();
    let (pupil, pid) = (site.enter(0), site.server.pid());
    let digits = "9".repeat(500);
    let cases: Vec<(&str, &str, String, &str)> = vec![
        ("p01", "single01", "1".into(), "wrong-type"),
        ("p01", "single01", "[\"a\"]".into(), "wrong-type"),
        ("p01", "single01", "{\"a\":1}".into(), "wrong-type"),
        ("p01", "single01", "true".into(), "wrong-type"),
        ("p01", "single01", "\"d\"".into(), "unknown-choice"),
        ("p01", "single01", "\"A\"".into(), "unknown-choice"),
        ("p01", "single01", "\"a\\u0000\"".into(), "unknown-choice"),
        ("p01", "multi001", "\"a\"".into(), "wrong-type"),
        ("p01", "multi001", "[1]".into(), "wrong-type"),
        ("p01", "multi001", "[null]".into(), "wrong-type"),
        ("p01", "multi001", "[[\"a\"]]".into(), "wrong-type"),
        ("p01", "multi001", "[\"a\",\"z\"]".into(), "unknown-choice"),
        ("p01", "stranger", "1".into(), "unknown-question"),
        ("p01", "number01", "1".into(), "unknown-question"),
        ("p01", "__proto__", "1".into(), "unknown-question"),
        ("p01", "", "1".into(), "unknown-question"),
        ("p03", "number01", "\"5\"".into(), "wrong-type"),
        ("p03", "number01", "1e999".into(), "out-of-range"),
        ("p03", "number01", "-1e400".into(), "out-of-range"),
        ("p03", "number01", "1e-400".into(), "too-many-decimals"),
        ("p03", "number01", digits, "not-a-number"),
        ("p03", "number01", "-1".into(), "out-of-range"),
        ("p03", "number01", "100.1".into(), "out-of-range"),
        ("p03", "number01", "1.25".into(), "too-many-decimals"),
        ("p03", "short001", "5".into(), "wrong-type"),
        ("p03", "short001", "\"a\\u0000b\"".into(), "bad-character"),
        ("p03", "short001", "\"\\ud800\"".into(), "bad-character"),
        ("p03", "short001", "\"\\udc00\\ud800\"".into(), "bad-character"),
        ("p03", "short001", format!("\"{}\"", "é".repeat(21)), "too-long"),
        (
            "p03",
            "long0001",
            format!("\"{}\"", "x".repeat(200_000)),
            "too-long",
        ),
    ];
    for (page, question, value, reason) in cases {
        let body = format!(
            r#"{{"stamp":{},"page":"{page}","answers":{{"{question}":{value}}}}}"#,
            now_micros()
        );
        let reply = raw_save(&pupil, body.as_bytes());
        let shown: String = value.chars().take(40).collect();
        assert_eq!(
            told(&reply),
            (422, "answers-refused".into()),
            "{question}: {shown}: {}",
            reply.text
        );
        assert_eq!(
            reply.json()["refused"],
            json!([{ "question": question, "reason": reason }]),
            "{shown}"
        );
    }
    assert_eq!(site.saves(), 0);

    // Of a question that was sent twice the last counts, and the greatest text of the widest characters fits.
    let body = format!(
        r#"{{"stamp":{},"page":"p03","answers":{{"number01":"x","number01":5.0,"short001":"{}"}}}}"#,
        now_micros(),
        "\u{1f984}".repeat(20)
    );
    assert_eq!(raw_save(&pupil, body.as_bytes()).status, 200);
    assert_eq!(pupil.response()["answers"]["number01"], json!(5));
    let odd = "\u{1}\u{7f}\u{85}\u{2028}\u{fffe}\u{202e}\\\"";
    let reply = pupil.save(now_micros(), "p03", &json!({ "short001": odd }));
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(pupil.response()["answers"]["short001"], odd);
    site.still_serves(pid);
}

#[test]
fn a_refused_question_is_named_in_64_characters_at_most() {
    let site = Site::open();
    let many: serde_json::Map<String, Value> = (0..2_000)
        .map(|n| (format!("{n}{}", "q".repeat(90)), json!(1)))
        .collect();
    let reply = site.enter(0).save(now_micros(), "p01", &Value::Object(many));
    assert_eq!(reply.status, 422);
    let refused = reply.json()["refused"].as_array().unwrap().clone();
    assert!(
        refused
            .iter()
            .all(|r| r["question"].as_str().unwrap().chars().count() <= 64)
    );
}

#[test]
fn bodies_over_the_limit_are_refused_announced_or_not() {
    let site = Site::open();
    let (pupil, pid) = (site.enter(0), site.server.pid());
    let large = vec![b' '; 300 << 10];
    assert_eq!(told(&raw_save(&pupil, &large)), (413, "too-large".into()));

    let head = format!(
        "POST /api/v1/saves HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\n",
        pupil.bearer()
    );
    let mut announced = site.connect();
    announced.send(format!("{head}Content-Length: 99999999999\r\n\r\n"));
    assert_eq!(announced.reply().0, 413, "before a byte of it is read");
    let mut chunked = site.connect();
    chunked.send(format!("{head}Transfer-Encoding: chunked\r\n\r\n"));
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    for _ in 0..70 {
        if !chunked.send(&chunk) {
            break;
        }
    }
    let (code, body) = chunked.reply();
    assert_eq!(code, 413, "{body}");
    for path in ["/api/v1/enter", "/api/v1/sealed", "/api/v1/submission"] {
        let reply = pupil
            .api
            .send("POST", path, &[("authorization", &pupil.bearer())], &large)
            .unwrap();
        assert_eq!(told(&reply), (413, "too-large".into()), "{path}");
    }
    // People get a page.
    let browser = site.browser_of(0);
    for path in ["/enter", "/take/p01", "/take/submit"] {
        let reply = browser.post(path, &[("code", &"x".repeat(300 << 10))]);
        assert_eq!(reply.status, 413, "{path}");
        assert!(reply.header("content-type").starts_with("text/html"));
    }
    site.still_serves(pid);
}

#[test]
fn an_answer_that_needs_no_body_comes_before_it_and_the_connection_lives_on() {
    let site = Site::open();
    let body = "x".repeat(200_000);
    let heads = [
        ("POST /leave", "", 303),
        ("POST /api/v1/saves", "", 401),
        ("POST /enter", "Sec-Fetch-Site: cross-site\r\n", 403),
        ("POST /nowhere", "", 404),
        ("PUT /api/v1/saves", "", 405),
    ];
    for (line, header, code) in heads {
        let mut connection = site.connect();
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: x\r\n{header}Content-Length: {length}\r\n\r\n");
        connection.send(head);
        assert_eq!(connection.reply().0, code, "{line}");
        assert!(connection.send(&body), "{line}");
        connection.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(connection.reply().0, 200, "after {line}");
    }
}

#[test]
fn forms_with_anything_in_them_are_read_as_far_as_they_go() {
    let site = Site::open();
    let (browser, pid) = (site.browser_of(0), site.server.pid());
    let page = browser.get("/take/p03").text;
    let reply = browser.turn_from(&page, "p03", "next", &[("short001", "a\0b"), ("number01", "7")]);
    assert_eq!(reply.status, 422, "U+0000 is refused");
    assert_eq!(
        site.enter(0).response()["answers"],
        json!({ "number01": 7 }),
        "the others are saved"
    );

    let token = crate::support::hidden(&page, "token");
    let cookies = browser.cookies();
    let odd_forms: Vec<Vec<u8>> = vec![
        vec![],
        b"&&&===&%&%%%zz".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        format!("token={token}&was={}&short001=x", "%5B".repeat(20_000)).into_bytes(),
        format!("token={token}&was=%7B%22number01%22%3A1e999%7D&stamp=1e5&short001=x").into_bytes(),
        format!("token={token}&was=%00&stamp=-9223372036854775808&short001=x").into_bytes(),
        format!("token={token}&stamp=9223372036854775807&short001=%FF%FE").into_bytes(),
        format!("token={token}&stamp=99999999999999999999999&short001=%ED%A0%80").into_bytes(),
        format!("token={token}&action=language-%00&short001=x").into_bytes(),
        format!("token={token}&{}", "short001=x&".repeat(20_000)).into_bytes(),
    ];
    for form in &odd_forms {
        for path in ["/take/p03", "/enter", "/language", "/take/submit", "/leave"] {
            let headers = [
                ("cookie", cookies.as_str()),
                ("content-type", "application/x-www-form-urlencoded"),
            ];
            let reply = browser.api.send("POST", path, &headers, form).unwrap();
            assert!(
                matches!(reply.status, 303 | 401 | 422 | 503),
                "{path} {:?}: {}",
                String::from_utf8_lossy(&form[..form.len().min(80)]),
                reply.status
            );
        }
    }
    let stamps = site.db.rows("SELECT stamp FROM wave_1.save");
    let latest = now_micros() + 120_000_000;
    assert!(
        stamps
            .iter()
            .all(|row| (1..latest).contains(&row[0].parse::<i64>().unwrap()))
    );
    site.still_serves(pid);
}

#[test]
fn forged_foreign_and_outdated_tokens_and_cookies_open_nothing() {
    let site = Site::open();
    let pid = site.server.pid();
    let pupil = site.enter(0);
    let stranger = {
        // Another installation: other keys, the same wave and response numbers.
        let db = shared_cluster().database();
        let wave = make_wave(
            &db.url,
            "w",
            canvass_testkit::SMALL_SURVEY,
            WaveTimes::default(),
            1,
        );
        let server = Server::start(BINARY, &db.url, &[]);
        let keys = std::fs::read_to_string(server.keys())
            .unwrap()
            .replace("1111", "2222");
        std::fs::write(server.keys(), keys).unwrap();
        server.terminate();
        server.start_again();
        let browser = Browser::at(server.address(), server.api());
        browser.post("/enter", &[("code", &wave.codes[0])]);
        (server.api().enter(&wave.codes[0]).token, browser.cookies())
    };
    let mut flipped = pupil.token.clone().into_bytes();
    flipped[8] = if flipped[8] == b'A' { b'B' } else { b'A' };
    let cookie = site.browser_of(0).cookies();
    let session = cookie.split_once('=').unwrap().1;
    let tokens = [
        String::from_utf8(flipped).unwrap(),
        stranger.0.clone(),
        session.to_owned(),
        format!("{}=", pupil.token),
        pupil.token[1..].to_owned(),
        "A".repeat(10_000),
        String::new(),
        "é".to_owned(),
    ];
    for token in &tokens {
        let mallory = Respondent {
            token: token.clone(),
            ..pupil.clone()
        };
        let reply = mallory.try_save(now_micros(), "p01", &json!({ "single01": "a" }));
        let reply = match reply {
            Ok(reply) => reply,
            Err(refused_by_the_client) => {
                assert!(token.contains('é'), "{refused_by_the_client}");
                continue;
            }
        };
        assert_eq!(told(&reply), (401, "bad-token".into()), "{token}");
        assert_eq!(mallory.submit(now_micros()).status, 401);
        let form = site
            .browser()
            .post("/take/p01", &[("token", token), ("single01", "a")]);
        assert!(
            form.status == 401 && form.header("location").is_empty(),
            "{token}"
        );
    }
    let name = cookie.split_once('=').unwrap().0;
    for value in [
        pupil.token.as_str(),
        stranger.1.split_once('=').unwrap().1,
        "",
        "A",
        "\"",
        &"A".repeat(4000),
    ] {
        let reply = site
            .server
            .api()
            .get("/take/p01", &[("cookie", &format!("{name}={value}"))]);
        assert_eq!(reply.status, 303, "{value}");
        assert!(reply.header("location").starts_with('/') && !reply.header("location").starts_with("/take"));
    }
    assert_eq!(site.saves(), 0);
    site.still_serves(pid);
}

#[test]
fn a_key_taken_out_of_the_ring_ends_its_tokens_and_a_rotated_one_does_not() {
    let site = Site::open();
    let old = site.enter(0);
    let keys = site.server.keys();
    // As `canvass keys rotate` does, but that the new key signs at once.
    let mut text = std::fs::read_to_string(&keys).unwrap();
    text.push_str(&format!(
        "[[ring]]\nid = 2\ncreated = \"\"\nsecret = \"{}\"\n",
        "33".repeat(32)
    ));
    std::fs::write(&keys, text).unwrap();
    assert_eq!(site.server.terminate().code(), Some(0));
    site.server.start_again();
    let old = old.through(&site.server.api());
    assert_eq!(
        old.save(now_micros(), "p01", &json!({ "single01": "a" })).status,
        200,
        "still in an outbox somewhere"
    );
    let fresh = site.enter(0);
    assert_ne!(fresh.token, old.token, "the newest key signs");

    let text = std::fs::read_to_string(&keys).unwrap();
    let (head, ring) = text.split_once("[[ring]]").unwrap();
    let without_first = format!("{head}[[ring]]{}", ring.split_once("[[ring]]").unwrap().1);
    std::fs::write(&keys, without_first).unwrap();
    site.server.terminate();
    site.server.start_again();
    let reply = old
        .through(&site.server.api())
        .save(now_micros(), "p01", &json!({}));
    assert_eq!(told(&reply), (401, "bad-token".into()));
    assert_eq!(
        fresh
            .through(&site.server.api())
            .save(now_micros(), "p01", &json!({}))
            .status,
        200
    );
}

#[test]
fn posts_from_other_sites_are_refused() {
    let site = Site::open();
    let (browser, pid) = (site.browser_of(0), site.server.pid());
    let page = browser.get("/take/p03").text;
    let token = crate::support::hidden(&page, "token");
    let fields = [
        ("token", token.as_str()),
        ("stamp", "0"),
        ("was", "{}"),
        ("short001", "evil"),
        ("code", "x"),
    ];
    for headers in [
        [("origin", "https://evil.example"), ("x-a", "b")],
        [("origin", "null"), ("x-a", "b")],
        [("origin", "http://127.0.0.1:1"), ("x-a", "b")],
        [("origin", ""), ("x-a", "b")],
        [
            ("origin", "https://evil.example"),
            ("sec-fetch-site", "cross-site"),
        ],
        [("origin", "http://evil.example"), ("sec-fetch-site", "same-site")],
        [("origin", "\u{ff}"), ("x-a", "b")],
    ] {
        for path in ["/take/p03", "/enter", "/take/submit", "/language", "/leave"] {
            let reply = browser.post_with(path, &headers, &fields);
            assert_eq!(reply.status, 403, "{path} {headers:?}");
            assert!(crate::support::set_cookies(&reply).is_empty());
        }
    }
    assert_eq!(site.saves(), 0);
    let same = [("sec-fetch-site", "same-origin")];
    assert_eq!(browser.post_with("/take/p03", &same, &fields).status, 303);
    site.still_serves(pid);
}

#[test]
fn static_files_are_only_those_in_the_binary() {
    let site = Site::open();
    let pid = site.server.pid();
    for path in [
        "/static/../Cargo.toml",
        "/static/..%2f..%2fetc%2fpasswd",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/....//etc/passwd",
        "/static//etc/passwd",
        "/static/%00",
        "/static/\\..\\x",
        "/static/",
        "/static/respond.css",
        "/shell/../../etc/passwd/en",
        "/shell/%2e%2e/en",
    ] {
        let mut bare = site.connect();
        bare.send(format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        ));
        let reply = bare.rest();
        assert!(matches!(status(&reply), 404 | 400), "{path}: {reply}");
        assert!(!reply.contains("root:"), "{path}");
    }
    site.still_serves(pid);
}

#[test]
fn requests_that_two_servers_may_read_differently_are_refused() {
    let settings = [
        ("CANVASS_WEB_HEADER_TIMEOUT_MS", "500"),
        ("CANVASS_WEB_BODY_TIMEOUT_MS", "500"),
    ];
    let site = Site::with(WaveTimes::default(), &settings);
    let (pupil, pid) = (site.enter(0), site.server.pid());
    let bearer = pupil.bearer();
    let post = |headers: &str, body: &str| {
        format!(
            "POST /api/v1/saves HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n{headers}\r\n\r\n{body}"
        )
    };
    let smuggled = "GET /api/v1/response HTTP/1.1\r\nHost: x\r\n\r\n";
    let chunked = "Transfer-Encoding: chunked";
    for (what, request) in [
        (
            "two different lengths",
            post("Content-Length: 5\r\nContent-Length: 60", smuggled),
        ),
        ("a list of lengths", post("Content-Length: 5, 60", smuggled)),
        ("a signed length", post("Content-Length: +5", "{    ")),
        ("a negative length", post("Content-Length: -1", "")),
        ("a length that is none", post("Content-Length: 0x10", "")),
        (
            "an endless length",
            post(&format!("Content-Length: {}", "9".repeat(40)), ""),
        ),
        ("an unknown coding", post("Transfer-Encoding: xchunked", smuggled)),
        (
            "chunked not last",
            post("Transfer-Encoding: chunked, identity", smuggled),
        ),
        ("a bad chunk size", post(chunked, &format!("zz\r\n{smuggled}"))),
        (
            "a negative chunk size",
            post(chunked, &format!("-1\r\n{smuggled}")),
        ),
        ("a huge chunk size", post(chunked, "fffffffffffffffff\r\nx")),
        (
            "a chunk longer than it says",
            post(chunked, "1\r\nabc\r\n0\r\n\r\n"),
        ),
        (
            "an endless chunk extension",
            post(chunked, &format!("1;{}\r\na", "x".repeat(200_000))),
        ),
        (
            "a folded header",
            post("X-Folded: a\r\n b: c\r\nContent-Length: 0", ""),
        ),
        ("a space before the colon", post("Content-Length : 5", "{    ")),
        ("a bare CR in a header", post("X-A: b\rContent-Length: 5", "")),
        ("U+0000 in a header", post("X-A: b\0c\r\nContent-Length: 0", "")),
        ("no method", " / HTTP/1.1\r\n\r\n".to_owned()),
        ("HTTP/0.9", "GET /\r\n\r\n".to_owned()),
        ("HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
        (
            "TLS's hello",
            "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03\r\n\r\n".to_owned(),
        ),
        ("noise", "\u{1}\u{2}\u{3}\r\n\r\n".to_owned()),
        (
            "a path with spaces",
            "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        ),
    ] {
        let mut bare = site.connect();
        bare.send(&request);
        let said = bare.rest();
        assert!(matches!(status(&said), 0 | 400 | 413), "{what}: {said}");
        assert!(
            said.matches("HTTP/1.1 ").count() <= 1,
            "{what} was taken for two: {said}"
        );
    }
    // Both a length and chunks: chunks count (RFC 9112, 6.3), and what follows is another request, not smuggled.
    let body = json!({ "stamp": now_micros(), "page": "p01", "answers": { "single01": "a" } }).to_string();
    let both = post(
        &format!("Content-Length: 5\r\n{chunked}"),
        &format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
    );
    let mut bare = site.connect();
    bare.send(&both);
    let said = bare.rest();
    assert!(matches!(status(&said), 200 | 400), "{said}");
    assert!(said.matches("HTTP/1.1 ").count() <= 1, "{said}");
    site.still_serves(pid);
}

#[test]
fn header_bombs_are_refused() {
    let site = Site::open();
    let pid = site.server.pid();
    let many: String = (0..5_000).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = format!("X-A: {}\r\n", "y".repeat(200_000));
    let cookie = format!("Cookie: {}\r\n", "canvass=A; ".repeat(20_000));
    for (what, headers) in [("many", many), ("long", long), ("cookies", cookie)] {
        let mut bare = site.connect();
        bare.send(format!(
            "GET / HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n"
        ));
        let said = bare.rest();
        assert!(
            matches!(status(&said), 0 | 400 | 431),
            "{what}: {}",
            &said[..said.len().min(200)]
        );
    }
    let mut bare = site.connect();
    bare.send(format!(
        "GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "p".repeat(70_000)
    ));
    let said = bare.rest();
    assert!(
        matches!(status(&said), 0 | 414 | 431 | 404),
        "{}",
        &said[..said.len().min(200)]
    );
    site.still_serves(pid);
}

#[test]
fn saves_sent_without_waiting_are_answered_in_order() {
    let site = Site::open();
    let pupil = site.enter(0);
    let now = now_micros();
    let requests: String = (0..50)
        .map(|n| save_request(&pupil, now + n, &json!({ "multi001": ["a"] })))
        .collect();
    let mut bare = site.connect();
    bare.send(requests);
    for n in 0..50 {
        let (code, body) = bare.reply();
        assert_eq!(code, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["stamp"], now + n);
    }
    assert_eq!(site.saves(), 50);
}

#[test]
fn slow_headers_and_slow_bodies_are_cut_and_hold_nobody_up() {
    let settings = [
        ("CANVASS_WEB_HEADER_TIMEOUT_MS", "700"),
        ("CANVASS_WEB_BODY_TIMEOUT_MS", "700"),
    ];
    let site = Site::with(WaveTimes::default(), &settings);
    let (pupil, pid) = (site.enter(0), site.server.pid());
    let began = Instant::now();
    let mut headers: Vec<Bare> = (0..50).map(|_| site.connect()).collect();
    for bare in &mut headers {
        bare.send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    }
    let idle: Vec<Bare> = (0..50).map(|_| site.connect()).collect();
    let mut bodies: Vec<Bare> = (0..50).map(|_| site.connect()).collect();
    let request = save_request(&pupil, now_micros(), &json!({ "single01": "a" }));
    for bare in &mut bodies {
        bare.send(&request[..request.len() - 5]);
    }
    site.still_serves(pid);
    for mut bare in bodies {
        let (code, body) = bare.reply();
        assert_eq!(code, 408, "{body}");
        assert!(body.contains("urn:canvass:problem:too-slow"), "{body}");
    }
    for bare in headers.into_iter().chain(idle) {
        let said = bare.rest();
        assert!(matches!(status(&said), 0 | 408), "{said}");
    }
    assert!(began.elapsed() < Duration::from_secs(10));
    // A connection that goes away in the middle of a body leaves nothing behind.
    let mut gone = site.connect();
    gone.send(&request[..request.len() - 5]);
    drop(gone);
    site.still_serves(pid);
    assert_eq!(site.enter(0).response()["answers"], json!({}));
}

#[test]
fn connections_over_the_limit_are_closed_and_room_is_given_back() {
    let site = Site::with(WaveTimes::default(), &[("CANVASS_WEB_MAX_CONNECTIONS", "20")]);
    let pid = site.server.pid();
    let mut held: Vec<Bare> = (0..20).map(|_| site.connect()).collect();
    eventually("a connection too many to be closed", || {
        // One that was open before may have ended since: its room is taken too.
        held.push(site.connect());
        let mut over = site.connect();
        over.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        over.rest().is_empty().then_some(())
    });
    drop(held);
    eventually("room to be given back", || {
        let mut bare = site.connect();
        bare.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        (status(&bare.rest()) == 200).then_some(())
    });
    site.still_serves(pid);
}

#[test]
fn many_wrong_codes_end_in_429_and_a_right_one_enters_at_once_all_the_same() {
    let settings = [
        ("CANVASS_WEB_WRONG_CODES_PER_ADDRESS", "2"),
        ("CANVASS_WEB_WRONG_CODE_REFILL_SECONDS", "3600"),
    ];
    let site = Site::with(WaveTimes::default(), &settings);
    let (api, pid) = (site.server.api(), site.server.pid());
    let wrong = json!({ "code": "0000-0000-000" });
    let mut statuses: Vec<u16> = vec![];
    // Delayed before they are refused: at once, at once, 1 s, 2 s.
    std::thread::scope(|scope| {
        let tries: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| api.post("/api/v1/enter", &[], &wrong).status))
            .collect();
        statuses.extend(tries.into_iter().map(|t| t.join().unwrap()));
    });
    assert_eq!(statuses, [422; 4]);
    let reply = api.post("/api/v1/enter", &[], &wrong);
    assert_eq!(told(&reply), (429, "too-many-wrong-codes".into()));
    assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1);
    let page = site.browser().post("/enter", &[("code", "0000-0000-000")]);
    assert_eq!(page.status, 429);
    assert!(page.header("retry-after").parse::<u32>().is_ok() && page.text.contains("Too many wrong codes"));
    // An address that only somebody claims to have is the same address.
    for forwarded in ["198.51.100.7", "127.0.0.1, 198.51.100.8", "unknown", ""] {
        let reply = api.post("/api/v1/enter", &[("x-forwarded-for", forwarded)], &wrong);
        assert_eq!(reply.status, 429, "{forwarded}");
    }

    let began = Instant::now();
    site.browser_of(0);
    site.enter(1);
    assert!(
        began.elapsed() < Duration::from_millis(900),
        "{:?}",
        began.elapsed()
    );
    site.still_serves(pid);
}

#[test]
fn a_trusted_proxy_is_believed_about_where_a_wrong_code_comes_from() {
    let settings = [
        ("CANVASS_WEB_WRONG_CODES_PER_ADDRESS", "1"),
        ("CANVASS_WEB_WRONG_CODE_REFILL_SECONDS", "3600"),
        ("CANVASS_WEB_TRUSTED_PROXIES", "127.0.0.0/8, ::1"),
    ];
    let site = Site::with(WaveTimes::default(), &settings);
    let api = site.server.api();
    let wrong = |from: &str| {
        api.post(
            "/api/v1/enter",
            &[("x-forwarded-for", from)],
            &json!({ "code": "x" }),
        )
        .status
    };
    assert_eq!(
        [
            wrong("198.51.100.1"),
            wrong("198.51.100.1"),
            wrong("198.51.100.1")
        ],
        [422, 422, 429]
    );
    assert_eq!(wrong("198.51.100.2"), 422, "another place");
    assert_eq!(
        wrong("198.51.100.9, 198.51.100.1"),
        429,
        "what stands left of the proxy's own word counts for nothing"
    );
    assert_eq!(wrong("198.51.100.1:50123"), 429, "some proxies add the port");
    assert_eq!(wrong("[2001:db8::1]:443"), 422);
    assert_eq!(
        [wrong("2001:db8::2"), wrong("2001:db8::3")],
        [422, 429],
        "a network of 64 bits is one place"
    );
}
