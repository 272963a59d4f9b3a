//! What a reply delivers under a name: fields, meta elements, JSON values, headers, cookies, parts of the URL.

use super::find::{Find, cookies};
use super::json;
use super::judge;
use super::sent::{Place, Sent, decoded, singular};
use super::visit::Visit;
use crate::html::{Form, Kind, Page};

/// A value that a reply delivers.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    /// How it is found; it counts only when that finds this value.
    pub(super) find: Find,
    /// The value.
    pub(super) value: String,
    /// The name it goes under.
    pub(super) name: String,
    /// What surrounds it: the names above it, the path that was asked for.
    pub(super) around: String,
    /// Of a hidden field: the server put it there to get it back.
    pub(super) hidden: bool,
}

/// Headers that every reply has, and that no request sends back.
const USUAL_HEADERS: &[&str] = &[
    "date",
    "server",
    "content-length",
    "content-type",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "vary",
    "set-cookie",
    "location",
    "cache-control",
    "expires",
    "last-modified",
    "age",
    "via",
    "allow",
    "accept-ranges",
    "strict-transport-security",
    "content-security-policy",
    "referrer-policy",
    "permissions-policy",
    "content-language",
    "server-timing",
    "alt-svc",
    "link",
    "p3p",
    "pragma",
];

/// Everything that the final reply of a visit delivers under a name. `page` is its body, when that is HTML.
pub(super) fn read(visit: &Visit<'_>, page: Option<&Page>) -> Vec<Delivery> {
    let mut found = Vec::new();
    let path = visit.url.path().to_owned();
    let mut add = |find: Find, value: String, name: &str, around: &str, hidden: bool| {
        if !value.is_empty() {
            found.push(Delivery {
                find,
                value,
                name: name.to_owned(),
                around: format!("{path} {around}"),
                hidden,
            });
        }
    };
    if let Some(page) = page {
        fields(page, &mut add);
        for (name, content) in &page.metas {
            add(Find::Meta(name.clone()), content.clone(), name, "", true);
        }
    }
    let response = &visit.last().response;
    if let Some(leaves) = std::str::from_utf8(&response.body).ok().and_then(json::leaves) {
        for leaf in leaves
            .into_iter()
            .filter(|l| l.string || l.value.parse::<f64>().is_ok())
        {
            let name = last_name(&leaf.pointer);
            add(
                Find::Json(leaf.pointer.clone()),
                leaf.value,
                &name,
                &leaf.pointer,
                false,
            );
        }
    }
    for (name, value) in &response.headers {
        let name = name.to_ascii_lowercase();
        if !USUAL_HEADERS.contains(&name.as_str()) {
            add(Find::Header(name.clone()), value.clone(), &name, "", false);
        }
    }
    for cookie in cookies(visit).into_iter().filter(|c| c.seen) {
        add(
            Find::Cookie(cookie.name.clone()),
            cookie.value,
            &cookie.name,
            "",
            false,
        );
    }
    url_parts(visit, &mut add);
    found
}

type Add<'a> = dyn FnMut(Find, String, &str, &str, bool) + 'a;

fn fields(page: &Page, add: &mut Add<'_>) {
    let forms = page.forms.iter().map(|f| (Some(f), &f.fields));
    for (form, fields) in forms.chain([(None, &page.loose)]) {
        for field in fields.iter().filter(|f| !f.name.is_empty() && !chosen(f.kind)) {
            let hidden = field.kind == Kind::Hidden;
            add(
                Find::Input(field.name.clone()),
                field.value.clone(),
                &field.name,
                "",
                hidden,
            );
            if let Some(form) = form.and_then(selector).filter(|_| simple(&field.name)) {
                let selector = format!("{form} input[name=\"{}\"]", field.name);
                add(
                    Find::Css(selector, "value".into()),
                    field.value.clone(),
                    &field.name,
                    "",
                    hidden,
                );
            }
        }
    }
}

