use super::*;

const WHEN: &str = "2026-05-04T08:00:00.250Z";

fn one(json: &str) -> Entry {
    let har = parse(json.as_bytes()).unwrap();
    assert_eq!(har.entries.len(), 1);
    har.entries.into_iter().next().unwrap()
}

fn log(entries: &str) -> String {
    format!(r#"{{"log":{{"entries":[{entries}]}}}}"#)
}

fn post(data: &str) -> PostBody {
    let entry = format!(
        r#"{{"startedDateTime":"{WHEN}","request":{{"method":"POST","url":"http://a/","postData":{data}}}}}"#
    );
    one(&log(&entry)).request.body.unwrap()
}

fn params(body: &PostBody) -> Vec<(&str, &str)> {
    let params = body.params.as_ref().unwrap().iter();
    params.map(|p| (p.name.as_str(), p.value.as_str())).collect()
}

#[test]
fn what_is_no_json_is_named_with_file_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session.har");
    std::fs::write(&path, "{\n  \"log\": <html>\n}").unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("{}: line 2, column 10: not JSON (", path.display())),
        "{error}"
    );
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn a_file_that_was_cut_off_or_is_empty_says_so() {
    let cut = parse(br#"{"log":{"entries":[{"request":{"url":"htt"#)
        .unwrap_err()
        .to_string();
    assert!(cut.contains("EOF") && cut.contains("line 1"), "{cut}");
    let empty = parse(b" \n").unwrap_err().to_string();
    assert!(empty.contains("empty"), "{empty}");
}

#[test]
fn json_without_entries_is_no_har() {
    for text in ["{}", "[]", "null", r#"{"log":{}}"#, r#"{"log":{"entries":{}}}"#] {
        let error = parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("log.entries is missing"), "{text}: {error}");
    }
}

#[test]
fn an_entry_without_url_is_named() {
    let error = parse(log(r#"{"request":{"url":"http://a/"}},{"request":{}}"#).as_bytes()).unwrap_err();
    assert!(
        error.to_string().contains("log.entries[1] has no request.url"),
        "{error}"
    );
}

#[test]
fn a_byte_order_mark_and_half_a_character_are_forgiven() {
    let mut bytes = b"\xef\xbb\xbf".to_vec();
    let content = r#""content":{"text":"a\ud83db\ud83d\ude00 \\ud83d"}"#;
    bytes.extend(
        log(&format!(
            r#"{{"request":{{"url":"http://a/"}},"response":{{{content}}}}}"#
        ))
        .into_bytes(),
    );
    let har = parse(&bytes).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&har.entries[0].response.body),
        "a\u{fffd}b\u{1f600} \\ud83d"
    );
}

