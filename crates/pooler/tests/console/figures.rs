use super::pool::USER;
use super::{ADMIN, Client, Pool, VIEWER};

#[test]
fn clients_and_servers_point_at_each_other() {
    let pool = Pool::start("");
    let mut client = pool.client();
    client.run("SET application_name = 'figures'");
    client.run("BEGIN");
    let pid = client.query("SELECT pg_backend_pid()").rows[0][0]
        .clone()
        .unwrap();

    let mut console = pool.console();
    let clients = console.query("SHOW CLIENTS");
    let servers = console.query("SHOW SERVERS");

    let of_client = |column: &str| clients.value("database", "app", column);
    let of_server = |column: &str| servers.value("database", "app", column);
    assert_eq!((of_client("type"), of_server("type")), ("C", "S"));
    assert_eq!((of_client("state"), of_server("state")), ("active", "active"));
    assert_eq!(of_client("link"), of_server("ptr"));
    assert_eq!(of_server("link"), of_client("ptr"));
    assert_eq!(of_server("remote_pid"), pid);
    assert_eq!(
        (of_client("application_name"), of_server("application_name")),
        ("figures", "figures")
    );
    assert_eq!(
        (of_client("addr"), of_client("replication"), of_client("tls")),
        ("127.0.0.1", "none", "")
    );
    assert_eq!(of_client("local_port"), pool.address.port().to_string());
    let console_state = clients.value("database", "pgbouncer", "state");
    assert_eq!(
        (clients.value("database", "pgbouncer", "user"), console_state),
        (ADMIN, "idle")
    );
}

#[test]
fn a_server_keeps_the_application_name_in_force_when_its_client_has_left() {
    let pool = Pool::start("");
    let mut console = pool.console();
    let mut shown = |show: &str| {
        let reply = console.query(show);
        reply.value("database", "app", "application_name").to_owned()
    };

    // Given a server that has taken a name on for its client, at its login and on its request.
    let named = Client::tcp_with(pool.address, USER, "app", "application_name\0till 1\0");
    let mut client = named.unwrap();
    client.run("SELECT 1");
    assert_eq!(shown("SHOW CLIENTS"), "till 1");
    assert_eq!(shown("SHOW SERVERS"), "till 1");
    client.run("SET application_name = 'till 2'");
    assert_eq!(shown("SHOW SERVERS"), "till 2");

    // When the client has left, then the name is still the server's.
    drop(client);
    pool.until("SHOW POOLS", "database", "app", "cl_active", "0");
    assert_eq!(shown("SHOW SERVERS"), "till 2");
}

#[test]
fn a_console_shows_its_application_name_too() {
    let pool = Pool::start("");

    let named = Client::tcp_with(pool.address, ADMIN, "pgbouncer", "application_name\0watch\0");

    let clients = named.unwrap().query("SHOW CLIENTS");
    assert_eq!(
        clients.value("database", "pgbouncer", "application_name"),
        "watch"
    );
}

#[test]
fn pools_count_what_clients_and_servers_do() {
    // Given a pool of one server, a client that has it, and one that waits.
    let pool = Pool::start("default_pool_size = 1\nreserve_pool_size = 2");
    let (mut first, mut second) = (pool.client(), pool.client());
    let _third = pool.client();
    first.run("BEGIN");
    second.ask("SELECT 1");
    pool.until("SHOW POOLS", "database", "app", "cl_waiting", "1");

    let mut console = pool.console();
    let pools = console.query("SHOW POOLS");
    let count = |column: &str| pools.value("database", "app", column).to_owned();
    assert_eq!(
        (count("cl_active"), count("cl_waiting")),
        ("2".into(), "1".into())
    );
    assert_eq!(
        (count("sv_active"), count("sv_idle"), count("sv_login")),
        ("1".into(), "0".into(), "0".into())
    );
    assert_eq!(
        (count("pool_mode"), count("load_balance_hosts")),
        ("transaction".into(), "NULL".into())
    );
    assert_eq!(count("user"), "canvass");
    let wait =
        count("maxwait").parse::<u64>().unwrap() * 1_000_000 + count("maxwait_us").parse::<u64>().unwrap();
    assert!(wait > 0, "it has waited");
    let waiting = console.query("SHOW CLIENTS");
    let waited = waiting
        .value("state", "waiting", "wait_us")
        .parse::<u64>()
        .unwrap();
    assert!(waited > 0, "and the wait is shown with the client too");

    // Then the server is free for the second, and idle behind it.
    first.run("COMMIT");
    second.reply();
    pool.until("SHOW POOLS", "database", "app", "sv_idle", "1");
    let lists = console.query("SHOW LISTS");
    assert_eq!(
        (
            lists.value("list", "used_servers", "items"),
            lists.value("list", "pools", "items")
        ),
        ("1", "2")
    );
    let databases = console.query("SHOW DATABASES");
    let of = |column: &str| databases.value("name", "app", column);
    assert_eq!(
        (
            of("pool_size"),
            of("reserve_pool_size"),
            of("current_connections")
        ),
        ("1", "2", "1")
    );
    assert_eq!(
        (of("current_client_connections"), of("force_user")),
        ("3", "canvass")
    );
    assert_eq!(
        (databases.value("name", "pgbouncer", "pool_size"), of("host")),
        ("2", "127.0.0.1")
    );
}

