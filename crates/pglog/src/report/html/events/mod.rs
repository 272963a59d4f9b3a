//! What the log says beside durations: a section for each sort of event that occurs.

mod pooler;
mod server;

use pooler::pooler;
use server::{checkpoints, connections, plans, vacuums};

use super::tables::{Cell, Table, columns};
use super::time::{Time, micros};
use crate::report::events::{Amount, Events, StatementAmount, StatementCount};
use crate::report::model::Report;
use crate::report::words::{self, count, length, many, named};

/// A section of the page.
pub struct Section {
    pub id: &'static str,
    pub title: &'static str,
    pub note: String,
    pub tables: Vec<Table>,
}

/// The sections of which the log says something.
pub fn sections(report: &Report, time: &Time) -> Vec<Section> {
    let events = &report.events;
    let all = [
        errors(events, time),
        locks(events, time),
        temporary(events),
        connections(events, time),
        checkpoints(events),
        vacuums(events),
        plans(events),
        pooler(events, time),
    ];
    all.into_iter()
        .map(|mut section| {
            section.tables.retain(|t| !t.rows.is_empty());
            section
        })
        .filter(|section| !section.tables.is_empty())
        .collect()
}

/// What the log says nothing of, and which setting has it logged.
pub fn absent(report: &Report) -> Vec<&'static str> {
    if report.is_of_pooler_alone() {
        return Vec::new();
    }
    let e = &report.events;
    let facts = [
        (e.locks.waits.count > 0, "waits for locks: log_lock_waits"),
        (e.temporary.all.count > 0, "temporary files: log_temp_files"),
        (
            e.connections.received + e.connections.authorized + e.connections.disconnected > 0,
            "sessions: log_connections, log_disconnections",
        ),
        (
            e.checkpoints.begun + e.checkpoints.all.count > 0,
            "checkpoints: log_checkpoints",
        ),
        (
            !e.vacuums.tables.is_empty(),
            "autovacuum: log_autovacuum_min_duration",
        ),
        (e.plans.read > 0, "plans: auto_explain"),
    ];
    let missing = facts.into_iter().filter(|(is_there, _)| !is_there);
    missing.map(|(_, fact)| fact).collect()
}

