//! Logs of pgbouncer and of `canvass pool`, alone and beside PostgreSQL's.

use std::io::Cursor;

use canvass_pglog::choose::Choice;
use canvass_pglog::fold::{Calendar, Fold, Options};
use canvass_pglog::input::{Reading, Source};
use canvass_pglog::report::{self, Logged, Report, Settings, to_html, to_json, to_text};
use canvass_pglog::run;

use super::support::{read, write};
use super::{PREFIX, log, said};

/// pgbouncer 1.18.
const OLD: &str = "\
2026-11-26 14:58:50.100 UTC [812] LOG kernel file descriptor limit: 1024 (hard: 524288); max_client_conn: 100, max expected fd use: 132
2026-11-26 14:58:50.101 UTC [812] LOG listening on 10.9.8.7:6432
2026-11-26 14:58:50.102 UTC [812] LOG process up: PgBouncer 1.18.0, libevent 2.1.12-stable (epoll), adns: c-ares 1.18.1, tls: OpenSSL 3.0.2
2026-11-26 14:58:51.000 UTC [812] LOG C-0x55d0: school/ann@10.9.8.7:4711 login attempt: db=school user=ann tls=no
2026-11-26 14:58:51.001 UTC [812] LOG S-0x55e0: school/ann@10.9.8.6:5432 new connection to server (from 10.9.8.7:4712)
2026-11-26 14:58:54.000 UTC [812] LOG C-0x55d0: school/ann@10.9.8.7:4711 closing because: client close request (age=3s)
2026-11-26 14:59:50.100 UTC [812] LOG stats: 10 xacts/s, 30 queries/s, in 100 B/s, out 200 B/s, xact 90 us, query 20 us, wait 3 us
2026-11-26 15:00:00.000 UTC [812] WARNING C-0x55d1: (nodb)/(nouser)@unix(99):6432 pooler error: no such database: Smith4711
2026-11-26 15:00:00.000 UTC [812] LOG C-0x55d1: (nodb)/(nouser)@unix(99):6432 closing because: no such database: Smith4711 (age=0s)
";

/// pgbouncer 1.23.
const NEW: &str = "\
2026-11-26 15:00:50.100 UTC [812] LOG stats: 30 xacts/s, 90 queries/s, 1 client parses/s, 1 server parses/s, 2 binds/s, in 300 B/s, out 600 B/s, xact 50 us, query 20 us, wait 900 us
2026-11-26 15:01:00.000 UTC [812] LOG C-0x55d2: school/bob@[fe80::9]:4713 login attempt: db=school user=bob tls=TLSv1.3/TLS_AES_256_GCM_SHA384/ECDH=X25519 replication=no
2026-11-26 15:01:00.000 UTC [812] DEBUG C-0x55d2: school/bob@[fe80::9]:4713 P: got connection: 10.9.8.7:4713 -> 10.9.8.7:6432
2026-11-26 15:03:00.000 UTC [812] LOG C-0x55d2: school/bob@[fe80::9]:4713 closing because: query_wait_timeout (age=120s)
2026-11-26 15:03:00.000 UTC [812] WARNING C-0x55d2: school/bob@[fe80::9]:4713 pooler error: query_wait_timeout
2026-11-26 15:03:01.000 UTC [812] WARNING S-0x55e1: school/bob@10.9.8.6:5432 server login failed: FATAL no pg_hba.conf entry for host \"10.9.8.7\", user \"Smith4711\"
2026-11-26 15:03:02.000 UTC [812] LOG S-0x55e0: school/ann@10.9.8.6:5432 closing because: server lifetime over (age=3600s)
2026-11-26 15:03:02.500 UTC [812] LOG S-0x55e0: school/ann@10.9.8.6:5432 closing because: Smith4711 said so (age=1s)
2026-11-26 15:03:03.000 UTC [812] ERROR something that nobody knows: Smith4711
2026-11-26 15:03:04.000 UTC [812] FATAL @src/main.c:411 in function write_pidfile(): Smith4711
";

/// `canvass pool`.
const OWN: &str = "\
2026-11-26 15:04:00.000 UTC [900] LOG process up: PgBouncer 1.25.2 (canvass pool 0.1.0)
2026-11-26 15:04:01.000 UTC [900] LOG C-0x1: school/ann@10.9.8.7:4714 login attempt: db=school user=ann tls=no replication=no
2026-11-26 15:04:01.500 UTC [900] LOG C-0x1: school/ann@10.9.8.7:4714 login failed: Smith4711 has another password
2026-11-26 15:04:02.000 UTC [900] WARNING school/ann: taking connection from reserve_pool
2026-11-26 15:04:03.000 UTC [900] WARNING school/ann: server login failed: Smith4711
2026-11-26 15:04:04.000 UTC [900] LOG got SIGHUP, re-reading config
";

