//! Forms are filled as they were delivered.
//!
//! Which fields are sent, and as what, follows the HTML standard ("Constructing the entry list", 4.10.22.4): disabled
//! fields, unchecked boxes and other buttons are not sent, hidden and untouched fields are as delivered, a file input
//! that nobody used is an empty part. What is chosen is up to the persona ([`answer`]).

pub mod answer;
mod moment;
mod pattern;
pub mod text;

use crate::html::{self, Compound, Enctype, Field, Form, Kind, Method};
use crate::person::persona::PersonaState;
use crate::scenario::{Dice, Fill};
use answer::Answer;

/// A form that was filled, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// GET puts the fields into the URL in place of its query, POST into the body.
    pub method: Method,
    /// Where to, relative to the page's URL (a `<base>` of the page is resolved already); None: the page's own URL.
    pub action: Option<String>,
    /// What a POST is sent as.
    pub enctype: Enctype,
    /// Name and value of everything that is sent, in order, line ends as CR LF, not yet encoded.
    pub fields: Vec<(String, String)>,
    /// Which of the fields are file inputs without a file: in `multipart/form-data` a part with an empty file name and
    /// `application/octet-stream`, else an empty value.
    pub files: Vec<usize>,
    /// Name and value of the button pressed, if the form has one; it is among the fields when it has a name.
    pub button: Option<(String, String)>,
}

/// Fills a form of the page. Fields in `overrides` are sent as given, wherever the form has them, or at the end.
///
/// # Errors
/// Why it cannot be filled, as a cause for the report: `no form "#answers" in the reply`.
pub fn fill(
    page_html: &[u8],
    fill: &Fill,
    overrides: &[(String, String)],
    persona: &PersonaState,
    dice: &mut Dice,
) -> Result<Filled, String> {
    let mut page = html::scan(page_html);
    let base = page.base.take();
    let form = chosen_form(&page.forms, fill.form.as_deref())?;
    let button = pressed_button(form, fill)?;
    let method = button.and_then(|b| b.form_method).unwrap_or(form.method);
    if method == Method::Dialog {
        return Err(format!(
            "the form{} closes a dialog: it is never sent",
            called(fill)
        ));
    }
    let action = button
        .and_then(|b| b.form_action.as_deref())
        .unwrap_or(&form.action)
        .trim_ascii();
    let answers = answer::answers(form, overrides, persona, dice);
    let (fields, files) = entries(form, &answers, overrides, button);
    Ok(Filled {
        method,
        action: (!action.is_empty()).then(|| based(action, base.as_deref())),
        enctype: button.and_then(|b| b.form_enctype).unwrap_or(form.enctype),
        fields,
        files,
        button: button.map(|b| (b.name.clone(), b.value.clone())),
    })
}

fn chosen_form<'f>(forms: &'f [Form], selector: Option<&str>) -> Result<&'f Form, String> {
    match selector {
        None => forms.last().ok_or_else(|| "no form in the reply".to_owned()),
        Some(text) => {
            let selector = Compound::read(text)?;
            forms
                .iter()
                .find(|form| selector.matches(form))
                .ok_or_else(|| format!("no form {text:?} in the reply"))
        }
    }
}

fn called(fill: &Fill) -> String {
    fill.form
        .as_ref()
        .map(|form| format!(" {form:?}"))
        .unwrap_or_default()
}

/// The button that is named, or the first that can be pressed; None when the form has none.
fn pressed_button<'f>(form: &'f Form, fill: &Fill) -> Result<Option<&'f Field>, String> {
    let mut buttons = form.fields.iter().filter(|field| field.submits());
    let Some((name, value)) = &fill.button else {
        return Ok(buttons.find(|button| !button.disabled));
    };
    let named = |button: &&Field| button.name == *name && value.as_ref().is_none_or(|v| button.value == *v);
    let described = || match value {
        Some(value) => format!("{name}={value}"),
        None => name.clone(),
    };
    match buttons.clone().find(|b| named(b) && !b.disabled) {
        Some(button) => Ok(Some(button)),
        None if buttons.any(|b| named(&b)) => Err(format!(
            "button {:?} of the form{} is disabled",
            described(),
            called(fill)
        )),
        None => Err(format!("no button {:?} in the form{}", described(), called(fill))),
    }
}

