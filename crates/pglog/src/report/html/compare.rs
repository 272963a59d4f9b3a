//! Two reports compared, as one HTML file.

use askama::Template;

use super::tables::{Cell, Table, columns};
use super::{Frame, words};
use crate::clean;
use crate::report::compare::{Change, Comparison, ErrorSeen, Of, growth, signed};

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
        errors: [
            ("new-errors", "New errors", &comparison.new_errors),
            ("gone-errors", "Gone errors", &comparison.gone_errors),
        ]
        .map(|(id, title, errors)| error_table(id, title, errors)),
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
    errors: [Table; 2],
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

const HEADS: [&str; 6] = ["statement", "#calls/h", "#mean", "#p95", "#time/h", "#share"];

fn table(id: &str, title: &str, changes: &[Change]) -> Table {
    Table {
        id: id.to_owned(),
        title: title.to_owned(),
        note: String::new(),
        columns: columns(&HEADS),
        rows: changes.iter().map(row).collect(),
    }
}

fn error_table(id: &str, title: &str, errors: &[ErrorSeen]) -> Table {
    let row = |error: &ErrorSeen| {
        vec![
            Cell::text(clean(&error.text)),
            Cell::text(error.sqlstate.as_deref().unwrap_or("not logged")),
            Cell::count(error.count),
        ]
    };
    Table {
        id: id.to_owned(),
        title: title.to_owned(),
        note: String::new(),
        columns: columns(&["message", "SQLSTATE", "#times"]),
        rows: errors.iter().map(row).collect(),
    }
}

fn row(change: &Change) -> Vec<Cell> {
    let mut name = Cell::text(words::fit(&clean(&change.text), 600));
    name.is_code = !change.id.is_empty();
    name.more = change.id.get(..8).unwrap_or_default().to_owned();
    let mut cells = vec![name];
    let measures: [Measure; 5] = [
        (|of| of.calls_per_hour, |v| words::count(v.round() as u64)),
        (|of| of.mean as f64, |v| words::length(v as u64)),
        (|of| of.p95 as f64, |v| words::length(v as u64)),
        (|of| of.micros_per_hour as f64, |v| words::length(v as u64)),
        (|of| of.share, |v| format!("{v:.1} %")),
    ];
    for (measure, shown) in measures {
        cells.push(cell(
            change.before.as_ref().map(measure),
            change.after.as_ref().map(measure),
            shown,
        ));
    }
    cells
}

/// What is compared, and how it reads.
type Measure = (fn(&Of) -> f64, fn(f64) -> String);

/// Before and after, sorted by the change; of a statement that is new or gone, by what there is.
fn cell(before: Option<f64>, after: Option<f64>, shown: fn(f64) -> String) -> Cell {
    let Some((was, is)) = before.zip(after) else {
        let value = before.or(after).unwrap_or(0.0);
        return Cell::number((value * 100.0) as u64, shown(value));
    };
    let by = growth(was, is);
    // From the greatest fall to the greatest rise, as a number that is not below 0.
    let order = by.map_or(1e9, |by| (by + 100.0) * 100.0);
    let mut cell = Cell::number(order as u64, format!("{} → {}", shown(was), shown(is)));
    cell.more = signed(by);
    cell
}
