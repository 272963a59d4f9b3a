//! Cookies: a test for each rule of RFC 6265, section 5, that a load test meets; its number stands before each.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test: a panic is its message")]

use canvass_rehearse::person::jar::Jar;
use proptest::prelude::*;

/// 1994-11-06 08:49:37 UTC, the RFCs' favourite moment.
const THEN: i64 = 784_111_777;
const NOW: i64 = 1_700_000_000;
const HOST: &str = "shop.example.com";

/// A jar after Set-Cookie headers that came over TLS with the reply to `/a/b/c?d=/e`.
fn jar(headers: &[&str]) -> Jar {
    let mut jar = Jar::default();
    for header in headers {
        jar.set(HOST, "/a/b/c?d=/e", true, header, NOW);
    }
    jar
}

fn sent_at(jar: &Jar, host: &str, path: &str, now: i64) -> String {
    let mut out = String::new();
    assert_eq!(jar.header(host, path, true, now, &mut out), !out.is_empty());
    out
}

fn sent(jar: &Jar, host: &str, path: &str) -> String {
    sent_at(jar, host, path, NOW)
}

/// What one header makes the next request to `/a/b/d` send.
fn after(header: &str) -> String {
    sent(&jar(&[header]), HOST, "/a/b/d")
}

/// When a cookie with this Expires ends, found by trying; None when it is a session's cookie.
fn expiry(date: &str) -> Option<i64> {
    let mut jar = Jar::default();
    jar.set(HOST, "/", true, &format!("a=1; Expires={date}"), i64::MIN);
    let lives = |now: i64| !sent_at(&jar, HOST, "/", now).is_empty();
    if jar.is_empty() || lives(i64::MAX - 1) {
        return None;
    }
    let (mut low, mut high) = (-100_000_000_000_i64, 1_000_000_000_000_i64);
    assert!(lives(low) && !lives(high), "{date}");
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        *(if lives(middle) { &mut low } else { &mut high }) = middle;
    }
    Some(high)
}

// 5.1.1 Dates

