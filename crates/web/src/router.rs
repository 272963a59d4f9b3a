//! Every route of the web part.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use crate::api::{enter, health, questionnaire, response, saves, sealed, submission};
use crate::app::App;
use crate::error::Problem;
use crate::metrics::Timed;
use crate::respond;

/// All routes, for one core.
pub fn router(app: App) -> Router {
    let api = Router::new()
        .route(
            "/api/v1/saves",
            post(saves::post).layer(Timed::route("POST /api/v1/saves")),
        )
        .route(
            "/api/v1/sealed",
            post(sealed::post).layer(Timed::route("POST /api/v1/sealed")),
        )
        .route(
            "/api/v1/enter",
            post(enter::post).layer(Timed::route("POST /api/v1/enter")),
        )
        .route(
            "/api/v1/response",
            get(response::get).layer(Timed::route("GET /api/v1/response")),
        )
        .route(
            "/api/v1/submission",
            post(submission::post).layer(Timed::route("POST /api/v1/submission")),
        )
        .route(
            "/api/v1/questionnaire/{version}/{language}",
            get(questionnaire::get).layer(Timed::route("GET /api/v1/questionnaire")),
        )
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This call has another method.",
            )
        });
    #[cfg(feature = "bench")]
    let api = api.route("/bench/noop", post(noop));
    Router::new()
        .merge(api)
        .merge(respond::routes().layer(from_fn_with_state(app.clone(), headers_for_people)))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(not_found)
        .with_state(app)
}

/// What every page for people says: nothing is stored, nothing from elsewhere is loaded, nobody frames it.
const PAGE_HEADERS: [(header::HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (
        header::HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Refuses posts from other sites and sets [`PAGE_HEADERS`]. A page may set its own: static files are cacheable.
async fn headers_for_people(State(app): State<App>, request: Request, next: Next) -> Response {
    let response = if !is_text(request.uri().path()) {
        respond::not_found(&app, request.headers())
    } else if request.method() == axum::http::Method::POST && cross_site(&request, &app.config().public_url) {
        cross_site_refused()
    } else {
        next.run(request).await
    };
    for_people(response)
}

/// A page with [`PAGE_HEADERS`], unless it set its own.
fn for_people(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in PAGE_HEADERS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// What a browser says of where a post comes from: `Sec-Fetch-Site`, else `Origin` against `public_url` and `Host`,
/// which a proxy may have replaced by its own. Programs that say neither carry no cookie of somebody else's.
fn cross_site(request: &Request, public_url: &str) -> bool {
    let text = |name: header::HeaderName| request.headers().get(name).and_then(|v| v.to_str().ok());
    match text(header::HeaderName::from_static("sec-fetch-site")) {
        Some(site) => !matches!(site, "same-origin" | "none"),
        None => request.headers().get(header::ORIGIN).is_some_and(|origin| {
            let origin = origin.to_str().unwrap_or("null");
            let host = origin.split_once("://").map_or(origin, |(_, host)| host);
            text(header::HOST) != Some(host) && !same_origin(origin, public_url)
        }),
    }
}

/// Whether two URLs have one origin: scheme, host and port (RFC 6454, section 5).
fn same_origin(a: &str, b: &str) -> bool {
    let origin = |url: &str| {
        let uri: Uri = url.parse().ok()?;
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
        Some((scheme, uri.host()?.to_ascii_lowercase(), port))
    };
    origin(a).is_some_and(|a| origin(b) == Some(a))
}

/// Whether a path is text once its percent-encoding is taken off: no route of ours is anything else.
fn is_text(path: &str) -> bool {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let encoded = after.first_chunk::<2>().filter(|_| *first == b'%');
        let decoded = encoded.and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(decoded.unwrap_or(*first));
        rest = if decoded.is_some() { &after[2..] } else { after };
    }
    str::from_utf8(&bytes).is_ok()
}

fn cross_site_refused() -> Response {
    crate::metrics::refused("cross-site");
    (
        StatusCode::FORBIDDEN,
        "This form was sent from another site. Open the survey itself and try again.\n",
    )
        .into_response()
}

async fn not_found(State(app): State<App>, request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        let detail = "There is no such call; see docs/http-api.md.";
        return Problem::new(StatusCode::NOT_FOUND, "no-such-call", detail).into_response();
    }
    for_people(respond::not_found(&app, request.headers()))
}

/// Reads the body and does nothing: what a request costs without Canvass. Only in the bench build.
#[cfg(feature = "bench")]
async fn noop(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, incoming) = request.into_parts();
    crate::request::body(app.config(), &parts.headers, incoming).await?;
    Ok((StatusCode::OK, "{}").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let site = "https://survey.example.org/";
        assert!(same_origin("https://survey.example.org", site));
        assert!(same_origin("https://Survey.example.org:443", site));
        for other in [
            "http://survey.example.org",
            "https://survey.example.org:8443",
            "https://survey.example.org.evil.example",
            "null",
            "",
        ] {
            assert!(!same_origin(other, site), "{other}");
        }
        assert!(!same_origin("null", "") && !same_origin("", ""));
    }

    #[test]
    fn a_path_is_text_or_not() {
        for text in ["/", "/take/p01", "/take/%C3%A9", "/100%", "/%zz", "/%+1"] {
            assert!(is_text(text), "{text}");
        }
        for bytes in ["/%ff", "/take/%C3", "/%80x"] {
            assert!(!is_text(bytes), "{bytes}");
        }
    }
}
