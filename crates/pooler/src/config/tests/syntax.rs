//! Lines and connection strings, as pgbouncer 1.18 was seen to read them.

use super::{problem, read, shown};

fn host(text: &str, name: &str) -> String {
    read(text).databases[name].host.join(" and ")
}

#[test]
fn a_comment_stands_on_a_line_of_its_own_only() {
    let config = read("; one\n  # two\n\t\n[pgbouncer] ; three\n# listen_port = 1\nauth_user = a ; b # c\n");
    assert_eq!(config.settings.auth_user.as_deref(), Some("a ; b # c"));
    assert_eq!(config.settings.listen_port, 6432);
}

#[test]
fn spaces_around_name_and_value_and_a_carriage_return_do_not_matter() {
    assert_eq!(shown("  listen_port=1\r"), "1");
    assert_eq!(shown("listen_port \t = \t 1 "), "1");
    assert_eq!(
        shown("auth_user = \"a b\""),
        "\"a b\"",
        "quotes are part of a value"
    );
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert_eq!(
        read("\u{feff}[pgbouncer]\nlisten_port = 1").settings.listen_port,
        1
    );
}

#[test]
fn the_last_of_several_lines_for_one_name_counts_and_the_others_are_named() {
    let loaded = crate::config::Config::parse(
        "[pgbouncer]\nlisten_port = 1\nlisten_port = 2\n[databases]\na = host=x\na = port=7",
    )
    .unwrap();
    assert_eq!(loaded.config.settings.listen_port, 2);
    assert_eq!(
        loaded.config.databases["a"].host,
        Vec::<String>::new(),
        "nothing of the first entry is left"
    );
    assert_eq!(loaded.config.databases["a"].port, 7);
    assert_eq!(
        loaded.warnings,
        [
            "pgbouncer.ini:3: listen_port is also set at pgbouncer.ini:2, in vain: the last one counts",
            "pgbouncer.ini:6: a is also set at pgbouncer.ini:5, in vain: the last one counts",
        ]
    );
}

#[test]
fn a_second_pgbouncer_section_forgets_the_first_but_for_what_has_no_default() {
    let text =
        "[pgbouncer]\nlisten_port = 1\nauth_file = a\n[databases]\n[pgbouncer]\npool_mode = statement\n";
    let loaded = crate::config::Config::parse(text).unwrap();
    assert_eq!(loaded.config.settings.listen_port, 6432);
    assert_eq!(loaded.config.settings.auth_file.as_deref(), Some("a".as_ref()));
    assert_eq!(loaded.warnings.len(), 1);
    assert!(
        loaded.warnings[0].starts_with("pgbouncer.ini:5: [pgbouncer] begins a second time"),
        "{loaded:?}"
    );
    assert!(loaded.warnings[0].contains("pgbouncer.ini:1"), "{loaded:?}");
}

