//! Every execution as a line of CSV.

use std::fmt;
use std::io::{self, Write};

/// What a line holds.
pub(super) struct Line<'a> {
    /// When it ended, µs since 1970 UTC.
    pub at: i64,
    pub pid: u32,
    /// Application, user, database, host.
    pub who: [&'a str; 4],
    /// Parse, Bind, Execute, µs.
    pub parts: [u64; 3],
    pub fingerprint: u64,
    pub text: &'a [u8],
    pub parameters: &'a [u8],
}

/// Where executions are written, if anywhere.
#[derive(Default)]
pub struct Dump {
    to: Option<Box<dyn Write + Send>>,
    failed: Option<io::Error>,
}

impl fmt::Debug for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dump")
            .field("is_open", &self.to.is_some())
            .finish_non_exhaustive()
    }
}

impl Dump {
    /// Into `to`, beginning with a line of names.
    pub fn new(mut to: Box<dyn Write + Send>) -> Self {
        let names = "time_micros,pid,application,user,database,client,parse_micros,bind_micros,execute_micros,id,statement,parameters\n";
        let failed = to.write_all(names.as_bytes()).err();
        Self { to: Some(to), failed }
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.to.is_some() && self.failed.is_none()
    }

    pub(super) fn write(&mut self, line: &Line<'_>) {
        if let Some(to) = &mut self.to
            && let Err(error) = write(to, line)
        {
            self.failed = Some(error);
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The first that was met.
    pub fn finish(self) -> io::Result<()> {
        match (self.failed, self.to) {
            (Some(error), _) => Err(error),
            (None, Some(mut to)) => to.flush(),
            (None, None) => Ok(()),
        }
    }
}

fn write(to: &mut dyn Write, line: &Line<'_>) -> io::Result<()> {
    write!(to, "{},{}", line.at, line.pid)?;
    for name in line.who {
        to.write_all(b",")?;
        quoted(to, name.as_bytes())?;
    }
    let [parse, bind, execute] = line.parts;
    write!(to, ",{parse},{bind},{execute},{:016x},", line.fingerprint)?;
    quoted(to, line.text)?;
    to.write_all(b",")?;
    quoted(to, line.parameters)?;
    to.write_all(b"\n")
}

/// A field as RFC 4180 has it, section 2.
fn quoted(to: &mut dyn Write, text: &[u8]) -> io::Result<()> {
    if !text.iter().any(|b| matches!(b, b'"' | b',' | b'\n' | b'\r')) {
        return to.write_all(text);
    }
    to.write_all(b"\"")?;
    for (i, piece) in text.split(|b| *b == b'"').enumerate() {
        if i > 0 {
            to.write_all(b"\"\"")?;
        }
        to.write_all(piece)?;
    }
    to.write_all(b"\"")
}
