//! auto_explain's plans.

use serde::{Deserialize, Serialize};

use super::ledger::{Amount, Ledger, Merge};

/// Plans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plans {
    /// Plans that were read.
    pub read: u64,
    /// Plans of a form that is not read (XML, YAML), or cut off.
    pub not_read: u64,
    /// Plans that are also executions, because no duration of their statement is logged.
    pub executions: u64,
    /// By fingerprint of the statement.
    pub statements: Ledger<u64, PlansOf, 5000>,
    /// By kind of node: rows of all its runs.
    pub nodes: Ledger<Box<str>, Amount, 200>,
    /// Sequential scans by table: rows of all of them.
    pub seq_scans: Ledger<Box<str>, Amount, 5000>,
}

/// A statement's plans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlansOf {
    /// Plans, and µs that the statement took with them.
    pub time: Amount,
    /// Rows that it returned or changed, where logged (`auto_explain.log_analyze`).
    pub rows: Amount,
    /// By shape.
    pub shapes: Ledger<u64, Shape, 8>,
    /// Nodes whose estimate was far off (ten times, and 1,000 rows), by what they are.
    pub far_off: Ledger<Box<str>, FarOff, 8>,
}

/// One of a statement's plans.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// The plan without values.
    pub outline: Box<str>,
    /// How often, and µs.
    pub time: Amount,
}

/// A node whose estimate was far off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FarOff {
    /// How often.
    pub count: u64,
    /// Rows expected, of the last.
    pub estimated: u64,
    /// Rows that came each time on average, of the last.
    pub actual: u64,
}

impl Merge for FarOff {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        if other.count > 0 {
            (self.estimated, self.actual) = (other.estimated, other.actual);
        }
    }
}

impl Merge for Shape {
    fn merge(&mut self, other: &Self) {
        if self.outline.is_empty() {
            self.outline.clone_from(&other.outline);
        }
        self.time.merge(&other.time);
    }
}

impl Merge for PlansOf {
    fn merge(&mut self, other: &Self) {
        self.time.merge(&other.time);
        self.rows.merge(&other.rows);
        self.shapes.merge(&other.shapes);
        self.far_off.merge(&other.far_off);
    }
}

impl Merge for Plans {
    fn merge(&mut self, other: &Self) {
        self.read += other.read;
        self.not_read += other.not_read;
        self.executions += other.executions;
        self.statements.merge(&other.statements);
        self.nodes.merge(&other.nodes);
        self.seq_scans.merge(&other.seq_scans);
    }
}
