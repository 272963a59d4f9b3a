//! What pgbouncer and `canvass pool` say. Their words are told apart by lists: what is not in a list is counted and not shown, since it
//! may hold a value.

use memchr::{memchr, memmem, memrchr};
use serde::{Deserialize, Serialize};

use super::scan::{behind, number, split};
use crate::record::Severity;

/// Of which connection a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// `C-0x…`.
    Client,
    /// `S-0x…`.
    Server,
    /// The pooler itself, or one of its pools.
    #[default]
    Pooler,
}

impl Side {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Pooler => "pooler",
        }
    }
}

/// Of what a line is: `C-0x55d0: school/ann@10.0.0.1:5432`. Its address is not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct About<'b> {
    /// Which connection.
    pub side: Side,
    /// The database; empty when not known yet.
    pub database: &'b [u8],
    /// The user.
    pub user: &'b [u8],
}

/// One record of a pooler's log.
#[derive(Clone, Debug, PartialEq)]
pub enum Pooler {
    /// `login attempt`; whether with TLS.
    Login {
        /// With TLS.
        is_encrypted: bool,
    },
    /// `new connection to server`.
    Connected,
    /// `closing because`.
    Closed {
        /// Whose connection.
        side: Side,
        /// Why, in the pooler's words.
        why: &'static str,
        /// How old it was, µs.
        micros: Option<u64>,
    },
    /// The reserve pool is used.
    Reserve,
    /// A warning, an error, or what an operator should see.
    Noted(&'static str),
    /// `stats:`.
    Stats(Stats),
    /// Something else that is no warning.
    Other,
}

/// What a pooler says each `stats_period`: averages since the line before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions a second.
    pub xacts: u64,
    /// Queries a second.
    pub queries: u64,
    /// Bytes a second from clients.
    pub received: u64,
    /// Bytes a second to clients.
    pub sent: u64,
    /// µs of a transaction.
    pub xact: u64,
    /// µs of a query.
    pub query: u64,
    /// µs that a client waited for a server.
    pub wait: u64,
}

/// What stands for words that are in no list.
pub const OTHER: &str = "(other)";

/// Why connections are closed, what pooler errors and warnings say: the beginning of the words, which is shown.
const REASONS: &[&str] = &[
    "SASL authentication failed",
    "SSL handshake failed",
    "SSL required",
    "SV_IDLE server got dirty",
    "SV_USED server got dirty",
    "TLS handshake error",
    "TLS handshake failed",
    "a COPY failed that may have swallowed a Sync",
    "a message of an unknown type",
    "a message of impossible length",
    "a request in the middle of a COPY",
    "a transaction block in statement mode",
    "admin access needed",
    "admin forced disconnect",
    "an error that no request caused",
    "auth_query failed",
    "bad packet",
    "bad pkt header",
    "bouncer config error",
    "broken server packet",
    "cancel_wait_timeout",
    "certificate authentication failed",
    "client close request",
    "client connections exceeded (max_db_client_connections)",
    "client connections exceeded (max_user_client_connections)",
    "client disconnect before everything was sent to the server",
    "client disconnect while server was not ready",
    "client re-sent startup pkt",
    "client sent partial pkt in startup phase",
    "client unexpected eof",
    "client_idle_timeout",
    "client_login_timeout (server down)",
    "client_login_timeout",
    "connect timeout",
    "database configuration changed",
    "database does not allow connections",
    "database removed",
    "empty password returned by client",
    "evicted",
    "extended query protocol not supported by admin console",
    "hand-over is over",
    "idle transaction timeout",
    "invalid frontend message type",
    "invalid server parameter",
    "login failed",
    "login rejected",
    "no more connections allowed",
    "no such database",
    "no such user",
    "not allowed",
    "obsolete connection",
    "old V2 protocol not supported",
    "out of memory",
    "password authentication failed",
    "pause mode",
    "peer authentication failed",
    "pgbouncer cannot connect to server",
    "pooler is restarted",
    "prepared statement did not exist",
    "query timeout",
    "query_timeout",
    "query_wait_timeout",
    "received direct SSL connection request",
    "received unencrypted data after",
    "reset query failed",
    "server conn crashed?",
    "server connection ended",
    "server disconnected while a client was using it",
    "server idle timeout",
    "server lifetime over",
    "server login failed",
    "server login has been failing",
    "server shutting down",
    "suspend_timeout",
    "too many connections for database",
    "too many servers in the pool",
    "too many user connections",
    "transaction blocks not allowed in statement pooling mode",
    "transaction timeout",
    "unclean server",
    "unexpected response from login query",
    "unix socket login rejected",
    "unknown pkt",
    "unsupported startup parameter",
    "wrong password type",
];

