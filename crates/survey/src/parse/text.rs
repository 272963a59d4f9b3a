//! Languages, and texts in every one of them.

use super::fields::{did_you_mean, list, nearest};
use super::ids::{Form, id};
use super::node::{Entry, Node, Value};
use super::problem::{At, Problems};
use super::{MAX_EXPANDED_BYTES, MAX_LANGUAGES};
use crate::definition::{Language, Text};

/// Most characters of one text.
const MAX_TEXT: usize = 10_000;

/// What reading texts needs to know: the languages, and how much room is left.
#[derive(Debug)]
pub(super) struct Texts {
    languages: Vec<Language>,
    /// Bytes left of [`MAX_EXPANDED_BYTES`]; `None` once that was said.
    room: Option<usize>,
}

impl Texts {
    /// Reads the list of languages; the texts that follow are judged by it.
    pub(super) fn open(node: Option<Node>, problems: &mut Problems) -> Self {
        let nodes = node
            .and_then(|node| list(node, "languages", MAX_LANGUAGES, problems))
            .unwrap_or_default();
        let mut languages: Vec<Language> = vec![];
        for node in nodes {
            let Some(tag) = id(&node, "language", Form::Language, problems) else {
                continue;
            };
            if languages.iter().any(|l| l.eq_ignore_ascii_case(&tag)) {
                problems.error(node.at, format!("language {tag:?} is listed twice"));
            } else {
                languages.push(tag);
            }
        }
        Self {
            languages,
            room: Some(MAX_EXPANDED_BYTES),
        }
    }

    /// The languages in order; empty when none could be read.
    pub(super) fn into_languages(self) -> Vec<Language> {
        self.languages
    }

    /// Reads a text; what is wrong with it is noted and an empty one stands in.
    pub(super) fn read(&mut self, node: Option<Node>, problems: &mut Problems) -> Text {
        let Some(node) = node else {
            return Text::default();
        };
        let at = node.at;
        let text = match node.value {
            Value::Scalar { text, .. } => self.for_all(at, &text, problems),
            Value::Map(entries) => self.by_language(at, entries, problems),
            Value::Refused => return Text::default(),
            other => {
                let message = format!(
                    "a text must be words or one text a language, this is {}",
                    other.name()
                );
                problems.error(at, message);
                return Text::default();
            }
        };
        let bytes = text.iter().map(String::len).sum();
        if !self.make_room(at, bytes, problems) {
            return Text::default();
        }
        Text::new(text)
    }

    /// Takes so many bytes of the room for the questionnaire as a whole; false, said once, when there is none.
    pub(super) fn make_room(&mut self, at: At, bytes: usize, problems: &mut Problems) -> bool {
        let Some(room) = self.room else { return false };
        self.room = room.checked_sub(bytes);
        if self.room.is_none() {
            let message = format!(
                "the questionnaire is too large: with its choice lists written out it passes {MAX_EXPANDED_BYTES} bytes here"
            );
            problems.error(at, message);
        }
        self.room.is_some()
    }

    /// One text for all languages.
    fn for_all(&self, at: At, text: &str, problems: &mut Problems) -> Vec<String> {
        let text = self.clean(at, text, problems);
        if self.languages.len() > 1 && text.chars().any(char::is_alphabetic) {
            let message = format!(
                "one text stands for all languages ({}), write one for each: {{ {}: … }}",
                self.languages.join(", "),
                self.languages.join(": …, ")
            );
            problems.warn(at, message);
        }
        vec![text; self.languages.len()]
    }

    fn by_language(&self, at: At, entries: Vec<Entry>, problems: &mut Problems) -> Vec<String> {
        let mut texts: Vec<Option<String>> = vec![None; self.languages.len()];
        for Entry { at, key, node } in entries {
            let index = self.languages.iter().position(|l| *l == key);
            if index.is_none() {
                self.unknown_language(at, &key, &node, problems);
            }
            let text = match node.value {
                Value::Scalar { text, .. } => self.clean(node.at, &text, problems),
                Value::Refused => String::new(),
                // What follows a comma looks like a key; that was said.
                Value::Null if index.is_none() => String::new(),
                Value::Null => {
                    problems.error(at, format!("the text in {key:?} is empty"));
                    String::new()
                }
                other => {
                    problems.error(node.at, format!("a text must be words, this is {}", other.name()));
                    String::new()
                }
            };
            if let Some(slot) = index.and_then(|i| texts.get_mut(i)) {
                *slot = Some(text);
            }
        }
        let missing: Vec<&str> = self
            .languages
            .iter()
            .zip(&texts)
            .filter(|(_, text)| text.is_none())
            .map(|(language, _)| language.as_str())
            .collect();
        if !missing.is_empty() {
            problems.error(at, format!("the text is missing in {}", missing.join(", ")));
        }
        texts.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Without a list of languages nothing can be said about one.
    fn unknown_language(&self, at: At, key: &str, node: &Node, problems: &mut Problems) {
        if self.languages.is_empty() {
            return;
        }
        let languages = self.languages.iter().map(String::as_str);
        let way_out = if matches!(node.value, Value::Null) {
            ": a text that holds a comma needs quotes between braces".to_owned()
        } else {
            nearest(key, languages).map_or_else(
                || format!("; languages are {}", self.languages.join(", ")),
                did_you_mean,
            )
        };
        problems.error(at, format!("unknown language {key:?}{way_out}"));
    }

    /// The text without the white space around it and at the ends of its lines.
    fn clean(&self, at: At, text: &str, problems: &mut Problems) -> String {
        let text = text.trim();
        if text.is_empty() {
            problems.error(at, "the text is empty");
        }
        let odd = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
        if let Some(odd) = text.chars().find(odd) {
            problems.error(
                at,
                format!("the text holds the control character U+{:04X}", u32::from(odd)),
            );
        }
        if text.len() > MAX_TEXT && text.chars().count() > MAX_TEXT {
            problems.error(at, format!("the text is longer than {MAX_TEXT} characters"));
            return String::new();
        }
        // An empty line parts paragraphs, also when it holds spaces.
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }
}
