//! Choices: named lists that questions share, and lists of one question's own.

use std::collections::{BTreeMap, HashMap};

use super::MAX_CHOICES;
use super::fields::{Fields, did_you_mean, list, nearest};
use super::ids::{Form, id};
use super::node::{Entry, Node, Value};
use super::problem::{At, Problems};
use super::text::Texts;
use crate::definition::Choice;

/// The named lists, by name.
#[derive(Debug, Default)]
pub(super) struct ChoiceLists(BTreeMap<String, Shared>);

#[derive(Debug)]
struct Shared {
    at: At,
    used: bool,
    choices: Vec<Choice>,
}

impl ChoiceLists {
    /// Reads `choice_lists`.
    pub(super) fn open(node: Option<Node>, texts: &mut Texts, problems: &mut Problems) -> Self {
        let mut lists = BTreeMap::new();
        let entries = match node.map(|n| (n.at, n.value)) {
            Some((_, Value::Map(entries))) => entries,
            Some((at, Value::List(_) | Value::Scalar { .. })) => {
                problems.error(at, "choice_lists must be a mapping of names to lists");
                vec![]
            }
            _ => vec![],
        };
        for Entry { at, key, node } in entries {
            let name = Node {
                at,
                value: Value::Scalar {
                    text: key,
                    plain: false,
                },
            };
            let name = id(&name, "choice list", Form::Name, problems);
            let choices = own(node, texts, problems);
            if let Some(name) = name {
                let used = false;
                lists.insert(name, Shared { at, used, choices });
            }
        }
        Self(lists)
    }

    /// Reads `choices`: a list's name or a list; empty when wrong.
    pub(super) fn read(
        &mut self,
        node: Option<Node>,
        texts: &mut Texts,
        problems: &mut Problems,
    ) -> Vec<Choice> {
        let Some(node) = node else { return vec![] };
        match &node.value {
            Value::Scalar { text, .. } => self.shared(node.at, text, texts, problems),
            _ => own(node, texts, problems),
        }
    }

    fn shared(&mut self, at: At, name: &str, texts: &mut Texts, problems: &mut Problems) -> Vec<Choice> {
        let Some(shared) = self.0.get_mut(name) else {
            let way_out = nearest(name, self.0.keys().map(String::as_str)).map(did_you_mean);
            let message = format!("unknown choice list {name:?}{}", way_out.unwrap_or_default());
            problems.error(at, message);
            return vec![];
        };
        shared.used = true;
        let bytes = shared.choices.iter().map(Choice::bytes).sum();
        if texts.make_room(at, bytes, problems) {
            shared.choices.clone()
        } else {
            vec![]
        }
    }

    /// Warns of lists that no question uses.
    pub(super) fn close(self, problems: &mut Problems) {
        for (name, shared) in self.0 {
            if !shared.used {
                problems.warn(shared.at, format!("no question uses choice list {name:?}"));
            }
        }
    }
}

/// Reads a list of choices.
fn own(node: Node, texts: &mut Texts, problems: &mut Problems) -> Vec<Choice> {
    let nodes = match node.value {
        Value::Null => {
            problems.error(node.at, "choices must not be empty");
            return vec![];
        }
        _ => list(node, "choices", MAX_CHOICES, problems).unwrap_or_default(),
    };
    let mut first_lines: HashMap<String, usize> = HashMap::new();
    let mut choices = vec![];
    for node in nodes {
        let Some(mut fields) = Fields::open(node, "a choice", problems) else {
            continue;
        };
        let id_node = fields.need("id", problems);
        let text = fields.need("text", problems);
        let text = texts.read(text, problems);
        fields.close(problems);
        let Some(node) = id_node else { continue };
        let Some(id) = id(&node, "choice id", Form::Choice, problems) else {
            continue;
        };
        if let Some(line) = first_lines.get(&id) {
            let message = format!("choice id {id:?} is used twice in this list, first in line {line}");
            problems.error(node.at, message);
        } else {
            first_lines.insert(id.clone(), node.at.line);
            choices.push(Choice { id, text });
        }
    }
    choices
}