/// Reads several logs into one report.
fn read_all(logs: &[&str]) -> Report {
    let mut fold = Fold::new(Options::default(), Choice::default(), Calendar::Whole);
    let mut logged = Logged::default();
    for log in logs {
        let reader = Box::new(Cursor::new(log.as_bytes().to_vec()));
        let source = Source::begin("log".to_owned(), reader, &Reading::default());
        let mut source = source.unwrap().unwrap();
        run::read(&mut source, &mut fold, 1, &mut Vec::new());
        logged = logged.or(Logged::of(&source.format));
    }
    let (mut days, counts) = fold.finish();
    let totals = days.pop_first().unwrap().1;
    report::build(&totals, &counts, Vec::new(), logged, &Settings::default())
}

#[test]
fn every_line_of_every_pooler_is_told_apart() {
    let outcome = read([OLD, NEW, OWN].concat().as_bytes());
    assert_eq!((outcome.format, outcome.prefix), ("pooler", None));
    assert_eq!((outcome.counts.broken, outcome.counts.orphans), (0, 0));
    assert_eq!(outcome.report.problems, Vec::<String>::new());
    let p = &outcome.report.events.pooler;
    assert_eq!((p.records, p.logins, p.encrypted, p.connected), (25, 3, 1, 1));
    assert_eq!((p.reserve.count, p.untold), (1, 3));
    let callers: Vec<_> = p
        .callers
        .iter()
        .map(|c| (c.database.as_str(), c.user.as_str(), c.logins))
        .collect();
    assert_eq!(callers, [("school", "ann", 2), ("school", "bob", 1)]);
    let mut reasons: Vec<_> = p
        .reasons
        .iter()
        .map(|r| (r.side.as_str(), r.why.as_str(), r.count, r.max))
        .collect();
    reasons.sort_unstable();
    assert_eq!(
        reasons,
        [
            ("client", "client close request", 1, 3_000_000),
            ("client", "no such database", 1, 0),
            ("client", "query_wait_timeout", 1, 120_000_000),
            ("server", "(other)", 1, 1_000_000),
            ("server", "server lifetime over", 1, 3_600_000_000),
        ]
    );
    let mut noted: Vec<_> = p
        .noted
        .iter()
        .map(|n| (n.severity.as_str(), n.text.as_str(), n.seen.count))
        .collect();
    noted.sort_unstable();
    assert_eq!(
        noted,
        [
            ("ERROR", "(other)", 1),
            ("FATAL", "(other)", 1),
            ("LOG", "got SIGHUP", 1),
            ("LOG", "login failed", 1),
            ("LOG", "process up", 2),
            ("WARNING", "no such database", 1),
            ("WARNING", "query_wait_timeout", 1),
            ("WARNING", "server login failed", 2),
        ]
    );
    // Times are weighed by what was done: (10 * 90 + 30 * 50) / 40.
    assert_eq!(
        (p.stats.lines, p.stats.xacts.mean, p.stats.xacts.max),
        (2, 20, 30)
    );
    assert_eq!((p.stats.xact.mean, p.stats.xact.max), (60, 90));
    assert_eq!((p.stats.wait.mean, p.stats.wait.max), (675, 900));
    assert_eq!(p.series.len(), 2);
}

#[test]
fn a_servers_log_and_a_poolers_give_a_report_of_both() {
    let entries = [
        log(7, 0, "duration: 5.000 ms  statement: SELECT 1"),
        said(7, 1, "ERROR", "22012", "division by zero"),
    ];
    let server = write::stderr("%m [%p] %u@%d ", &entries);
    let both = read_all(&[&server, NEW]);
    assert_eq!((both.all.calls, both.events.pooler.records), (1, 10));
    // What the pooler warns of is no error of PostgreSQL's.
    assert_eq!(both.records.severities.values().sum::<u64>(), 2);
    assert_eq!(both.events.messages.errors.len(), 1);
    let server = read(server.as_bytes());
    assert_eq!(
        (server.format, server.report.events.pooler.records),
        ("stderr", 0)
    );
    assert!(!to_text(&server.report, 10).contains("The pooler"));
    for other in [
        write::csv(&entries),
        write::json(&entries),
        write::stderr(PREFIX, &entries),
    ] {
        assert_ne!(read(other.as_bytes()).format, "pooler");
    }
}

#[test]
fn no_address_and_no_value_of_a_poolers_log_is_shown() {
    let report = read_all(&[&[OLD, NEW, OWN].concat()]);
    let text = to_text(&report, 100);
    assert!(text.contains("The pooler"));
    let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert_eq!(wide, Vec::<&str>::new());
    assert!(!text.contains("not logged"));
    for text in [to_json(&report), to_html(&report, None), text] {
        for piece in ["Smith", "4711", "10.9.8", "fe80", "4713", "unix("] {
            let at = text.find(piece);
            let shown = at.map(|at| &text[at.saturating_sub(100)..(at + 20).min(text.len())]);
            assert_eq!(shown, None);
        }
    }
}

#[test]
fn what_is_counted_does_not_depend_on_how_logs_are_cut_into_files() {
    let whole = read_all(&[&[OLD, NEW, OWN].concat()]);
    assert_eq!(to_json(&read_all(&[OLD, NEW, OWN])), to_json(&whole));
}
