//! The routes: one table, one router, the handlers in modules.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use ceknik_core::manifest::Id;
use serde::de::DeserializeOwned;
use tower_http::catch_panic::CatchPanicLayer;

use crate::envelope::envelope;
use crate::negotiation::asks_for_html;
use crate::page::Page;
use crate::problem::Problem;
use crate::publication::{Dataset, NotRead, Publication};
use crate::service::ServiceState;

pub(crate) mod epochs;
pub(crate) mod evaluate;
pub(crate) mod filter;
pub(crate) mod front;
pub(crate) mod health;
pub(crate) mod lists;
pub(crate) mod log;
pub(crate) mod page;
pub(crate) mod status;

pub(crate) const EVALUATE: &str = "/v1/{dataset}/evaluate";
pub(crate) const HEALTHZ: &str = "/healthz";
pub(crate) const READYZ: &str = "/readyz";
/// Stands in metrics and logs for all files of the citizens' page.
pub(crate) const PAGE: &str = "page";
/// Stands there for paths that no route has.
pub(crate) const UNMATCHED: &str = "unmatched";

const FRONT: &str = "/";

/// Every route: its path as the router writes it, and what answers there.
fn table() -> [(&'static str, MethodRouter<ServiceState>); 15] {
    [
        (FRONT, get(front::front)),
        ("/v1/datasets", get(lists::datasets)),
        ("/v1/policy", get(lists::policy)),
        ("/v1/status", get(status::status)),
        ("/v1/{dataset}/manifest", get(epochs::current_manifest)),
        ("/v1/{dataset}/epochs/{epoch}/manifest", get(epochs::epoch_manifest)),
        ("/v1/{dataset}/epochs/{epoch}/proof", get(epochs::proof)),
        ("/v1/{dataset}/epochs/{epoch}/buckets/{index}", get(epochs::bucket)),
        ("/v1/{dataset}/filter/{sha256}", get(filter::filter)),
        (EVALUATE, post(evaluate::evaluate)),
        ("/log/checkpoint", get(log::checkpoint)),
        ("/log/tile/{*path}", get(log::tile)),
        ("/openapi.json", get(health::openapi_json)),
        (HEALTHZ, get(health::healthz)),
        (READYZ, get(health::readyz)),
    ]
}

static PATHS: LazyLock<Vec<&'static str>> = LazyLock::new(|| table().iter().map(|(path, _)| *path).collect());

/// All paths, as the router writes them.
#[cfg(test)]
pub(crate) fn paths() -> &'static [&'static str] {
    &PATHS
}

/// The route in metrics and logs: a template or a word, whatever was asked for.
pub(crate) fn label(page: Option<&Page>, matched: &str) -> &'static str {
    if page.is_some_and(|page| page.has(matched)) {
        return PAGE;
    }
    PATHS.iter().find(|path| **path == matched).unwrap_or(&UNMATCHED)
}

/// Whether a path is one of the service's own, or lies where those are. A page has none of these.
pub(crate) fn is_api(path: &str) -> bool {
    fn first(path: &str) -> Option<&str> {
        path.split('/').nth(1).filter(|segment| !segment.is_empty())
    }
    first(path).is_some_and(|name| PATHS.iter().any(|path| first(path) == Some(name)))
}

/// The service's router, for tests without sockets and for [`run`](crate::run).
pub fn router(state: ServiceState) -> Router {
    let own = table().into_iter().filter(|(path, _)| *path != FRONT || state.page().is_none());
    let router = own.fold(Router::new(), |router, (path, methods)| router.route(path, methods));
    let files = state.page().into_iter().flat_map(Page::files);
    let router = files.fold(router, |router, (path, file)| {
        let file = Arc::clone(file);
        router.route(path, get(async move |headers: HeaderMap| page::file(&headers, &file)))
    });
    surrounded(router, state)
}

/// Routes with everything that goes around them.
fn surrounded(routes: Router<ServiceState>, state: ServiceState) -> Router {
    let panics = state.clone();
    routes
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(move |_| {
            panics.metrics().panics.inc();
            Problem::Internal.into_response()
        }))
        .layer(middleware::from_fn_with_state(state.clone(), envelope))
        .with_state(state)
}

/// A person is told in words of the page, a program as everywhere.
async fn no_such_path(State(state): State<ServiceState>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let person = [Method::GET, Method::HEAD].contains(&method) && !is_api(uri.path()) && asks_for_html(&headers);
    let told = state.page().filter(|_| person).and_then(Page::not_found);
    told.map_or_else(|| Problem::NoSuchPath.into_response(), |file| page::not_found(file))
}

async fn method_not_allowed() -> Problem {
    Problem::MethodNotAllowed
}

/// The variable parts of a path.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // What is not text after decoding is the path of nothing.
        let segments = Path::<T>::from_request_parts(parts, state).await;
        segments.map(|Path(segments)| Self(segments)).map_err(|_| Problem::NoSuchPath)
    }
}

/// A dataset by the id in a path, and the publication that it belongs to.
pub(crate) fn dataset(state: &ServiceState, id: &str) -> Result<(Arc<Publication>, Arc<Dataset>), Problem> {
    let id = Id::new(id).map_err(|_| Problem::NoSuchDataset)?;
    let publication = state.publication();
    let dataset = publication.datasets.get(&id).cloned().ok_or(Problem::NoSuchDataset)?;
    Ok((publication, dataset))
}

/// Reports a file that is not what it was, and hides it.
pub(crate) fn not_read(state: &ServiceState, dataset: &Id, not_read: NotRead) -> Problem {
    report(state, dataset, not_read);
    Problem::NoSuchEpoch
}

/// Reports a file that is not what it was.
pub(crate) fn report(state: &ServiceState, dataset: &Id, not_read: NotRead) {
    if let NotRead::Damaged { file, reason } = not_read {
        state.metrics().damaged_files.inc();
        tracing::error!(%dataset, file, reason, "a published file is not given out");
    }
}

#[cfg(test)]
mod tests;
