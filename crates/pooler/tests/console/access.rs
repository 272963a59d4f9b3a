use std::os::unix::net::UnixStream;

use super::{ADMIN, Client, Pool, VIEWER};

fn code(refused: Result<Client, Box<super::client::Reply>>) -> (String, String) {
    match refused {
        Ok(_) => panic!("was let in"),
        Err(reply) => reply.errors[0].clone(),
    }
}

#[test]
fn administrators_may_do_everything_and_viewers_may_look() {
    let pool = Pool::start("");
    let mut viewer = Client::tcp(pool.address, VIEWER, "pgbouncer").unwrap();

    assert_eq!(pool.console().run("RECONNECT"), "RECONNECT");
    assert_eq!(viewer.run("SHOW POOLS"), "SHOW");
    for command in [
        "SHOW FDS",
        "RELOAD",
        "PAUSE",
        "SUSPEND",
        "RESUME",
        "RECONNECT",
        "DISABLE app",
        "ENABLE app",
        "KILL",
        "KILL_CLIENT 1",
        "WAIT_CLOSE",
        "SHUTDOWN",
        "SET log_stats = 0",
    ] {
        assert_eq!(
            viewer.fail(command),
            ("42501".into(), "admin access needed".into()),
            "{command}"
        );
    }
}

#[test]
fn nobody_else_is_let_in() {
    let pool = Pool::start("");

    let refused = code(Client::tcp(pool.address, "canvass", "pgbouncer"));

    assert_eq!(refused, ("28000".into(), "not allowed".into()));
    let unknown = code(Client::tcp(pool.address, "pgbouncer", "pgbouncer"));
    assert_eq!(unknown.0, "28000", "{unknown:?}");
}

#[test]
fn an_auth_dbname_that_cannot_be_used_is_an_error_of_the_configuration() {
    let settings = "auth_type = plain\nauth_user = canvass";
    let pool = Pool::start(settings);
    let mut console = Client::unix(&pool.socket(), "pgbouncer", "pgbouncer").unwrap();
    let other = pool.entry().replacen("app", "other", 1);
    pool.rewrite(&format!("{}{other}", pool.entry()), settings);
    assert_eq!(console.run("RELOAD"), "RELOAD");
    let cases = [
        ("nowhere", "authentication database \"nowhere\" is not configured"),
        ("app", "authentication database \"app\" is disabled"),
    ];
    assert_eq!(console.run("DISABLE app"), "DISABLE");
    for (name, reason) in cases {
        console.run(&format!("SET auth_dbname = {name}"));
        let refused = code(Client::tcp(pool.address, "nobody_knows", "other"));
        assert_eq!(refused, ("F0000".into(), "bouncer config error".into()), "{name}");
        pool.until_logged(reason);
    }
}

#[test]
fn a_password_is_asked_for_where_others_are_asked_too() {
    let pool = Pool::start("auth_type = plain");

    // The client here answers no question: it is asked one, and gives up.
    let mut socket = std::net::TcpStream::connect(pool.address).unwrap();
    let body = format!("\0\x03\0\0user\0{ADMIN}\0database\0pgbouncer\0\0");
    let length = u32::try_from(body.len() + 4).unwrap();
    std::io::Write::write_all(&mut socket, &[&length.to_be_bytes(), body.as_bytes()].concat()).unwrap();
    let mut answer = [0; 9];
    std::io::Read::read_exact(&mut socket, &mut answer).unwrap();

    assert_eq!(
        answer, *b"R\0\0\0\x08\0\0\0\x03",
        "AuthenticationCleartextPassword"
    );
}

#[test]
fn the_pooler_s_own_user_needs_no_password_over_the_unix_socket() {
    let pool = Pool::start("auth_type = plain");

    let mut console = Client::unix(&pool.socket(), "pgbouncer", "pgbouncer").unwrap();

    assert_eq!(console.run("RECONNECT"), "RECONNECT");
    pool.until_logged("pgbouncer access from unix socket");
    drop(UnixStream::connect(pool.socket()).unwrap());
}

#[test]
fn with_auth_type_any_everybody_may_look() {
    let pool = Pool::start("auth_type = any");

    let mut anybody = Client::tcp(pool.address, "anybody", "pgbouncer").unwrap();

    assert_eq!(anybody.run("SHOW STATE"), "SHOW");
    assert_eq!(anybody.fail("RECONNECT").0, "42501");
    assert_eq!(pool.console().run("RECONNECT"), "RECONNECT");
}

#[test]
fn a_full_pooler_lets_administrators_in() {
    let pool = Pool::start("max_client_conn = 1");
    let _only = pool.client();

    let refused = code(Client::tcp(pool.address, "canvass", "app"));

    assert_eq!(
        refused,
        (
            "53300".into(),
            "no more connections allowed (max_client_conn)".into()
        )
    );
    assert_eq!(pool.console().run("SHOW STATE"), "SHOW");
}

#[test]
fn a_console_says_what_it_is_and_speaks_the_simple_protocol_only() {
    let pool = Pool::start("");
    let mut console = pool.console();

    let version = console
        .settings
        .iter()
        .find(|(name, _)| name == "server_version")
        .unwrap();
    assert_eq!(version.1, "1.25.0/bouncer");
    console.send(b'P', b"\0SHOW STATE\0\0\0");
    let reply = console.reply();

    assert_eq!(
        reply.errors,
        [(
            "0A000".into(),
            "extended query protocol not supported by admin console".into()
        )]
    );
    assert!(reply.ended);
}

#[test]
fn what_is_no_command_is_refused_as_it_was_written() {
    let pool = Pool::start("");
    let mut console = pool.console();

    for query in [
        "BEGIN",
        "SELECT 1 + 1;",
        "SHOW nothing;",
        "RELOAD now",
        "SHUTDOWN soon",
    ] {
        let expected = format!("invalid command '{query}', use SHOW HELP;");
        assert_eq!(console.fail(query), ("42601".into(), expected), "{query}");
    }
    assert!(
        !pool.log().contains("1 + 1"),
        "a text that may be anything is not logged"
    );
}

#[test]
fn commands_stand_behind_one_another_and_end_with_the_first_error() {
    let pool = Pool::start("");
    let mut console = pool.console();

    let reply = console.query("show VERSION; /* and */ \"show\" state -- more\n; nonsense; reconnect");

    assert_eq!(reply.tags, ["SHOW", "SHOW"]);
    assert_eq!(reply.errors.len(), 1);
    assert!(console.query(" ; ").empty, "as PostgreSQL answers an empty query");
}

#[test]
fn drivers_that_change_settings_unasked_are_humoured() {
    let pool = Pool::start("");
    let mut console = Client::tcp(pool.address, VIEWER, "pgbouncer").unwrap();

    let set = console.query("SET client_encoding TO 'UTF8'");
    let shown = console.query("SHOW client_encoding");

    assert_eq!(
        (set.tags, &set.notices[0].0[..]),
        (vec!["SET".to_owned()], "SET ignored")
    );
    assert_eq!(shown.column("client_encoding"), ["UTF-8"]);
}
