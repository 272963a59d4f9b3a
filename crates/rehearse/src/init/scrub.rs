//! What a recording must not tell: every text on its way into the scenario or the notes goes through here.

use super::correlate::{Origin, Work};
use super::find::cookies;
use super::judge::{self, Strength};
use super::known::{Known, Maker};
use super::side::Side;

/// Values that are not written down.
pub(super) struct Secrets {
    /// Value and, if it has one, the name that stands for it; the longest first.
    values: Vec<(String, Option<usize>)>,
}

/// A piece of a text that was looked through.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// As it was.
    Text(&'a str),
    /// A name's value.
    Name(usize),
    /// A secret without a name.
    Secret,
}

impl Secrets {
    /// Everything in the recordings that is a secret or somebody's: values of names, cookies, credentials, what could not
    /// be explained. With `keep` only the values of names, which are then still replaced by these.
    pub(super) fn new(work: &Work<'_>) -> Self {
        let mut values = Vec::new();
        for (id, known) in work.known.all.iter().enumerate() {
            let own = [Some(&known.value), known.other.as_ref()];
            values.extend(
                own.into_iter()
                    .flatten()
                    .filter(|v| long_enough(known, v))
                    .map(|v| (v.clone(), Some(id))),
            );
        }
        if !work.keep_secrets {
            for side in [Some(&work.a), work.b.as_ref()].into_iter().flatten() {
                values.extend(side_secrets(side).into_iter().map(|v| (v, None)));
            }
            for (step, origins) in work.origins.iter().enumerate() {
                let places = &work.a.sendings[step].places;
                let hidden = origins
                    .iter()
                    .zip(places)
                    .filter(|(o, _)| **o == Origin::Unexplained);
                values.extend(hidden.map(|(_, place)| (place.value.clone(), None)));
            }
        }
        values.retain(|(value, _)| value.len() >= 4);
        // Names before nothing, so that a column's value is replaced by the column.
        values.sort_by(|a, b| {
            b.0.len()
                .cmp(&a.0.len())
                .then(a.0.cmp(&b.0))
                .then(b.1.is_some().cmp(&a.1.is_some()))
        });
        values.dedup_by(|b, a| a.0 == b.0);
        Self { values }
    }

    /// Cuts a text at the secrets in it.
    pub(super) fn pieces<'t>(&self, text: &'t str) -> Vec<Piece<'t>> {
        let mut pieces = vec![Piece::Text(text)];
        for (value, name) in &self.values {
            if !text.contains(value.as_str()) {
                continue;
            }
            let cut = |piece: Piece<'t>| match piece {
                Piece::Text(text) => cut(text, value, *name),
                other => vec![other],
            };
            pieces = pieces.into_iter().flat_map(cut).collect();
        }
        pieces
    }

    /// Whether a text that a step sends has one for which there is no name (yet): then the step cannot work as recorded.
    pub(super) fn lost_in(&self, work: &Work<'_>, step: usize, text: &str) -> bool {
        self.pieces(text).iter().any(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Name(id) => !work.known.stands(*id, step),
            Piece::Secret => true,
        })
    }

    /// Whether a text has none.
    pub(super) fn none_in(&self, text: &str) -> bool {
        matches!(self.pieces(text).as_slice(), [Piece::Text(_)])
    }

    /// A text with `…` where its secrets were.
    pub(super) fn redact(&self, text: &str) -> String {
        let shown = self.pieces(text).into_iter().map(|piece| match piece {
            Piece::Text(text) => text,
            _ => "…",
        });
        shown.collect()
    }
}

/// Cuts at every occurrence that is no part of a longer word.
fn cut<'t>(text: &'t str, value: &str, name: Option<usize>) -> Vec<Piece<'t>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for (at, _) in text.match_indices(value) {
        let end = at + value.len();
        let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let word = judge::strength(value) < Strength::Strong;
        if at < from || word && (inside(text[..at].chars().next_back()) || inside(text[end..].chars().next()))
        {
            continue;
        }
        if at > from {
            pieces.push(Piece::Text(&text[from..at]));
        }
        pieces.push(name.map_or(Piece::Secret, Piece::Name));
        from = end;
    }
    if from < text.len() || pieces.is_empty() {
        pieces.push(Piece::Text(&text[from..]));
    }
    pieces
}

/// Whether a name's value is looked for in other texts: a short one would be found everywhere.
fn long_enough(known: &Known, value: &str) -> bool {
    let secret = judge::secret(&known.base);
    match (&known.maker, judge::strength(value)) {
        (Maker::Column, Strength::Weak) => {
            value.len() >= 6 && (secret || !value.bytes().all(|b| b.is_ascii_digit()))
        }
        (Maker::Column, _) => true,
        (_, strength) => strength == Strength::Strong,
    }
}

/// Cookies and credentials of a recording.
fn side_secrets(side: &Side<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for visit in &side.recording.visits {
        found.extend(cookies(visit).into_iter().map(|c| c.value));
        for hop in &visit.hops {
            let sent = hop
                .request
                .headers
                .iter()
                .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"));
            let pairs = sent
                .flat_map(|(_, line)| line.split(';'))
                .filter_map(|pair| pair.split_once('='));
            found.extend(pairs.map(|(_, value)| value.trim().to_owned()));
        }
    }
    found.retain(|value| judge::strength(value) >= Strength::Fair);
    for place in side.sendings.iter().flat_map(|s| &s.places) {
        let word = matches!(place.value.as_str(), "true" | "false" | "null");
        // What stands in a public script can be read by everybody.
        if judge::secret(&place.name) && !word && side.constant_in(&place.value).is_none() {
            found.push(place.value.clone());
        }
    }
    found
}
