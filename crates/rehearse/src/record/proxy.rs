//! What happens to a request: refused, or sent to the target, with everything kept on the way.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap};
use hyper::{Method, Request, Response, StatusCode, Uri};

use super::headers::{self, Ways};
use super::origin::{Origin, Target, is_loopback};
use super::pipe::{Download, Upload};
use super::rewrite;
use super::tape::{Deck, Tape};
use super::upstream::{BoxError, SentBody, Upstream, chain, no_body};
use crate::har;
use crate::har::body::essence;
use crate::har::decode::Decoder;

/// What the browser gets.
pub type ShownBody = UnsyncBoxBody<Bytes, BoxError>;

/// A form or document that a page sends is read whole, for links in it, up to this size; larger ones pass as they are.
const MAX_REWRITTEN: usize = 16 << 20;
/// A browser names the proxy in one or two ways; more are not remembered.
const MAX_NAMES: usize = 16;

/// The proxy, shared by its connections.
pub struct Proxy {
    target: Target,
    upstream: Arc<Upstream>,
    deck: Arc<Deck>,
    ways: Mutex<HashMap<String, Arc<Ways>>>,
    warned: Mutex<HashSet<String>>,
}

impl Proxy {
    /// In front of this target.
    pub fn new(target: Target, upstream: Upstream, deck: Arc<Deck>) -> Self {
        Self {
            target,
            upstream: Arc::new(upstream),
            deck,
            ways: Mutex::default(),
            warned: Mutex::default(),
        }
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request<Incoming>) -> Response<ShownBody> {
        let host = headers::text(request.headers(), header::HOST).to_owned();
        if let Some(refusal) = self.refusal(&request, &host) {
            return refusal;
        }
        let ways = self.ways(&host);
        let mut tape = Tape::new(
            self.deck.clone(),
            described(&request, &ways),
            request.body().size_hint().exact(),
        );
        let sent = match to_target(request, &ways, &tape).await {
            Ok((request, replayable)) => self.upstream.send(request, replayable).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok((response, sender)) => self.shown(response, tape, &ways, sender),
            Err(error) => {
                let page = self.not_reached(error.as_ref());
                tape.answered(502, headers::listed(page.headers()), None);
                tape.received(page.body());
                tape.ended();
                page.map(boxed)
            }
        }
    }

    /// What a reverse proxy that records HTTP has no answer to.
    fn refusal(&self, request: &Request<Incoming>, host: &str) -> Option<Response<ShownBody>> {
        if request.uri().authority().is_some() || request.method() == Method::CONNECT {
            let what =
                "canvass record is no proxy to be set in a browser's settings: open its own address instead";
            self.warn(what);
            return Some(page(StatusCode::NOT_IMPLEMENTED, what).map(boxed));
        }
        if !is_loopback(host) {
            let what = "canvass record answers only to this machine's own names, such as 127.0.0.1";
            return Some(page(StatusCode::MISDIRECTED_REQUEST, what).map(boxed));
        }
        let upgrade = headers::text(request.headers(), header::UPGRADE);
        if upgrade.eq_ignore_ascii_case("websocket") {
            let path = request.uri().path();
            self.warn(&format!("{path}: WebSockets cannot be recorded: refused (501)"));
            return Some(page(StatusCode::NOT_IMPLEMENTED, "WebSockets cannot be recorded").map(boxed));
        }
        None
    }

    /// Both ways, for the name by which the browser knows the proxy.
    fn ways(&self, host: &str) -> Arc<Ways> {
        let mut known = self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_NAMES && !known.contains_key(host) {
            known.clear();
        }
        let new = || Arc::new(Ways::new(Origin::of_proxy(host), self.target.origin.clone()));
        known.entry(host.to_owned()).or_insert_with(new).clone()
    }

    /// The target's response as the browser gets it.
    fn shown(
        &self,
        response: Response<Incoming>,
        mut tape: Tape,
        ways: &Ways,
        sender: hyper::client::conn::http1::SendRequest<SentBody>,
    ) -> Response<ShownBody> {
        let (head, body) = response.into_parts();
        tape.answered(
            head.status.as_u16(),
            headers::listed(&head.headers),
            body.size_hint().exact(),
        );
        let (mut shown, renamed) = ways.response(&head.headers);
        for name in renamed {
            self.warn(&format!(
                "warning: browsers refuse the cookie {name} over http: it is kept under another name, where scripts of the \
                 page will not find it (the target will)"
            ));
        }
        self.look_where_it_leads(&head.headers, &shown);
        let coding = headers::text(&head.headers, header::CONTENT_ENCODING);
        let decoder = Decoder::new(coding);
        let plain = decoder.is_some() || matches!(coding, "" | "identity");
        let links = (plain && has_links(head.status, &head.headers))
            .then(|| rewrite::Stream::new(ways.to_proxy.clone()));
        if decoder.is_some() {
            shown.remove(header::CONTENT_ENCODING);
        }
        if decoder.is_some() || links.is_some() {
            shown.remove(header::CONTENT_LENGTH);
        }
        let body = Download::new(body, tape, decoder, links, (self.upstream.clone(), sender));
        let mut out = Response::new(UnsyncBoxBody::new(body));
        *out.status_mut() = head.status;
        *out.headers_mut() = shown;
        out
    }

