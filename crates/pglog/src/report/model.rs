//! A report's content, as `--json` writes it. Times of day are RFC 3339, lengths of time are µs as integers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::parse::Format;
use crate::prefix::Field;

/// The version of this form; it grows when a field changes its meaning or goes.
pub const VERSION: u32 = 1;

/// Everything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`].
    pub version: u32,
    /// What was read.
    pub inputs: Vec<Input>,
    /// Nothing that should have been read is missing.
    pub complete: bool,
    /// What the reader has to know before believing a figure.
    pub problems: Vec<String>,
    /// Which facts the log holds.
    pub logged: Logged,
    /// The time zone in which hours and days are cut and times are shown.
    pub time_zone: String,
    /// From the first to the last record.
    pub period: Option<Period>,
    /// Counts of records.
    pub records: Records,
    /// All executions together.
    pub all: Figures,
    /// Durations that the log gives without a statement.
    pub nameless: Share,
    /// Parse and Bind without an execution.
    pub unfinished: Share,
    /// Statements, most total time first.
    pub statements: Vec<Statement>,
    /// How many distinct statements there were, shown or not.
    pub distinct_statements: u64,
    /// Statements that were added up by what they do, because there were too many.
    pub folded: BTreeMap<String, Folded>,
    /// By what they do.
    pub kinds: BTreeMap<String, Share>,
    /// By application, user, database and host.
    pub by: BTreeMap<String, Vec<Named>>,
    /// Five minutes each; those in which nothing was are left out.
    pub series: Vec<Bucket>,
    /// An hour each, as far as there is something.
    pub hours: Vec<Bucket>,
    /// Shorter pieces, when the log does not have too many of them.
    pub fine: Option<Fine>,
    /// What the log says beside durations.
    pub events: super::events::Events,
}

/// A log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// As it was named.
    pub name: String,
    /// `stderr`, `csvlog`, ….
    pub format: String,
    /// `gzip`, `bzip2`, `xz`, `zstd`, `lz4`.
    #[serde(default)]
    pub compression: Option<String>,
    /// The `log_line_prefix`, given or found.
    pub prefix: Option<String>,
    /// Bytes read, uncompressed.
    pub bytes: u64,
    /// Bytes of a last record that is not all there.
    pub cut: u64,
    /// Why it was not read to its end.
    pub failed: Option<String>,
    /// What else the reader should know, about this log and those behind it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Which facts the log holds; what is missing is "not logged", which is not "none".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logged {
    /// `%u`.
    pub user: bool,
    /// `%d`.
    pub database: bool,
    /// `%a`.
    pub application: bool,
    /// `%h` or `%r`.
    pub host: bool,
    /// `%c`.
    pub session: bool,
    /// `%p`.
    pub process: bool,
    /// `%e`.
    pub sqlstate: bool,
    /// `%Q`.
    pub query_id: bool,
    /// `log_min_duration_statement` or `log_duration`.
    pub durations: bool,
}

impl Logged {
    /// What either of two logs holds.
    pub fn or(self, other: Self) -> Self {
        Self {
            user: self.user || other.user,
            database: self.database || other.database,
            application: self.application || other.application,
            host: self.host || other.host,
            session: self.session || other.session,
            process: self.process || other.process,
            sqlstate: self.sqlstate || other.sqlstate,
            query_id: self.query_id || other.query_id,
            durations: self.durations || other.durations,
        }
    }

    /// What a log of this format holds.
    pub fn of(format: &Format) -> Self {
        Self {
            user: format.has(Field::User),
            database: format.has(Field::Database),
            application: format.has(Field::Application),
            host: format.has(Field::Host),
            session: format.has(Field::Session),
            process: format.has(Field::Pid),
            sqlstate: format.has(Field::SqlState),
            query_id: format.has(Field::QueryId),
            durations: false,
        }
    }
}

impl Report {
    /// Whether a pooler's log was read and none of PostgreSQL's: what PostgreSQL would have logged is not missing then.
    pub(super) fn is_of_pooler_alone(&self) -> bool {
        self.events.pooler.records > 0 && self.records.severities.is_empty()
    }
}

/// From when to when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// The first record's time.
    pub from: String,
    /// The last record's time.
    pub to: String,
    /// µs between the two.
    pub micros: i64,
}

