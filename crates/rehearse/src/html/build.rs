//! A page read into forms and fields, as the tree construction of the HTML standard would own them: the form element
//! pointer (13.2.4.4), `form="id"` (4.10.18.3), disabled fieldsets (4.10.15), inert templates and datalists.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

use lol_html::Selector;
use lol_html::html_content::{Element, TextChunk};

use super::element::{Handlers, attribute, collapse, decode_attribute, decode_text, pass};
use super::field::{read_choice, read_enctype, read_field, read_method};
use super::{Choice, Field, Form, Kind, Page};

static ELEMENTS: LazyLock<Selector> = LazyLock::new(|| {
    "form, input, button, textarea, select, option, optgroup, fieldset, legend, template, datalist, noscript, title, \
     meta, base, a, area, link, script, img, iframe, source, embed, audio, video"
        .parse()
        .expect("the selector is valid")
});
static TEXTS: LazyLock<Selector> = LazyLock::new(|| {
    "title, textarea, option, noscript"
        .parse()
        .expect("the selector is valid")
});

/// Reads a page. Never fails: what is no HTML has no forms.
pub fn scan(html: &[u8]) -> Page {
    let build = Shared::default();
    read(html, &build);
    build.take().finish()
}

/// End tags are seen by handlers of their own, so what is built is shared with them.
type Shared = Rc<RefCell<Build>>;

fn read(html: &[u8], build: &Shared) {
    let of_elements = Rc::clone(build);
    let of_texts = Rc::clone(build);
    let element = move |element: &mut Element<'_, '_>| {
        begin(&of_elements, element);
        Ok(())
    };
    let text = move |chunk: &mut TextChunk<'_>| {
        let mut build = of_texts.borrow_mut();
        if build.capture != Capture::Nothing {
            build.text.push_str(chunk.as_str());
        }
        Ok(())
    };
    pass(
        html,
        vec![
            (&ELEMENTS, Handlers::default().element(element)),
            (&TEXTS, Handlers::default().text(text)),
        ],
    );
}

/// What has been read so far, and where in the tree it is.
#[derive(Default)]
struct Build {
    page: Page,
    fields: Vec<(Field, Owner)>,
    form: Option<usize>,
    /// The form's element was closed by an end tag of something else: it goes on until `</form>` or the next form.
    form_torn: bool,
    fieldsets: Vec<Fieldset>,
    select: Option<usize>,
    group_disabled: bool,
    /// How many templates and datalists are open: what stands in them is never sent.
    inert: usize,
    title_read: bool,
    capture: Capture,
    text: String,
}

enum Owner {
    Nobody,
    Form(usize),
    Id(String),
}

struct Fieldset {
    disabled: bool,
    legends: usize,
    in_first_legend: bool,
}

/// What the text that is being read is for.
#[derive(Debug, Default, PartialEq, Eq)]
enum Capture {
    #[default]
    Nothing,
    Title,
    Textarea(usize),
    /// The last option of this select; whether its label is its value.
    Label(usize, bool),
    Noscript,
}

fn begin(build: &Shared, element: &mut Element<'_, '_>) {
    let name = element.tag_name();
    let mut b = build.borrow_mut();
    match name.as_str() {
        "form" => b.begin_form(element),
        "input" | "button" | "textarea" | "select" => b.begin_field(element),
        "option" => b.begin_option(element),
        "optgroup" => {
            b.end_text();
            b.group_disabled = element.has_attribute("disabled");
        }
        "fieldset" => b.fieldsets.push(Fieldset {
            disabled: element.has_attribute("disabled"),
            legends: 0,
            in_first_legend: false,
        }),
        "legend" => b.begin_legend(),
        "template" | "datalist" => b.inert += 1,
        "noscript" => b.begin_text(Capture::Noscript),
        "title" if !b.title_read && element.namespace_uri().ends_with("xhtml") => {
            b.begin_text(Capture::Title);
        }
        _ => b.note(&name, element),
    }
    let ends = matches!(
        name.as_str(),
        "form"
            | "textarea"
            | "select"
            | "option"
            | "optgroup"
            | "fieldset"
            | "legend"
            | "template"
            | "datalist"
            | "noscript"
            | "title"
    );
    if ends {
        let depth = b.fieldsets.len();
        let build = Rc::clone(build);
        // Elements of SVG that close themselves have no end tag; nothing is lost.
        let _ = element.on_end_tag(Box::new(move |tag| {
            end(&build, &name, depth, tag.name() == "form");
            Ok(())
        }));
    }
}

