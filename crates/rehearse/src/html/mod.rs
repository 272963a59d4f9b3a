//! What a page delivered: its forms, fields, meta elements and links, read tolerantly and in one pass.
//!
//! [`scan`] reads all of it; [`find`] looks one value up and stops there; [`select`] are the selectors that name a form.
//! Nothing runs scripts: `<noscript>` is read as a browser without JavaScript reads it, what stands in a `<template>` is
//! no part of the page. Bytes that are not UTF-8 are replaced.

mod element;
mod field;
pub mod find;
pub mod select;

mod build;
pub use build::scan;
pub use find::{attribute, input_value, meta_content};
pub use select::Compound;

/// A page as it was delivered; texts and attributes with their character references decoded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The text of the first title element, white space collapsed.
    pub title: String,
    /// The first `<base href>`: what relative URLs of the page are relative to.
    pub base: Option<String>,
    /// The forms, in order.
    pub forms: Vec<Form>,
    /// Fields that belong to no form, in order.
    pub loose: Vec<Field>,
    /// Name (or property) and content of the meta elements that have both.
    pub metas: Vec<(String, String)>,
    /// The `href` of every `a`, `area` and `link`, as written.
    pub links: Vec<String>,
    /// The `src` of every `script`, `img`, `iframe` and whatever else has one, as written.
    pub sources: Vec<String>,
}

/// A form and the fields that it owns, wherever in the page they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// Every attribute of the form element, names in lower case.
    pub attributes: Vec<(String, String)>,
    /// Where it is sent, as written; empty: to the page's own URL.
    pub action: String,
    /// How it is sent.
    pub method: Method,
    /// What it is sent as.
    pub enctype: Enctype,
    /// In the order of the page, which is the order in which they are sent.
    pub fields: Vec<Field>,
}

/// How a form is sent: the `method` and `formmethod` attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// As the query of a GET; also what anything unknown means.
    #[default]
    Get,
    /// As a body.
    Post,
    /// Not at all: it closes a dialog of the page.
    Dialog,
}

/// What a posted form is sent as: the `enctype` and `formenctype` attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Enctype {
    /// `application/x-www-form-urlencoded`; also what anything unknown means.
    #[default]
    UrlEncoded,
    /// `multipart/form-data`.
    Multipart,
    /// `text/plain`.
    TextPlain,
}

/// An input, textarea, select or button. Numbers and patterns are as written: an attribute that makes no sense means
/// nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// What it is.
    pub kind: Kind,
    /// Its name; a field with an empty name is never sent.
    pub name: String,
    /// The value delivered; `on` for a radio button or box without one; a textarea's text, line ends as `\n`.
    pub value: String,
    /// A select's options.
    pub options: Vec<Choice>,
    /// A radio button or box that is delivered checked.
    pub checked: bool,
    /// Disabled by itself or by a fieldset around it: it is not sent.
    pub disabled: bool,
    /// It can be sent, but not changed.
    pub read_only: bool,
    /// It must not be left out.
    pub required: bool,
    /// The most UTF-16 units that can be typed.
    pub max_length: Option<usize>,
    /// The fewest UTF-16 units that a text may have, unless it is empty.
    pub min_length: Option<usize>,
    /// The `min` attribute.
    pub min: Option<String>,
    /// The `max` attribute.
    pub max: Option<String>,
    /// The `step` attribute.
    pub step: Option<String>,
    /// The `pattern` attribute.
    pub pattern: Option<String>,
    /// The `size` attribute: a select of more than one row starts with nothing chosen.
    pub rows: Option<u32>,
    /// Of a button: where it sends the form instead.
    pub form_action: Option<String>,
    /// Of a button: how it sends the form instead.
    pub form_method: Option<Method>,
    /// Of a button: what it sends the form as instead.
    pub form_enctype: Option<Enctype>,
    /// The `dirname` attribute: under this name the text's direction is sent.
    pub dirname: Option<String>,
}

/// One option of a select.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// What is sent: the `value` attribute, or the label without one.
    pub value: String,
    /// What is shown, white space collapsed.
    pub label: String,
    /// Delivered as chosen.
    pub selected: bool,
    /// Cannot be chosen, by itself or by its group.
    pub disabled: bool,
}

/// What a field is; an input of unknown type is a `Text`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of HTML")]
pub enum Kind {
    #[default]
    Text,
    Hidden,
    Search,
    Password,
    Email,
    Url,
    Tel,
    Number,
    Range,
    Date,
    Month,
    Week,
    Time,
    DateTimeLocal,
    Color,
    Textarea,
    Select {
        /// More than one option can be chosen.
        multiple: bool,
    },
    Radio,
    Checkbox,
    File,
    Submit,
    Image,
    Reset,
    Button,
}

impl Page {
    /// Every field, form by form, then those of no form.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.forms.iter().flat_map(|form| &form.fields).chain(&self.loose)
    }
}

impl Form {
    /// The value of one of the form element's attributes; `name` in lower case.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Field {
    /// Whether pressing it sends the form.
    pub fn submits(&self) -> bool {
        matches!(self.kind, Kind::Submit | Kind::Image)
    }

    /// The options of a select that are chosen when nobody touches it (HTML, "selectedness setting algorithm"): all that
    /// are delivered chosen, of a single select the last of them, or, when it shows one row, the first that is enabled.
    pub fn chosen(&self) -> Vec<usize> {
        let mut delivered = (0..self.options.len()).filter(|&i| self.options[i].selected);
        match self.kind {
            Kind::Select { multiple: true } => delivered.collect(),
            Kind::Select { multiple: false } => {
                let one_row = self.rows.is_none_or(|rows| rows <= 1);
                let first = || self.options.iter().position(|o| one_row && !o.disabled);
                delivered.next_back().or_else(first).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
