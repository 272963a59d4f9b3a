//! `log_line_prefix`: its escapes, and lines read by it.

mod ambiguous;
mod find;

pub use find::find;
pub(crate) use find::is_record;

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;

use crate::record::{Part, some};
use crate::time::{self, Clock};

/// Longest user, database and application name, in bytes (`NAMEDATALEN` - 1).
const NAME: usize = 63;

/// Places at which fields of a line are tried to end: an ordinary line needs some dozens at most.
const MOST_TRIES: u32 = 400;

/// What an escape of `log_line_prefix` stands for (PostgreSQL's documentation, section "What to Log").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `%a`.
    Application,
    /// `%u`.
    User,
    /// `%d`.
    Database,
    /// `%r`: host and port.
    HostPort,
    /// `%h`.
    Host,
    /// `%b`.
    Backend,
    /// `%p`.
    Pid,
    /// `%P`.
    Leader,
    /// `%t`, `%m`.
    Time,
    /// `%n`.
    Epoch,
    /// `%i`.
    Tag,
    /// `%e`.
    SqlState,
    /// `%c`.
    Session,
    /// `%l`.
    Line,
    /// `%s`.
    Started,
    /// `%v`.
    VirtualTransaction,
    /// `%x`.
    Transaction,
    /// `%Q`.
    QueryId,
    /// `%L` (PostgreSQL 18): the local address.
    LocalHost,
}

impl Field {
    fn of(letter: u8) -> Option<Self> {
        Some(match letter {
            b'a' => Self::Application,
            b'u' => Self::User,
            b'd' => Self::Database,
            b'r' => Self::HostPort,
            b'h' => Self::Host,
            b'b' => Self::Backend,
            b'p' => Self::Pid,
            b'P' => Self::Leader,
            b't' | b'm' => Self::Time,
            b'n' => Self::Epoch,
            b'i' => Self::Tag,
            b'e' => Self::SqlState,
            b'c' => Self::Session,
            b'l' => Self::Line,
            b's' => Self::Started,
            b'v' => Self::VirtualTransaction,
            b'x' => Self::Transaction,
            b'Q' => Self::QueryId,
            b'L' => Self::LocalHost,
            _ => return None,
        })
    }

    /// Fields whose text is whatever a client or an administrator chose: they end where the next part of the prefix begins.
    fn is_free(self) -> bool {
        matches!(
            self,
            Self::Application
                | Self::User
                | Self::Database
                | Self::HostPort
                | Self::Host
                | Self::LocalHost
                | Self::Backend
                | Self::Tag
        )
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Literal(Box<[u8]>),
    Field(Field),
    /// `%q`: processes without a session write nothing from here on.
    Quit,
}

/// A `log_line_prefix`, ready to read lines by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    text: String,
    steps: Vec<Step>,
    /// Where the application name stands, if there is one.
    application: Option<usize>,
}

/// Why a `log_line_prefix` cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPrefix(pub String);

impl fmt::Display for BadPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadPrefix {}

/// A line's beginning, as its prefix told it.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// µs since 1970 UTC.
    pub at: Option<i64>,
    /// The process.
    pub pid: Option<u32>,
    /// `%c`.
    pub session: Option<&'a [u8]>,
    /// `%l`.
    pub line: Option<u64>,
    /// `%u`.
    pub user: &'a [u8],
    /// `%d`.
    pub database: &'a [u8],
    /// `%a`.
    pub application: &'a [u8],
    /// `%h` or `%r`, without the port.
    pub host: &'a [u8],
    /// `%b`.
    pub backend: &'a [u8],
    /// `%e`.
    pub sqlstate: Option<[u8; 5]>,
    /// `%Q`.
    pub query_id: Option<i64>,
    /// What the line begins.
    pub part: Part,
    /// Its word, such as `LOG`.
    pub word: &'a [u8],
    /// Where its text begins.
    pub text_at: usize,
    /// The line can be read in two ways, because its application name looks like the rest of a line.
    pub ambiguous: bool,
}

