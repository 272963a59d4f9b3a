//! Scripts, styles and pictures: in the binary, under names that hold their content's hash, compressed once.
//!
//! `/static/take.3f9a0c11d2.js` never changes and may be kept for ever. A script's imports are rewritten to such
//! names too, so that a page and all it loads are of one build. `/sw.js` keeps its name, as a service worker must.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::api::questionnaire::{Document, IMMUTABLE};
use crate::respond::strings::Strings;

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// A name, its content type, and the file. A script stands after everything that it imports.
const FILES: [(&str, &str, &str); 18] = [
    ("respond.css", STYLE, include_str!("../static/respond.css")),
    ("icon.svg", PICTURE, include_str!("../static/icon.svg")),
    ("store.js", SCRIPT, include_str!("../static/store.js")),
    ("seal.js", SCRIPT, include_str!("../static/seal.js")),
    ("stamp.js", SCRIPT, include_str!("../static/stamp.js")),
    ("session.js", SCRIPT, include_str!("../static/session.js")),
    ("outbox.js", SCRIPT, include_str!("../static/outbox.js")),
    ("send.js", SCRIPT, include_str!("../static/send.js")),
    ("status.js", SCRIPT, include_str!("../static/status.js")),
    ("drain.js", SCRIPT, include_str!("../static/drain.js")),
    ("form.js", SCRIPT, include_str!("../static/form.js")),
    ("draft.js", SCRIPT, include_str!("../static/draft.js")),
    ("lock.js", SCRIPT, include_str!("../static/lock.js")),
    ("review.js", SCRIPT, include_str!("../static/review.js")),
    ("view.js", SCRIPT, include_str!("../static/view.js")),
    ("take.js", SCRIPT, include_str!("../static/take.js")),
    ("enter.js", SCRIPT, include_str!("../static/enter.js")),
    ("offline.js", SCRIPT, include_str!("../static/offline.js")),
];

const SERVICE_WORKER: &str = include_str!("../static/sw.js");

struct Asset {
    content_type: &'static str,
    #[cfg(test)]
    text: String,
    document: Document,
}

struct Assets {
    /// Plain name to URL.
    urls: HashMap<String, String>,
    /// Name with hash to content.
    served: HashMap<String, Asset>,
    /// Plain name of a script to the URLs of all that it loads, itself left out.
    modules: HashMap<String, Vec<String>>,
    service_worker: Asset,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(Assets::build);

impl Assets {
    fn build() -> Self {
        let mut assets = Self {
            urls: HashMap::new(),
            served: HashMap::new(),
            modules: HashMap::new(),
            service_worker: Asset::new(SCRIPT, String::new()),
        };
        for s in Strings::languages().map(Strings::of) {
            assets.add(&format!("strings-{}.js", s.language), SCRIPT, &s.script_module());
        }
        for (name, content_type, text) in FILES {
            assets.add(name, content_type, text);
        }
        let mut urls: Vec<&String> = assets.urls.values().collect();
        urls.sort_unstable();
        let list = serde_json::to_string(&urls).unwrap_or_default();
        let build = hash(&list);
        let text = SERVICE_WORKER
            .replace("\"__BUILD__\"", &format!("\"{build}\""))
            .replace("[\"__STATIC__\"]", &list);
        assets.service_worker = Asset::new(SCRIPT, text);
        assets
    }

    fn add(&mut self, name: &str, content_type: &'static str, text: &str) {
        let (text, imports) = self.with_imports(text);
        let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
        let hashed = format!("{stem}.{}.{extension}", hash(&text));
        let url = format!("/static/{hashed}");
        let mut modules: Vec<String> = vec![];
        for import in imports {
            let deeper = self.modules.get(&import).cloned().unwrap_or_default();
            for module in deeper.into_iter().chain(self.urls.get(&import).cloned()) {
                if !modules.contains(&module) {
                    modules.push(module);
                }
            }
        }
        self.modules.insert(name.to_owned(), modules);
        self.urls.insert(name.to_owned(), url);
        self.served.insert(hashed, Asset::new(content_type, text));
    }

    /// The script with its imports under their hashed names, and the plain names of what it imports.
    fn with_imports(&self, text: &str) -> (String, Vec<String>) {
        let mut text = text.to_owned();
        let mut imports: Vec<String> = vec![];
        for (name, url) in &self.urls {
            let written = format!("\"./{name}\"");
            if text.contains(&written) {
                text = text.replace(&written, &format!("\"{url}\""));
                imports.push(name.clone());
            }
        }
        imports.sort_unstable();
        (text, imports)
    }
}

impl Asset {
    fn new(content_type: &'static str, text: String) -> Self {
        Self {
            content_type,
            #[cfg(test)]
            text: text.clone(),
            document: Document::new(text.into_bytes()),
        }
    }
}

/// The URL of a file, by its plain name such as `respond.css`. Empty for a name that there is not.
pub(crate) fn url(name: &str) -> String {
    ASSETS.urls.get(name).cloned().unwrap_or_default()
}

/// The URLs of every script that this one loads, so that a page can ask for all of them at once.
pub(crate) fn modules_of(name: &str) -> Vec<String> {
    ASSETS.modules.get(name).cloned().unwrap_or_default()
}

/// `GET /static/{name}`: for ever the same.
pub(crate) async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.served.get(&name) {
        Some(asset) => asset.document.respond(&headers, asset.content_type, IMMUTABLE),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `GET /sw.js`: asked for again by the browser at every visit.
pub(crate) async fn service_worker(headers: HeaderMap) -> Response {
    let asset = &ASSETS.service_worker;
    asset.document.respond(&headers, asset.content_type, "no-cache")
}

/// The first 10 hexadecimal digits of SHA-256.
fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .take(5)
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_import_is_of_this_build() {
        for (name, asset) in &ASSETS.served {
            let text = &asset.text;
            assert!(
                !text.contains("\"./"),
                "{name} imports something under its plain name: order FILES"
            );
        }
    }

    #[test]
    fn an_entry_knows_everything_that_it_loads() {
        let modules = modules_of("take.js");
        for name in ["store.js", "seal.js", "outbox.js", "status.js"] {
            assert!(modules.contains(&url(name)), "{name} is missing in {modules:?}");
        }
    }

    #[test]
    fn the_service_worker_keeps_this_build() {
        let text = &ASSETS.service_worker.text;
        assert!(text.contains(&url("take.js")));
        assert!(!text.contains("__"));
    }

    #[test]
    fn a_first_visit_stays_small() {
        let bytes: usize = ASSETS.served.values().map(|a| a.document.smallest()).sum();
        assert!(bytes < 35_000, "scripts and styles are {bytes} bytes compressed");
    }
}
