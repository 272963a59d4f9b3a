//! What is kept from run to run: totals by day, how far each log was read, and what was open at its end. A run reads what is
//! new, adds it up, and puts the result in place of the old in one step, so that a run that is killed leaves the old, and
//! nothing counts twice.
//!
//! `state.json` names everything else in the directory and is replaced by renaming; files that it does not name are left
//! over from a run that was killed, and removed. One run at a time holds `lock`.

mod files;
mod store;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

pub use files::{KnownFile, ReadLogs, START, identity};

use crate::choose::Choice;
use crate::event::Counts;
use crate::fold::{Calendar, Day, Fold, Open, Options, Suspended};
use crate::report::Logged;
use crate::totals::Totals;

/// The version of the form of these files.
const VERSION: u32 = 1;
const MANIFEST: &str = "state.json";

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file system's word.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {problem}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It was made with another setting, which cannot be changed afterwards.
    #[error("{}: was made with {setting} {old:?}, and now it is {new:?}: use that, or another directory", path.display())]
    Differs {
        /// The directory.
        path: PathBuf,
        /// Which setting.
        setting: &'static str,
        /// What it was made with.
        old: String,
        /// What is asked for.
        new: String,
    },
}

/// What `state.json` holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Manifest {
    version: u32,
    /// In which days are cut.
    time_zone: String,
    /// Samples hold values.
    with_values: bool,
    /// A hash of what counts, which may itself hold values: totals of different choices cannot be added.
    choice: Option<u64>,
    /// Grows with every run; part of the names of files.
    generation: u64,
    files: ReadLogs,
    /// By date.
    days: BTreeMap<Date, String>,
    open: Option<String>,
    counts: Counts,
    logged: Logged,
}

/// A state directory, held by this run alone.
#[derive(Debug)]
pub struct State {
    dir: PathBuf,
    zone: TimeZone,
    manifest: Manifest,
    // Released when it is closed.
    _lock: File,
}

