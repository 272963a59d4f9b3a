//! Plans as JSON (`auto_explain.log_format = json`).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::node::{self, Node};
use super::{MOST_NODES, Read};
use crate::message::scan;
use crate::parse::Scribe;

/// Reads `{"Query Text": …, "Plan": {…}}`.
pub(super) fn read(plan: &[u8], scribe: &mut Scribe<'_, '_>) -> Option<Read<'static>> {
    let text = String::from_utf8_lossy(plan);
    let value: Value = serde_json::from_str(&text).ok()?;
    let top = value.as_array().and_then(|list| list.first()).unwrap_or(&value);
    let of = |key: &str| top.get(key).and_then(Value::as_str).unwrap_or_default();
    let sql = of("Query Text").trim();
    let mut nodes = Vec::new();
    walk(top.get("Plan")?.as_object()?, 0, &mut nodes, scribe);
    (!nodes.is_empty() && !sql.is_empty()).then(|| Read {
        sql: Cow::Owned(sql.as_bytes().to_vec()),
        parameters: Cow::Owned(of("Query Parameters").as_bytes().to_vec()),
        nodes,
    })
}

fn walk(plan: &Map<String, Value>, depth: u16, nodes: &mut Vec<Node>, scribe: &mut Scribe<'_, '_>) {
    if nodes.len() == MOST_NODES {
        return;
    }
    nodes.push(node(plan, depth, scribe));
    let below = plan.get("Plans").and_then(Value::as_array);
    for plan in below.into_iter().flatten().filter_map(Value::as_object) {
        walk(plan, depth + 1, nodes, scribe);
    }
}

fn node(plan: &Map<String, Value>, depth: u16, scribe: &mut Scribe<'_, '_>) -> Node {
    let (label, kind) = label(plan);
    let text = |key: &str| plan.get(key).and_then(Value::as_str);
    let relation = text("Relation Name").map(|name| match text("Schema") {
        Some(schema) => format!("{schema}.{name}"),
        None => name.to_owned(),
    });
    // `rows` is a whole number up to version 17 and has two decimals from 18 on.
    let figure = |key: &str| plan.get(key).map(ToString::to_string);
    let mut node = Node {
        depth,
        kind,
        label: crate::clean(&label).into(),
        relation: relation
            .filter(|_| node::reads_table(kind))
            .map(|name| crate::clean(&name).into()),
        estimated: figure("Plan Rows")
            .and_then(|n| scan::number(n.as_bytes()))
            .unwrap_or(0),
        hundredths: figure("Actual Rows").and_then(|n| node::hundredths(n.as_bytes())),
        loops: figure("Actual Loops")
            .and_then(|n| scan::number(n.as_bytes()))
            .unwrap_or(0),
        conditions: Vec::new(),
    };
    if node.loops == 0 {
        node.hundredths = None;
    }
    for (key, value) in plan {
        let value = match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Array(list) => list
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(", ")
                .into(),
            _ => continue,
        };
        node.conditions
            .extend(node::condition(key, value.as_bytes(), scribe));
    }
    node
}

/// A node's line as the text form has it, and its kind.
fn label(plan: &Map<String, Value>) -> (String, &'static str) {
    let text = |key: &str| plan.get(key).and_then(Value::as_str);
    let kind = kind(plan);
    let mut label = match text("Partial Mode") {
        Some(mode @ ("Partial" | "Finalize")) => format!("{mode} "),
        _ => String::new(),
    };
    if plan.get("Parallel Aware").and_then(Value::as_bool) == Some(true) {
        label.push_str("Parallel ");
    }
    match (kind, text("Join Type")) {
        ("Hash Join" | "Merge Join", Some(join)) if join != "Inner" => {
            label.push_str(&kind.replace(" Join", &format!(" {join} Join")));
        }
        ("Nested Loop", Some(join)) if join != "Inner" => label.push_str(&format!("{kind} {join} Join")),
        _ => label.push_str(kind),
    }
    if text("Scan Direction") == Some("Backward") {
        label.push_str(" Backward");
    }
    match text("Index Name") {
        Some(index) if kind == "Bitmap Index Scan" => label.push_str(&format!(" on {index}")),
        Some(index) => label.push_str(&format!(" using {index}")),
        None => {}
    }
    let names = ["Relation Name", "Function Name", "CTE Name", "Tuplestore Name"];
    let name = names.iter().find_map(|key| text(key));
    let schema = text("Schema").map_or(String::new(), |schema| format!("{schema}."));
    match (name, text("Alias")) {
        (Some(name), Some(alias)) if alias != name => label.push_str(&format!(" on {schema}{name} {alias}")),
        (Some(name), _) => label.push_str(&format!(" on {schema}{name}")),
        (None, Some(alias)) if kind.ends_with("Scan") => label.push_str(&format!(" on {alias}")),
        (None, _) => {}
    }
    (label, kind)
}

/// The kind by the name that the text form has for it.
fn kind(plan: &Map<String, Value>) -> &'static str {
    let text = |key: &str| plan.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = match (text("Node Type"), text("Strategy"), text("Operation")) {
        ("ModifyTable", _, operation) => operation,
        ("Aggregate", "Hashed", _) => "HashAggregate",
        ("Aggregate", "Sorted", _) => "GroupAggregate",
        ("Aggregate", "Mixed", _) => "MixedAggregate",
        (name, _, _) => name,
    };
    node::kind(name).map_or("another node", |(kind, _)| kind)
}