/// What an operator should see, of the pooler itself.
const NOTES: &[&str] = &[
    "DNS lookup failed",
    "KILL",
    "PAUSE command issued",
    "RECONNECT command issued",
    "RELOAD Failed",
    "RELOAD command issued",
    "RESUME command issued",
    "SUSPEND command issued",
    "a thread ended by a panic",
    "accept",
    "admin disappeared when suspended",
    "cancel request not delivered",
    "cancel request: no such client",
    "got SIGHUP",
    "got SIGINT",
    "got SIGQUIT",
    "got SIGTERM",
    "got SIGUSR1",
    "got SIGUSR2",
    "hand-over failed",
    "handed over",
    "handing over to another process",
    "metrics_listen",
    "nothing was handed over",
    "process up",
    "server connections dropped, exiting",
    "client connections dropped, exiting",
    "stale pidfile, removing",
    "suspend was in progress",
];

/// Words with which a line of another program hardly begins.
const OWN: &[&str] = &["stats: ", "process up: ", "kernel file descriptor limit: "];

/// The database and the user before `@`, an address and a port.
fn names(text: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut from = 0;
    loop {
        let at = from + memchr(b'@', &text[from..])?;
        from = at + 1;
        let rest = &text[from..];
        let (address, words) = match memchr(b' ', rest) {
            Some(space) => (&rest[..space], &rest[space + 1..]),
            None => (rest, &b""[..]),
        };
        if address.contains(&b'@') {
            continue;
        }
        let port = memrchr(b':', address).map(|colon| &address[colon + 1..]);
        if port.is_some_and(|port| !port.is_empty() && port.iter().all(u8::is_ascii_digit)) {
            let (database, user) = split(&text[..at], "/")?;
            return Some((database, user, words));
        }
    }
}

fn known(name: &[u8]) -> &[u8] {
    match name {
        b"(nodb)" | b"(nouser)" => b"",
        name => name,
    }
}

/// Of what a line is, and its words.
pub fn about(words: &[u8]) -> (About<'_>, &[u8]) {
    let whose = |side, mark: &str| {
        let rest = words.strip_prefix(mark.as_bytes())?;
        let (_, rest) = split(rest, ": ")?;
        let (database, user, words) = names(rest)?;
        let about = About {
            side,
            database: known(database),
            user: known(user),
        };
        Some((about, words))
    };
    // `canvass pool` names a pool before its words.
    let of_pool = || {
        let (names, rest) = split(words, ": ")?;
        let (database, user) = split(names, "/")?;
        let is_name = |name: &[u8]| !name.is_empty() && !name.contains(&b' ');
        let about = About {
            side: Side::Pooler,
            database,
            user,
        };
        (is_name(database) && is_name(user)).then_some((about, rest))
    };
    whose(Side::Client, "C-0x")
        .or_else(|| whose(Side::Server, "S-0x"))
        .or_else(of_pool)
        .unwrap_or((About::default(), words))
}

/// Who tries to get in: `login attempt: db=school user=ann tls=no`.
pub fn of_login(words: &[u8]) -> Option<About<'_>> {
    let rest = words.strip_prefix(b"login attempt: db=")?;
    let (database, rest) = split(rest, " user=")?;
    let user = memmem::rfind(rest, b" tls=").map_or(rest, |end| &rest[..end]);
    Some(About {
        side: Side::Client,
        database: known(database),
        user: known(user),
    })
}

/// Whether only a pooler begins a line like this.
pub fn is_own_word(words: &[u8]) -> bool {
    about(words).0.side != Side::Pooler || OWN.iter().any(|own| words.starts_with(own.as_bytes()))
}

