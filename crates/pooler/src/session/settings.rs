//! Settings that follow the client: the server reports them (ParameterStatus) or the client sent them at start-up.

use std::sync::Arc;

/// Names that are always tracked, as PostgreSQL writes them.
const ALWAYS: [&str; 5] = [
    "client_encoding",
    "DateStyle",
    "TimeZone",
    "standard_conforming_strings",
    "application_name",
];

/// The place of `application_name`.
pub const APPLICATION_NAME: usize = 4;

/// The place of `client_encoding`.
const CLIENT_ENCODING: usize = 0;

/// A value as PostgreSQL reports it, for one that a client wrote in its own way: names of encodings (`pg_encname_tbl`
/// takes them in any case and with any punctuation). Others are left as they are.
pub fn as_reported(place: usize, value: &str) -> Arc<str> {
    if place != CLIENT_ENCODING {
        return value.into();
    }
    let letters: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
    match letters.to_ascii_uppercase().as_str() {
        "UTF8" | "UNICODE" => "UTF8".into(),
        "SQLASCII" => "SQL_ASCII".into(),
        name if name.starts_with("LATIN") || name.starts_with("WIN") => name.into(),
        _ => value.into(),
    }
}

/// The names of the tracked settings; a setting is known by its place here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked(Arc<[Box<str>]>);

impl Tracked {
    /// The five that are always tracked, and `extra` ones.
    pub fn new<'a>(extra: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<Box<str>> = ALWAYS.iter().map(|&name| name.into()).collect();
        for name in extra {
            if !names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                names.push(name.into());
            }
        }
        Self(names.into())
    }

    /// The place of a setting, whatever the case of its name.
    pub fn place(&self, name: &[u8]) -> Option<usize> {
        self.0
            .iter()
            .position(|known| known.as_bytes().eq_ignore_ascii_case(name))
    }

    /// The names in their places.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never: five are always tracked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The values of the tracked settings, of a client or of a server; `None`: unknown, which is the database's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(Vec<Option<Arc<str>>>);

impl Values {
    /// All unknown.
    pub fn unknown(tracked: &Tracked) -> Self {
        Self(vec![None; tracked.len()])
    }

    /// The value in a place.
    pub fn get(&self, place: usize) -> Option<&Arc<str>> {
        self.0.get(place)?.as_ref()
    }

    /// Sets the value in a place.
    pub fn set(&mut self, place: usize, value: Option<Arc<str>>) {
        if let Some(slot) = self.0.get_mut(place) {
            *slot = value;
        }
    }

    /// Takes every value from `other` that is unknown here.
    pub fn fill_from(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            if mine.is_none() {
                mine.clone_from(theirs);
            }
        }
    }

    /// True when a server with `self` serves a client with `wanted` as it is.
    pub fn serve(&self, wanted: &Self) -> bool {
        let same = |a: &Option<Arc<str>>, b: &Option<Arc<str>>| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (None, None) => true,
            _ => false,
        };
        self.0.iter().zip(&wanted.0).all(|(a, b)| same(a, b))
    }

    /// Forgets the values that a server does not report, `reported` being what it reported at its login: a reset has made
    /// them the database's defaults.
    pub fn forget_unreported(&mut self, reported: &Self) {
        for (mine, reported) in self.0.iter_mut().zip(&reported.0) {
            if reported.is_none() {
                *mine = None;
            }
        }
    }

    /// The SQL that turns a server's `self` into `wanted`. Schema-qualified: the client's `search_path` must not decide
    /// which function this is.
    pub fn change_into(&self, wanted: &Self, tracked: &Tracked) -> String {
        let mut resets = String::new();
        let mut calls = Vec::new();
        for ((mine, theirs), name) in self.0.iter().zip(&wanted.0).zip(tracked.names()) {
            match (mine, theirs) {
                (a, b) if a == b => {}
                (_, Some(value)) => calls.push(format!(
                    "pg_catalog.set_config({}, {}, false)",
                    literal(name),
                    literal(value)
                )),
                (_, None) => resets.push_str(&format!("RESET \"{}\";", name.replace('"', "\"\""))),
            }
        }
        if calls.is_empty() {
            return resets;
        }
        format!("{resets}SELECT {}", calls.join(", "))
    }
}

/// A string literal that means the same whatever `standard_conforming_strings` is.
fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_called_as_postgresql_calls_them() {
        let all = ["utf-8", "UNICODE", "latin-1", "sql_ascii", "EUC_JP"].map(|name| as_reported(0, name));
        assert_eq!(
            all.map(|name| name.to_string()),
            ["UTF8", "UTF8", "LATIN1", "SQL_ASCII", "EUC_JP"]
        );
        assert_eq!(&*as_reported(4, "utf-8"), "utf-8");
    }

    #[test]
    fn only_what_differs_is_set() {
        let tracked = Tracked::new(["search_path", "datestyle"]);
        assert_eq!(tracked.len(), 6, "DateStyle is tracked already");
        let mut server = Values::unknown(&tracked);
        let mut client = Values::unknown(&tracked);
        assert!(server.serve(&client));
        server.set(1, Some("ISO, MDY".into()));
        server.set(5, Some("other".into()));
        client.set(1, Some("ISO, MDY".into()));
        client.set(4, Some("it's \\ me".into()));
        assert!(!server.serve(&client));
        assert_eq!(
            server.change_into(&client, &tracked),
            "RESET \"search_path\";SELECT pg_catalog.set_config('application_name', E'it''s \\\\ me', false)"
        );
    }
}
