//! Which logs are meant: files, directories, patterns and `-`, in the order of their first records, so that the order in which they
//! were rotated or named makes no difference.

use std::collections::{HashSet, VecDeque};
use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{InputError, Reading, Source};
use crate::parse::POOLER;

/// Logs that are to be read.
pub struct Inputs {
    listed: VecDeque<Listed>,
    reading: Reading,
    /// What was noticed while looking for them: for the report's problems.
    pub notes: Vec<String>,
}

/// A log of [`Inputs`], opened.
#[expect(clippy::large_enum_variant, reason = "one at a time")]
pub enum Opened {
    /// It can be read.
    Log(Source),
    /// There is nothing in it.
    Empty {
        /// As it was named.
        name: String,
    },
    /// It cannot be read.
    Failed {
        /// As it was named.
        name: String,
        /// Why.
        why: String,
    },
}

/// A log that was looked at.
struct Listed {
    name: String,
    /// The format's name.
    format: Option<&'static str>,
    first: Option<i64>,
    leaves_cut: bool,
    kind: Kind,
}

enum Kind {
    File(PathBuf, Box<Reading>),
    /// It cannot be opened twice.
    Open(Box<Source>),
    Empty,
    Failed(String),
}

impl Inputs {
    /// Looks at what `named` names: files, directories, whose files are meant, patterns with `*`, `?` and `[…]` (when no file has
    /// that very name), and `-`, which is `stdin`.
    pub fn find(named: &[PathBuf], reading: Reading, stdin: impl Read + Send + 'static) -> Self {
        let mut found = Self {
            listed: VecDeque::new(),
            reading,
            notes: Vec::new(),
        };
        let mut stdin: Option<Box<dyn Read + Send>> = Some(Box::new(stdin));
        let mut seen = HashSet::new();
        for name in named {
            if name.as_os_str() == "-" {
                found.standard_input(stdin.take());
            } else {
                found.file(name, &mut seen);
            }
        }
        found.order();
        found
    }

    fn standard_input(&mut self, stdin: Option<Box<dyn Read + Send>>) {
        let name = "standard input".to_owned();
        let Some(stdin) = stdin else {
            self.notes.push(format!("{name} was named twice, and read once"));
            return;
        };
        let listed = match Source::begin(name.clone(), stdin, &self.reading) {
            Ok(Some(source)) => Listed::log(name, source, |source| Kind::Open(Box::new(source))),
            Ok(None) => Listed::other(name, Kind::Empty),
            Err(error) => Listed::other(name, Kind::Failed(error.to_string())),
        };
        self.listed.push_back(listed);
    }

    fn file(&mut self, name: &Path, seen: &mut HashSet<(u64, u64)>) {
        let (files, is_directory) = match files_of(name) {
            Ok(files) => files,
            Err(why) => {
                let name = name.display().to_string();
                self.listed.push_back(Listed::other(name, Kind::Failed(why)));
                return;
            }
        };
        let mut others = 0;
        for path in files {
            let shown = path.display().to_string();
            // A link to a file is that file.
            let is_new = fs::metadata(&path).map_or(true, |m| seen.insert((m.dev(), m.ino())));
            if !is_new {
                self.notes.push(format!("{shown} was named twice, and read once"));
                continue;
            }
            let listed = match Source::open_as(&path, &self.reading) {
                Ok(Some(source)) if path.is_file() => {
                    let known = Some(source.known());
                    let reading = Reading {
                        known,
                        ..self.reading.clone()
                    };
                    Listed::log(shown, source, |_| Kind::File(path, Box::new(reading)))
                }
                Ok(Some(source)) => Listed::log(shown, source, |source| Kind::Open(Box::new(source))),
                Ok(None) => Listed::other(shown, Kind::Empty),
                Err(InputError::Unknown { .. }) if is_directory => {
                    others += 1;
                    continue;
                }
                Err(error) => Listed::other(shown, Kind::Failed(error.to_string())),
            };
            self.listed.push_back(listed);
        }
        if others > 0 {
            let note = format!(
                "{}: {others} of its files look like no PostgreSQL log",
                name.display()
            );
            self.notes.push(note);
        }
    }

    /// By the first time in them; the newest of each format may still be written to.
    fn order(&mut self) {
        let listed = self.listed.make_contiguous();
        listed.sort_by(|a, b| (a.first, &a.name).cmp(&(b.first, &b.name)));
        let mut seen = Vec::new();
        for one in listed.iter_mut().rev() {
            if let Some(format) = one.format.filter(|f| !seen.contains(f)) {
                seen.push(format);
                one.leaves_cut = true;
            }
        }
    }

    /// Opens the next one.
    pub fn next_log(&mut self) -> Option<Opened> {
        let listed = self.listed.pop_front()?;
        let name = listed.name;
        let opened = match listed.kind {
            Kind::Empty => Ok(None),
            Kind::Failed(why) => return Some(Opened::Failed { name, why }),
            Kind::Open(source) => Ok(Some(*source)),
            Kind::File(path, reading) => Source::open_as(&path, &reading),
        };
        Some(match opened {
            Ok(Some(mut source)) => {
                source.leaves_cut = listed.leaves_cut;
                Opened::Log(source)
            }
            Ok(None) => Opened::Empty { name },
            Err(error) => Opened::Failed {
                name,
                why: error.to_string(),
            },
        })
    }
}

impl Listed {
    fn log(name: String, source: Source, kind: impl FnOnce(Source) -> Kind) -> Self {
        Self {
            name,
            format: Some(source.format_name()),
            first: source.first_time(),
            leaves_cut: false,
            kind: kind(source),
        }
    }

    fn other(name: String, kind: Kind) -> Self {
        Self {
            name,
            format: None,
            first: None,
            leaves_cut: false,
            kind,
        }
    }
}

/// The files that a name means, and whether it is a directory.
fn files_of(name: &Path) -> Result<(Vec<PathBuf>, bool), String> {
    let is_pattern = name.to_str().is_some_and(|n| n.contains(['*', '?', '[']));
    if is_pattern && !name.exists() {
        let pattern = name.to_str().unwrap_or_default();
        let paths = glob::glob(pattern).map_err(|e| format!("no pattern of file names: {e}"))?;
        let files: Vec<PathBuf> = paths.flatten().filter(|path| !path.is_dir()).collect();
        if files.is_empty() {
            return Err("no file has such a name".to_owned());
        }
        return Ok((files, false));
    }
    if !name.is_dir() {
        return Ok((vec![name.to_owned()], false));
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(name).map_err(|e| e.to_string())? {
        let path = entry.map_err(|e| e.to_string())?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err("there is no file in this directory".to_owned());
    }
    files.sort();
    Ok((files, true))
}

/// A log that was read: its name, its format's name, and the first and the last time in it, µs since 1970 UTC.
pub type LogRead = (String, &'static str, Option<(i64, i64)>);

/// A warning, when two of the logs have other formats and overlap in time: one server writes the same records to each.
pub fn read_twice(logs: &[LogRead]) -> Option<String> {
    for (index, (name, format, period)) in logs.iter().enumerate() {
        for (other, other_format, other_period) in &logs[..index] {
            if let (Some((from, to)), Some((other_from, other_to))) = (period, other_period)
                && format != other_format
                && ![*format, *other_format].contains(&POOLER)
                && from <= other_to
                && other_from <= to
            {
                return Some(format!(
                    "{other} ({other_format}) and {name} ({format}) are of the same time: if one server wrote both \
                     (log_destination), everything is counted twice"
                ));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
