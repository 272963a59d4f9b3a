//! Turns records into events: tells messages apart, names statements and speakers once a chunk.

use std::borrow::Cow;

use crate::event::{Duration, Event, Parsed, Stage, Statement, StatementAt, Text, What, Who};
use crate::hash::{ByHash, hash};
use crate::message::{self, Said, duration};
use crate::record::{Record, Severity};
use crate::sql::{Kind, Normalizer};
use crate::time::Clock;

/// What a worker remembers from chunk to chunk.
#[derive(Default)]
pub struct Memory {
    /// Its clock.
    pub clock: Clock,
    normalizer: Normalizer,
    /// Statements by the hash of their text as logged: prepared ones come again and again.
    recent: Vec<Recent>,
}

#[derive(Clone, Copy)]
struct Recent {
    raw: u64,
    fingerprint: u64,
    kind: Kind,
    writes: bool,
    statements: u32,
    cut: bool,
}

/// Slots of [`Memory::recent`]: a power of two.
const RECENT: usize = 1 << 13;
/// Statements longer than this are not looked for among recent ones: their values differ.
const LONG: usize = 16 << 10;

/// Writes a chunk's events.
pub struct Scribe<'b, 'm> {
    bytes: &'b [u8],
    /// What the worker remembers.
    pub memory: &'m mut Memory,
    /// What has been written.
    pub out: Parsed,
    whos: ByHash<u32>,
    statements: ByHash<u32>,
    last_at: Option<i64>,
    speaker: Vec<u8>,
    /// Groups of messages and shapes of plans that occurred.
    groups: ByHash<()>,
}

impl<'b, 'm> Scribe<'b, 'm> {
    /// For a chunk.
    pub fn new(bytes: &'b [u8], memory: &'m mut Memory, out: Parsed) -> Self {
        Self {
            bytes,
            memory,
            out,
            whos: ByHash::default(),
            statements: ByHash::default(),
            last_at: None,
            speaker: Vec::new(),
            groups: ByHash::default(),
        }
    }

    /// What was written.
    pub fn done(mut self) -> Parsed {
        let zone = self.memory.clock.unknown_zone.take();
        self.out.counts.unknown_zone = zone.map(|z| String::from_utf8_lossy(&z).into_owned());
        self.out
    }

    /// Something of a broken form stands at `place`.
    pub fn broken(&mut self, place: &[u8]) {
        self.out.counts.broken += 1;
        let at = place.as_ptr() as usize - self.bytes.as_ptr() as usize;
        self.out.counts.first_bad.get_or_insert(at as u64);
    }

    /// Writes a record.
    pub fn record(&mut self, record: &Record<'_>) {
        self.write(record, Self::what);
    }

    /// Writes a record that another program than PostgreSQL wrote.
    pub fn said(&mut self, record: &Record<'_>, said: Said) {
        self.write(record, |_, _| What::Said(Box::new(said)));
    }

