//! What of a recording is a step, what belongs to a page, and what a rehearsal leaves out.

use url::Url;

use crate::har::Entry;

/// What becomes of an entry of the application's own host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// A step.
    Step,
    /// A static file, fetched because of a page.
    Asset,
    /// Left out; the reason, as the notes count it.
    Out(&'static str),
}

const ASSET_DESTINATIONS: &[&str] = &[
    "image",
    "style",
    "script",
    "font",
    "audio",
    "video",
    "track",
    "manifest",
    "object",
    "embed",
    "worker",
    "sharedworker",
    "audioworklet",
    "paintworklet",
    "xslt",
];

const ASSET_ENDINGS: &[&str] = &[
    "css",
    "js",
    "mjs",
    "map",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "ico",
    "webp",
    "avif",
    "bmp",
    "woff",
    "woff2",
    "ttf",
    "otf",
    "eot",
    "mp3",
    "mp4",
    "m4a",
    "webm",
    "ogg",
    "wav",
    "wasm",
    "webmanifest",
];

/// What becomes of an entry.
pub(super) fn fate(entry: &Entry, url: &Url) -> Fate {
    let request = &entry.request;
    let header = |name: &str| request.header(name).unwrap_or_default().to_ascii_lowercase();
    if matches!(url.scheme(), "ws" | "wss") || entry.response.status == 101 {
        return Fate::Out("WebSocket");
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Fate::Out("data or extension URL");
    }
    if request.method == "OPTIONS" && request.header("access-control-request-method").is_some() {
        return Fate::Out("CORS preflight");
    }
    if entry.aborted() {
        return Fate::Out("aborted request");
    }
    if request.header("service-worker").is_some() || header("sec-fetch-dest") == "serviceworker" {
        return Fate::Out("service worker's script");
    }
    let purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
    if purposes
        .iter()
        .any(|p| header(p).contains("prefetch") || header(p).contains("prerender"))
    {
        return Fate::Out("prefetch");
    }
    match request.method.as_str() {
        "GET" | "HEAD" if asset(entry, url) => Fate::Asset,
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => Fate::Step,
        _ => Fate::Out("request with an unusual method"),
    }
}

/// Where the reply goes to in the browser says most; then what the reply says it is; then the name of the file.
fn asset(entry: &Entry, url: &Url) -> bool {
    let destination = entry.request.header("sec-fetch-dest").unwrap_or_default();
    if ASSET_DESTINATIONS.contains(&destination) || url.path().ends_with("/favicon.ico") {
        return true;
    }
    if matches!(destination, "document" | "iframe" | "frame") {
        return false;
    }
    let mime = essence(&entry.response.mime);
    let (kind, detail) = mime.split_once('/').unwrap_or_default();
    match kind {
        "image" | "font" | "audio" | "video" => true,
        "text" => match detail {
            "css" | "javascript" | "ecmascript" => true,
            "plain" => asset_ending(url),
            _ => false,
        },
        "application" => match detail {
            "javascript" | "x-javascript" | "ecmascript" | "wasm" | "manifest+json" | "font-woff" => true,
            "octet-stream" => asset_ending(url),
            _ => url.path().ends_with(".map"),
        },
        _ => asset_ending(url),
    }
}

fn asset_ending(url: &Url) -> bool {
    let file = url.path().rsplit('/').next().unwrap_or_default();
    file.rsplit_once('.')
        .is_some_and(|(_, ending)| ASSET_ENDINGS.contains(&ending.to_ascii_lowercase().as_str()))
}

/// A media type in lower case, without its parameters.
pub(super) fn essence(mime: &str) -> String {
    mime.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}
