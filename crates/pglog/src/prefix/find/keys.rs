//! `user=`, `db=` and the like: what they announce.

/// Keys and the escapes that they announce.
const KEYS: [(&str, &[&str]); 18] = [
    ("%u", &["user", "usr", "username", "role", "u"]),
    ("%d", &["db", "database", "dbname", "database_name", "d"]),
    (
        "%a",
        &[
            "app",
            "application",
            "application_name",
            "appname",
            "app_name",
            "a",
        ],
    ),
    (
        "%h",
        &[
            "client",
            "host",
            "remote",
            "remote_host",
            "client_addr",
            "client_ip",
            "addr",
            "address",
            "ip",
            "h",
            "r",
        ],
    ),
    ("%p", &["pid", "process", "proc", "process_id", "p"]),
    ("%c", &["session", "sess", "sid", "session_id", "c"]),
    ("%l", &["line", "line_num", "session_line", "ln", "l"]),
    ("%x", &["xid", "tx", "txid", "trx", "transaction", "x"]),
    ("%v", &["vxid", "vtx", "vtxid", "virtual", "v"]),
    (
        "%e",
        &[
            "state",
            "sqlstate",
            "sql_state",
            "code",
            "errcode",
            "err",
            "error",
            "sql_error_code",
            "state_code",
            "e",
        ],
    ),
    ("%Q", &["query_id", "queryid", "qid", "query", "q"]),
    ("%b", &["backend", "backend_type", "type", "b"]),
    ("%i", &["tag", "cmd", "command", "command_tag", "ps", "i"]),
    ("%s", &["start", "started", "session_start", "since", "s"]),
    ("%P", &["leader", "leader_pid", "group"]),
    ("%t", &["time", "ts", "timestamp", "t", "at"]),
    ("%m", &["m"]),
    ("%n", &["epoch", "n"]),
];

/// A key in a line's beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Where its word begins.
    pub start: usize,
    /// Where its value begins: behind the equals sign.
    pub value: usize,
    /// What it announces.
    pub escape: &'static str,
}

/// The keys in a line's beginning, from the left.
pub(super) fn keys(head: &[u8]) -> Vec<Key> {
    let mut found = Vec::new();
    for equals in memchr::memchr_iter(b'=', head) {
        let is_of = |b: &u8| b.is_ascii_alphabetic() || *b == b'_';
        // `key=value`, or `key = value`.
        let is_wide = head[..equals].ends_with(b" ") && head.get(equals + 1) == Some(&b' ');
        let equals = equals - usize::from(is_wide);
        let start = head[..equals]
            .iter()
            .rposition(|b| !is_of(b))
            .map_or(0, |at| at + 1);
        let word = String::from_utf8_lossy(&head[start..equals]).to_ascii_lowercase();
        let announced = KEYS.iter().find(|(_, words)| words.contains(&word.as_str()));
        if let Some((escape, _)) = announced {
            found.push(Key {
                start,
                value: equals + 1 + 2 * usize::from(is_wide),
                escape,
            });
        }
    }
    found
}
