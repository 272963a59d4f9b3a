//! Two reports compared, as one HTML file.

use askama::Template;

use super::tables::{Cell, Column, Table, columns};
use super::{Frame, words};
use crate::clean;
use crate::report::compare::{Change, Comparison, Of, growth, signed};

/// The comparison as a page.
pub fn write(comparison: &Comparison) -> String {
    let page = Page {
        frame: Frame::new(),
        comparison,
        all: table("all", "All statements", &[whole(comparison)]),
        lists: [
            ("worse", "Worse", &comparison.worse),
            ("better", "Better", &comparison.better),
            ("new", "New", &comparison.new),
            ("gone", "Gone", &comparison.gone),
        ]
        .map(|(id, title, changes)| table(id, title, changes)),
    };
    page.render().expect("writing to a String cannot fail")
}

#[derive(Template)]
#[template(path = "compare.html")]
struct Page<'a> {
    frame: Frame,
    comparison: &'a Comparison,
    all: Table,
    lists: [Table; 4],
}

fn whole(comparison: &Comparison) -> Change {
    Change {
        id: String::new(),
        text: "all together".to_owned(),
        before: Some(comparison.before.all),
        after: Some(comparison.after.all),
        rise: 0.0,
    }
}

const HEADS: [&str; 15] = [
    "statement",
    "#calls/h before",
    "#after",
    "#change",
    "#mean before",
    "#after",
    "#change",
    "#p95 before",
    "#after",
    "#change",
    "#time/h before",
    "#after",
    "#change",
    "#share before",
    "#after",
];

fn table(id: &str, title: &str, changes: &[Change]) -> Table {
    let heads: Vec<Column> = columns(&HEADS);
    Table {
        id: id.to_owned(),
        title: title.to_owned(),
        note: String::new(),
        columns: heads,
        rows: changes.iter().map(row).collect(),
    }
}

fn row(change: &Change) -> Vec<Cell> {
    let name = match change.id.get(..8) {
        Some(id) => format!("{id} {}", words::fit(&clean(&change.text), 600)),
        None => change.text.clone(),
    };
    let mut cells = vec![Cell::text(name)];
    let measures: [(fn(&Of) -> f64, fn(f64) -> String); 4] = [
        (|of| of.calls_per_hour, |v| words::count(v.round() as u64)),
        (|of| of.mean as f64, |v| words::length(v as u64)),
        (|of| of.p95 as f64, |v| words::length(v as u64)),
        (|of| of.micros_per_hour as f64, |v| words::length(v as u64)),
    ];
    for (measure, shown) in measures {
        let (before, after) = (
            change.before.as_ref().map(measure),
            change.after.as_ref().map(measure),
        );
        let cell = |value: Option<f64>| {
            let text = value.map_or_else(|| "–".to_owned(), shown);
            Cell::number(value.map_or(0, |v| v.round() as u64), text)
        };
        cells.push(cell(before));
        cells.push(cell(after));
        cells.push(match before.zip(after) {
            Some((a, b)) => {
                let by = growth(a, b);
                // Sorted from the greatest fall to the greatest rise.
                Cell::number((by.unwrap_or(1e6) + 1000.0).max(0.0) as u64, signed(by))
            }
            None => Cell::number(0, "–".to_owned()),
        });
    }
    for of in [&change.before, &change.after] {
        let text = of.map_or_else(|| "–".to_owned(), |of| format!("{:.1} %", of.share));
        cells.push(Cell::number(of.map_or(0, |of| (of.share * 100.0) as u64), text));
    }
    cells
}
