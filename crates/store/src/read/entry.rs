//! Entering a code: one of the two places where a person and a response meet.

use super::{Reader, broken_connection};
use crate::{Error, ResponseId, WaveId};

/// The keyed hash of an access code, as `roster.code` holds it.
pub type CodeHash = [u8; 16];

/// What a right code leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enrolment {
    /// The wave.
    pub wave: WaveId,
    /// The response.
    pub response: ResponseId,
    /// The respondent's unit.
    pub unit: Option<i32>,
}

impl Reader {
    /// The responses that a code opens, one a wave, the wave that opened last first; none for an unknown code.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::Connect`], [`Error::Statement`].
    pub async fn enrolments(&self, code: &CodeHash) -> Result<Vec<Enrolment>, Error> {
        let sql = "SELECT e.wave_id, e.response_id, r.unit_id \
                   FROM roster.code c \
                   JOIN roster.respondent r USING (respondent_id) \
                   JOIN roster.enrolment e USING (respondent_id) \
                   JOIN canvass.wave w USING (wave_id) \
                   WHERE c.code_hash = $1 ORDER BY w.opens_at DESC, e.wave_id DESC LIMIT 50";
        let mut again = true;
        loop {
            let client = self.client().await?;
            let statement = client.prepare_cached(sql).await;
            let rows = match statement {
                Ok(statement) => client.query(&statement, &[&code.as_slice()]).await,
                Err(error) => Err(error),
            };
            match rows {
                Ok(rows) => {
                    let enrolment = |row: &tokio_postgres::Row| Enrolment {
                        wave: WaveId(row.get(0)),
                        response: ResponseId(row.get(1)),
                        unit: row.get(2),
                    };
                    return Ok(rows.iter().map(enrolment).collect());
                }
                Err(error) if again && broken_connection(&error) => again = false,
                Err(error) => return Err(Error::statement("looking up a code", &error)),
            }
        }
    }
}
