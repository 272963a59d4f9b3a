//! Where logs come from: files and standard input, compressed or not, read in chunks of whole records.

mod bzip2;
mod compress;
mod files;
mod unwrap;

pub use files::{Inputs, Opened, read_twice};

use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use unwrap::{Seen, Unwrap, Wrapped};

use crate::event::Counts;
use crate::parse::{Format, Memory};
use crate::prefix::Prefix;

/// Bytes of a chunk: large enough that its borders cost nothing, small enough that many fit in memory.
pub const CHUNK: usize = 1 << 20;
/// Longest record that is read whole; of a longer one the beginning is, and the rest is passed over.
pub const RECORD: usize = 16 << 20;
/// Bytes by which a format is found.
const START: usize = 1 << 20;
/// Bytes in which a log's first time is looked for.
const FIRST: usize = 64 << 10;

/// What was found out about a log when it was opened before.
#[derive(Clone, Debug)]
pub struct Known(Format, Option<Wrapped>);

/// How logs are read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The `log_line_prefix` of stderr logs; found by itself when not given.
    pub prefix: Option<Prefix>,
    /// Bytes of a chunk; [`CHUNK`], smaller in tests.
    pub chunk: usize,
    /// Longest record that is read whole, bytes; [`RECORD`].
    pub record: usize,
    /// Bytes by which a format is found.
    pub start: usize,
    /// The latest that a record can be of, µs since 1970 UTC: syslog's times have no year, and the last one before this is meant. For a
    /// file, when it was changed last.
    pub newest: i64,
    /// How the log is written, if somebody has looked before.
    pub known: Option<Known>,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            prefix: None,
            chunk: CHUNK,
            record: RECORD,
            start: START,
            newest: jiff::Timestamp::now().as_microsecond(),
            known: None,
        }
    }
}

/// A log that is being read.
pub struct Source {
    /// As it was named.
    pub name: String,
    /// How it is written.
    pub format: Format,
    /// How it is compressed: `gzip`, `bzip2`, `xz`, `zstd`, `lz4`.
    pub compression: Option<&'static str>,
    reading: Reading,
    spare: Spare,
    /// Another handle on the file, when it is one and not compressed.
    handle: Option<File>,
    /// What another program wrapped around its lines.
    wrapped: Option<Wrapped>,
    seen: Arc<Seen>,
    reader: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    at_end: bool,
    /// Why reading ended early: said once what was read before is handed out.
    failed: Option<io::Error>,
    /// What is left of a record that is too long is passed over.
    skipping: bool,
    /// Bytes handed out, uncompressed.
    pub read: u64,
    /// Bytes of the last record, when it was not all there.
    pub cut: u64,
    /// Whether a last record that is not all there is left for later; else it is handed out as it is.
    pub leaves_cut: bool,
}

/// Buffers that were used and may be used again.
#[derive(Clone, Debug, Default)]
pub struct Spare(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spare {
    /// Gives a buffer back.
    pub fn give(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        // A record that was too long made it large.
        if buffer.capacity() <= 4 * CHUNK {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(buffer);
        }
    }

    fn take(&self) -> Vec<u8> {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.unwrap_or_default()
    }
}

/// Whole records of a log.
#[derive(Debug, Default)]
pub struct Chunk {
    /// The records.
    pub bytes: Vec<u8>,
    /// Where it begins in the log, in uncompressed bytes.
    pub at: u64,
    /// It holds the beginning of one record only, which is longer than [`RECORD`].
    pub too_long: bool,
}

/// Why a log cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file system's word.
    #[error("{error}")]
    Io {
        /// The file.
        name: String,
        /// Why.
        error: io::Error,
    },
    /// Nothing in it looks like a record.
    #[error(
        "its first lines look like no PostgreSQL log that is known: give its log_line_prefix with --prefix"
    )]
    Unknown {
        /// The file.
        name: String,
    },
}

impl Source {
    /// Opens a file.
    ///
    /// # Errors
    /// [`InputError`]. An empty file is `None`.
    pub fn open_as(path: &Path, reading: &Reading) -> Result<Option<Self>, InputError> {
        let name = path.display().to_string();
        let failed = |error| InputError::Io {
            name: name.clone(),
            error,
        };
        let file = File::open(path).map_err(failed)?;
        // A second handle on the same place in the file: to go forward in it.
        let handle = file.try_clone().map_err(failed)?;
        let is_file = handle.metadata().is_ok_and(|about| about.is_file());
        let changed = handle.metadata().and_then(|about| about.modified()).ok();
        let changed = changed.and_then(|at| jiff::Timestamp::try_from(at).ok());
        let reading = Reading {
            newest: changed.map_or(reading.newest, jiff::Timestamp::as_microsecond),
            ..reading.clone()
        };
        let mut source = Self::begin(name, Box::new(file), &reading)?;
        if let Some(source) = &mut source
            && is_file
            && source.compression.is_none()
            && source.wrapped.is_none()
        {
            source.handle = Some(handle);
        }
        Ok(source)
    }

