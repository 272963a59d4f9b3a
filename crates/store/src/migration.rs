//! Brings a database to this program's schema.

use crate::{Database, Error};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MigrationReport {
    /// Names of the migrations that were applied now, in order.
    pub applied: Vec<String>,
}

/// Several processes may migrate at once: the first does it under this advisory lock, the others find it done.
const LOCK: i64 = 0x0063_616e_7661_7373;

/// Brings the database at `database_url` to this program's schema; harmless when it is there already.
///
/// # Errors
/// [`Error::Connect`] and the like, [`Error::Migration`] when a migration fails: it is rolled back.
pub async fn migrate(database_url: &str) -> Result<MigrationReport, Error> {
    let mut client = Database::new(database_url)?.connect().await?;
    let locking = |e| Error::statement("taking the migration lock", &e);
    client
        .execute("SELECT pg_advisory_lock($1)", &[&LOCK])
        .await
        .map_err(locking)?;
    let report = embedded::migrations::runner().run_async(&mut client).await;
    let report = report.map_err(|e| Error::Migration(with_causes(&e)))?;
    client
        .execute("SELECT pg_advisory_unlock($1)", &[&LOCK])
        .await
        .map_err(locking)?;
    Ok(MigrationReport {
        applied: report
            .applied_migrations()
            .iter()
            .map(|m| m.name().to_owned())
            .collect(),
    })
}

/// An error with its causes, on one line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |e| e.source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ").replace('\n', " ")
}