fn table(id: &str, title: &str, heads: &[&'static str], rows: Vec<Vec<Cell>>) -> Table {
    Table {
        id: id.to_owned(),
        title: title.to_owned(),
        note: String::new(),
        columns: columns(heads),
        rows,
    }
}

/// A time as the report wrote it, in its zone.
fn moment(text: &str, time: &Time) -> Cell {
    match micros(text) {
        Some(at) => Cell::number(at.max(0) as u64, time.format(at, "%F %T")),
        None => Cell::number(0, "–".to_owned()),
    }
}

fn statement(id: &str, text: &str) -> Cell {
    match id.get(..8) {
        Some(short) => Cell::code(
            if text.is_empty() {
                "(not known any more)"
            } else {
                text
            },
            short.to_owned(),
        ),
        None => Cell::text("(no statement logged)"),
    }
}

/// The statement that is meant most often, in words.
fn mostly(statements: &[StatementCount]) -> String {
    match statements.first() {
        Some(s) if !s.text.is_empty() => format!(
            "{} {}",
            &s.id[..s.id.len().min(8)],
            words::fit(&crate::clean(&s.text), 100)
        ),
        _ => String::new(),
    }
}

fn amounts(amount: &Amount, shown: fn(u64) -> String) -> [Cell; 3] {
    [
        Cell::count(amount.count),
        Cell::number(amount.sum, shown(amount.sum)),
        Cell::number(amount.max, shown(amount.max)),
    ]
}

fn of_statements(all: &[StatementAmount], shown: fn(u64) -> String) -> Vec<Vec<Cell>> {
    let row = |s: &StatementAmount| {
        let mut row = vec![statement(&s.id, &s.text)];
        row.extend(amounts(&s.amount, shown));
        row
    };
    all.iter().map(row).collect()
}

fn errors(events: &Events, time: &Time) -> Section {
    let m = &events.messages;
    let group = |g: &crate::report::events::MessageGroup| {
        let mut text = Cell::text(crate::clean(&g.text));
        text.more = mostly(&g.statements);
        vec![
            text,
            Cell::text(g.severity.as_str()),
            Cell::text(g.sqlstate.as_deref().unwrap_or("not logged")),
            Cell::count(g.seen.count),
            moment(&g.seen.first, time),
            moment(&g.seen.last, time),
        ]
    };
    let heads = ["message", "severity", "SQLSTATE", "#times", "#first", "#last"];
    let class = |c: &crate::report::events::ErrorClass| {
        vec![
            Cell::text(format!("{} {}", c.class, c.name)),
            Cell::count(c.count),
        ]
    };
    let cancelled = |c: &crate::report::events::Cancelled| {
        let mut reason = Cell::text(crate::clean(&c.reason));
        reason.more = mostly(&c.statements);
        vec![
            reason,
            Cell::count(c.seen.count),
            moment(&c.seen.first, time),
            moment(&c.seen.last, time),
        ]
    };
    let server = |s: &crate::report::events::ServerEvent| {
        let mut text = Cell::text(crate::clean(&s.text));
        text.more.clone_from(&s.about);
        vec![
            text,
            Cell::text(s.severity.as_str()),
            Cell::count(s.seen.count),
            moment(&s.seen.first, time),
            moment(&s.seen.last, time),
        ]
    };
    let mut groups = table(
        "error-messages",
        "Errors",
        &heads,
        m.errors.iter().map(group).collect(),
    );
    if (m.errors.len() as u64) < m.distinct_errors {
        groups.note = format!(
            "The {} most frequent of {}, without their values.",
            count(m.errors.len() as u64),
            count(m.distinct_errors)
        );
    }
    Section {
        id: "errors-and-warnings",
        title: "Errors",
        note: String::new(),
        tables: vec![
            table(
                "error-classes",
                "By class",
                &["class", "#errors"],
                m.classes.iter().map(class).collect(),
            ),
            groups,
            table(
                "cancelled",
                "Cancelled statements",
                &["why", "#times", "#first", "#last"],
                m.cancelled.iter().map(cancelled).collect(),
            ),
            table(
                "warnings",
                "Warnings",
                &heads,
                m.warnings.iter().map(group).collect(),
            ),
            table(
                "server",
                "The server itself",
                &["message", "severity", "#times", "#first", "#last"],
                m.server.iter().map(server).collect(),
            ),
        ],
    }
}

fn locks(events: &Events, time: &Time) -> Section {
    let l = &events.locks;
    let edge = |e: &crate::report::events::Edge| {
        let mut row = vec![
            statement(&e.waiting, &e.waiting_text),
            statement(&e.holding, &e.holding_text),
        ];
        row.extend(amounts(&e.amount, length));
        row
    };
    let object = |o: &crate::report::events::LockedObject| {
        let mut row = vec![
            Cell::text(crate::clean(&o.relation)),
            Cell::text(o.kind.as_str()),
            Cell::text(o.mode.as_str()),
        ];
        row.extend(amounts(&o.amount, length));
        row
    };
    let deadlock = |d: &crate::report::events::Deadlock| {
        let steps: Vec<String> = d
            .steps
            .iter()
            .map(|s| {
                format!(
                    "{} wants {} on {}",
                    words::fit(&crate::clean(&s.text), 80),
                    s.mode,
                    s.kind
                )
            })
            .collect();
        vec![
            Cell::text(steps.join("; ")),
            Cell::count(d.seen.count),
            moment(&d.seen.first, time),
            moment(&d.seen.last, time),
        ]
    };
    Section {
        id: "locks",
        title: "Locks",
        note: format!(
            "{} for locks, {} in all; {} had in the end, {} not.",
            many(l.waits.count, "wait"),
            length(l.waits.sum),
            count(l.acquired),
            count(l.failed)
        ),
        tables: vec![
            table(
                "lock-edges",
                "Who waits for whom",
                &["waiting", "holding", "#waits", "#time", "#longest"],
                l.edges.iter().map(edge).collect(),
            ),
            table(
                "lock-statements",
                "Statements that wait",
                &["statement", "#waits", "#time", "#longest"],
                of_statements(&l.statements, length),
            ),
            table(
                "lock-objects",
                "What is waited for",
                &["name", "kind", "mode", "#waits", "#time", "#longest"],
                l.objects.iter().map(object).collect(),
            ),
            table(
                "deadlocks",
                "Deadlocks",
                &["who wanted what", "#times", "#first", "#last"],
                l.deadlocks.iter().map(deadlock).collect(),
            ),
        ],
    }
}

fn temporary(events: &Events) -> Section {
    let t = &events.temporary;
    let caller = |c: &crate::report::events::CallerAmount| {
        let mut row = vec![
            Cell::text(named(&crate::clean(&c.application)).to_owned()),
            Cell::text(named(&crate::clean(&c.user)).to_owned()),
            Cell::text(named(&crate::clean(&c.database)).to_owned()),
        ];
        row.extend(amounts(&c.amount, words::bytes));
        row
    };
    Section {
        id: "temporary",
        title: "Temporary files",
        note: format!(
            "{}, {} in all, the largest {}.",
            many(t.all.count, "file"),
            words::bytes(t.all.sum),
            words::bytes(t.all.max)
        ),
        tables: vec![
            table(
                "temporary-statements",
                "By statement",
                &["statement", "#files", "#bytes", "#largest"],
                of_statements(&t.statements, words::bytes),
            ),
            table(
                "temporary-callers",
                "By caller",
                &["application", "user", "database", "#files", "#bytes", "#largest"],
                t.callers.iter().map(caller).collect(),
            ),
        ],
    }
}
