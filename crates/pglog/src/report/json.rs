//! A report as JSON, and back.

use super::model::{Report, VERSION};

/// As JSON, the same bytes for the same report.
pub fn write(report: &Report) -> String {
    let mut text = serde_json::to_string_pretty(report).expect("a report has string keys only");
    text.push('\n');
    text
}

/// From JSON.
///
/// # Errors
/// In words: no report, or one of another version.
pub fn read(text: &str) -> Result<Report, String> {
    let report: Report =
        serde_json::from_str(text).map_err(|e| format!("not a report of canvass logs: {e}"))?;
    if report.version != VERSION {
        return Err(format!(
            "a report of version {}, and this is version {VERSION}",
            report.version
        ));
    }
    Ok(report)
}
