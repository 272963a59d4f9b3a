//! Plain numbers: least, greatest, decimals, lengths.

use super::node::{Node, Value};
use super::problem::Problems;
use crate::validation::GREATEST_NUMBER;

/// A number that an answer may have.
pub(super) fn number(node: &Node, key: &str, problems: &mut Problems) -> Option<f64> {
    let value = plain(node).and_then(|text| text.parse::<f64>().ok());
    match value {
        Some(value) if value.abs() <= GREATEST_NUMBER => Some(value),
        Some(value) if value.is_finite() => {
            let message = format!("\"{key}\" must be between -{GREATEST_NUMBER} and {GREATEST_NUMBER}");
            problems.error(node.at, message);
            None
        }
        _ => {
            problems.error(node.at, format!("\"{key}\" must be a number without quotes"));
            None
        }
    }
}

/// A whole number from `least` to `most`.
pub(super) fn whole(
    node: &Node,
    key: &str,
    (least, most): (usize, usize),
    problems: &mut Problems,
) -> Option<usize> {
    let value = plain(node)
        .and_then(|text| text.parse::<usize>().ok())
        .filter(|value| (least..=most).contains(value));
    if value.is_none() {
        let message = format!("\"{key}\" must be a whole number from {least} to {most}");
        problems.error(node.at, message);
    }
    value
}

fn plain(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, plain: true } => Some(text),
        _ => None,
    }
}
