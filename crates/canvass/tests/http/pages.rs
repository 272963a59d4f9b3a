//! The pages as a browser without JavaScript gets them.

use canvass_testkit::{Reply, Server, WaveTimes, eventually, now_micros};

use crate::support::{BINARY, Browser, Site, hidden, set_cookies};

fn location(reply: &Reply) -> (u16, &str) {
    (reply.status, reply.header("location"))
}

#[test]
fn a_survey_is_taken_from_code_to_thanks_with_plain_forms() {
    let site = Site::open();
    let browser = site.browser();
    let start = browser.get("/");
    assert_eq!(start.status, 200);
    assert!(start.header("content-type").starts_with("text/html"));
    assert_eq!(location(&browser.get("/take")), (303, "/"), "nobody has entered");

    assert_eq!(
        location(&browser.post("/enter", &[("code", &site.wave.codes[0].to_lowercase())])),
        (303, "/take")
    );
    assert_eq!(location(&browser.get("/take")), (303, "/take/p01"));
    assert_eq!(
        location(&browser.turn(
            "p01",
            "next",
            &[("single01", "b"), ("multi001", ""), ("multi001", "a")]
        )),
        (303, "/take/p02")
    );
    assert_eq!(
        location(&browser.turn("p02", "back", &[("gridrow1", "c")])),
        (303, "/take/p01")
    );
    let shown = browser.get("/take/p01").text;
    assert!(shown.contains(r#"name="single01" value="b" checked"#), "{shown}");
    assert_eq!(location(&browser.turn("p02", "next", &[])), (303, "/take/p03"));
    let leaves = browser.turn(
        "p03",
        "leave",
        &[("number01", "1,5"), ("long0001", "a\r\nb <script>")],
    );
    assert_eq!(location(&leaves), (303, "/?left"));
    assert!(browser.jar.borrow().is_empty(), "leaving ends the session");

    // Another device goes on where this one stopped: everything was saved.
    let other = site.browser_of(0);
    assert_eq!(location(&other.get("/take")), (303, "/review"));
    let shown = other.get("/take/p03").text;
    assert!(
        shown.contains("value=\"1.5\"") && shown.contains("a\nb &#60;script&#62;"),
        "{shown}"
    );
    assert_eq!(location(&other.submit()), (303, "/done"));
    let done = other.get("/done");
    assert_eq!(done.status, 200);
    assert!(
        set_cookies(&done).iter().any(|c| c.contains("Max-Age=0")),
        "the device is free for the next one"
    );
    assert_eq!(location(&other.get("/done")), (303, "/"));

    let answers = site.enter(0).response();
    assert!(answers["submitted_at"].is_i64());
    assert_eq!(answers["left_out"], 0);
    assert_eq!(
        answers["answers"],
        serde_json::json!({
            "single01": "b", "multi001": ["a"], "gridrow1": "c", "number01": 1.5, "long0001": "a\nb <script>"
        })
    );
    assert_eq!(
        location(&site.browser_of(0).get("/take")),
        (303, "/done"),
        "submitted is submitted"
    );
    assert_eq!(location(&site.browser_of(0).get("/take/p01")), (303, "/done"));
    assert_eq!(location(&site.browser_of(0).get("/review")), (303, "/done"));
}

#[test]
fn required_is_asked_for_on_next_and_at_submission_but_what_is_right_is_saved_before() {
    let site = Site::open();
    let browser = site.browser_of(0);

    let asked = browser.turn("p01", "next", &[("multi001", ""), ("multi001", "c")]);

    assert_eq!(asked.status, 422, "{}", asked.text);
    assert!(asked.text.contains("This question needs an answer."));
    assert!(
        asked.text.contains("href=\"#q-single01\""),
        "the summary leads to the question"
    );
    assert!(asked.text.contains(r#"name="multi001" value="c" checked"#));
    assert_eq!(
        site.db.value("SELECT answers FROM wave_1.save"),
        r#"{"multi001": ["c"]}"#
    );
    assert_eq!(
        location(&browser.turn("p01", "back", &[])),
        (303, "/take/p01"),
        "back asks for nothing"
    );

    let refused = browser.submit();
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("href=\"/take/p01\""), "review says where");
    assert_eq!(site.db.value("SELECT count(*) FROM wave_1.submission"), "0");
    // The page that was saved but is not complete does not hold anybody up.
    assert_eq!(location(&browser.get("/take")), (303, "/take/p02"));
}

#[test]
fn a_refused_answer_stays_in_its_field_with_a_message_and_the_others_are_saved() {
    let site = Site::open();
    let browser = site.browser_of(0);

    let reply = browser.turn("p03", "next", &[("number01", "a dozen"), ("short001", "fine")]);

    assert_eq!(reply.status, 422);
    assert!(
        reply.text.contains("value=\"a dozen\"") && reply.text.contains("aria-invalid"),
        "{}",
        reply.text
    );
    assert_eq!(
        site.db.value("SELECT answers FROM wave_1.save"),
        r#"{"short001": "fine"}"#
    );
    // The form that came back knows what was saved and when.
    assert_eq!(hidden(&reply.text, "was"), r#"{"short001":"fine"}"#);
    assert_eq!(
        hidden(&reply.text, "stamp"),
        site.db.value("SELECT stamp FROM wave_1.save")
    );
    let next = browser.turn_from(
        &reply.text,
        "p03",
        "next",
        &[("number01", "12"), ("short001", "fine")],
    );
    assert_eq!(location(&next), (303, "/review"));
    let newest = "SELECT answers FROM wave_1.save ORDER BY stamp DESC LIMIT 1";
    assert_eq!(site.db.value(newest), r#"{"number01": 12}"#, "only what changed");
}

#[test]
fn review_says_what_is_answered_skipped_and_still_required() {
    let site = Site::open();
    let browser = site.browser_of(0);
    browser.turn("p02", "next", &[("gridrow1", "a")]);
    let review = browser.get("/review");
    assert_eq!(review.status, 200);
    let page = |id: &str| {
        let item = review
            .text
            .split_once(&format!("<li data-page=\"{id}\">"))
            .unwrap()
            .1;
        item.split_once("</li>").unwrap().0.to_owned()
    };
    let state = |id: &str| {
        page(id)
            .split_once("class=\"state ")
            .unwrap()
            .1
            .split_once('"')
            .unwrap()
            .0
            .to_owned()
    };
    assert_eq!([state("p01"), state("p02"), state("p03")].len(), 3);
    assert_ne!(
        state("p01"),
        state("p03"),
        "required is not the same as skipped: {}",
        review.text
    );
    assert_ne!(state("p02"), state("p03"), "{}", review.text);
}

#[test]
fn wrong_codes_come_back_in_the_form_and_an_empty_one_too() {
    let site = Site::open();
    let browser = site.browser();
    for (typed, words) in [
        ("", "code"),
        ("   ", "code"),
        ("\"><script>alert(1)</script>", "We do not know this code"),
    ] {
        let reply = browser.post("/enter", &[("code", typed)]);
        assert_eq!(reply.status, 422, "{typed}");
        assert!(reply.text.contains("name=\"code\"") && reply.text.contains(words));
        assert!(!reply.text.contains("<script>alert"), "{}", reply.text);
    }
    assert!(browser.jar.borrow().is_empty());
    for path in ["/enter", "/language", "/leave"] {
        assert_eq!(location(&browser.get(path)), (303, "/"), "reloading {path}");
    }
    assert_eq!(location(&browser.get("/take/submit")), (303, "/review"));
}

#[test]
fn every_page_says_that_it_is_not_stored_and_loads_nothing_from_elsewhere() {
    let site = Site::open();
    let (nobody, pupil) = (site.browser(), site.browser_of(0));
    let pages = [
        nobody.get("/"),
        nobody.get("/?left"),
        nobody.get("/offline"),
        nobody.get("/nothing"),
        nobody.get("/take"),
        nobody.post("/enter", &[("code", "wrong")]),
        nobody.post("/leave", &[]),
        pupil.get("/take"),
        pupil.get("/take/p01"),
        pupil.get("/take/nothing"),
        pupil.get("/review"),
        pupil.turn("p01", "next", &[]),
        pupil.submit(),
    ];
    for (n, page) in pages.iter().enumerate() {
        assert_eq!(page.header("cache-control"), "no-store", "{n}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "{n}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{n}");
        assert_eq!(page.header("x-frame-options"), "DENY", "{n}");
        let policy = page.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{n}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self'"),
            "{n}"
        );
        let no_inline = |mark: &str| !page.text.contains(mark);
        assert!(
            no_inline("<script>") && no_inline(" style=") && no_inline(" onclick"),
            "{n}: {}",
            page.text
        );
    }
}

#[test]
fn the_session_cookie_ends_with_the_browser_and_scripts_cannot_read_it() {
    let site = Site::open();
    let reply = site.browser().post("/enter", &[("code", &site.wave.codes[0])]);
    let cookie = set_cookies(&reply)[0].to_owned();
    assert!(cookie.starts_with("canvass="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "no Expires, no Max-Age, no Domain: {cookie}"
    );

    // Behind a proxy that ends TLS the same cookie is bound to host and TLS.
    let secure = Server::start(
        BINARY,
        &site.db.url,
        &[("CANVASS_WEB_PUBLIC_URL", "https://survey.example.org")],
    );
    let browser = Browser::at(secure.address(), secure.api());
    for origin in ["https://survey.example.org", "https://survey.example.org:443"] {
        // The proxy names its own host to us; the browser tells where the form was.
        let reply = browser.post_with("/enter", &[("origin", origin)], &[("code", &site.wave.codes[0])]);
        assert_eq!(location(&reply), (303, "/take"), "{origin}: {}", reply.text);
        let cookie = set_cookies(&reply)[0].to_owned();
        assert!(cookie.starts_with("__Host-canvass="), "{cookie}");
        assert!(
            cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"),
            "{cookie}"
        );
    }
    assert_eq!(browser.get("/take/p01").status, 200);
    let elsewhere = browser.post_with("/enter", &[("origin", "https://evil.example")], &[("code", "x")]);
    assert_eq!(elsewhere.status, 403);
}

#[test]
fn a_write_goes_where_its_token_says_and_another_ones_cookie_sees_nothing_of_it() {
    let site = Site::open();
    let first = site.browser_of(0);
    let page_of_the_first = first.get("/take/p03").text;
    let second = site.browser_of(1);

    let reply = second.turn_from(&page_of_the_first, "p03", "next", &[("short001", "mine")]);

    assert_eq!(location(&reply), (303, "/?kept"));
    assert_eq!(site.enter(0).response()["answers"]["short001"], "mine");
    assert_eq!(site.enter(1).response()["answers"], serde_json::json!({}));
    assert!(
        second
            .get("/?kept")
            .text
            .contains("Your answers on that page are saved")
    );
    // Neither does one without any cookie, and a refused answer is not shown to them.
    let nobody = site.browser();
    let reply = nobody.turn_from(
        &page_of_the_first,
        "p03",
        "next",
        &[("number01", "secret"), ("short001", "x")],
    );
    assert_eq!(location(&reply), (303, "/?kept"));
    assert!(!reply.text.contains("secret"));
    // With a token that is none of ours nothing is saved, and the code is asked for.
    let forged = nobody.post("/take/p03", &[("token", "A"), ("stamp", "0"), ("short001", "x")]);
    assert!(location(&forged) == (401, ""), "{}", forged.text);
}

#[test]
fn a_stale_form_of_a_second_device_wipes_nothing_and_a_correction_wins() {
    let site = Site::open();
    let (one, other) = (site.browser_of(0), site.browser_of(0));
    let stale = other.get("/take/p03").text;
    one.turn("p03", "next", &[("short001", "new"), ("number01", "5")]);

    // The other device shows the page as it was before, and clicks through it.
    let reply = other.turn_from(&stale, "p03", "next", &[("short001", ""), ("number01", "")]);

    assert_eq!(location(&reply), (303, "/review"));
    let answers = || site.enter(0).response()["answers"].clone();
    assert_eq!(answers(), serde_json::json!({ "short001": "new", "number01": 5 }));
    one.turn("p03", "next", &[("short001", "newer"), ("number01", "")]);
    assert_eq!(answers(), serde_json::json!({ "short001": "newer" }));
}

#[test]
fn a_correction_follows_a_save_that_was_stamped_ahead() {
    let site = Site::open();
    // A device whose clock is fast by 100 seconds was here.
    let ahead = now_micros() + 100_000_000;
    site.enter(0)
        .save(ahead, "p03", &serde_json::json!({ "short001": "first" }));

    let browser = site.browser_of(0);
    browser.turn("p03", "next", &[("short001", "corrected")]);

    assert_eq!(site.enter(0).response()["answers"]["short001"], "corrected");
    browser.turn("p01", "next", &[("single01", "a")]);
    assert_eq!(location(&browser.submit()), (303, "/done"));
    assert_eq!(site.enter(0).response()["left_out"], 0);
}

#[test]
fn the_language_is_chosen_for_the_browser_and_kept_with_the_response() {
    let site = Site::open();
    let browser = site.browser();
    assert!(browser.get("/").text.contains("lang=\"en\""));
    let reply = browser.post("/language", &[("language", "es"), ("back", "/")]);
    assert_eq!(location(&reply), (303, "/"));
    assert!(browser.get("/").text.contains("lang=\"es\""));
    browser.post("/enter", &[("code", &site.wave.codes[0])]);
    assert!(browser.get("/take/p01").text.contains("Primera"));
    browser.turn("p01", "next", &[("single01", "a")]);
    assert_eq!(site.db.value("SELECT language FROM wave_1.save"), "es");

    let other = site.browser_of(0);
    assert_eq!(location(&other.get("/take")), (303, "/take/p02"));
    assert!(
        other.get("/take/p02").text.contains("Segunda"),
        "goes on in the language of the answers"
    );
    for back in [
        "//evil.example",
        "https://evil.example/",
        "/take/../../x",
        "\r\nSet-Cookie: a=b",
    ] {
        let reply = browser.post("/language", &[("language", "en"), ("back", back)]);
        assert_eq!(location(&reply), (303, "/"), "{back:?}");
    }
    let unknown = browser.post("/language", &[("language", "x\r\ny"), ("back", "/review")]);
    assert_eq!(location(&unknown), (303, "/review"));
    // The button on a page saves what was typed before it changes the language.
    let reply = browser.turn("p03", "language-en", &[("short001", "typed")]);
    assert_eq!(location(&reply), (303, "/take/p03"));
    assert_eq!(site.enter(0).response()["answers"]["short001"], "typed");
    assert!(browser.get("/take/p03").text.contains("Third"));
}

#[test]
fn a_closed_survey_shows_nothing_more_but_still_takes_what_was_under_way() {
    let site = Site::open();
    let browser = site.browser_of(0);
    let page = browser.get("/take/p03").text;
    site.close(1, 3600);

    for path in ["/take", "/take/p01", "/review", "/done"] {
        let reply = browser.get(path);
        assert_eq!(reply.status, 409, "{path}");
        assert!(reply.text.contains("This survey is closed"), "{path}");
    }
    assert_eq!(
        browser.post("/enter", &[("code", &site.wave.codes[1])]).status,
        409
    );
    let reply = browser.turn_from(&page, "p03", "next", &[("short001", "under way")]);
    assert_eq!(reply.status, 303, "{}", reply.text);
    assert_eq!(site.saves(), 1);

    site.close(2, 0);
    eventually("the wave to be over", || {
        let reply = browser.turn_from(&page, "p03", "next", &[("short001", "too late")]);
        (reply.status == 409).then(|| assert!(reply.text.contains("This survey is closed")))
    });
    let early = Site::with(
        WaveTimes {
            opens_in: 3600,
            ..WaveTimes::default()
        },
        &[],
    );
    let reply = early.browser().post("/enter", &[("code", &early.wave.codes[0])]);
    assert_eq!(reply.status, 409);
    assert!(reply.text.contains("This survey has not started yet"));
}

#[test]
fn an_idle_session_is_locked_and_its_form_still_saves() {
    let site = Site::open();
    // Nobody may be idle for as long as no minute here.
    let strict = Server::start(BINARY, &site.db.url, &[("CANVASS_WEB_IDLE_MINUTES", "0")]);
    let browser = Browser::at(strict.address(), strict.api());
    browser.post("/enter", &[("code", &site.wave.codes[0])]);
    let page = site.browser_of(0).get("/take/p03").text;

    eventually("the session to end", || {
        (location(&browser.get("/take/p01")) == (303, "/?locked")).then_some(())
    });

    let reply = browser.turn_from(&page, "p03", "next", &[("short001", "kept")]);
    assert_eq!(location(&reply), (303, "/?kept"));
    assert_eq!(site.enter(0).response()["answers"]["short001"], "kept");
}
