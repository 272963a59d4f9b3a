//! Questions: one function for each kind's own keys.

use super::fields::{Fields, boolean};
use super::ids::{Form, id};
use super::node::Node;
use super::number::{number, whole};
use super::problem::Problems;
use super::reader::Reader;
use crate::definition::{Choice, Kind, Question, Text};

/// Characters of a short text by default, and at most.
const SHORT: (usize, usize) = (200, 1_000);
/// Characters of a long text by default, and at most.
const LONG: (usize, usize) = (4_000, 10_000);
/// Most decimals: up to [`crate::validation::GREATEST_NUMBER`] a double holds these exactly.
const MAX_DECIMALS: usize = 3;

/// Reads a question of this type (any but `section` and `grid`); `None` when it has no id.
pub(super) fn question(word: &'static str, mut fields: Fields, reader: &mut Reader<'_>) -> Option<Question> {
    fields.rename(match word {
        "single" => "a single choice question",
        "multiple" => "a multiple choice question",
        "number" => "a number question",
        "short" => "a short text question",
        _ => "a long text question",
    });
    let id_node = fields.need("id", reader.problems);
    let (text, hint) = wording(&mut fields, reader);
    let required = required(&mut fields, reader).unwrap_or(false);
    let kind = match word {
        "single" => Kind::Single {
            choices: choices(&mut fields, reader),
        },
        "multiple" => Kind::Multiple {
            choices: choices(&mut fields, reader),
        },
        "number" => number_kind(&mut fields, reader.problems),
        "short" => text_kind(false, SHORT, &mut fields, reader.problems),
        _ => text_kind(true, LONG, &mut fields, reader.problems),
    };
    fields.close(reader.problems);
    named(
        id_node,
        Question {
            id: String::new(),
            text,
            hint,
            required,
            kind,
        },
        reader,
    )
}

/// Reads a grid's row: a single choice question with the grid's choices.
pub(super) fn row(
    node: Node,
    required_by_grid: bool,
    choices: &[Choice],
    reader: &mut Reader<'_>,
) -> Option<Question> {
    let mut fields = Fields::open(node, "a grid row", reader.problems)?;
    let id_node = fields.need("id", reader.problems);
    let text = fields.need("text", reader.problems);
    let text = reader.texts.read(text, reader.problems);
    let required = required(&mut fields, reader).unwrap_or(required_by_grid);
    let at = fields.at;
    fields.close(reader.problems);
    let bytes = choices.iter().map(Choice::bytes).sum();
    let choices = if reader.texts.make_room(at, bytes, reader.problems) {
        choices.to_vec()
    } else {
        vec![]
    };
    named(
        id_node,
        Question {
            id: String::new(),
            text,
            hint: Text::default(),
            required,
            kind: Kind::Single { choices },
        },
        reader,
    )
}

/// What is asked, and the line of help.
pub(super) fn wording(fields: &mut Fields, reader: &mut Reader<'_>) -> (Text, Text) {
    let text = fields.need("text", reader.problems);
    let hint = fields.take("hint", reader.problems);
    (
        reader.texts.read(text, reader.problems),
        reader.texts.read(hint, reader.problems),
    )
}

/// Whether an answer is asked for, if that is said.
pub(super) fn required(fields: &mut Fields, reader: &mut Reader<'_>) -> Option<bool> {
    let node = fields.take("required", reader.problems)?;
    Some(boolean(&node, "required", reader.problems))
}

fn named(id_node: Option<Node>, question: Question, reader: &mut Reader<'_>) -> Option<Question> {
    let node = id_node?;
    let id = id(&node, "question id", Form::Name, reader.problems)?;
    let question = Question { id, ..question };
    reader.names.question(node.at, &question, reader.problems);
    Some(question)
}

fn choices(fields: &mut Fields, reader: &mut Reader<'_>) -> Vec<Choice> {
    let node = fields.need("choices", reader.problems);
    reader.lists.read(node, &mut reader.texts, reader.problems)
}

fn number_kind(fields: &mut Fields, problems: &mut Problems) -> Kind {
    let min_node = fields.take("min", problems);
    let max_node = fields.take("max", problems);
    let min = min_node.as_ref().and_then(|node| number(node, "min", problems));
    let max = max_node.as_ref().and_then(|node| number(node, "max", problems));
    if let (Some(min), Some(max), Some(node)) = (min, max, &max_node)
        && min > max
    {
        problems.error(node.at, format!("max {max} is below min {min}"));
    }
    // The export writes -1 for a question that was skipped.
    let bounds_are_known = min.is_some() == min_node.is_some() && max.is_some() == max_node.is_some();
    if bounds_are_known && min.is_none_or(|min| min <= -1.0) && max.is_none_or(|max| max >= -1.0) {
        let message = "-1 may be answered, but it is also what the export writes for a skipped question: \
                       give a min above -1 if no answer is negative";
        problems.warn(fields.at, message);
    }
    let decimals = fields
        .take("decimals", problems)
        .and_then(|node| whole(&node, "decimals", (0, MAX_DECIMALS), problems))
        .and_then(|decimals| u8::try_from(decimals).ok())
        .unwrap_or(0);
    Kind::Number { min, max, decimals }
}

fn text_kind(
    long: bool,
    (usual, most): (usize, usize),
    fields: &mut Fields,
    problems: &mut Problems,
) -> Kind {
    let max_length = fields
        .take("max_length", problems)
        .and_then(|node| whole(&node, "max_length", (1, most), problems))
        .unwrap_or(usual);
    Kind::Text { long, max_length }
}