    /// A redirect away from the target, or from http to https on the same host, ends or breaks a recording: says so.
    fn look_where_it_leads(&self, from: &HeaderMap, shown: &HeaderMap) {
        let location = headers::text(from, header::LOCATION);
        let Ok(url) = url::Url::parse(location) else {
            return;
        };
        let own = &self.target.origin;
        if headers::text(shown, header::LOCATION) == location && matches!(url.scheme(), "http" | "https") {
            let away = url.origin().ascii_serialization();
            self.warn(&format!(
                "warning: a redirect leads from {own} to {away}, which is not recorded"
            ));
        } else if url.scheme() == "https" && own.scheme == "http" {
            let (host, _) = own.host_and_port();
            self.warn(&format!(
                "warning: the target redirects to https: if the page does not come, record with --target https://{host}/"
            ));
        }
    }

    /// Says a line once.
    fn warn(&self, line: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        // A bound, not a count that anybody meets.
        if warned.len() < 1000 && warned.insert(line.to_owned()) {
            self.deck.say(line);
        }
    }

    fn not_reached(&self, error: &(dyn std::error::Error + 'static)) -> Response<Bytes> {
        let (target, why) = (&self.target.origin, chain(error));
        page(
            StatusCode::BAD_GATEWAY,
            &format!("the target {target} did not answer: {why}"),
        )
    }
}

/// A page of the recorder's own.
fn page(status: StatusCode, text: &str) -> Response<Bytes> {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let body = format!(
        "<!doctype html><meta charset=\"utf-8\"><title>{status}</title><p>canvass record: {text}</p>\n"
    );
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let html = header::HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}

fn boxed(bytes: Bytes) -> ShownBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// The request as it is recorded: as the target gets it, but for the Accept-Encoding, which is the browser's.
fn described(request: &Request<Incoming>, ways: &Ways) -> har::Request {
    let mut sent = ways.request(request.headers());
    if let Some(coding) = request.headers().get(header::ACCEPT_ENCODING) {
        sent.insert(header::ACCEPT_ENCODING, coding.clone());
    }
    har::Request {
        method: request.method().to_string(),
        url: format!("{}{}", ways.target, path(request.uri(), ways)),
        headers: headers::listed(&sent),
        body: None,
    }
}

/// Path and query, with links to the proxy put right.
fn path(uri: &Uri, ways: &Ways) -> String {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    // The path itself may begin with two slashes and must not be taken for a link.
    let (path, query) = path
        .split_once('?')
        .map_or((path, None), |(path, query)| (path, Some(query)));
    match query {
        None => path.to_owned(),
        Some(query) => format!("{path}?{}", ways.to_target.text(query)),
    }
}

/// The request for the target, and whether it may be sent a second time.
async fn to_target(
    request: Request<Incoming>,
    ways: &Ways,
    tape: &Tape,
) -> Result<(Request<SentBody>, bool), BoxError> {
    let (head, body) = request.into_parts();
    let mut sent = Request::new(no_body());
    *sent.method_mut() = head.method;
    *sent.uri_mut() = path(&head.uri, ways).parse()?;
    *sent.headers_mut() = ways.request(&head.headers);
    let length = body.size_hint().exact();
    let mime = essence(headers::text(&head.headers, header::CONTENT_TYPE));
    if length == Some(0) {
        let replayable = [Method::GET, Method::HEAD, Method::OPTIONS].contains(sent.method());
        return Ok((sent, replayable));
    }
    if may_send_links(&mime) && length.is_some_and(|length| length <= MAX_REWRITTEN as u64) {
        let bytes = Limited::new(body, MAX_REWRITTEN).collect().await?.to_bytes();
        let bytes = ways.to_target.whole(&bytes).map_or(bytes, Bytes::from);
        tape.sent()
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(&bytes);
        sent.headers_mut()
            .insert(header::CONTENT_LENGTH, bytes.len().into());
        *sent.body_mut() = Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
    } else {
        *sent.body_mut() = UnsyncBoxBody::new(Upload::new(body, tape.sent()));
    }
    Ok((sent, false))
}

/// Forms and documents that a page makes; files and everything else go to the target byte for byte.
fn may_send_links(mime: &str) -> bool {
    mime == "application/x-www-form-urlencoded" || mime == "application/json" || mime.ends_with("+json")
}

/// Texts in which a browser looks for addresses. Not parts of them (a range), and not what is to be saved as a file.
fn has_links(status: StatusCode, from: &HeaderMap) -> bool {
    let mime = essence(headers::text(from, header::CONTENT_TYPE));
    let text = matches!(
        mime.as_str(),
        "text/html"
            | "application/xhtml+xml"
            | "image/svg+xml"
            | "text/css"
            | "text/javascript"
            | "application/javascript"
            | "application/x-javascript"
            | "application/json"
    ) || mime.ends_with("+json");
    let saved = headers::text(from, header::CONTENT_DISPOSITION);
    let saved = saved.trim_start().to_ascii_lowercase().starts_with("attachment");
    text && !saved && status != StatusCode::PARTIAL_CONTENT
}
