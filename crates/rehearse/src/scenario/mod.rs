//! A scenario: what one person does, as a short file meant for version control and editing by hand
//! (`docs/rehearse.md` describes every key).
//!
//! [`read`] parses and checks the TOML; [`template`] are the texts with `${names}` in them. Names are resolved to slots
//! when the file is read, so that a run looks nothing up by name.

pub mod read;
pub mod template;

use std::path::PathBuf;
use std::time::Duration;

use regex::bytes::Regex;

pub use template::{Dice, Slot, Template, Values};

/// A scenario that was read and checked.
#[derive(Debug)]
pub struct Scenario {
    /// What it is called in reports.
    pub name: String,
    /// Scheme and authority that paths are relative to, such as `http://127.0.0.1:8080`; `--target` overrides it.
    pub target: Option<String>,
    /// The data file with one row a person, relative to the scenario's folder resolved; `--data` overrides it.
    pub data: Option<PathBuf>,
    /// The columns that the data file must have, in slot order: column `i` is slot `i`.
    pub columns: Vec<String>,
    /// Every name that a template can mean: the columns first, then what `set` and `extract` define.
    pub slots: Vec<String>,
    /// How people behave.
    pub persona: Persona,
    /// At least one; a person takes one of them, chosen by weight.
    pub journeys: Vec<Journey>,
    /// Commands that run at a moment of the rehearsal.
    pub faults: Vec<Fault>,
}

/// One way through the application.
#[derive(Debug)]
pub struct Journey {
    /// Unique in the scenario.
    pub name: String,
    /// Its share of the people, relative to the other journeys' weights; more than 0.
    pub weight: f64,
    /// At least one.
    pub steps: Vec<Step>,
}

/// One request of a person, its redirects and its assets included.
#[derive(Debug)]
pub struct Step {
    /// Unique in its journey; reports have one row for each.
    pub name: String,
    /// Method in capitals. A step that fills a form uses the form's own unless it is given.
    pub method: Option<String>,
    /// Path and query, or an absolute URL of another host. None for a step that fills a form: the form's action.
    pub path: Option<Template>,
    /// Headers besides Host, Cookie, Content-Length and the body's Content-Type, which the client writes itself.
    pub headers: Vec<(String, Template)>,
    /// What is sent.
    pub body: Body,
    /// The pause before the step.
    pub think: Think,
    /// How many times the step is done, with `${n}` counting from 1; at least 1.
    pub repeat: u32,
    /// Stop repeating as soon as the reply's path matches.
    pub until_path: Option<Regex>,
    /// Whether redirects are followed (at most 10, each counted in this step's bytes and time).
    pub follow: bool,
    /// Names given a value before every request of the step, in this order.
    pub set: Vec<(Slot, Template)>,
    /// Values taken out of the final reply.
    pub extract: Vec<Extract>,
    /// What must be true of the final reply; without a check of the status, it must be below 400.
    pub checks: Vec<Check>,
    /// Not empty when the step is marked: what is written of every acknowledged request.
    pub acknowledge: Vec<(String, Template)>,
    /// Paths that are fetched at once after the step, over up to six connections, as a browser does.
    pub assets: Vec<Template>,
    /// Fills the form delivered by the page before.
    pub fill: Option<Fill>,
}

/// A request's body.
#[derive(Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// `application/x-www-form-urlencoded`, fields in order; rendered values are encoded by the client. In a step that
    /// fills a form these fields win over what the persona would choose.
    Form(Vec<(String, Template)>),
    /// `multipart/form-data`, parts in order.
    Multipart(Vec<Part>),
    /// Sent as it is rendered, with this Content-Type.
    Text {
        /// Such as `application/json`.
        content_type: String,
        /// What is sent.
        text: Template,
    },
    /// A file's bytes, read once when the scenario is.
    File {
        /// Such as `image/png`.
        content_type: String,
        /// What is sent.
        bytes: Vec<u8>,
    },
}

