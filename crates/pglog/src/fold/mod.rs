//! Adds up what chunks say, in the order of the log. Reading, telling apart and normalising is done by many in parallel; what
//! has to see everything in order, because a session's records belong together, is done here by one, and is little. So the
//! number of threads and the borders between chunks make no difference.

mod calendar;
mod dump;
mod open;
mod plans;
mod pooler;
mod running;
mod said;
mod sessions;
mod window;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use running::Running;
use sessions::{Pending, Session, Sessions};
use window::Seconds;

pub use calendar::{Calendar, Day};
pub use dump::Dump;
use dump::Line;
pub use open::{Open, Suspended};

use crate::choose::Choice;
use crate::event::{Counts, Duration, Event, Parsed, Stage, StatementAt, What};
use crate::hash::ByHash;
use crate::message::Said;
use crate::parse::is_failure;
use crate::sql::{Kind, Normalizer};
use crate::totals::{By, Known, MOST_STATEMENTS, Sample, Share, StatementTotals, Totals};

/// How the adding up is done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Slowest executions kept of each statement.
    pub samples: usize,
    /// Samples hold the statement's text with its values.
    pub with_values: bool,
    /// Most bytes of a statement's text kept in a sample.
    pub sample_bytes: usize,
}

impl Options {
    /// A client's address is a value: without values it is told whether it came over the network.
    fn shown_host(self, host: &[u8]) -> &[u8] {
        match host {
            _ if self.with_values => host,
            b"" | b"[local]" => host,
            _ => b"(network)",
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            samples: 3,
            with_values: false,
            sample_bytes: 10_000,
        }
    }
}

/// The totals so far, and what is open: whatever later records may complete.
#[derive(Debug, Default)]
pub struct Fold {
    options: Options,
    choice: Choice,
    calendar: Calendar,
    /// The day that is being counted, and its totals.
    day: Day,
    totals: Totals,
    /// The others, by their beginning.
    days: BTreeMap<i64, Totals>,
    counts: Counts,
    normalizer: Normalizer,
    /// Statements that were met and do not count.
    unwanted: ByHash<()>,
    sessions: Sessions,
    seconds: Seconds,
    dump: Dump,
    running: Running,
    /// What may be shown of messages and plans, by their hash.
    texts: ByHash<Box<str>>,
}

/// A statement that took time, joined of its steps.
struct Execution {
    fingerprint: u64,
    caller: [u32; 3],
    at: i64,
    pid: u32,
    /// Parse, Bind, Execute, µs.
    parts: [u64; 3],
    values: u64,
}

impl Fold {
    /// Nothing yet.
    pub fn new(options: Options, choice: Choice, calendar: Calendar) -> Self {
        Self {
            options,
            choice,
            calendar,
            ..Self::default()
        }
    }

    /// Adds a chunk: the one behind the last.
    pub fn add(&mut self, chunk: &mut Parsed) {
        self.counts.add(&chunk.counts);
        let events = std::mem::take(&mut chunk.events);
        let mut whos: Vec<[u32; 4]> = chunk.whos.iter().map(|who| self.numbers(chunk, who)).collect();
        let wanted: Vec<bool> = chunk
            .whos
            .iter()
            .map(|who| self.choice.wants_who(chunk, who))
            .collect();
        for event in &events {
            if !wanted[event.who as usize] || !self.choice.wants(event) {
                continue;
            }
            if !self.day.holds(event.at) {
                whos = self.turn_to(event.at, chunk);
            }
            self.event(chunk, event, whos[event.who as usize]);
        }
        for (session, planned) in self.sessions.take_planned(false) {
            self.count_planned(session, planned);
        }
        self.sessions.forget_old(&mut self.totals);
    }

    /// Writes every execution from now on as a line of CSV.
    pub fn dump_to(&mut self, dump: Dump) {
        self.dump = dump;
    }

    /// No more is written.
    pub fn take_dump(&mut self) -> Dump {
        std::mem::take(&mut self.dump)
    }

    /// What was counted so far, of the day that is current.
    pub fn so_far(&self) -> &Totals {
        &self.totals
    }

    /// What was counted, by the beginning of its day (µs since 1970 UTC), with what is open counted as far as it went; and
    /// what was read.
    pub fn finish(mut self) -> (BTreeMap<i64, Totals>, Counts) {
        for (session, planned) in self.sessions.take_planned(true) {
            self.count_planned(session, planned);
        }
        self.running.end_waits(&mut self.totals.events.locks);
        self.sessions.end_all(&mut self.totals);
        self.seconds.end(&mut self.totals);
        self.days.insert(self.day.start, self.totals);
        self.days.retain(|_, totals| totals.period.is_some());
        (self.days, self.counts)
    }

