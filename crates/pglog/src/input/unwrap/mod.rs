//! What other programs wrap around PostgreSQL's lines: syslog, journald, Heroku's logplex, Cloud Logging. Unwrapped as a stream, before
//! it is cut into chunks: what was split is joined and what was mixed is put in order here, where everything is seen in order, and
//! what comes out are lines as on stderr, each with its time and its process before it (`%m [%p] `).

mod cloud;
mod join;
mod journal;
mod syslog;

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use join::Joiner;

use crate::prefix::{self, Prefix};
use crate::time::Clock;

/// What stands before each line that comes out.
const BEFORE: &str = "%m [%p] ";
/// Bytes read at once.
const PIECE: usize = 128 << 10;
/// Longest line; of a longer one each piece of this length is a line.
const LONGEST: usize = 8 << 20;

/// Who wrapped the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// RFC 3164, RFC 5424, `journalctl -o short` and its kin, logplex.
    Syslog,
    /// `journalctl -o json`.
    JournalJson,
    /// `journalctl -o export`.
    JournalExport,
    /// Cloud Logging's entries, one object a line.
    Cloud,
}

/// One message of a wrapped log.
#[derive(Clone, Debug, Default, PartialEq)]
struct Message<'b> {
    /// µs since 1970; without a zone as if it were UTC.
    at: i64,
    /// The time says its zone.
    has_zone: bool,
    pid: u32,
    /// Who says it: PostgreSQL's own name, or another program's.
    who: &'b [u8],
    text: std::borrow::Cow<'b, [u8]>,
}

/// What was seen that is no record.
#[derive(Debug, Default)]
pub struct Seen {
    /// Bytes read.
    pub bytes: AtomicU64,
    /// Parts of records that are not there.
    pub orphans: AtomicU64,
    /// Entries of a broken form.
    pub broken: AtomicU64,
}

/// How a wrapped log is read.
#[derive(Clone, Debug)]
pub struct Wrapped {
    wrapping: Wrapping,
    /// Who speaks for PostgreSQL.
    whos: Vec<Vec<u8>>,
    /// The prefix within the messages.
    inner: Prefix,
    /// The latest that a record can be of, µs since 1970: of times without a year the last before it is meant.
    newest: i64,
}

impl Wrapped {
    /// From the first bytes of a log. `given`: the `log_line_prefix`.
    pub fn find(start: &[u8], given: Option<&Prefix>, newest: i64) -> Option<Self> {
        let wrapping = [
            (Wrapping::JournalJson, journal::looks_like_json(start)),
            (Wrapping::Cloud, cloud::looks_like_it(start)),
            (Wrapping::JournalExport, journal::looks_like_export(start)),
            (Wrapping::Syslog, syslog::looks_like_it(start)),
        ]
        .into_iter()
        .find(|(_, looks)| *looks)?
        .0;
        let mut whos: Vec<Vec<u8>> = Vec::new();
        let mut found: Vec<(u32, Vec<u8>)> = Vec::new();
        messages(wrapping, newest, start, true, &mut |message| {
            let Some(message) = message else { return };
            if !prefix::is_record(&message.text) {
                return;
            }
            if !whos.iter().any(|who| who == message.who) {
                whos.push(message.who.to_vec());
            }
            if found.len() < 2000 {
                found.push((message.pid, message.text.to_vec()));
            }
        });
        let inner = given.cloned().or_else(|| inner_prefix(&found))?;
        (!whos.is_empty()).then_some(Self {
            wrapping,
            whos,
            inner,
            newest,
        })
    }

    /// The prefix of the lines that come out.
    pub fn prefix(&self) -> Option<Prefix> {
        Prefix::parse(&format!("{BEFORE}{}", self.inner.text())).ok()
    }

    /// The prefix within the messages.
    pub fn inner(&self) -> &str {
        self.inner.text()
    }

    /// Its name in reports.
    pub fn name(&self) -> &'static str {
        match self.wrapping {
            Wrapping::Syslog => "syslog",
            Wrapping::JournalJson | Wrapping::JournalExport => "journal",
            Wrapping::Cloud => "cloud",
        }
    }
}