impl State {
    /// Opens a directory, or makes it; waits while another run holds it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn open(dir: &Path, time_zone: Option<&str>, with_values: bool) -> Result<Self, StateError> {
        store::make_dir(dir)?;
        let lock_path = dir.join("lock");
        let lock = store::private()
            .open(&lock_path)
            .map_err(|error| io_error(&lock_path, error))?;
        lock.lock().map_err(|error| io_error(&lock_path, error))?;
        let path = dir.join(MANIFEST);
        let manifest: Manifest = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| broken(&path, e.to_string()))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Manifest {
                version: VERSION,
                time_zone: time_zone.unwrap_or("UTC").to_owned(),
                with_values,
                choice: None,
                generation: 0,
                files: ReadLogs::default(),
                days: BTreeMap::new(),
                open: None,
                counts: Counts::default(),
                logged: Logged::default(),
            },
            Err(error) => return Err(io_error(&path, error)),
        };
        if manifest.version != VERSION {
            return Err(broken(
                &path,
                format!(
                    "is of version {}, and this is version {VERSION}",
                    manifest.version
                ),
            ));
        }
        let differs = |setting, old: &str, new: &str| StateError::Differs {
            path: dir.to_owned(),
            setting,
            old: old.to_owned(),
            new: new.to_owned(),
        };
        if let Some(asked) = time_zone
            && asked != manifest.time_zone
        {
            return Err(differs("time zone", &manifest.time_zone, asked));
        }
        if with_values != manifest.with_values {
            let words = |with| if with { "--with-values" } else { "no --with-values" };
            return Err(differs(
                "setting",
                words(manifest.with_values),
                words(with_values),
            ));
        }
        let zone = TimeZone::get(&manifest.time_zone).map_err(|e| broken(&path, e.to_string()))?;
        let state = Self {
            dir: dir.to_owned(),
            zone,
            manifest,
            _lock: lock,
        };
        state.remove_leftovers()?;
        Ok(state)
    }

    /// In which days are cut.
    pub fn time_zone(&self) -> &TimeZone {
        &self.zone
    }

    /// How far logs were read.
    pub fn read_logs(&self) -> ReadLogs {
        self.manifest.files.clone()
    }

    /// Facts that logs of earlier runs hold.
    pub fn logged(&self) -> Logged {
        self.manifest.logged
    }

    /// What was read in all runs.
    pub fn counts(&self) -> &Counts {
        &self.manifest.counts
    }

    /// A fold that goes on where the last run ended.
    ///
    /// # Errors
    /// [`StateError`]; also when other records counted until now.
    pub fn resume(&mut self, options: Options, choice: Choice) -> Result<Fold, StateError> {
        let chosen = choice.identity();
        if *self.manifest.choice.get_or_insert(chosen) != chosen {
            return Err(broken(
                &self.dir,
                "was made with another choice of what counts (--database, --since …): give each choice a state of its own"
                    .to_owned(),
            ));
        }
        let calendar = Calendar::Days(self.zone.clone());
        let Some(open) = &self.manifest.open else {
            return Ok(Fold::new(options, choice, calendar));
        };
        let open: Open = store::read(&self.dir.join(open))?;
        let last = match self.manifest.days.last_key_value() {
            Some((date, name)) => Some((self.day(*date)?, store::read::<Totals>(&self.dir.join(name))?)),
            None => None,
        };
        Ok(Fold::resume(options, choice, calendar, open, last))
    }

    fn day(&self, date: Date) -> Result<Day, StateError> {
        let start = date
            .to_zoned_datetime(self.zone.clone())
            .map_err(|e| broken(&self.dir, e.to_string()))?;
        Ok(Calendar::Days(self.zone.clone()).day(start.timestamp().as_microsecond()))
    }

    /// Puts what a run found in place of what was there. `read`: how far logs were read
    /// by now. `keep_days`: older days than so many before the last are dropped.
    ///
    /// # Errors
    /// [`StateError`]; then the old state is there still.
    pub fn save(
        &mut self,
        suspended: Suspended,
        read: ReadLogs,
        logged: Logged,
        options: Options,
        keep_days: Option<u32>,
    ) -> Result<(), StateError> {
        let mut next = self.manifest.clone();
        next.generation += 1;
        let resumed = self.manifest.days.last_key_value().map(|(date, _)| *date);
        for (start, totals) in suspended.days {
            let date = self.date_of(start)?;
            let old = self
                .manifest
                .days
                .get(&date)
                .filter(|_| resumed != Some(date) || self.manifest.open.is_none());
            let totals = match old {
                // The day that the fold went on with has it all already.
                None => totals,
                Some(name) => {
                    let mut all: Totals = store::read(&self.dir.join(name))?;
                    all.merge(&totals, options.samples);
                    all
                }
            };
            let name = format!("{date}.{}.json.gz", next.generation);
            store::write(&self.dir.join(&name), &totals)?;
            next.days.insert(date, name);
        }
        let open = format!("open.{}.json.gz", next.generation);
        store::write(&self.dir.join(&open), &suspended.open)?;
        next.open = Some(open);
        next.counts.add(&suspended.counts);
        next.logged = next.logged.or(logged);
        next.files = read;
        if let (Some(keep), Some(last)) = (keep_days, next.days.keys().next_back().copied()) {
            let first = last
                .checked_sub(jiff::ToSpan::days(i64::from(keep.saturating_sub(1))))
                .unwrap_or(last);
            next.days.retain(|date, _| *date >= first);
        }
        let path = self.dir.join(MANIFEST);
        let text = serde_json::to_vec_pretty(&next).map_err(|e| broken(&path, e.to_string()))?;
        store::replace(&path, &text)?;
        self.manifest = next;
        self.remove_leftovers()
    }

    fn date_of(&self, start: i64) -> Result<Date, StateError> {
        let time = Timestamp::from_microsecond(start).map_err(|e| broken(&self.dir, e.to_string()))?;
        Ok(time.to_zoned_datetime(self.zone.clone()).date())
    }

    /// The totals of all days from `first` to `last`, added up.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn totals(&self, first: Date, last: Date, samples: usize) -> Result<Totals, StateError> {
        let mut all = Totals::default();
        for name in self.manifest.days.range(first..=last).map(|(_, name)| name) {
            all.merge(&store::read(&self.dir.join(name))?, samples);
        }
        Ok(all)
    }

    /// The days that there are.
    pub fn days(&self) -> impl Iterator<Item = Date> {
        self.manifest.days.keys().copied()
    }

    /// Removes what `state.json` does not name.
    fn remove_leftovers(&self) -> Result<(), StateError> {
        let named: Vec<&String> = self.manifest.days.values().chain(&self.manifest.open).collect();
        for entry in fs::read_dir(&self.dir).map_err(|error| io_error(&self.dir, error))? {
            let entry = entry.map_err(|error| io_error(&self.dir, error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_ours = name.ends_with(".json.gz") || name.ends_with(".new");
            if is_ours && !named.contains(&&name) {
                fs::remove_file(entry.path()).map_err(|error| io_error(&entry.path(), error))?;
            }
        }
        Ok(())
    }
}

/// How far a log was read.
#[derive(Debug, Clone)]
pub struct ReadLog {
    /// As it was named, for people only.
    pub name: String,
    /// Its first bytes, at most [`START`].
    pub start: Vec<u8>,
    /// Uncompressed bytes.
    pub read: u64,
}

fn io_error(path: &Path, error: io::Error) -> StateError {
    StateError::Io {
        path: path.to_owned(),
        error,
    }
}

fn broken(path: &Path, problem: String) -> StateError {
    StateError::Broken {
        path: path.to_owned(),
        problem,
    }
}
