//! The report as a JSON file. A reader ignores what it does not know and takes what is missing as empty; only a `format`
//! that is newer than [`FORMAT`] is refused, because then a known field means something else.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Report;
use crate::Error;

/// The format that is written.
pub const FORMAT: u32 = 1;

#[derive(serde::Deserialize)]
struct Head {
    format: Option<u32>,
}

impl Report {
    /// Reads a report that [`Report::write`] wrote.
    ///
    /// # Errors
    /// The file cannot be read, is not a report, or is of a newer format.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        Self::parse(&text).map_err(|why| Error::bad(format!("{}: {why}", path.display())))
    }

    /// Writes the report as JSON.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let attempt = || -> io::Result<()> {
            let mut file = BufWriter::new(File::create(path)?);
            serde_json::to_writer(&mut file, self)?;
            file.write_all(b"\n")?;
            file.flush()
        };
        attempt().map_err(|e| Error::file(path, e))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let wrong = |e: serde_json::Error| format!("not a report of `canvass rehearse run --json`: {e}");
        match serde_json::from_str::<Head>(text).map_err(wrong)?.format {
            None | Some(0) => {
                Err("not a report of `canvass rehearse run --json`: it has no \"format\"".into())
            }
            Some(newer) if newer > FORMAT => Err(format!(
                "its format is {newer}, this canvass reads up to {FORMAT}: use the canvass that wrote it, or a newer one"
            )),
            Some(_) => serde_json::from_str(text).map_err(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Second;

    #[test]
    fn what_is_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        let mut report = Report {
            format: FORMAT,
            name: "day".into(),
            ..Report::default()
        };
        report.timeline.push(Second {
            bands: [(3, 7)].into(),
            steps: [(0, 7)].into(),
            ..Second::default()
        });
        report.write(&path).unwrap();
        assert_eq!(Report::read(&path).unwrap(), report);
    }

    #[test]
    fn what_is_unknown_is_ignored_and_what_is_missing_is_empty() {
        let report =
            Report::parse(r#"{"format":1,"name":"day","new":{"a":1},"overall":{"requests":3}}"#).unwrap();
        assert_eq!((report.name.as_str(), report.overall.requests), ("day", 3));
    }

    #[test]
    fn other_files_are_refused_in_words() {
        for (text, word) in [
            ("", "not a report"),
            ("[]", "not a report"),
            ("{\"log\":{}}", "no \"format\""),
            ("{\"format\":2}", "reads up to 1"),
            ("{\"format\":1,\"seconds\":\"x\"}", "not a report"),
        ] {
            let why = Report::parse(text).unwrap_err();
            assert!(why.contains(word), "{text}: {why}");
        }
        let missing = Report::read(Path::new("/nowhere/run.json")).unwrap_err();
        assert!(missing.to_string().starts_with("/nowhere/run.json: "));
    }

    #[test]
    fn a_full_disk_is_said() {
        let full = Path::new("/dev/full");
        let refused = Report::default().write(full).unwrap_err();
        assert!(refused.to_string().starts_with("/dev/full: "), "{refused}");
    }
}
