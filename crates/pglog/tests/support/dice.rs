//! Records at random.

use fastrand::Rng;

use super::Entry;

const APPLICATIONS: [&str; 6] = ["psql", "my app", "pgbench", "", "web-1", "é?!"];
const STATEMENTS: [&str; 8] = [
    "SELECT 1",
    "SELECT * FROM answers WHERE taker = 42 AND text = 'a, \"b\" and ''c'''",
    "UPDATE t\n   SET x = x + 1\n WHERE id = 7",
    "INSERT INTO t (a, b) VALUES (1, 'x\ty'), (2, E'\\n')",
    "SELECT 'LOG:  duration: 1.000 ms  statement: SELECT 2'",
    "BEGIN",
    "COMMIT",
    "SELECT 'ü\\', $1 FROM \"Ünïcode\" -- comment",
];

/// A session that goes on talking.
#[derive(Clone)]
struct Session {
    entry: Entry,
    prepared: usize,
}

/// `count` records of several sessions and of background processes, in the order of time.
pub fn records(dice: &mut Rng, count: usize) -> Vec<Entry> {
    let begin = 1_795_705_130_123;
    let mut sessions: Vec<Session> = (0..dice.usize(2..9)).map(|n| session(dice, n as u32)).collect();
    let mut at = begin;
    let mut all = Vec::with_capacity(count + 2);
    while all.len() < count {
        at += dice.i64(0..900);
        let which = dice.usize(..sessions.len());
        let session = &mut sessions[which];
        says(dice, session, at, &mut all);
    }
    all
}

fn session(dice: &mut Rng, number: u32) -> Session {
    let mut entry = Entry {
        pid: 1000 + number * 17,
        started: 1_795_700_000 + number,
        sqlstate: "00000".to_owned(),
        severity: "LOG".to_owned(),
        ..Entry::default()
    };
    if number == 0 || dice.u8(..5) == 0 {
        let names = ["checkpointer", "autovacuum worker", "postmaster", "walwriter"];
        names[dice.usize(..names.len())].clone_into(&mut entry.backend);
        return Session { entry, prepared: 0 };
    }
    entry.is_client = true;
    entry.backend = "client backend".to_owned();
    entry.user = ["ann", "bob", "app_user"][dice.usize(..3)].to_owned();
    entry.database = ["school", "survey", "test-1"][dice.usize(..3)].to_owned();
    APPLICATIONS[dice.usize(..APPLICATIONS.len())].clone_into(&mut entry.application);
    entry.host = ["[local]", "10.1.2.3", "::1", "db.example.org"][dice.usize(..4)].to_owned();
    entry.port = dice.u16(1024..);
    Session {
        entry,
        prepared: dice.usize(..STATEMENTS.len()),
    }
}

fn says(dice: &mut Rng, session: &mut Session, at: i64, all: &mut Vec<Entry>) {
    let mut say = |session: &mut Session, change: &dyn Fn(&mut Entry)| {
        session.entry.line += 1;
        let mut entry = session.entry.clone();
        entry.at = at;
        change(&mut entry);
        all.push(entry);
    };
    if !session.entry.is_client {
        let text = [
            "checkpoint starting: time",
            "automatic vacuum of table \"a.b.c\": index scans: 0\npages: 1",
        ];
        let text = text[dice.usize(..2)];
        say(session, &|e| e.message = text.to_owned());
        return;
    }
    let micros = dice.u32(..5_000_000);
    let took = format!("duration: {}.{:03} ms", micros / 1000, micros % 1000);
    let sql = STATEMENTS[dice.usize(..STATEMENTS.len())];
    let id = dice.i64(..);
    session.entry.tag = sql.split(' ').next().unwrap_or_default().to_owned();
    match dice.u8(..10) {
        0..=4 => say(session, &|e| {
            e.message = format!("{took}  statement: {sql}");
            e.query_id = id;
        }),
        5..=7 => {
            let sql = STATEMENTS[session.prepared];
            let value = dice.u32(..3);
            for step in ["parse <unnamed>", "bind s1/p", "execute s1"] {
                say(session, &|e| {
                    e.message = format!("{took}  {step}: {sql}");
                    if !step.starts_with("parse") {
                        e.detail = format!("parameters: $1 = '{value}', $2 = 'it''s\na \"line\"'");
                    }
                });
            }
        }
        8 => say(session, &|e| {
            e.severity = "ERROR".to_owned();
            e.sqlstate = "23505".to_owned();
            e.message = "duplicate key value violates unique constraint \"t_pkey\"".to_owned();
            e.detail = "Key (id)=(7) already exists.".to_owned();
            e.context = "SQL statement \"x\"\nPL/pgSQL function f() line 3".to_owned();
            e.statement = sql.to_owned();
        }),
        _ if dice.bool() => say(session, &|e| {
            let (user, database) = (&e.user, &e.database);
            e.message = format!("connection authorized: user={user} database={database}");
        }),
        _ => say(session, &|e| {
            e.severity = "FATAL".to_owned();
            e.sqlstate = "57P01".to_owned();
            e.message = "terminating connection due to administrator command".to_owned();
            e.hint = "Try again.".to_owned();
        }),
    }
}
