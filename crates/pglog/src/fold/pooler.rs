//! Counts what a pooler says.

use super::Fold;
use super::running::five_minutes;
use crate::event::Event;
use crate::message::pooler::Pooler;

impl Fold {
    pub(super) fn pooler(&mut self, event: &Event, who: [u32; 4], said: &Pooler) {
        let caller = matches!(said, Pooler::Login { .. }).then(|| self.by(who));
        let totals = &mut self.totals.events.pooler;
        totals.records += 1;
        match said {
            Pooler::Login { is_encrypted } => {
                totals.logins += 1;
                totals.encrypted += u64::from(*is_encrypted);
                *totals.callers.of(&caller.unwrap_or_default()) += 1;
            }
            Pooler::Connected => totals.connected += 1,
            Pooler::Closed { side, why, micros } => {
                totals.closed.of(side).add(*micros);
                totals.reasons.of(&(*side, (*why).into())).add(*micros);
            }
            Pooler::Reserve => totals.reserve.at(event.at),
            Pooler::Noted(text) => totals.noted.of(&(event.severity, (*text).into())).at(event.at),
            Pooler::Stats(stats) => {
                totals.stats.add(stats);
                totals.series.of(&five_minutes(event.at)).add(stats);
            }
            Pooler::Other => totals.untold += 1,
        }
    }
}
