//! Epochs: manifests, proofs, buckets.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::{Segments, dataset, not_read};
use crate::openapi::manifest::Manifest;
use crate::openapi::{Cached, Common, DatasetParam, EpochParam, Missing, NoBucket};
use crate::problem::Problem;
use crate::publication::{BucketSource, decimal};
use crate::reply::{self, IMMUTABLE_AS_IS, JSON, OCTETS, SHORT, TEXT, blocking};
use crate::service::ServiceState;

/// The manifest of the current epoch: exact bytes, to be verified with the epoch's proof.
#[utoipa::path(
    get,
    path = "/v1/{dataset}/manifest",
    tag = "epochs",
    params(DatasetParam),
    responses(
        (status = 200, description = "The manifest (docs/spec.md, step 8)", body = Manifest, content_type = "application/json"),
        Cached, Missing, Common,
    )
)]
pub(crate) async fn current_manifest(
    State(state): State<ServiceState>,
    Segments(id): Segments<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (_, dataset) = dataset(&state, &id)?;
    Ok(reply::document(&headers, &dataset.current.manifest_document, JSON, SHORT))
}

/// The manifest of an epoch: exact bytes, which never change.
#[utoipa::path(
    get,
    path = "/v1/{dataset}/epochs/{epoch}/manifest",
    tag = "epochs",
    params(DatasetParam, EpochParam),
    responses(
        (status = 200, description = "The manifest (docs/spec.md, step 8)", body = Manifest, content_type = "application/json"),
        Cached, Missing, Common,
    )
)]
pub(crate) async fn epoch_manifest(
    State(state): State<ServiceState>,
    Segments((id, epoch)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (_, dataset) = dataset(&state, &id)?;
    let epoch = decimal(&epoch).ok_or(Problem::NoSuchEpoch)?;
    if epoch == dataset.current.number() {
        return Ok(reply::document(&headers, &dataset.current.manifest_document, JSON, IMMUTABLE_AS_IS));
    }
    let reader = dataset.clone();
    let read = blocking(move || reader.read_past_manifest(epoch)).await?;
    let document = read.map_err(|error| not_read(&state, &dataset.id, error))?;
    Ok(reply::document(&headers, &document, JSON, IMMUTABLE_AS_IS))
}

/// The proof that an epoch's manifest is in the log (C2SP tlog-proof). It may gain cosignatures.
#[utoipa::path(
    get,
    path = "/v1/{dataset}/epochs/{epoch}/proof",
    tag = "epochs",
    params(DatasetParam, EpochParam),
    responses(
        (status = 200, description = "The tlog-proof", body = String, content_type = "text/plain; charset=utf-8"),
        Cached, Missing, Common,
    )
)]
pub(crate) async fn proof(
    State(state): State<ServiceState>,
    Segments((id, epoch)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (publication, dataset) = dataset(&state, &id)?;
    let epoch = decimal(&epoch).ok_or(Problem::NoSuchEpoch)?;
    if epoch == dataset.current.number() {
        return Ok(reply::document(&headers, &dataset.current.proof, TEXT, SHORT));
    }
    let policy = publication.policy.clone().ok_or(Problem::NoSuchEpoch)?;
    let reader = dataset.clone();
    let read = blocking(move || reader.read_past_proof(epoch, &policy.policy)).await?;
    let document = read.map_err(|error| not_read(&state, &dataset.id, error))?;
    Ok(reply::document(&headers, &document, TEXT, SHORT))
}

/// A bucket's response: its path in the epoch's tree, its entries, padding. All responses of an epoch have one length; none
/// is compressed, answered in part, or answered with 304.
#[utoipa::path(
    get,
    path = "/v1/{dataset}/epochs/{epoch}/buckets/{index}",
    tag = "epochs",
    params(DatasetParam, EpochParam,
        ("index" = u32, Path, description = "Number of the bucket, below 2^bits of the manifest", maximum = 16777215)),
    responses(
        (status = 200, description = "The bucket response (docs/spec.md, step 7)", body = Vec<u8>,
            content_type = "application/octet-stream",
            headers(("Cache-Control" = String, description = "Immutable, and not to be transformed"),
                ("Accept-Ranges" = String, description = "none"))),
        NoBucket, Common,
    )
)]
pub(crate) async fn bucket(
    State(state): State<ServiceState>,
    Segments((id, epoch, index)): Segments<(String, String, String)>,
) -> Result<Response, Problem> {
    let (_, dataset) = dataset(&state, &id)?;
    let epoch = decimal(&epoch).ok_or(Problem::NoSuchEpoch)?;
    let geometry = dataset.geometry(epoch).ok_or(Problem::NoSuchEpoch)?;
    let index = decimal(&index).ok_or(Problem::BucketNumber { buckets: geometry.count() })?;
    let in_range = u32::try_from(index).ok().filter(|index| *index < geometry.count());
    let index = in_range.ok_or(Problem::BucketOutOfRange { buckets: geometry.count() })?;
    let (file, offset) = match dataset.bucket_source(epoch, &geometry, index) {
        BucketSource::Verified(file, offset) => (file, offset),
        BucketSource::Past(offset) => {
            let _verifying = state.past_readers().acquire().await.map_err(|_| Problem::Internal)?;
            let reader = dataset.clone();
            let opened = blocking(move || reader.open_past_bucket(epoch, index, offset)).await?;
            (opened.map_err(|error| not_read(&state, &dataset.id, error))?, offset)
        }
    };
    let mut response = reply::piece(file, offset, u64::from(geometry.response_bytes())).await?;
    reply::set(&mut response, OCTETS, IMMUTABLE_AS_IS);
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    Ok(response)
}
