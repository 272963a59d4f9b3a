//! The tables have the columns of pgbouncer 1.25, in its order: its documentation and `doc/usage.md`.

use super::Pool;

const TEXT: u32 = 25;
const INT4: u32 = 23;
const INT8: u32 = 20;
const NUMERIC: u32 = 1700;
const BYTEA: u32 = 17;

const SOCKET: &str = "type user database replication state addr port:4 local_addr local_port:4 connect_time request_time \
    wait:4 wait_us:4 close_needed:4 ptr link remote_pid:4 tls application_name prepared_statements:4 id:4";
const BUFFERS: &str = "recv_pos:4 pkt_pos:4 pkt_remain:4 send_pos:4 send_remain:4 pkt_avail:4 send_avail:4";
const STATS: &str = "total_server_assignment_count:n total_xact_count:n total_query_count:n total_received:n total_sent:n \
    total_xact_time:n total_query_time:n total_wait_time:n total_client_parse_count:n total_server_parse_count:n \
    total_bind_count:n avg_server_assignment_count:n avg_xact_count:n avg_query_count:n avg_recv:n avg_sent:n \
    avg_xact_time:n avg_query_time:n avg_wait_time:n avg_client_parse_count:n avg_server_parse_count:n avg_bind_count:n";
const COUNTS: &str = "server_assignment_count:n xact_count:n query_count:n bytes_received:n bytes_sent:n xact_time:n \
    query_time:n wait_time:n";

fn expected(columns: &str) -> Vec<(String, u32)> {
    let column = |column: &str| match column.split_once(':') {
        None => (column.to_owned(), TEXT),
        Some((name, "4")) => (name.to_owned(), INT4),
        Some((name, "8")) => (name.to_owned(), INT8),
        Some((name, "n")) => (name.to_owned(), NUMERIC),
        Some((name, "b")) => (name.to_owned(), BYTEA),
        Some(other) => panic!("{other:?}"),
    };
    columns.split_whitespace().map(column).collect()
}

#[test]
fn tables_have_pgbouncer_s_columns() {
    let pool = Pool::start("");
    let mut console = pool.console();
    let sockets = format!("{SOCKET} {BUFFERS}");
    let stats = format!("database {STATS}");
    let totals = format!("database {COUNTS} client_parse_count:n server_parse_count:n bind_count:n");
    let averages =
        format!("database {COUNTS} avg_client_parse_count:n avg_server_parse_count:n avg_bind_count:n");
    for (what, columns) in [
        ("CLIENTS", SOCKET),
        ("SERVERS", SOCKET),
        ("SOCKETS", sockets.as_str()),
        ("ACTIVE_SOCKETS", sockets.as_str()),
        (
            "POOLS",
            "database user cl_active:4 cl_waiting:4 cl_active_cancel_req:4 cl_waiting_cancel_req:4 sv_active:4 \
             sv_active_cancel:4 sv_being_canceled:4 sv_idle:4 sv_used:4 sv_tested:4 sv_login:4 maxwait:4 maxwait_us:4 \
             pool_mode load_balance_hosts",
        ),
        ("LISTS", "list items:4"),
        (
            "USERS",
            "name pool_size reserve_pool_size pool_mode max_user_connections:4 current_connections:4 \
             max_user_client_connections:4 current_client_connections:4",
        ),
        (
            "DATABASES",
            "name host port:4 database force_user pool_size:4 min_pool_size:4 reserve_pool_size:4 server_lifetime:4 \
             pool_mode load_balance_hosts max_connections:4 current_connections:4 max_client_connections:4 \
             current_client_connections:4 paused:4 disabled:4",
        ),
        ("STATE", "key value"),
        ("CONFIG", "key value default changeable"),
        ("MEM", "name size:4 used:4 free:4 memtotal:4"),
        ("DNS_HOSTS", "hostname ttl:8 addrs"),
        ("DNS_ZONES", "zonename serial:8 count:4"),
        ("PEERS", "peer_id:4 host port:4 pool_size:4"),
        (
            "PEER_POOLS",
            "peer_id:4 cl_active_cancel_req:4 cl_waiting_cancel_req:4 sv_active_cancel:4 sv_login:4",
        ),
        (
            "FDS",
            "fd:4 task user database addr port:4 cancel:8 link:4 client_encoding std_strings datestyle timezone password \
             scram_client_key:b scram_server_key:b",
        ),
        ("STATS", stats.as_str()),
        ("STATS_TOTALS", totals.as_str()),
        ("STATS_AVERAGES", averages.as_str()),
        ("TOTALS", "name value:n"),
        ("VERSION", "version"),
    ] {
        let reply = console.query(&format!("SHOW {what}"));
        assert_eq!(reply.columns, expected(columns), "SHOW {what}");
        assert_eq!(reply.tags, ["SHOW"], "SHOW {what}");
        let whole = reply.rows.iter().all(|row| row.len() == reply.columns.len());
        assert!(whole, "SHOW {what}: a value for every column");
    }
}

#[test]
fn help_is_a_notice_with_the_commands_as_its_detail() {
    let pool = Pool::start("");

    let help = pool.console().query("SHOW HELP");

    let (message, detail) = &help.notices[0];
    assert_eq!(message, "Console usage");
    for command in [
        "SHOW ",
        "SET key",
        "RELOAD",
        "PAUSE [",
        "SUSPEND",
        "KILL_CLIENT",
        "WAIT_FOR_CLIENTS",
    ] {
        assert!(detail.contains(command), "{command} is missing in {detail}");
    }
    assert_eq!(help.tags, ["SHOW"]);
}

#[test]
fn lists_totals_and_states_have_pgbouncer_s_rows() {
    let pool = Pool::start("");
    let mut console = pool.console();

    assert_eq!(
        console.query("SHOW LISTS").column("list"),
        [
            "databases",
            "users",
            "peers",
            "pools",
            "peer_pools",
            "free_clients",
            "used_clients",
            "login_clients",
            "free_servers",
            "used_servers",
            "dns_names",
            "dns_zones",
            "dns_queries",
            "dns_pending",
        ]
    );
    assert_eq!(
        console.query("SHOW STATE").column("key"),
        ["active", "paused", "suspended"]
    );
    assert_eq!(console.query("SHOW STATE").column("value"), ["yes", "no", "no"]);
    let totals = console.query("SHOW TOTALS");
    let names = totals.column("name");
    assert_eq!(names.len(), 22);
    assert_eq!((names[3], names[21]), ("total_client_bytes", "avg_ps_bind_count"));
    let version = console.query("SHOW VERSION");
    assert!(
        version.column("version")[0].starts_with("PgBouncer 1.25."),
        "{version:?}"
    );
}
