//! How the service is, for whoever is about to ask it: which epochs it has, and how busy it is.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use ceknik_core::manifest::Id;
use serde::Serialize;
use utoipa::ToSchema;

use crate::limit::Load;
use crate::openapi::{Cached, Common};
use crate::publication::Document;
use crate::reply::{self, JSON, SHORT};
use crate::service::ServiceState;

/// How each dataset is served.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceStatus<'a> {
    /// In the order of their ids.
    datasets: Vec<DatasetStatus<'a>>,
}

/// How a dataset is served.
#[derive(Serialize, ToSchema)]
pub(crate) struct DatasetStatus<'a> {
    #[schema(value_type = String, pattern = "^[a-z0-9][a-z0-9-]{0,62}$")]
    id: &'a Id,
    /// Number of the current epoch.
    #[schema(minimum = 1)]
    epoch: u64,
    /// When the current epoch expires.
    #[schema(format = DateTime)]
    valid_until: String,
    /// How much of the evaluations is used that can be had. Coarse, drawn a little at random, and up to a minute old: nobody is to
    /// learn from it how many others ask.
    load: Load,
}

/// For each dataset its current epoch, and in a word how busy the service is: `calm`, `busy`, or `full`.
#[utoipa::path(
    get,
    path = "/v1/status",
    tag = "lists",
    responses(
        (status = 200, description = "How the service is", body = ServiceStatus, content_type = "application/json"),
        Cached, Common,
    )
)]
pub(crate) async fn status(State(state): State<ServiceState>, headers: HeaderMap) -> Response {
    let publication = state.publication();
    let loads = state.loads();
    let datasets = publication.datasets.values().map(|dataset| {
        let manifest = dataset.current.manifest();
        DatasetStatus {
            id: &dataset.id,
            epoch: manifest.epoch,
            valid_until: manifest.valid_until.to_string(),
            load: loads.of(&dataset.id),
        }
    });
    // Serialising strings and numbers does not fail.
    let bytes = serde_json::to_vec(&ServiceStatus { datasets: datasets.collect() }).unwrap_or_default();
    reply::document(&headers, &Document::new(bytes), JSON, SHORT)
}
