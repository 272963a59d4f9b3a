//! Makes a report of totals.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::model::{
    Bucket, Caller, Figures, Fine, Folded, Hour, Input, Logged, Named, Period, Records, Repeats, Report,
    Sample, Share, Statement, VERSION,
};
use super::words;
use crate::event::Counts;
use crate::record::Severity;
use crate::totals::{self, By, Histogram, StatementTotals, Totals};

/// What a report shows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Most statements in it.
    pub statements: usize,
    /// Most names of each kind.
    pub names: usize,
    /// Values may be shown.
    pub with_values: bool,
    /// The time zone for all times.
    pub time_zone: jiff::tz::TimeZone,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            statements: 1000,
            names: 100,
            with_values: false,
            time_zone: jiff::tz::TimeZone::UTC,
        }
    }
}

/// A report.
pub fn build(
    totals: &Totals,
    counts: &Counts,
    inputs: Vec<Input>,
    logged: Logged,
    settings: &Settings,
) -> Report {
    let time = |micros| words::time(micros, &settings.time_zone);
    let mut problems = words::problems(counts, &inputs);
    let logged = Logged {
        durations: totals.all.calls + totals.nameless.calls > 0,
        ..logged
    };
    // A pooler logs no durations.
    let is_of_pooler = totals.events.pooler.records > 0 && totals.severities.iter().all(|n| *n == 0);
    if counts.records == 0 {
        problems.insert(0, words::NOTHING.to_owned());
    }
    if totals.all.calls == 0 && counts.records > 0 && !is_of_pooler {
        problems.push(words::no_statements(totals));
    }
    let severities = [
        Severity::Debug,
        Severity::Info,
        Severity::Notice,
        Severity::Log,
        Severity::Warning,
        Severity::Error,
        Severity::Fatal,
        Severity::Panic,
    ];
    let of_severity = |s: Severity| (s.name().to_owned(), totals.severities[s as usize]);
    Report {
        version: VERSION,
        complete: inputs.iter().all(|i| i.failed.is_none())
            && counts.records > 0
            && counts.broken == 0
            && counts.too_long == 0
            && counts.unread == 0,
        inputs,
        problems,
        logged,
        time_zone: settings.time_zone.iana_name().unwrap_or("UTC").to_owned(),
        period: totals.period.map(|(from, to)| Period {
            from: time(from),
            to: time(to),
            micros: to - from,
        }),
        records: Records {
            read: counts.records,
            severities: severities
                .into_iter()
                .map(of_severity)
                .filter(|(_, n)| *n > 0)
                .collect(),
            orphans: counts.orphans,
            unread: counts.unread,
            ambiguous: counts.ambiguous,
            broken: counts.broken,
            too_long: counts.too_long,
            foreign: counts.foreign,
            timeless: counts.timeless,
        },
        all: figures(totals.all.calls, totals.all.micros, None, None, &totals.times),
        nameless: share(&totals.nameless),
        unfinished: share(&totals.unfinished),
        statements: statements(totals, settings),
        distinct_statements: totals.statements.len() as u64
            + totals.folded.values().map(|(n, _)| n).sum::<u64>(),
        folded: totals
            .folded
            .iter()
            .map(|(kind, (distinct, s))| {
                (
                    kind.name().to_owned(),
                    Folded {
                        distinct: *distinct,
                        share: share(s),
                    },
                )
            })
            .collect(),
        kinds: totals
            .kinds
            .iter()
            .map(|(kind, s)| (kind.name().to_owned(), share(s)))
            .collect(),
        by: by(totals, logged, settings),
        events: super::events::build(totals, settings),
        series: series(totals, totals::FIVE_MINUTES, time),
        hours: series(totals, totals::HOUR, time),
        fine: (totals.series.length() < totals::FIVE_MINUTES).then(|| Fine {
            seconds: (totals.series.length() / 1_000_000) as u32,
            buckets: series(totals, totals.series.length(), time),
        }),
    }
}

fn series(totals: &Totals, length: i64, time: impl Fn(i64) -> String) -> Vec<Bucket> {
    let bucket = |(from, bucket): (i64, totals::Bucket)| Bucket {
        from: time(from),
        calls: bucket.calls,
        writes: bucket.writes,
        micros: bucket.micros,
        p50: bucket.times.percentile(50.0),
        p95: bucket.times.percentile(95.0),
        p99: bucket.times.percentile(99.0),
        failures: bucket.failures,
    };
    totals.series.of_length(length).into_iter().map(bucket).collect()
}

fn share(share: &totals::Share) -> Share {
    Share {
        calls: share.calls,
        micros: share.micros,
        failures: share.failures,
    }
}

fn figures(calls: u64, micros: u64, min: Option<u64>, max: Option<u64>, times: &Histogram) -> Figures {
    // Of a bucket the highest value is known, of all the longest exactly.
    let longest = max.unwrap_or_else(|| times.percentile(100.0));
    let percentile = |p| times.percentile(p).min(longest);
    Figures {
        calls,
        micros,
        min: min.unwrap_or_else(|| times.percentile(0.0)),
        mean: micros.checked_div(calls).unwrap_or(0),
        p50: percentile(50.0),
        p95: percentile(95.0),
        p99: percentile(99.0),
        max: longest,
        histogram: powers_of_two(times),
    }
}

