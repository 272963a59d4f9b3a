//! What the server does for itself: sessions, checkpoints, vacuuming; and plans.

use super::{Section, amounts, statement, table};
use crate::report::events::Events;
use crate::report::html::tables::Cell;
use crate::report::html::time::{Time, micros};
use crate::report::words::{self, count, length, many, named};

pub(super) fn connections(events: &Events, time: &Time) -> Section {
    let c = &events.connections;
    let peak = c.peak.as_ref().map_or(String::new(), |p| {
        let at = micros(&p.at).map_or_else(|| p.at.clone(), |at| time.format(at, "%F %T"));
        format!(" Most at once: {}, at {at}.", count(p.sessions))
    });
    let of = |s: &crate::report::events::SessionsOf| {
        vec![
            Cell::text(named(&crate::clean(&s.name)).to_owned()),
            Cell::count(s.connections),
            Cell::count(s.ended),
            Cell::micros(s.mean, s.ended > 0),
            Cell::count(s.peak.as_ref().map_or(0, |p| p.sessions)),
        ]
    };
    let by = |(by, names): (&String, &Vec<crate::report::events::SessionsOf>)| {
        table(
            &format!("sessions-by-{by}"),
            &format!("Sessions by {by}"),
            &["name", "#connections", "#ended", "#mean", "#most at once"],
            names.iter().map(of).collect(),
        )
    };
    let bar = |(upper, n): &(u64, u64)| {
        vec![
            Cell::number(*upper, format!("up to {}", length(*upper))),
            Cell::count(*n),
        ]
    };
    let mut tables = vec![
        table(
            "session-ends",
            "How they ended",
            &["how", "#sessions"],
            c.ends
                .iter()
                .map(|e| vec![Cell::text(e.how.as_str()), Cell::count(e.count)])
                .collect(),
        ),
        table(
            "session-times",
            "How long they lasted",
            &["time", "#sessions"],
            c.histogram.iter().map(bar).collect(),
        ),
        table(
            "session-methods",
            "How they proved who they are",
            &["method", "#connections"],
            c.methods
                .iter()
                .map(|m| vec![Cell::text(m.method.as_str()), Cell::count(m.count)])
                .collect(),
        ),
    ];
    tables.extend(c.by.iter().map(by));
    Section {
        id: "sessions",
        title: "Sessions",
        note: format!(
            "{} received, {} let in, {} of them encrypted; {} ended, after {} on average.{peak}",
            many(c.received, "connection"),
            count(c.authorized),
            count(c.encrypted),
            count(c.disconnected),
            length(c.mean)
        ),
        tables,
    }
}

pub(super) fn checkpoints(events: &Events) -> Section {
    let c = &events.checkpoints;
    let row = |p: &crate::report::events::Checkpoint| {
        vec![
            Cell::text(p.name.as_str()),
            Cell::count(p.count),
            Cell::count(p.buffers),
            Cell::micros(p.write_micros, true),
            Cell::micros(p.sync_micros, true),
            Cell::micros(p.longest_sync_micros, true),
            Cell::micros(p.max_micros, true),
            Cell::number(p.distance_kb, words::bytes(p.distance_kb * 1024)),
        ]
    };
    Section {
        id: "checkpoints",
        title: "Checkpoints",
        note: format!(
            "{} begun, {} finished, {} of them restartpoints, {} in all; {} said to come too often.",
            many(c.begun, "checkpoint"),
            count(c.all.count),
            count(c.all.restartpoints),
            length(c.all.total_micros),
            count(c.all.too_frequent)
        ),
        tables: vec![table(
            "checkpoint-reasons",
            "By reason",
            &[
                "reason",
                "#times",
                "#buffers",
                "#writing",
                "#syncing",
                "#longest sync",
                "#longest",
                "#WAL between",
            ],
            c.reasons.iter().map(row).collect(),
        )],
    }
}

pub(super) fn vacuums(events: &Events) -> Section {
    let row = |t: &crate::report::events::Table| {
        vec![
            Cell::text(crate::clean(&t.table)),
            Cell::count(t.vacuum.count),
            Cell::micros(t.vacuum.micros, t.vacuum.count > 0),
            Cell::micros(t.vacuum.max_micros, t.vacuum.count > 0),
            Cell::count(t.vacuum.tuples_removed),
            Cell::count(t.vacuum.tuples_dead),
            Cell::bytes(t.vacuum.wal_bytes),
            Cell::count(t.analyze.count),
            Cell::micros(t.analyze.micros, t.analyze.count > 0),
            Cell::count(t.skipped + t.cancelled),
        ]
    };
    let v = &events.vacuums;
    Section {
        id: "autovacuum",
        title: "Autovacuum",
        note: format!(
            "{}, {} in all; {}, {}.",
            many(v.all.vacuum.count, "vacuum"),
            length(v.all.vacuum.micros),
            many(v.all.analyze.count, "analyze"),
            length(v.all.analyze.micros)
        ),
        tables: vec![table(
            "vacuumed",
            "By table",
            &[
                "table",
                "#vacuums",
                "#time",
                "#longest",
                "#rows removed",
                "#dead kept",
                "#WAL",
                "#analyzes",
                "#time",
                "#skipped, cancelled",
            ],
            v.tables.iter().map(row).collect(),
        )],
    }
}

pub(super) fn plans(events: &Events) -> Section {
    let p = &events.plans;
    let plan = |s: &crate::report::events::StatementPlans| {
        let mut text = statement(&s.id, &s.text);
        if let Some(shape) = s.shapes.first() {
            text.more = format!("{} {}", text.more, words::fit(&crate::clean(&shape.outline), 200));
        }
        vec![
            text,
            Cell::count(s.shapes.len() as u64),
            Cell::count(s.time.count),
            Cell::micros(s.time.sum, true),
            Cell::micros(s.time.max, true),
            Cell::count(s.rows.sum),
            Cell::count(s.rows.max),
        ]
    };
    let node = |n: &crate::report::events::Node| {
        let mut row = vec![Cell::text(crate::clean(&n.name))];
        row.extend(amounts(&n.rows, count));
        row
    };
    let heads = ["node", "#times", "#rows", "#most"];
    Section {
        id: "plans",
        title: "Plans",
        note: format!(
            "{} read, {} could not be. Rows are those that auto_explain counted.",
            many(p.read, "plan"),
            count(p.not_read)
        ),
        tables: vec![
            table(
                "plan-statements",
                "By statement",
                &[
                    "statement",
                    "#plans",
                    "#times",
                    "#time",
                    "#longest",
                    "#rows",
                    "#most rows",
                ],
                p.statements.iter().map(plan).collect(),
            ),
            table(
                "plan-scans",
                "Sequential scans",
                &heads,
                p.seq_scans.iter().map(node).collect(),
            ),
            table("plan-nodes", "Nodes", &heads, p.nodes.iter().map(node).collect()),
        ],
    }
}
