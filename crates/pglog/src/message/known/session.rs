//! What ends sessions and cancels statements.

use super::{Cancel, Effect, End, Table};

const fn ends(end: End) -> Effect {
    Effect::Ends(end)
}

const fn cancels(cancel: Cancel) -> Effect {
    Effect::Cancels(cancel)
}

pub(super) const TABLE: Table = &[
    (
        "57014",
        cancels(Cancel::StatementTimeout),
        &["canceling statement due to statement timeout"],
    ),
    (
        "57014",
        cancels(Cancel::UserRequest),
        &[
            "canceling statement due to user request",
            "canceling wait for synchronous replication due to user request",
        ],
    ),
    (
        "57014",
        cancels(Cancel::Autovacuum),
        &["canceling autovacuum task"],
    ),
    ("57014", cancels(Cancel::Other), &["COPY from stdin failed: %v"]),
    (
        "55P03",
        cancels(Cancel::LockTimeout),
        &["canceling statement due to lock timeout"],
    ),
    (
        "55P03",
        Effect::None,
        &[
            "could not obtain lock on row in relation \"%n\"",
            "could not obtain lock on relation \"%n\"",
            "could not obtain lock on relation with OID %d",
        ],
    ),
    (
        "40001",
        cancels(Cancel::RecoveryConflict),
        &["canceling statement due to conflict with recovery"],
    ),
    (
        "40001",
        Effect::None,
        &[
            "could not serialize access due to concurrent update",
            "could not serialize access due to concurrent delete",
            "could not serialize access due to read/write dependencies among transactions",
            "tuple to be locked was already moved to another partition due to concurrent update",
            "tuple to be updated was already moved to another partition due to concurrent update",
            "tuple to be deleted was already moved to another partition due to concurrent update",
            "conflict detected on relation \"%n\": conflict=%s",
        ],
    ),
    (
        "40P01",
        cancels(Cancel::RecoveryConflict),
        &["canceling statement due to conflict with recovery"],
    ),
    ("40P01", Effect::Deadlock, &["deadlock detected"]),
    (
        "57P01",
        ends(End::Administrator),
        &[
            "terminating connection due to administrator command",
            "terminating background worker \"%v\" due to administrator command",
            "terminating walreceiver process due to administrator command",
            "terminating logical replication worker due to administrator command",
            "terminating autovacuum process due to administrator command",
            "terminating parallel worker due to administrator command",
            "terminating connection due to unexpected postmaster exit",
            "canceling the wait for synchronous replication and terminating connection due to administrator command",
        ],
    ),
    (
        "57P02",
        ends(End::Crash),
        &["terminating connection because of crash of another server process"],
    ),
    (
        "57P01",
        ends(End::Administrator),
        &["terminating connection due to immediate shutdown command"],
    ),
    (
        "57P05",
        ends(End::IdleSession),
        &["terminating connection due to idle-session timeout"],
    ),
    (
        "25P03",
        ends(End::IdleInTransaction),
        &["terminating connection due to idle-in-transaction timeout"],
    ),
    (
        "25P04",
        ends(End::TransactionTimeout),
        &["terminating connection due to transaction timeout"],
    ),
    (
        "40001",
        ends(End::RecoveryConflict),
        &["terminating connection due to conflict with recovery"],
    ),
    (
        "57P04",
        ends(End::RecoveryConflict),
        &["terminating connection due to conflict with recovery"],
    ),
    (
        "40P01",
        ends(End::RecoveryConflict),
        &["terminating connection due to conflict with recovery"],
    ),
    (
        "",
        ends(End::LostInTransaction),
        &["unexpected EOF on client connection with an open transaction"],
    ),
    (
        "",
        ends(End::Lost),
        &[
            "unexpected EOF on client connection",
            "unexpected EOF on standby connection",
            "could not receive data from client: %v",
            "could not send data to client: %v",
            "connection to client lost",
            "unexpected EOF within message length word",
            "incomplete message from client",
            "terminating connection because protocol synchronization was lost",
        ],
    ),
    (
        "53300",
        ends(End::TooMany),
        &[
            "sorry, too many clients already",
            "remaining connection slots are reserved for %s",
            "too many connections for role \"%n\"",
            "too many connections for database \"%n\"",
            "number of requested standby connections exceeds max_wal_senders (currently %D)",
            "number of requested standby connections exceeds \"max_wal_senders\" (currently %D)",
        ],
    ),
    (
        "28P01",
        ends(End::Authentication),
        &["password authentication failed for user \"%n\""],
    ),
    (
        "28000",
        ends(End::Authentication),
        &[
            "password authentication failed for user \"%n\"",
            "%s authentication failed for user \"%n\"",
            "Peer authentication failed for user \"%n\"",
            "certificate authentication failed for user \"%n\"",
            "authentication failed for user \"%n\": %s",
            "no pg_hba.conf entry for host \"%v\", user \"%n\", database \"%n\", %s",
            "no pg_hba.conf entry for host \"%v\", user \"%n\", database \"%n\"",
            "no pg_hba.conf entry for replication connection from host \"%v\", user \"%n\", %s",
            "no pg_hba.conf entry for replication connection from host \"%v\", user \"%n\"",
            "pg_hba.conf rejects connection for host \"%v\", user \"%n\", database \"%n\", %s",
            "pg_hba.conf rejects replication connection for host \"%v\", user \"%n\", %s",
            "role \"%n\" does not exist",
            "role \"%n\" is not permitted to log in",
            "role with OID %d does not exist",
            "no PostgreSQL user name specified in startup packet",
            "must be superuser to connect in binary upgrade mode",
            "connection requires a valid client certificate",
            "GSSAPI authentication failed for user \"%n\"",
            "LDAP authentication failed for user \"%n\"",
            "RADIUS authentication failed for user \"%n\"",
            "OAuth bearer authentication failed for user \"%n\"",
            "empty password returned by client",
            "invalid SCRAM response",
        ],
    ),
    (
        "42501",
        ends(End::Refused),
        &[
            "permission denied for database \"%n\"",
            "must be superuser or replication role to start walsender",
            "permission denied to start WAL sender",
        ],
    ),
    (
        "3D000",
        ends(End::NoDatabase),
        &["database \"%n\" does not exist"],
    ),
    (
        "3D000",
        Effect::None,
        &[
            "database \"%n\" does not exist",
            "database \"%n\" does not exist, skipping",
            "database %d does not exist",
        ],
    ),
    (
        "55000",
        ends(End::Refused),
        &[
            "database \"%n\" is not currently accepting connections",
            "cannot connect to invalid database \"%n\"",
        ],
    ),
    (
        "57P03",
        ends(End::NotReady),
        &[
            "the database system is starting up",
            "the database system is not yet accepting connections",
            "the database system is not accepting connections",
            "the database system is shutting down",
            "the database system is in recovery mode",
        ],
    ),
    (
        "57P01",
        ends(End::NotReady),
        &["the database system is shutting down"],
    ),
    (
        "08P01",
        ends(End::Protocol),
        &[
            "canceling authentication due to timeout",
            "invalid length of startup packet",
            "incomplete startup packet",
            "invalid startup packet layout: expected terminator as last byte",
            "received unencrypted data after SSL request",
            "received unencrypted data after GSSAPI encryption request",
            "invalid frontend message type %d",
            "expected password response, got message type %d",
            "invalid message length",
            "invalid string in message",
            "insufficient data left in message",
            "no data left in message",
            "expected SASL response, got message type %d",
            "terminating connection because protocol synchronization was lost",
        ],
    ),
    (
        "57014",
        ends(End::Protocol),
        &["canceling authentication due to timeout"],
    ),
    (
        "0A000",
        ends(End::Protocol),
        &[
            "unsupported frontend protocol %s: server supports %s to %s",
            "unsupported frontend protocol %s",
        ],
    ),
    (
        "",
        ends(End::Protocol),
        &[
            "could not accept SSL connection: %v",
            "could not initialize SSL connection: %v",
        ],
    ),
    (
        "22023",
        ends(End::Refused),
        &["invalid value for parameter \"client_encoding\": \"%v\""],
    ),
    ("08006", Effect::None, &["lost connection to parallel worker"]),
    (
        "08003",
        Effect::None,
        &["connection \"%n\" not available", "connection not available"],
    ),
    (
        "08001",
        Effect::None,
        &[
            "could not establish connection",
            "could not connect to server \"%n\"",
        ],
    ),
];
