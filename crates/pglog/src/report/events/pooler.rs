//! pgbouncer's or `canvass pool`'s own log.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Builder, Seen};
use crate::report::text::{Done, shortened, title};
use crate::report::words::{bytes, count, length, named};
use crate::totals;

/// What a pooler says of its connections and its work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pooler {
    /// Its records; they count in no other section.
    pub records: u64,
    /// Logins that were tried.
    pub logins: u64,
    /// Of them, with TLS.
    pub encrypted: u64,
    /// Logins by database and user, the most first.
    pub callers: Vec<PoolerCaller>,
    /// New connections to servers.
    pub connected: u64,
    /// Connections that ended, by whose they were.
    pub closed: Vec<PoolerClosed>,
    /// The same by whose and why, the most first.
    pub reasons: Vec<PoolerReason>,
    /// How often the reserve pool was used.
    pub reserve: Seen,
    /// Warnings, errors, and what an operator should see, the most first.
    pub noted: Vec<PoolerNote>,
    /// Statistics; `lines` is 0 when they are not logged (`log_stats`).
    pub stats: PoolerStats,
    /// Five minutes each.
    pub series: Vec<PoolerBucket>,
    /// Records that say something else.
    pub untold: u64,
}

/// Logins to a database by a user.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerCaller {
    /// The database.
    pub database: String,
    /// The user.
    pub user: String,
    /// How many.
    pub logins: u64,
}

/// Connections that ended, of one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerClosed {
    /// `client` or `server`.
    pub side: String,
    /// How many.
    pub count: u64,
    /// Half were as old or younger, µs.
    pub p50: u64,
    /// 95 %, µs.
    pub p95: u64,
    /// The oldest, µs.
    pub max: u64,
    /// (highest µs, how many), in powers of two.
    pub histogram: Vec<(u64, u64)>,
}

/// Why connections ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerReason {
    /// `client` or `server`.
    pub side: String,
    /// Why, in the pooler's words and without values; `(other)`: in words that are not known.
    pub why: String,
    /// How many.
    pub count: u64,
    /// Half were as old or younger, µs.
    pub p50: u64,
    /// The oldest, µs.
    pub max: u64,
}

/// A warning, an error, or what an operator should see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerNote {
    /// How serious.
    pub severity: String,
    /// The beginning of the words, without values; `(other)`: not known.
    pub text: String,
    /// How often, and when.
    pub seen: Seen,
}

/// What was measured, each as a mean and the highest of the lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerStats {
    /// How many lines.
    pub lines: u64,
    /// Transactions a second.
    pub xacts: PoolerMeasure,
    /// Queries a second.
    pub queries: PoolerMeasure,
    /// Bytes a second from clients.
    pub received: PoolerMeasure,
    /// Bytes a second to clients.
    pub sent: PoolerMeasure,
    /// µs of a transaction.
    pub xact: PoolerMeasure,
    /// µs of a query.
    pub query: PoolerMeasure,
    /// µs that a client waited for a server.
    pub wait: PoolerMeasure,
}

/// A mean and the highest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolerMeasure {
    /// On average; times are weighed by the transactions or queries a second.
    pub mean: u64,
    /// The highest line's.
    pub max: u64,
}

/// Five minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PoolerBucket {
    /// When they begin.
    pub from: String,
    /// What was measured in them.
    #[serde(flatten)]
    pub stats: PoolerStats,
}

impl From<totals::Measure> for PoolerMeasure {
    fn from(measure: totals::Measure) -> Self {
        let mean = measure.sum.checked_div(measure.weight).unwrap_or(0);
        Self {
            mean: mean.min(measure.max),
            max: measure.max,
        }
    }
}

impl From<&totals::PoolerStats> for PoolerStats {
    fn from(stats: &totals::PoolerStats) -> Self {
        Self {
            lines: stats.lines,
            xacts: stats.xacts.into(),
            queries: stats.queries.into(),
            received: stats.received.into(),
            sent: stats.sent.into(),
            xact: stats.xact.into(),
            query: stats.query.into(),
            wait: stats.wait.into(),
        }
    }
}

