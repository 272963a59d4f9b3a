//! lol_html as the rest of the module uses it: a pass over a page, and decoded attributes.

use std::borrow::Cow;

use lol_html::html_content::Element;
use lol_html::{ElementContentHandlers, HtmlRewriter, MemorySettings, Selector, Settings};

/// What is called for a matching element, with its text if it asks for it.
pub(super) type Handlers<'h> = ElementContentHandlers<'h>;

/// Reads the page once. A handler that returns an error ends the pass: that is how a search stops early.
pub(super) fn pass<'h>(html: &[u8], handlers: Vec<(&'h Selector, Handlers<'h>)>) {
    let mut settings = Settings::new()
        // Pages that cannot be understood for certain without a full parser are understood as well as can be.
        .with_strict(false)
        .with_memory_settings(MemorySettings::new().with_preallocated_parsing_buffer_size(0));
    for (selector, handlers) in handlers {
        settings = settings.append_element_content_handler((Cow::Borrowed(selector), handlers));
    }
    let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
    if rewriter.write(html).is_ok() {
        // An error here is a handler's that wanted to stop.
        let _ = rewriter.end();
    }
}

/// An attribute's value, decoded; None when it is not there.
pub(super) fn attribute(element: &Element<'_, '_>, name: &str) -> Option<String> {
    element.get_attribute(name).map(|raw| decode_attribute(&raw))
}

/// An attribute's text with its character references decoded (HTML 13.2.5.73: a reference without `;` before a letter
/// or `=` is none).
pub(super) fn decode_attribute(raw: &str) -> String {
    without_nul(htmlize::unescape_attribute(raw))
}

/// A text with its character references decoded.
pub(super) fn decode_text(raw: &str) -> String {
    without_nul(htmlize::unescape(raw))
}

/// A NUL in a page is U+FFFD to every HTML parser.
fn without_nul(text: Cow<'_, str>) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text.into_owned()
    }
}

/// White space trimmed and collapsed to single spaces, as in titles and labels.
pub(super) fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_ascii_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