/// No pages, nulls, numbers as text (Charles); no mimeType (Firefox); an empty query name; fields that nobody knows.
#[test]
fn missing_null_and_mistyped_fields_are_forgiven() {
    let entry = one(&log(
        r#"{"pageref":null,"startedDateTime":"2026-05-04T10:00:00.250+02:00","time":"12.3456","connection":7,"x":[1],
            "request":{"method":"get","url":"http://a/?=1&b#top","httpVersion":null,"queryString":[{"value":"1"}],
                       "headers":[{"name":":method","value":"GET"},{"name":"Age","value":5},{"name":"X","value":null}],
                       "cookies":null,"postData":null},
            "response":{"status":"200","headers":null,"content":{"size":"3","text":null},"redirectURL":null}}"#,
    ));
    assert_eq!(entry.started, WHEN.parse().unwrap());
    assert_eq!(entry.millis, 12.346);
    assert_eq!(
        (entry.request.method.as_str(), entry.request.url.as_str()),
        ("GET", "http://a/?=1&b")
    );
    let headers = [("Age", "5"), ("X", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
    assert_eq!(entry.request.headers, headers);
    assert_eq!(entry.request.body, None);
    assert_eq!((entry.response.status, entry.response.mime.as_str()), (200, ""));
    assert_eq!(entry.response.body, b"");
    assert!(!entry.aborted());
}

#[test]
fn entries_are_sorted_by_their_beginning_and_aborted_ones_are_kept() {
    let entry = |url: &str, when: &str, status: &str| {
        format!(
            r#"{{"startedDateTime":"{when}","time":-1,"request":{{"url":"{url}"}},"response":{{"status":{status}}}}}"#
        )
    };
    let text = log(&[
        entry("http://a/3", "2026-05-04T08:00:02Z", "200"),
        entry("http://a/1", "2026-05-04T08:00:00", "0"),
        entry("http://a/2", "2026-05-04T08:00:01.000001Z", "-1"),
    ]
    .join(","));
    let har = parse(text.as_bytes()).unwrap();
    let seen: Vec<_> = har
        .entries
        .iter()
        .map(|e| (e.request.url.as_str(), e.aborted(), e.millis))
        .collect();
    assert_eq!(
        seen,
        [
            ("http://a/1", true, 0.0),
            ("http://a/2", true, 0.0),
            ("http://a/3", false, 0.0)
        ]
    );
}

#[test]
fn an_entry_without_time_follows_the_one_before() {
    let har = parse(log(&format!(
        r#"{{"startedDateTime":"{WHEN}","time":10,"request":{{"url":"http://a/1"}}}},{{"request":{{"url":"http://a/2"}}}}"#
    )).as_bytes()).unwrap();
    assert_eq!(har.entries[1].started.to_string(), "2026-05-04T08:00:00.26Z");
}

#[test]
fn a_form_comes_as_text_or_as_parameters() {
    let text = post(
        r#"{"mimeType":"application/x-www-form-urlencoded","text":"a=1+2&=x&b=%C3%A9","params":[{"name":"a","value":"1%202"}]}"#,
    );
    assert_eq!(params(&text), [("a", "1 2"), ("", "x"), ("b", "é")]);
    let listed = post(
        r#"{"mimeType":"application/x-www-form-urlencoded","params":[{"name":"a","value":"1 2"},{"value":"é"}]}"#,
    );
    assert_eq!(params(&listed), [("a", "1 2"), ("", "é")]);
    assert_eq!(listed.bytes, b"a=1+2&=%C3%A9");
}

#[test]
fn a_multipart_form_comes_as_text_or_as_parameters() {
    let text = post(
        r#"{"mimeType":"multipart/form-data; boundary=\"b 1\"","text":"--b 1\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nline\r\n--b 11\r\n--b 1\r\nContent-Disposition: form-data; name=\"f\"; filename=\"C:\\dir\\a.txt\"\r\nContent-Type: text/plain\r\n\r\n\r\n--b 1--\r\n"}"#,
    );
    assert_eq!(params(&text), [("note", "line\r\n--b 11"), ("f", "")]);
    let file = &text.params.as_ref().unwrap()[1];
    assert_eq!(file.file_name.as_deref(), Some("C:\\dir\\a.txt"));
    let listed = post(
        r#"{"mimeType":"multipart/form-data","params":[{"name":"note","value":"a"},{"name":"f","value":"B","fileName":"a \"1\".txt","contentType":"text/plain"}]}"#,
    );
    assert!(
        listed.mime.starts_with("multipart/form-data; boundary="),
        "{}",
        listed.mime
    );
    assert_eq!(params(&listed), [("note", "a"), ("f", "B")]);
    let file = &listed.params.as_ref().unwrap()[1];
    assert_eq!(
        (file.file_name.as_deref(), file.content_type.as_deref()),
        (Some("a \"1\".txt"), Some("text/plain"))
    );
}

#[test]
fn a_multipart_form_without_boundary_or_type_is_still_read() {
    let body = "--x\\r\\nContent-Disposition: form-data; name=\\\"a\\\"\\r\\n\\r\\n1\\r\\n--x--\\r\\n";
    let entry = one(&log(&format!(
        r#"{{"request":{{"url":"http://a/","headers":[{{"name":"content-type","value":"multipart/form-data"}}],
            "postData":{{"text":"{body}"}}}}}}"#
    )));
    assert_eq!(entry.request.method, "POST");
    assert_eq!(params(&entry.request.body.unwrap()), [("a", "1")]);
}

#[test]
fn a_posted_body_may_be_base64() {
    let body = post(r#"{"mimeType":"application/octet-stream","text":"AP\r\n/+","encoding":"base64"}"#);
    assert_eq!((body.bytes, body.params), (vec![0, 0xff, 0xfe], None));
}

fn content(coding: &str, bytes: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(bytes);
    one(&log(&format!(
        r#"{{"request":{{"url":"http://a/"}},"response":{{"status":200,
            "headers":[{{"name":"Content-Encoding","value":"{coding}"}}],
            "content":{{"mimeType":"x-unknown","encoding":"base64","text":"{text}"}}}}}}"#
    )))
    .response
    .body
}

#[test]
fn bodies_that_are_still_compressed_are_decoded() {
    use std::io::Write;
    let plain = "a page ".repeat(1000).into_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    assert_eq!(content("gzip", &gzip.finish().unwrap()), plain);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(&plain).unwrap();
    let zlib = zlib.finish().unwrap();
    assert_eq!(content("deflate", &zlib), plain);
    assert_eq!(content("deflate", &zlib[2..zlib.len() - 4]), plain);
    let mut br = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
    br.write_all(&plain).unwrap();
    let br = br.into_inner();
    assert_eq!(content("br", &br), plain);
    assert_eq!(
        content("br", &br[..br.len() / 2]),
        br[..br.len() / 2],
        "half of it stays as it is"
    );
    assert_eq!(content("gzip", b"plain after all"), b"plain after all");
}

