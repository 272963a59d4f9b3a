//! What the pooler did: sums, averages over `stats_period`, the `stats:` line of the log.

use std::sync::Arc;
use std::time::Instant;

use crate::hub::Hub;
use crate::log::Level;
use crate::pool::Totals;

/// Sums at the last two ends of a period.
#[derive(Debug)]
pub(crate) struct Statistics {
    at: Instant,
    last: Totals,
}

impl Statistics {
    pub(crate) fn new(hub: &Hub) -> Self {
        Self {
            at: Instant::now(),
            last: sums(hub),
        }
    }

    /// Writes the line when it is due.
    pub(crate) fn tick(&mut self, hub: &Arc<Hub>) {
        let settings = &hub.config.load().settings;
        if self.at.elapsed() < settings.stats_period || settings.stats_period.is_zero() {
            return;
        }
        let now = sums(hub);
        let more = now.since(&self.last);
        let seconds = self.at.elapsed().as_secs_f64();
        (self.at, self.last) = (Instant::now(), now);
        if settings.log_stats {
            hub.log.line(Level::Log, &line(&more, seconds));
        }
    }
}

fn sums(hub: &Hub) -> Totals {
    let mut sum = Totals::default();
    for pool in hub.pools() {
        sum.add(&pool.stats.totals());
    }
    sum
}

fn line(more: &Totals, seconds: f64) -> String {
    let rate = |n: u64| (n as f64 / seconds) as u64;
    let mean = |time: u64, n: u64| time.checked_div(n).unwrap_or_default();
    format!(
        "stats: {} xacts/s, {} queries/s, {} client parses/s, {} server parses/s, {} binds/s, in {} B/s, out {} B/s, \
         xact {} us, query {} us, wait {} us",
        rate(more.xacts),
        rate(more.queries),
        rate(more.client_parses),
        rate(more.server_parses),
        rate(more.binds),
        rate(more.received),
        rate(more.sent),
        mean(more.xact_time, more.xacts),
        mean(more.query_time, more.queries),
        rate(more.wait_time),
    )
}