#[test]
fn s5_1_1_dates_are_read_in_every_form_that_servers_send() {
    for date in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06-Nov-1994 08:49:37 GMT",
        "06 november 1994 8:49:37",
        "1994 08:49:37 NOVember 6",
        "08:49:37x 6th Nov 1994ad",
        "\"Sun, 06 Nov 1994 08:49:37 +0000\"",
    ] {
        assert_eq!(expiry(date), Some(THEN), "{date}");
    }
    assert_eq!(expiry("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    assert_eq!(expiry("Tue, 29 Feb 2028 23:59:59 GMT"), Some(1_835_481_599));
}

#[test]
fn s5_1_1_years_of_two_digits_are_this_centurys_below_70() {
    assert_eq!(expiry("1 Jan 70 0:0:0"), Some(0));
    assert_eq!(expiry("1 Jan 69 0:0:0"), Some(3_124_224_000));
    assert_eq!(expiry("1 Jan 99 0:0:0"), Some(915_148_800));
    assert_eq!(expiry("1 Jan 00 0:0:0"), Some(946_684_800));
}

#[test]
fn s5_1_1_what_is_no_date_is_ignored() {
    for date in [
        "",
        "tomorrow",
        "0",
        "06 Nov 1994",
        "Nov 1994 08:49:37",
        "06 1994 08:49:37",
        "06 Nov 08:49:37",
        "00 Nov 1994 08:49:37",
        "32 Nov 1994 08:49:37",
        "31 Feb 1994 08:49:37",
        "29 Feb 2023 08:49:37",
        "06 Nov 1600 08:49:37",
        "06 Nov 19941 08:49:37",
        "06 Nov 1994 24:00:00",
        "06 Nov 1994 08:60:00",
        "06 Nov 1994 08:49:60",
        "06 Nov 1994 008:49:37",
        "06 Nov 1994 08:49",
    ] {
        assert_eq!(expiry(date), None, "{date}");
    }
}

// 5.1.2 and 5.1.3 Hosts and domains

#[test]
fn s5_1_2_hosts_and_domains_are_compared_without_regard_to_case() {
    let mut jar = Jar::default();
    jar.set("Shop.Example.COM", "/", true, "a=1", NOW);
    jar.set("shop.example.com", "/", true, "b=2; Domain=EXAMPLE.com", NOW);
    assert_eq!(sent(&jar, "sHOP.example.com", "/"), "a=1; b=2");
    assert_eq!(sent(&jar, "EXAMPLE.COM", "/"), "b=2");
}

#[test]
fn s5_1_3_a_domain_covers_its_subdomains_and_nothing_that_only_ends_alike() {
    let jar = jar(&["a=1; Domain=example.com"]);
    for host in ["example.com", HOST, "a.b.example.com"] {
        assert_eq!(sent(&jar, host, "/a/b"), "a=1", "{host}");
    }
    for host in ["badexample.com", "com", "example.com.evil.org", "xample.com", ""] {
        assert_eq!(sent(&jar, host, "/a/b"), "", "{host}");
    }
}

#[test]
fn s5_1_3_an_address_matches_nothing_but_itself() {
    let mut jar = Jar::default();
    jar.set("127.0.0.1", "/", false, "a=1; Domain=0.0.1", NOW);
    jar.set("127.0.0.1", "/", false, "b=2; Domain=127.0.0.1", NOW);
    jar.set("127.0.0.1", "/", false, "c=3", NOW);
    jar.set("x.0.0.1", "/", false, "d=4; Domain=0.0.1", NOW);
    jar.set("[::1]", "/", false, "e=5; Domain=[::1]", NOW);
    assert_eq!(sent(&jar, "127.0.0.1", "/"), "b=2; c=3");
    assert_eq!(sent(&jar, "9.127.0.0.1", "/"), "b=2; d=4", "that is a name");
    assert_eq!(sent(&jar, "[::1]", "/"), "e=5");
}

// 5.1.4 Paths

#[test]
fn s5_1_4_the_default_path_is_the_requests_folder() {
    for (request, inside, outside) in [
        ("/a/b/c?d=/e/f", "/a/b/x", "/a/x"),
        ("/a/b/", "/a/b", "/a"),
        ("/a#/b/c", "/x", ""),
        ("/a", "/", ""),
        ("/?x=/y/z", "/x", ""),
        ("", "/x", ""),
        ("a/b", "/x", ""),
    ] {
        let mut jar = Jar::default();
        jar.set(HOST, request, true, "a=1", NOW);
        assert_eq!(sent(&jar, HOST, inside), "a=1", "{request}");
        if !outside.is_empty() {
            assert_eq!(sent(&jar, HOST, outside), "", "{request}");
        }
    }
}

#[test]
fn s5_1_4_paths_match_whole_folders() {
    let mut jar = Jar::default();
    jar.set(HOST, "/", true, "a=1; Path=/foo", NOW);
    jar.set(HOST, "/", true, "b=2; Path=/foo/", NOW);
    jar.set(HOST, "/", true, "c=3; Path=/", NOW);
    assert_eq!(sent(&jar, HOST, "/foo"), "a=1; c=3");
    assert_eq!(sent(&jar, HOST, "/foo?x=/foo/"), "a=1; c=3");
    assert_eq!(sent(&jar, HOST, "/foo/"), "b=2; a=1; c=3");
    assert_eq!(sent(&jar, HOST, "/foo/bar"), "b=2; a=1; c=3");
    assert_eq!(sent(&jar, HOST, "/foobar"), "c=3");
    assert_eq!(sent(&jar, HOST, "/FOO"), "c=3", "paths have a case");
}

// 5.2 Parsing

#[test]
fn s5_2_names_and_values_are_trimmed_and_kept_verbatim() {
    for (header, expected) in [
        ("a=1", "a=1"),
        (" \ta \t=\t 1 ; Path=/", "a=1"),
        ("a=b=c==", "a=b=c=="),
        ("a=\"quoted; not a rest\"", "a=\"quoted"),
        ("a=\"x y\"", "a=\"x y\""),
        ("a=", "a="),
        ("a=1;", "a=1"),
        ("a=1;;;  ; nonsense=3; =", "a=1"),
        ("A b=1,2", "A b=1,2"),
        ("a=höflich", "a=höflich"),
        ("Path=/nowhere", "Path=/nowhere"),
    ] {
        assert_eq!(after(header), expected, "{header}");
    }
}

#[test]
fn s5_2_a_cookie_without_name_is_its_value_as_in_browsers() {
    assert_eq!(after("alone"), "alone");
    assert_eq!(after("=alone"), "alone");
    assert_eq!(after("==a"), "=a");
    for nothing in ["", "=", "  ", " = ; Path=/", ";a=1"] {
        assert_eq!(after(nothing), "", "{nothing:?}");
    }
    let jar = jar(&["first", "=second", "a=1"]);
    assert_eq!(
        sent(&jar, HOST, "/a/b"),
        "second; a=1",
        "one without name replaces another"
    );
    assert_eq!(jar.get(HOST, "/a/b", true, NOW, ""), Some("second"));
}

#[test]
fn s5_2_names_have_a_case() {
    assert_eq!(sent(&jar(&["a=1", "A=2", "a=3"]), HOST, "/a/b"), "a=3; A=2");
}

#[test]
fn s5_2_attributes_have_no_case_and_the_last_of_a_kind_wins() {
    let jar = jar(&[
        "a=1; pATH=/x; PATH=/y; DOMAIN=other.org; domain = example.com ; sECURE; max-AGE=9; MAX-age=5",
    ]);
    assert_eq!(sent(&jar, "example.com", "/y"), "a=1");
    assert_eq!(sent(&jar, "example.com", "/x"), "");
    assert_eq!(sent_at(&jar, "example.com", "/y", NOW + 5), "");
    assert!(!jar.header("example.com", "/y", false, NOW, &mut String::new()));
}

#[test]
fn s5_2_control_characters_void_the_cookie() {
    for header in ["a=1\r\nX: y", "a=\0", "a=1; Path=/\u{7f}", "\u{1}=1"] {
        assert_eq!(after(header), "", "{header:?}");
    }
    assert_eq!(after("a=x\ty"), "a=x\ty", "a tab is none of them");
}

#[test]
fn s5_2_1_an_expires_that_is_no_date_leaves_a_sessions_cookie() {
    let jar = jar(&[
        "a=1; Expires=never",
        "b=2; Expires=Sun, 06 Nov 2094 08:49:37 GMT; Expires=oops",
    ]);
    assert_eq!(sent(&jar, HOST, "/a/b"), "a=1; b=2");
    assert_eq!(
        sent_at(&jar, HOST, "/a/b", i64::MAX - 1),
        "a=1",
        "the date before counts"
    );
}

#[test]
fn s5_2_2_max_age_counts_from_now() {
    let jar = jar(&["a=1; Max-Age=10"]);
    assert_eq!(sent_at(&jar, HOST, "/a/b", NOW + 9), "a=1");
    assert_eq!(sent_at(&jar, HOST, "/a/b", NOW + 10), "");
}

#[test]
fn s5_2_2_a_max_age_of_zero_or_less_deletes() {
    for age in ["0", "-1", "-0", "000", "-99999999999999999999"] {
        let jar = jar(&["a=1", "b=2", &format!("a=; Max-Age={age}")]);
        assert_eq!(
            (sent(&jar, HOST, "/a/b").as_str(), jar.len()),
            ("b=2", 1),
            "{age}"
        );
    }
}

#[test]
fn s5_2_2_a_max_age_that_is_no_number_is_ignored() {
    for age in ["", "-", "soon", "1.5", "+5", "5s", "--5", "\"5\""] {
        let jar = jar(&[&format!("a=1; Max-Age={age}")]);
        assert_eq!(sent_at(&jar, HOST, "/a/b", i64::MAX - 1), "a=1", "{age}");
    }
}

#[test]
fn s5_2_2_a_max_age_beyond_all_numbers_is_long() {
    let jar = jar(&["a=1; Max-Age=99999999999999999999999"]);
    assert_eq!(sent_at(&jar, HOST, "/a/b", NOW * 100), "a=1");
}

#[test]
fn s5_2_3_a_leading_dot_of_a_domain_does_not_matter() {
    assert_eq!(
        sent(&jar(&["a=1; Domain=.example.com"]), "example.com", "/a/b"),
        "a=1"
    );
    assert_eq!(after("a=1; Domain=..example.com"), "", "two do");
}

#[test]
fn s5_2_3_an_empty_domain_means_this_host_only() {
    for header in [
        "a=1; Domain",
        "a=1; Domain=",
        "a=1; Domain=.",
        "a=1; Domain=other.org; Domain=",
    ] {
        let jar = jar(&[header]);
        assert_eq!(sent(&jar, HOST, "/a/b"), "a=1", "{header}");
        assert_eq!(sent(&jar, "www.shop.example.com", "/a/b"), "", "{header}");
    }
}

#[test]
fn s5_2_4_a_path_that_does_not_begin_with_a_slash_is_the_default() {
    for path in ["", "x", "\"/x\"", "../"] {
        let jar = jar(&[&format!("a=1; Path={path}")]);
        assert_eq!(sent(&jar, HOST, "/a/b/x"), "a=1", "{path}");
        assert_eq!(sent(&jar, HOST, "/a/x"), "", "{path}");
    }
}

#[test]
fn s5_2_4_a_path_need_not_cover_the_request_that_set_it() {
    assert_eq!(sent(&jar(&["a=1; Path=/elsewhere"]), HOST, "/elsewhere/x"), "a=1");
}

// 5.2.5 and 5.4 Secure

#[test]
fn s5_2_5_a_secure_cookie_is_neither_sent_nor_set_without_tls() {
    let mut jar = Jar::default();
    jar.set(HOST, "/", true, "a=1; Secure", NOW);
    jar.set(HOST, "/", true, "b=2; Secure=false", NOW);
    jar.set(HOST, "/", false, "c=3; Secure", NOW);
    jar.set(HOST, "/", false, "d=4", NOW);
    let mut plain = String::new();
    jar.header(HOST, "/", false, NOW, &mut plain);
    assert_eq!(plain, "d=4");
    assert_eq!(sent(&jar, HOST, "/"), "a=1; b=2; d=4");
}

#[test]
fn s5_2_5_loopback_counts_as_secure_as_in_browsers() {
    for host in [
        "localhost",
        "LOCALHOST",
        "app.localhost",
        "127.0.0.1",
        "127.8.9.10",
        "[::1]",
    ] {
        let mut jar = Jar::default();
        jar.set(host, "/", false, "a=1; Secure", NOW);
        assert_eq!(jar.get(host, "/", false, NOW, "a"), Some("1"), "{host}");
    }
    for host in [
        "notlocalhost",
        "localhost.example.com",
        "10.0.0.1",
        "128.0.0.1",
        "[::2]",
        "127.0.0.1.org",
    ] {
        let mut jar = Jar::default();
        jar.set(host, "/", false, "a=1; Secure", NOW);
        assert!(jar.is_empty(), "{host}");
    }
}

#[test]
fn s5_3_what_comes_without_tls_does_not_cover_a_secure_cookie() {
    let mut jar = Jar::default();
    jar.set(HOST, "/in", true, "a=1; Secure; Path=/in", NOW);
    jar.set(HOST, "/in/side", false, "a=2; Path=/in/side", NOW);
    jar.set(HOST, "/in/side", false, "a=3; Path=/in; Domain=example.com", NOW);
    jar.set(HOST, "/in/side", false, "a=; Path=/in; Max-Age=0", NOW);
    assert_eq!(sent(&jar, HOST, "/in/side"), "a=1");
    jar.set(HOST, "/", false, "a=4; Path=/", NOW);
    assert_eq!(
        sent(&jar, HOST, "/in/side"),
        "a=1; a=4",
        "a shorter path covers nothing"
    );
}

#[test]
fn s5_3_prefixes_of_names_keep_their_promise() {
    for header in [
        "__Secure-a=1; Secure",
        "__Host-a=1; Secure; Path=/",
        "__HOST-a=1; Path=/; Secure; Domain=",
    ] {
        assert!(!after(header).is_empty(), "{header}");
    }
    for header in [
        "__Secure-a=1",
        "__secure-a=1",
        "__Host-a=1; Path=/",
        "__Host-a=1; Secure",
        "__Host-a=1; Secure; Path=/a",
        "__hOsT-a=1; Secure; Path=/; Domain=shop.example.com",
        "=__Host-a=1; Secure; Path=/",
        "__Secure-a",
    ] {
        assert_eq!(after(header), "", "{header}");
    }
    let mut jar = Jar::default();
    jar.set(HOST, "/", false, "__Secure-a=1; Secure", NOW);
    assert!(jar.is_empty(), "not without TLS");
}

// 5.3 Storage

#[test]
fn s5_3_a_cookie_without_domain_stays_with_its_host() {
    let jar = jar(&["a=1"]);
    assert_eq!(sent(&jar, HOST, "/a/b"), "a=1");
    for host in ["www.shop.example.com", "example.com", "other.example.com"] {
        assert_eq!(sent(&jar, host, "/a/b"), "", "{host}");
    }
}

#[test]
fn s5_3_a_domain_that_does_not_cover_the_host_voids_the_cookie() {
    for domain in [
        "other.org",
        "www.shop.example.com",
        "hop.example.com",
        "example.com.",
        "xample.com",
    ] {
        assert!(jar(&[&format!("a=1; Domain={domain}")]).is_empty(), "{domain}");
    }
}

#[test]
fn s5_3_step_5_a_public_suffix_is_refused_unless_it_is_the_host() {
    assert!(jar(&["a=1; Domain=com", "b=2; Domain=.com"]).is_empty());
    let mut jar = Jar::default();
    jar.set("app.localhost", "/", false, "a=1; Domain=localhost", NOW);
    assert!(jar.is_empty());
    jar.set("intranet", "/", false, "a=1; Domain=intranet", NOW);
    assert_eq!(sent(&jar, "intranet", "/"), "a=1");
    assert_eq!(sent(&jar, "www.intranet", "/"), "", "host-only then");
}

#[test]
fn s5_3_step_3_max_age_wins_over_expires() {
    let past = "Expires=Sun, 06 Nov 1994 08:49:37 GMT";
    assert_eq!(after(&format!("a=1; Max-Age=60; {past}")), "a=1");
    assert_eq!(after(&format!("a=1; {past}; Max-Age=60")), "a=1");
    assert_eq!(after("a=1; Max-Age=0; Expires=Sun, 06 Nov 2094 08:49:37 GMT"), "");
    assert_eq!(
        after(&format!("a=1; Max-Age=x; {past}")),
        "",
        "an ignored one does not"
    );
}

#[test]
fn s5_3_an_expires_in_the_past_deletes() {
    let jar = jar(&["a=1", "a=2; Expires=Thu, 01 Jan 1970 00:00:00 GMT"]);
    assert!(jar.is_empty());
}

#[test]
fn s5_3_deleting_needs_the_same_path_and_domain() {
    let jar = jar(&[
        "a=1; Path=/",
        "a=; Path=/a; Max-Age=0",
        "a=; Path=/; Domain=example.com; Max-Age=0",
    ]);
    assert_eq!(sent(&jar, HOST, "/a/b"), "a=1");
}

#[test]
fn s5_3_step_11_a_replaced_cookie_keeps_its_creation_time() {
    let jar = jar(&["a=1", "b=2", "a=3; Max-Age=60", "b=2; Max-Age=5"]);
    assert_eq!((sent(&jar, HOST, "/a/b").as_str(), jar.len()), ("a=3; b=2", 2));
    assert_eq!(
        sent_at(&jar, HOST, "/a/b", NOW + 5),
        "a=3",
        "all else is the new one's"
    );
}

#[test]
fn s5_3_the_same_name_on_two_paths_and_two_domains_are_different_cookies() {
    let jar = jar(&[
        "a=1; Path=/",
        "a=2; Path=/a",
        "a=3; Path=/; Domain=example.com",
        "a=4; Path=/; Domain=shop.example.com",
    ]);
    assert_eq!(sent(&jar, HOST, "/a/b"), "a=2; a=1; a=3; a=4");
    assert_eq!(
        jar.get(HOST, "/a/b", true, NOW, "a"),
        Some("2"),
        "the first one counts"
    );
    assert_eq!(jar.get(HOST, "/", true, NOW, "a"), Some("1"));
    assert_eq!(jar.get(HOST, "/", true, NOW, "b"), None);
}

#[test]
fn s5_3_expired_cookies_are_removed() {
    let mut jar = Jar::default();
    for second in 0..1000 {
        jar.set(HOST, "/", true, &format!("a{second}=1; Max-Age=2"), NOW + second);
        assert!(jar.len() <= 2);
    }
}

#[test]
fn s5_3_a_sessions_cookies_end_with_the_session() {
    let mut jar = jar(&["a=1", "b=2; Max-Age=60"]);
    jar.clear();
    assert!(jar.is_empty());
    assert_eq!(sent(&jar, HOST, "/a/b"), "");
}

// 5.4 The Cookie header

#[test]
fn s5_4_step_2_longer_paths_come_first_then_earlier_cookies() {
    let jar = jar(&[
        "a=1; Path=/",
        "b=2; Path=/a/b",
        "c=3; Path=/",
        "d=4; Path=/a/b",
        "e=5; Path=/a",
    ]);
    assert_eq!(sent(&jar, HOST, "/a/b"), "b=2; d=4; e=5; a=1; c=3");
}

#[test]
fn s5_4_the_header_is_appended() {
    let mut out = String::from("cookie: ");
    assert!(jar(&["a=1"]).header(HOST, "/a/b", true, NOW, &mut out));
    assert!(!Jar::default().header(HOST, "/a/b", true, NOW, &mut out));
    assert_eq!(out, "cookie: a=1");
}

// 6.1 Limits

#[test]
fn s6_1_cookies_and_attributes_have_a_largest_size() {
    assert_eq!(after(&format!("a={}", "x".repeat(4095))).len(), 4097);
    assert_eq!(after(&format!("a={}", "x".repeat(4096))), "");
    let long = jar(&[&format!("a=1; Path=/{}", "x".repeat(1024))]);
    assert_eq!(sent(&long, HOST, "/a/b"), "a=1", "the attribute alone is ignored");
}

#[test]
fn s5_3_a_full_jar_drops_what_expired_and_then_the_oldest() {
    let mut jar = Jar::default();
    jar.set(HOST, "/", true, "short=1; Max-Age=1", NOW);
    for n in 0..179 {
        jar.set(
            HOST,
            "/",
            true,
            &format!("c{n}=1; Path={}", ["/", "/deep"][n % 2]),
            NOW,
        );
    }
    jar.set(HOST, "/", true, "c0=again", NOW + 1);
    jar.set(HOST, "/", true, "new=1", NOW + 1);
    let has = |jar: &Jar, name: &str| jar.get(HOST, "/deep", true, NOW + 1, name).is_some();
    assert!(jar.len() == 180 && has(&jar, "c0") && has(&jar, "new"));
    jar.set(HOST, "/", true, "newer=1", NOW + 1);
    assert!(
        jar.len() == 180 && !has(&jar, "c0"),
        "replacing makes nothing younger"
    );
    assert!(has(&jar, "c1") && has(&jar, "newer"));
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        host in ".{0,20}",
        path in ".{0,20}",
        headers in proptest::collection::vec("[a-c]?=?.{0,30}(; ?(Max-Age|Expires|Domain|Path|Secure)=?.{0,20}){0,3}", 0..20),
        secure: bool,
        now: i64,
    ) {
        let mut jar = Jar::default();
        for header in &headers {
            jar.set(&host, &path, secure, header, now);
        }
        let mut out = String::new();
        jar.header(&host, &path, secure, now, &mut out);
        prop_assert!(!out.contains(['\r', '\n']));
        prop_assert!(jar.len() <= headers.len());
    }

    #[test]
    fn any_date_is_read_without_panic(date in "[0-9a-zA-Z: ,é-]{0,40}") {
        expiry(&date);
    }

    #[test]
    fn a_date_that_was_written_is_read(seconds in -11_600_000_000_i64..253_000_000_000) {
        let moment = jiff::Timestamp::from_second(seconds).unwrap();
        prop_assert_eq!(expiry(&moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()), Some(seconds));
    }

    #[test]
    fn what_one_host_set_is_never_sent_to_an_unrelated_one(
        domain in "[.]?(a\\.example|example|b\\.example|one\\.a\\.example|other|other\\.test|le|.{0,10})",
        other in "(other|b\\.example|b\\.other|one\\.b\\.example|aexample|xa\\.example|le|10\\.0\\.0\\.1)",
        rest in "(; ?(Path=/|Secure|Max-Age=9|SameSite=None)){0,3}",
    ) {
        let mut jar = Jar::default();
        jar.set("one.a.example", "/", true, &format!("a=1; Domain={domain}{rest}"), NOW);
        // No name that the two share is longer than one label.
        prop_assert_eq!(sent(&jar, &other, "/"), "");
    }
}
