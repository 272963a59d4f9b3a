//! `log_connections` and `log_disconnections`.

use super::scan::{self, behind, number};
use crate::event::Text;
use crate::parse::Scribe;

/// A record about a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Connection {
    /// Somebody connected; from where.
    Received {
        /// The address.
        host: Text,
    },
    /// They are who they say (14).
    Authenticated {
        /// `scram-sha-256`, `trust`, ….
        method: Box<str>,
    },
    /// They are let in.
    Authorized {
        /// `%u`.
        user: Text,
        /// `%d`.
        database: Text,
        /// `%a`.
        application: Text,
        /// Encrypted.
        is_encrypted: bool,
        /// For replication.
        is_replication: bool,
    },
    /// The session ended.
    Ended {
        /// µs that it lasted.
        micros: u64,
        /// `%u`.
        user: Text,
        /// `%d`.
        database: Text,
        /// The address.
        host: Text,
    },
}

/// Reads a message.
pub(super) fn told(message: &[u8], scribe: &mut Scribe<'_, '_>) -> Option<Connection> {
    if let Some(rest) = message.strip_prefix(b"disconnection: session time: ") {
        let (time, rest) = scan::split(rest, " user=")?;
        let (user, rest) = scan::split(rest, " database=")?;
        let (database, host) = scan::split(rest, " host=")?;
        return Some(Connection::Ended {
            micros: hours(time)?,
            user: scribe.text(user),
            database: scribe.text(database),
            host: scribe.text(without_port(host)),
        });
    }
    let (is_replication, rest) = match message.strip_prefix(b"replication ") {
        Some(rest) => (true, rest),
        None => (false, message),
    };
    let rest = rest.strip_prefix(b"connection ")?;
    if let Some(host) = rest.strip_prefix(b"received: host=") {
        let host = scribe.text(without_port(host));
        return Some(Connection::Received { host });
    }
    if let Some(rest) = rest.strip_prefix(b"authenticated: ") {
        let method = behind(rest, " method=")?;
        let method = method.split(|b| *b == b' ').next().unwrap_or_default();
        let is_plain = method.len() <= 40 && method.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        let method = match is_plain {
            true => String::from_utf8_lossy(method).into(),
            false => "another".into(),
        };
        return Some(Connection::Authenticated { method });
    }
    let rest = rest.strip_prefix(b"authorized: user=")?;
    // An application may be called anything: what is behind its name is looked for from the end.
    let encrypted = [&b" SSL enabled ("[..], b" GSS ("];
    let end = encrypted
        .iter()
        .filter_map(|mark| memchr::memmem::rfind(rest, mark))
        .max()
        .filter(|_| rest.ends_with(b")"));
    let is_encrypted = end.is_some_and(|end| {
        rest[end..].starts_with(b" SSL") || behind(&rest[end..], "encrypted=yes").is_some()
    });
    let rest = &rest[..end.unwrap_or(rest.len())];
    let (rest, application) = scan::split(rest, " application_name=").unwrap_or((rest, b""));
    let (user, database) = scan::split(rest, " database=").unwrap_or((rest, b""));
    Some(Connection::Authorized {
        user: scribe.text(user),
        database: scribe.text(database),
        application: scribe.text(application),
        is_encrypted,
        is_replication,
    })
}

fn without_port(host: &[u8]) -> &[u8] {
    scan::split(host, " port=").map_or(host, |(host, _)| host)
}

/// `1:02:03.456` as µs.
fn hours(time: &[u8]) -> Option<u64> {
    let mut parts = time.split(|b| *b == b':');
    let hours = number(parts.next()?)?;
    let minutes = number(parts.next()?)?;
    let micros = scan::millionths(parts.next()?)?;
    let seconds = hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
    seconds.checked_mul(1_000_000)?.checked_add(micros)
}
