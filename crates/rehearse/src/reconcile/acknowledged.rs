//! Reads the lines that a rehearsal wrote with `--acknowledged`.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Options;
use crate::Error;

/// What the file was like.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Lines that were taken.
    pub lines: u64,
    /// Whether the last line was cut off.
    pub torn: bool,
}

/// Gives every line of the step, with the values of `columns`, to `take`.
///
/// # Errors
/// [`Error::File`], and [`Error::Bad`] for a line that is no JSON object or lacks a column.
pub(super) fn read(
    options: &Options,
    columns: &[String],
    take: &mut dyn FnMut(&[String]),
) -> Result<Read, Error> {
    let path = &options.acknowledged;
    let failed = |e| Error::file(path, e);
    let mut file = BufReader::with_capacity(1 << 20, File::open(path).map_err(failed)?);
    let mut row = Row::new(columns);
    let mut read = Read::default();
    let mut others = BTreeSet::new();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        if file.read_until(b'\n', &mut line).map_err(failed)? == 0 {
            break;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Err(cause) = row.read(&line) {
            if !line.ends_with(b"\n") {
                read.torn = true;
                break;
            }
            return Err(bad(options, number, &format!("is no JSON object: {cause}")));
        }
        if !is_wanted(options.step.as_deref(), &row.step) {
            others.insert(std::mem::take(&mut row.step));
            continue;
        }
        if let Some(missing) = row.found.iter().position(|found| !found) {
            return Err(bad(options, number, &lacks(&columns[missing], &line, options)));
        }
        read.lines += 1;
        take(&row.values);
    }
    if let (0, Some(step), false) = (read.lines, &options.step, others.is_empty()) {
        let there: Vec<_> = others.into_iter().collect();
        let (path, there) = (path.display(), there.join(", "));
        return Err(Error::bad(format!(
            "{path}: no line of step {step:?}; it has {there}"
        )));
    }
    Ok(read)
}

fn bad(options: &Options, line: u64, what: &str) -> Error {
    Error::bad(format!("{}: line {line} {what}", options.acknowledged.display()))
}

/// `journey / step`, or the step's name alone.
fn is_wanted(wanted: Option<&str>, step: &str) -> bool {
    wanted.is_none_or(|wanted| {
        step == wanted
            || step
                .strip_suffix(wanted)
                .is_some_and(|journey| journey.ends_with(" / "))
    })
}

fn lacks(column: &str, line: &[u8], options: &Options) -> String {
    let members: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(line).unwrap_or_default();
    let names: Vec<_> = members.keys().map(String::as_str).collect();
    let help = if options.step.is_none() {
        "; if steps acknowledge different things, --step names the one to compare"
    } else {
        ""
    };
    format!("has no {column:?}; it has {}{help}", names.join(", "))
}

/// The wanted values of one line; reused for the next.
struct Row<'a> {
    columns: &'a [String],
    values: Vec<String>,
    found: Vec<bool>,
    step: String,
}

impl<'a> Row<'a> {
    fn new(columns: &'a [String]) -> Self {
        Self {
            columns,
            values: vec![String::new(); columns.len()],
            found: vec![false; columns.len()],
            step: String::new(),
        }
    }

    fn read(&mut self, line: &[u8]) -> Result<(), String> {
        self.found.fill(false);
        self.step.clear();
        let text = str::from_utf8(line).map_err(|_| "not UTF-8")?;
        let mut json = serde_json::Deserializer::from_str(text);
        self.deserialize(&mut json).map_err(|e| e.to_string())?;
        json.end().map_err(|e| e.to_string())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key()? {
            let column = self.columns.iter().position(|column| *column == name);
            if column.is_none() && name != "step" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            // Values that a scenario names come last: when one of them is called `at` or `step`, it counts.
            let json: &RawValue = map.next_value()?;
            if name == "step" {
                put(json, &mut self.step)?;
            }
            if let Some(column) = column {
                put(json, &mut self.values[column])?;
                self.found[column] = true;
            }
        }
        Ok(())
    }
}

/// A string's text, nothing for null, and the JSON of anything else.
fn put<E: serde::de::Error>(json: &RawValue, out: &mut String) -> Result<(), E> {
    out.clear();
    let raw = json.get();
    match raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => out.push_str(plain),
        Some(_) => out.push_str(&serde_json::from_str::<String>(raw).map_err(E::custom)?),
        None if raw == "null" => {}
        None => out.push_str(raw),
    }
    Ok(())
}

/// A member's name, borrowed from the line when it has no escapes.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
