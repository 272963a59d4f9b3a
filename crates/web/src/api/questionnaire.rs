//! `GET /api/v1/questionnaire/{version}/{language}`: an immutable document, compressed once.

use std::io::Write;
use std::sync::PoisonError;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use crate::app::App;
use crate::error::Problem;

/// A text in the three forms that browsers ask for.
pub struct Document {
    plain: Bytes,
    gzip: Bytes,
    brotli: Bytes,
}

impl Document {
    /// Compresses a text as far as it goes: it is sent to everyone and made once.
    pub fn new(text: Vec<u8>) -> Self {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let gzip = gzip
            .write_all(&text)
            .and_then(|()| gzip.finish())
            .unwrap_or_default();
        let mut out = Vec::new();
        let parameters = brotli::enc::BrotliEncoderParams {
            quality: 11,
            ..Default::default()
        };
        let made = brotli::BrotliCompress(&mut text.as_slice(), &mut out, &parameters);
        let brotli = if made.is_ok() { out } else { Vec::new() };
        Self {
            plain: text.into(),
            gzip: gzip.into(),
            brotli: brotli.into(),
        }
    }

    /// Bytes of the smallest form.
    #[cfg(test)]
    pub fn smallest(&self) -> usize {
        self.brotli.len().min(self.gzip.len()).min(self.plain.len())
    }

    /// The smallest form that the request accepts, with its headers. An empty form was not made.
    pub fn respond(&self, headers: &HeaderMap, content_type: &'static str, cache: &'static str) -> Response {
        let forms = [("br", &self.brotli), ("gzip", &self.gzip)];
        let chosen = forms
            .into_iter()
            .find(|(coding, bytes)| !bytes.is_empty() && accepts(headers, coding));
        let bytes = chosen.map_or(&self.plain, |(_, bytes)| bytes).clone();
        let mut response = bytes.into_response();
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
        out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some((coding, _)) = chosen {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }
}

/// Whether a request takes this content coding.
pub fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let lines = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| {
        let mut parts = item.trim().split(';');
        let name = parts.next().unwrap_or("").trim();
        name.eq_ignore_ascii_case(coding)
            && !parts.any(|p| matches!(p.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// What `Cache-Control` says of something that never changes under its name.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The handler.
pub async fn get(
    State(app): State<App>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let unknown = || {
        let detail = "There is no such version of a questionnaire, or not in this language.";
        Problem::new(StatusCode::NOT_FOUND, "unknown-questionnaire", detail)
    };
    let Path((version, language)) = path.map_err(|_| unknown())?;
    let questionnaire = app.waves().questionnaire(&version).ok_or_else(unknown)?;
    let language = questionnaire.language_index(&language).ok_or_else(unknown)?;
    let slot = {
        let mut documents = app
            .shared()
            .documents
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        documents.entry((version, language)).or_default().clone()
    };
    // Compressing takes a tenth of a second: not on the event loop, and once however many ask for it at the same time.
    let make = || async move {
        let make = move || Document::new(crate::respond::document(&questionnaire, language).into_bytes());
        tokio::task::spawn_blocking(make)
            .await
            .map_err(|_| Problem::unavailable())
    };
    let document = slot.get_or_try_init(make).await?;
    Ok(document.respond(request.headers(), "application/json", IMMUTABLE))
}
