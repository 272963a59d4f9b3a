//! One response as it stands.

use std::pin::pin;

use canvass_survey::fold::{Fold, Window};
use canvass_survey::{Folded, StoredSave, SubmissionEvent, SubmissionKind};
use deadpool_postgres::Client;
use futures_util::TryStreamExt;
use futures_util::future::try_join;
use postgres_types::ToSql;
use serde_json::{Map, Value};
use tokio_postgres::Row;

use super::{Reader, broken_connection};
use crate::{Error, ResponseId, WaveId};

impl Reader {
    /// The response folded from everything committed so far; `closes_at` is the wave's, in µs since the Unix epoch.
    /// However many saves there are, memory holds the answers once.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Connect`], [`Error::Statement`], [`Error::Corrupt`].
    pub async fn response(
        &self,
        wave: WaveId,
        response: ResponseId,
        closes_at: i64,
    ) -> Result<Folded, Error> {
        let first = self.client().await?;
        match fold_all(&first, wave, response, closes_at).await {
            Err(Failed::Statement(error)) if broken_connection(&error) => {
                drop(first);
                Ok(fold_all(&self.client().await?, wave, response, closes_at).await?)
            }
            result => Ok(result?),
        }
    }
}

/// Why a response could not be folded.
enum Failed {
    Statement(tokio_postgres::Error),
    Row(Error),
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Statement(error) => Self::statement("reading a response", &error),
            Failed::Row(error) => error,
        }
    }
}

/// Both queries are in one pipeline: one trip. Submissions are read first, so that every save that was committed
/// before a submission that is seen is seen too.
async fn fold_all(
    client: &Client,
    wave: WaveId,
    response: ResponseId,
    closes_at: i64,
) -> Result<Folded, Failed> {
    let schema = wave.schema();
    let submissions = format!("SELECT stamp, kind FROM {schema}.submission WHERE response_id = $1");
    let saves =
        format!("SELECT stamp, digest, page, language, answers FROM {schema}.save WHERE response_id = $1");
    // Prepared once a connection: planning them anew would cost PostgreSQL more than running them.
    let prepared = try_join(client.prepare_cached(&submissions), client.prepare_cached(&saves));
    let (submissions, saves) = prepared.await.map_err(Failed::Statement)?;
    let parameter = [&response.0 as &(dyn ToSql + Sync)];
    let both = try_join(
        client.query(&submissions, &parameter),
        client.query_raw(&saves, parameter),
    );
    let (submissions, saves) = both.await.map_err(Failed::Statement)?;
    let events = submissions.iter().map(submission).collect::<Result<Vec<_>, _>>();
    let mut fold = Fold::new(Window::new(Some(closes_at), events.map_err(Failed::Row)?));
    let mut saves = pin!(saves);
    while let Some(row) = saves.try_next().await.map_err(Failed::Statement)? {
        fold.add(stored_save(&row).map_err(Failed::Row)?);
    }
    Ok(fold.finish())
}

fn stored_save(row: &Row) -> Result<StoredSave, Error> {
    let answers: Value = row.try_get(4).map_err(|_| corrupt("save.answers"))?;
    let Value::Object(answers) = answers else {
        return Err(corrupt("save.answers"));
    };
    Ok(StoredSave {
        stamp: row.get(0),
        digest: row.get(1),
        page: row.get(2),
        language: row.get(3),
        answers,
    })
}

pub(super) fn submission(row: &Row) -> Result<SubmissionEvent, Error> {
    let kind = SubmissionKind::from_word(row.get(1)).ok_or_else(|| corrupt("submission.kind"))?;
    Ok(SubmissionEvent {
        stamp: row.get(0),
        kind,
    })
}

pub(super) fn corrupt(column: &str) -> Error {
    Error::Corrupt(format!("{column} holds something that this program never wrote"))
}

/// The answers of a row as an object.
pub(super) fn object(value: Value) -> Result<Map<String, Value>, Error> {
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(corrupt("save.answers")),
    }
}
