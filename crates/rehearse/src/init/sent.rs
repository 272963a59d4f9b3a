//! What a request sends, place by place: every place can become a name.

use std::ops::Range;

/// Where in a request a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A segment of the path, behind these.
    Segment(Vec<String>),
    /// The value of a query parameter.
    Query,
    /// A header, or what stands behind the scheme in `Authorization`.
    Header,
    /// A field of a url-encoded form.
    Field,
    /// A part of a multipart form; true for an uploaded file.
    Part(bool),
    /// A JSON value; true when it stands in quotes.
    Json(bool),
    /// A word of another text that looks random.
    Word,
}

/// A value that is sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// Where.
    pub(super) place: Place,
    /// The name that goes with it; of a path's segment, made of the segment before it.
    pub(super) name: String,
    /// Decoded.
    pub(super) value: String,
    /// As it stands in the URL or text.
    pub(super) raw: String,
    /// The same for the same place of another recording's request.
    pub(super) key: String,
}

/// A text in which places stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Holed {
    /// The text as it was sent.
    pub(super) text: String,
    /// Where the places stand, in order, with their numbers.
    pub(super) holes: Vec<(Range<usize>, usize)>,
}

/// A request taken apart.
#[derive(Debug, Clone)]
pub(super) struct Sending {
    /// Every place, in the order of the request.
    pub(super) places: Vec<Sent>,
    /// Path and query; an absolute URL when it is another origin than the target.
    pub(super) path: Holed,
    /// Headers that the client does not write by itself.
    pub(super) headers: Vec<(String, Holed)>,
    /// The body.
    pub(super) body: SentBody,
}

/// A request's body taken apart; numbers are those of places.
#[derive(Debug, Clone)]
pub(super) enum SentBody {
    /// None.
    Empty,
    /// Name and value.
    Form(Vec<(String, usize)>),
    /// Parts.
    Multipart(Vec<SentPart>),
    /// JSON or another text.
    Text {
        /// With its parameters.
        content_type: String,
        /// What is sent.
        text: Holed,
    },
    /// Bytes that are no text.
    Binary {
        /// With its parameters.
        content_type: String,
        /// How many.
        length: usize,
    },
}

/// A part of a multipart body.
#[derive(Debug, Clone)]
pub(super) struct SentPart {
    /// The field's name.
    pub(super) name: String,
    /// The place of its value.
    pub(super) place: usize,
    /// Set for a file.
    pub(super) file_name: Option<String>,
    /// The part's own Content-Type.
    pub(super) content_type: Option<String>,
}

impl Sent {
    /// What it is called in evidence.
    pub(super) fn label(&self) -> String {
        let name = plain(&self.name);
        match &self.place {
            Place::Segment(before) => match before.last() {
                Some(_) => format!("path segment {name}"),
                None => "first path segment".to_owned(),
            },
            Place::Query => format!("query parameter {name}"),
            Place::Header => format!("header {name}"),
            Place::Field => format!("form field {name}"),
            Place::Part(_) => format!("form part {name}"),
            Place::Json(_) => format!("JSON value {}", plain(self.key.trim_start_matches("json "))),
            Place::Word => "part of the body".to_owned(),
        }
    }
}

/// A name of a recording on one line, without control characters, of bearable length.
pub(super) fn plain(name: &str) -> String {
    let short: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    if short.is_empty() {
        "without a name".to_owned()
    } else {
        short
    }
}

/// Percent-decoded; bytes that are not UTF-8 are replaced.
pub(super) fn decoded(raw: &str) -> String {
    // form_urlencoded decodes `+` to a blank, which a path's plus is not.
    let pair = raw.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

/// One of a thing of which the path names many.
pub(super) fn singular(word: &str) -> String {
    let word = word.split('.').next().unwrap_or(word);
    if let Some(stem) = word.strip_suffix("ies") {
        return format!("{stem}y");
    }
    match word.strip_suffix('s') {
        Some(stem) if stem.len() > 2 && !stem.ends_with('s') => stem.to_owned(),
        _ => word.to_owned(),
    }
}
