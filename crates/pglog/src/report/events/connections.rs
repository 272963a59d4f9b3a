//! Connections and sessions.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::Builder;
use crate::report::text::{Done, shortened, title};
use crate::report::words::{count, length};
use crate::totals::{self, By};

/// Connections and sessions. Sessions that began before the log are not among the simultaneous ones.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Connections {
    /// Connections that came.
    pub received: u64,
    /// That were let in.
    pub authorized: u64,
    /// Of them, encrypted.
    pub encrypted: u64,
    /// Of them, for replication.
    pub replication: u64,
    /// Sessions whose end is logged.
    pub disconnected: u64,
    /// How long they lasted on average, µs.
    pub mean: u64,
    /// Half lasted as long or shorter, µs.
    pub p50: u64,
    /// 95 %, µs.
    pub p95: u64,
    /// The longest, µs.
    pub max: u64,
    /// (highest µs, how many sessions), in powers of two.
    pub histogram: Vec<(u64, u64)>,
    /// The most at one time; `None`: beginnings or ends are not logged.
    pub peak: Option<Peak>,
    /// How they ended, or did not begin, the most first.
    pub ends: Vec<End>,
    /// How they were authenticated (14).
    pub methods: Vec<Method>,
    /// Authentication that failed, by method, or by what was wrong.
    pub refused: Vec<Method>,
    /// By application, user, database, and host if values may be shown.
    pub by: BTreeMap<String, Vec<SessionsOf>>,
    /// Five minutes each.
    pub series: Vec<ConnectionBucket>,
}

/// The most sessions at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Peak {
    /// How many.
    pub sessions: u64,
    /// When there were so many for the first time.
    pub at: String,
}

/// One way in which sessions ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// How.
    pub how: String,
    /// How many.
    pub count: u64,
}

/// One way of authentication.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Method {
    /// `scram-sha-256`, ….
    pub method: String,
    /// How many.
    pub count: u64,
}

/// Sessions of one name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SessionsOf {
    /// The name.
    pub name: String,
    /// Sessions that began.
    pub connections: u64,
    /// Sessions that ended.
    pub ended: u64,
    /// How long those lasted on average, µs.
    pub mean: u64,
    /// The most at one time; `None`: not logged.
    pub peak: Option<Peak>,
}

/// Five minutes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ConnectionBucket {
    /// When they begin.
    pub from: String,
    /// Sessions that began.
    pub began: u64,
    /// Sessions that ended.
    pub ended: u64,
    /// The most at one time, seen when one began.
    pub peak: u64,
}

pub(super) fn build(builder: &Builder<'_>, c: &totals::Connections) -> Connections {
    let percentile = |p| c.times.percentile(p).min(c.longest);
    let is_known = c.authorized > 0 && c.disconnected > 0;
    let peak = |peak: &totals::Peak| {
        (is_known && peak.sessions > 0).then(|| Peak {
            sessions: peak.sessions,
            at: builder.time(peak.at),
        })
    };
    let ends = c.ends.largest(usize::MAX, |count| *count);
    let mut by = BTreeMap::new();
    for of in By::ALL {
        let largest = c.by[of as usize].largest(builder.settings.names, |s| (s.connections, s.ended));
        let named: Vec<SessionsOf> = largest
            .into_iter()
            .map(|(name, s)| SessionsOf {
                name: name.to_string(),
                connections: s.connections,
                ended: s.ended,
                mean: s.micros.checked_div(s.ended).unwrap_or(0),
                peak: peak(&s.peak),
            })
            .collect();
        if !named.is_empty() {
            by.insert(of.name().to_owned(), named);
        }
    }
    Connections {
        received: c.received,
        authorized: c.authorized,
        encrypted: c.encrypted,
        replication: c.replication,
        disconnected: c.disconnected,
        mean: c.micros.checked_div(c.disconnected).unwrap_or(0),
        p50: percentile(50.0),
        p95: percentile(95.0),
        max: c.longest,
        histogram: crate::report::build::powers_of_two(&c.times),
        peak: peak(&c.peak),
        ends: ends
            .into_iter()
            .filter(|(_, count)| **count > 0)
            .map(|(end, count)| End {
                how: end.name().to_owned(),
                count: *count,
            })
            .collect(),
        methods: named(&c.methods),
        refused: named(&c.refused),
        by,
        series: c
            .series
            .iter()
            .map(|(from, b)| ConnectionBucket {
                from: builder.time(*from),
                began: b.began,
                ended: b.ended,
                peak: b.peak,
            })
            .collect(),
    }
}

fn named(methods: &totals::Ledger<Box<str>, u64, 50>) -> Vec<Method> {
    let largest = methods.largest(usize::MAX, |count| *count);
    let named = largest.into_iter().map(|(method, count)| Method {
        method: method.to_string(),
        count: *count,
    });
    named.collect()
}

pub(super) fn write(out: &mut String, c: &Connections, top: usize) -> Done {
    if c.received + c.authorized + c.disconnected == 0 && c.ends.is_empty() {
        return Ok(());
    }
    title(out, "Connections")?;
    writeln!(
        out,
        "{:>11}  came, {} let in, {} encrypted",
        count(c.received),
        count(c.authorized),
        count(c.encrypted)
    )?;
    if c.disconnected > 0 {
        writeln!(
            out,
            "{:>11}  ended; half lasted {} at most, 95 % {}, the longest {}",
            count(c.disconnected),
            length(c.p50),
            length(c.p95),
            length(c.max)
        )?;
    }
    match &c.peak {
        Some(peak) => writeln!(
            out,
            "{:>11}  at one time at most, first at {}",
            count(peak.sessions),
            peak.at
        )?,
        None => writeln!(
            out,
            "the most at one time: not logged (log_connections, log_disconnections)"
        )?,
    }
    for end in &c.ends {
        writeln!(out, "{:>11}  {}", count(end.count), end.how)?;
    }
    for refused in &c.refused {
        writeln!(out, "{:>11}  refused: {}", count(refused.count), refused.method)?;
    }
    for (by, named) in &c.by {
        writeln!(out, "{:>11} {:>9} {:>9}  {by}", "sessions", "at once", "lasted")?;
        for of in named.iter().take(top) {
            let peak = of.peak.as_ref().map_or("-".to_owned(), |p| count(p.sessions));
            let name = if of.name.is_empty() { "(none)" } else { &of.name };
            writeln!(
                out,
                "{:>11} {peak:>9} {:>9}  {}",
                count(of.connections),
                if of.ended == 0 {
                    "-".to_owned()
                } else {
                    length(of.mean)
                },
                shortened(&crate::clean(name), 40)
            )?;
        }
    }
    Ok(())
}