#[test]
fn other_sections_may_go_on_later() {
    let config = read("[databases]\na = host=x\n[users]\nu = pool_size=1\n[databases]\nb = host=y\n");
    assert_eq!(config.databases.keys().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn names_are_plain_or_quoted_as_in_sql() {
    assert_eq!(host("[databases]\nwe-ird.7_* = host=x", "we-ird.7_*"), "x");
    assert_eq!(host("[databases]\n\"a \"\"b\"\"=c\" = host=x", "a \"b\"=c"), "x");
    let quote = "pgbouncer.ini:2: the name before `=` must consist of letters, digits and _ . - *, or be in double quotes";
    assert_eq!(problem("[databases]\na b = host=x"), quote);
    assert_eq!(problem("[databases]\nä = host=x"), quote);
    assert_eq!(
        problem("[databases]\n\"a = host=x"),
        "pgbouncer.ini:2: the name's closing double quote is missing"
    );
    assert_eq!(
        problem("[databases]\n= host=x"),
        "pgbouncer.ini:2: there is no name before `=`"
    );
    assert_eq!(
        problem("[databases]\n\"\" = host=x"),
        "pgbouncer.ini:2: there is no name before `=`"
    );
}

#[test]
fn a_connection_string_is_pairs_with_spaces_anywhere() {
    let config = read("[databases]\na = host = x  port= 5 user =u dbname='it''s a \"name\"' ");
    let a = &config.databases["a"];
    assert_eq!(
        (a.host.join(","), a.port, a.user.as_deref()),
        ("x".to_owned(), 5, Some("u"))
    );
    assert_eq!(a.dbname.as_deref(), Some("it's a \"name\""));
    assert_eq!(
        host("[databases]\na = host=x host=y", "a"),
        "y",
        "the last one counts"
    );
    assert_eq!(host("[databases]\na =", "a"), "");
    assert_eq!(
        read("[databases]\na = user=\"u\"").databases["a"].user.as_deref(),
        Some("\"u\"")
    );
    assert_eq!(
        read("[databases]\na = user=o'neil").databases["a"]
            .user
            .as_deref(),
        Some("o'neil")
    );
    assert_eq!(host("[databases]\na = host='x, y'", "a"), "x and y");
    assert_eq!(
        host("[databases]\na = host=x,y,/tmp,@abstract", "a"),
        "x and y and /tmp and @abstract"
    );
}

#[test]
fn what_is_no_connection_string_is_refused() {
    let of = |text: &str| problem(&format!("[databases]\na = {text}")).replace("pgbouncer.ini:2: a: ", "");
    let pairs = "it must be key=value pairs; a value with spaces in it must stand in single quotes";
    assert_eq!(of("host=x,y , z"), pairs);
    assert_eq!(of("host=x ; port=4"), pairs);
    assert_eq!(of("=x"), pairs);
    assert_eq!(of("host"), format!("host: {pairs}"));
    assert_eq!(
        of("user=''"),
        "user: there is no value behind `=`; leave the key out instead"
    );
    assert_eq!(
        of("user="),
        "user: there is no value behind `=`; leave the key out instead"
    );
    assert_eq!(
        of("user='a"),
        "user: the closing single quote is missing; a quote inside the value is doubled"
    );
    assert_eq!(
        of("user='a'b' host=x"),
        "user: a space must follow the closing single quote; a quote inside the value is doubled"
    );
    assert_eq!(of("host=x\tport=4"), "host: a tab ends no value; use a space");
}

#[test]
fn lines_that_are_nothing_are_refused_with_their_number() {
    let end = "there is no `=`; settings are written as `name = value`, comments begin with ;";
    assert_eq!(
        problem("[pgbouncer]\n\nlisten_port 5"),
        format!("pgbouncer.ini:3: {end}")
    );
    assert_eq!(
        problem("[pgbouncer\n"),
        "pgbouncer.ini:1: the section's name is not closed; write it as [name]"
    );
    assert_eq!(
        problem("[pgbouncer] listen_port = 1"),
        "pgbouncer.ini:1: something stands behind [pgbouncer]; put it on a line of its own"
    );
    assert_eq!(
        problem("listen_port = 1"),
        "pgbouncer.ini:1: the setting stands before any section; write [pgbouncer] above it"
    );
    assert_eq!(
        problem("%includes x"),
        "pgbouncer.ini:1: the only directive is `%include FILE`"
    );
    assert_eq!(
        problem("%include  "),
        "pgbouncer.ini:1: the only directive is `%include FILE`"
    );
    assert_eq!(
        problem("[pgbouncer]\nlisten_port = 1\0"),
        "pgbouncer.ini:2: the line holds a NUL byte; is this a text file?"
    );
    let long = format!("[pgbouncer]\njob_name = {}", "x".repeat(1 << 20));
    assert_eq!(
        problem(&long),
        "pgbouncer.ini:2: the line has 1048587 bytes, more than 1048576; is this the right file?"
    );
}

#[test]
fn an_unknown_section_is_said_once_and_its_lines_are_passed_over() {
    assert_eq!(
        problem("[Databases]\na = host=x\nb = host=y"),
        "pgbouncer.ini:1: unknown section [Databases], did you mean [databases]?"
    );
    assert_eq!(
        problem("[ pgbouncer ]\nlisten_port = z"),
        "pgbouncer.ini:1: unknown section [ pgbouncer ], did you mean [pgbouncer]?"
    );
}
