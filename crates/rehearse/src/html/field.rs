//! The attributes of fields, options and buttons.

use lol_html::html_content::Element;

use super::element::{attribute, decode_attribute};
use super::{Choice, Enctype, Field, Kind, Method};

/// An input, button, textarea or select from its start tag.
pub(super) fn read_field(element: &Element<'_, '_>) -> Field {
    let mut field = Field {
        kind: kind(element),
        ..Field::default()
    };
    let mut value = None;
    for attribute in element.attributes() {
        let text = || decode_attribute(&attribute.value());
        match attribute.name().as_str() {
            "name" => field.name = text(),
            "value" => value = Some(text()),
            "checked" => field.checked = true,
            "disabled" => field.disabled = true,
            "readonly" => field.read_only = true,
            "required" => field.required = true,
            "maxlength" => field.max_length = text().trim().parse().ok(),
            "minlength" => field.min_length = text().trim().parse().ok(),
            "min" => field.min = Some(text()),
            "max" => field.max = Some(text()),
            "step" => field.step = Some(text()),
            "pattern" => field.pattern = Some(text()),
            "size" => field.rows = text().trim().parse().ok(),
            "formaction" => field.form_action = Some(text()),
            "formmethod" => field.form_method = Some(read_method(&text())),
            "formenctype" => field.form_enctype = Some(read_enctype(&text())),
            "dirname" => field.dirname = Some(text()).filter(|name| !name.is_empty()),
            _ => {}
        }
    }
    field.value = match field.kind {
        // The text behind the tag, and the options, come later.
        Kind::Textarea | Kind::Select { .. } => String::new(),
        Kind::Radio | Kind::Checkbox => value.unwrap_or_else(|| "on".into()),
        Kind::Hidden if field.name.eq_ignore_ascii_case("_charset_") => "UTF-8".into(),
        _ => value.unwrap_or_default(),
    };
    field.checked &= matches!(field.kind, Kind::Radio | Kind::Checkbox);
    field
}

fn kind(element: &Element<'_, '_>) -> Kind {
    let written = attribute(element, "type")
        .unwrap_or_default()
        .to_ascii_lowercase();
    match element.tag_name().as_str() {
        "textarea" => Kind::Textarea,
        "select" => Kind::Select {
            multiple: element.has_attribute("multiple"),
        },
        "button" => match written.as_str() {
            "reset" => Kind::Reset,
            "button" => Kind::Button,
            _ => Kind::Submit,
        },
        _ => input_kind(&written),
    }
}

fn input_kind(written: &str) -> Kind {
    match written {
        "hidden" => Kind::Hidden,
        "search" => Kind::Search,
        "password" => Kind::Password,
        "email" => Kind::Email,
        "url" => Kind::Url,
        "tel" => Kind::Tel,
        "number" => Kind::Number,
        "range" => Kind::Range,
        "date" => Kind::Date,
        "month" => Kind::Month,
        "week" => Kind::Week,
        "time" => Kind::Time,
        "datetime-local" => Kind::DateTimeLocal,
        "color" => Kind::Color,
        "radio" => Kind::Radio,
        "checkbox" => Kind::Checkbox,
        "file" => Kind::File,
        "submit" => Kind::Submit,
        "image" => Kind::Image,
        "reset" => Kind::Reset,
        "button" => Kind::Button,
        _ => Kind::Text,
    }
}

/// An option from its start tag, and whether it names its value itself.
pub(super) fn read_choice(element: &Element<'_, '_>) -> (Choice, bool) {
    let value = attribute(element, "value");
    let named = value.is_some();
    let choice = Choice {
        value: value.unwrap_or_default(),
        label: attribute(element, "label").unwrap_or_default(),
        selected: element.has_attribute("selected"),
        disabled: element.has_attribute("disabled"),
    };
    (choice, named)
}

/// Anything unknown is a GET.
pub(super) fn read_method(written: &str) -> Method {
    match written.to_ascii_lowercase().as_str() {
        "post" => Method::Post,
        "dialog" => Method::Dialog,
        _ => Method::Get,
    }
}

/// Anything unknown is URL-encoded.
pub(super) fn read_enctype(written: &str) -> Enctype {
    match written.to_ascii_lowercase().as_str() {
        "multipart/form-data" => Enctype::Multipart,
        "text/plain" => Enctype::TextPlain,
        _ => Enctype::UrlEncoded,
    }
}