    /// Whether a statement counts; one that is met for the first time has an account from now on.
    fn meet(&mut self, chunk: &Parsed, index: u32) -> bool {
        let statement = &chunk.statements[index as usize];
        if self.totals.statements.contains_key(&statement.fingerprint) {
            return true;
        }
        if self.unwanted.contains_key(&statement.fingerprint) {
            return false;
        }
        let known = Known {
            text: self.normalizer.normalize(chunk.text(statement.raw)).text.into(),
            kind: statement.kind,
            writes: statement.writes,
            statements: statement.statements,
            cut: statement.cut,
        };
        if !self.choice.wants_statement(&known) {
            if self.unwanted.len() == MOST_STATEMENTS {
                self.unwanted.clear();
            }
            self.unwanted.insert(statement.fingerprint, ());
            return false;
        }
        self.totals.fold_away();
        self.totals
            .statements
            .insert(statement.fingerprint, StatementTotals::new(&known));
        true
    }

    /// From now on counts into the totals of the day of `at`.
    fn turn_to(&mut self, at: i64, chunk: &Parsed) -> Vec<[u32; 4]> {
        let day = self.calendar.day(at);
        // Its seconds are of the day that ends.
        self.seconds.end(&mut self.totals);
        let other = self.days.remove(&day.start).unwrap_or_default();
        let done = std::mem::replace(&mut self.totals, other);
        self.days.insert(self.day.start, done);
        self.day = day;
        chunk.whos.iter().map(|who| self.numbers(chunk, who)).collect()
    }

    /// Application, user, database and host as numbers.
    fn numbers(&mut self, chunk: &Parsed, who: &crate::event::Who) -> [u32; 4] {
        let texts = [who.application, who.user, who.database].map(|text| chunk.text(text));
        let [application, user, database] = texts;
        let names = [
            application,
            user,
            database,
            self.options.shown_host(chunk.text(who.host)),
        ];
        std::array::from_fn(|i| self.totals.dimensions[i].names.number(names[i]))
    }

    /// Whether an event counts, as far as its statement goes.
    fn is_chosen(&mut self, chunk: &Parsed, event: &Event) -> bool {
        if self.choice.errors_only && !is_failure(event.severity) {
            return false;
        }
        match event.what.statement() {
            Some(index) => self.meet(chunk, index) || !self.choice.is_of_statements(),
            None if !self.choice.is_of_statements() => true,
            // A duration alone is of the statement that began before it, which was chosen or was not noted.
            None => matches!(event.what, What::Duration(_)) && self.session(event).began.is_some(),
        }
    }

    fn event(&mut self, chunk: &Parsed, event: &Event, who: [u32; 4]) {
        if !self.is_chosen(chunk, event) {
            return;
        }
        if let What::Said(said) = &event.what
            && let Said::Pooler(said) = &**said
        {
            // Another program's: nothing of it counts as PostgreSQL's.
            self.totals.saw(event.at);
            return self.pooler(event, who, said);
        }
        let who = match self.running.fills && who.contains(&0) {
            true => self.filled(event, who),
            false => who,
        };
        self.totals.saw(event.at);
        self.totals.severities[event.severity as usize] += 1;
        match &event.what {
            What::Duration(duration) => self.duration(chunk, event, who, duration),
            What::Began(statement) => {
                let session = self.sessions.get(event.session, event.at, event.pid);
                session.began = Some((
                    chunk.statements[statement.statement as usize].fingerprint,
                    statement.values,
                ));
            }
            What::Said(said) => self.said(chunk, event, who, said),
            What::Other => self.totals.events.untold += 1,
        }
        if is_failure(event.severity) {
            self.totals.series.count(event.at, |bucket| bucket.failures += 1);
            for (by, number) in By::ALL.iter().zip(who) {
                self.totals.dimensions[*by as usize].share(number).failures += 1;
            }
        }
    }

    fn duration(&mut self, chunk: &Parsed, event: &Event, who: [u32; 4], duration: &Duration) {
        let Some(statement) = &duration.statement else {
            self.bare(chunk, event, who, duration.micros);
            return;
        };
        let fingerprint = chunk.statements[statement.statement as usize].fingerprint;
        let session = self.sessions.get(event.session, event.at, event.pid);
        // `log_statement` and a duration with the statement are not both written for one execution.
        session.began = None;
        let planned = session.covered(event.at, duration.micros);
        if !planned.is_empty() {
            self.count_planned(event.session, planned);
        }
        let session = self.sessions.get(event.session, event.at, event.pid);
        match duration.stage {
            Stage::Parse | Stage::Bind => {
                let is_bind = duration.stage == Stage::Bind;
                let left = session.wait(Pending {
                    fingerprint,
                    micros: duration.micros,
                    is_bind,
                });
                if let Some(left) = left {
                    left.count(&mut self.totals);
                }
            }
            Stage::Fetch => {
                if let Some(totals) = self.totals.statements.get_mut(&fingerprint) {
                    totals.fetches += 1;
                    totals.micros += duration.micros;
                    totals.caller([who[0], who[1], who[2]]).micros += duration.micros;
                }
                self.totals.all.micros += duration.micros;
            }
            Stage::Simple | Stage::Execute | Stage::FastPath | Stage::Bare => {
                let (parse, bind) = match duration.stage {
                    Stage::Execute => session.steps_of(fingerprint),
                    _ => (0, 0),
                };
                let execution = Execution {
                    fingerprint,
                    caller: [who[0], who[1], who[2]],
                    at: event.at,
                    pid: event.pid,
                    parts: [parse, bind, duration.micros],
                    values: statement.values,
                };
                self.executed(chunk, &execution, Some(statement), who);
            }
        }
    }

