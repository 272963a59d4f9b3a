//! Waves: made, listed, opened, closed.

use canvass_survey::Questionnaire;

use super::Admin;
use crate::{Error, WaveId};

/// The tables of a wave's schema, for `wave_0`.
const WAVE_SCHEMA: &str = include_str!("wave_schema.sql");

/// A wave to be made. Times are µs since the Unix epoch.
#[derive(Debug, Clone)]
pub struct NewWave<'a> {
    /// Its name, unique.
    pub name: &'a str,
    /// What it fields.
    pub questionnaire: &'a Questionnaire,
    /// The YAML that the questionnaire was read from.
    pub source: &'a str,
    /// When codes are let in.
    pub opens_at: i64,
    /// Until when.
    pub closes_at: i64,
    /// How long after closing saves are accepted.
    pub late_seconds: i64,
}

/// A wave in a list. Times are µs since the Unix epoch.
#[derive(Debug, Clone)]
pub struct WaveSummary {
    /// Its id.
    pub id: WaveId,
    /// Its name.
    pub name: String,
    /// The survey's short name.
    pub survey: String,
    /// The version's name.
    pub version: String,
    /// When codes are let in.
    pub opens_at: i64,
    /// Until when.
    pub closes_at: i64,
    /// Saves are accepted until here.
    pub late_until: i64,
    /// People enrolled.
    pub enrolled: i64,
    /// Responses started.
    pub started: i64,
    /// Responses submitted.
    pub submitted: i64,
}

/// A name that a list can show on a line and that is no other wave's number.
fn check_name(name: &str) -> Result<(), Error> {
    let refuse = |why: &str| Err(Error::Refused(format!("wave name {name:?}: {why}")));
    if name.trim().is_empty() {
        return refuse("it is empty: give it a name such as \"Spring 2027\"");
    }
    if name.chars().count() > 100 || name.chars().any(char::is_control) || name.trim() != name {
        return refuse("at most 100 characters on one line, without spaces around it");
    }
    if name.chars().all(|c| c.is_ascii_digit()) {
        return refuse("only digits could be mistaken for a wave's number: add a word");
    }
    Ok(())
}

fn time(column: &str) -> String {
    format!("(extract(epoch FROM {column}) * 1000000)::bigint")
}

impl Admin {
    /// Publishes the version, if it is new, and makes the wave with its schema, all in one transaction.
    ///
    /// # Errors
    /// [`Error::Refused`] when the name is taken or not fit for a list, or the wave would close before it opens;
    /// [`Error::Statement`].
    pub async fn create_wave(&mut self, wave: &NewWave<'_>) -> Result<WaveId, Error> {
        check_name(wave.name)?;
        let failed = |e| Error::statement("making the wave", &e);
        let transaction = self.client.transaction().await.map_err(failed)?;
        let sql = "INSERT INTO canvass.version (survey, version, source) VALUES ($1, $2, $3) \
                   ON CONFLICT (version) DO NOTHING";
        let q = wave.questionnaire;
        transaction
            .execute(sql, &[&q.survey, &q.version, &wave.source])
            .await
            .map_err(failed)?;
        let sql = "INSERT INTO canvass.wave (name, version_id, opens_at, closes_at, late_seconds) \
                   SELECT $1, version_id, to_timestamp($3::bigint / 1000000.0), to_timestamp($4::bigint / 1000000.0), $5 \
                   FROM canvass.version WHERE version = $2 RETURNING wave_id";
        let values: [&(dyn postgres_types::ToSql + Sync); 5] = [
            &wave.name,
            &q.version,
            &wave.opens_at,
            &wave.closes_at,
            &wave.late_seconds,
        ];
        let id = WaveId(transaction.query_one(sql, &values).await.map_err(failed)?.get(0));
        transaction
            .batch_execute(&WAVE_SCHEMA.replace("wave_0", &id.schema()))
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(id)
    }