#[test]
fn a_server_that_would_be_checked_is_shown_as_used() {
    let pool = Pool::start("server_check_delay = 0");
    pool.client().run("SELECT 1");

    pool.until("SHOW SERVERS", "database", "app", "state", "used");

    assert_eq!(
        pool.console()
            .query("SHOW POOLS")
            .value("database", "app", "sv_used"),
        "1"
    );
}

#[test]
fn statistics_are_kept_by_database_and_in_all() {
    let pool = Pool::start("");
    let mut client = pool.client();
    client.run("BEGIN; SELECT 1; COMMIT");
    client.run("BEGIN");
    client.run("SELECT 1");
    client.run("COMMIT");

    let mut console = pool.console();
    let stats = console.query("SHOW STATS");
    let of = |column: &str| stats.value("database", "app", column).parse::<u64>().unwrap();
    assert_eq!((of("total_xact_count"), of("total_query_count")), (2, 4));
    assert!(of("total_received") > 0 && of("total_sent") > 0 && of("total_xact_time") > 0);
    assert!(of("avg_xact_time") > 0, "averages reach until now");
    let totals = console.query("SHOW STATS_TOTALS");
    assert_eq!(totals.value("database", "app", "xact_count"), "2");
    let averages = console.query("SHOW STATS_AVERAGES");
    assert!(
        averages
            .value("database", "app", "xact_time")
            .parse::<u64>()
            .unwrap()
            > 0
    );
    let all = console.query("SHOW TOTALS");
    let sum = all
        .value("name", "total_xact_count", "value")
        .parse::<u64>()
        .unwrap();
    assert!(sum > 2, "the console's own queries count too: {sum}");
}

#[test]
fn a_period_ends_with_a_line_in_the_log() {
    let pool = Pool::start("stats_period = 1");
    pool.client().run("SELECT 1");

    pool.until_logged("LOG stats: ");

    let log = pool.log();
    let line = log.lines().find(|line| line.contains("stats: ")).unwrap();
    let words: Vec<_> = line
        .split("stats: ")
        .nth(1)
        .unwrap()
        .split(|c: char| c.is_ascii_digit())
        .collect();
    let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
    assert_eq!(
        words.concat(),
        " xacts/s,  queries/s,  client parses/s,  server parses/s,  binds/s, in  B/s, out  B/s, xact  us, query  us, wait  us"
    );
}

#[test]
fn nothing_secret_is_shown() {
    let pool = Pool::start("");
    let mut client = pool.client();
    client.run("SELECT 1");
    let password = pool.entry().split("password=").nth(1).unwrap().trim().to_owned();
    let mut console = pool.console();

    for what in [
        "CONFIG",
        "DATABASES",
        "USERS",
        "FDS",
        "CLIENTS",
        "SERVERS",
        "SOCKETS",
    ] {
        let shown = format!("{:?}", console.query(&format!("SHOW {what}")));
        assert!(!shown.contains(&password), "SHOW {what}");
    }
    let fds = console.query("SHOW FDS");
    assert!(fds.column("cancel").iter().all(|key| *key == "NULL"));
    assert!(fds.column("task").contains(&"pooler") && fds.column("task").contains(&"server"));
    assert!(!pool.log().contains(&password));
}

#[test]
fn users_are_those_who_are_known_and_those_who_are_here() {
    let pool = Pool::start_with(
        "",
        "[users]\nspecial = pool_size=7 pool_mode=session max_user_connections=3\n",
    );
    let _client = pool.client();

    let users = Client::tcp(pool.address, VIEWER, "pgbouncer")
        .unwrap()
        .query("SHOW USERS");

    assert_eq!(
        users.column("name"),
        ["canvass", "pgbouncer", "root", "special", "viewer"]
    );
    let of = |name: &str, column: &str| users.value("name", name, column).to_owned();
    assert_eq!(
        (of("special", "pool_size"), of("special", "pool_mode")),
        ("7".into(), "session".into())
    );
    assert_eq!(
        (of("special", "max_user_connections"), of("root", "pool_size")),
        ("3".into(), "NULL".into())
    );
    assert_eq!(of("canvass", "current_client_connections"), "1");
}
