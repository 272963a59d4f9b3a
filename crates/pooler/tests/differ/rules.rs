//! What is left out, and why: where a pooler cannot answer as PostgreSQL does, by its nature. Everything that is not
//! left out here must be equal.

use crate::say::Say;
use crate::statements::{CLEARING, SESSION};

/// How the pooler is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// `pool_mode = session`.
    Session,
    /// `pool_mode = transaction`, with `max_prepared_statements`.
    Transaction,
    /// `pool_mode = transaction`, `max_prepared_statements = 0`.
    Untracked,
}

/// A reason why a sequence cannot be compared, with what it says in a word.
type Rule = (&'static str, fn(&[Say], Setup) -> bool);

/// All of them. The reason is that of pooling itself: the next transaction may run on another server connection, and
/// the same server connection has served others before.
pub const RULES: [Rule; 4] = [
    (
        "in transaction mode, what stays in the session without being reported stays on the server",
        |says, setup| setup != Setup::Session && says.iter().any(uses_session),
    ),
    (
        "without tracking, statements with a name stay on the server that they were prepared on",
        |says, setup| setup == Setup::Untracked && says.iter().any(uses_named_statement),
    ),
    (
        "in transaction mode, the unnamed statement ends where the server may be given away: it is prepared, bound \
         and described between two Syncs",
        |says, setup| setup != Setup::Session && uses_unnamed_statement_of_before(says),
    ),
    (
        "without tracking, DEALLOCATE ALL and DISCARD ALL say nothing to others",
        |says, setup| setup == Setup::Untracked && says.iter().any(|say| is_sql(say, CLEARING)),
    ),
];

/// Why a sequence is left out in a set-up; `None` when its replies must be equal.
pub fn left_out(says: &[Say], setup: Setup) -> Option<&'static str> {
    let found = RULES.iter().find(|(_, applies)| applies(says, setup));
    found.map(|(reason, _)| *reason)
}

fn uses_session(say: &Say) -> bool {
    is_sql(say, SESSION)
}

fn is_sql(say: &Say, list: &[&str]) -> bool {
    match say {
        Say::Query(sql) | Say::Parse { sql, .. } => list.iter().any(|listed| listed == sql),
        _ => false,
    }
}

fn uses_named_statement(say: &Say) -> bool {
    match say {
        Say::Parse { name, .. } | Say::DescribeStatement(name) | Say::CloseStatement(name) => {
            !name.is_empty()
        }
        Say::Bind { statement, .. } => !statement.is_empty(),
        _ => false,
    }
}

fn uses_unnamed_statement_of_before(says: &[Say]) -> bool {
    let mut is_there = false;
    for say in says {
        match say {
            Say::Parse { name, .. } if name.is_empty() => is_there = true,
            Say::Bind { statement: name, .. } | Say::DescribeStatement(name)
                if name.is_empty() && !is_there =>
            {
                return true;
            }
            Say::Sync | Say::Query(_) | Say::FunctionCall { .. } => is_there = false,
            _ => {}
        }
    }
    false
}