fn listed(list: &[&'static str], words: &[u8]) -> Option<&'static str> {
    list.iter().find(|l| words.starts_with(l.as_bytes())).copied()
}

/// Tells a line apart.
pub fn told(side: Side, words: &[u8], severity: Severity) -> Pooler {
    if let Some(rest) = words.strip_prefix(b"login attempt: ") {
        let tls = memmem::rfind(rest, b" tls=").map(|at| &rest[at + 5..]);
        let is_encrypted = tls.is_some_and(|tls| !tls.starts_with(b"no"));
        return Pooler::Login { is_encrypted };
    }
    if words.starts_with(b"new connection to server") {
        return Pooler::Connected;
    }
    if let Some(rest) = words.strip_prefix(b"closing because: ") {
        let why = listed(REASONS, rest).unwrap_or(OTHER);
        let age = memmem::rfind(rest, b" (age=").and_then(|at| number(&rest[at + 6..]));
        let micros = age.and_then(|seconds| seconds.checked_mul(1_000_000));
        return Pooler::Closed { side, why, micros };
    }
    if words.starts_with(b"taking connection from reserve_pool") {
        return Pooler::Reserve;
    }
    if let Some(stats) = words.strip_prefix(b"stats: ").and_then(stats) {
        return Pooler::Stats(stats);
    }
    // A fatal error says first where in the source it is.
    let place = words.starts_with(b"@").then(|| behind(words, "(): ")).flatten();
    let words = place.unwrap_or(words);
    let words = words.strip_prefix(b"pooler error: ").unwrap_or(words);
    let is_routine = severity <= Severity::Log;
    let of_session = || listed(REASONS, words).filter(|_| !is_routine || words.starts_with(b"login failed"));
    match listed(NOTES, words).or_else(of_session) {
        Some(text) if severity >= Severity::Log => Pooler::Noted(text),
        None if !is_routine => Pooler::Noted(OTHER),
        _ => Pooler::Other,
    }
}

/// `12 xacts/s, 30 queries/s, 0 client parses/s, …, in 100 B/s, out 200 B/s, xact 12 us, query 10 us, wait 3 us`; without the parses
/// before 1.21.
fn stats(text: &[u8]) -> Option<Stats> {
    let mut stats = Stats::default();
    let mut is_any = false;
    for piece in text.split(|b| *b == b',').map(<[u8]>::trim_ascii) {
        let (first, rest) = split(piece, " ")?;
        let (slot, value) = match (first, rest) {
            (value, b"xacts/s") => (&mut stats.xacts, value),
            (value, b"queries/s") => (&mut stats.queries, value),
            (b"in", value) => (&mut stats.received, value),
            (b"out", value) => (&mut stats.sent, value),
            (b"xact", value) => (&mut stats.xact, value),
            (b"query", value) => (&mut stats.query, value),
            (b"wait", value) => (&mut stats.wait, value),
            _ => continue,
        };
        *slot = number(value)?;
        is_any = true;
    }
    is_any.then_some(stats)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &str, severity: Severity) -> Pooler {
        let (about, words) = about(words.as_bytes());
        told(about.side, words, severity)
    }

    #[test]
    fn names_are_found_before_any_address() {
        for (words, database, user) in [
            ("C-0x55d0: school/ann@10.0.0.1:5432 x", "school", "ann"),
            ("C-0x55d0: school/ann@unix(812):6432 x", "school", "ann"),
            ("S-0x1: school/ann@[::1]:5432 x", "school", "ann"),
            ("C-0x55d0: (nodb)/(nouser)@10.0.0.1:5432 x", "", ""),
            (
                "C-0x55d0: my school/ann@home.org@10.0.0.1:5432 x",
                "my school",
                "ann@home.org",
            ),
            ("school/ann: x", "school", "ann"),
            ("x", "", ""),
        ] {
            let (about, rest) = about(words.as_bytes());
            assert_eq!(
                (about.database, about.user, rest),
                (database.as_bytes(), user.as_bytes(), &b"x"[..]),
                "{words}"
            );
        }
        let login = of_login(b"login attempt: db=a user=b c tls=no replication=no").unwrap();
        assert_eq!((login.database, login.user), (&b"a"[..], &b"b c"[..]));
    }

    #[test]
    fn lines_are_told_apart() {
        let closed = |side, why, micros| Pooler::Closed { side, why, micros };
        let log = Severity::Log;
        let client = "C-0x1: a/b@10.0.0.1:1";
        assert_eq!(
            of(
                &format!("{client} login attempt: db=a user=b tls=TLSv1.3/TLS_AES_256"),
                log
            ),
            Pooler::Login { is_encrypted: true }
        );
        assert_eq!(
            of(
                &format!("{client} closing because: client close request (age=3s)"),
                log
            ),
            closed(Side::Client, "client close request", Some(3_000_000))
        );
        assert_eq!(
            of(
                "S-0x1: a/b@10.0.0.1:1 closing because: server lifetime over (age=3600)",
                log
            ),
            closed(Side::Server, "server lifetime over", Some(3_600_000_000))
        );
        assert_eq!(
            of(&format!("{client} closing because: Anna was here (age=3s)"), log),
            closed(Side::Client, OTHER, Some(3_000_000))
        );
        assert_eq!(
            of(
                &format!("{client} pooler error: no such database: Anna"),
                Severity::Warning
            ),
            Pooler::Noted("no such database")
        );
        assert_eq!(
            of("a/b: taking connection from reserve_pool", Severity::Warning),
            Pooler::Reserve
        );
        assert_eq!(
            of("@src/main.c:7 in function main(): KILL Anna", Severity::Fatal),
            Pooler::Noted("KILL")
        );
        assert_eq!(of("Anna", Severity::Error), Pooler::Noted(OTHER));
        assert_eq!(of("Anna", log), Pooler::Other);
        assert_eq!(
            of(&format!("{client} P: got connection"), Severity::Debug),
            Pooler::Other
        );
    }

    #[test]
    fn the_longest_beginning_is_found_first() {
        for list in [REASONS, NOTES] {
            for (at, words) in list.iter().enumerate() {
                assert!(
                    !list[..at].iter().any(|before| words.starts_with(before)),
                    "{words}"
                );
            }
        }
    }

    #[test]
    fn both_wordings_of_the_statistics_are_read() {
        let all = Stats {
            xacts: 12,
            queries: 30,
            received: 100,
            sent: 200,
            xact: 9,
            query: 8,
            wait: 3,
        };
        for words in [
            "stats: 12 xacts/s, 30 queries/s, in 100 B/s, out 200 B/s, xact 9 us, query 8 us, wait 3 us",
            "stats: 12 xacts/s, 30 queries/s, 1 client parses/s, 2 server parses/s, 4 binds/s, in 100 B/s, out 200 B/s, \
             xact 9 us, query 8 us, wait 3 us",
        ] {
            assert_eq!(of(words, Severity::Log), Pooler::Stats(all));
        }
        assert_eq!(of("stats: x xacts/s", Severity::Log), Pooler::Other);
    }
}
