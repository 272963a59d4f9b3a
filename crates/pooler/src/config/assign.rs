//! Sets one value of a section by its name, and says what is wrong with either.

use super::table::{self, Key};
use super::words::nearest;

/// Settings of pgbouncer 1.26 and of other systems, with the reason why they are not known.
const KNOWN_ELSEWHERE: &[(Section, &str, &str)] = &[
    (Section::Pgbouncer, "login_notify_message", NEWER),
    (Section::Pgbouncer, "pool_idle_timeout", NEWER),
    (Section::Pgbouncer, "service_name", "it matters on Windows only"),
    (
        Section::Pgbouncer,
        "auth_pam_confdir",
        "users are not authenticated through PAM",
    ),
    (Section::Databases, "query_wait_timeout", NEWER),
    (Section::Databases, "target_session_attrs", NEWER),
    (Section::Users, "query_wait_timeout", NEWER),
];
const NEWER: &str = "it came with pgbouncer 1.26, and this pooler follows 1.25";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Section {
    Pgbouncer,
    Databases,
    Users,
    Peers,
    Canvass,
}

impl Section {
    pub(super) const ALL: [(&str, Self); 5] = [
        ("pgbouncer", Self::Pgbouncer),
        ("databases", Self::Databases),
        ("users", Self::Users),
        ("peers", Self::Peers),
        ("canvass", Self::Canvass),
    ];

    fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, section)| *section == self)
            .map_or("", |(name, _)| name)
    }
}

/// Reads one value. Gives a sentence if nothing follows from it.
///
/// # Errors
/// What is wrong with the name or the value.
pub(super) fn assign<T: Clone + Default>(
    section: Section,
    keys: &'static [Key<T>],
    values: &mut T,
    name: &str,
    text: &str,
) -> Result<Option<String>, String> {
    let key = table::find(keys, name).ok_or_else(|| unknown(section, keys, name))?;
    match key.assign(values, text) {
        Ok(None) => Ok(None),
        Ok(Some(reason)) => Ok(Some(format!(
            "{name} = {} has no effect: {reason}",
            value_shown(text)
        ))),
        Err(problem) => Err(format!("{name} = {}: {problem}", value_shown(text))),
    }
}

fn unknown<T>(section: Section, keys: &'static [Key<T>], name: &str) -> String {
    let elsewhere = KNOWN_ELSEWHERE
        .iter()
        .find(|(there, known, _)| *there == section && *known == name);
    if let Some((_, _, reason)) = elsewhere {
        return format!("{name} is not supported: {reason}; remove it");
    }
    let unknown = format!("unknown setting \"{}\" in [{}]", shown(name), section.name());
    match nearest(keys.iter().map(|key| key.name), name) {
        Some(near) => format!("{unknown}, did you mean \"{near}\"?"),
        None => format!("{unknown}; remove it, or see docs/pool-settings.md for what there is"),
    }
}

/// A value for a message: never a connection string with a password in it.
fn value_shown(text: &str) -> String {
    if text.to_ascii_lowercase().contains("passw") {
        "(not shown)".to_owned()
    } else {
        shown(text)
    }
}

/// A name for a message: never endless, never more than a line.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown = text
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect::<String>();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
