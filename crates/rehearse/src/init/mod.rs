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
mod scrub;
mod search;
mod sent;
mod side;
mod toml;
mod visit;
mod write;

use std::path::Path;
use std::time::Duration;

use crate::Error;
use crate::har::Har;
use correlate::{Origin, Work};
use scrub::Secrets;
use sent::SentBody;
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
    note_binaries(&mut work);
    let secrets = Secrets::new(&work);
    note_scrubbed(&mut work, &secrets);
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
            Some(operation) => format!("{} {operation}", sent::shape(visit)),
            None => sent::shape(visit),
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

/// Bodies that are no text cannot stand in the file.
fn note_binaries(work: &mut Work<'_>) {
    for (step, sending) in work.a.sendings.iter().enumerate() {
        if let SentBody::Binary { content_type, length } = &sending.body {
            work.unexplained[step].push(format!(
                "body: {length} bytes of {} are no text: save them beside the scenario and name them with file = \"…\"",
                sent::plain(content_type)
            ));
        }
    }
}

/// What is taken out of a request without anything in its place must be put back by hand.
fn note_scrubbed(work: &mut Work<'_>, secrets: &Secrets) {
    for step in 0..work.origins.len() {
        let places = work.a.sendings[step].places.iter().zip(&work.origins[step]);
        let lost: Vec<String> = places
            .filter(|(place, origin)| {
                let texts = [&place.value, &place.raw];
                **origin == Origin::Literal && texts.iter().any(|text| secrets.lost_in(work, step, text))
            })
            .map(|(place, _)| {
                format!(
                    "{}: holds a cookie or a secret of the recording, taken out",
                    place.label()
                )
            })
            .collect();
        work.unexplained[step].extend(lost);
    }
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
        notes: notes(work, &names)
            .iter()
            .map(|note| secrets.redact(note))
            .collect(),
        columns_csv: write::data_file(work),
    }
}

fn notes(work: &Work<'_>, names: &[String]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for (which, side) in [("", Some(&work.a)), ("second recording: ", work.b.as_ref())] {
        let own = side.into_iter().flat_map(|side| &side.recording.notes);
        let new: Vec<_> = own
            .filter(|note| !notes.contains(note))
            .map(|note| format!("{which}{note}"))
            .collect();
        notes.extend(new);
    }
    notes.extend(unset_cookies(&work.a));
    notes.extend(missing_bodies(&work.a));
    if let Some(b) = &work.b {
        let only_first = names.iter().zip(&work.partners).filter(|(_, p)| p.is_none());
        notes.extend(only_first.map(|(name, _)| format!("only in the first recording, kept: {name:?}")));
        let only_second = (0..b.sendings.len()).filter(|step| !work.partners.contains(&Some(*step)));
        notes.extend(only_second.map(|step| {
            let shape = sent::shape(&b.recording.visits[step]);
            format!("only in the second recording, left out: {shape}")
        }));
    }
    if work.choices > 0 {
        notes.push(format!(
            "{} choices differ between the recordings; the first one's are kept",
            work.choices
        ));
    }
    for (lines, name) in work.remarks.iter().zip(names) {
        let assumed = lines.iter().filter(|line| line.contains(": assumed"));
        notes.extend(assumed.map(|line| format!("step {name:?}: {line}")));
    }
    notes
}

/// Cookies that were sent but that no reply had set: people will not have them.
fn unset_cookies(side: &Side<'_>) -> Option<String> {
    let mut set: Vec<String> = Vec::new();
    let mut unset: Vec<String> = Vec::new();
    for visit in &side.recording.visits {
        set.extend(find::cookies(visit).into_iter().map(|(name, _)| name));
        let lines = visit.hops.iter().filter_map(|hop| hop.request.header("cookie"));
        let names = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.split_once('='));
        for name in names.map(|(name, _)| name.trim().to_owned()) {
            if !set.contains(&name) && !unset.contains(&name) {
                unset.push(name);
            }
        }
    }
    let list: Vec<_> = unset.iter().map(|name| sent::plain(name)).collect();
    (!list.is_empty()).then(|| {
        format!(
            "cookies that no recorded reply set (a script did, or they were there before: record in a private window); \
             nobody will send them: {}",
            list.join(", ")
        )
    })
}

/// Replies without content: what they delivered cannot be found.
fn missing_bodies(side: &Side<'_>) -> Option<String> {
    let empty = |visit: &&visit::Visit<'_>| {
        let response = &visit.last().response;
        response.body.is_empty() && (visit.page || response.status == 304) && response.status != 204
    };
    let count = side.recording.visits.iter().filter(empty).count();
    (count > 0).then(|| {
        format!(
            "{count} replies have no body in the recording: what they delivered cannot be found; export the HAR with \
             content, and record with the cache disabled"
        )
    })
}
