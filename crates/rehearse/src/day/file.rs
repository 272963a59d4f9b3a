//! A day as a file: `docs/day.md` describes every key.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{Curve, Flow, Shape, picture};
use crate::Error;
use crate::scenario::read::duration;

const SECOND: u64 = 1_000_000_000;

/// No day has more segments, repetitions counted: each of them costs every arrival a little.
const MOST_SEGMENTS: usize = 1_000;

/// No segment has more people: a `u64` of nanoseconds tells no more apart.
const MOST_PEOPLE: u64 = 1_000_000_000;

/// A day that was read and checked. Times are nanoseconds of its clock.
#[derive(Debug, Clone)]
pub struct Day {
    starts: u64,
    ends: u64,
    segments: Vec<Segment>,
}

/// One occurrence of a segment.
#[derive(Debug, Clone)]
struct Segment {
    from: u64,
    to: u64,
    people: u64,
    shape: Shape,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDay {
    starts: Option<String>,
    ends: Option<String>,
    #[serde(default)]
    segment: Vec<Spanned<RawSegment>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSegment {
    name: Option<String>,
    from: String,
    to: Option<String>,
    lasts: Option<String>,
    people: i64,
    #[serde(default = "even")]
    shape: String,
    half_life: Option<String>,
    every: Option<String>,
    times: Option<i64>,
}

fn even() -> String {
    "even".into()
}

impl Day {
    /// Reads a day's file.
    ///
    /// # Errors
    /// [`Error::File`] when it cannot be read, [`Error::Bad`] with file, line and reason when it makes no sense.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
        Self::parse(&text).map_err(|error| Error::bad(format!("{}: {error}", path.display())))
    }

    /// Parses a day.
    ///
    /// # Errors
    /// As [`read`](Self::read), without the file's name.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let raw: RawDay = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            Error::bad(format!("line {line}: {}", message(error.message())))
        })?;
        if raw.segment.is_empty() {
            return Err(Error::bad("there is no [[segment]]: nobody would come"));
        }
        let mut segments = Vec::new();
        for (number, spanned) in raw.segment.iter().enumerate() {
            let segment = spanned.get_ref();
            segment.read(&mut segments).map_err(|why| {
                let line = line_of(text, spanned.span().start);
                let name = segment
                    .name
                    .as_ref()
                    .map(|name| format!(" {name:?}"))
                    .unwrap_or_default();
                Error::bad(format!("line {line}: segment {}{name}: {why}", number + 1))
            })?;
        }
        Self::new(raw.starts.as_deref(), raw.ends.as_deref(), segments)
    }

    fn new(starts: Option<&str>, ends: Option<&str>, segments: Vec<Segment>) -> Result<Self, Error> {
        let clock_of = |key: &str, text: &str| clock(text).map_err(|why| Error::bad(format!("{key}: {why}")));
        let first = segments.iter().map(|s| s.from).min().unwrap_or(0);
        let last = segments.iter().map(|s| s.to).max().unwrap_or(0);
        let starts = starts.map_or(Ok(first), |text| clock_of("starts", text))?;
        let ends = ends.map_or(Ok(last), |text| clock_of("ends", text))?;
        if starts > first {
            let (starts, first) = (written(starts), written(first));
            return Err(Error::bad(format!(
                "starts = {starts:?}, but a segment begins at {first} already"
            )));
        }
        if ends < last {
            let (ends, last) = (written(ends), written(last));
            return Err(Error::bad(format!(
                "ends = {ends:?}, but a segment goes on until {last}"
            )));
        }
        Ok(Self {
            starts,
            ends,
            segments,
        })
    }

    /// The day's arrivals, `speed` times as fast as they were written: with 60 an hour takes a minute.
    ///
    /// # Errors
    /// [`Error::Bad`] when the speed is no number above 0 or leaves no time.
    pub fn curve(&self, speed: f64) -> Result<Curve, Error> {
        let scaled = |moment: u64| ((moment - self.starts) as f64 / speed).round();
        let longest = scaled(self.ends);
        if !(1e6..1e18).contains(&longest) {
            return Err(Error::bad(format!(
                "speed {speed}: the day would not take a sensible time; 60 makes an hour a minute"
            )));
        }
        let flows = self.segments.iter().map(|segment| {
            let start = scaled(segment.from) as u64;
            let end = (scaled(segment.to) as u64).max(start + 1);
            let even = (segment.shape == Shape::EVEN).then_some((segment.people, end - start));
            Flow {
                start,
                end,
                people: segment.people as f64,
                shape: segment.shape,
                even,
            }
        });
        Ok(Curve::new(flows.collect(), self.people(), longest as u64))
    }

    /// How many people come.
    pub fn people(&self) -> u64 {
        self.segments.iter().map(|segment| segment.people).sum()
    }

    /// How long it takes at its own speed.
    pub fn length(&self) -> Duration {
        Duration::from_nanos(self.ends - self.starts)
    }

    /// The day as a picture in text: `columns` bars, the most people a minute on top, the clock below.
    pub fn picture(&self, columns: usize) -> String {
        match self.curve(1.0) {
            Ok(curve) => picture::picture(&curve, self.starts / SECOND, columns),
            Err(_) => String::new(),
        }
    }
}

