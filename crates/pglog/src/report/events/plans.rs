//! auto_explain's plans.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::{Amount, Builder};
use crate::report::text::{Done, shortened, title, wrapped};
use crate::report::words::{count, length};
use crate::totals::{self, PlansOf};

/// Plans. A plan is an execution of its own when no duration of its statement is logged that spans its time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plans {
    /// Plans that were read.
    pub read: u64,
    /// Plans whose form is not read (XML, YAML), or that are cut off.
    pub not_read: u64,
    /// Plans that count as executions.
    pub executions: u64,
    /// By statement, the most time first.
    pub statements: Vec<StatementPlans>,
    /// By kind of node, the most frequent first; the amount is rows.
    pub nodes: Vec<Node>,
    /// Tables that were read from front to back, the most rows first.
    pub seq_scans: Vec<Node>,
}

/// A statement's plans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StatementPlans {
    /// Its fingerprint.
    pub id: String,
    /// Its beginning.
    pub text: String,
    /// Plans, µs.
    pub time: Amount,
    /// Rows that it returned or changed, of those plans that tell.
    pub rows: Amount,
    /// Its plans, the most frequent first.
    pub shapes: Vec<PlanShape>,
    /// Nodes whose estimate was at least ten times and 1,000 rows off.
    pub far_off: Vec<FarOff>,
}

/// One of a statement's plans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanShape {
    /// A hash of nodes, tables and indexes.
    pub id: String,
    /// The plan without values.
    pub outline: String,
    /// How often, µs.
    #[serde(flatten)]
    pub time: Amount,
}

/// A node whose estimate was far off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FarOff {
    /// What it is.
    pub node: String,
    /// How often.
    pub count: u64,
    /// Rows expected, the last time.
    pub estimated: u64,
    /// Rows that came, the last time.
    pub actual: u64,
}

/// A kind of node, or a table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// `Seq Scan`, or the table.
    pub name: String,
    /// How often, rows.
    #[serde(flatten)]
    pub rows: Amount,
}

pub(super) fn build(builder: &Builder<'_>, p: &totals::Plans) -> Plans {
    let most = builder.settings.names;
    Plans {
        read: p.read,
        not_read: p.not_read,
        executions: p.executions,
        statements: p
            .statements
            .largest(builder.settings.statements, |s| (s.time.sum, s.time.count))
            .into_iter()
            .map(|(fingerprint, of)| statement(builder, *fingerprint, of))
            .collect(),
        nodes: p
            .nodes
            .largest(usize::MAX, |a| a.count)
            .into_iter()
            .map(|(name, rows)| node(name, rows))
            .collect(),
        seq_scans: p
            .seq_scans
            .largest(most, |a| (a.sum, a.count))
            .into_iter()
            .map(|(name, rows)| node(name, rows))
            .collect(),
    }
}

fn node(name: &str, rows: &totals::Amount) -> Node {
    Node {
        name: name.to_owned(),
        rows: (*rows).into(),
    }
}

fn statement(builder: &Builder<'_>, fingerprint: u64, of: &PlansOf) -> StatementPlans {
    let (id, text) = builder.statement(fingerprint);
    StatementPlans {
        id,
        text,
        time: of.time.into(),
        rows: of.rows.into(),
        shapes: of
            .shapes
            .largest(usize::MAX, |s| s.time.count)
            .into_iter()
            .map(|(shape, s)| PlanShape {
                id: format!("{shape:016x}"),
                outline: s.outline.to_string(),
                time: s.time.into(),
            })
            .collect(),
        far_off: of
            .far_off
            .largest(usize::MAX, |f| f.count)
            .into_iter()
            .map(|(node, f)| FarOff {
                node: node.to_string(),
                count: f.count,
                estimated: f.estimated,
                actual: f.actual,
            })
            .collect(),
    }
}

pub(super) fn write(out: &mut String, p: &Plans, top: usize) -> Done {
    if p.read + p.not_read == 0 {
        return Ok(());
    }
    title(out, "Plans (auto_explain)")?;
    writeln!(
        out,
        "{:>11}  read, {} of them executions with no duration of their own",
        count(p.read),
        count(p.executions)
    )?;
    if p.not_read > 0 {
        let number = count(p.not_read);
        writeln!(out, "{number:>11}  not read: as XML or YAML, or cut off")?;
    }
    writeln!(
        out,
        "{:>9} {:>9} {:>11} {:>6}  statement",
        "time", "plans", "rows", "shapes"
    )?;
    for s in p.statements.iter().take(top) {
        let rows = match s.rows.count {
            0 => "not logged".to_owned(),
            _ => count(s.rows.sum),
        };
        writeln!(
            out,
            "{:>9} {:>9} {rows:>11} {:>6}  {}",
            length(s.time.sum),
            count(s.time.count),
            s.shapes.len(),
            &s.id[..8]
        )?;
        wrapped(out, "    ", "    ", &shortened(&s.text, 76))?;
        for f in s.far_off.iter().take(3) {
            let line = format!(
                "{}: {} rows expected, {} came ({} times)",
                f.node,
                count(f.estimated),
                count(f.actual),
                count(f.count)
            );
            wrapped(out, "      ! ", "        ", &line)?;
        }
    }
    if !p.seq_scans.is_empty() {
        writeln!(out, "{:>9} {:>14}  read from front to back", "scans", "rows")?;
    }
    for scan in p.seq_scans.iter().take(top) {
        writeln!(
            out,
            "{:>9} {:>14}  {}",
            count(scan.rows.count),
            count(scan.rows.sum),
            shortened(&scan.name, 50)
        )?;
    }
    Ok(())
}
