//! How each kind of value is read from text and shown as text. A reader's error is the end of a sentence that has named
//! the setting and its value: what the value may be.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::numbers::{micros_text, read_seconds, whole, whole_within};
use super::values::{
    AuthType, CheckQuery, LoadBalanceHosts, PoolMode, Secret, ServerCap, SessionState, SslMode, TlsProtocols,
};
use super::words::{Words, named, word};

/// Reading and showing of one kind of value.
pub(super) struct Kind<T> {
    /// From the text of the file, without the spaces around it.
    pub(super) read: fn(&str) -> Result<T, String>,
    /// As it would be written in the file, except that secrets are masked.
    pub(super) show: fn(&T) -> String,
}

/// pgbouncer keeps counts in a C `int`.
const MAX_COUNT: u64 = i32::MAX as u64;
/// Below this a login would not fit into a message.
const MIN_PACKET: u64 = 1024;
/// `peer_id` has 14 bits in a cancel key.
const MAX_PEER_ID: u64 = 16383;
/// More threads than any machine has cores: a mistake.
const MAX_THREADS: u64 = 1024;

fn show<T: Display>(value: &T) -> String {
    value.to_string()
}

fn show_own<T: Display>(value: &Option<T>) -> String {
    value.as_ref().map(T::to_string).unwrap_or_default()
}

// Texts.

pub(super) const STRING: Kind<String> = Kind {
    read: |text| Ok(text.to_owned()),
    show,
};
pub(super) const CIPHERS: Kind<String> = STRING;
pub(super) const CURVE: Kind<String> = STRING;
pub(super) const QUERY: Kind<String> = STRING;
pub(super) const TEXT: Kind<Option<String>> = Kind {
    read: |text| Ok((!text.is_empty()).then(|| text.to_owned())),
    show: show_own,
};
pub(super) const SECRET: Kind<Option<Secret>> = Kind {
    read: |text| Ok((!text.is_empty()).then(|| Secret::new(text))),
    show: |value| value.as_ref().map(|_| "***".to_owned()).unwrap_or_default(),
};
pub(super) const FILE: Kind<Option<PathBuf>> = Kind {
    read: |text| Ok((!text.is_empty()).then(|| PathBuf::from(text))),
    show: |value| {
        value
            .as_ref()
            .map(|path| path.display().to_string())
            .unwrap_or_default()
    },
};
/// Names of users and parameters: pgbouncer takes spaces for commas.
pub(super) const NAMES: Kind<Vec<String>> = Kind {
    read: |text| {
        let names = text.split(|char: char| char == ',' || char.is_whitespace());
        Ok(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
    },
    show: |names| names.join(", "),
};
pub(super) const HOSTS: Kind<Vec<String>> = Kind {
    read: |text| {
        let hosts = text
            .split(',')
            .map(str::trim)
            .filter(|host| !host.is_empty())
            .map(str::to_owned);
        let hosts = hosts.collect::<Vec<_>>();
        if hosts.iter().any(|host| host.contains(char::is_whitespace)) {
            return Err("an address has no spaces in it; separate several with commas".to_owned());
        }
        Ok(hosts)
    },
    show: |hosts| hosts.join(","),
};

// Numbers.

pub(super) const FLAG: Kind<bool> = Kind {
    read: |text| match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Ok(true),
        "false" | "no" | "off" => Ok(false),
        number => whole(number)
            .map(|number| number != 0)
            .map_err(|_| "it must be 0 or 1".to_owned()),
    },
    show: |value| u8::from(*value).to_string(),
};
pub(super) const COUNT: Kind<u32> = Kind {
    read: |text| whole_within(text, 0, MAX_COUNT),
    show,
};
pub(super) const VERBOSITY: Kind<u32> = COUNT;
pub(super) const BYTES: Kind<u32> = COUNT;
pub(super) const ITERATIONS: Kind<u32> = Kind {
    read: |text| whole_within(text, 1, MAX_COUNT),
    show,
};
pub(super) const PACKET_BYTES: Kind<u32> = Kind {
    read: |text| whole_within(text, MIN_PACKET, u32::MAX.into()),
    show,
};
pub(super) const LONG_BYTES: Kind<u64> = Kind {
    read: |text| whole_within(text, 0, i64::MAX as u64),
    show,
};
pub(super) const PERCENT: Kind<u32> = Kind {
    read: |text| whole_within(text, 1, 99),
    show,
};
pub(super) const PEER_ID: Kind<u32> = Kind {
    read: |text| whole_within(text, 0, MAX_PEER_ID),
    show,
};
pub(super) const FILE_MODE: Kind<u32> = Kind {
    read: |text| {
        whole_within(text, 0, 0o7777).map_err(|_| "it must be permissions in octal such as 0770".to_owned())
    },
    show,
};
/// With 0 for a port of the system's choice.
pub(super) const LISTEN_PORT: Kind<u16> = Kind {
    read: |text| whole_within(text, 0, u16::MAX.into()),
    show,
};
pub(super) const PORT: Kind<u16> = Kind {
    read: |text| whole_within(text, 1, u16::MAX.into()),
    show,
};
/// A number of one's own, or none: negative numbers mean "not set", as in pgbouncer.
pub(super) const OWN_COUNT: Kind<Option<u32>> = Kind {
    read: |text| match text {
        "" => Ok(None),
        negative if negative.starts_with('-') && whole(&negative[1..]).is_ok() => Ok(None),
        number => whole_within(number, 0, MAX_COUNT).map(Some),
    },
    show: show_own,
};
pub(super) const THREADS: Kind<Option<u32>> = Kind {
    read: |text| match text {
        "auto" => Ok(None),
        number => whole_within(number, 1, MAX_THREADS)
            .map(Some)
            .map_err(|_| format!("it must be `auto` or a whole number from 1 to {MAX_THREADS}")),
    },
    show: |value| value.map_or("auto".to_owned(), |threads| threads.to_string()),
};
pub(super) const SERVER_CAP: Kind<ServerCap> = Kind {
    read: |text| match text {
        "off" => Ok(ServerCap::Off),
        "auto" => Ok(ServerCap::Auto),
        number => whole_within(number, 1, MAX_COUNT)
            .map(ServerCap::At)
            .map_err(|_| "it must be `off`, `auto` or a whole number from 1".to_owned()),
    },
    show: |value| match value {
        ServerCap::Off => "off".to_owned(),
        ServerCap::Auto => "auto".to_owned(),
        ServerCap::At(number) => number.to_string(),
    },
};