impl Prefix {
    /// From a `log_line_prefix` as in `postgresql.conf`.
    ///
    /// # Errors
    /// An escape that does not exist, or two names with nothing between them.
    pub fn parse(text: &str) -> Result<Self, BadPrefix> {
        let mut steps = Vec::new();
        let mut literal = Vec::new();
        let mut bytes = text.bytes().peekable();
        while let Some(byte) = bytes.next() {
            if byte != b'%' {
                literal.push(byte);
                continue;
            }
            // Padding, as in %-10u: spaces before or behind, which every field is read without.
            while bytes.next_if(|b| *b == b'-' || b.is_ascii_digit()).is_some() {}
            let letter = bytes
                .next()
                .ok_or_else(|| BadPrefix(format!("prefix {text:?} ends in the middle of an escape")))?;
            let step = match letter {
                b'%' => {
                    literal.push(b'%');
                    continue;
                }
                b'q' => Step::Quit,
                _ => Step::Field(Field::of(letter).ok_or_else(|| {
                    let letter = char::from(letter);
                    BadPrefix(format!(
                        "prefix {text:?}: %{letter} is no escape of log_line_prefix"
                    ))
                })?),
            };
            if !literal.is_empty() {
                steps.push(Step::Literal(std::mem::take(&mut literal).into()));
            }
            steps.push(step);
        }
        if !literal.is_empty() {
            steps.push(Step::Literal(literal.into()));
        }
        let fields: Vec<&Step> = steps.iter().filter(|s| **s != Step::Quit).collect();
        for pair in fields.windows(2) {
            if let [Step::Field(a), Step::Field(_)] = pair
                && a.is_free()
            {
                let problem = "has two fields with nothing between them: where one ends cannot be told";
                return Err(BadPrefix(format!("prefix {text:?} {problem}")));
            }
        }
        let application = steps.iter().position(|s| *s == Step::Field(Field::Application));
        Ok(Self {
            text: text.to_owned(),
            steps,
            application,
        })
    }

    /// As in `postgresql.conf`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether lines carry this field.
    pub fn has(&self, field: Field) -> bool {
        self.steps.contains(&Step::Field(field))
    }

    /// Whether a line that this prefix does not read is a record all the same, of another prefix: it begins with a time, as
    /// this prefix does, and a severity follows. What continues a record begins with a tab.
    pub fn is_of_another(&self, line: &[u8]) -> bool {
        let mut clock = Clock::default();
        let begins = match self.steps.first() {
            Some(Step::Field(Field::Time)) => clock.read(line).is_some(),
            Some(Step::Field(Field::Epoch)) => time::epoch(line).is_some_and(|(_, length)| length >= 10),
            _ => false,
        };
        let start = &line[..line.len().min(1024)];
        begins && Walk::new(start, &mut clock, true).next_severity(0).is_some()
    }

    /// Reads the line's beginning; `None`: it is no line of this prefix, so it continues the one before.
    pub fn read<'a>(&self, line: &'a [u8], clock: &mut Clock) -> Option<Head<'a>> {
        let mut walk = Walk::new(line, clock, false);
        if !walk.steps(&self.steps, 0) {
            walk.loose = true;
            if !walk.steps(&self.steps, 0) {
                return None;
            }
        }
        let application_at = walk.application_at;
        let mut head = walk.head;
        if application_at != usize::MAX && self.application.is_some() {
            head.ambiguous = ambiguous::is_ambiguous(self, line, application_at, &head, clock);
        }
        Some(head)
    }
}

impl Head<'_> {
    fn empty() -> Self {
        Self {
            at: None,
            pid: None,
            session: None,
            line: None,
            user: b"",
            database: b"",
            application: b"",
            host: b"",
            backend: b"",
            sqlstate: None,
            query_id: None,
            part: Part::Location,
            word: b"",
            text_at: 0,
            ambiguous: false,
        }
    }
}

/// A name, unless it says that there is none.
pub(crate) fn name(text: &[u8]) -> Option<Cow<'_, [u8]>> {
    if text == b"[unknown]" { None } else { some(text) }
}

struct Walk<'a, 'c> {
    line: &'a [u8],
    clock: &'c mut Clock,
    head: Head<'a>,
    application_at: usize,
    /// Background workers of extensions have names of their own, and names may hold spaces: tried when nothing else fits.
    loose: bool,
    /// Places tried.
    tries: u32,
}

impl<'a, 'c> Walk<'a, 'c> {
    fn new(line: &'a [u8], clock: &'c mut Clock, loose: bool) -> Self {
        Self {
            line,
            clock,
            head: Head::empty(),
            application_at: usize::MAX,
            loose,
            tries: 0,
        }
    }

