//! The scenario's TOML, parsed and checked. Every key, with what it may hold:
//!
//! ```toml
//! name = "Shop"                          # what reports call it
//! target = "http://127.0.0.1:8000"       # scheme and authority; --target overrides it
//! data = "people.csv"                    # one row a person; --data overrides it
//! columns = ["user", "password"]         # columns that templates use: ${user}
//!
//! [persona]                              # shares between 0 and 1; all optional
//! seed = 1
//! skip = 0.1
//! straight_line = 0.05
//! long_text = 0.02
//! leave = 0.03
//! resume = 0.5
//! resume_after = "10s"
//! double_click = 0.02
//! back = 0.02
//!
//! [[fault]]
//! at = "60s"
//! run = "systemctl restart app"
//! name = "restart"                       # optional
//!
//! # One journey for everybody: [[step]]. Several by weight: [[journey]] name, weight, and [[journey.step]].
//! [[step]]
//! name = "sign in"                       # unique in its journey
//! method = "POST"                        # optional: GET, or POST when there is a body
//! path = "/login?next=/"                 # or an absolute URL of another host
//! think = "2s ± 50%"                     # pause before the step; also "2s", "2s +- 500ms", "300ms"; default none
//! headers = { "x-csrf" = "${csrf}" }     # a table, or an array of ["name", "value"]
//! form = { user = "${user}", password = "${password}" }   # url-encoded body; a table, or an array of ["name", "value"]
//! # or: json = '{"page":${n}}'           # the same as text with content_type application/json
//! # or: text = "…" and content_type = "text/plain"
//! # or: file = "picture.png" and content_type = "image/png"
//! # or: multipart = [{ name = "note", value = "…" },
//! #                  { name = "photo", value = "…", file_name = "a.txt", content_type = "text/plain" }]
//! repeat = 30                            # default 1; ${n} counts
//! until = "^/done"                       # stop repeating when the final path matches
//! follow = true                          # redirects; the default
//! set = { page = "p${n}", stamp = "${now_us}" }            # before every request, in this order
//! assets = ["/static/app.css"]           # fetched at once after the step, over up to six connections
//! acknowledge = { user = "${user}", page = "${page}" }     # marked: one line of --acknowledged for each 2xx (or 3xx)
//! fill = { form = "#answers", button = "next" }            # fill the form as delivered; button = "name=value" too;
//!                                                          # `form = {…}` of the step then overrides single fields
//!
//! [[step.extract]]                       # all of them must be found
//! name = "csrf"
//! input = "csrfmiddlewaretoken"          # or one of: meta = "csrf-token" · json = "/token" · header = "etag" ·
//!                                        # regex = 'id=(\d+)' · url = '/items/(\d+)' · cookie = "csrftoken" ·
//!                                        # css = "body" and attribute = "data-token"
//!
//! [[step.check]]                         # without a status check the final status must be below 400
//! status = 200                           # or [200, 201]
//! # or one of: text = "Welcome" · no_text = "Error" · json = "/ok" and equals = "true" · redirect = "^/home"
//! ```

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{
    Body, Check, Extract, Fault, Fill, Journey, Part, Scenario, Slot, Source, Step, Template, Think,
};
use crate::Error;
use raw::{OneOrMore, Pairs, RawCheck, RawExtract, RawFault, RawJourney, RawPart, RawScenario, RawStep};
use regex::Regex as TextRegex;
use regex::bytes::Regex;

mod raw;

/// Reads and checks a scenario file.
///
/// # Errors
/// [`Error::File`] when it cannot be read, [`Error::Bad`] with file, place and reason when it does not make sense.
pub fn read(path: &Path) -> Result<Scenario, Error> {
    let text = fs::read_to_string(path).map_err(|e| Error::file(path, e))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    parse(&text, folder).map_err(|error| match error {
        Error::Bad(why) => Error::bad(format!("{}: {why}", path.display())),
        other => other,
    })
}

