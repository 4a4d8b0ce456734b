//! What goes around every answer: admission, time-out, headers for browsers, metrics, and the log's line.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rand::Rng;

use crate::config::Origins;
use crate::problem::{Problem, Refused};
use crate::routes::page::OfPage;
use crate::routes::{self, EVALUATE, HEALTHZ, READYZ, UNMATCHED};
use crate::service::ServiceState;

/// How long browsers may remember the answer to a preflight request, in seconds.
const PREFLIGHT_MAX_AGE: &str = "7200";
const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Whoever is turned away comes back within this time, not all in the same second.
pub(crate) fn soon() -> Duration {
    Duration::from_secs(rand::thread_rng().gen_range(1..=5))
}

/// Counts a request as long as it is worked on.
struct InFlight<'a>(&'a ServiceState);

impl<'a> InFlight<'a> {
    fn new(state: &'a ServiceState) -> Self {
        state.metrics().in_flight.inc();
        Self(state)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.metrics().in_flight.dec();
    }
}

/// The outermost layer.
pub(crate) async fn envelope(State(state): State<ServiceState>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let _in_flight = InFlight::new(&state);
    let route =
        request.extensions().get::<MatchedPath>().map_or(UNMATCHED, |path| routes::label(state.page(), path.as_str()));
    let method = method_label(request.method());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response =
        if is_preflight(&request) { preflight(route) } else { admitted(&state, route, request, next).await };
    open_to_pages(&state, route, origin, response.headers_mut());
    secure(&state, &mut response);
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    state.metrics().request(route, method, status, took);
    if let Some(Refused(kind)) = response.extensions().get() {
        state.metrics().refused(kind.slug);
    }
    tracing::debug!(route, method, status, micros = took.as_micros(), "request");
    response
}

async fn admitted(state: &ServiceState, route: &'static str, request: Request, next: Next) -> Response {
    // Whoever watches over the service gets an answer however much there is to do. Evaluation has a queue of its own: bodies
    // that are slow to come must not take the places of what is static.
    let elsewhere = [HEALTHZ, READYZ, EVALUATE].contains(&route);
    let place = if elsewhere { None } else { Some(state.request_places().try_acquire()) };
    if matches!(place, Some(Err(_))) {
        return Problem::Overloaded { wait: soon() }.into_response();
    }
    match tokio::time::timeout(state.config().server.request_timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::Overloaded { wait: soon() }.into_response(),
    }
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Browsers ask first whether a page may send what it wants to (Fetch standard, "CORS-preflight fetch"). Any other OPTIONS
/// request is one of a method that is not served.
fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight(route: &'static str) -> Response {
    let (methods, headers) = match route {
        UNMATCHED => return Problem::NoSuchPath.into_response(),
        EVALUATE => ("POST", "content-type"),
        _ => ("GET, HEAD", "if-none-match"),
    };
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, headers),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Everything that is static is open to every page; evaluation to those of the configured origins.
fn open_to_pages(state: &ServiceState, route: &'static str, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
    let allowed = match &state.config().origins {
        Origins::These(origins) if route == EVALUATE => {
            headers.append(header::VARY, HeaderValue::from_static("origin"));
            origin.filter(|origin| origins.contains(origin))
        }
        _ => Some(HeaderValue::from_static("*")),
    };
    let exposed = if route == EVALUATE { "ratelimit, ratelimit-policy, retry-after" } else { "etag, retry-after" };
    if let Some(allowed) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    }
}

fn secure(state: &ServiceState, response: &mut Response) {
    const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    const FIXED: [(HeaderName, &str); 3] = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    let page = state.page().filter(|_| response.extensions().get::<OfPage>().is_some());
    let headers = response.headers_mut();
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::CONTENT_SECURITY_POLICY, page.map_or(NOTHING, |page| page.policy().clone()));
    if page.is_some() {
        // No window that the page opened, or was opened by, gets hold of it.
        headers.insert(CROSS_ORIGIN_OPENER_POLICY, HeaderValue::from_static("same-origin"));
    }
    if let Some(hsts) = state.hsts() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
    }
}