pub(super) fn build(builder: &Builder<'_>, p: &totals::Pooler) -> Pooler {
    let age = |c: &totals::Closed, percent| c.ages.percentile(percent).min(c.oldest);
    let closed = |(side, c): (&crate::message::pooler::Side, &totals::Closed)| PoolerClosed {
        side: side.name().to_owned(),
        count: c.count,
        p50: age(c, 50.0),
        p95: age(c, 95.0),
        max: c.oldest,
        histogram: crate::report::build::powers_of_two(&c.ages),
    };
    let reasons = p.reasons.largest(usize::MAX, |c| c.count);
    let noted = p.noted.largest(usize::MAX, |seen| seen.count);
    let callers = p.callers.largest(builder.settings.names, |logins| *logins);
    Pooler {
        records: p.records,
        logins: p.logins,
        encrypted: p.encrypted,
        callers: callers
            .into_iter()
            .map(|(caller, logins)| PoolerCaller {
                database: caller.database.to_string(),
                user: caller.user.to_string(),
                logins: *logins,
            })
            .collect(),
        connected: p.connected,
        closed: p.closed.iter().map(closed).collect(),
        reasons: reasons
            .into_iter()
            .map(|((side, why), c)| PoolerReason {
                side: side.name().to_owned(),
                why: why.to_string(),
                count: c.count,
                p50: age(c, 50.0),
                max: c.oldest,
            })
            .collect(),
        reserve: builder.seen(&p.reserve),
        noted: noted
            .into_iter()
            .map(|((severity, text), seen)| PoolerNote {
                severity: severity.name().to_owned(),
                text: text.to_string(),
                seen: builder.seen(seen),
            })
            .collect(),
        stats: (&p.stats).into(),
        series: p
            .series
            .iter()
            .map(|(from, stats)| PoolerBucket {
                from: builder.time(*from),
                stats: stats.into(),
            })
            .collect(),
        untold: p.untold,
    }
}

pub(super) fn write(out: &mut String, p: &Pooler, top: usize) -> Done {
    if p.records == 0 {
        return Ok(());
    }
    title(out, "The pooler")?;
    writeln!(
        out,
        "{:>11}  logins tried, {} with TLS; {} new connections to servers",
        count(p.logins),
        count(p.encrypted),
        count(p.connected)
    )?;
    if p.reserve.count > 0 {
        writeln!(
            out,
            "{:>11}  uses of the reserve pool, last at {}",
            count(p.reserve.count),
            p.reserve.last
        )?;
    }
    if !p.closed.is_empty() {
        writeln!(
            out,
            "{:>11} {:>10} {:>10}  closed because",
            "times", "half", "oldest"
        )?;
    }
    let all = p
        .closed
        .iter()
        .map(|c| (format!("{}, all", c.side), c.count, c.p50, c.max));
    let reason = |r: &PoolerReason| (format!("{}: {}", r.side, r.why), r.count, r.p50, r.max);
    for (why, times, half, oldest) in all.chain(p.reasons.iter().take(top).map(reason)) {
        writeln!(
            out,
            "{:>11} {:>10} {:>10}  {}",
            count(times),
            length(half),
            length(oldest),
            shortened(&why, 44)
        )?;
    }
    if !p.noted.is_empty() {
        writeln!(out, "{:>11} {:<7}  said", "times", "")?;
    }
    for note in p.noted.iter().take(top) {
        writeln!(
            out,
            "{:>11} {:<7}  {}",
            count(note.seen.count),
            note.severity,
            shortened(&note.text, 58)
        )?;
    }
    if !p.callers.is_empty() {
        writeln!(out, "{:>11}  database/user", "logins")?;
    }
    for c in p.callers.iter().take(top) {
        let name = format!("{}/{}", named(&c.database), named(&c.user));
        writeln!(
            out,
            "{:>11}  {}",
            count(c.logins),
            shortened(&crate::clean(&name), 60)
        )?;
    }
    write_stats(out, &p.stats)?;
    if p.untold > 0 {
        writeln!(out, "{:>11}  other records are not told apart", count(p.untold))?;
    }
    Ok(())
}

fn write_stats(out: &mut String, stats: &PoolerStats) -> Done {
    if stats.lines == 0 {
        return writeln!(out, "work and waits: not logged (log_stats)");
    }
    writeln!(out, "{:>11} {:>9}  of what it measured", "on average", "highest")?;
    for (what, of, shown) in measures(stats) {
        writeln!(out, "{:>11} {:>9}  {what}", shown(of.mean), shown(of.max))?;
    }
    Ok(())
}

type Shown = fn(u64) -> String;

/// What is measured, by name, and how it is written.
pub(in crate::report) fn measures(stats: &PoolerStats) -> [(&'static str, PoolerMeasure, Shown); 7] {
    [
        ("transactions a second", stats.xacts, count),
        ("queries a second", stats.queries, count),
        ("bytes a second from clients", stats.received, bytes),
        ("bytes a second to clients", stats.sent, bytes),
        ("of a transaction", stats.xact, length),
        ("of a query", stats.query, length),
        ("of a client's wait for a server", stats.wait, length),
    ]
}
