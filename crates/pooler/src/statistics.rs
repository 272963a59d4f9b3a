//! What the pooler did: sums per database, averages over `stats_period`, the `stats:` line of the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::admin::CONSOLE;
use crate::hub::Hub;
use crate::log::Level;
use crate::pool::Totals;

/// Sums by database.
type Sums = BTreeMap<Arc<str>, Totals>;

/// Sums at the last two ends of a period: averages reach from the one before the last until now.
#[derive(Debug)]
pub struct Statistics(Mutex<Periods>);

#[derive(Debug)]
struct Periods {
    older: (Instant, Sums),
    newer: (Instant, Sums),
}

/// Sums since the start and averages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Sums since the start.
    pub total: Totals,
    /// Times: the mean of one transaction, query or wait, in microseconds; everything else: per second.
    pub average: Totals,
}

impl Default for Statistics {
    fn default() -> Self {
        let now = || (Instant::now(), Sums::new());
        Self(Mutex::new(Periods {
            older: now(),
            newer: now(),
        }))
    }
}

impl Statistics {
    fn lock(&self) -> MutexGuard<'_, Periods> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a period when it is due, and writes the line about it.
    pub(crate) fn tick(&self, hub: &Hub) {
        let settings = &hub.config.load().settings;
        let line = {
            let mut periods = self.lock();
            let lasted = periods.newer.0.elapsed();
            if settings.stats_period.is_zero() || lasted < settings.stats_period {
                return;
            }
            let ended = (Instant::now(), sums(hub));
            let newer = std::mem::replace(&mut periods.newer, ended);
            let (all, before) = (sum(&periods.newer.1), sum(&newer.1));
            periods.older = newer;
            line(&average(&all.since(&before), lasted))
        };
        if settings.log_stats {
            hub.log.line(Level::Log, &line);
        }
    }

    /// The figures of every database.
    pub fn of_databases(&self, hub: &Hub) -> BTreeMap<Arc<str>, Figures> {
        let periods = self.lock();
        let (since, before) = &periods.older;
        let figures = sums(hub).into_iter().map(|(name, total)| {
            let more = total.since(&before.get(&name).copied().unwrap_or_default());
            let average = average(&more, since.elapsed());
            (name, Figures { total, average })
        });
        figures.collect()
    }

    /// The figures of all databases together.
    pub fn of_all(&self, hub: &Hub) -> Figures {
        let periods = self.lock();
        let (since, before) = &periods.older;
        let total = sum(&sums(hub));
        Figures {
            total,
            average: average(&total.since(&sum(before)), since.elapsed()),
        }
    }
}

fn sums(hub: &Hub) -> Sums {
    let mut all = Sums::new();
    all.insert(CONSOLE.into(), hub.console_stats.totals());
    for pool in hub.pools() {
        all.entry(pool.key.database.clone())
            .or_default()
            .add(&pool.stats.totals());
    }
    all
}

fn sum(sums: &Sums) -> Totals {
    let mut all = Totals::default();
    for totals in sums.values() {
        all.add(totals);
    }
    all
}

/// What is done in a second, or what one takes on average.
fn average(more: &Totals, lasted: Duration) -> Totals {
    let micros = lasted.as_micros().max(1);
    let rate = |n: u64| u64::try_from(u128::from(n) * 1_000_000 / micros).unwrap_or(u64::MAX);
    let mean = |time: u64, n: u64| time.checked_div(n).unwrap_or_default();
    Totals {
        xacts: rate(more.xacts),
        queries: rate(more.queries),
        assignments: rate(more.assignments),
        received: rate(more.received),
        sent: rate(more.sent),
        xact_time: mean(more.xact_time, more.xacts),
        query_time: mean(more.query_time, more.queries),
        wait_time: mean(more.wait_time, more.assignments),
        client_parses: rate(more.client_parses),
        server_parses: rate(more.server_parses),
        binds: rate(more.binds),
    }
}

fn line(average: &Totals) -> String {
    format!(
        "stats: {} xacts/s, {} queries/s, {} client parses/s, {} server parses/s, {} binds/s, in {} B/s, out {} B/s, \
         xact {} us, query {} us, wait {} us",
        average.xacts,
        average.queries,
        average.client_parses,
        average.server_parses,
        average.binds,
        average.received,
        average.sent,
        average.xact_time,
        average.query_time,
        average.wait_time,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_become_rates_and_times_become_means() {
        let more = Totals {
            xacts: 10,
            queries: 40,
            assignments: 5,
            received: 1_000,
            sent: 2_001,
            xact_time: 1_000,
            query_time: 1_000,
            wait_time: 50,
            client_parses: 2,
            server_parses: 1,
            binds: 4,
        };
        let average = average(&more, Duration::from_secs(2));
        assert_eq!(
            line(&average),
            "stats: 5 xacts/s, 20 queries/s, 1 client parses/s, 0 server parses/s, 2 binds/s, in 500 B/s, out 1000 B/s, \
             xact 100 us, query 25 us, wait 10 us"
        );
    }

    #[test]
    fn nothing_done_is_zero_not_a_division_by_it() {
        assert_eq!(average(&Totals::default(), Duration::ZERO), Totals::default());
    }
}
