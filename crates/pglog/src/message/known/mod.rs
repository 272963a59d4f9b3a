//! PostgreSQL's messages, versions 12 to 18, by what they say: the list of what may be shown of a message. What is not on it is
//! not shown.

mod asked;
mod class;
mod data;
mod limits;
mod names;
mod notice;
mod server;
mod session;
mod syntax;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use class::class_name;

use super::template::Template;
use crate::record::Severity;

/// What a message means beyond its own words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    #[default]
    None,
    /// A statement did not get to its end, because somebody or something would not wait.
    Cancels(Cancel),
    /// A session ends, or did not begin.
    Ends(End),
    /// Sessions waited for each other.
    Deadlock,
    /// An operator has to see it.
    Event(Category),
    /// The same, and no session is left.
    Clears(Category),
}

/// `(SQLSTATE, or nothing for any; effect; texts)`.
type Table = &'static [(&'static str, Effect, &'static [&'static str])];

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)* }

        impl $name {
            /// In words, as reports have it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

named! {
    /// Why a statement was cancelled.
    Cancel {
        /// `statement_timeout`.
        StatementTimeout = "statement timeout",
        /// `lock_timeout`.
        LockTimeout = "lock timeout",
        /// The client asked for it, or `pg_cancel_backend`.
        UserRequest = "user request",
        /// A standby had to replay what the statement stood in the way of.
        RecoveryConflict = "conflict with recovery",
        /// Autovacuum made way for a lock.
        Autovacuum = "autovacuum made way",
        /// Something else.
        Other = "other",
    }
}

named! {
    /// How a session ended.
    End {
        /// The client said goodbye.
        Normal = "normal",
        /// The client went away.
        Lost = "connection lost",
        /// The client went away within a transaction.
        LostInTransaction = "connection lost in a transaction",
        /// `pg_terminate_backend`, or the server stopped.
        Administrator = "administrator's command",
        /// `idle_session_timeout`.
        IdleSession = "idle session timeout",
        /// `idle_in_transaction_session_timeout`.
        IdleInTransaction = "idle in transaction timeout",
        /// `transaction_timeout` (17).
        TransactionTimeout = "transaction timeout",
        /// A standby had to replay what the session stood in the way of.
        RecoveryConflict = "conflict with recovery",
        /// Another process crashed.
        Crash = "crash of another process",
        /// `max_connections` and the like.
        TooMany = "too many connections",
        /// Not let in.
        Authentication = "authentication failed",
        /// No such database.
        NoDatabase = "no such database",
        /// Not allowed to connect.
        Refused = "refused",
        /// The server starts, stops or recovers.
        NotReady = "server not ready",
        /// What came was not understood, or not in time.
        Protocol = "broken or late handshake",
        /// Another fatal error.
        Fatal = "other fatal error",
    }
}

named! {
    /// What an operator's message is about; the worst first.
    Category {
        /// Data are damaged.
        Damage = "damage",
        /// A process crashed, or the server was not shut down.
        Crash = "crash",
        /// The server stopped itself.
        Panic = "panic",
        /// No room.
        Disk = "disk full",
        /// No memory.
        Memory = "out of memory",
        /// Transaction numbers run out.
        Wraparound = "wraparound",
        /// Files cannot be read or written.
        Io = "input and output",
        /// WAL cannot be archived or restored.
        Archive = "archiving",
        /// Streaming replication.
        Replication = "replication",
        /// Replication slots.
        Slot = "replication slots",
        /// Logical replication and other background workers.
        Logical = "logical replication and workers",
        /// A standby became a primary.
        Promotion = "promotion",
        /// Queries stood in the way of replay.
        RecoveryConflict = "recovery conflicts",
        /// Prepared transactions.
        Prepared = "prepared transactions",
        /// Replay of WAL.
        Recovery = "recovery",
        /// The server started.
        Start = "start",
        /// The server stopped.
        Stop = "stop",
        /// Configuration.
        Settings = "configuration",
    }
}

/// What is known of a message.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// What may be shown of it.
    pub shown: String,
    /// Its SQLSTATE as PostgreSQL has it; `None` where it has several.
    pub state: Option<[u8; 5]>,
    /// What it means.
    pub effect: Effect,
}