    /// Follows the steps from `at`, and then the severity.
    fn steps(&mut self, steps: &[Step], mut at: usize) -> bool {
        for (index, step) in steps.iter().enumerate() {
            match step {
                Step::Literal(literal) => {
                    if !self.line[at..].starts_with(literal) {
                        return false;
                    }
                    at += literal.len();
                }
                Step::Field(field) if field.is_free() => return self.free(*field, &steps[index + 1..], at),
                Step::Field(field) => {
                    let padded = self.line[at..].iter().take_while(|b| **b == b' ').count();
                    match self.fixed(*field, &self.line[at + padded..]) {
                        Some(length) => at += padded + length,
                        None if optional(*field) => {}
                        None => return false,
                    }
                    if let Some(Step::Literal(next)) = steps.get(index + 1)
                        && next.first() != Some(&b' ')
                    {
                        at += self.line[at..].iter().take_while(|b| **b == b' ').count();
                    }
                }
                Step::Quit => {
                    if self.severity(at) {
                        return true;
                    }
                }
            }
        }
        self.severity(at)
    }

    /// A field of any text: up to the first place from where the rest of the prefix can be followed.
    fn free(&mut self, field: Field, rest: &[Step], start: usize) -> bool {
        let end = self.line.len().min(start + 256);
        let next = rest.iter().find(|s| **s != Step::Quit);
        let mut at = start;
        // An address of colons between colons.
        if let (Field::HostPort, Some(Step::Literal(literal))) = (field, next)
            && literal.first() == Some(&b':')
            && let Some((length, true)) = find::host(&self.line[start..])
            && self.steps(rest, start + length)
        {
            self.set_free(field, &self.line[start..start + length]);
            return true;
        }
        while at <= end {
            self.tries += 1;
            if self.tries > MOST_TRIES {
                return false;
            }
            at = match next {
                Some(Step::Literal(literal)) => {
                    match find_literal(&self.line[at..self.line.len().min(end + literal.len())], literal) {
                        Some(offset) => at + offset,
                        None => return false,
                    }
                }
                // Followed by the severity.
                _ => match self.next_severity(at) {
                    Some(at) => at,
                    None => return false,
                },
            };
            if at > end {
                return false;
            }
            let text = self.line[start..at].trim_ascii();
            if self.fits(field, text) && self.steps(rest, at) {
                self.set_free(field, text);
                if field == Field::Application {
                    self.application_at = start;
                }
                return true;
            }
            at += 1;
        }
        false
    }

    /// Whether a field can be this text. That matters where an application name with spaces stands before it.
    fn fits(&self, field: Field, text: &[u8]) -> bool {
        match field {
            Field::Host | Field::HostPort | Field::LocalHost => memchr::memchr(b' ', text).is_none(),
            Field::Application => text.len() <= NAME,
            Field::User | Field::Database => {
                text.len() <= NAME && (self.loose || memchr::memchr(b' ', text).is_none())
            }
            Field::Backend => self.loose || text.is_empty() || is_backend(text),
            _ => true,
        }
    }

    /// Where a severity's word begins, from `at` on.
    fn next_severity(&self, at: usize) -> Option<usize> {
        let mut from = at;
        loop {
            let colon = from + memmem::find(&self.line[from..], b":  ")?;
            let word = word_before(&self.line[at..colon]);
            if Part::of(word).is_some() {
                return Some(colon - word.len());
            }
            from = colon + 1;
        }
    }

    fn severity(&mut self, at: usize) -> bool {
        let rest = &self.line[at..];
        // The longest word of a translation has 39 bytes.
        let Some(colon) = memchr::memchr(b':', &rest[..rest.len().min(48)]) else {
            return false;
        };
        let word = &rest[..colon];
        let Some(part) = Part::of(word) else { return false };
        // A message may be empty; two spaces, or nothing at all.
        let behind = &rest[colon + 1..];
        let spaces = behind.iter().take(2).take_while(|b| **b == b' ').count();
        if spaces < 2 && spaces != behind.len() {
            return false;
        }
        self.head.part = part;
        self.head.word = word;
        self.head.text_at = at + colon + 1 + spaces;
        true
    }