impl RawSegment {
    /// Appends every occurrence of the segment.
    fn read(&self, segments: &mut Vec<Segment>) -> Result<(), String> {
        let from = clock(&self.from)?;
        let to = match (&self.to, &self.lasts) {
            (Some(to), None) => clock(to)?,
            (None, Some(lasts)) => from + length_of("lasts", lasts)?,
            _ => return Err("say either to = \"08:45\" or lasts = \"45m\"".into()),
        };
        if to <= from {
            return Err(format!(
                "to = {:?} is not behind from = {:?}; the day after is written as 24:00, 25:30 and so on",
                written(to),
                self.from
            ));
        }
        let people = u64::try_from(self.people)
            .ok()
            .filter(|people| (1..=MOST_PEOPLE).contains(people));
        let people =
            people.ok_or_else(|| format!("people = {}: it must be from 1 to {MOST_PEOPLE}", self.people))?;
        let shape = self.shape(to - from)?;
        let (every, times) = self.occurrences()?;
        for time in 0..times {
            if segments.len() == MOST_SEGMENTS {
                return Err(format!(
                    "more than {MOST_SEGMENTS} segments, with their repetitions, in one day"
                ));
            }
            let later = every * time;
            segments.push(Segment {
                from: from + later,
                to: to + later,
                people,
                shape,
            });
        }
        Ok(())
    }

    fn shape(&self, length: u64) -> Result<Shape, String> {
        let half_life = match &self.half_life {
            None => 0.2,
            Some(_) if !matches!(self.shape.as_str(), "burst" | "surge") => {
                return Err(format!(
                    "half_life means nothing for shape = {:?}, only for burst and surge",
                    self.shape
                ));
            }
            Some(text) => length_of("half_life", text)? as f64 / length as f64,
        };
        Ok(match self.shape.as_str() {
            "even" => Shape::EVEN,
            "ramp up" => Shape::Linear { from: 0.0, to: 1.0 },
            "ramp down" => Shape::Linear { from: 1.0, to: 0.0 },
            "burst" => Shape::Burst { half_life },
            "surge" => Shape::Surge { half_life },
            other => {
                return Err(format!(
                    "shape = {other:?} is none of \"even\", \"ramp up\", \"ramp down\", \"burst\" and \"surge\"{}",
                    nearest(other, &["even", "ramp up", "ramp down", "burst", "surge"])
                ));
            }
        })
    }

    /// From one occurrence to the next, and how many there are.
    fn occurrences(&self) -> Result<(u64, u64), String> {
        match (&self.every, self.times) {
            (None, None) => Ok((0, 1)),
            (Some(every), Some(times)) => {
                let times = u64::try_from(times)
                    .ok()
                    .filter(|times| (1..=MOST_SEGMENTS as u64).contains(times));
                let times = times.ok_or_else(|| format!("times: it must be from 1 to {MOST_SEGMENTS}"))?;
                Ok((length_of("every", every)?, times))
            }
            _ => Err("every and times go together: every = \"1h\" with times = 6".into()),
        }
    }
}

/// Reads `HH:MM` or `HH:MM:SS`; hours from 24 on are those of the days after.
fn clock(text: &str) -> Result<u64, String> {
    let bad = || format!("{text:?} is no time of day: write it as \"08:30\" or \"08:30:15\"");
    let part = |part: &str, most: u64| -> Option<u64> {
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        part.parse().ok().filter(|n| digits && *n <= most)
    };
    let mut parts = text.trim().split(':');
    let hours = parts.next().and_then(|p| part(p, 99)).ok_or_else(bad)?;
    let minutes = parts.next().and_then(|p| part(p, 59)).ok_or_else(bad)?;
    let seconds = parts.next().map_or(Some(0), |p| part(p, 59)).ok_or_else(bad)?;
    if parts.next().is_some() {
        return Err(bad());
    }
    Ok((hours * 3_600 + minutes * 60 + seconds) * SECOND)
}

/// The clock, as [`clock`] reads it.
fn written(moment: u64) -> String {
    let seconds = moment / SECOND;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match seconds {
        0 => format!("{hours:02}:{minutes:02}"),
        _ => format!("{hours:02}:{minutes:02}:{seconds:02}"),
    }
}

/// A length of time above zero, in ns, of at most 100 hours.
fn length_of(key: &str, text: &str) -> Result<u64, String> {
    let length = duration(text).map_err(|why| format!("{key}: {why}"))?;
    match u64::try_from(length.as_nanos()) {
        Ok(nanos) if (1..=360_000 * SECOND).contains(&nanos) => Ok(nanos),
        _ => Err(format!(
            "{key} = {text:?}: it must be more than 0 and at most 100h"
        )),
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())]
        .iter()
        .filter(|&&b| b == b'\n')
        .count()
}

/// What the parser said, in one line; with the nearest key when it does not know one.
fn message(said: &str) -> String {
    let quoted: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
    match quoted.split_first() {
        Some((unknown, known)) if said.starts_with("unknown field") => match nearest(unknown, known) {
            near if near.is_empty() => format!("unknown key {unknown:?}; there are {}", known.join(", ")),
            near => format!("unknown key {unknown:?}{near}"),
        },
        Some((missing, _)) if said.starts_with("missing field") => format!("{missing} is missing"),
        _ => said.split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

/// The end of a message that offers the most similar word, if any is similar.
fn nearest(word: &str, known: &[&str]) -> String {
    let likeness = |other: &str| strsim::jaro_winkler(&word.to_lowercase(), other);
    let best = known
        .iter()
        .map(|other| (likeness(other), other))
        .filter(|(likeness, _)| *likeness > 0.8);
    best.max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| format!(", did you mean {other:?}?"))
        .unwrap_or_default()
}
