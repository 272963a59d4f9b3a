//! A whole run: logs in, a report out, with a state or without.

use std::io::{self, Write};
use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::choose::Choice;
use crate::event::Counts;
use crate::fold::{Calendar, Dump, Fold, Options};
use crate::input::{Inputs, Opened, Reading, read_twice};
use crate::parse::Memory;
use crate::prefix::Prefix;
use crate::report::{Input, Logged};
use crate::run;
use crate::state::{ReadLog, ReadLogs, State, StateError};
use crate::totals::Totals;

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// The logs, in any order.
    pub files: Vec<PathBuf>,
    /// The `log_line_prefix`, when it is not to be found.
    pub prefix: Option<Prefix>,
    /// Threads that read.
    pub threads: usize,
    /// How is added up.
    pub options: Options,
    /// What counts.
    pub choice: Choice,
    /// What is kept from run to run.
    pub state: Option<KeepIn>,
}

/// A state, and what of it is reported.
#[derive(Debug, Clone)]
pub struct KeepIn {
    /// The directory.
    pub dir: PathBuf,
    /// In which days are cut; must stay the same.
    pub time_zone: Option<String>,
    /// Drop days that are older than so many.
    pub keep_days: Option<u32>,
    /// First and last day of the report; without it all.
    pub days: Option<(Date, Date)>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Done {
    /// Everything that was counted.
    pub totals: Totals,
    /// What was read.
    pub counts: Counts,
    /// The logs.
    pub inputs: Vec<Input>,
    /// Which facts they hold.
    pub logged: Logged,
    /// The zone in which days were cut.
    pub time_zone: Option<TimeZone>,
}

impl Job {
    /// Does it.
    ///
    /// # Errors
    /// What concerns the state; a log that cannot be read is told in [`Done::inputs`].
    pub fn run(&self) -> Result<Done, StateError> {
        match &self.state {
            None => Ok(self.run_once()),
            Some(keep) => self.run_on(keep),
        }
    }

    fn run_once(&self) -> Done {
        let mut following = self.follow();
        following.read_on();
        following.finish()
    }

    /// Begins to read logs that grow.
    pub fn follow(&self) -> Following {
        Following {
            job: self.clone(),
            fold: Fold::new(self.options, self.choice.clone(), Calendar::Whole),
            read: ReadLogs::default(),
            done: Done::default(),
        }
    }

    fn run_on(&self, keep: &KeepIn) -> Result<Done, StateError> {
        let mut state = State::open(&keep.dir, keep.time_zone.as_deref(), self.options.with_values)?;
        let mut done = Done::default();
        if !self.files.is_empty() {
            let mut fold = state.resume(self.options, self.choice.clone())?;
            let mut read = state.read_logs();
            self.read_all(&mut fold, &mut read, &mut done);
            state.save(fold.suspend(), read, done.logged, self.options, keep.keep_days)?;
        }
        let (first, last) = keep.days.unwrap_or((Date::MIN, Date::MAX));
        done.totals = state.totals(first, last, self.options.samples)?;
        done.counts = state.counts().clone();
        if done.inputs.is_empty() {
            done.inputs.push(Input {
                name: keep.dir.display().to_string(),
                format: "state".to_owned(),
                bytes: done.counts.bytes,
                ..Input::default()
            });
        }
        done.logged = state.logged();
        done.time_zone = Some(state.time_zone().clone());
        Ok(done)
    }

    /// Reads every log from where it was read before.
    fn read_all(&self, fold: &mut Fold, known: &mut ReadLogs, done: &mut Done) {
        let mut memories: Vec<Memory> = Vec::new();
        let reading = Reading {
            prefix: self.prefix.clone(),
            ..Reading::default()
        };
        let mut inputs = Inputs::find(&self.files, reading, std::io::stdin());
        let mut notes = std::mem::take(&mut inputs.notes);
        let mut periods = Vec::new();
        while let Some(opened) = inputs.next_log() {
            let mut source = match opened {
                Opened::Log(source) => source,
                Opened::Empty { name } => {
                    notes.push(format!("{name} is empty"));
                    done.inputs.push(Input {
                        name,
                        ..Input::default()
                    });
                    continue;
                }
                Opened::Failed { name, why } => {
                    done.inputs.push(Input {
                        name,
                        failed: Some(why),
                        ..Input::default()
                    });
                    continue;
                }
            };
            let name = source.name.clone();
            done.logged = done.logged.or(Logged::of(&source.format));
            let start = source.start();
            let before = known.read_of(&start);
            let skipped = source.skip_to(before);
            let read = match skipped {
                Ok(()) => run::read(&mut source, fold, self.threads, &mut memories),
                Err(error) => run::ReadOf {
                    failed: Some(error.to_string()),
                    ..run::ReadOf::default()
                },
            };
            done.inputs.push(Input {
                name: name.clone(),
                format: source.format_name().to_owned(),
                prefix: source.prefix().map(str::to_owned),
                compression: source.compression.map(str::to_owned),
                bytes: read.bytes.saturating_sub(before),
                cut: read.cut,
                failed: read.failed,
                notes: Vec::new(),
            });
            periods.push((name.clone(), source.format_name(), read.period));
            known.note(&ReadLog {
                name,
                start,
                read: read.bytes,
            });
        }
        notes.extend(read_twice(&periods));
        if let Some(first) = done.inputs.first_mut() {
            first.notes.extend(notes);
        }
    }
}

/// Logs that are read as they grow, whatever becomes of their names.
#[derive(Debug)]
pub struct Following {
    job: Job,
    fold: Fold,
    read: ReadLogs,
    done: Done,
}

impl Following {
    /// Reads what is new.
    pub fn read_on(&mut self) {
        let mut now = Done::default();
        self.job.read_all(&mut self.fold, &mut self.read, &mut now);
        self.done.logged = self.done.logged.or(now.logged);
        for input in now.inputs {
            match self.done.inputs.iter_mut().find(|i| i.name == input.name) {
                Some(known) => {
                    let bytes = known.bytes + input.bytes;
                    *known = Input { bytes, ..input };
                }
                None => self.done.inputs.push(input),
            }
        }
    }

    /// Writes every execution from now on as a line of CSV; [`finish_dump`](Self::finish_dump) ends it.
    pub fn dump_to(&mut self, to: Box<dyn Write + Send>) {
        self.fold.dump_to(Dump::new(to));
    }

    /// Writes what is left of the lines.
    ///
    /// # Errors
    /// The first that was met in writing.
    pub fn finish_dump(&mut self) -> io::Result<()> {
        self.fold.take_dump().finish()
    }

    /// What was counted so far.
    pub fn totals(&self) -> &Totals {
        self.fold.so_far()
    }

    /// No more is read.
    pub fn finish(mut self) -> Done {
        let (mut days, counts) = self.fold.finish();
        self.done.totals = days.pop_first().map(|(_, totals)| totals).unwrap_or_default();
        self.done.counts = counts;
        self.done
    }
}
