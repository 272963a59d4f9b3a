//! The waves in memory, with their compiled questionnaires: so that saving needs no read.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use canvass_survey::Questionnaire;
use canvass_survey::parse::parse;
use tokio_postgres::Client;

use crate::{Error, WaveId};

/// A wave as the web part needs it. Times are µs since the Unix epoch.
#[derive(Debug, Clone)]
pub struct Wave {
    /// Its id.
    pub id: WaveId,
    /// Its name.
    pub name: String,
    /// The version that it fields.
    pub questionnaire: Arc<Questionnaire>,
    /// Codes are let in from here.
    pub opens_at: i64,
    /// To here.
    pub closes_at: i64,
    /// Saves are accepted until here.
    pub late_until: i64,
}

/// Where a moment stands in a wave's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before opening.
    Early,
    /// Codes are let in, saves accepted.
    Open,
    /// Closed; saves that were under way are accepted.
    Late,
    /// Nothing is accepted.
    Over,
}

impl Wave {
    /// The phase at `now`, in µs since the Unix epoch.
    pub fn phase(&self, now: i64) -> Phase {
        match now {
            t if t < self.opens_at => Phase::Early,
            t if t < self.closes_at => Phase::Open,
            t if t < self.late_until => Phase::Late,
            _ => Phase::Over,
        }
    }
}

/// What is replaced as a whole when the waves are read again.
pub type ById = Arc<HashMap<WaveId, Arc<Wave>>>;

/// All waves, replaced as a whole by [`Waves::refresh`]; cheap to clone, shared by every core.
#[derive(Debug, Clone, Default)]
pub struct Waves {
    by_id: Arc<RwLock<ById>>,
}

impl Waves {
    /// The wave with this id.
    pub fn get(&self, id: WaveId) -> Option<Arc<Wave>> {
        self.all().get(&id).cloned()
    }

    /// The questionnaire of this version, if a wave fields it.
    pub fn questionnaire(&self, version: &str) -> Option<Arc<Questionnaire>> {
        let all = self.all();
        all.values()
            .find(|w| w.questionnaire.version == version)
            .map(|w| w.questionnaire.clone())
    }

    /// All waves as they are now.
    pub fn all(&self) -> ById {
        self.by_id.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the waves again. Questionnaires in memory are kept: a version never changes.
    ///
    /// # Errors
    /// [`Error::Statement`]; [`Error::NotMigrated`]; a version that this program cannot read is left out with a
    /// log line, so that one wave never stops the others.
    pub async fn refresh(&self, client: &Client) -> Result<(), Error> {
        let sql = "SELECT w.wave_id, w.name, v.version, \
                   (extract(epoch FROM opens_at) * 1000000)::bigint, \
                   (extract(epoch FROM closes_at) * 1000000)::bigint, \
                   (extract(epoch FROM closes_at) * 1000000)::bigint + late_seconds * 1000000 \
                   FROM canvass.wave w JOIN canvass.version v USING (version_id)";
        let rows = client.query(sql, &[]).await.map_err(|e| match e.code() {
            Some(code) if code.code() == "42P01" => Error::NotMigrated,
            _ => Error::statement("reading the waves", &e),
        })?;
        let mut waves = HashMap::with_capacity(rows.len());
        for row in rows {
            let (id, version) = (WaveId(row.get(0)), row.get::<_, String>(2));
            let Some(questionnaire) = self.compiled(client, &version).await? else {
                continue;
            };
            let wave = Wave {
                id,
                name: row.get(1),
                questionnaire,
                opens_at: row.get(3),
                closes_at: row.get(4),
                late_until: row.get(5),
            };
            waves.insert(id, Arc::new(wave));
        }
        *self.by_id.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(waves);
        Ok(())
    }

    async fn compiled(&self, client: &Client, version: &str) -> Result<Option<Arc<Questionnaire>>, Error> {
        if let Some(known) = self.questionnaire(version) {
            return Ok(Some(known));
        }
        let sql = "SELECT source FROM canvass.version WHERE version = $1";
        let row = client.query_one(sql, &[&version]).await;
        let row = row.map_err(|e| Error::statement("reading a questionnaire", &e))?;
        match parse(row.get(0)) {
            Ok(questionnaire) => Ok(Some(Arc::new(questionnaire))),
            Err(problems) => {
                let first = problems
                    .first()
                    .map_or_else(String::new, |p| format!("line {}: {}", p.line, p.message));
                tracing::error!(
                    version,
                    problem = first,
                    "this program cannot read a published questionnaire"
                );
                Ok(None)
            }
        }
    }
}
