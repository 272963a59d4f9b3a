use super::support::{Entry, read};
use super::{log, said, told};

fn authorized(pid: u32, at: i64, user: &str, rest: &str) -> Entry {
    log(
        pid,
        at,
        &format!("connection authorized: user={user} database=shop{rest}"),
    )
}

fn ended(pid: u32, at: i64, time: &str) -> Entry {
    log(
        pid,
        at,
        &format!("disconnection: session time: {time} user=ann database=shop host=10.1.2.3 port=4000"),
    )
}

#[test]
fn connections_of_every_version_are_counted() {
    let report = told(&[
        log(1, 0, "connection received: host=10.1.2.3 port=4000"),
        log(
            1,
            1,
            "connection authenticated: identity=\"ann\" method=scram-sha-256 (/etc/pg_hba.conf:3)",
        ),
        authorized(
            1,
            2,
            "ann",
            " application_name=web SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256, compression=off)",
        ),
        log(2, 10, "connection received: host=[local]"),
        log(
            2,
            11,
            "connection authenticated: user=\"bob\" method=trust (/etc/pg_hba.conf:1)",
        ),
        authorized(2, 12, "bob", " application_name=a SSL enabled (b"),
        log(
            2,
            13,
            "connection ready: setup total=3.1 ms, fork=1.0 ms, authentication=0.5 ms",
        ),
        log(
            3,
            14,
            "replication connection authorized: user=rep application_name=walreceiver",
        ),
        ended(1, 5000, "0:00:05.000"),
        ended(2, 6000, "1:00:06.500"),
    ]);
    let c = &report.events.connections;
    assert_eq!(
        (c.received, c.authorized, c.encrypted, c.replication),
        (2, 3, 1, 1)
    );
    assert_eq!((c.disconnected, c.max), (2, 3_606_500_000));
    let peak = c.peak.as_ref().unwrap();
    assert_eq!((peak.sessions, peak.at.ends_with("50.014Z")), (3, true));
    assert_eq!(
        c.methods.iter().map(|m| m.method.as_str()).collect::<Vec<_>>(),
        ["scram-sha-256", "trust"]
    );
    let names = |by: &str| c.by[by].iter().map(|s| s.name.clone()).collect::<Vec<_>>();
    assert_eq!(names("user"), ["ann", "bob", "rep"]);
    assert_eq!(names("application"), ["a SSL enabled (b", "web", "walreceiver"]);
    assert_eq!(
        names("host"),
        ["(network)", "[local]", ""],
        "addresses are values"
    );
}

#[test]
fn peaks_are_the_most_at_one_time_and_a_start_of_the_server_ends_all() {
    let mut entries: Vec<Entry> = (1..=4)
        .map(|pid| authorized(pid, i64::from(pid), "ann", ""))
        .collect();
    entries.push(ended(1, 10, "0:00:00.009"));
    entries.push(authorized(5, 11, "ann", ""));
    entries.push(log(
        9,
        20,
        "database system was interrupted; last known up at 2026-11-26 10:00:00 UTC",
    ));
    entries.extend((11..=13).map(|pid| authorized(pid, 30, "ann", "")));
    let c = told(&entries).events.connections;
    let peak = c.peak.unwrap();
    assert_eq!((peak.sessions, peak.at.ends_with("50.004Z")), (4, true));
}

#[test]
fn a_session_ends_in_one_way() {
    let fatal = |pid, sqlstate, message: &str| said(pid, 5, "FATAL", sqlstate, message);
    let report = told(&[
        ended(1, 1, "0:00:01.000"),
        log(
            2,
            1,
            "could not receive data from client: Connection reset by peer",
        ),
        log(
            2,
            2,
            "unexpected EOF on client connection with an open transaction",
        ),
        ended(2, 3, "0:00:01.000"),
        fatal(3, "57P01", "terminating connection due to administrator command"),
        ended(3, 6, "0:00:01.000"),
        fatal(
            4,
            "25P03",
            "terminating connection due to idle-in-transaction timeout",
        ),
        fatal(5, "57P05", "terminating connection due to idle-session timeout"),
        fatal(6, "25P04", "terminating connection due to transaction timeout"),
        fatal(7, "53300", "sorry, too many clients already"),
        fatal(8, "28P01", "password authentication failed for user \"ann\""),
        fatal(
            9,
            "28000",
            "no pg_hba.conf entry for host \"10.9.9.9\", user \"ann\", database \"shop\", no encryption",
        ),
        fatal(10, "57P03", "the database system is starting up"),
        fatal(11, "3D000", "database \"nosuch\" does not exist"),
        fatal(
            12,
            "40001",
            "terminating connection due to conflict with recovery",
        ),
        said(
            13,
            5,
            "WARNING",
            "57P02",
            "terminating connection because of crash of another server process",
        ),
        fatal(14, "08P01", "canceling authentication due to timeout"),
        fatal(15, "XX000", "something else"),
    ]);
    let refused: Vec<_> = report
        .events
        .connections
        .refused
        .iter()
        .map(|r| r.method.as_str())
        .collect();
    assert_eq!(refused, ["no pg_hba.conf entry", "password"]);
    let mut ends: Vec<_> = report
        .events
        .connections
        .ends
        .iter()
        .map(|e| (e.how.as_str(), e.count))
        .collect();
    ends.sort_unstable();
    assert_eq!(
        ends,
        [
            ("administrator's command", 1),
            ("authentication failed", 2),
            ("broken or late handshake", 1),
            ("conflict with recovery", 1),
            ("connection lost in a transaction", 1),
            ("crash of another process", 1),
            ("idle in transaction timeout", 1),
            ("idle session timeout", 1),
            ("no such database", 1),
            ("normal", 1),
            ("other fatal error", 1),
            ("server not ready", 1),
            ("too many connections", 1),
            ("transaction timeout", 1),
        ]
    );
}

#[test]
fn connections_tell_what_the_prefix_lacks() {
    let log = "2026-11-26 10:00:00.000 UTC [7] LOG:  connection received: host=10.1.2.3 port=4000\n\
               2026-11-26 10:00:00.001 UTC [7] LOG:  connection authorized: user=ann database=shop application_name=web\n\
               2026-11-26 10:00:01.000 UTC [7] LOG:  duration: 2.000 ms  statement: SELECT 1\n";
    let report = read(log.as_bytes()).report;
    let by = |name: &str| {
        let named = report.by[name].iter().find(|n| n.share.calls == 1);
        named.map(|n| n.name.clone())
    };
    assert_eq!(by("user").as_deref(), Some("ann"));
    assert_eq!(by("application").as_deref(), Some("web"));
    assert_eq!(report.statements[0].callers[0].database, "shop");
}
