//! The YAML text as a tree whose nodes know their place, and which keeps what the reader has to judge:
//! whether a scalar was quoted, which key came twice.
//!
//! Of YAML the tree takes mappings, lists and scalars. Anchors, aliases, tags and further documents are
//! refused: choice lists do their work, and a small file stays small in memory.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::syntax;

use super::MAX_BYTES;
use super::problem::{At, Problem, Problems};

/// Deepest nesting read. The format itself goes 8 deep.
const MAX_DEPTH: usize = 32;

/// One node with its place.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: At,
    pub(super) value: Value,
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Value {
    /// Nothing: an empty place, `~` or `null`.
    Null,
    /// A word, a number or a text, as it was written; `plain` without quotes.
    Scalar { text: String, plain: bool },
    /// `- a` or `[a, b]`.
    List(Vec<Node>),
    /// `key: value` or `{key: value}`; each key once.
    Map(Vec<Entry>),
    /// Something that was refused already: asks for no further problem.
    Refused,
}

/// One `key: value` of a mapping.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: At,
    pub(super) key: String,
    pub(super) node: Node,
}

impl Value {
    /// What to call it in a message.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Null | Self::Refused => "nothing",
            Self::Scalar { .. } => "a plain value",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads the file's one document; `None`, with a problem noted, when there is none that can be read.
pub(super) fn tree(source: &str, problems: &mut Problems) -> Option<Node> {
    if source.len() > MAX_BYTES {
        problems.error(At::START, too_large().message);
        return None;
    }
    let body = source.strip_prefix('\u{feff}').unwrap_or(source);
    if let Some((before, _)) = body.split_once('\0') {
        problems.error(At::end_of(before), "U+0000 is not a character of a text");
        return None;
    }
    let mut tree = Tree {
        parser: Parser::new_from_str(body),
        lines: body.lines().collect(),
        problems,
    };
    match tree.document() {
        Ok(node) => Some(node),
        Err(Stop::Syntax(e)) => {
            let (at, message) = syntax::explain(body, &e);
            problems.error(at, message);
            None
        }
        Err(Stop::Said) => None,
    }
}

/// The problem of a file beyond [`MAX_BYTES`].
pub(super) fn too_large() -> Problem {
    let message = format!(
        "the file has more than {} MiB, it cannot be a questionnaire",
        MAX_BYTES >> 20
    );
    Problem::error(At::START, message)
}

/// Why the tree ends here.
enum Stop {
    Syntax(ScanError),
    /// The problem was noted.
    Said,
}

struct Tree<'s, 'p> {
    parser: Parser<'s, StrInput<'s>>,
    lines: Vec<&'s str>,
    problems: &'p mut Problems,
}

impl<'s> Tree<'s, '_> {
    fn next(&mut self) -> Result<(Event<'s>, At), Stop> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.warn_of_comment(&event, &span);
                Ok((event, place(&span)))
            }
            Some(Err(e)) => Err(Stop::Syntax(e)),
            None => Ok((Event::StreamEnd, At::START)),
        }
    }

    fn document(&mut self) -> Result<Node, Stop> {
        loop {
            match self.next()?.0 {
                Event::DocumentStart(_) => break,
                Event::StreamEnd => return self.stop(At::START, "the file is empty"),
                _ => {}
            }
        }
        let root = self.node(0)?;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(root),
                (Event::DocumentStart(_), at) => {
                    let message = "a second document starts here, a file holds one questionnaire";
                    return self.stop(at, message);
                }
                _ => {}
            }
        }
    }

    fn stop<T>(&mut self, at: At, message: &str) -> Result<T, Stop> {
        self.problems.error(at, message);
        Err(Stop::Said)
    }

    fn node(&mut self, depth: usize) -> Result<Node, Stop> {
        let (event, at) = self.next()?;
        self.node_of(event, at, depth)
    }

    fn node_of(&mut self, event: Event<'s>, at: At, depth: usize) -> Result<Node, Stop> {
        if depth > MAX_DEPTH {
            return self.stop(at, "nested too deeply for a questionnaire");
        }
        let value = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_extras(at, anchor, tag.is_some());
                scalar(text, style)
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_extras(at, anchor, tag.is_some());
                self.list(depth)?
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_extras(at, anchor, tag.is_some());
                self.map(depth)?
            }
            Event::Alias(_) => {
                let message = "aliases (*name) are not read, use choice_lists to share choices; \
                               put a text that starts with * in quotes";
                self.problems.error(at, message);
                Value::Refused
            }
            _ => return self.stop(at, "not valid YAML: something is missing here"),
        };
        Ok(Node { at, value })
    }

    /// `text: Room #3` is the text `Room` to YAML.
    fn warn_of_comment(&mut self, event: &Event<'s>, span: &Span) {
        if matches!(event, Event::Scalar(_, ScalarStyle::Plain, ..))
            && let Some(line) = self.lines.get(span.end.line().wrapping_sub(1))
            && let Some(column) = syntax::comment_without_space(line, span.end.col())
        {
            let at = At {
                line: span.end.line(),
                column,
            };
            let message = "what follows # is a comment; if it belongs to the text, put the text in quotes";
            self.problems.warn(at, message);
        }
    }

    fn refuse_extras(&mut self, at: At, anchor: usize, tag: bool) {
        if anchor > 0 {
            let message = "anchors (&name) are not read, use choice_lists to share choices; \
                           put a text that starts with & in quotes";
            self.problems.error(at, message);
        }
        if tag {
            let message = "tags (!name) are not read; put a text that starts with ! in quotes";
            self.problems.error(at, message);
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Stop> {
        let mut nodes = vec![];
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(nodes)),
                (event, at) => nodes.push(self.node_of(event, at, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, Stop> {
        let mut entries: Vec<Entry> = vec![];
        let mut first_lines: HashMap<String, usize> = HashMap::new();
        loop {
            let key = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Map(entries)),
                (event, at) => self.node_of(event, at, depth + 1)?,
            };
            let node = self.node(depth + 1)?;
            let at = key.at;
            let key = match key.value {
                Value::Scalar { text, .. } => text,
                Value::Refused => continue,
                other => {
                    let message = format!("a key must be a word, this is {}", other.name());
                    self.problems.error(at, message);
                    continue;
                }
            };
            if let Some(line) = first_lines.get(&key) {
                let message = format!("key {key:?} is given twice, first in line {line}");
                self.problems.error(at, message);
                continue;
            }
            first_lines.insert(key.clone(), at.line);
            entries.push(Entry { at, key, node });
        }
    }
}

fn scalar(text: Cow<'_, str>, style: ScalarStyle) -> Value {
    let plain = style == ScalarStyle::Plain;
    if plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    Value::Scalar {
        text: text.into_owned(),
        plain,
    }
}

fn place(span: &Span) -> At {
    At {
        line: span.start.line().max(1),
        column: span.start.col() + 1,
    }
}
