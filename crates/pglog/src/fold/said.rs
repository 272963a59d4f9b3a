//! Counts what the log says beside durations.

use super::Fold;
use super::running::{Waiting, five_minutes};
use crate::event::{Event, Parsed};
use crate::message::connection::Connection;
use crate::message::deadlock::Deadlock;
use crate::message::failure::Message;
use crate::message::lock::{Lock, Outcome};
use crate::message::temporary::TemporaryFile;
use crate::message::vacuum::Vacuum;
use crate::message::{Effect, End, Said};
use crate::parse::is_failure;
use crate::record::Severity;
use crate::totals::{By, Caller, DeadlockStep, Locked, MessageSample};

/// Most texts of groups of messages and outlines of plans that are remembered.
const MOST_TEXTS: usize = 20_000;

impl Fold {
    pub(super) fn said(&mut self, chunk: &Parsed, event: &Event, who: [u32; 4], said: &Said) {
        match said {
            Said::Message(message) => self.message(chunk, event, who, message),
            Said::Lock(lock) => self.lock(chunk, event, lock),
            Said::TemporaryFile(file) => self.temporary_file(chunk, event, who, *file),
            Said::Checkpoint(checkpoint) => self.running.checkpoint(&mut self.totals, checkpoint, event.at),
            Said::Vacuum(vacuum) => self.vacuum(event, vacuum),
            Said::Connection(connection) => self.connection(chunk, event, who, connection),
            Said::Plan(plan) => self.plan(chunk, event, who, plan),
            Said::Pooler(pooler) => self.pooler(event, who, pooler),
        }
    }

    pub(super) fn names(&self, who: [u32; 4]) -> [Box<str>; 4] {
        std::array::from_fn(|i| self.totals.dimensions[i].names.name(who[i]).into())
    }

    pub(super) fn by(&self, who: [u32; 4]) -> Caller {
        let [application, user, database, _] = self.names(who);
        Caller {
            application,
            user,
            database,
        }
    }

    /// Keeps a text that a chunk hands on once only.
    pub(super) fn keep_text(&mut self, key: u64, text: Option<&str>) {
        if let Some(text) = text {
            if self.texts.len() >= MOST_TEXTS {
                self.texts.clear();
            }
            self.texts.entry(key).or_insert_with(|| text.into());
        }
    }

    fn message(&mut self, chunk: &Parsed, event: &Event, who: [u32; 4], message: &Message) {
        let fingerprint = message
            .statement
            .map(|index| chunk.statements[index as usize].fingerprint);
        if is_failure(event.severity) {
            self.failed(event, who, fingerprint);
        }
        self.keep_text(message.group, message.shown.as_deref());
        let caller = self.by(who);
        let messages = &mut self.totals.events.messages;
        let state: Option<Box<str>> = message.state.map(|s| String::from_utf8_lossy(&s).into());
        if is_failure(event.severity) {
            *messages.states.of(&state.clone().unwrap_or_default()) += 1;
        }
        let group = messages.groups.of(&message.group);
        if group.seen.count == 0 {
            group.severity = event.severity;
            group.state = state;
            group.category = message.category;
            group.text = self.texts.get(&message.group).cloned().unwrap_or_default();
            if self.options.with_values {
                let kept = |i: usize| chunk.text(message.texts[i]).into();
                group.sample = Some(Box::new(MessageSample {
                    message: kept(0),
                    detail: kept(1),
                    hint: kept(2),
                    context: kept(3),
                }));
            }
        }
        group.seen.at(event.at);
        *group.callers.of(&caller) += 1;
        if let Some(fingerprint) = fingerprint {
            *group.statements.of(&fingerprint) += 1;
        }
        match message.effect {
            Effect::Cancels(cancel) => {
                let cancels = messages.cancels.of(&cancel);
                cancels.seen.at(event.at);
                if let Some(fingerprint) = fingerprint {
                    *cancels.statements.of(&fingerprint) += 1;
                }
            }
            Effect::Ends(end) => {
                if end == End::Authentication {
                    let text = self.texts.get(&message.group).map_or("", |text| text);
                    let why = refused(text).into();
                    *self.totals.events.connections.refused.of(&why) += 1;
                }
                self.ends(event, end);
            }
            Effect::Deadlock => self.deadlock(chunk, event, message.deadlock.as_deref()),
            Effect::Clears(_) => self.running.clear(&mut self.totals),
            Effect::Event(_) | Effect::None => {}
        }
        if let Some(table) = &message.table {
            let vacuums = &mut self.totals.events.vacuums;
            vacuums.all.cancelled += 1;
            vacuums.tables.of(table).cancelled += 1;
        }
    }