#[test]
fn cookies_that_a_browser_joined_are_parted() {
    let entry = one(&log(r#"{"request":{"url":"http://a/"},"response":{"status":200,
            "headers":[{"name":"set-cookie","value":"a=1; Path=/\nb=2"}]}}"#));
    let values: Vec<_> = entry.response.headers.iter().map(|(_, v)| v.as_str()).collect();
    assert_eq!(values, ["a=1; Path=/", "b=2"]);
}

#[test]
fn a_written_file_has_what_the_specification_demands() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.har");
    let mut entry = one(&log(&format!(
        r#"{{"startedDateTime":"{WHEN}","time":3.5,"request":{{"url":"http://a/p?q=%20&="}}}}"#
    )));
    entry.request.headers = vec![("Cookie".to_owned(), "a=1; b=x=y".to_owned())];
    entry.response.status = 302;
    entry.response.headers = vec![(
        "Set-Cookie".to_owned(),
        "sid=1; Path=/; Domain=a; HttpOnly; Secure; Expires=Wed, 21 Oct 2026 07:28:00 GMT".to_owned(),
    )];
    write(&path, &Har { entries: vec![entry] }).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        1,
        "no temporary file is left"
    );
    let text = std::fs::read_to_string(&path).unwrap();
    insta::assert_snapshot!(text.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let error = write("/nowhere/a.har", &Har::default()).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/a.har: "), "{error}");
}

mod round_trip {
    use proptest::prelude::*;

    use super::*;

    fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
        proptest::collection::vec(("[a-zA-Z][a-zA-Z-]{0,8}x", "[ -~é]{0,12}"), 0..4)
    }

    fn body() -> impl Strategy<Value = Option<PostBody>> {
        let param = (
            "\\PC{0,6}",
            "[^\r\n]{0,12}",
            proptest::option::of("[a-z\"\\\\]{1,6}"),
        );
        let params = proptest::collection::vec(param, 1..4);
        prop_oneof![
            Just(None),
            (
                "[a-z]{1,5}/[a-z]{1,5}",
                proptest::collection::vec(any::<u8>(), 0..40)
            )
                .prop_map(|(mime, bytes)| Some(PostBody::new(mime, bytes))),
            "\\PC{1,20}".prop_map(|text| Some(PostBody::new(
                "application/x-www-form-urlencoded",
                text.into_bytes()
            ))),
            params.prop_map(|list| {
                let param = |(name, value, file_name)| Param {
                    name,
                    value,
                    file_name,
                    content_type: None,
                };
                let list: Vec<Param> = list.into_iter().map(param).collect();
                Some(PostBody::from_params("multipart/form-data", &list))
            }),
        ]
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let request = ("[A-Z]{1,7}", "/[a-z/?=&%]{0,12}", headers(), body());
        let response = (
            200u16..600,
            headers(),
            "[a-z]{0,5}",
            proptest::collection::vec(any::<u8>(), 0..60),
            "/?[a-z]{0,6}",
        );
        (0i64..4_000_000_000_000_000, 0u32..100_000_000, request, response).prop_map(|(started, us, q, r)| {
            Entry {
                started: Timestamp::from_microsecond(started).unwrap(),
                millis: f64::from(us) / 1e3,
                request: Request {
                    method: q.0,
                    url: format!("http://a.example{}", q.1),
                    headers: q.2,
                    body: q.3,
                },
                response: Response {
                    status: r.0,
                    headers: r.1,
                    mime: r.2,
                    body: r.3,
                    redirect: r.4,
                },
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn what_is_written_is_read_again(mut entries in proptest::collection::vec(entry(), 0..5)) {
            entries.sort_by_key(|e| e.started);
            let har = Har { entries };
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.har");
            write(&path, &har).unwrap();
            prop_assert_eq!(read(&path).unwrap(), har);
        }

        #[test]
        fn nothing_that_is_read_breaks_it(text in "\\PC{0,60}", bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(text.as_bytes());
            let _ = parse(&bytes);
            let _ = PostBody::new("multipart/form-data; boundary=a", bytes);
        }

        #[test]
        fn parameters_come_back_from_the_body_made_of_them(names in proptest::collection::vec(("\\PC{0,6}", "[^\r\n]{0,12}"), 1..4)) {
            let params: Vec<Param> = names.into_iter().map(|(name, value)| Param { name, value, ..Param::default() }).collect();
            for mime in ["application/x-www-form-urlencoded", "multipart/form-data"] {
                let body = PostBody::from_params(mime, &params);
                prop_assert_eq!(body.params.as_ref(), Some(&params));
            }
        }
    }
}
