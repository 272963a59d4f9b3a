//! What a start-up packet asks for: database, settings, replication, how long to wait.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Database;
use crate::hub::Hub;
use crate::refusal::Refusal;
use crate::session::{Values, as_reported};
use crate::wire::startup::Startup;

/// Parameters that are always accepted, whatever they say: drivers send them without being asked.
const IGNORED: [&str; 1] = ["extra_float_digits"];

/// What the start-up packet asks for, checked.
pub(super) struct Wanted {
    pub(super) user: Arc<str>,
    pub(super) database: Database,
    pub(super) values: Values,
    pub(super) replication: Option<String>,
    pub(super) deadline: Option<Duration>,
}

/// Checks the start-up packet's parameters.
pub(super) fn want(hub: &Hub, startup: &Startup, user: Arc<str>, name: &str) -> Result<Wanted, Refusal> {
    let database = hub
        .database(name)
        .ok_or_else(|| Refusal::no_such_database(name))?;
    if hub.is_disabled(name) {
        return Err(Refusal::database_disabled(name));
    }
    let mut wanted = Wanted {
        user,
        database,
        values: Values::unknown(&hub.tracked),
        replication: None,
        deadline: None,
    };
    let config = hub.config.load();
    let is_ignored = |name: &str| {
        IGNORED.contains(&name)
            || config
                .settings
                .ignore_startup_parameters
                .iter()
                .any(|own| own == name)
    };
    for (name, value) in &startup.parameters {
        match name.as_str() {
            "user" | "database" => {}
            name if name.starts_with("_pq_.") => {}
            "replication" => wanted.replication = replication(value)?,
            "canvass.deadline" => wanted.deadline = Some(deadline(value)?),
            "options" if is_ignored("options") => {}
            "options" => {
                for (name, value) in
                    options(value).ok_or_else(|| Refusal::unsupported_parameter("options"))?
                {
                    match hub.tracked.place(name.as_bytes()) {
                        Some(place) => wanted.values.set(place, Some(as_reported(place, &value))),
                        None if is_ignored(&name) => {}
                        None if name == "canvass.deadline" => wanted.deadline = Some(deadline(&value)?),
                        None => return Err(Refusal::unsupported_option(&name)),
                    }
                }
            }
            name => match hub.tracked.place(name.as_bytes()) {
                Some(place) => wanted.values.set(place, Some(as_reported(place, value))),
                None if is_ignored(name) => {}
                None => return Err(Refusal::unsupported_parameter(name)),
            },
        }
    }
    Ok(wanted)
}

/// `replication`: off, physical, or of one database.
fn replication(value: &str) -> Result<Option<String>, Refusal> {
    match value.to_ascii_lowercase().as_str() {
        "false" | "off" | "no" | "0" => Ok(None),
        "true" | "on" | "yes" | "1" | "database" => Ok(Some(value.to_owned())),
        _ => Err(Refusal::new(
            "22023",
            format!("invalid value for parameter \"replication\": \"{value}\""),
        )),
    }
}

/// How long the client waits for a server: seconds, or with `ms` behind it milliseconds.
fn deadline(value: &str) -> Result<Duration, Refusal> {
    let (number, unit) = match value.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (value.strip_suffix('s').unwrap_or(value), 1.0),
    };
    let seconds = number.trim().parse::<f64>().ok().map(|seconds| seconds * unit);
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| {
            Refusal::new(
                "22023",
                format!("canvass.deadline: \"{value}\" is no time: write 2.5 or 500ms"),
            )
        })
}

/// `-c name=value` and `--name=value`, with backslashes before blanks; `None` for anything else.
fn options(text: &str) -> Option<Vec<(String, String)>> {
    let mut words = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => words.last_mut()?.push(chars.next()?),
            c if c.is_ascii_whitespace() => words.push(String::new()),
            c => words.last_mut()?.push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    let mut settings = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let setting = match word.as_str() {
            "-c" => words.next()?,
            _ => match word.strip_prefix("--").or_else(|| word.strip_prefix("-c")) {
                Some(setting) => setting.to_owned(),
                None => return None,
            },
        };
        let (name, value) = setting.split_once('=')?;
        if name.is_empty() {
            return None;
        }
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Some(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_settings_or_nothing() {
        let read = |text: &str| options(text);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(read("-c a=b"), Some(vec![pair("a", "b")]));
        assert_eq!(
            read(" -c  a=b\\ c --work-mem=1MB -csearch_path=x "),
            Some(vec![
                pair("a", "b c"),
                pair("work_mem", "1MB"),
                pair("search_path", "x"),
            ])
        );
        assert_eq!(read(""), Some(vec![]));
        for bad in ["-c", "-c=", "-c =x", "-x", "a=b", "-c a", "\\"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_deadline_is_a_time() {
        assert_eq!(deadline("2.5").unwrap(), Duration::from_millis(2_500));
        assert_eq!(deadline("500ms").unwrap(), Duration::from_millis(500));
        for bad in ["", "soon", "-1", "NaN", "1e300"] {
            assert!(deadline(bad).is_err(), "{bad}");
        }
    }
}