struct Row {
    state: Option<[u8; 5]>,
    effect: Effect,
    /// It names what was asked for, and was not there.
    is_asked: bool,
    template: Template,
}

/// All texts, found by their first word.
struct Book {
    rows: Vec<Row>,
    by_word: HashMap<&'static str, Vec<u32>>,
    /// Those whose first word is not always the same.
    others: Vec<u32>,
}

/// Session's before data's: what ends a session is told apart first.
const TABLES: [Table; 7] = [
    session::TABLE,
    server::TABLE,
    data::TABLE,
    syntax::TABLE,
    names::TABLE,
    limits::TABLE,
    notice::TABLE,
];

static BOOK: LazyLock<Book> = LazyLock::new(|| {
    let mut book = Book {
        rows: Vec::new(),
        by_word: HashMap::new(),
        others: Vec::new(),
    };
    for (state, effect, texts) in TABLES.iter().copied().flatten() {
        for text in *texts {
            let template = Template::new(text);
            let index = book.rows.len() as u32;
            match template.first_word() {
                Some(word) => book.by_word.entry(word).or_default().push(index),
                None => book.others.push(index),
            }
            book.rows.push(Row {
                state: state.as_bytes().try_into().ok(),
                effect: *effect,
                is_asked: asked::is_asked(text),
                template,
            });
        }
    }
    book
});

/// Looks a message up. Where the log has the SQLSTATE, the text has to go with it: a message that only reads like PostgreSQL's,
/// but was raised by a function, is not taken for it. `statement` gives the statement without its values.
pub fn look_up(
    message: &[u8],
    severity: Severity,
    state: Option<[u8; 5]>,
    statement: impl FnOnce() -> String,
) -> Option<Known> {
    let mut statement = asked::Statement::new(statement);
    let book = &*BOOK;
    let word = message.split(|b| *b == b' ').next().unwrap_or_default();
    let word = std::str::from_utf8(word).unwrap_or_default();
    let by_word = book.by_word.get(word).map_or(&[][..], |rows| rows);
    let mut found: Option<(&Row, String)> = None;
    for index in by_word.iter().chain(&book.others) {
        let row = &book.rows[*index as usize];
        let is_another = matches!((row.state, state), (Some(a), Some(b)) if a != b);
        if is_another || !goes_with(row.effect, severity) {
            continue;
        }
        // Who is let in and who is not says its own name; in a statement a name may come from a literal.
        let mut may =
            |name: &str| !row.is_asked || matches!(row.effect, Effect::Ends(_)) || statement.has(name);
        let Some(shown) = row.template.shown(message, &mut may) else {
            continue;
        };
        match &found {
            None => found = Some((row, shown)),
            // Two texts with two states: which of them it is cannot be known.
            Some((first, _)) if first.state != row.state => {
                return found.map(|(first, shown)| Known {
                    shown,
                    state,
                    effect: first.effect,
                });
            }
            Some(_) => {}
        }
        if state.is_some() || matches!(row.effect, Effect::Ends(_)) {
            break;
        }
    }
    let (row, shown) = found?;
    Some(Known {
        shown,
        state: state.or(row.state).filter(|s| s != b"00000"),
        effect: row.effect,
    })
}

/// An error ends no session, and says nothing of the server's state but that something is broken.
fn goes_with(effect: Effect, severity: Severity) -> bool {
    match effect {
        Effect::None => true,
        Effect::Ends(_) => severity != Severity::Error,
        Effect::Cancels(_) | Effect::Deadlock => severity >= Severity::Error,
        Effect::Event(category) | Effect::Clears(category) => {
            severity != Severity::Error
                || matches!(
                    category,
                    Category::Damage
                        | Category::Disk
                        | Category::Memory
                        | Category::Io
                        | Category::Wraparound
                        | Category::Replication
                        | Category::Logical
                )
        }
    }
}

/// What an operator has to see because of its SQLSTATE, whatever its words.
pub fn category_of(state: [u8; 5]) -> Option<Category> {
    match &state {
        b"XX001" | b"XX002" => Some(Category::Damage),
        b"53100" => Some(Category::Disk),
        b"53200" => Some(Category::Memory),
        b"58030" => Some(Category::Io),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