// Times.

pub(super) const SECONDS: Kind<Duration> = Kind {
    read: read_seconds,
    show: |value| micros_text(*value),
};
pub(super) const OWN_SECONDS: Kind<Option<Duration>> = Kind {
    read: |text| match text {
        "" => Ok(None),
        negative if negative.starts_with('-') && read_seconds(&negative[1..]).is_ok() => Ok(None),
        seconds => read_seconds(seconds).map(Some),
    },
    show: |value| value.map(micros_text).unwrap_or_default(),
};
pub(super) const WHOLE_SECONDS: Kind<Duration> = Kind {
    read: |text| whole_within(text, 0, super::numbers::MAX_SECONDS).map(Duration::from_secs),
    show: |value| value.as_secs().to_string(),
};
pub(super) const PERIOD: Kind<Duration> = Kind {
    read: |text| whole_within(text, 1, super::numbers::MAX_SECONDS).map(Duration::from_secs),
    show: |value| value.as_secs().to_string(),
};
pub(super) const MILLISECONDS: Kind<Duration> = Kind {
    read: |text| whole_within(text, 0, MAX_COUNT).map(Duration::from_millis),
    show: |value| value.as_millis().to_string(),
};

// Words.

const POOL_MODES: Words<PoolMode> = &[
    ("session", PoolMode::Session),
    ("transaction", PoolMode::Transaction),
    ("statement", PoolMode::Statement),
];
pub(super) const POOL_MODE: Kind<PoolMode> = Kind {
    read: |text| named(POOL_MODES, text),
    show: |value| word(POOL_MODES, value).to_owned(),
};
pub(super) const OWN_POOL_MODE: Kind<Option<PoolMode>> = Kind {
    read: |text| {
        if text.is_empty() {
            Ok(None)
        } else {
            named(POOL_MODES, text).map(Some)
        }
    },
    show: |value| {
        value
            .map(|mode| word(POOL_MODES, &mode).to_owned())
            .unwrap_or_default()
    },
};