    fn fixed(&mut self, field: Field, text: &'a [u8]) -> Option<usize> {
        match field {
            Field::Time => {
                let (at, length) = self.clock.read(text)?;
                self.head.at = Some(at);
                Some(length)
            }
            Field::Epoch => {
                let (at, length) = time::epoch(text)?;
                self.head.at = Some(at);
                Some(length)
            }
            Field::Started => self.clock.read(text).map(|(_, length)| length),
            Field::Pid => {
                let (number, length) = time::digits(text)?;
                self.head.pid = Some(u32::try_from(number).ok()?);
                Some(length)
            }
            Field::Line => {
                let (number, length) = time::digits(text)?;
                self.head.line = Some(number);
                Some(length)
            }
            Field::Session => {
                let is_of = |b: &&u8| b.is_ascii_hexdigit() || **b == b'.';
                let length = text.iter().take_while(is_of).count();
                memchr::memchr(b'.', &text[..length])?;
                self.head.session = Some(&text[..length]);
                Some(length)
            }
            Field::SqlState => {
                let state: [u8; 5] = text.get(..5)?.try_into().ok()?;
                let is_one = state.iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase());
                self.head.sqlstate = is_one.then_some(state);
                is_one.then_some(5)
            }
            Field::QueryId => {
                let minus = usize::from(text.first() == Some(&b'-'));
                let (number, length) = time::digits(&text[minus..])?;
                // The lowest number has no positive counterpart.
                let number = i128::from(number) * if minus == 1 { -1 } else { 1 };
                let id = i64::try_from(number).ok()?;
                self.head.query_id = (id != 0).then_some(id);
                Some(minus + length)
            }
            Field::Leader | Field::Transaction => {
                let (number, length) = time::digits(text)?;
                u32::try_from(number).ok().map(|_| length)
            }
            Field::VirtualTransaction => {
                let length = text
                    .iter()
                    .take_while(|b| b.is_ascii_digit() || **b == b'/')
                    .count();
                memchr::memchr(b'/', &text[..length])?;
                Some(length)
            }
            _ => None,
        }
    }

    fn set_free(&mut self, field: Field, text: &'a [u8]) {
        let head = &mut self.head;
        match field {
            Field::Application => head.application = text,
            Field::User => head.user = text,
            Field::Database => head.database = text,
            Field::Host => head.host = text,
            Field::HostPort => head.host = without_port(text),
            Field::Backend => head.backend = text,
            _ => {}
        }
    }
}

/// Where a prefix's literal, one character nearly always, comes next.
fn find_literal(line: &[u8], literal: &[u8]) -> Option<usize> {
    match literal {
        [byte] => memchr::memchr(*byte, line),
        _ => memmem::find(line, literal),
    }
}

/// Fields that some processes leave empty.
fn optional(field: Field) -> bool {
    matches!(
        field,
        Field::Leader | Field::VirtualTransaction | Field::Transaction | Field::QueryId
    )
}

/// PostgreSQL's own processes (`miscinit.c`, `GetBackendTypeDesc`, and the names that parallel and logical replication workers give
/// themselves), of versions 13 to 18.
fn is_backend(text: &[u8]) -> bool {
    matches!(
        text,
        b"client backend"
            | b"autovacuum launcher"
            | b"autovacuum worker"
            | b"background worker"
            | b"background writer"
            | b"checkpointer"
            | b"startup"
            | b"walreceiver"
            | b"walsender"
            | b"walwriter"
            | b"walsummarizer"
            | b"archiver"
            | b"stats collector"
            | b"logger"
            | b"postmaster"
            | b"slotsync worker"
            | b"standalone backend"
            | b"io worker"
            | b"dead-end client backend"
            | b"parallel worker"
            | b"logical replication launcher"
            | b"logical replication worker"
            | b"logical replication apply worker"
            | b"logical replication parallel worker"
            | b"logical replication tablesync worker"
            | b"not initialized"
    )
}

/// `10.1.2.3(5432)` without its port.
pub(crate) fn without_port(text: &[u8]) -> &[u8] {
    match text.last() {
        Some(b')') => memchr::memrchr(b'(', text).map_or(text, |open| &text[..open]),
        _ => text,
    }
}

/// The last word of `text`: a severity has no spaces before its colon.
fn word_before(text: &[u8]) -> &[u8] {
    let from = text
        .iter()
        .rposition(|b| b.is_ascii() && !b.is_ascii_uppercase() && !b.is_ascii_digit())
        .map_or(0, |at| at + 1);
    &text[from..]
}

#[cfg(test)]
mod tests;
