//! Pages and what stands on them.

use super::MAX_QUESTIONS_PER_PAGE;
use super::fields::{Fields, did_you_mean, list, nearest};
use super::ids::{Form, id};
use super::node::{Node, Value};
use super::question;
use super::reader::Reader;
use crate::definition::{Item, Page, Question};

/// Most things on a page, sections included.
const MAX_ITEMS: usize = 2 * MAX_QUESTIONS_PER_PAGE;

/// The words that `type` takes.
const TYPES: [&str; 7] = ["section", "single", "multiple", "grid", "number", "short", "long"];

/// A page under way.
#[derive(Debug, Default)]
pub(super) struct Contents {
    items: Vec<Item>,
    questions: Vec<Question>,
}

impl Contents {
    /// Adds a question that stands by itself.
    fn ask(&mut self, question: Question) {
        self.items.push(Item::Question(self.questions.len()));
        self.questions.push(question);
    }
}

/// Reads a page; `None` when it cannot be told what it is called.
pub(super) fn page(node: Node, reader: &mut Reader<'_>) -> Option<Page> {
    let mut fields = Fields::open(node, "a page", reader.problems)?;
    let at = fields.at;
    let id_node = fields.need("id", reader.problems);
    let title = fields.need("title", reader.problems);
    let items = fields.need("items", reader.problems);
    fields.close(reader.problems);

    let id = id_node.and_then(|node| {
        let id = id(&node, "page id", Form::Name, reader.problems)?;
        reader.names.page(node.at, &id, reader.problems);
        Some(id)
    });
    let title = reader.texts.read(title, reader.problems);
    let items = items.and_then(|node| list(node, "items", MAX_ITEMS, reader.problems));
    let mut contents = Contents::default();
    for node in items.unwrap_or_default() {
        item(node, &mut contents, reader);
    }
    let Contents { items, questions } = contents;
    if questions.len() > MAX_QUESTIONS_PER_PAGE {
        let message = format!(
            "the page asks {} questions, at most {MAX_QUESTIONS_PER_PAGE} are allowed",
            questions.len()
        );
        reader.problems.error(at, message);
    }
    Some(Page {
        id: id?,
        title,
        items,
        questions,
    })
}

fn item(node: Node, contents: &mut Contents, reader: &mut Reader<'_>) {
    let Some(mut fields) = Fields::open(node, "an item", reader.problems) else {
        return;
    };
    let Some(type_node) = fields.need("type", reader.problems) else {
        return;
    };
    let Some(word) = type_word(&type_node, reader) else {
        return;
    };
    match word {
        "section" => {
            fields.rename("a section");
            let text = fields.need("text", reader.problems);
            fields.close(reader.problems);
            let text = reader.texts.read(text, reader.problems);
            contents.items.push(Item::Section(text));
        }
        "grid" => grid(fields, contents, reader),
        word => {
            if let Some(question) = question::question(word, fields, reader) {
                contents.ask(question);
            }
        }
    }
}

/// The word of `type` as one of [`TYPES`].
fn type_word(node: &Node, reader: &mut Reader<'_>) -> Option<&'static str> {
    let Value::Scalar { text, .. } = &node.value else {
        let message = format!("type must be one of {}", TYPES.join(", "));
        reader.problems.error(node.at, message);
        return None;
    };
    let found = TYPES.into_iter().find(|t| t == text);
    if found.is_none() {
        let way_out =
            nearest(text, TYPES).map_or_else(|| format!("; types are {}", TYPES.join(", ")), did_you_mean);
        reader
            .problems
            .error(node.at, format!("unknown type {text:?}{way_out}"));
    }
    found
}

fn grid(mut fields: Fields, contents: &mut Contents, reader: &mut Reader<'_>) {
    fields.rename("a grid");
    let (text, hint) = question::wording(&mut fields, reader);
    let required = question::required(&mut fields, reader).unwrap_or(false);
    let choices = fields.need("choices", reader.problems);
    let choices = reader.lists.read(choices, &mut reader.texts, reader.problems);
    let rows = fields.need("rows", reader.problems);
    fields.close(reader.problems);

    let rows = rows.and_then(|node| list(node, "rows", MAX_QUESTIONS_PER_PAGE, reader.problems));
    let first = contents.questions.len();
    for node in rows.unwrap_or_default() {
        let row = question::row(node, required, &choices, reader);
        contents.questions.extend(row);
    }
    contents.items.push(Item::Grid {
        text,
        hint,
        rows: (first..contents.questions.len()).collect(),
        choices,
    });
}
