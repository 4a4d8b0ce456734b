//! The files of the citizens' page.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::negotiation::accepts_gzip;
use crate::page::{PageFile, REVALIDATED};
use crate::problem::{self, Refused};
use crate::reply::{self, has_tag, not_modified, tag_response};

/// Marks a response as the page's, for the headers that browsers obey.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfPage;

/// Answers with a file, or with 304 to whoever has it.
pub(crate) fn file(request: &HeaderMap, file: &PageFile) -> Response {
    let gzip = file.gzip.as_ref().filter(|_| accepts_gzip(request));
    let tag = format!("\"{}{}\"", file.plain.sha256, if gzip.is_some() { "-gzip" } else { "" });
    let mut response = if has_tag(request, &tag) {
        not_modified(&tag, file.cache)
    } else {
        let mut response = gzip.unwrap_or(&file.plain.bytes).clone().into_response();
        reply::set(&mut response, file.media_type, file.cache);
        tag_response(&mut response, &tag);
        if gzip.is_some() {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    };
    if file.gzip.is_some() {
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    response.extensions_mut().insert(OfPage);
    response
}

/// Answers with a file in place of the problem that nothing is there, as which it counts.
pub(crate) fn not_found(file: &PageFile) -> Response {
    let mut response = (StatusCode::NOT_FOUND, file.plain.bytes.clone()).into_response();
    reply::set(&mut response, file.media_type, REVALIDATED);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response.extensions_mut().insert(OfPage);
    response.extensions_mut().insert(Refused(&problem::NOT_FOUND));
    response
}
