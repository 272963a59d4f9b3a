//! What is open when a log ends, and may be completed by a later run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::running::Running;
use super::sessions::Sessions;
use super::window::Seconds;
use super::{Calendar, Day, Fold, Options};
use crate::choose::Choice;
use crate::event::Counts;
use crate::totals::Totals;

/// What is open. Of the log's text it holds names of users, databases, applications, hosts and relations, and no values.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Open {
    sessions: Sessions,
    seconds: Seconds,
    running: Running,
}

/// A fold that stopped, to go on in another run.
#[derive(Debug)]
pub struct Suspended {
    /// What was counted, by the beginning of its day (µs since 1970 UTC).
    pub days: BTreeMap<i64, Totals>,
    /// What was read.
    pub counts: Counts,
    /// What is open.
    pub open: Open,
}

impl Fold {
    /// Stops, without ending what is open.
    pub fn suspend(mut self) -> Suspended {
        self.days.insert(self.day.start, self.totals);
        self.days.retain(|_, totals| totals.period.is_some());
        Suspended {
            days: self.days,
            counts: self.counts,
            open: Open {
                sessions: self.sessions,
                seconds: self.seconds,
                running: self.running,
            },
        }
    }

    /// Goes on where another run stopped; `last` are the totals of the last day so far, to which what is open belongs.
    pub fn resume(
        options: Options,
        choice: Choice,
        calendar: Calendar,
        open: Open,
        last: Option<(Day, Totals)>,
    ) -> Self {
        let mut fold = Self::new(options, choice, calendar);
        (fold.sessions, fold.seconds, fold.running) = (open.sessions, open.seconds, open.running);
        if let Some((day, totals)) = last {
            (fold.day, fold.totals) = (day, totals);
        }
        fold
    }
}
