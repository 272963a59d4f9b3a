//! The recording on disk. It is a whole HAR after every request: entries are appended over the document's end, which is
//! written again behind them, so a crash costs no more than what was under way.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use crate::Error;
use crate::har::{Entry, write};

/// A recording that goes on, in `session.har.part`.
#[derive(Debug)]
pub struct Journal {
    output: PathBuf,
    part: PathBuf,
    file: File,
    /// Where the next entry is written.
    end: u64,
    /// When each entry began, and where it is.
    index: Vec<(Timestamp, u64, u64)>,
}

impl Journal {
    /// Begins a recording that will become `output`.
    ///
    /// # Errors
    /// `output` is there already, or the part of a recording that was cut off; or the file cannot be made.
    pub fn open(output: &Path) -> Result<Self, Error> {
        let part = write::beside(output, "part");
        let there = |path: &Path| path.symlink_metadata().is_ok();
        if there(output) {
            let name = output.display();
            return Err(Error::bad(format!(
                "{name} exists: choose another name with --output, or remove it"
            )));
        }
        if there(&part) {
            let name = part.display();
            return Err(Error::bad(format!(
                "{name} exists: another recording goes on, or was cut off (then it is a whole HAR: rename or remove it)"
            )));
        }
        let file = write::private(&part).map_err(|e| Error::file(&part, e))?;
        let mut journal = Self {
            output: output.to_owned(),
            part,
            file,
            end: 0,
            index: Vec::new(),
        };
        let head = write::head();
        journal
            .write_over_end(|out| out.write_all(head.as_bytes()))
            .map_err(|e| {
                let _ = fs::remove_file(&journal.part);
                Error::file(&journal.part, e)
            })?;
        Ok(journal)
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// It cannot be written; what was written before stays a whole document.
    pub fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        let comma: &[u8] = if self.index.is_empty() { b"" } else { b",\n" };
        let start = self.end + comma.len() as u64;
        self.write_over_end(|out| {
            out.write_all(comma)?;
            write::entry(out, entry)
        })
        .map_err(|e| Error::file(&self.part, e))?;
        self.index.push((entry.started, start, self.end - start));
        Ok(())
    }

    /// Puts the entries in the order in which they began, and the file under its name. Gives that name, or None (and no
    /// file) when nothing was recorded.
    ///
    /// # Errors
    /// It cannot be written; the part stays, a whole HAR.
    pub fn finish(mut self) -> Result<Option<PathBuf>, Error> {
        if self.index.is_empty() {
            fs::remove_file(&self.part).map_err(|e| Error::file(&self.part, e))?;
            return Ok(None);
        }
        if self.index.is_sorted() {
            self.file.sync_all().map_err(|e| Error::file(&self.part, e))?;
        } else {
            self.sort()?;
        }
        fs::rename(&self.part, &self.output).map_err(|e| Error::file(&self.output, e))?;
        Ok(Some(self.output))
    }

    fn write_over_end(
        &mut self,
        body: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> io::Result<()> {
        let result = self.try_over_end(body);
        match result {
            Ok(end) => self.end = end,
            // The end is shorter than what was over it, so there is room for it even on a full disk.
            Err(_) => {
                let _ = self.file.set_len(self.end);
                let _ = self.try_over_end(|_| Ok(()));
            }
        }
        result.map(|_| ())
    }

    fn try_over_end(
        &mut self,
        body: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    ) -> io::Result<u64> {
        let mut out = BufWriter::with_capacity(256 << 10, &self.file);
        out.seek(SeekFrom::Start(self.end))?;
        body(&mut out)?;
        let end = out.stream_position()?;
        out.write_all(write::TAIL.as_bytes())?;
        out.flush()?;
        Ok(end)
    }

    fn sort(&mut self) -> Result<(), Error> {
        let sorted = write::beside(&self.output, "tmp");
        let _ = fs::remove_file(&sorted);
        let copy = || -> io::Result<()> {
            let mut index = self.index.clone();
            index.sort_by_key(|(started, ..)| *started);
            let mut out = BufWriter::new(write::private(&sorted)?);
            out.write_all(write::head().as_bytes())?;
            for (n, (_, start, len)) in index.iter().enumerate() {
                out.write_all(if n == 0 { b"" } else { b",\n" })?;
                let mut from = &self.file;
                from.seek(SeekFrom::Start(*start))?;
                io::copy(&mut from.take(*len), &mut out)?;
            }
            out.write_all(write::TAIL.as_bytes())?;
            out.into_inner()?.sync_all()?;
            fs::rename(&sorted, &self.part)
        };
        copy().map_err(|e| {
            let _ = fs::remove_file(&sorted);
            let part = self.part.display();
            Error::bad(format!(
                "{}: {e}: the recording is whole in {part}",
                self.output.display()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::har::{self, Har};

    fn entry(second: i64, url: &str) -> Entry {
        Entry {
            started: Timestamp::from_second(second).unwrap(),
            millis: 1.0,
            request: har::Request {
                method: "GET".to_owned(),
                url: url.to_owned(),
                ..Default::default()
            },
            response: har::Response {
                status: 200,
                body: url.repeat(20).into_bytes(),
                ..Default::default()
            },
        }
    }

    #[test]
    fn it_is_a_whole_har_after_every_entry() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("session.har");
        let mut journal = Journal::open(&output).unwrap();
        let part = dir.path().join("session.har.part");
        let mut entries = Vec::new();
        assert_eq!(har::read(&part).unwrap(), Har::default());
        for n in 0..3 {
            entries.push(entry(n, &format!("http://a/{n}")));
            journal.append(&entries[n as usize]).unwrap();
            assert_eq!(har::read(&part).unwrap().entries, entries);
        }
        assert_eq!(journal.finish().unwrap(), Some(output.clone()));
        assert_eq!(har::read(&output).unwrap().entries, entries);
        assert!(!part.exists());
    }

    #[test]
    fn entries_that_ended_in_another_order_are_sorted_by_their_beginning() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("session.har");
        let mut journal = Journal::open(&output).unwrap();
        for second in [3, 1, 2] {
            journal.append(&entry(second, "http://a/")).unwrap();
        }
        journal.finish().unwrap();
        let text = fs::read_to_string(&output).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let entries = value["log"]["entries"].as_array().unwrap().iter();
        let seconds: Vec<_> = entries
            .map(|e| e["startedDateTime"].as_str().unwrap()[18..19].to_owned())
            .collect();
        assert_eq!(seconds, ["1", "2", "3"]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_entry_that_does_not_fit_leaves_a_whole_har() {
        let mut journal = Journal {
            output: "/dev/full".into(),
            part: "/dev/full".into(),
            file: fs::OpenOptions::new().write(true).open("/dev/full").unwrap(),
            end: 0,
            index: Vec::new(),
        };
        let error = journal.append(&entry(1, "http://a/")).unwrap_err().to_string();
        assert!(error.starts_with("/dev/full: No space left"), "{error}");
        assert_eq!((journal.len(), journal.end), (0, 0));
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_left_of_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("session.har");
        let journal = Journal::open(&output).unwrap();
        let second = Journal::open(&output).unwrap_err().to_string();
        assert!(second.contains("session.har.part exists"), "{second}");
        assert_eq!(journal.finish().unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        fs::write(&output, "mine").unwrap();
        let there = Journal::open(&output).unwrap_err().to_string();
        assert!(there.contains("session.har exists"), "{there}");
    }
}