    /// A statement failed, or a session.
    fn failed(&mut self, event: &Event, who: [u32; 4], fingerprint: Option<u64>) {
        if let Some(statement) = fingerprint.and_then(|f| self.totals.statements.get_mut(&f)) {
            statement.failures += 1;
            statement.caller([who[0], who[1], who[2]]).failures += 1;
        }
        // Nothing completes what failed.
        self.session(event).began = None;
        self.running.wait_ended(&mut self.totals.events.locks, event.pid);
    }

    /// A session ends in another way than by its client's goodbye.
    fn ends(&mut self, event: &Event, end: End) {
        // A warning or a line of the log comes before the end; a fatal error is it.
        if matches!(
            event.severity,
            Severity::Notice | Severity::Info | Severity::Debug
        ) {
            return;
        }
        let known = self.session(event).end;
        let ends = &mut self.totals.events.connections.ends;
        match known {
            None => *ends.of(&end) += 1,
            Some(End::Lost) if end == End::LostInTransaction => {
                if let Some(lost) = ends.get_mut(&End::Lost) {
                    *lost = lost.saturating_sub(1);
                }
                *ends.of(&end) += 1;
            }
            Some(_) => return,
        }
        self.session(event).end = Some(end);
    }

    fn deadlock(&mut self, chunk: &Parsed, event: &Event, deadlock: Option<&Deadlock>) {
        let Some(deadlock) = deadlock else {
            self.totals.events.locks.bare_deadlocks.at(event.at);
            return;
        };
        for statement in deadlock.waits.iter().filter_map(|wait| wait.statement) {
            self.meet(chunk, statement);
        }
        let locks = &mut self.totals.events.locks;
        let step = |wait: &crate::message::deadlock::Wait| DeadlockStep {
            statement: wait
                .statement
                .map_or(0, |index| chunk.statements[index as usize].fingerprint),
            mode: wait.mode.clone(),
            kind: wait.kind.into(),
        };
        let mut steps: Vec<DeadlockStep> = deadlock.waits.iter().map(step).collect();
        // A circle has no beginning: of all ways to write it down the first in order is taken.
        let turned = (0..steps.len()).map(|by| {
            let mut steps = steps.clone();
            steps.rotate_left(by);
            steps
        });
        steps = turned.min().unwrap_or_default();
        locks.deadlocks.of(&steps).at(event.at);
    }

    fn lock(&mut self, chunk: &Parsed, event: &Event, lock: &Lock) {
        let statement = lock
            .statement
            .map_or(0, |index| chunk.statements[index as usize].fingerprint);
        let wait = Waiting {
            object: lock.object,
            what: Locked {
                kind: lock.kind.into(),
                relation: lock.relation.clone().unwrap_or_default(),
                mode: lock.mode.clone(),
            },
            statement,
            holders: lock
                .holders
                .iter()
                .map(|pid| self.sessions.last_of(*pid))
                .collect(),
            micros: lock.micros,
            at: event.at,
        };
        let locks = &mut self.totals.events.locks;
        match lock.outcome {
            Outcome::Waiting => self.running.waits(locks, lock.pid, wait),
            Outcome::Acquired => self.running.acquired(locks, lock.pid, wait),
            Outcome::Avoided => {
                locks.avoided += 1;
                self.running.waits(locks, lock.pid, wait);
            }
            Outcome::Deadlock => {
                self.running.waits(locks, lock.pid, wait);
                self.running.wait_ended(locks, lock.pid);
            }
            Outcome::Failed => locks.failed += 1,
        }
    }

    fn temporary_file(&mut self, chunk: &Parsed, event: &Event, who: [u32; 4], file: TemporaryFile) {
        let caller = self.by(who);
        let temporary = &mut self.totals.events.temporary;
        temporary.all.add(file.bytes);
        temporary.callers.of(&caller).add(file.bytes);
        temporary.series.of(&five_minutes(event.at)).add(file.bytes);
        let fingerprint = file
            .statement
            .map_or(0, |index| chunk.statements[index as usize].fingerprint);
        temporary.statements.of(&fingerprint).add(file.bytes);
    }

