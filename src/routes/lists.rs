//! What there is: the datasets, and the policy for whoever has none yet.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use utoipa::ToSchema;

use crate::openapi::{Cached, Common};
use crate::problem::Problem;
use crate::reply::{self, JSON, SHORT, TEXT};
use crate::service::ServiceState;

/// The datasets that are served.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the publication module writes")]
pub(crate) struct DatasetList {
    /// In the order of their ids.
    datasets: Vec<DatasetEntry>,
}

/// A dataset and its current epoch. The manifest says the rest, and can be verified.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the publication module writes")]
pub(crate) struct DatasetEntry {
    #[schema(pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    id: String,
    title: BothLanguages,
    /// Number of the current epoch.
    #[schema(minimum = 1)]
    epoch: u64,
    /// SHA-256 of the current epoch's manifest.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    manifest: String,
    /// When the current epoch expires.
    #[schema(format = DateTime)]
    valid_until: String,
}

/// A text in both languages.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the publication module writes")]
pub(crate) struct BothLanguages {
    /// In Indonesian.
    id: String,
    /// In English.
    en: String,
}

/// The datasets: ids, titles, current epochs.
#[utoipa::path(
    get,
    path = "/v1/datasets",
    tag = "lists",
    responses((status = 200, description = "The datasets", body = DatasetList, content_type = "application/json"), Cached, Common)
)]
pub(crate) async fn datasets(State(state): State<ServiceState>, headers: HeaderMap) -> Response {
    reply::document(&headers, &state.publication().listing, JSON, SHORT)
}

/// The publisher's policy (C2SP tlog-policy): log key, witnesses, quorum. For trust on first use; whoever can has it from
/// elsewhere.
#[utoipa::path(
    get,
    path = "/v1/policy",
    tag = "lists",
    responses((status = 200, description = "The policy", body = String, content_type = "text/plain; charset=utf-8"), Cached, Common)
)]
pub(crate) async fn policy(State(state): State<ServiceState>, headers: HeaderMap) -> Result<Response, Problem> {
    let publication = state.publication();
    let policy = publication.policy.as_ref().ok_or(Problem::NoSuchFile)?;
    Ok(reply::document(&headers, &policy.document, TEXT, SHORT))
}