/// The prefix within messages, by their processes and texts.
fn inner_prefix(found: &[(u32, Vec<u8>)]) -> Option<Prefix> {
    let texts: Vec<&[u8]> = found.iter().map(|(_, text)| text.as_slice()).collect();
    let inner = prefix::find(&texts)?;
    let mut clock = Clock::default();
    let mut is_other = |pid: &u32, text: &[u8]| {
        let head = inner.read(text, &mut clock);
        head.and_then(|head| head.pid).is_some_and(|own| own != *pid)
    };
    // Where several processes are known, a number that is another is no process. Of a stream journald knows the postmaster alone.
    let others = found.iter().filter(|(pid, text)| is_other(pid, text)).count();
    let is_one = found.iter().all(|(pid, _)| *pid == found[0].0);
    if is_one || others * 2 < found.len() {
        return Some(inner);
    }
    let before = |(pid, text): &(u32, Vec<u8>)| [format!("[{pid}] ").as_bytes(), text].concat();
    let lines: Vec<Vec<u8>> = found.iter().map(before).collect();
    let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    let found = prefix::find(&lines)?;
    let rest = found.text().strip_prefix("[%p] ");
    rest.and_then(|rest| Prefix::parse(rest).ok()).or(Some(inner))
}

/// Reads as many whole messages as there are; how many bytes that were. `at_end`: nothing follows.
fn messages(
    wrapping: Wrapping,
    newest: i64,
    bytes: &[u8],
    at_end: bool,
    each: &mut dyn FnMut(Option<Message<'_>>),
) -> usize {
    if wrapping == Wrapping::JournalExport {
        return journal::export(bytes, at_end, each);
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let end = match memchr::memchr(b'\n', rest) {
            Some(end) => end + 1,
            None if at_end || rest.len() >= LONGEST => rest.len(),
            None => break,
        };
        let line = rest[..end].trim_ascii_end();
        rest = &rest[end..];
        if line.is_empty() {
            continue;
        }
        match wrapping {
            Wrapping::Syslog => each(syslog::message(line, newest)),
            Wrapping::JournalJson => journal::object(line, each),
            _ => cloud::entry(line, each),
        }
    }
    bytes.len() - rest.len()
}

/// The unwrapped lines of a log.
pub struct Unwrap<R> {
    inner: R,
    how: Wrapped,
    buffer: Vec<u8>,
    joiner: Joiner,
    out: Vec<u8>,
    out_at: usize,
    at_end: bool,
    failed: Option<io::Error>,
    seen: Arc<Seen>,
}

impl<R: Read> Unwrap<R> {
    /// Nothing read yet.
    pub fn new(inner: R, how: Wrapped, seen: Arc<Seen>) -> Self {
        Self {
            inner,
            joiner: Joiner::new(how.inner.clone()),
            how,
            buffer: Vec::new(),
            out: Vec::new(),
            out_at: 0,
            at_end: false,
            failed: None,
            seen,
        }
    }

    fn advance(&mut self) {
        let before = self.buffer.len();
        match (&mut self.inner).take(PIECE as u64).read_to_end(&mut self.buffer) {
            Ok(read) => self.at_end = read < PIECE,
            Err(error) => (self.at_end, self.failed) = (true, Some(error)),
        }
        let read = self.buffer.len() - before;
        self.seen.bytes.fetch_add(read as u64, Ordering::Relaxed);
        let is_cut = self.at_end && self.buffer.last().is_some_and(|b| *b != b'\n');
        let (joiner, out, seen, whos) = (&mut self.joiner, &mut self.out, &self.seen, &self.how.whos);
        let used = messages(
            self.how.wrapping,
            self.how.newest,
            &self.buffer,
            self.at_end,
            &mut |message| {
                let Some(message) = message else {
                    seen.broken.fetch_add(1, Ordering::Relaxed);
                    return;
                };
                if whos.iter().any(|who| who == message.who) && !joiner.add(&message, out) {
                    seen.orphans.fetch_add(1, Ordering::Relaxed);
                }
            },
        );
        self.buffer.drain(..used);
        if self.at_end {
            self.joiner.end(&mut self.out);
            // As cut as it was.
            if is_cut && self.out.last() == Some(&b'\n') {
                self.out.pop();
            }
        }
    }
}

impl<R: Read> Read for Unwrap<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.out_at == self.out.len() {
            self.out.clear();
            self.out_at = 0;
            if self.at_end {
                return self.failed.take().map_or(Ok(0), Err);
            }
            self.advance();
        }
        let count = out.len().min(self.out.len() - self.out_at);
        out[..count].copy_from_slice(&self.out[self.out_at..self.out_at + count]);
        self.out_at += count;
        Ok(count)
    }
}