    fn session(&mut self, event: &Event) -> &mut Session {
        self.sessions.get(event.session, event.at, event.pid)
    }

    /// A duration alone: of the statement that the session began last, if `log_statement` wrote one.
    fn bare(&mut self, chunk: &Parsed, event: &Event, who: [u32; 4], micros: u64) {
        let session = self.sessions.get(event.session, event.at, event.pid);
        let Some((fingerprint, values)) = session.began.take() else {
            self.totals.nameless.calls += 1;
            self.totals.nameless.micros += micros;
            return;
        };
        let execution = Execution {
            fingerprint,
            caller: [who[0], who[1], who[2]],
            at: event.at,
            pid: event.pid,
            parts: [0, 0, micros],
            values,
        };
        self.executed(chunk, &execution, None, who);
    }

    fn executed(
        &mut self,
        chunk: &Parsed,
        execution: &Execution,
        statement: Option<&StatementAt>,
        who: [u32; 4],
    ) {
        let [parse, bind, execute] = execution.parts;
        let micros = parse + bind + execute;
        let Some(totals) = self.totals.statements.get_mut(&execution.fingerprint) else {
            // It began on another day, or was added up with others since.
            self.totals.count_folded(Kind::Other, micros);
            return;
        };
        totals.called(execution.at, micros, execution.caller);
        totals.parse_micros += parse;
        totals.bind_micros += bind;
        if let Some(id) = statement.and_then(|s| s.query_id) {
            totals.knows_as(id);
        }
        let (kind, writes) = (totals.kind, totals.writes);
        if let Some(statement) = statement {
            keep_sample(totals, self.options, chunk, execution, statement, micros);
        }
        if self.dump.is_wanted() {
            let (raw, parameters) = match statement.filter(|_| self.options.with_values) {
                Some(statement) => (chunk.text(statement.text), chunk.text(statement.parameters)),
                None => (totals.text.as_bytes(), &b""[..]),
            };
            self.dump.write(&Line {
                at: execution.at,
                pid: execution.pid,
                who: By::ALL.map(|by| self.totals.dimensions[by as usize].names.name(who[by as usize])),
                parts: execution.parts,
                fingerprint: execution.fingerprint,
                text: raw,
                parameters,
            });
        }
        let share = Share {
            calls: 1,
            micros,
            failures: 0,
        };
        self.totals.all.add(&share);
        self.totals.times.record(micros);
        self.totals.kinds.entry(kind).or_default().add(&share);
        for (by, number) in By::ALL.iter().zip(who) {
            self.totals.dimensions[*by as usize].share(number).add(&share);
        }
        self.totals.series.count(execution.at, |bucket| {
            bucket.calls += 1;
            bucket.micros += micros;
            bucket.times.record(micros);
            bucket.writes += u64::from(writes);
        });
        if kind == Kind::Transaction {
            return;
        }
        let asked = execution.values ^ execution.fingerprint;
        let session = self.sessions.last();
        session.last = execution.fingerprint;
        session.executed(
            &mut self.totals,
            execution.fingerprint,
            asked,
            execution.at,
            micros,
        );
        if kind == Kind::Select && !writes {
            self.seconds.executed(
                &mut self.totals,
                execution.fingerprint,
                asked,
                execution.at,
                micros,
            );
        }
    }
}

/// Keeps an execution among the slowest of its statement; of equals the earliest.
fn keep_sample(
    totals: &mut StatementTotals,
    options: Options,
    chunk: &Parsed,
    execution: &Execution,
    statement: &StatementAt,
    micros: u64,
) {
    let key = |micros, at, pid| (Reverse(micros), at, pid);
    let new = key(micros, execution.at, execution.pid);
    let at = totals
        .slowest
        .partition_point(|s| key(s.micros, s.at, s.pid) <= new);
    if at >= options.samples {
        return;
    }
    let kept = |text: &[u8]| match options.with_values {
        true => text[..text.len().min(options.sample_bytes)].into(),
        false => Box::default(),
    };
    let sample = Sample {
        micros,
        at: execution.at,
        caller: execution.caller,
        pid: execution.pid,
        text: kept(chunk.text(statement.text)),
        parameters: kept(chunk.text(statement.parameters)),
    };
    totals.slowest.truncate(options.samples.saturating_sub(1));
    totals.slowest.insert(at, sample);
}

impl Session {
    fn executed(&mut self, totals: &mut Totals, fingerprint: u64, asked: u64, at: i64, micros: u64) {
        if self.window.asked_before(asked)
            && let Some(statement) = totals.statements.get_mut(&fingerprint)
        {
            statement.repeats_in_session.0 += 1;
            statement.repeats_in_session.1 += micros;
        }
        self.window.note(totals, fingerprint, asked, at, micros);
    }
}
