//! For those who run the service: health, and the description of it.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use utoipa::ToSchema;

use crate::envelope::soon;
use crate::openapi::{Cached, Common, NotReady};
use crate::problem::Problem;
use crate::reply::{self, JSON, SHORT};
use crate::service::ServiceState;

/// A good word.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what the handlers write")]
pub(crate) struct Status {
    /// Always `ok`.
    #[schema(pattern = "^ok$")]
    status: String,
}

fn ok() -> Response {
    let mut response = r#"{"status":"ok"}"#.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether the process lives.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    responses((status = 200, description = "It does", body = Status, content_type = "application/json"), Common)
)]
pub(crate) async fn healthz() -> Response {
    ok()
}

/// Whether there is a dataset, and an epoch is served of every one.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    responses((status = 200, description = "So it is", body = Status, content_type = "application/json"), NotReady)
)]
pub(crate) async fn readyz(State(state): State<ServiceState>) -> Result<Response, Problem> {
    if state.publication().complete { Ok(ok()) } else { Err(Problem::NotReady { wait: soon() }) }
}

/// This description.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "operation",
    responses((status = 200, description = "An OpenAPI document", body = Object, content_type = "application/json"), Cached, Common)
)]
pub(crate) async fn openapi_json(State(state): State<ServiceState>, headers: HeaderMap) -> Response {
    reply::document(&headers, state.openapi(), JSON, SHORT)
}