/// The action relative to the page's `<base>`. A base that is itself relative to the page's folder is left to the
/// page's URL.
fn based(action: &str, base: Option<&str>) -> String {
    const NOWHERE: &str = "http://nowhere.invalid";
    let resolve = |base: &str| {
        let base = base.trim_ascii();
        if base.starts_with('/') || url::Url::parse(base).is_ok() {
            url::Url::parse(NOWHERE).ok()?.join(base).ok()?.join(action).ok()
        } else {
            None
        }
    };
    match base.and_then(resolve) {
        Some(url) => url
            .as_str()
            .strip_prefix(NOWHERE)
            .unwrap_or(url.as_str())
            .to_owned(),
        None => action.to_owned(),
    }
}

/// The entry list, and which of it are empty files.
fn entries(
    form: &Form,
    answers: &[Answer],
    overrides: &[(String, String)],
    button: Option<&Field>,
) -> (Vec<(String, String)>, Vec<usize>) {
    let mut list = Entries::default();
    let mut given: Vec<&str> = Vec::new();
    for (field, answer) in form.fields.iter().zip(answers) {
        let pressed = button.is_some_and(|b| std::ptr::eq(b, field));
        let is_button = matches!(
            field.kind,
            Kind::Submit | Kind::Image | Kind::Reset | Kind::Button
        );
        if is_button && !pressed {
            continue;
        }
        if answer::is_overridden(field, overrides) {
            if !given.contains(&field.name.as_str()) {
                given.push(&field.name);
                list.add_given(&field.name, overrides);
            }
        } else if !field.disabled {
            list.add(field, answer);
        }
    }
    for (name, _) in overrides {
        if !given.contains(&name.as_str()) {
            given.push(name);
            list.add_given(name, overrides);
        }
    }
    (list.fields, list.files)
}

#[derive(Default)]
struct Entries {
    fields: Vec<(String, String)>,
    files: Vec<usize>,
}

impl Entries {
    fn add(&mut self, field: &Field, answer: &Answer) {
        let name = &field.name;
        match (field.kind, answer) {
            (Kind::Image, _) => {
                let prefix = if name.is_empty() {
                    String::new()
                } else {
                    format!("{name}.")
                };
                self.push(&format!("{prefix}x"), "0");
                self.push(&format!("{prefix}y"), "0");
            }
            _ if name.is_empty() => {}
            (Kind::Radio | Kind::Checkbox, Answer::Checked(true)) => self.push(name, &field.value),
            (Kind::Radio | Kind::Checkbox, _) => {}
            (Kind::Select { .. }, Answer::Chosen(chosen)) => {
                for option in chosen.iter().filter_map(|&i| field.options.get(i)) {
                    if !option.disabled {
                        self.push(name, &option.value);
                    }
                }
            }
            (Kind::File, _) => {
                self.files.push(self.fields.len());
                self.push(name, "");
            }
            (_, Answer::Text(text)) => self.add_text(field, text),
            (_, _) => self.add_text(field, &field.value),
        }
    }

    fn add_text(&mut self, field: &Field, text: &str) {
        self.push(&field.name, text);
        if let Some(direction) = &field.dirname {
            self.push(direction, "ltr");
        }
    }

    fn add_given(&mut self, name: &str, overrides: &[(String, String)]) {
        for (_, value) in overrides.iter().filter(|(n, _)| n == name) {
            self.push(name, value);
        }
    }

    fn push(&mut self, name: &str, value: &str) {
        self.fields.push((with_crlf(name), with_crlf(value)));
    }
}

/// Every line end becomes CR LF (HTML 4.10.22.6 and 4.10.22.7).
fn with_crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\n']) {
        out.push_str(&rest[..at]);
        out.push_str("\r\n");
        rest = rest[at..].strip_prefix("\r\n").unwrap_or(&rest[at + 1..]);
    }
    out.push_str(rest);
    out
}
