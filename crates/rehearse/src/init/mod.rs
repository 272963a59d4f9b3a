//! Makes a scenario of a recording: drops what a rehearsal does not repeat, finds every value that an earlier reply
//! delivered, and says what it could not explain.
//!
//! [`visit`] reduces a recording to steps ([`keep`] says what is none), [`sent`] takes requests apart, [`delivered`] and
//! [`search`] replies; [`correlate`] decides for every value sent whose it is, and [`write`] writes it down. No value of
//! the recording gets into the file or the notes but through [`scrub`].

mod align;
mod candidate;
mod check;
mod correlate;
mod delivered;
mod find;
mod json;
mod judge;
mod keep;
mod known;
mod name;
mod nobody;
mod notes;
mod request;
mod scrub;
mod search;
mod sent;
mod side;
mod text;
mod toml;
mod visit;
mod write;

use std::path::Path;
use std::time::Duration;

use crate::Error;
use crate::har::Har;
use correlate::Work;
use scrub::Secrets;
use side::Side;

/// What is sent instead of a text that somebody wrote.
const FREE_TEXT: &str = "Rehearsal text";

/// What is sent instead of a file that somebody uploaded.
const UPLOAD: &str = "Rehearsal file\n";

/// Longer pauses of the recording are cut: a person who was called away is no model.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);

/// What is wanted of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitOptions {
    /// What reports call it.
    pub name: String,
    /// Whether pages fetch their static files.
    pub with_assets: bool,
    /// Whether what persons typed, uploaded and identified themselves with is written down; cookies never are.
    pub keep_secrets: bool,
    /// Host names that belong to the application besides that of its first page, such as `api.example.org`.
    pub hosts: Vec<String>,
    /// What the scenario calls its data file.
    pub data: String,
}

impl Default for InitOptions {
    fn default() -> Self {
        Self {
            name: "rehearsal".to_owned(),
            with_assets: false,
            keep_secrets: false,
            hosts: Vec::new(),
            data: "people.csv".to_owned(),
        }
    }
}

/// A scenario made of a recording.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Made {
    /// The scenario, which [`crate::scenario::read::parse`] accepts.
    pub toml: String,
    /// What the person should know, a sentence each: what was left out, what was assumed.
    pub notes: Vec<String>,
    /// What looks as if the server had made it, but was not delivered before; the scenario will not work until these are
    /// explained by hand.
    pub unexplained: Vec<String>,
    /// The data file, when the scenario has columns: its header, and two rows to be replaced (those recorded, when
    /// secrets are kept).
    pub columns_csv: Option<String>,
}

/// Makes a scenario of one recording, or of two recordings of two people who did the same: then values that differ and
/// come from nowhere become columns of the data file.
///
/// # Errors
/// Neither one nor two recordings, or one in which nothing can be rehearsed.
pub fn init(hars: &[Har], options: &InitOptions) -> Result<Made, Error> {
    let (first, second) = match hars {
        [first] => (first, None),
        [first, second] => (first, Some(second)),
        _ => {
            return Err(Error::bad(format!(
                "{} recordings were given: a scenario is made of one, or of two of the same by two people",
                hars.len()
            )));
        }
    };
    let a = side(first, "the first recording", options)?;
    let b = second
        .map(|har| side(har, "the second recording", options))
        .transpose()?;
    let mut work = prepare(a, b, options);
    correlate::correlate(&mut work);
    notes::binaries(&mut work);
    let secrets = Secrets::new(&work);
    notes::scrubbed(&mut work, &secrets);
    let made = made(&work, &secrets, options);
    // A file that cannot be read back is a mistake of ours; it is better found here than by the person.
    crate::scenario::read::parse(&made.toml, Path::new(".")).map_err(|why| {
        Error::bad(format!(
            "the scenario that was made cannot be read, which is a mistake of canvass: {why}"
        ))
    })?;
    Ok(made)
}

fn side<'a>(har: &'a Har, which: &str, options: &InitOptions) -> Result<Side<'a>, Error> {
    let recording = visit::read(har, &options.hosts).ok_or_else(|| {
        Error::bad(format!(
            "{which} has {} entries, but none that can be rehearsed: an answered HTTP request that is no static file",
            har.entries.len()
        ))
    })?;
    Ok(Side::new(recording))
}

fn prepare<'a>(a: Side<'a>, b: Option<Side<'a>>, options: &InitOptions) -> Work<'a> {
    let steps = a.sendings.len();
    let partners = b.as_ref().map_or_else(|| vec![None; steps], |b| partners(&a, b));
    Work {
        partners,
        keep_secrets: options.keep_secrets,
        known: known::Table::default(),
        origins: vec![Vec::new(); steps],
        remarks: vec![Vec::new(); steps],
        unexplained: vec![Vec::new(); steps],
        choices: 0,
        a,
        b,
    }
}

/// The step of `b` that is each step of `a`; what lies between two that were found is compared with more patience.
fn partners(a: &Side<'_>, b: &Side<'_>) -> Vec<Option<usize>> {
    let shapes = |side: &Side<'_>| -> Vec<String> {
        let visits = side.recording.visits.iter().enumerate();
        let shape = |(step, visit)| match side.operation(step) {
            Some(operation) => format!("{} {operation}", request::shape(visit)),
            None => request::shape(visit),
        };
        visits.map(shape).collect()
    };
    let (shapes_a, shapes_b) = (shapes(a), shapes(b));
    let mut partners = align::align(&shapes_a, &shapes_b);
    let alike = |x: &str, y: &str| {
        let (x, y): (Vec<_>, Vec<_>) = (x.split('/').collect(), y.split('/').collect());
        x.len() == y.len() && x.len() > 2 && x[..2] == y[..2]
    };
    let mut next = 0;
    for i in 0..partners.len() {
        match partners[i] {
            Some(j) => next = j + 1,
            None => {
                let limit = partners[i..]
                    .iter()
                    .flatten()
                    .next()
                    .copied()
                    .unwrap_or(shapes_b.len());
                if next < limit && alike(&shapes_a[i], &shapes_b[next]) {
                    partners[i] = Some(next);
                    next += 1;
                }
            }
        }
    }
    partners
}

fn made(work: &Work<'_>, secrets: &Secrets, options: &InitOptions) -> Made {
    let names = name::steps(work, secrets);
    let writer = write::Writer {
        work,
        secrets,
        names: &names,
        options,
    };
    let unexplained = work.unexplained.iter().zip(&names);
    Made {
        toml: writer.file(),
        unexplained: unexplained
            .flat_map(|(lines, name)| lines.iter().map(move |line| format!("step {name:?}: {line}")))
            .map(|line| secrets.redact(&line))
            .collect(),
        notes: notes::all(work, &names)
            .iter()
            .map(|note| secrets.redact(note))
            .collect(),
        columns_csv: write::data_file(work),
    }
}
