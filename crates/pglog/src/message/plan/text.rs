//! Plans as text (`auto_explain.log_format = text`).

use std::borrow::Cow;

use super::node::{self, Node};
use super::{MOST_NODES, Read};
use crate::message::scan;
use crate::parse::Scribe;

/// Most lines that look like a plan's top and are looked into.
const TRIES: usize = 8;

/// Reads `Query Text: …` and the plan behind it. `None`: it is another form (YAML begins in the same way).
pub(super) fn read<'t>(plan: &'t [u8], scribe: &mut Scribe<'_, '_>) -> Option<Read<'t>> {
    let rest = plan.strip_prefix(b"Query Text: ")?;
    let (at, (sql, parameters)) = tops(rest)
        .take(TRIES)
        .find_map(|at| Some((at, parts(&rest[..at], scribe)?)))?;
    let nodes = nodes(&rest[at..], scribe);
    (!nodes.is_empty()).then(|| Read {
        sql: Cow::Borrowed(sql.trim_ascii()),
        parameters: Cow::Borrowed(parameters.trim_ascii()),
        nodes,
    })
}

/// The statement and its parameters, when both end where the text does: else a literal goes on, and no line of it may pass for
/// a plan.
fn parts<'t>(head: &'t [u8], scribe: &mut Scribe<'_, '_>) -> Option<(&'t [u8], &'t [u8])> {
    let marks = ["\nQuery Parameters: ", "\n\tQuery Parameters: "];
    let split = marks.iter().find_map(|mark| scan::split(head, mark));
    if let Some((sql, parameters)) = split
        && !is_open(parameters)
        && !scribe.is_cut(sql)
    {
        return Some((sql, parameters));
    }
    (!scribe.is_cut(head)).then_some((head, b""))
}

/// Where lines begin that look like a plan's top: not indented, with a cost.
fn tops(text: &[u8]) -> impl Iterator<Item = usize> {
    let mut at = 0;
    text.split(|b| *b == b'\n').filter_map(move |line| {
        let start = at;
        at += line.len() + 1;
        let bare = line.strip_prefix(b"\t").unwrap_or(line);
        (start > 0 && head(bare).is_some_and(|head| head.indent == 0)).then_some(start)
    })
}

struct Head<'t> {
    indent: usize,
    label: &'t str,
    kind: &'static str,
    kind_rest: &'t str,
    figures: &'t [u8],
}

/// `  ->  Seq Scan on t  (cost=0.00..1.00 rows=1 width=4) (actual …)`.
fn head(line: &[u8]) -> Option<Head<'_>> {
    let indent = line.iter().take_while(|b| **b == b' ').count();
    let rest = &line[indent..];
    let rest = rest.strip_prefix(b"->  ").unwrap_or(rest);
    let (label, figures) = scan::split(rest, "  (cost=")?;
    if label.len() > 300 || label.iter().any(u8::is_ascii_control) {
        return None;
    }
    let label = std::str::from_utf8(label).ok()?;
    let (kind, kind_rest) = node::kind(label)?;
    Some(Head {
        indent,
        label,
        kind,
        kind_rest,
        figures,
    })
}

fn nodes(text: &[u8], scribe: &mut Scribe<'_, '_>) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut indents: Vec<usize> = Vec::new();
    let mut lines = scan::lines(text);
    while let Some(line) = lines.next() {
        if let Some(head) = head(line) {
            if nodes.len() == MOST_NODES {
                break;
            }
            while indents.last().is_some_and(|last| *last >= head.indent) {
                indents.pop();
            }
            nodes.push(node(&head, indents.len()));
            indents.push(head.indent);
            continue;
        }
        // A condition reaches over several lines when a literal in it does: no line of a literal may pass for a node.
        let mut whole = Cow::Borrowed(line);
        while is_open(&whole) {
            let Some(next) = lines.next() else {
                return nodes;
            };
            whole.to_mut().push(b'\n');
            whole.to_mut().extend_from_slice(next);
        }
        let Some((key, value)) = scan::split(whole.trim_ascii_start(), ": ") else {
            continue;
        };
        if let (Some(node), Ok(key)) = (nodes.last_mut(), std::str::from_utf8(key))
            && let Some(condition) = node::condition(key, value, scribe)
        {
            node.conditions.push(condition);
        }
    }
    nodes
}

fn is_open(line: &[u8]) -> bool {
    line.iter().filter(|b| **b == b'\'').count() % 2 == 1
}

fn node(head: &Head<'_>, depth: usize) -> Node {
    let figures = head.figures;
    let (planned, actual) = scan::split(figures, " (actual ").unwrap_or((figures, b""));
    let rows = |text| scan::behind(text, "rows=");
    Node {
        depth: depth as u16,
        kind: head.kind,
        label: crate::clean(head.label).into(),
        relation: relation(head),
        estimated: rows(planned).and_then(scan::number).unwrap_or(0),
        hundredths: rows(actual).and_then(node::hundredths),
        loops: scan::behind(actual, "loops=").and_then(scan::number).unwrap_or(0),
        conditions: Vec::new(),
    }
}

/// The word behind `on`, in quotes or not.
fn relation(head: &Head<'_>) -> Option<Box<str>> {
    if !node::reads_table(head.kind) {
        return None;
    }
    let at = head.kind_rest.rfind(" on ")?;
    let rest = &head.kind_rest[at + 4..];
    let mut is_quoted = false;
    let end = rest.find(|c| {
        is_quoted ^= c == '"';
        c == ' ' && !is_quoted
    });
    let name = &rest[..end.unwrap_or(rest.len())];
    (!name.is_empty()).then(|| crate::clean(name).into())
}