    /// Every wave with its counts, oldest first.
    ///
    /// # Errors
    /// [`Error::Statement`].
    pub async fn waves(&self) -> Result<Vec<WaveSummary>, Error> {
        let failed = |e| Error::statement("listing the waves", &e);
        let sql = format!(
            "SELECT wave_id, name, survey, version, {}, {}, {} + late_seconds * 1000000, \
             (SELECT count(*) FROM roster.enrolment e WHERE e.wave_id = w.wave_id) \
             FROM canvass.wave w JOIN canvass.version USING (version_id) ORDER BY wave_id",
            time("opens_at"),
            time("closes_at"),
            time("closes_at"),
        );
        let mut waves = Vec::new();
        for row in self.client.query(&sql, &[]).await.map_err(failed)? {
            let id = WaveId(row.get(0));
            let schema = id.schema();
            // A response is submitted when its last word on the matter says so (`survey::fold::Window`).
            let counts = format!(
                "SELECT (SELECT count(*) FROM {schema}.response), \
                 (SELECT count(*) FROM (SELECT DISTINCT ON (response_id) kind FROM {schema}.submission \
                   WHERE stamp <= $1 ORDER BY response_id, stamp DESC, kind) last WHERE kind = 'submitted')"
            );
            let closes_at: i64 = row.get(5);
            let counts = self
                .client
                .query_one(&counts, &[&closes_at])
                .await
                .map_err(failed)?;
            waves.push(WaveSummary {
                id,
                name: row.get(1),
                survey: row.get(2),
                version: row.get(3),
                opens_at: row.get(4),
                closes_at,
                late_until: row.get(6),
                enrolled: row.get(7),
                started: counts.get(0),
                submitted: counts.get(1),
            });
        }
        Ok(waves)
    }

    /// The wave of this id or name.
    ///
    /// # Errors
    /// [`Error::Refused`] when there is none, naming those there are; [`Error::Statement`].
    pub async fn find_wave(&self, id_or_name: &str) -> Result<WaveId, Error> {
        let failed = |e| Error::statement("looking for the wave", &e);
        let sql = "SELECT wave_id FROM canvass.wave WHERE name = $1 OR wave_id::text = $1 ORDER BY name = $1 DESC LIMIT 1";
        if let Some(row) = self.client.query_opt(sql, &[&id_or_name]).await.map_err(failed)? {
            return Ok(WaveId(row.get(0)));
        }
        let sql = "SELECT coalesce(string_agg(wave_id || ' (' || name || ')', ', ' ORDER BY wave_id), 'none') \
                   FROM (SELECT * FROM canvass.wave ORDER BY wave_id DESC LIMIT 10) newest";
        let known: String = self.client.query_one(sql, &[]).await.map_err(failed)?.get(0);
        Err(Error::Refused(format!(
            "there is no wave {id_or_name:?}; there are: {known}"
        )))
    }

    /// Opens a wave now. A wave that was closed is opened again until `closes_at`.
    ///
    /// # Errors
    /// [`Error::Refused`] when it would close before it opens; [`Error::Statement`].
    pub async fn open_wave(&self, wave: WaveId, closes_at: Option<i64>) -> Result<(), Error> {
        let sql = "UPDATE canvass.wave SET opens_at = least(opens_at, now()), \
                   closes_at = coalesce(to_timestamp($2::bigint / 1000000.0), closes_at) WHERE wave_id = $1";
        let failed = |e| Error::statement("opening the wave", &e);
        self.client
            .execute(sql, &[&wave.0, &closes_at])
            .await
            .map_err(failed)?;
        let sql = "SELECT closes_at > now() FROM canvass.wave WHERE wave_id = $1";
        let open: bool = self
            .client
            .query_one(sql, &[&wave.0])
            .await
            .map_err(failed)?
            .get(0);
        match open {
            true => Ok(()),
            false => Err(Error::Refused(
                "the wave's closing time is over: give a new one with --closes".into(),
            )),
        }
    }

    /// Closes a wave now; its late period runs from here.
    ///
    /// # Errors
    /// [`Error::Refused`] when it has not opened yet or is closed already; [`Error::Statement`].
    pub async fn close_wave(&self, wave: WaveId) -> Result<(), Error> {
        let sql = "UPDATE canvass.wave SET closes_at = now() \
                   WHERE wave_id = $1 AND opens_at < now() AND closes_at > now()";
        let changed = self
            .client
            .execute(sql, &[&wave.0])
            .await
            .map_err(|e| Error::statement("closing the wave", &e))?;
        match changed {
            0 => Err(Error::Refused(
                "the wave is not open: there is nothing to close".into(),
            )),
            _ => Ok(()),
        }
    }
}
