//! The demonstration wave: what a fresh server has to show.

use std::path::Path;

use canvass_store::Database;
use canvass_store::admin::{Admin, NewPerson, NewWave};
use canvass_survey::parse::parse;
use canvass_web::keys::KeyRing;
use jiff::Timestamp;

/// The demonstration questionnaire.
pub(crate) const SURVEY: &str = include_str!("../../../surveys/student-climate.yaml");
/// Invented.
const SCHOOLS: [&str; 3] = ["Maple Street School", "Riverside School", "Hillcrest School"];
const PUPILS: usize = 200;
/// µs of a year.
const YEAR: i64 = 365 * 86_400 * 1_000_000;

/// The demonstration wave, just made.
pub(crate) struct Demo {
    /// Every code, school by school.
    pub(crate) codes: Vec<String>,
}

/// Makes the demonstration wave (3 schools, 600 codes) when the database has no wave at all.
///
/// # Errors
/// The database, the keys file.
pub(crate) async fn load_if_empty(url: &str, keys: &Path) -> anyhow::Result<Option<Demo>> {
    let mut admin = Admin::connect(&Database::new(url)?).await?;
    if !admin.waves().await?.is_empty() {
        return Ok(None);
    }
    let ring = KeyRing::read(keys)?;
    let questionnaire = parse(SURVEY)
        .map_err(|problems| anyhow::anyhow!("the demonstration survey: {:?}", problems.first()))?;
    let now = Timestamp::now().as_microsecond();
    let wave = NewWave {
        name: "Demonstration",
        questionnaire: &questionnaire,
        source: SURVEY,
        opens_at: now,
        closes_at: now + YEAR,
        late_seconds: 7 * 86_400,
    };
    let wave = admin.create_wave(&wave).await?;
    let pupil = |school: &str| NewPerson {
        unit: Some(school.to_owned()),
        ..NewPerson::default()
    };
    let people: Vec<NewPerson> = SCHOOLS
        .iter()
        .flat_map(|school| vec![pupil(school); PUPILS])
        .collect();
    let mut codes = Vec::new();
    let collect = |enrolled: canvass_store::admin::Enrolled| {
        codes.push(enrolled.code.printed());
        Ok::<_, anyhow::Error>(())
    };
    admin.enrol(wave, ring.codes(), &people, collect).await?;
    Ok(Some(Demo { codes }))
}