    fn vacuum(&mut self, event: &Event, vacuum: &Vacuum) {
        let vacuums = &mut self.totals.events.vacuums;
        match vacuum {
            Vacuum::Done(work) => {
                let bucket = vacuums.series.of(&five_minutes(event.at));
                bucket.micros += work.elapsed;
                if work.is_analyze {
                    bucket.analyzes += 1;
                    vacuums.all.analyze.add(work);
                    vacuums.tables.of(&work.table).analyze.add(work);
                } else {
                    bucket.vacuums += 1;
                    vacuums.all.vacuum.add(work);
                    vacuums.tables.of(&work.table).vacuum.add(work);
                }
            }
            Vacuum::Skipped { table, .. } => {
                vacuums.all.skipped += 1;
                vacuums.tables.of(table).skipped += 1;
            }
        }
    }

    fn connection(&mut self, chunk: &Parsed, event: &Event, who: [u32; 4], connection: &Connection) {
        let options = self.options;
        let clean = |text: &[u8]| -> Box<str> { crate::clean(&String::from_utf8_lossy(text)).into() };
        let shown = |text| clean(chunk.text(text));
        let shown_host = |text| clean(options.shown_host(chunk.text(text)));
        match connection {
            Connection::Received { host } => {
                self.totals.events.connections.received += 1;
                let session = self.session(event);
                session.names.get_or_insert_default().names[By::Host as usize] = shown_host(*host);
            }
            Connection::Authenticated { method } => {
                *self.totals.events.connections.methods.of(method) += 1;
            }
            Connection::Authorized {
                user,
                database,
                application,
                is_encrypted,
                is_replication,
            } => {
                // Where the prefix has users, the one who is let in is known by now.
                self.running.fills |= who[By::User as usize] == 0;
                let names = self.session(event).names.get_or_insert_default();
                names.numbers = None;
                names.names[By::Application as usize] = shown(*application);
                names.names[By::User as usize] = shown(*user);
                names.names[By::Database as usize] = shown(*database);
                let names = names.names.clone();
                let connections = &mut self.totals.events.connections;
                connections.authorized += 1;
                connections.encrypted += u64::from(*is_encrypted);
                connections.replication += u64::from(*is_replication);
                self.running
                    .connected(connections, event.session, names, event.at);
            }
            Connection::Ended {
                micros,
                user,
                database,
                host,
            } => {
                let names = self
                    .running
                    .disconnected(event.session)
                    .unwrap_or_else(|| [Box::default(), shown(*user), shown(*database), shown_host(*host)]);
                let connections = &mut self.totals.events.connections;
                connections.disconnected += 1;
                connections.micros += micros;
                connections.longest = connections.longest.max(*micros);
                connections.times.record(*micros);
                connections.series.of(&five_minutes(event.at)).ended += 1;
                for (by, name) in connections.by.iter_mut().zip(&names) {
                    let of = by.of(name);
                    of.ended += 1;
                    of.micros += micros;
                }
                if self.session(event).end.replace(End::Normal).is_none() {
                    *self.totals.events.connections.ends.of(&End::Normal) += 1;
                }
                self.running.wait_ended(&mut self.totals.events.locks, event.pid);
            }
        }
    }

    /// Who a record is of whose prefix does not say it, but whose connection did.
    pub(super) fn filled(&mut self, event: &Event, who: [u32; 4]) -> [u32; 4] {
        let day = self.day.start;
        let session = self.sessions.get(event.session, event.at, event.pid);
        let Some(known) = &mut session.names else {
            return who;
        };
        let numbers = match known.numbers {
            Some((of_day, numbers)) if of_day == day => numbers,
            _ => {
                let numbers = std::array::from_fn(|i| {
                    self.totals.dimensions[i].names.number(known.names[i].as_bytes())
                });
                known.numbers = Some((day, numbers));
                numbers
            }
        };
        std::array::from_fn(|i| if who[i] == 0 { numbers[i] } else { who[i] })
    }
}

/// Why somebody was not let in: the method that failed, or what was wrong.
fn refused(text: &str) -> &str {
    if let Some((method, _)) = text.split_once(" authentication failed") {
        return method;
    }
    match text.split_once([' ', '"']) {
        Some(("no", rest)) if rest.starts_with("pg_hba.conf entry") => "no pg_hba.conf entry",
        Some(("pg_hba.conf", _)) => "pg_hba.conf rejects it",
        Some(("role", _)) => "no such role, or it may not log in",
        _ => "other",
    }
}
