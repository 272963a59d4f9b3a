//! A mapping read key by key, so that unknown and missing keys are named, and the plain values in it.

use super::node::{Entry, Node, Value};
use super::problem::{At, Problems};

/// The keys of one mapping that are not taken yet.
#[derive(Debug)]
pub(super) struct Fields {
    /// Where the mapping starts.
    pub(super) at: At,
    /// What the mapping is, with its article: `a page`.
    what: &'static str,
    entries: Vec<Option<Entry>>,
    known: Vec<&'static str>,
}

impl Fields {
    /// Opens a mapping; anything else is a problem.
    pub(super) fn open(node: Node, what: &'static str, problems: &mut Problems) -> Option<Self> {
        match node.value {
            Value::Map(entries) => Some(Self {
                at: entries.first().map_or(node.at, |e| e.at),
                what,
                entries: entries.into_iter().map(Some).collect(),
                known: vec![],
            }),
            Value::Refused => None,
            other => {
                let message = format!("{what} must be a mapping (key: value), this is {}", other.name());
                problems.error(node.at, message);
                None
            }
        }
    }

    /// Calls the mapping something else from here on, once its type is known.
    pub(super) fn rename(&mut self, what: &'static str) {
        self.what = what;
    }

    /// The value of a key that may be left out. A key without a value is a problem.
    pub(super) fn take(&mut self, key: &'static str, problems: &mut Problems) -> Option<Node> {
        self.find(key, problems)
            .filter(|node| !matches!(node.value, Value::Refused))
    }

    /// The value of a key that must be there.
    pub(super) fn need(&mut self, key: &'static str, problems: &mut Problems) -> Option<Node> {
        let found = self.find(key, problems);
        if found.is_none() {
            problems.error(self.at, format!("{} needs \"{key}\"", self.what));
        }
        found.filter(|node| !matches!(node.value, Value::Refused))
    }

    fn find(&mut self, key: &'static str, problems: &mut Problems) -> Option<Node> {
        self.known.push(key);
        let slot = self
            .entries
            .iter_mut()
            .find(|slot| slot.as_ref().is_some_and(|entry| entry.key == key))?;
        let Entry { at, mut node, .. } = slot.take()?;
        if matches!(node.value, Value::Null) {
            problems.error(at, format!("\"{key}\" has no value"));
            node.value = Value::Refused;
        }
        Some(node)
    }

    /// Names every key that nobody took.
    pub(super) fn close(self, problems: &mut Problems) {
        for entry in self.entries.into_iter().flatten() {
            let way_out = nearest(&entry.key, self.known.iter().copied()).map_or_else(
                || format!("; its keys are {}", self.known.join(", ")),
                did_you_mean,
            );
            let message = format!("unknown key {:?} in {}{way_out}", entry.key, self.what);
            problems.error(entry.at, message);
        }
    }
}

/// The end of a message that offers another word.
pub(super) fn did_you_mean(word: &str) -> String {
    format!(", did you mean {word:?}?")
}

/// The word most like this one, if any is like it.
pub(super) fn nearest<'w>(word: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let word = word.to_lowercase();
    words
        .into_iter()
        .map(|w| (strsim::jaro_winkler(&word, &w.to_lowercase()), w))
        .filter(|(likeness, _)| *likeness > 0.8)
        .fold(None, |best: Option<(f64, &str)>, (likeness, w)| match best {
            Some((held, _)) if held >= likeness => best,
            _ => Some((likeness, w)),
        })
        .map(|(_, w)| w)
}

/// A list with at least one and at most `most` things in it; `None` with a problem otherwise.
pub(super) fn list(node: Node, what: &str, most: usize, problems: &mut Problems) -> Option<Vec<Node>> {
    match node.value {
        Value::List(nodes) if nodes.is_empty() => {
            problems.error(node.at, format!("{what} must not be empty"));
            None
        }
        Value::List(nodes) if nodes.len() > most => {
            let message = format!("{what} has {} entries, at most {most} are allowed", nodes.len());
            problems.error(node.at, message);
            None
        }
        Value::List(nodes) => Some(nodes),
        Value::Refused => None,
        other => {
            problems.error(
                node.at,
                format!("{what} must be a list, this is {}", other.name()),
            );
            None
        }
    }
}

/// `true` or `false`.
pub(super) fn boolean(node: &Node, key: &str, problems: &mut Problems) -> bool {
    match &node.value {
        Value::Scalar { text, plain: true } if matches!(text.as_str(), "true" | "True" | "TRUE") => true,
        Value::Scalar { text, plain: true } if matches!(text.as_str(), "false" | "False" | "FALSE") => false,
        _ => {
            problems.error(node.at, format!("\"{key}\" must be true or false"));
            false
        }
    }
}
