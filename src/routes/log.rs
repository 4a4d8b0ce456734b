//! The log (C2SP tlog-tiles): its checkpoint, once its tiles are here, and its tiles, as the publisher wrote them.

use std::fs::File;
use std::io;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use ceknik_core::log::{BundleId, TileId};

use super::Segments;
use crate::openapi::{Cached, Common, Missing};
use crate::problem::Problem;
use crate::publication::FileError;
use crate::reply::{self, IMMUTABLE, OCTETS, SHORT, TEXT, blocking};
use crate::service::ServiceState;

/// The log's newest checkpoint that verifies under the policy: a signed note.
#[utoipa::path(
    get,
    path = "/log/checkpoint",
    tag = "log",
    responses(
        (status = 200, description = "The checkpoint", body = String, content_type = "text/plain; charset=utf-8"),
        Cached, Missing, Common,
    )
)]
pub(crate) async fn checkpoint(State(state): State<ServiceState>, headers: HeaderMap) -> Result<Response, Problem> {
    let publication = state.publication();
    let checkpoint = publication.checkpoint.as_ref().ok_or(Problem::NoSuchFile)?;
    Ok(reply::document(&headers, checkpoint, TEXT, SHORT))
}

/// A tile of hashes or a bundle of entries: `L/N`, `L/N.p/W`, `entries/N` or `entries/N.p/W`, where N is written in groups
/// of three digits (C2SP tlog-tiles).
#[utoipa::path(
    get,
    path = "/log/tile/{path}",
    tag = "log",
    params(("path" = String, Path, description = "Coordinates of the tile; the slashes in it may stand as they are",
        example = "0/000.p/1")),
    responses(
        (status = 200, description = "The tile or bundle", body = Vec<u8>, content_type = "application/octet-stream",
            headers(("Cache-Control" = String, description = "Immutable"))),
        Missing, Common,
    )
)]
pub(crate) async fn tile(
    State(state): State<ServiceState>,
    Segments(path): Segments<String>,
) -> Result<Response, Problem> {
    // Only paths in their one spelling lead to a file, so none leads anywhere else.
    let path = format!("tile/{path}");
    let tile = TileId::from_path(&path).map(TileId::path);
    let canonical = tile.or_else(|| BundleId::from_path(&path).map(BundleId::path)).ok_or(Problem::NoSuchFile)?;
    let path = state.config().public.join("log").join(canonical);
    let opened = blocking(move || {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        Ok::<_, io::Error>(metadata.is_file().then_some((file, metadata.len())))
    });
    match opened.await? {
        Ok(Some((file, bytes))) => {
            let mut response = reply::piece(Arc::new(file), 0, bytes).await?;
            reply::set(&mut response, OCTETS, IMMUTABLE);
            Ok(response)
        }
        Ok(None) => Err(Problem::NoSuchFile),
        Err(error) => match FileError::from(error) {
            FileError::Missing => Err(Problem::NoSuchFile),
            error => {
                tracing::error!(file = "log/tile", reason = %error, "a published file is not given out");
                Err(Problem::Internal)
            }
        },
    }
}
