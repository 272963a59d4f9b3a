//! auto_explain: `duration: 12.3 ms  plan:` with the statement and its plan, as text or JSON. XML and YAML are counted only.

mod json;
mod node;
mod text;

pub use node::Node;

use super::duration;
use crate::event::{Stage, StatementAt};
use crate::hash::hash;
use crate::parse::Scribe;
use crate::record::Record;

/// A statement's plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// µs that the statement took.
    pub micros: u64,
    /// The statement; `None`: the form of the plan is not read.
    pub statement: Option<StatementAt>,
    /// Its nodes, from the top, each before those below it.
    pub nodes: Vec<Node>,
    /// Rows that the statement returned or changed; `None`: not logged (`auto_explain.log_analyze`).
    pub rows: Option<u64>,
    /// Which plans are the same: a hash of the nodes, their tables and indexes.
    pub shape: u64,
    /// The plan without values, when it is the first of its shape in the chunk.
    pub outline: Option<Box<str>>,
}

/// A plan as its form has it.
struct Read<'t> {
    sql: std::borrow::Cow<'t, [u8]>,
    parameters: std::borrow::Cow<'t, [u8]>,
    nodes: Vec<Node>,
}

/// Most nodes of a plan that are read.
const MOST_NODES: usize = 1000;
/// Longest outline.
const OUTLINE: usize = 4_000;

/// Reads a record that begins with `duration: `.
pub(super) fn told(record: &Record<'_>, scribe: &mut Scribe<'_, '_>) -> Option<Plan> {
    let told = duration::told(&record.message)?;
    let plan = told.plan?.trim_ascii_start();
    let read = match plan.first()? {
        b'{' | b'[' => json::read(plan, scribe),
        b'Q' => text::read(plan, scribe),
        _ => None,
    };
    let Some(read) = read else {
        return Some(Plan {
            micros: told.micros,
            statement: None,
            nodes: Vec::new(),
            rows: None,
            shape: 0,
            outline: None,
        });
    };
    let statement = statement(&read, record, scribe);
    let labels: String = read
        .nodes
        .iter()
        .map(|node| format!("{} {}\n", node.depth, node.label))
        .collect();
    let shape = hash(labels.as_bytes());
    let outline = scribe.is_first(shape).then(|| outline(&read.nodes).into());
    Some(Plan {
        micros: told.micros,
        statement: Some(statement),
        rows: node::rows(&read.nodes),
        nodes: read.nodes,
        shape,
        outline,
    })
}

fn statement(read: &Read<'_>, record: &Record<'_>, scribe: &mut Scribe<'_, '_>) -> StatementAt {
    let (statement, raw) = scribe.statement(&read.sql);
    let values = match read.parameters.is_empty() {
        true => raw,
        false => raw ^ hash(&read.parameters).rotate_left(1),
    };
    StatementAt {
        statement,
        values,
        text: scribe.text(&read.sql),
        parameters: scribe.text(&read.parameters),
        query_id: record.query_id,
    }
}

/// The plan as indented lines.
fn outline(nodes: &[Node]) -> String {
    let mut text = String::new();
    for node in nodes {
        let indent = "  ".repeat(usize::from(node.depth).min(20));
        for line in std::iter::once(&node.label).chain(&node.conditions) {
            let is_condition = !std::ptr::eq(line, &node.label);
            if text.len() + indent.len() + line.len() + 8 > OUTLINE {
                text.push('…');
                return text;
            }
            text.push_str(&indent);
            text.push_str(if is_condition { "    " } else { "" });
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// The stage that an execution of which only the plan is logged counts as.
pub const STAGE: Stage = Stage::Simple;