/// Parses a scenario; files that it names are looked for in `folder`.
///
/// # Errors
/// As [`read`], without the file's name.
pub fn parse(text: &str, folder: &Path) -> Result<Scenario, Error> {
    let raw: RawScenario = toml::from_str(text).map_err(|error| {
        let before = error
            .span()
            .map_or("", |span| &text[..span.start.min(text.len())]);
        let line = 1 + before.matches('\n').count();
        Error::bad(format!("line {line}: {}", error.message().replace('\n', " ")))
    })?;
    let mut names = Names {
        slots: raw.columns.clone(),
        known: HashSet::new(),
    };
    if let Some(twice) = duplicate(raw.columns.iter()) {
        return Err(Error::bad(format!("columns: {twice:?} is there twice")));
    }
    names.known.extend(0..raw.columns.len());
    let raw_journeys = match (raw.step.is_empty(), raw.journey.is_empty()) {
        (false, true) => vec![RawJourney {
            name: "all".into(),
            weight: 1.0,
            step: raw.step,
        }],
        (true, false) => raw.journey,
        (true, true) => {
            return Err(Error::bad(
                "there is no [[step]] and no [[journey]]: nobody would do anything",
            ));
        }
        (false, false) => {
            return Err(Error::bad(
                "use either [[step]] or [[journey]] with [[journey.step]], not both",
            ));
        }
    };
    if let Some(twice) = duplicate(raw_journeys.iter().map(|j| &j.name)) {
        return Err(Error::bad(format!("two journeys are called {twice:?}")));
    }
    let columns_known = names.known.clone();
    let journeys = raw_journeys
        .into_iter()
        .map(|journey| {
            names.known.clone_from(&columns_known);
            journey_of(journey, &mut names, folder)
        })
        .collect::<Result<_, _>>()?;
    Ok(Scenario {
        name: raw.name.unwrap_or_else(|| "rehearsal".into()),
        target: raw.target,
        data: raw.data.map(|file| folder.join(file)),
        columns: raw.columns,
        slots: names.slots,
        persona: raw.persona.read()?,
        journeys,
        faults: raw.fault.into_iter().map(fault).collect::<Result<_, _>>()?,
    })
}

/// The names that templates may use: `known` are those defined so far on the present journey.
struct Names {
    slots: Vec<String>,
    known: HashSet<Slot>,
}

impl Names {
    fn define(&mut self, name: &str) -> Result<Slot, Error> {
        let plain = name
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if name.is_empty() || !plain {
            return Err(Error::bad(format!(
                "{name:?} is no name: letters, digits, _, - and . only"
            )));
        }
        if ["person", "n", "now_us", "now_ms", "now_s", "uuid"].contains(&name) {
            return Err(Error::bad(format!(
                "{name:?} has a meaning of its own: choose another name"
            )));
        }
        let slot = self.slots.iter().position(|s| s == name).unwrap_or_else(|| {
            self.slots.push(name.into());
            self.slots.len() - 1
        });
        self.known.insert(slot);
        Ok(slot)
    }

    fn template(&self, text: &str) -> Result<Template, Error> {
        Template::read(text, &mut |name| {
            self.slots
                .iter()
                .position(|s| s == name)
                .filter(|slot| self.known.contains(slot))
        })
        .map_err(|why| {
            let hint = if why.contains("nothing is called") {
                " before this place (a column, or what an earlier step's set or extract defines)"
            } else {
                ""
            };
            Error::bad(format!("{why}{hint}"))
        })
    }

    fn pairs(&self, pairs: Option<Pairs>) -> Result<Vec<(String, Template)>, Error> {
        pairs
            .map(Pairs::list)
            .transpose()?
            .unwrap_or_default()
            .into_iter()
            .map(|(k, v)| Ok((k, self.template(&v)?)))
            .collect()
    }
}

