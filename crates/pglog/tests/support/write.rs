//! Records as PostgreSQL writes them (`elog.c`, `csvlog.c`, `jsonlog.c`): its prefix escapes with their padding, its quoting.

use jiff::Timestamp;

use super::Entry;

/// `2026-11-26 14:58:50.123 UTC`; without ms for `%t`.
pub fn time(ms: i64, with_ms: bool) -> String {
    let format = if with_ms {
        "%Y-%m-%d %H:%M:%S%.3f UTC"
    } else {
        "%Y-%m-%d %H:%M:%S UTC"
    };
    Timestamp::from_millisecond(ms)
        .unwrap()
        .strftime(format)
        .to_string()
}

fn session_id(e: &Entry) -> String {
    format!("{:x}.{:x}", e.started, e.pid)
}

/// The prefix of a line.
pub fn prefix(text: &str, e: &Entry) -> String {
    let mut out = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter);
            continue;
        }
        let mut padding = String::new();
        while let Some(c) = letters.next_if(|c| *c == '-' || c.is_ascii_digit()) {
            padding.push(c);
        }
        let named = |name: &str| match (e.is_client, name.is_empty()) {
            (false, _) => String::new(),
            (true, true) => "[unknown]".to_owned(),
            (true, false) => name.to_owned(),
        };
        let field = match letters.next().unwrap() {
            'a' => named(&e.application),
            'u' => named(&e.user),
            'd' => named(&e.database),
            'h' => e.host.clone(),
            'r' if e.host.is_empty() || e.host == "[local]" => e.host.clone(),
            'r' => format!("{}({})", e.host, e.port),
            'b' => e.backend.clone(),
            'p' => e.pid.to_string(),
            'P' => String::new(),
            't' => time(e.at, false),
            'm' => time(e.at, true),
            'n' => format!("{}.{:03}", e.at / 1000, e.at % 1000),
            'i' => e.tag.clone(),
            'e' => e.sqlstate.clone(),
            'c' => session_id(e),
            'l' => e.line.to_string(),
            's' => time(i64::from(e.started) * 1000, false),
            'v' if e.is_client => format!("{}/{}", e.pid % 10, e.line),
            'v' => String::new(),
            'x' => "0".to_owned(),
            'Q' => e.query_id.to_string(),
            '%' => "%".to_owned(),
            'q' if e.is_client => continue,
            'q' => return out,
            other => panic!("%{other}"),
        };
        let width: i32 = padding.parse().unwrap_or(0);
        let missing = " ".repeat((width.unsigned_abs() as usize).saturating_sub(field.len()));
        match width < 0 {
            true => out.extend([field, missing]),
            false => out.extend([missing, field]),
        }
    }
    out
}

/// stderr.
pub fn stderr(text: &str, entries: &[Entry]) -> String {
    let mut out = String::new();
    for e in entries {
        let head = prefix(text, e);
        let parts = [
            (e.severity.as_str(), &e.message),
            ("DETAIL", &e.detail),
            ("HINT", &e.hint),
            ("CONTEXT", &e.context),
            ("STATEMENT", &e.statement),
        ];
        for (index, (word, part)) in parts.into_iter().enumerate() {
            if index == 0 || !part.is_empty() {
                out.push_str(&format!("{head}{word}:  {}\n", part.replace('\n', "\n\t")));
            }
        }
    }
    out
}

/// csvlog of PostgreSQL 15.
pub fn csv(entries: &[Entry]) -> String {
    let quoted = |text: &str| match text {
        "" => String::new(),
        text => format!("\"{}\"", text.replace('"', "\"\"")),
    };
    let mut out = String::new();
    for e in entries {
        let from = match e.host.as_str() {
            "" | "[local]" => e.host.clone(),
            host => format!("{host}:{}", e.port),
        };
        let columns = [
            time(e.at, true),
            quoted(&e.user),
            quoted(&e.database),
            e.pid.to_string(),
            quoted(&from),
            session_id(e),
            e.line.to_string(),
            quoted(&e.tag),
            time(i64::from(e.started) * 1000, false),
            String::new(),
            "0".to_owned(),
            e.severity.clone(),
            e.sqlstate.clone(),
            quoted(&e.message),
            quoted(&e.detail),
            quoted(&e.hint),
            String::new(),
            String::new(),
            quoted(&e.context),
            quoted(&e.statement),
            String::new(),
            String::new(),
            quoted(&e.application),
            quoted(&e.backend),
            String::new(),
            e.query_id.to_string(),
        ];
        out.push_str(&columns.join(","));
        out.push('\n');
    }
    out
}

/// jsonlog.
pub fn json(entries: &[Entry]) -> String {
    entries
        .iter()
        .map(|e| object(e, false).to_string() + "\n")
        .collect()
}

/// One record as an object: with jsonlog's names, or csvlog's.
pub fn object(e: &Entry, csv_names: bool) -> serde_json::Value {
    let name = |json: &'static str, csv: &'static str| if csv_names { csv } else { json };
    let mut map = serde_json::Map::new();
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            map.insert(key.to_owned(), value.into());
        }
    };
    text(name("timestamp", "log_time"), &time(e.at, true));
    text(name("user", "user_name"), &e.user);
    text(name("dbname", "database_name"), &e.database);
    if csv_names {
        text("process_id", &e.pid.to_string());
        text(
            "connection_from",
            &if e.host.starts_with('[') {
                e.host.clone()
            } else {
                format!("{}:{}", e.host, e.port)
            },
        );
        text("query_id", &e.query_id.to_string());
    } else {
        text("remote_host", &e.host);
    }
    text("session_id", &session_id(e));
    text("error_severity", &e.severity);
    text(name("state_code", "sql_state_code"), &e.sqlstate);
    text("message", &e.message);
    text("detail", &e.detail);
    text("hint", &e.hint);
    text("context", &e.context);
    text(name("statement", "query"), &e.statement);
    text("application_name", &e.application);
    text("backend_type", &e.backend);
    if !csv_names {
        map.insert("pid".to_owned(), e.pid.into());
        map.insert("line_num".to_owned(), e.line.into());
        map.insert("query_id".to_owned(), e.query_id.into());
        map.insert("unknown".to_owned(), serde_json::json!({"a": [1, "}"]}));
    }
    map.into()
}
