//! A plan's nodes.

use crate::message::scan;

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// How far below the top.
    pub depth: u16,
    /// `Seq Scan`, ….
    pub kind: &'static str,
    /// What it is and on what: `Index Scan using t_pkey on t`.
    pub label: Box<str>,
    /// The table that it reads.
    pub relation: Option<Box<str>>,
    /// Rows that were expected, each time.
    pub estimated: u64,
    /// Hundredths of rows that came, each time on average; `None`: not logged, or never run.
    pub hundredths: Option<u64>,
    /// How often it was run.
    pub loops: u64,
    /// Conditions, keys and the like, without values.
    pub conditions: Vec<Box<str>>,
}

/// PostgreSQL's kinds of nodes.
const KINDS: [&str; 50] = [
    "Seq Scan",
    "Sample Scan",
    "Index Scan Backward",
    "Index Scan",
    "Index Only Scan Backward",
    "Index Only Scan",
    "Bitmap Heap Scan",
    "Bitmap Index Scan",
    "BitmapAnd",
    "BitmapOr",
    "Tid Scan",
    "Tid Range Scan",
    "Subquery Scan",
    "Function Scan",
    "Table Function Scan",
    "Values Scan",
    "CTE Scan",
    "Named Tuplestore Scan",
    "WorkTable Scan",
    "Foreign Scan",
    "Foreign Insert",
    "Foreign Update",
    "Foreign Delete",
    "Custom Scan",
    "Nested Loop",
    "Merge Join",
    "Hash Join",
    "Hash",
    "Materialize",
    "Memoize",
    "Sort",
    "Incremental Sort",
    "Group",
    "GroupAggregate",
    "HashAggregate",
    "MixedAggregate",
    "Aggregate",
    "WindowAgg",
    "Unique",
    "SetOp",
    "HashSetOp",
    "Limit",
    "LockRows",
    "Result",
    "ProjectSet",
    "Append",
    "Merge Append",
    "Recursive Union",
    "Gather",
    "Gather Merge",
];
const CHANGES: [&str; 5] = ["Insert", "Update", "Delete", "Merge", "ModifyTable"];

/// What joins say of themselves between their name and what they join (`Hash Left Join`).
const JOINS: [&str; 7] = [
    "Right Semi",
    "Right Anti",
    "Left",
    "Right",
    "Full",
    "Semi",
    "Anti",
];

/// The kind whose name a label begins with, the longest, and the rest of the label.
pub(super) fn kind(label: &str) -> Option<(&'static str, &str)> {
    let mut rest = label;
    for before in ["Async ", "Parallel ", "Partial ", "Finalize ", "Simple "] {
        rest = rest.strip_prefix(before).unwrap_or(rest);
    }
    for (method, kind) in [
        ("Hash ", "Hash Join"),
        ("Merge ", "Merge Join"),
        ("Nested Loop ", "Nested Loop"),
    ] {
        let joined = rest.strip_prefix(method);
        let joined = joined.and_then(|rest| JOINS.iter().find_map(|join| rest.strip_prefix(join)));
        if let Some(rest) = joined.and_then(|rest| rest.strip_prefix(" Join")) {
            return Some((kind, rest));
        }
    }
    KINDS
        .iter()
        .chain(&CHANGES)
        .filter_map(|kind| {
            let rest = rest.strip_prefix(kind)?;
            (rest.is_empty() || rest.starts_with([' ', '('])).then_some((*kind, rest))
        })
        .max_by_key(|(kind, _)| kind.len())
}

/// Whether nodes of this kind read a table.
pub(super) fn reads_table(kind: &str) -> bool {
    kind.ends_with("Scan") && !kind.starts_with("Bitmap Index") || kind.ends_with("Scan Backward")
}

/// Rows of the whole plan, rounded; of one that changes rows and returns none, those that come to it.
pub(super) fn rows(nodes: &[Node]) -> Option<u64> {
    let top = nodes.first()?;
    let node = match (top.hundredths?, nodes.get(1)) {
        (0, Some(below)) if CHANGES.contains(&top.kind) => below,
        _ => top,
    };
    node.all_rows()
}

impl Node {
    /// Rows of all its runs, rounded.
    pub fn all_rows(&self) -> Option<u64> {
        let all = self.hundredths?.saturating_mul(self.loops);
        Some(all / 100 + u64::from(all % 100 >= 50))
    }

    /// Whether the rows that came were at least ten times as many as expected, or a tenth, and at least 1,000 in all.
    pub fn is_far_off(&self) -> bool {
        let Some(came) = self.hundredths.filter(|_| self.loops > 0) else {
            return false;
        };
        let expected = self.estimated.saturating_mul(100);
        let (low, high) = (came.min(expected), came.max(expected));
        high >= low.max(1).saturating_mul(10) && high.saturating_mul(self.loops) >= 100_000
    }
}

/// `1234` or `1234.56` as hundredths.
pub(super) fn hundredths(text: &[u8]) -> Option<u64> {
    scan::millionths(text).map(|n| n / 10_000)
}

/// A condition without its values: `Filter: (age > ?)`. Other lines of a plan are `None`.
pub(super) fn condition(
    key: &str,
    value: &[u8],
    scribe: &mut crate::parse::Scribe<'_, '_>,
) -> Option<Box<str>> {
    const KEYS: [&str; 16] = [
        "Filter",
        "Index Cond",
        "Recheck Cond",
        "Join Filter",
        "Hash Cond",
        "Merge Cond",
        "TID Cond",
        "One-Time Filter",
        "Order By",
        "Sort Key",
        "Presorted Key",
        "Group Key",
        "Cache Key",
        "Function Call",
        "Remote SQL",
        "Conflict Filter",
    ];
    let key = KEYS.iter().find(|k| **k == key)?;
    Some(format!("{key}: {}", scribe.normalized(value)).into())
}