/// Counts of records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Records {
    /// All.
    pub read: u64,
    /// By severity; a pooler's are not among them.
    pub severities: BTreeMap<String, u64>,
    /// Lines that belong to no record.
    pub orphans: u64,
    /// That can be read in two ways, and count nowhere.
    pub ambiguous: u64,
    /// Of a broken form.
    pub broken: u64,
    /// Of another `log_line_prefix` than the one that they were read by.
    #[serde(default)]
    pub unread: u64,
    /// Too long, of which the beginning was read.
    pub too_long: u64,
    /// In another language than English.
    pub foreign: u64,
    /// Without a time.
    pub timeless: u64,
}

/// How long something took, µs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How often.
    pub calls: u64,
    /// In all.
    pub micros: u64,
    /// Shortest.
    pub min: u64,
    /// On average.
    pub mean: u64,
    /// Half are as short or shorter.
    pub p50: u64,
    /// 95 %.
    pub p95: u64,
    /// 99 %.
    pub p99: u64,
    /// Longest.
    pub max: u64,
    /// (highest µs, how often), in powers of two.
    pub histogram: Vec<(u64, u64)>,
}

/// Calls and the time they took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// How often.
    pub calls: u64,
    /// µs.
    pub micros: u64,
    /// Errors and worse.
    pub failures: u64,
}

/// A name's share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// The name; empty: none was given.
    pub name: String,
    /// Its share.
    #[serde(flatten)]
    pub share: Share,
}

/// Statements added up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Folded {
    /// How many distinct ones.
    pub distinct: u64,
    /// Their share.
    #[serde(flatten)]
    pub share: Share,
}

/// One normalised statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// Its fingerprint, 16 hexadecimal digits.
    pub id: String,
    /// Normalised text: `?` for every value.
    pub text: String,
    /// What it does.
    pub kind: String,
    /// How many statements one call holds.
    pub statements: u32,
    /// Its text was cut in the log.
    pub cut: bool,
    /// How long it took: Parse, Bind and Execute together.
    #[serde(flatten)]
    pub figures: Figures,
    /// Of the total, Parse, µs.
    pub parse_micros: u64,
    /// Of the total, Bind, µs.
    pub bind_micros: u64,
    /// Further fetches from a portal: their time counts, they are no calls.
    pub fetches: u64,
    /// Times that it failed.
    pub failures: u64,
    /// The same asked again.
    pub repeats: Repeats,
    /// PostgreSQL's own identifiers.
    pub query_ids: Vec<i64>,
    /// Who calls it.
    pub callers: Vec<Caller>,
    /// By hour.
    pub hours: Vec<Hour>,
    /// The slowest executions.
    pub slowest: Vec<Sample>,
}

/// What was asked again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeats {
    /// Executions with the same values as one of the 32 before in their session.
    pub in_session: u64,
    /// µs that they took.
    pub in_session_micros: u64,
    /// Executions with the same values as another in the same second.
    pub in_second: u64,
    /// µs that they took.
    pub in_second_micros: u64,
    /// Runs of at least 10 executions with other values in one session (N+1).
    pub runs: u64,
    /// Executions in them.
    pub run_calls: u64,
    /// µs that they took.
    pub run_micros: u64,
}

/// Who calls a statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Caller {
    /// `%a`.
    pub application: String,
    /// `%u`.
    pub user: String,
    /// `%d`.
    pub database: String,
    /// Their share.
    #[serde(flatten)]
    pub share: Share,
}

/// An hour of a statement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hour {
    /// When it begins.
    pub from: String,
    /// Calls.
    pub calls: u64,
    /// µs.
    pub micros: u64,
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it ended.
    pub at: String,
    /// µs.
    pub micros: u64,
    /// `%a`.
    pub application: String,
    /// `%u`.
    pub user: String,
    /// `%d`.
    pub database: String,
    /// The process.
    pub pid: u32,
    /// The statement with its values; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// Its parameters; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parameters: Option<String>,
}

/// The series in pieces of 10 s or of a minute: the shortest of which at most 1080 hold something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fine {
    /// Length of a piece.
    pub seconds: u32,
    /// Those in which something was.
    pub buckets: Vec<Bucket>,
}

/// A piece of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// When it begins.
    pub from: String,
    /// Executions.
    pub calls: u64,
    /// Of them, those that change data.
    pub writes: u64,
    /// µs.
    pub micros: u64,
    /// µs that half of the executions took at most.
    pub p50: u64,
    /// 95 %.
    pub p95: u64,
    /// 99 %.
    pub p99: u64,
    /// Errors and worse.
    pub failures: u64,
}
