//! The TOML as it stands in the file, before anything is checked but the keys.

use serde::Deserialize;

use super::duration;
use crate::Error;
use crate::scenario::Persona;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    pub(super) name: Option<String>,
    pub(super) target: Option<String>,
    pub(super) data: Option<String>,
    #[serde(default)]
    pub(super) columns: Vec<String>,
    #[serde(default)]
    pub(super) persona: RawPersona,
    #[serde(default)]
    pub(super) fault: Vec<RawFault>,
    #[serde(default)]
    pub(super) step: Vec<RawStep>,
    #[serde(default)]
    pub(super) journey: Vec<RawJourney>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPersona {
    pub(super) seed: Option<u64>,
    pub(super) skip: Option<f64>,
    pub(super) straight_line: Option<f64>,
    pub(super) long_text: Option<f64>,
    pub(super) leave: Option<f64>,
    pub(super) resume: Option<f64>,
    pub(super) resume_after: Option<String>,
    pub(super) double_click: Option<f64>,
    pub(super) back: Option<f64>,
}

impl RawPersona {
    pub(super) fn read(self) -> Result<Persona, Error> {
        let share = |name: &str, value: Option<f64>| match value {
            None => Ok(0.0),
            Some(share) if (0.0..=1.0).contains(&share) => Ok(share),
            Some(other) => Err(Error::bad(format!(
                "persona: {name} = {other} is no share: it lies between 0 and 1"
            ))),
        };
        let usual = Persona::default();
        Ok(Persona {
            seed: self.seed.unwrap_or(usual.seed),
            skip: share("skip", self.skip)?,
            straight_line: share("straight_line", self.straight_line)?,
            long_text: share("long_text", self.long_text)?,
            leave: share("leave", self.leave)?,
            resume: share("resume", self.resume)?,
            resume_after: self
                .resume_after
                .as_deref()
                .map(duration)
                .transpose()?
                .unwrap_or(usual.resume_after),
            double_click: share("double_click", self.double_click)?,
            back: share("back", self.back)?,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFault {
    pub(super) at: String,
    pub(super) run: String,
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawJourney {
    pub(super) name: String,
    #[serde(default = "one")]
    pub(super) weight: f64,
    #[serde(default)]
    pub(super) step: Vec<RawStep>,
}

fn one() -> f64 {
    1.0
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStep {
    pub(super) name: Option<String>,
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) think: Option<String>,
    pub(super) headers: Option<Pairs>,
    pub(super) form: Option<Pairs>,
    pub(super) json: Option<String>,
    pub(super) text: Option<String>,
    pub(super) file: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) multipart: Option<Vec<RawPart>>,
    pub(super) repeat: Option<u32>,
    pub(super) until: Option<String>,
    pub(super) follow: Option<bool>,
    pub(super) set: Option<Pairs>,
    #[serde(default)]
    pub(super) assets: Vec<String>,
    pub(super) acknowledge: Option<Pairs>,
    pub(super) fill: Option<RawFill>,
    #[serde(default)]
    pub(super) extract: Vec<RawExtract>,
    #[serde(default)]
    pub(super) check: Vec<RawCheck>,
}

/// Names with values: a table, or an array of two-element arrays when a name comes twice.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Pairs {
    Table(toml::Table),
    List(Vec<(String, String)>),
}

impl Pairs {
    pub(super) fn list(self) -> Result<Vec<(String, String)>, Error> {
        match self {
            Self::List(list) => Ok(list),
            Self::Table(table) => table
                .into_iter()
                .map(|(key, value)| match value {
                    toml::Value::String(text) => Ok((key, text)),
                    toml::Value::Integer(number) => Ok((key, number.to_string())),
                    toml::Value::Float(number) => Ok((key, number.to_string())),
                    toml::Value::Boolean(yes) => Ok((key, yes.to_string())),
                    _ => Err(Error::bad(format!("{key:?} must be a text in quotes"))),
                })
                .collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPart {
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: String,
    pub(super) file_name: Option<String>,
    pub(super) content_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFill {
    pub(super) form: Option<String>,
    pub(super) button: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExtract {
    pub(super) name: String,
    pub(super) input: Option<String>,
    pub(super) meta: Option<String>,
    pub(super) json: Option<String>,
    pub(super) header: Option<String>,
    pub(super) regex: Option<String>,
    pub(super) url: Option<String>,
    pub(super) cookie: Option<String>,
    pub(super) css: Option<String>,
    pub(super) attribute: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCheck {
    pub(super) status: Option<OneOrMore>,
    pub(super) text: Option<String>,
    pub(super) no_text: Option<String>,
    pub(super) json: Option<String>,
    pub(super) equals: Option<String>,
    pub(super) redirect: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(u16),
    More(Vec<u16>),
}