const SSL_MODES: Words<SslMode> = &[
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];
pub(super) const SSL_MODE: Kind<SslMode> = Kind {
    read: |text| named(SSL_MODES, text),
    show: |value| word(SSL_MODES, value).to_owned(),
};

const BALANCING: Words<LoadBalanceHosts> = &[
    ("round-robin", LoadBalanceHosts::RoundRobin),
    ("disable", LoadBalanceHosts::Disable),
];
pub(super) const LOAD_BALANCE_HOSTS: Kind<LoadBalanceHosts> = Kind {
    read: |text| named(BALANCING, text),
    show: |value| word(BALANCING, value).to_owned(),
};

const SESSION_STATES: Words<SessionState> = &[
    ("pgbouncer", SessionState::Pgbouncer),
    ("reset", SessionState::Reset),
    ("pin", SessionState::Pin),
    ("refuse", SessionState::Refuse),
];
pub(super) const SESSION_STATE: Kind<SessionState> = Kind {
    read: |text| named(SESSION_STATES, text),
    show: |value| word(SESSION_STATES, value).to_owned(),
};

const AUTH_TYPES: Words<AuthType> = &[
    ("any", AuthType::Any),
    ("trust", AuthType::Trust),
    ("plain", AuthType::Plain),
    ("md5", AuthType::Md5),
    ("cert", AuthType::Cert),
    ("hba", AuthType::Hba),
    ("scram-sha-256", AuthType::ScramSha256),
];
pub(super) const AUTH_TYPE: Kind<AuthType> = Kind {
    read: |text| {
        match text.to_ascii_lowercase().as_str() {
        "pam" | "ldap" | "gss" | "gssapi" | "sspi" | "radius" => Err(
            "this way of authenticating is not supported; use scram-sha-256 with auth_file or auth_query, or cert"
                .to_owned(),
        ),
        "peer" => Err("it is a method for lines of auth_hba_file; use `hba` here and `peer` there".to_owned()),
        "ident" | "password" | "reject" => {
            Err("it is a method of PostgreSQL's, not of auth_type; use `hba`, or `plain` for clear text".to_owned())
        }
        _ => named(AUTH_TYPES, text),
    }
    },
    show: |value| match value {
        AuthType::Pam => "pam".to_owned(),
        AuthType::Ldap => "ldap".to_owned(),
        AuthType::Peer => "peer".to_owned(),
        known => word(AUTH_TYPES, known).to_owned(),
    },
};

const FACILITIES: Words<()> = &[
    ("auth", ()),
    ("authpriv", ()),
    ("daemon", ()),
    ("user", ()),
    ("local0", ()),
    ("local1", ()),
    ("local2", ()),
    ("local3", ()),
    ("local4", ()),
    ("local5", ()),
    ("local6", ()),
    ("local7", ()),
];
pub(super) const FACILITY: Kind<String> = Kind {
    read: |text| named(FACILITIES, text).map(|()| text.to_ascii_lowercase()),
    show,
};

const DHE: Words<()> = &[("auto", ()), ("none", ())];
pub(super) const DHE_PARAMS: Kind<String> = Kind {
    read: |text| match text {
        "legacy" => Err("1024-bit Diffie-Hellman is not safe and not supported; use auto".to_owned()),
        _ => named(DHE, text).map(|()| text.to_ascii_lowercase()),
    },
    show,
};

// Values with a shape of their own.

pub(super) const CHECK_QUERY: Kind<CheckQuery> = Kind {
    read: |text| {
        Ok(match text {
            "" => CheckQuery::Off,
            "<empty>" => CheckQuery::Empty,
            query => CheckQuery::Query(query.to_owned()),
        })
    },
    show: |value| match value {
        CheckQuery::Off => String::new(),
        CheckQuery::Empty => "<empty>".to_owned(),
        CheckQuery::Query(query) => query.clone(),
    },
};
pub(super) const SOCKET_ADDRESS: Kind<Option<SocketAddr>> = Kind {
    read: |text| match text {
        "" => Ok(None),
        address => address
            .parse()
            .map(Some)
            .map_err(|_| "it must be an address and a port such as 127.0.0.1:9465".to_owned()),
    },
    show: show_own,
};
pub(super) const TLS_PROTOCOLS: Kind<TlsProtocols> = Kind {
    read: super::values::TlsProtocols::read,
    show: |value| value.written().to_owned(),
};
