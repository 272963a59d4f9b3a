//! Totals of two logs, or of two days, added up.

use std::cmp::Reverse;

use super::{By, Merge, Names, StatementTotals, Totals};

/// For each kind of name: what the other's numbers are here.
type Numbers = [Vec<u32>; 4];

impl Totals {
    /// Adds another's. Of a statement's slowest executions `samples` stay.
    pub fn merge(&mut self, other: &Self, samples: usize) {
        if let Some((first, last)) = other.period {
            self.saw(first);
            self.saw(last);
        }
        for (mine, others) in self.severities.iter_mut().zip(other.severities) {
            *mine += others;
        }
        self.all.add(&other.all);
        self.times.merge(&other.times);
        self.nameless.add(&other.nameless);
        self.unfinished.add(&other.unfinished);
        for (kind, share) in &other.kinds {
            self.kinds.entry(*kind).or_default().add(share);
        }
        for (kind, (distinct, share)) in &other.folded {
            let (mine, sum) = self.folded.entry(*kind).or_default();
            *mine += distinct;
            sum.add(share);
        }
        self.series.merge(&other.series);
        self.events.merge(&other.events);
        let numbers = self.merge_names(other);
        let mut order: Vec<(&u64, &StatementTotals)> = other.statements.iter().collect();
        order.sort_unstable_by_key(|(fingerprint, _)| **fingerprint);
        for (fingerprint, statement) in order {
            let mine = self
                .statements
                .entry(*fingerprint)
                .or_insert_with(|| StatementTotals::new(&statement.known()));
            mine.merge(statement, &numbers, samples);
        }
        self.fold_away();
    }

    fn merge_names(&mut self, other: &Self) -> Numbers {
        By::ALL.map(|by| {
            let (mine, others) = (&mut self.dimensions[by as usize], &other.dimensions[by as usize]);
            let numbers: Vec<u32> = (0..others.names.len())
                .map(|n| mine.names.number_of(n, &others.names))
                .collect();
            for (number, share) in numbers.iter().zip(&others.shares) {
                mine.share(*number).add(share);
            }
            numbers
        })
    }
}

impl Names {
    /// Number here of a name that has a number there.
    fn number_of(&mut self, number: usize, there: &Self) -> u32 {
        match number {
            0 | 1 => number as u32,
            _ => self.number(there.name(number as u32).as_bytes()),
        }
    }
}

impl StatementTotals {
    fn merge(&mut self, other: &Self, numbers: &Numbers, samples: usize) {
        let here = |caller: [u32; 3]| {
            std::array::from_fn(|i| numbers[i].get(caller[i] as usize).copied().unwrap_or(1))
        };
        self.calls += other.calls;
        self.micros += other.micros;
        self.parse_micros += other.parse_micros;
        self.bind_micros += other.bind_micros;
        self.fetches += other.fetches;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.times.merge(&other.times);
        for (hour, calls, micros) in &other.hours {
            self.in_hour(*hour, *calls, *micros);
        }
        for (caller, share) in &other.callers {
            self.caller(here(*caller)).add(share);
        }
        let pairs = [
            (&mut self.repeats_in_session, other.repeats_in_session),
            (&mut self.repeats_in_second, other.repeats_in_second),
        ];
        for (mine, others) in pairs {
            mine.0 += others.0;
            mine.1 += others.1;
        }
        self.bursts.0 += other.bursts.0;
        self.bursts.1 += other.bursts.1;
        self.bursts.2 += other.bursts.2;
        self.failures += other.failures;
        for id in &other.query_ids {
            self.knows_as(*id);
        }
        for sample in &other.slowest {
            let mut sample = sample.clone();
            sample.caller = here(sample.caller);
            self.slowest.push(sample);
        }
        self.slowest.sort_by_key(|s| (Reverse(s.micros), s.at, s.pid));
        self.slowest.truncate(samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Kind;
    use crate::totals::{Known, Sample};

    fn totals(application: &str, at: i64, micros: u64) -> Totals {
        let mut totals = Totals::default();
        totals.saw(at);
        let number = totals.dimensions[By::Application as usize]
            .names
            .number(application.as_bytes());
        let known = Known {
            text: "select ?".into(),
            kind: Kind::Select,
            writes: false,
            statements: 1,
            cut: false,
        };
        let mut statement = StatementTotals::new(&known);
        statement.called(at, micros, [number, 0, 0]);
        statement.slowest.push(Sample {
            micros,
            at,
            caller: [number, 0, 0],
            pid: 1,
            text: Box::default(),
            parameters: Box::default(),
        });
        totals.statements.insert(7, statement);
        totals
    }

    #[test]
    fn names_keep_their_shares_whatever_their_numbers() {
        let mut one = totals("b", 1, 10);
        one.dimensions[0].names.number(b"c");
        one.merge(&totals("c", 2, 30), 1);
        let statement = &one.statements[&7];
        assert_eq!(
            (statement.calls, statement.micros, statement.min, statement.max),
            (2, 40, 10, 30)
        );
        let callers: Vec<&str> = statement
            .callers
            .iter()
            .map(|(c, _)| one.dimensions[0].names.name(c[0]))
            .collect();
        assert_eq!(callers, ["b", "c"]);
        assert_eq!(statement.slowest.len(), 1);
        assert_eq!(one.dimensions[0].names.name(statement.slowest[0].caller[0]), "c");
        assert_eq!(one.period, Some((1, 2)));
    }
}
