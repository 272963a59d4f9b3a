//! What a failed write means: whom it hurts and whether it is tried again.

use tokio_postgres::error::SqlState;

/// Why a fact was not committed. It may be sent again, unchanged, at any time: its key makes that harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCommitted {
    /// The queue is full: more arrives than the disk takes.
    #[error("the write queue is full")]
    QueueFull,
    /// It could not be committed before its deadline; it may be committed all the same.
    #[error("not committed before the deadline")]
    Deadline,
    /// Too little disk is left.
    #[error("the disk is nearly full")]
    DiskFull,
    /// This process is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// PostgreSQL refused this row for what is in it: sending it again is of no use.
    #[error("the database refused this row")]
    Refused,
    /// The wave's tables are missing or broken; the log has an alarm.
    #[error("this wave cannot be written")]
    WaveBroken,
}

/// What to do after a failed transaction. None of it was committed, or it is not known.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The connection or the server is in trouble: connect again and send the same batch again.
    Again(String),
    /// A prepared statement is gone or stale: prepare again, once.
    Prepare,
    /// A row is not to PostgreSQL's liking: send the rows singly, the culprit alone fails.
    Row(String),
    /// The wave's tables are not as they should be.
    Wave(String),
}

impl Failure {
    /// Reads a driver's error. PostgreSQL's detail may quote a row, so only its code and primary message are kept.
    pub(super) fn of(error: &tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            return Self::Again(crate::error::plain(error));
        };
        Self::of_code(db.code(), &format!("{} ({})", db.message(), db.code().code()))
    }

    /// Classes of SQLSTATE: PostgreSQL's documentation, appendix A.
    fn of_code(code: &SqlState, cause: &str) -> Self {
        if *code == SqlState::INVALID_SQL_STATEMENT_NAME || *code == SqlState::FEATURE_NOT_SUPPORTED {
            return Self::Prepare;
        }
        match &code.code()[..2] {
            // connection, rolled back, out of resources, operator intervention, system error (a full or failing
            // disk: XX would be a corrupt index and is an alarm)
            "08" | "40" | "53" | "57" | "58" => Self::Again(cause.to_owned()),
            // read-only: a standby that has not been promoted yet
            "25" => Self::Again(cause.to_owned()),
            // data, integrity. The message of class 22 may quote the value: it is not kept.
            "22" | "23" => Self::Row(code.code().to_owned()),
            // raised by somebody's trigger, whose words may quote the row
            "P0" => Self::Wave(code.code().to_owned()),
            _ => Self::Wave(cause.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_lead_to_the_right_remedy() {
        let of = |code: &str| Failure::of_code(&SqlState::from_code(code), "m");
        for again in [
            "08006", "40001", "40P01", "53100", "53300", "57P01", "57P03", "57014", "25006", "58030",
        ] {
            assert_eq!(of(again), Failure::Again("m".into()), "{again}");
        }
        for row in ["22P05", "22P02", "23505", "23514"] {
            assert_eq!(of(row), Failure::Row(row.into()), "{row}");
        }
        for prepare in ["26000", "0A000"] {
            assert_eq!(of(prepare), Failure::Prepare, "{prepare}");
        }
        for wave in ["42P01", "42501", "3F000", "XX001"] {
            assert_eq!(of(wave), Failure::Wave("m".into()), "{wave}");
        }
        assert_eq!(
            of("P0001"),
            Failure::Wave("P0001".into()),
            "a trigger's words may quote the row"
        );
    }
}