/// One part of a multipart body.
#[derive(Debug)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// Its value, or the text of the file.
    pub value: Template,
    /// Set for an uploaded file.
    pub file_name: Option<String>,
    /// The part's own Content-Type.
    pub content_type: Option<String>,
}

/// The pause before a step: uniform between `mean - spread` and `mean + spread`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Think {
    /// The middle.
    pub mean: Duration,
    /// Half the width, at most `mean`.
    pub spread: Duration,
}

/// A value taken out of a reply. It must be there: a value that is not found fails the person.
#[derive(Debug)]
pub struct Extract {
    /// Where it is kept.
    pub slot: Slot,
    /// Where it is found.
    pub source: Source,
}

/// Where in a reply a value is found; the first match counts.
#[derive(Debug)]
pub enum Source {
    /// The value of the HTML input (or textarea, or select) with this name.
    Input(String),
    /// The content of the HTML meta element with this name or property.
    Meta(String),
    /// An attribute of the first element that matches a CSS selector.
    Attribute {
        /// As lol_html understands it: tag, `#id`, `.class`, `[attribute=value]`, descendants.
        selector: String,
        /// The attribute's name.
        attribute: String,
    },
    /// A JSON Pointer (RFC 6901) into the body; strings come without quotes, other values as JSON.
    Json(String),
    /// A reply header, by its name in lower case.
    Header(String),
    /// The first group (or the whole match) of an expression on the body.
    Regex(Regex),
    /// The first group (or the whole match) of an expression on the final path and query.
    Url(Regex),
    /// The value of the cookie with this name, as the jar would send it to the final URL.
    Cookie(String),
}

/// What must be true of a step's final reply.
#[derive(Debug)]
pub enum Check {
    /// The status is one of these.
    Status(Vec<u16>),
    /// The body contains this text.
    Text(String),
    /// The body does not contain this text.
    NoText(String),
    /// The JSON value at a pointer (RFC 6901); compared as text with the rendered template, or only there when None.
    Json {
        /// The pointer.
        pointer: String,
        /// What it must be.
        equals: Option<Template>,
    },
    /// The path after all redirects matches (or, when redirects are not followed, that of the Location header).
    Redirect(Regex),
}

/// A form is filled as it was delivered: see [`crate::person::form`].
#[derive(Debug, Default)]
pub struct Fill {
    /// The form's CSS selector (tag, `#id`, `.class`, `[attribute=value]`; no combinators); None: the last form of the page.
    pub form: Option<String>,
    /// The name and, if given, the value of the button pressed; None: the form's first submit button.
    pub button: Option<(String, Option<String>)>,
}

/// How people behave; shares are between 0 and 1. Everything is drawn from the seed and the person's number, so that a
/// run can be repeated.
#[derive(Debug, Clone, PartialEq)]
pub struct Persona {
    /// What all dice are thrown from.
    pub seed: u64,
    /// Share of the questions (fields or groups of one name) of a filled form that are left out, unless required.
    pub skip: f64,
    /// Share of the people who choose the same position in every question.
    pub straight_line: f64,
    /// Share of the free texts that are long (2,000 characters).
    pub long_text: f64,
    /// Share of the people who leave somewhere on the way, at a step chosen evenly.
    pub leave: f64,
    /// Share of those who left that come back: with a new jar and new connections, from the journey's beginning.
    pub resume: f64,
    /// How long they stay away.
    pub resume_after: Duration,
    /// Share of the requests with a body that are sent a second time at once, as by a double click.
    pub double_click: f64,
    /// Share of the filled forms after which the person goes back and sends the same form again.
    pub back: f64,
}

impl Default for Persona {
    fn default() -> Self {
        Self {
            seed: 1,
            skip: 0.0,
            straight_line: 0.0,
            long_text: 0.0,
            leave: 0.0,
            resume: 0.0,
            resume_after: Duration::from_secs(10),
            double_click: 0.0,
            back: 0.0,
        }
    }
}

/// A command that runs at a moment of the rehearsal, through `sh -c`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// From the first arrival.
    pub at: Duration,
    /// The command.
    pub run: String,
    /// What the report calls it; the command when not given.
    pub name: Option<String>,
}