fn journey_of(raw: RawJourney, names: &mut Names, folder: &Path) -> Result<Journey, Error> {
    if !(raw.weight > 0.0 && raw.weight.is_finite()) {
        return Err(Error::bad(format!(
            "journey {:?}: weight must be more than 0",
            raw.name
        )));
    }
    if raw.step.is_empty() {
        return Err(Error::bad(format!(
            "journey {:?} has no [[journey.step]]",
            raw.name
        )));
    }
    let mut steps: Vec<Step> = Vec::new();
    for (number, raw_step) in raw.step.into_iter().enumerate() {
        let name = raw_step
            .name
            .clone()
            .unwrap_or_else(|| format!("step {}", number + 1));
        if steps.iter().any(|s| s.name == name) {
            return Err(Error::bad(format!(
                "journey {:?}: two steps are called {name:?}",
                raw.name
            )));
        }
        let step = step(raw_step, &name, names, folder, number == 0)
            .map_err(|error| Error::bad(format!("step {name:?}: {error}")))?;
        steps.push(step);
    }
    Ok(Journey {
        name: raw.name,
        weight: raw.weight,
        steps,
    })
}

fn step(raw: RawStep, name: &str, names: &mut Names, folder: &Path, first: bool) -> Result<Step, Error> {
    let repeat = raw.repeat.unwrap_or(1);
    if repeat == 0 {
        return Err(Error::bad("repeat must be at least 1"));
    }
    let fill = raw.fill.as_ref().map(|f| Fill {
        form: f.form.clone(),
        button: f.button.as_deref().map(button),
    });
    if fill.is_some() && first {
        return Err(Error::bad("fill needs a form that an earlier step was given"));
    }
    if let Some(selector) = fill.as_ref().and_then(|f| f.form.as_ref())
        && let Err(why) = crate::html::Compound::read(selector)
    {
        return Err(Error::bad(format!("fill: form {selector:?}: {why}")));
    }
    if fill.is_none() && raw.path.is_none() {
        return Err(Error::bad("path is missing"));
    }
    let mut set = Vec::new();
    for (key, value) in raw.set.clone().map(Pairs::list).transpose()?.unwrap_or_default() {
        let template = names.template(&value)?;
        set.push((names.define(&key)?, template));
    }
    let body = body(&raw, names, folder)?;
    let path = raw.path.as_deref().map(|p| path_of(p, names)).transpose()?;
    let headers = names.pairs(raw.headers.clone())?;
    for (header, _) in &headers {
        let ours = [
            "host",
            "cookie",
            "content-length",
            "connection",
            "transfer-encoding",
        ];
        if ours.iter().any(|o| header.eq_ignore_ascii_case(o)) {
            return Err(Error::bad(format!(
                "the header {header:?} is written by the client itself: leave it out"
            )));
        }
        if !header
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_!#$%&'*+.^`|~".contains(&b))
            || header.is_empty()
        {
            return Err(Error::bad(format!("{header:?} is no header name")));
        }
    }
    let extract = raw
        .extract
        .into_iter()
        .map(|e| extract(e, names))
        .collect::<Result<_, _>>()?;
    let checks = raw
        .check
        .into_iter()
        .map(|c| check(c, names))
        .collect::<Result<_, _>>()?;
    Ok(Step {
        name: name.to_owned(),
        method: raw.method.map(|m| method(&m)).transpose()?,
        path,
        headers,
        body,
        think: raw.think.as_deref().map(think).transpose()?.unwrap_or_default(),
        repeat,
        until_path: raw.until.as_deref().map(expression).transpose()?,
        follow: raw.follow.unwrap_or(true),
        set,
        extract,
        checks,
        acknowledge: names.pairs(raw.acknowledge)?,
        assets: raw
            .assets
            .iter()
            .map(|a| path_of(a, names))
            .collect::<Result<_, _>>()?,
        fill,
    })
}

fn path_of(text: &str, names: &Names) -> Result<Template, Error> {
    let absolute = text.starts_with("http://") || text.starts_with("https://");
    if !text.starts_with('/') && !absolute && !text.starts_with("${") {
        return Err(Error::bad(format!(
            "path {text:?} must begin with / (or be an absolute URL of another host)"
        )));
    }
    let outside: String = TextRegex::new(r"\$\{[^}]*\}")
        .map(|r| r.replace_all(text, "").into_owned())
        .unwrap_or_default();
    if outside
        .chars()
        .any(|c| c.is_ascii_control() || c == ' ' || !c.is_ascii())
    {
        return Err(Error::bad(format!(
            "path {text:?} holds a blank or a character that must be percent-encoded"
        )));
    }
    names.template(text)
}