    /// From anything that can be read, compressed or not.
    ///
    /// # Errors
    /// [`InputError`]. When there is nothing in it: `None`.
    pub fn begin(
        name: String,
        reader: Box<dyn Read + Send>,
        reading: &Reading,
    ) -> Result<Option<Self>, InputError> {
        let failed = |error| InputError::Io {
            name: name.clone(),
            error,
        };
        let (mut reader, compression) = compress::text(reader).map_err(failed)?;
        let mut buffer = Vec::with_capacity(reading.chunk + reading.start);
        let (at_end, failure) = match fill(&mut reader, &mut buffer, reading.start) {
            Ok(at_end) => (at_end, None),
            Err(error) if buffer.is_empty() => return Err(failed(error)),
            Err(error) => (true, Some(error)),
        };
        if buffer.is_empty() {
            return Ok(None);
        }
        let (found, wrapped) = match &reading.known {
            Some(Known(format, wrapped)) => (Some(format.clone()), wrapped.clone()),
            None => find(&buffer, reading),
        };
        let Some(format) = found else {
            return Err(failure.map_or(InputError::Unknown { name: name.clone() }, failed));
        };
        let seen = Arc::new(Seen::default());
        let mut failure = failure;
        let mut at_end = at_end;
        if let Some(how) = &wrapped {
            let rest = Late(failure.take());
            let whole = Cursor::new(std::mem::take(&mut buffer)).chain(reader).chain(rest);
            reader = Box::new(Unwrap::new(whole, how.clone(), Arc::clone(&seen)));
            at_end = match fill(&mut reader, &mut buffer, reading.start) {
                Ok(at_end) => at_end,
                Err(error) => {
                    failure = Some(error);
                    true
                }
            };
        }
        Ok(Some(Self {
            name,
            format,
            compression,
            wrapped,
            seen,
            reading: reading.clone(),
            reader,
            buffer,
            at_end,
            failed: failure,
            handle: None,
            spare: Spare::default(),
            skipping: false,
            read: 0,
            cut: 0,
            leaves_cut: true,
        }))
    }

    /// For reading the same log again: what was found out about it.
    fn known(&self) -> Known {
        Known(self.format.clone(), self.wrapped.clone())
    }

