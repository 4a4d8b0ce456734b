//! Filter shards.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use ceknik_core::encoding::from_hex;

use super::{Segments, dataset, report};
use crate::negotiation::accepts_gzip;
use crate::openapi::{Cached, Common, DatasetParam, Missing};
use crate::problem::Problem;
use crate::reply::{self, IMMUTABLE, OCTETS, blocking, has_tag, not_modified, tag_response};
use crate::service::ServiceState;

/// A shard of the filter, named by its SHA-256 in the manifest.
#[utoipa::path(
    get,
    path = "/v1/{dataset}/filter/{sha256}",
    tag = "filter",
    params(DatasetParam,
        ("sha256" = String, Path, description = "SHA-256 of the shard's file, in the manifest", pattern = "^[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "The shard's file (docs/spec.md, step 3), compressed for whoever accepts gzip",
            body = Vec<u8>, content_type = "application/octet-stream",
            headers(("Content-Encoding" = Option<String>, description = "gzip, or absent"))),
        Cached, Missing, Common,
    )
)]
pub(crate) async fn filter(
    State(state): State<ServiceState>,
    Segments((id, sha256)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (_, dataset) = dataset(&state, &id)?;
    let named = from_hex(&sha256).filter(|sha256| dataset.filter_names.contains(sha256));
    let digest = named.ok_or(Problem::NoSuchFile)?;
    let gzip = accepts_gzip(&headers);
    let filters = Arc::clone(&dataset.filters);
    let opening = blocking(move || {
        let compressed = if gzip { filters.open_gzip(&digest)? } else { None };
        // The shard itself is what decides whether it is still published.
        let plain = filters.open(&digest)?;
        Ok::<_, std::io::Error>(plain.map(|plain| compressed.map_or((plain, false), |compressed| (compressed, true))))
    });
    let opened = opening.await?.map_err(|error| {
        tracing::error!(%error, "a filter shard cannot be opened");
        Problem::Internal
    })?;
    let (file, compressed) = opened.map_err(|error| {
        report(&state, &dataset.id, error);
        Problem::NoSuchFile
    })?;
    let tag = if compressed { format!("\"{sha256}-gzip\"") } else { format!("\"{sha256}\"") };
    let vary = HeaderValue::from_static("accept-encoding");
    if has_tag(&headers, &tag) {
        let mut response = not_modified(&tag, IMMUTABLE);
        response.headers_mut().insert(header::VARY, vary);
        return Ok(response);
    }
    let mut response = reply::piece(Arc::new(file.file), 0, file.bytes).await?;
    reply::set(&mut response, OCTETS, IMMUTABLE);
    tag_response(&mut response, &tag);
    response.headers_mut().insert(header::VARY, vary);
    if compressed {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}