/// A field whose value the person chooses among those delivered.
pub(super) fn chosen(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Radio
            | Kind::Checkbox
            | Kind::Select { .. }
            | Kind::Submit
            | Kind::Button
            | Kind::Image
            | Kind::Reset
    )
}

/// How a form is told from the others on its page.
fn selector(form: &Form) -> Option<String> {
    if let Some(id) = form.attribute("id").filter(|id| simple(id)) {
        return Some(format!("form[id=\"{id}\"]"));
    }
    let action = &form.action;
    let fixed = !action.split(['/', '?', '&', '=']).any(judge::dynamic_segment);
    (!action.is_empty() && fixed && simple(action)).then(|| format!("form[action=\"{action}\"]"))
}

fn simple(text: &str) -> bool {
    !text.chars().any(|c| c == '"' || c == '\\' || c.is_control())
}

/// The last name of a JSON Pointer that is no number.
fn last_name(pointer: &str) -> String {
    let named = |part: &&str| !part.is_empty() && !part.bytes().all(|b| b.is_ascii_digit());
    pointer.rsplit('/').find(named).unwrap_or_default().to_owned()
}

/// The parts of the final URL that the redirect brought.
fn url_parts(visit: &Visit<'_>, add: &mut Add<'_>) {
    if visit.hops.len() < 2 {
        return;
    }
    let asked: Vec<&str> = visit.url.path().split('/').collect();
    let mut before = String::from("^");
    let mut thing = "id".to_owned();
    for segment in visit.end.path().trim_start_matches('/').split('/') {
        before.push('/');
        let dynamic = judge::dynamic_segment(segment);
        if dynamic && !asked.contains(&segment) {
            let find = Find::Url(format!("{before}([^/?]+)"));
            add(find, segment.to_owned(), &thing, visit.end.path(), false);
        }
        if dynamic {
            before.push_str("[^/?]+");
            thing = "id".to_owned();
        } else {
            before.push_str(&regex::escape(segment));
            thing = format!("{}_id", singular(segment));
        }
    }
    for pair in visit.end.query().into_iter().flat_map(|q| q.split('&')) {
        if let Some((name, value)) = pair.split_once('=')
            && !visit.url.query().is_some_and(|q| q.contains(value))
        {
            let find = Find::Url(format!("[?&]{}=([^&]+)", regex::escape(name)));
            add(find, value.to_owned(), &decoded(name), "", false);
        }
    }
}

/// Whether the names say that what was delivered is what is sent.
pub(super) fn telling(sent: &Sent, delivery: &Delivery) -> bool {
    let (wanted, given) = (judge::normal(&sent.name), judge::normal(&delivery.name));
    if wanted == given || (wanted == "ifmatch" && given == "etag") {
        return true;
    }
    // A project's id, sent as `project_id` or behind `/projects/`, delivered as `id`.
    let words = judge::words(&sent.name);
    let Some((last, thing)) = words.split_last() else {
        return false;
    };
    let thing = thing.concat();
    if !is_id(last) || thing.is_empty() {
        return matches!(sent.place, Place::Segment(_)) && is_id(&given);
    }
    let around = judge::normal(&delivery.around);
    given == thing || (is_id(&given) && around.contains(&thing))
}

/// Names of what tells one thing from another.
pub(super) fn is_id(word: &str) -> bool {
    [
        "id",
        "pk",
        "uuid",
        "guid",
        "key",
        "slug",
        "code",
        "number",
        "no",
        "ref",
        "reference",
    ]
    .contains(&word)
}

/// Whether a name is that of a value which only the server can know.
pub(super) fn servers(name: &str) -> bool {
    let list = [
        "token",
        "csrf",
        "xsrf",
        "nonce",
        "version",
        "rev",
        "revision",
        "etag",
        "hash",
        "cursor",
        "state",
        "session",
        "signature",
        "ticket",
    ];
    let words = judge::words(name);
    words
        .iter()
        .any(|w| (is_id(w) && w != "code") || list.contains(&w.as_str()))
}