/// `name` ended; `depth` fieldsets were open when it began (its own included); `by_form` says that it was `</form>` that
/// ended it.
fn end(build: &Shared, name: &str, depth: usize, by_form: bool) {
    let mut b = build.borrow_mut();
    match name {
        "form" if b.inert > 0 => {}
        "form" if by_form => b.form = None,
        "form" => b.form_torn = true,
        "select" => {
            b.end_text();
            b.select = None;
        }
        "optgroup" => {
            b.end_text();
            b.group_disabled = false;
        }
        "fieldset" => b.fieldsets.truncate(depth.saturating_sub(1)),
        "legend" => {
            if let Some(fieldset) = depth.checked_sub(1).and_then(|i| b.fieldsets.get_mut(i)) {
                fieldset.in_first_legend = false;
            }
        }
        "template" | "datalist" => b.inert = b.inert.saturating_sub(1),
        "noscript" => {
            let noscript = b.capture == Capture::Noscript;
            b.capture = Capture::Nothing;
            let markup = std::mem::take(&mut b.text);
            drop(b);
            if noscript {
                read(markup.as_bytes(), build);
            }
        }
        _ => b.end_text(),
    }
}

impl Build {
    fn begin_form(&mut self, element: &Element<'_, '_>) {
        if self.inert > 0 || (self.form.is_some() && !self.form_torn) {
            return;
        }
        let form = Form {
            attributes: element
                .attributes()
                .iter()
                .map(|a| (a.name(), decode_attribute(&a.value())))
                .collect(),
            action: attribute(element, "action").unwrap_or_default(),
            method: attribute(element, "method").map_or_else(Default::default, |m| read_method(&m)),
            enctype: attribute(element, "enctype").map_or_else(Default::default, |e| read_enctype(&e)),
            fields: Vec::new(),
        };
        self.form = Some(self.page.forms.len());
        self.form_torn = false;
        self.page.forms.push(form);
    }

    fn begin_field(&mut self, element: &Element<'_, '_>) {
        self.end_text();
        self.select = None;
        if self.inert > 0 {
            return;
        }
        let mut field = read_field(element);
        field.disabled |= self.fieldsets.iter().any(|f| f.disabled && !f.in_first_legend);
        let owner = match (attribute(element, "form"), self.form) {
            (Some(id), _) => Owner::Id(id),
            (None, Some(form)) => Owner::Form(form),
            (None, None) => Owner::Nobody,
        };
        let index = self.fields.len();
        match field.kind {
            Kind::Textarea => self.begin_text(Capture::Textarea(index)),
            Kind::Select { .. } => {
                self.select = Some(index);
                self.group_disabled = false;
            }
            _ => {}
        }
        self.fields.push((field, owner));
    }

    fn begin_option(&mut self, element: &Element<'_, '_>) {
        self.end_text();
        let Some(select) = self.select else { return };
        let (mut choice, named) = read_choice(element);
        choice.disabled |= self.group_disabled;
        self.fields[select].0.options.push(choice);
        self.begin_text(Capture::Label(select, named));
    }

    fn begin_legend(&mut self) {
        if let Some(fieldset) = self.fieldsets.last_mut() {
            fieldset.legends += 1;
            fieldset.in_first_legend = fieldset.legends == 1;
        }
    }

    /// Metas and links.
    fn note(&mut self, name: &str, element: &Element<'_, '_>) {
        let page = &mut self.page;
        match name {
            "meta" => {
                let named = attribute(element, "name").or_else(|| attribute(element, "property"));
                page.metas.extend(named.zip(attribute(element, "content")));
            }
            "base" if page.base.is_none() => page.base = attribute(element, "href"),
            "a" | "area" | "link" => page.links.extend(attribute(element, "href")),
            _ => page.sources.extend(attribute(element, "src")),
        }
    }

    fn begin_text(&mut self, capture: Capture) {
        self.end_text();
        self.capture = capture;
    }

    fn end_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        match std::mem::take(&mut self.capture) {
            Capture::Title => {
                self.title_read = true;
                self.page.title = collapse(&decode_text(&text));
            }
            Capture::Textarea(field) => self.fields[field].0.value = textarea_value(&text),
            Capture::Label(select, named) => {
                if let Some(choice) = self.fields[select].0.options.last_mut() {
                    label(choice, collapse(&decode_text(&text)), named);
                }
            }
            Capture::Nothing | Capture::Noscript => {}
        }
    }

    fn finish(mut self) -> Page {
        self.end_text();
        for (field, owner) in self.fields {
            let form = match owner {
                Owner::Form(index) => Some(index),
                Owner::Id(id) => self
                    .page
                    .forms
                    .iter()
                    .position(|f| f.attribute("id") == Some(&id)),
                Owner::Nobody => None,
            };
            match form {
                Some(index) => self.page.forms[index].fields.push(field),
                None => self.page.loose.push(field),
            }
        }
        self.page
    }
}

/// Line ends become `\n`, the first one directly behind the tag is dropped (HTML 13.2.6.4.7), references are decoded.
fn textarea_value(raw: &str) -> String {
    let text = raw.replace("\r\n", "\n").replace('\r', "\n");
    decode_text(text.strip_prefix('\n').unwrap_or(&text))
}

/// The `label` attribute wins over the text as what is shown; the text is the value when there is no `value` attribute.
fn label(choice: &mut Choice, text: String, named: bool) {
    if !named {
        choice.value.clone_from(&text);
    }
    if choice.label.is_empty() {
        choice.label = text;
    }
}
