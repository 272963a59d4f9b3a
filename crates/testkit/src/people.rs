//! A wave with people who have codes.

use canvass_store::Database;
use canvass_store::admin::{Admin, NewPerson, NewWave};
use canvass_store::code::CodeKeys;
use canvass_survey::parse::parse;

use crate::{block_on, now_micros};

/// A questionnaire with every kind of question, on three pages.
pub const SMALL_SURVEY: &str = include_str!("survey.yaml");

/// When a wave opens and closes, in seconds from now.
#[derive(Debug, Clone, Copy)]
pub struct WaveTimes {
    /// Negative: it is open already.
    pub opens_in: i64,
    /// Negative: it is closed already.
    pub closes_in: i64,
    /// How long after closing saves are accepted.
    pub late: i64,
}

impl Default for WaveTimes {
    fn default() -> Self {
        Self {
            opens_in: -60,
            closes_in: 86_400,
            late: 7 * 86_400,
        }
    }
}

/// A wave just made.
pub struct TestWave {
    /// Its number.
    pub id: i32,
    /// A code for each of its people, as printed.
    pub codes: Vec<String>,
}

/// Makes a wave with `people` codes, with the secret of [`crate::Server`]'s keys file.
pub fn make_wave(url: &str, name: &str, survey: &str, times: WaveTimes, people: usize) -> TestWave {
    let questionnaire = parse(survey).unwrap();
    let now = now_micros();
    let wave = NewWave {
        name,
        questionnaire: &questionnaire,
        source: survey,
        opens_at: now + times.opens_in * 1_000_000,
        closes_at: now + times.closes_in * 1_000_000,
        late_seconds: times.late,
    };
    block_on(async {
        let mut admin = Admin::connect(&Database::new(url).unwrap()).await.unwrap();
        let id = admin.create_wave(&wave).await.unwrap();
        let keys = CodeKeys::new(&crate::server::CODES_SECRET);
        let mut codes = Vec::new();
        let people = vec![
            NewPerson {
                unit: Some("Test School".into()),
                ..NewPerson::default()
            };
            people
        ];
        let collect = |enrolled: canvass_store::admin::Enrolled| {
            codes.push(enrolled.code.printed());
            Ok::<_, canvass_store::Error>(())
        };
        admin.enrol(id, &keys, &people, collect).await.unwrap();
        TestWave { id: id.0, codes }
    })
}