    fn write(&mut self, record: &Record<'_>, what: impl FnOnce(&mut Self, &Record<'_>) -> What) {
        self.out.counts.records += 1;
        let Some(at) = record.at.or(self.last_at) else {
            self.out.counts.timeless += 1;
            return;
        };
        self.out.counts.timeless += u64::from(record.at.is_none());
        self.last_at = Some(at);
        let what = what(self, record);
        let session = match &record.session {
            Some(session) => hash(session),
            None => u64::from(record.pid.unwrap_or(0)),
        };
        let who = self.who(record);
        self.out.events.push(Event {
            at,
            session,
            pid: record.pid.unwrap_or(0),
            who,
            severity: record.severity,
            what,
        });
    }

    fn what(&mut self, record: &Record<'_>) -> What {
        if let Some(state) = verbose_state(&record.message) {
            let message = match &record.message {
                Cow::Borrowed(text) => Cow::Borrowed(&text[7..]),
                Cow::Owned(text) => Cow::Owned(text[7..].to_vec()),
            };
            return self.what_of(&Record {
                sqlstate: Some(state),
                message,
                ..record.clone()
            });
        }
        self.what_of(record)
    }

    fn what_of(&mut self, record: &Record<'_>) -> What {
        if record.severity == Severity::Log {
            if let Some(told) = duration::told(&record.message) {
                if told.plan.is_none() {
                    let statement = told.sql.map(|sql| self.statement_at(sql, told.stage, record));
                    return What::Duration(Duration {
                        micros: told.micros,
                        stage: told.stage,
                        statement,
                    });
                }
            } else if let Some((stage, sql)) = duration::began(&record.message) {
                return What::Began(self.statement_at(sql, stage, record));
            }
        }
        if let Some(said) = message::told(record, self) {
            return What::Said(Box::new(said));
        }
        if record.severity == Severity::Log
            && let Some(told) = duration::translated(&record.message)
        {
            self.out.counts.foreign += 1;
            let statement = told.sql.map(|sql| self.statement_at(sql, told.stage, record));
            return What::Duration(Duration {
                micros: told.micros,
                stage: told.stage,
                statement,
            });
        }
        What::Other
    }

    fn statement_at(&mut self, sql: &[u8], stage: Stage, record: &Record<'_>) -> StatementAt {
        let (statement, raw) = self.statement(sql);
        let detail = record.detail.as_deref().and_then(duration::parameters);
        let values = match (stage, detail) {
            (Stage::Parse, _) | (_, None) => raw,
            (_, Some(parameters)) => raw ^ hash(parameters).rotate_left(1),
        };
        StatementAt {
            statement,
            values,
            text: self.text(sql),
            parameters: detail.map_or(Text::default(), |d| self.text(d)),
            query_id: record.query_id,
        }
    }

    /// Names a statement: its index in this chunk, and a hash of its text with its literals.
    pub fn statement(&mut self, sql: &[u8]) -> (u32, u64) {
        let raw = hash(sql);
        let memory = &mut *self.memory;
        if memory.recent.is_empty() {
            let nothing = Recent {
                raw: 0,
                fingerprint: 0,
                kind: Kind::Other,
                writes: false,
                statements: 0,
                cut: false,
            };
            memory.recent = vec![nothing; RECENT];
        }
        let slot = raw as usize % RECENT;
        let mut recent = memory.recent[slot];
        if recent.raw != raw || sql.len() > LONG {
            let normal = memory.normalizer.normalize(sql);
            recent = Recent {
                raw,
                fingerprint: normal.fingerprint,
                kind: normal.kind,
                writes: normal.writes,
                statements: normal.statements,
                cut: normal.cut,
            };
            memory.recent[slot] = recent;
        }
        if let Some(index) = self.statements.get(&recent.fingerprint) {
            return (*index, raw);
        }
        let index = self.out.statements.len() as u32;
        self.statements.insert(recent.fingerprint, index);
        let text = self.text(sql);
        self.out.statements.push(Statement {
            fingerprint: recent.fingerprint,
            raw: text,
            kind: recent.kind,
            writes: recent.writes,
            statements: recent.statements,
            cut: recent.cut,
        });
        (index, raw)
    }

    /// A piece of a statement without its values.
    pub fn normalized(&mut self, sql: &[u8]) -> String {
        self.memory.normalizer.normalize(sql).text.to_owned()
    }

    /// Whether a statement stops within a literal, a name or a comment.
    pub fn is_cut(&mut self, sql: &[u8]) -> bool {
        self.memory.normalizer.normalize(sql).cut
    }

    /// Whether a group of messages or a shape of plans occurs for the first time in this chunk.
    pub fn is_first(&mut self, group: u64) -> bool {
        self.groups.insert(group, ()).is_none()
    }

    /// Where a text stands: in the chunk, or else from now on in the arena.
    pub fn text(&mut self, text: &[u8]) -> Text {
        let length = text.len() as u32;
        let (base, at) = (self.bytes.as_ptr() as usize, text.as_ptr() as usize);
        if at >= base && at + text.len() <= base + self.bytes.len() {
            return Text {
                start: (at - base) as u32,
                length,
            };
        }
        if text.is_empty() {
            return Text::default();
        }
        let start = self.out.arena.len() as u32 | Text::ARENA;
        self.out.arena.extend_from_slice(text);
        Text { start, length }
    }

    fn who(&mut self, record: &Record<'_>) -> u32 {
        let names = [
            &record.user,
            &record.database,
            &record.application,
            &record.host,
            &record.backend,
        ];
        let names = names.map(|n| n.as_deref().unwrap_or_default());
        self.speaker.clear();
        for name in names {
            self.speaker.extend_from_slice(name);
            self.speaker.push(0);
        }
        let key = hash(&self.speaker);
        if let Some(who) = self.whos.get(&key) {
            return *who;
        }
        let [user, database, application, host, backend] = names.map(|name| self.text(name));
        let who = self.out.whos.len() as u32;
        self.out.whos.push(Who {
            user,
            database,
            application,
            host,
            backend,
        });
        self.whos.insert(key, who);
        who
    }
}

/// The SQLSTATE before a message, as `log_error_verbosity = verbose` has it: `42P01: relation …`.
fn verbose_state(message: &[u8]) -> Option<[u8; 5]> {
    if message.get(5..7) != Some(b": ") {
        return None;
    }
    let state: [u8; 5] = message[..5].try_into().ok()?;
    state
        .iter()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        .then_some(state)
}
