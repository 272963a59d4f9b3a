//! One value of a page, looked up in a pass that ends as soon as it is found.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::LazyLock;

use lol_html::Selector;
use lol_html::html_content::Element;

use super::Kind;
use super::element::{Handlers, attribute as attribute_of, pass};

static META: LazyLock<Selector> = LazyLock::new(|| "meta".parse().expect("the selector is valid"));
static FIELD: LazyLock<Selector> = LazyLock::new(|| {
    "input, button, textarea, select"
        .parse()
        .expect("the selector is valid")
});

/// How many different selectors a thread keeps ready; a scenario has a handful.
const KEPT: usize = 64;

thread_local! {
    static READY: RefCell<HashMap<Box<str>, Rc<Selector>>> = RefCell::default();
}

/// The value of the first input, button, textarea or select with this name, as it would be sent if nobody touched it; of
/// a radio button or box, whether or not it is checked.
pub fn input_value(html: &[u8], name: &str) -> Option<String> {
    let found = first(html, &FIELD, |element| {
        if attribute_of(element, "name").as_deref() != Some(name) {
            return None;
        }
        Some(match element.tag_name().as_str() {
            "textarea" | "select" => None,
            _ => Some(attribute_of(element, "value").unwrap_or_else(|| default_value(element))),
        })
    })?;
    // A text or the chosen option stands behind the tag: only the whole scan knows it.
    found.or_else(|| {
        let page = super::scan(html);
        let whole =
            |f: &&super::Field| matches!(f.kind, Kind::Textarea | Kind::Select { .. }) && f.name == name;
        let field = page.fields().find(whole)?;
        match field.kind {
            Kind::Select { .. } => field.chosen().first().map(|&i| field.options[i].value.clone()),
            _ => Some(field.value.clone()),
        }
    })
}

fn default_value(element: &Element<'_, '_>) -> String {
    let on = element
        .get_attribute("type")
        .is_some_and(|kind| kind.eq_ignore_ascii_case("checkbox") || kind.eq_ignore_ascii_case("radio"));
    if on { "on".to_owned() } else { String::new() }
}

/// The content of the first meta element with this name or property (compared without regard to case).
pub fn meta_content(html: &[u8], name: &str) -> Option<String> {
    first(html, &META, |element| {
        let named = ["name", "property"]
            .iter()
            .any(|key| attribute_of(element, key).is_some_and(|value| value.eq_ignore_ascii_case(name)));
        if named {
            attribute_of(element, "content")
        } else {
            None
        }
    })
}

/// An attribute of the first element that matches the selector and has it.
///
/// # Errors
/// The selector is not one that lol_html understands, with its reason.
pub fn attribute(html: &[u8], selector: &str, attribute: &str) -> Result<Option<String>, String> {
    let ready = ready(selector)?;
    Ok(first(html, &ready, |element| attribute_of(element, attribute)))
}

/// Whether lol_html understands a selector.
///
/// # Errors
/// It does not, and why.
pub fn check_selector(selector: &str) -> Result<(), String> {
    parse(selector).map(|_| ())
}

fn parse(selector: &str) -> Result<Selector, String> {
    selector
        .parse()
        .map_err(|why| format!("{selector:?} is no selector that can be used: {why}"))
}

/// The parsed selector, kept by each thread so that a request parses none.
fn ready(selector: &str) -> Result<Rc<Selector>, String> {
    READY.with_borrow_mut(|ready| {
        if let Some(held) = ready.get(selector) {
            return Ok(Rc::clone(held));
        }
        let parsed = Rc::new(parse(selector)?);
        if ready.len() < KEPT {
            ready.insert(selector.into(), Rc::clone(&parsed));
        }
        Ok(parsed)
    })
}

/// The first thing that `take` finds in an element that matches.
fn first<T>(
    html: &[u8],
    selector: &Selector,
    mut take: impl FnMut(&Element<'_, '_>) -> Option<T>,
) -> Option<T> {
    let mut found = None;
    let handler = |element: &mut Element<'_, '_>| {
        found = take(element);
        match found {
            Some(_) => Err("found".into()),
            None => Ok(()),
        }
    };
    pass(html, vec![(selector, Handlers::default().element(handler))]);
    found
}