pub(super) fn powers_of_two(times: &Histogram) -> Vec<(u64, u64)> {
    let mut powers: BTreeMap<u64, u64> = BTreeMap::new();
    for (highest, count) in times.buckets() {
        *powers
            .entry(highest.max(1).checked_next_power_of_two().unwrap_or(u64::MAX))
            .or_default() += count;
    }
    powers.into_iter().collect()
}

fn by(totals: &Totals, logged: Logged, settings: &Settings) -> BTreeMap<String, Vec<Named>> {
    let is_logged = |by| match by {
        By::Application => logged.application,
        By::User => logged.user,
        By::Database => logged.database,
        By::Host => logged.host,
    };
    let mut all = BTreeMap::new();
    for by in By::ALL {
        let dimension = &totals.dimensions[by as usize];
        // What the prefix lacks, connections may have told.
        let is_told = || {
            dimension
                .shares
                .iter()
                .skip(1)
                .any(|s| *s != totals::Share::default())
        };
        if !is_logged(by) && !is_told() {
            continue;
        }
        let mut names: Vec<Named> = dimension
            .shares
            .iter()
            .enumerate()
            .filter(|(_, s)| **s != totals::Share::default())
            .map(|(number, s)| Named {
                name: dimension.names.name(number as u32).to_owned(),
                share: share(s),
            })
            .collect();
        names.sort_by(|a, b| (Reverse(a.share.micros), &a.name).cmp(&(Reverse(b.share.micros), &b.name)));
        names.truncate(settings.names);
        all.insert(by.name().to_owned(), names);
    }
    all
}

fn statements(totals: &Totals, settings: &Settings) -> Vec<Statement> {
    let mut order: Vec<(&u64, &StatementTotals)> = totals
        .statements
        .iter()
        .filter(|(_, s)| s.calls + s.failures + s.fetches + s.micros > 0)
        .collect();
    order.sort_unstable_by_key(|(fingerprint, s)| (Reverse(s.micros), **fingerprint));
    order.truncate(settings.statements);
    order
        .into_iter()
        .map(|(fingerprint, s)| statement(*fingerprint, s, totals, settings))
        .collect()
}

fn statement(fingerprint: u64, s: &StatementTotals, totals: &Totals, settings: &Settings) -> Statement {
    let name = |by: By, number: u32| totals.dimensions[by as usize].names.name(number).to_owned();
    let mut callers: Vec<Caller> = s
        .callers
        .iter()
        .map(|(caller, of)| Caller {
            application: name(By::Application, caller[0]),
            user: name(By::User, caller[1]),
            database: name(By::Database, caller[2]),
            share: share(of),
        })
        .collect();
    let key = |c: &Caller| {
        (
            Reverse(c.share.micros),
            c.application.clone(),
            c.user.clone(),
            c.database.clone(),
        )
    };
    callers.sort_by_key(key);
    let mut hours: Vec<(i64, u64, u64)> = s.hours.clone();
    hours.sort_unstable();
    let mut query_ids = s.query_ids.clone();
    query_ids.sort_unstable();
    let shown = |text: &[u8]| words::as_logged(text);
    Statement {
        id: format!("{fingerprint:016x}"),
        text: s.text.to_string(),
        kind: s.kind.name().to_owned(),
        statements: s.statements,
        cut: s.cut,
        figures: figures(
            s.calls,
            s.micros,
            (s.calls > 0).then_some(s.min).or(Some(0)),
            Some(s.max),
            &s.times,
        ),
        parse_micros: s.parse_micros,
        bind_micros: s.bind_micros,
        fetches: s.fetches,
        failures: s.failures,
        repeats: Repeats {
            in_session: s.repeats_in_session.0,
            in_session_micros: s.repeats_in_session.1,
            in_second: s.repeats_in_second.0,
            in_second_micros: s.repeats_in_second.1,
            runs: s.bursts.0,
            run_calls: s.bursts.1,
            run_micros: s.bursts.2,
        },
        query_ids,
        callers,
        hours: hours
            .into_iter()
            .map(|(hour, calls, micros)| Hour {
                from: words::time(hour * totals::HOUR, &settings.time_zone),
                calls,
                micros,
            })
            .collect(),
        slowest: s
            .slowest
            .iter()
            .map(|sample| Sample {
                at: words::time(sample.at, &settings.time_zone),
                micros: sample.micros,
                application: name(By::Application, sample.caller[0]),
                user: name(By::User, sample.caller[1]),
                database: name(By::Database, sample.caller[2]),
                pid: sample.pid,
                text: settings.with_values.then(|| shown(&sample.text)),
                parameters: (settings.with_values && !sample.parameters.is_empty())
                    .then(|| shown(&sample.parameters)),
            })
            .collect(),
    }
}
