//! The rankings: the first few statements by each measure.

use super::statements::MEASURES;
use crate::clean::clean;
use crate::report::events::StatementAmount;
use crate::report::model::{Report, Statement};
use crate::report::words::{self, count, length};

/// The first few by a measure.
pub struct Rank {
    pub title: &'static str,
    pub note: &'static str,
    pub rows: Vec<Ranked>,
}

/// A statement in a ranking.
pub struct Ranked {
    pub id: String,
    pub text: String,
    pub value: String,
    /// Per cent of the first's.
    pub bar: f64,
}

/// The first five by each measure of which there is something.
pub fn ranks(report: &Report) -> Vec<Rank> {
    let all = [
        (0, "Most time in all", ""),
        (1, "Most frequent", ""),
        (2, "Slowest on average", ""),
        (
            4,
            "Slowest by p95",
            "95 of a hundred executions took at most so long",
        ),
        (
            5,
            "Slowest by p99",
            "99 of a hundred executions took at most so long",
        ),
        (7, "Most errors", ""),
        (
            8,
            "Asked again: worth a cache",
            "time of executions with the same values as another in the same second",
        ),
        (
            9,
            "One by one (N+1): worth one statement for all",
            "time in runs of at least ten with other values in a session",
        ),
    ];
    let events = &report.events;
    let cancelled = events.messages.cancelled.iter().flat_map(|c| &c.statements);
    let mut cancellations: Vec<(&str, &str, u64)> = Vec::new();
    for s in cancelled {
        match cancellations.iter_mut().find(|(id, ..)| *id == s.id) {
            Some((_, _, count)) => *count += s.count,
            None => cancellations.push((&s.id, &s.text, s.count)),
        }
    }
    cancellations.sort_by_key(|(id, _, count)| (std::cmp::Reverse(*count), *id));
    let amounts = |all: &'_ [StatementAmount]| -> Vec<(String, String, u64)> {
        let of = |s: &StatementAmount| (s.id.clone(), s.text.clone(), s.amount.sum);
        all.iter().map(of).collect()
    };
    let owned = |(id, text, n): (&str, &str, u64)| (id.to_owned(), text.to_owned(), n);
    let others = [
        other(
            "Longest waits for locks",
            amounts(&events.locks.statements),
            length,
        ),
        other(
            "Most temporary bytes",
            amounts(&events.temporary.statements),
            words::bytes,
        ),
        other(
            "Most cancelled",
            cancellations.into_iter().map(owned).collect(),
            count,
        ),
    ];
    all.into_iter()
        .map(|(measure, title, note)| rank(report, measure, title, note))
        .chain(others)
        .filter(|rank| !rank.rows.is_empty())
        .collect()
}

/// Of what is no figure of a statement: (identifier, text, how much), the most first.
fn other(title: &'static str, rows: Vec<(String, String, u64)>, shown: fn(u64) -> String) -> Rank {
    let first = rows.first().map_or(1, |(_, _, n)| *n).max(1) as f64;
    let rows = rows.into_iter().filter(|(id, ..)| !id.is_empty()).take(5);
    Rank {
        title,
        note: "",
        rows: rows
            .map(|(id, text, n)| Ranked {
                id,
                text: words::fit(&clean(&text), 120),
                value: shown(n),
                bar: (1000.0 * n as f64 / first).round() / 10.0,
            })
            .collect(),
    }
}

fn rank(report: &Report, measure: usize, title: &'static str, note: &'static str) -> Rank {
    let of = MEASURES[measure].2;
    let mut order: Vec<&Statement> = report.statements.iter().filter(|s| of(s) > 0).collect();
    // Stable: equals stay in the order of total time.
    order.sort_by_key(|s| std::cmp::Reverse(of(s)));
    let first = order.first().map_or(1, |s| of(s)).max(1) as f64;
    let rows = order
        .into_iter()
        .take(5)
        .map(|s| Ranked {
            id: s.id.clone(),
            text: words::fit(&clean(&s.text), 120),
            value: match measure {
                1 | 7 => count(of(s)),
                _ => length(of(s)),
            },
            bar: (1000.0 * of(s) as f64 / first).round() / 10.0,
        })
        .collect();
    Rank { title, note, rows }
}
