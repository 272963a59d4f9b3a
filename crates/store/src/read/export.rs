//! Every response of a wave from one snapshot, in constant memory: three cursors in step.

use std::collections::{HashMap, VecDeque};

use canvass_survey::fold::{Fold, Window};
use canvass_survey::{Folded, StoredSave, SubmissionEvent};
use tokio_postgres::{Client, Portal, Row, Transaction};

use super::response::{corrupt, object, submission};
use crate::{Database, Error, Wave};

/// Rows fetched from a cursor at once: of the longest texts they are a few megabytes.
const FETCH: i32 = 500;

/// One response of an export.
#[derive(Debug)]
pub struct ExportRow {
    /// The response's random id.
    pub response_id: i64,
    /// `roster.unit` at the start.
    pub unit: Option<i32>,
    /// The language of the newest save, else that at the start.
    pub language: Option<String>,
    /// µs since the Unix epoch.
    pub started_at: i64,
    /// The response as it stands.
    pub folded: Folded,
}

/// The full name of every unit, such as `Illinois > Springfield > Lincoln School`.
pub type UnitNames = HashMap<i32, String>;

/// A snapshot of a wave.
pub struct Exporter {
    client: Client,
}

impl Exporter {
    /// Opens a connection of its own: an export may take long.
    ///
    /// # Errors
    /// As [`Database::connect`].
    pub async fn connect(database: &Database) -> Result<Self, Error> {
        Ok(Self {
            client: database.connect().await?,
        })
    }

    /// Hands every started response of the wave to `each`, by rising response id, all from one snapshot. First
    /// `begin` gets the units' names and the number of responses.
    ///
    /// # Errors
    /// [`Error::Statement`], [`Error::Corrupt`], and what `begin` and `each` fail with.
    pub async fn run<E: From<Error>>(
        &mut self,
        wave: &Wave,
        begin: impl FnOnce(&UnitNames, u64) -> Result<(), E>,
        mut each: impl FnMut(ExportRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let snapshot = self.client.build_transaction();
        let snapshot = snapshot
            .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
            .read_only(true);
        let transaction = snapshot.start().await.map_err(failed)?;
        let (units, responses) = totals(&transaction, wave).await?;
        begin(&units, responses)?;
        let schema = wave.id.schema();
        let started = "(extract(epoch FROM started_at) * 1000000)::bigint";
        let sql = format!(
            "SELECT response_id, unit_id, language, {started} FROM {schema}.response ORDER BY response_id"
        );
        let mut starts = Cursor::open(&transaction, &sql, |row| row.get(0)).await?;
        let sql = format!("SELECT stamp, kind, response_id FROM {schema}.submission ORDER BY response_id");
        let mut submissions = Cursor::open(&transaction, &sql, |row| row.get(2)).await?;
        let sql = format!(
            "SELECT response_id, stamp, digest, page, language, answers FROM {schema}.save ORDER BY response_id"
        );
        let mut saves = Cursor::open(&transaction, &sql, |row| row.get(0)).await?;
        while let Some(start) = starts.next().await? {
            let response_id: i64 = start.get(0);
            let mut events: Vec<SubmissionEvent> = Vec::new();
            while let Some(row) = submissions.next_of(response_id).await? {
                events.push(submission(&row)?);
            }
            let mut fold = Fold::new(Window::new(Some(wave.closes_at), events));
            while let Some(row) = saves.next_of(response_id).await? {
                fold.add(stored(&row)?);
            }
            let folded = fold.finish();
            let language = folded.language.clone().or_else(|| start.get(2));
            each(ExportRow {
                response_id,
                unit: start.get(1),
                language,
                started_at: start.get(3),
                folded,
            })?;
        }
        Ok(())
    }
}

fn failed(error: tokio_postgres::Error) -> Error {
    Error::statement("exporting", &error)
}

async fn totals(transaction: &Transaction<'_>, wave: &Wave) -> Result<(UnitNames, u64), Error> {
    let sql = "WITH RECURSIVE named AS ( \
                 SELECT unit_id, name FROM roster.unit WHERE parent_id IS NULL \
                 UNION ALL \
                 SELECT u.unit_id, n.name || ' > ' || u.name FROM roster.unit u JOIN named n ON u.parent_id = n.unit_id) \
               SELECT unit_id, name FROM named";
    let units = transaction.query(sql, &[]).await.map_err(failed)?;
    let sql = format!("SELECT count(*) FROM {}.response", wave.id.schema());
    let count: i64 = transaction.query_one(&sql, &[]).await.map_err(failed)?.get(0);
    Ok((
        units.iter().map(|row| (row.get(0), row.get(1))).collect(),
        count.unsigned_abs(),
    ))
}

fn stored(row: &Row) -> Result<StoredSave, Error> {
    Ok(StoredSave {
        stamp: row.get(1),
        digest: row.get(2),
        page: row.get(3),
        language: row.get(4),
        answers: object(row.try_get(5).map_err(|_| corrupt("save.answers"))?)?,
    })
}

/// Rows of a query in order of their response, fetched as they are needed.
struct Cursor<'t> {
    transaction: &'t Transaction<'t>,
    portal: Portal,
    response_of: fn(&Row) -> i64,
    fetched: VecDeque<Row>,
    exhausted: bool,
}

impl<'t> Cursor<'t> {
    async fn open(
        transaction: &'t Transaction<'t>,
        sql: &str,
        response_of: fn(&Row) -> i64,
    ) -> Result<Self, Error> {
        let portal = transaction.bind(sql, &[]).await.map_err(failed)?;
        Ok(Self {
            transaction,
            portal,
            response_of,
            fetched: VecDeque::new(),
            exhausted: false,
        })
    }

    async fn fill(&mut self) -> Result<(), Error> {
        if self.fetched.is_empty() && !self.exhausted {
            let rows = self
                .transaction
                .query_portal(&self.portal, FETCH)
                .await
                .map_err(failed)?;
            self.exhausted = rows.is_empty();
            self.fetched = rows.into();
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Row>, Error> {
        self.fill().await?;
        Ok(self.fetched.pop_front())
    }

    /// The next row if it belongs to this response. Rows of lesser responses, which have no start, are passed over.
    async fn next_of(&mut self, response: i64) -> Result<Option<Row>, Error> {
        loop {
            self.fill().await?;
            match self.fetched.front().map(|row| (self.response_of)(row)) {
                Some(found) if found < response => drop(self.fetched.pop_front()),
                Some(found) if found == response => return Ok(self.fetched.pop_front()),
                _ => return Ok(None),
            }
        }
    }
}