fn method(text: &str) -> Result<String, Error> {
    let method = text.to_ascii_uppercase();
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    if known.contains(&method.as_str()) {
        return Ok(method);
    }
    Err(Error::bad(format!(
        "there is no method {text:?}: use one of {}",
        known.join(", ")
    )))
}

fn body(raw: &RawStep, names: &Names, folder: &Path) -> Result<Body, Error> {
    let given = [
        raw.form.is_some(),
        raw.multipart.is_some(),
        raw.json.is_some(),
        raw.text.is_some(),
        raw.file.is_some(),
    ];
    if given.iter().filter(|g| **g).count() > 1 {
        return Err(Error::bad(
            "only one of form, multipart, json, text and file can be the body",
        ));
    }
    if raw.content_type.is_some() && raw.text.is_none() && raw.file.is_none() && raw.json.is_none() {
        return Err(Error::bad("content_type goes with text, json or file"));
    }
    let content_type = |default: &str| raw.content_type.clone().unwrap_or_else(|| default.into());
    if let Some(form) = &raw.form {
        return Ok(Body::Form(names.pairs(Some(form.clone()))?));
    }
    if let Some(parts) = &raw.multipart {
        return parts
            .iter()
            .map(|p| part(p, names))
            .collect::<Result<_, _>>()
            .map(Body::Multipart);
    }
    if let Some(text) = &raw.json {
        return Ok(Body::Text {
            content_type: content_type("application/json"),
            text: names.template(text)?,
        });
    }
    if let Some(text) = &raw.text {
        return Ok(Body::Text {
            content_type: content_type("text/plain; charset=utf-8"),
            text: names.template(text)?,
        });
    }
    if let Some(file) = &raw.file {
        let path = folder.join(file);
        let bytes = fs::read(&path).map_err(|e| Error::file(&path, e))?;
        return Ok(Body::File {
            content_type: content_type("application/octet-stream"),
            bytes,
        });
    }
    Ok(Body::Empty)
}

fn part(raw: &RawPart, names: &Names) -> Result<Part, Error> {
    Ok(Part {
        name: raw.name.clone(),
        value: names.template(&raw.value)?,
        file_name: raw.file_name.clone(),
        content_type: raw.content_type.clone(),
    })
}

fn extract(raw: RawExtract, names: &mut Names) -> Result<Extract, Error> {
    let source = match raw {
        RawExtract {
            input: Some(name), ..
        } => Source::Input(name),
        RawExtract { meta: Some(name), .. } => Source::Meta(name),
        RawExtract {
            json: Some(pointer), ..
        } => Source::Json(pointer_of(&pointer)?),
        RawExtract {
            header: Some(name), ..
        } => Source::Header(name.to_ascii_lowercase()),
        RawExtract {
            regex: Some(text), ..
        } => Source::Regex(expression(&text)?),
        RawExtract { url: Some(text), .. } => Source::Url(expression(&text)?),
        RawExtract {
            cookie: Some(name), ..
        } => Source::Cookie(name),
        RawExtract {
            css: Some(selector),
            attribute: Some(attribute),
            ..
        } => {
            selector
                .parse::<lol_html::Selector>()
                .map_err(|e| Error::bad(format!("extract {:?}: css {selector:?}: {e}", raw.name)))?;
            Source::Attribute { selector, attribute }
        }
        RawExtract { name, .. } => {
            return Err(Error::bad(format!(
                "extract {name:?} says not where: use one of input, meta, json, header, regex, url, cookie, or css with attribute"
            )));
        }
    };
    Ok(Extract {
        slot: names.define(&raw.name)?,
        source,
    })
}

