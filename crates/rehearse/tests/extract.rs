//! Every source of values and every check, on replies as they should be and as they should not.

use canvass_rehearse::client::{Headers, Reply};
use canvass_rehearse::person::check::{check, check_all};
use canvass_rehearse::person::extract::{extract, json_value};
use canvass_rehearse::scenario::{Check, Source, Template};
use proptest::prelude::*;
use regex::bytes::Regex;

fn reply(body: impl AsRef<[u8]>) -> Reply {
    let mut headers = Headers::default();
    headers.push("ETag", b"\"v1\"");
    headers.push("x-page", b"3");
    Reply {
        status: 200,
        origin: "http://127.0.0.1:8000".into(),
        path: "/items/42?tab=a%20b".into(),
        headers,
        body: body.as_ref().to_vec(),
    }
}

fn regex(text: &str) -> Regex {
    Regex::new(text).expect(text)
}

fn attribute(selector: &str, attribute: &str) -> Source {
    Source::Attribute {
        selector: selector.into(),
        attribute: attribute.into(),
    }
}

fn json(pointer: &str) -> Check {
    Check::Json {
        pointer: pointer.into(),
        equals: None,
    }
}

fn extracted(source: &Source, reply: &Reply) -> Result<String, String> {
    extract(source, reply, |name| (name == "sid").then(|| "s3cret".to_owned()))
}

