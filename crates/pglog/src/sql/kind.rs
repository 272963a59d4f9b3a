//! What sort of statement it is: told by its first word, and behind `WITH` by the word that follows the common table
//! expressions.

use serde::{Deserialize, Serialize};

/// The sort of a statement. A text of several statements has the kind of the first that is neither
/// [`Transaction`](Kind::Transaction) nor [`Session`](Kind::Session), or of the first if there is no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `SELECT`, `VALUES`, `TABLE`; also `SELECT … INTO` and `SELECT … FOR UPDATE`.
    Select,
    /// `INSERT`
    Insert,
    /// `UPDATE`
    Update,
    /// `DELETE`
    Delete,
    /// `MERGE`
    Merge,
    /// `COPY`, in both directions.
    Copy,
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, savepoints, prepared transactions.
    Transaction,
    /// `DECLARE`, `FETCH`, `MOVE`, `CLOSE`
    Cursor,
    /// What concerns the session alone: `SET`, `SHOW`, `LISTEN`, `PREPARE`, `EXECUTE`, `LOCK`, …
    Session,
    /// Definitions and rights: `CREATE`, `ALTER`, `DROP`, `TRUNCATE`, `COMMENT`, `GRANT`, `REINDEX`, …
    Ddl,
    /// `VACUUM`, `ANALYZE`, `CHECKPOINT`, `CLUSTER`, `REFRESH`
    Maintenance,
    /// `DO`, `CALL`, `EXPLAIN` (of whatever statement), and what cannot be told.
    Other,
}

impl Kind {
    /// The name in reports: one lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Select => "select",
            Kind::Insert => "insert",
            Kind::Update => "update",
            Kind::Delete => "delete",
            Kind::Merge => "merge",
            Kind::Copy => "copy",
            Kind::Transaction => "transaction",
            Kind::Cursor => "cursor",
            Kind::Session => "session",
            Kind::Ddl => "ddl",
            Kind::Maintenance => "maintenance",
            Kind::Other => "other",
        }
    }

    /// By the first word of a statement, in lower case. `WITH` and `EXPLAIN` are not here: see [`Verb`].
    fn of(word: &[u8]) -> Kind {
        match word {
            b"select" | b"values" | b"table" => Kind::Select,
            b"insert" => Kind::Insert,
            b"update" => Kind::Update,
            b"delete" => Kind::Delete,
            b"merge" => Kind::Merge,
            b"copy" => Kind::Copy,
            b"begin" | b"start" | b"commit" | b"end" | b"rollback" | b"abort" | b"savepoint" | b"release" => {
                Kind::Transaction
            }
            b"declare" | b"fetch" | b"move" | b"close" => Kind::Cursor,
            b"set" | b"reset" | b"discard" | b"show" | b"listen" | b"notify" | b"unlisten" | b"prepare"
            | b"execute" | b"deallocate" | b"lock" | b"load" => Kind::Session,
            b"create" | b"alter" | b"drop" | b"truncate" | b"comment" | b"grant" | b"revoke" | b"reindex"
            | b"security" | b"reassign" | b"import" => Kind::Ddl,
            b"vacuum" | b"analyze" | b"analyse" | b"checkpoint" | b"cluster" | b"refresh" | b"repack" => {
                Kind::Maintenance
            }
            _ => Kind::Other,
        }
    }
}

/// What came before a word, as far as [`Verb`] cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// `(` that opens the body of a common table expression: behind `AS` or `MATERIALIZED`.
    Body,
    /// `)`
    Close,
    /// Something else.
    Else,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Start,
    /// Behind `WITH`, before the main verb.
    With,
    /// Behind `EXPLAIN`.
    Explain,
    /// Behind `PREPARE`: a transaction or a statement.
    Prepare,
    Known,
}

/// Finds the kind of one statement while its words go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verb {
    state: State,
    pub kind: Kind,
    /// The kind of the statement itself where `kind` is that of `EXPLAIN`.
    pub main: Kind,
    pub writes: bool,
    explained: bool,
    analyzed: bool,
}

impl Verb {
    pub const NEW: Verb = Verb {
        state: State::Start,
        kind: Kind::Other,
        main: Kind::Other,
        writes: false,
        explained: false,
        analyzed: false,
    };

    /// Whether further words can change anything here.
    pub fn is_known(&self) -> bool {
        self.state == State::Known
    }

    /// Whether common table expressions go by.
    pub fn is_with(&self) -> bool {
        self.state == State::With
    }

    /// Takes the next word (lower case, unquoted); `depth` counts the open parentheses.
    pub fn word(&mut self, word: &[u8], depth: u32, before: Before) {
        match self.state {
            State::Known => {}
            State::Start => self.first(word),
            State::Prepare => {
                if word == b"transaction" {
                    self.kind = Kind::Transaction;
                }
                self.state = State::Known;
            }
            State::Explain => match word {
                b"analyze" | b"analyse" => self.analyzed = true,
                b"off" | b"false" if depth > 0 => self.analyzed = false,
                b"verbose" => {}
                _ if depth == 0 => self.first(word),
                _ => {}
            },
            State::With => {
                let verb = Kind::of(word);
                let main = depth == 0 && (before == Before::Close || word == b"select");
                if before == Before::Body && changes(verb) {
                    self.write();
                } else if main && (verb == Kind::Select || changes(verb)) {
                    self.settle(verb);
                }
            }
        }
    }

    fn first(&mut self, word: &[u8]) {
        match word {
            b"with" => self.state = State::With,
            b"explain" => {
                self.state = State::Explain;
                self.explained = true;
            }
            b"prepare" => {
                self.settle(Kind::Session);
                self.state = State::Prepare;
            }
            b"refresh" => {
                self.settle(Kind::Maintenance);
                self.write();
            }
            b"reindex" => {
                self.settle(Kind::Ddl);
                self.writes = false;
            }
            _ => self.settle(Kind::of(word)),
        }
    }

    fn settle(&mut self, kind: Kind) {
        self.state = State::Known;
        self.main = kind;
        self.kind = if self.explained { Kind::Other } else { kind };
        if changes(kind) || kind == Kind::Ddl {
            self.write();
        }
    }

    /// The statement changes something, unless it is only explained.
    pub fn write(&mut self) {
        self.writes |= !self.explained || self.analyzed;
    }
}

fn changes(kind: Kind) -> bool {
    matches!(kind, Kind::Insert | Kind::Update | Kind::Delete | Kind::Merge)
}