    /// The format's name in reports.
    pub fn format_name(&self) -> &'static str {
        self.wrapped.as_ref().map_or(self.format.name(), Wrapped::name)
    }

    /// The `log_line_prefix`, given or found.
    pub fn prefix(&self) -> Option<&str> {
        match &self.wrapped {
            Some(wrapped) => Some(wrapped.inner()),
            None => self.format.prefix(),
        }
    }

    /// What was seen around PostgreSQL's lines so far, beside what chunks hold.
    pub fn seen(&self) -> Counts {
        Counts {
            orphans: self.seen.orphans.load(Ordering::Relaxed),
            broken: self.seen.broken.load(Ordering::Relaxed),
            ..Counts::default()
        }
    }

    /// The log's first bytes, by which it is known again. Only before anything else is read.
    pub fn start(&self) -> Vec<u8> {
        crate::state::identity(&self.buffer).to_vec()
    }

    /// Passes over what was read before, `bytes` uncompressed bytes from the beginning. Only before anything else is read.
    ///
    /// # Errors
    /// The file system's.
    pub fn skip_to(&mut self, bytes: u64) -> io::Result<()> {
        let held = self
            .buffer
            .len()
            .min(usize::try_from(bytes).unwrap_or(usize::MAX));
        self.buffer.drain(..held);
        let missing = bytes - held as u64;
        if missing > 0
            && let Some(handle) = &mut self.handle
            && handle.metadata()?.len() >= bytes
        {
            handle.seek(SeekFrom::Start(bytes))?;
            self.read = bytes;
            return Ok(());
        }
        let passed = io::copy(&mut (&mut self.reader).take(missing), &mut io::sink())?;
        self.read = held as u64 + passed;
        self.at_end |= passed < missing;
        Ok(())
    }

    /// The time of the first record that has one, µs since 1970 UTC. Before anything is read.
    pub fn first_time(&self) -> Option<i64> {
        let some = &self.buffer[..self.buffer.len().min(FIRST)];
        let parsed = self.format.parse(some.to_vec(), &mut Memory::default());
        parsed.events.first().map(|event| event.at)
    }

    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// The file system's, or the archive's: once everything before was handed out.
    pub fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let mut wanted = self.reading.chunk;
        loop {
            self.fill(wanted);
            if self.skipping {
                self.skip();
                if self.at_end && self.skipping {
                    self.read += self.buffer.len() as u64;
                    self.buffer.clear();
                    return self.end();
                }
                wanted = self.reading.chunk;
                if self.buffer.len() < wanted && !self.at_end {
                    continue;
                }
            }
            if self.at_end {
                return match self.last() {
                    Some(chunk) => Ok(Some(chunk)),
                    None => self.end(),
                };
            }
            if let Some(border) = self.format.last_border(&self.buffer).filter(|at| *at > 0) {
                return Ok(Some(self.hand_out(border, false)));
            }
            if self.buffer.len() >= self.reading.record {
                self.skipping = true;
                return Ok(Some(self.hand_out(self.reading.record, true)));
            }
            wanted = (self.buffer.len() * 2).clamp(self.reading.chunk, self.reading.record);
        }
    }

    fn fill(&mut self, wanted: usize) {
        if self.at_end {
            return;
        }
        match fill(&mut self.reader, &mut self.buffer, wanted) {
            Ok(at_end) => self.at_end = at_end,
            Err(error) => {
                self.at_end = true;
                // What stands last is not all there, and nobody will read on.
                self.leaves_cut = true;
                self.failed = Some(error);
            }
        }
    }

    fn end(&mut self) -> io::Result<Option<Chunk>> {
        self.failed.take().map_or(Ok(None), Err)
    }

    /// Where the bytes of a chunk may go back to when they are not needed any more: new memory for each would cost more than
    /// reading it.
    pub fn spare(&self) -> Spare {
        self.spare.clone()
    }

    /// Everything up to `end`.
    fn hand_out(&mut self, end: usize, too_long: bool) -> Chunk {
        let room = self.reading.chunk + self.reading.start;
        let mut rest = self.spare.take();
        rest.reserve(room.max(self.buffer.len() - end));
        rest.extend_from_slice(&self.buffer[end..]);
        self.buffer.truncate(end);
        let bytes = std::mem::replace(&mut self.buffer, rest);
        let at = self.read;
        self.read += bytes.len() as u64;
        Chunk { bytes, at, too_long }
    }

    fn last(&mut self) -> Option<Chunk> {
        if self.buffer.is_empty() {
            return None;
        }
        let mut end = self.buffer.len();
        if self.leaves_cut && self.buffer.last() != Some(&b'\n') {
            end = self.format.cut_at(&self.buffer);
            self.cut = (self.buffer.len() - end) as u64;
            self.buffer.truncate(end);
        }
        (end > 0).then(|| self.hand_out(end, false))
    }

    /// Passes over the rest of a record that is too long.
    fn skip(&mut self) {
        let end = match self.format.next_border(&self.buffer) {
            Some(border) => {
                self.skipping = false;
                border
            }
            // A line that is not all there yet may turn out to begin a record.
            None => memchr::memrchr(b'\n', &self.buffer).unwrap_or(self.buffer.len()),
        };
        self.read += end as u64;
        self.buffer.drain(..end);
    }
}

/// Reads until `buffer` holds `wanted` bytes; whether that was the end. What was read before an error is in `buffer`.
fn fill(reader: &mut Box<dyn Read + Send>, buffer: &mut Vec<u8>, wanted: usize) -> io::Result<bool> {
    let missing = wanted.saturating_sub(buffer.len());
    if missing == 0 {
        return Ok(false);
    }
    buffer.reserve(missing);
    let read = reader.take(missing as u64).read_to_end(buffer)?;
    Ok(read < missing)
}

/// How a log is written, by its first bytes.
fn find(start: &[u8], reading: &Reading) -> (Option<Format>, Option<Wrapped>) {
    if let Some(format) = Format::of_form(start) {
        return (Some(format), None);
    }
    let wrapped = Wrapped::find(start, reading.prefix.as_ref(), reading.newest);
    let found = match (&wrapped, &reading.prefix) {
        (Some(wrapped), _) => wrapped.prefix().map(Format::Stderr),
        (None, Some(prefix)) => Some(Format::Stderr(prefix.clone())),
        (None, None) => Format::of_lines(start),
    };
    (found, wrapped)
}

/// Says late that reading failed: once everything before was read.
struct Late(Option<io::Error>);

impl Read for Late {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