#[test]
fn every_source_finds_its_value_and_says_what_is_missing() {
    let page = reply(
        "<meta name=csrf content='m&amp;1'><body data-token=t1><form><input name=csrf value='i&quot;1'>\
         <textarea name=note>\nhello</textarea></form><script>var id = 'x77';</script>",
    );
    for (source, value) in [
        (Source::Input("csrf".into()), Ok("i\"1")),
        (Source::Input("note".into()), Ok("hello")),
        (
            Source::Input("other".into()),
            Err(r#"no <input name="other"> in the reply"#),
        ),
        (Source::Meta("csrf".into()), Ok("m&1")),
        (
            Source::Meta("other".into()),
            Err(r#"no <meta name="other"> in the reply"#),
        ),
        (attribute("body", "data-token"), Ok("t1")),
        (attribute("p.x", "id"), Err(r#"no "p.x" with "id" in the reply"#)),
        (
            Source::Json("/a".into()),
            Err(r#"no JSON value "/a": the reply is not JSON"#),
        ),
        (Source::Header("etag".into()), Ok("\"v1\"")),
        (Source::Header("x-page".into()), Ok("3")),
        (
            Source::Header("x-other".into()),
            Err(r#"no header "x-other" in the reply"#),
        ),
        (Source::Regex(regex(r"var id = '(\w+)'")), Ok("x77")),
        (Source::Regex(regex(r"x\d+")), Ok("x77")),
        (Source::Regex(regex(r"(never)|data-token=(\w+)")), Ok("t1")),
        (
            Source::Regex(regex(r"y\d+")),
            Err(r#"nothing in the reply matches "y\\d+""#),
        ),
        (Source::Url(regex(r"^/items/(\d+)")), Ok("42")),
        (Source::Url(regex(r"tab=(.*)")), Ok("a%20b")),
        (
            Source::Url(regex("^/home")),
            Err(r#"the reply's URL does not match "^/home""#),
        ),
        (Source::Cookie("sid".into()), Ok("s3cret")),
        (Source::Cookie("other".into()), Err(r#"no cookie "other""#)),
    ] {
        let got = extracted(&source, &page);
        assert_eq!(got.as_deref().map_err(String::as_str), value, "{source:?}");
    }
}

#[test]
fn json_values_are_found_by_pointer_as_rfc_6901_says() {
    let text = r#" {"a":{"b":["x",{"c":null}]},"":1,"m~n":2,"x/y":3,"n":1.50,"big":12345678901234567890123,
        "t":true,"s":"q\"\u00e4\n","obj": { "k" : [1, 2] },"twice":1,"twice":2,"0":"zero"} "#;
    for (pointer, value) in [
        ("/a/b/0", Some("x")),
        ("/a/b/1/c", Some("null")),
        ("/a/b/2", None),
        ("/a/b/00", None),
        ("/a/b/-", None),
        ("/a/b/x", None),
        ("/a/b/0/0", None),
        ("/", Some("1")),
        ("/m~0n", Some("2")),
        ("/x~1y", Some("3")),
        ("/n", Some("1.50")),
        ("/big", Some("12345678901234567890123")),
        ("/t", Some("true")),
        ("/s", Some("q\"ä\n")),
        ("/obj", Some(r#"{"k":[1,2]}"#)),
        ("/twice", Some("2")),
        ("/0", Some("zero")),
        ("a", None),
        ("/t/x", None),
    ] {
        let found = json_value(text.as_bytes(), pointer);
        assert_eq!(found, Ok(value.map(str::to_owned)), "{pointer}");
    }
    assert_eq!(json_value(b" [1, 2] ", ""), Ok(Some("[1,2]".into())));
    assert_eq!(json_value(b"\"x\"", ""), Ok(Some("x".into())));
}

#[test]
fn what_is_not_json_is_said_even_when_the_value_stands_before_the_mistake() {
    for text in [
        "",
        "<html>",
        "{\"a\":1",
        "{\"a\":1} x",
        "{\"a\":1,}",
        "\0",
        "{\"a\":\"\u{1}\"}",
    ] {
        assert_eq!(json_value(text.as_bytes(), "/a"), Err(()), "{text:?}");
        assert_eq!(json_value(text.as_bytes(), "no pointer"), Err(()), "{text:?}");
    }
    assert_eq!(json_value(b"{\"a\":\"\xff\"}", "/a"), Err(()));
}

#[test]
fn huge_and_deep_documents_are_read() {
    let mut huge = String::from("{\"list\":[");
    huge.push_str(&"{\"k\":\"some text that is long\"},".repeat(100_000));
    huge.push_str("0],\"last\":\"here\"}");
    assert_eq!(json_value(huge.as_bytes(), "/last"), Ok(Some("here".into())));
    let deep = format!(
        "{{\"deep\":{}{},\"a\":1}}",
        "[".repeat(100_000),
        "]".repeat(100_000)
    );
    assert_eq!(json_value(deep.as_bytes(), "/a"), Ok(Some("1".into())));
}

#[test]
fn checks_hold_or_say_what_is_not_so_without_quoting_the_reply() {
    let page = reply(r#"{"ok":true,"user":"Anna","text":"Thank you"}"#);
    for (one, equals, result) in [
        (Check::Status(vec![200]), None, Ok(())),
        (
            Check::Status(vec![201, 204]),
            None,
            Err("check status: 200, not 201 or 204"),
        ),
        (Check::Text("Thank you".into()), None, Ok(())),
        (
            Check::Text("Welcome".into()),
            None,
            Err(r#"check text "Welcome": not in the reply"#),
        ),
        (Check::NoText("Error".into()), None, Ok(())),
        (
            Check::NoText("Thank".into()),
            None,
            Err(r#"check no_text "Thank": it is in the reply"#),
        ),
        (json("/ok"), Some("true"), Ok(())),
        (json("/ok"), None, Ok(())),
        (json("/user"), Some("Anna"), Ok(())),
        (
            json("/user"),
            Some("Berta"),
            Err(r#"check json "/user": another value"#),
        ),
        (
            json("/missing"),
            Some("1"),
            Err(r#"check json "/missing": not in the reply"#),
        ),
        (Check::Redirect(regex(r"^/items/\d+")), None, Ok(())),
        (
            Check::Redirect(regex("^/home")),
            None,
            Err(r#"check redirect "^/home": elsewhere"#),
        ),
    ] {
        let got = check(&one, &page, equals);
        assert_eq!(got.as_ref().map_err(String::as_str).copied(), result, "{one:?}");
    }
    let cause = check(&json("/a"), &reply("<html>"), None).unwrap_err();
    assert_eq!(cause, r#"check json "/a": the reply is not JSON"#);
}

#[test]
fn a_redirect_that_is_not_followed_is_judged_by_where_it_leads() {
    let redirect = |location: &str| {
        let mut page = reply("");
        page.status = 302;
        page.headers.push("Location", location.as_bytes());
        page
    };
    for (location, path) in [
        ("/home?x=1", r"^/home\?x=1$"),
        ("http://other.test/there#top", "^/there$"),
        ("next", "^/items/next$"),
        ("?page=2", r"^/items/42\?page=2$"),
        ("", "^/items/42"),
    ] {
        let there = Check::Redirect(regex(path));
        assert_eq!(check(&there, &redirect(location), None), Ok(()), "{location}");
    }
    let mut created = redirect("/elsewhere");
    created.status = 201;
    let here = Check::Redirect(regex("^/items/42"));
    assert_eq!(check(&here, &created, None), Ok(()));
}

#[test]
fn without_a_check_of_the_status_it_must_be_below_400() {
    let mut page = reply("Thank you");
    let checks = [Check::Text("Thank".into())];
    let all = |checks: &[Check], page: &Reply| check_all(checks, page, |_| Ok(String::new()));
    assert_eq!(all(&checks, &page), Ok(()));
    page.status = 404;
    assert_eq!(all(&checks, &page), Err("status 404".into()));
    assert_eq!(all(&[], &page), Err("status 404".into()));
    assert_eq!(all(&[Check::Status(vec![404])], &page), Ok(()));
    page.status = 304;
    assert_eq!(all(&[], &page), Ok(()));
}

#[test]
fn what_a_json_value_must_be_is_rendered_for_each_check() {
    let page = reply(r#"{"n":3}"#);
    let checks = [Check::Json {
        pointer: "/n".into(),
        equals: Some(Template::literal("3")),
    }];
    let literal = |template: &Template| Ok(template.as_literal().unwrap_or_default().to_owned());
    assert_eq!(check_all(&checks, &page, literal), Ok(()));
    let missing = check_all(&checks, &page, |_| Err("no value for n".into()));
    assert_eq!(missing, Err("no value for n".into()));
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300), pointer in "[/~01a-c-]{0,8}") {
        let page = reply(&body);
        for source in [
            Source::Input("a".into()),
            Source::Meta("a".into()),
            attribute("[a]", "a"),
            Source::Json(pointer.clone()),
            Source::Regex(regex("(?s-u)(.)(.)?")),
        ] {
            let _ = extracted(&source, &page);
        }
        for one in [Check::Text(String::new()), Check::NoText("\0".into()), json(&pointer)] {
            let _ = check(&one, &page, None);
        }
    }

    #[test]
    fn pointers_find_what_serde_json_finds(
        keys in proptest::collection::vec("[a-c~/0-2]{0,3}", 1..4), lists in any::<bool>(),
    ) {
        let mut value = serde_json::json!([7, {"a": "x", "~/": [1]}]);
        let mut pointer = String::new();
        for key in &keys {
            let list = lists && key == "0";
            value = if list { serde_json::json!([value]) } else { serde_json::json!({ key.as_str(): value }) };
            pointer = format!("/{}{pointer}", key.replace('~', "~0").replace('/', "~1"));
        }
        for pointer in [pointer.clone(), format!("{pointer}/1/a"), format!("{pointer}/1/~0~1/0"), "/a/0".to_owned()] {
            let expected = value.pointer(&pointer).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned));
            prop_assert_eq!(json_value(value.to_string().as_bytes(), &pointer), Ok(expected));
        }
    }
}
