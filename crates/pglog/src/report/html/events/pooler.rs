//! A pooler's log.

use super::{Section, moment, table};
use crate::report::events::{Events, measures};
use crate::report::html::tables::Cell;
use crate::report::html::time::Time;
use crate::report::words::{count, length, many, named};

pub(super) fn pooler(events: &Events, time: &Time) -> Section {
    let p = &events.pooler;
    let age = |side: &str, upper: u64, n: u64| {
        vec![
            Cell::text(side),
            Cell::number(upper, format!("up to {}", length(upper))),
            Cell::count(n),
        ]
    };
    let mut ages = Vec::new();
    for c in &p.closed {
        ages.extend(c.histogram.iter().map(|(upper, n)| age(&c.side, *upper, *n)));
    }
    let reason = |r: &crate::report::events::PoolerReason| {
        vec![
            Cell::text(r.why.as_str()),
            Cell::text(r.side.as_str()),
            Cell::count(r.count),
            Cell::micros(r.p50, r.max > 0),
            Cell::micros(r.max, r.max > 0),
        ]
    };
    let note = |n: &crate::report::events::PoolerNote| {
        vec![
            Cell::text(n.text.as_str()),
            Cell::text(n.severity.as_str()),
            Cell::count(n.seen.count),
            moment(&n.seen.first, time),
            moment(&n.seen.last, time),
        ]
    };
    let caller = |c: &crate::report::events::PoolerCaller| {
        vec![
            Cell::text(named(&crate::clean(&c.database)).to_owned()),
            Cell::text(named(&crate::clean(&c.user)).to_owned()),
            Cell::count(c.logins),
        ]
    };
    let measured = measures(&p.stats).map(|(what, of, shown)| {
        vec![
            Cell::text(what),
            Cell::number(of.mean, shown(of.mean)),
            Cell::number(of.max, shown(of.max)),
        ]
    });
    let bucket = |b: &crate::report::events::PoolerBucket| {
        vec![
            moment(&b.from, time),
            Cell::count(b.stats.xacts.mean),
            Cell::count(b.stats.queries.mean),
            Cell::micros(b.stats.xact.mean, true),
            Cell::micros(b.stats.query.mean, true),
            Cell::micros(b.stats.wait.mean, true),
            Cell::micros(b.stats.wait.max, true),
        ]
    };
    let measured = measured.into_iter().filter(|_| p.stats.lines > 0);
    Section {
        id: "pooler",
        title: "The pooler",
        note: format!(
            "{} tried, {} with TLS; {} to servers; the reserve pool was used {}.",
            many(p.logins, "login"),
            count(p.encrypted),
            many(p.connected, "new connection"),
            many(p.reserve.count, "time")
        ),
        tables: vec![
            table(
                "pooler-reasons",
                "Why connections were closed",
                &["why", "side", "#times", "#half lasted", "#longest"],
                p.reasons.iter().map(reason).collect(),
            ),
            table(
                "pooler-ages",
                "How long they lasted",
                &["side", "time", "#connections"],
                ages,
            ),
            table(
                "pooler-notes",
                "Warnings and events",
                &["message", "severity", "#times", "#first", "#last"],
                p.noted.iter().map(note).collect(),
            ),
            table(
                "pooler-logins",
                "Logins",
                &["database", "user", "#logins"],
                p.callers.iter().map(caller).collect(),
            ),
            table(
                "pooler-measures",
                "What it measured",
                &["of what", "#on average", "#highest"],
                measured.collect(),
            ),
            table(
                "pooler-series",
                "By five minutes",
                &[
                    "#from",
                    "#transactions/s",
                    "#queries/s",
                    "#transaction",
                    "#query",
                    "#wait",
                    "#longest wait",
                ],
                p.series.iter().map(bucket).collect(),
            ),
        ],
    }
}