fn check(raw: RawCheck, names: &Names) -> Result<Check, Error> {
    let checks = [
        raw.status.is_some(),
        raw.text.is_some(),
        raw.no_text.is_some(),
        raw.json.is_some(),
        raw.redirect.is_some(),
    ];
    if checks.iter().filter(|c| **c).count() != 1 {
        return Err(Error::bad(
            "a check has exactly one of status, text, no_text, json (with equals) and redirect",
        ));
    }
    if raw.equals.is_some() && raw.json.is_none() {
        return Err(Error::bad("equals goes with json"));
    }
    if let Some(status) = raw.status {
        let list = match status {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(list) => list,
        };
        return match list.iter().find(|s| !(100..600).contains(*s)) {
            Some(bad) => Err(Error::bad(format!("there is no status {bad}"))),
            None => Ok(Check::Status(list)),
        };
    }
    if let Some(text) = raw.text {
        return Ok(Check::Text(text));
    }
    if let Some(text) = raw.no_text {
        return Ok(Check::NoText(text));
    }
    if let Some(redirect) = raw.redirect {
        return Ok(Check::Redirect(expression(&redirect)?));
    }
    Ok(Check::Json {
        pointer: pointer_of(&raw.json.unwrap_or_default())?,
        equals: raw.equals.map(|e| names.template(&e)).transpose()?,
    })
}

/// A JSON Pointer (RFC 6901): empty for the whole document, else it begins with a slash.
fn pointer_of(text: &str) -> Result<String, Error> {
    if text.is_empty() || text.starts_with('/') {
        return Ok(text.to_owned());
    }
    Err(Error::bad(format!(
        "json {text:?} is no JSON Pointer: it begins with /, as in \"/{text}\""
    )))
}

fn expression(text: &str) -> Result<Regex, Error> {
    Regex::new(text).map_err(|e| {
        let why = e.to_string();
        Error::bad(format!(
            "expression {text:?}: {}",
            why.lines().last().unwrap_or_default()
        ))
    })
}

fn button(text: &str) -> (String, Option<String>) {
    match text.split_once('=') {
        Some((name, value)) => (name.into(), Some(value.into())),
        None => (text.into(), None),
    }
}

fn fault(raw: RawFault) -> Result<Fault, Error> {
    Ok(Fault {
        at: duration(&raw.at)?,
        run: raw.run,
        name: raw.name,
    })
}

/// Reads `500us`, `300ms`, `2s`, `1.5s`, `3m`, `1h`.
///
/// # Errors
/// [`Error::Bad`] with the text and what is expected.
pub fn duration(text: &str) -> Result<Duration, Error> {
    let bad = || {
        Error::bad(format!(
            "{text:?} is no length of time: write it as 300ms, 2s, 1.5m or 1h"
        ))
    };
    let trimmed = text.trim();
    let split = trimmed
        .find(|c: char| c.is_ascii_alphabetic() || c == 'µ')
        .ok_or_else(bad)?;
    let number: f64 = trimmed[..split].trim().parse().map_err(|_| bad())?;
    let unit = match &trimmed[split..] {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(bad()),
    };
    Duration::try_from_secs_f64(number * unit).map_err(|_| bad())
}

/// Reads a think time: `2s`, `2s ± 50%`, `2s +- 500ms`.
///
/// # Errors
/// [`Error::Bad`] with the text and what is expected.
pub fn think(text: &str) -> Result<Think, Error> {
    let Some((mean, spread)) = text.split_once('±').or_else(|| text.split_once("+-")) else {
        return Ok(Think {
            mean: duration(text)?,
            spread: Duration::ZERO,
        });
    };
    let mean = duration(mean)?;
    let spread = match spread.trim().strip_suffix('%') {
        Some(percent) => match percent.trim().parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => mean.mul_f64(percent / 100.0),
            _ => {
                return Err(Error::bad(format!(
                    "think {text:?}: the percentage must be between 0 and 100"
                )));
            }
        },
        None => duration(spread)?,
    };
    if spread > mean {
        return Err(Error::bad(format!(
            "think {text:?}: the spread is larger than the mean"
        )));
    }
    Ok(Think { mean, spread })
}

fn duplicate<'a>(names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    let mut seen = HashSet::new();
    names
        .into_iter()
        .find(|name| !seen.insert(name.as_str()))
        .map(String::as_str)
}

#[cfg(test)]
mod tests;
