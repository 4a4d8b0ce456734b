//! The witness behind HTTP (C2SP tlog-witness, "HTTP Interface"): the only place that knows status codes.
//!
//! Submission and monitoring prefix are the same. Everything is public: there is nothing to log in to, and what is asked is not
//! logged with who asked it. TLS is the business of a proxy before it; without one nothing is lost but privacy, since every
//! answer is signed.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ceknik_core::time::Timestamp;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tower::ServiceExt;

use crate::request::{MAX_REQUEST_BYTES, RequestError};
use crate::witness::{Refusal, StateError, Witness};

mod front;
mod places;

use places::Places;

/// Most bytes of a request's head, and most headers.
const MOST_HEAD_BYTES: usize = 16 * 1024;
const MOST_HEADERS: usize = 64;
/// After an error of accepting, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// Body of a 409 (tlog-witness).
const TLOG_SIZE: &str = "text/x.tlog.size";

/// What one witness takes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServeLimits {
    /// Connections at once; further ones are closed.
    pub connections: usize,
    /// Of these, from one network: an IPv4 address, an IPv6 /56. Loopback, where a proxy stands, is none.
    pub per_network: usize,
    /// For the head of a request, and again for its body and making the answer. A connection on which nothing is asked for so
    /// long is closed.
    pub timeout: Duration,
    /// How long a connection is kept, and how slowly the answers on it may be taken: what is begun by then has one more
    /// `timeout` to end. Who asks again connects again.
    pub lifetime: Duration,
    /// How long requests that were begun may take at the end.
    pub shutdown: Duration,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections: 256,
            per_network: 32,
            timeout: Duration::from_secs(20),
            lifetime: Duration::from_secs(40),
            shutdown: Duration::from_secs(10),
        }
    }
}

/// Why a witness does not serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// The address cannot be had.
    #[error("--listen {address}: {source}")]
    Listen {
        /// As given.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// What handlers share.
#[derive(Clone)]
struct Shared {
    witness: Arc<Witness>,
    clock: fn() -> Option<Timestamp>,
}

/// The routes. `clock` gives the time that cosignatures state; `None` when the machine has none.
pub fn router(witness: Arc<Witness>, clock: fn() -> Option<Timestamp>) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/status", get(status))
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{origin_hash}/checkpoint", get(checkpoint))
        .route("/{origin_hash}/evidence/{name}", get(evidence))
        .with_state(Shared { witness, clock })
}

/// Serves until `shutdown` is ready, then finishes what was begun.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    address: SocketAddr,
    limits: ServeLimits,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let listening = async {
        let listener = TcpListener::bind(address).await?;
        Ok((listener.local_addr()?, listener))
    };
    let (bound, listener) = listening.await.map_err(|source| ServeError::Listen { address, source })?;
    tracing::info!(listen = %bound, "serving");
    accept(listener, limits, router, shutdown).await;
    Ok(())
}

async fn accept(listener: TcpListener, limits: ServeLimits, router: Router, shutdown: impl Future<Output = ()>) {
    let places = Places::new(limits.connections, limits.per_network);
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, from)) => {
                if let Some(place) = places.take(from.ip()) {
                    let (router, stopping) = (router.clone(), stopping.clone());
                    connections.spawn(async move {
                        let _place = place;
                        connection(stream, limits, router, stopping).await;
                    });
                }
            }
            Err(error) => {
                tracing::warn!(reason = %error.kind(), "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    tracing::info!("stopping");
    drop(listener);
    let _ = stop.send(true);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.shutdown, finished).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut off at the end");
    }
}

async fn connection(stream: TcpStream, limits: ServeLimits, router: Router, mut stopping: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let answer = router.clone().oneshot(request.map(Body::new));
        async move {
            match tokio::time::timeout(limits.timeout, answer).await {
                Ok(answer) => answer,
                Err(_) => Ok(text(StatusCode::REQUEST_TIMEOUT, "the request took too long to come\n".to_owned())),
            }
        }
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.timeout)
        .max_buf_size(MOST_HEAD_BYTES)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(http);
    // How a connection ends is the client's affair.
    let old = tokio::select! {
        _ = &mut http => return,
        _ = stopping.wait_for(|stopping| *stopping) => false,
        () = tokio::time::sleep(limits.lifetime) => true,
    };
    http.as_mut().graceful_shutdown();
    if old {
        let _ = tokio::time::timeout(limits.timeout, http).await;
    } else {
        let _ = http.await;
    }
}

async fn add_checkpoint(State(shared): State<Shared>, request: Request) -> Response {
    let declared = request.body().size_hint().lower();
    if declared > MAX_REQUEST_BYTES as u64 {
        return refused(&Refusal::Malformed(RequestError::TooLarge));
    }
    let Ok(body) = to_bytes(request.into_body(), MAX_REQUEST_BYTES).await else {
        // Too long, or cut off; who cut it off hears nothing of this.
        return refused(&Refusal::Malformed(RequestError::TooLarge));
    };
    let Some(now) = (shared.clock)() else {
        tracing::error!("the system's clock stands before 1970 or after 9999");
        return text(StatusCode::SERVICE_UNAVAILABLE, "this witness has no clock\n".to_owned());
    };
    let judged = spawn_blocking(move || shared.witness.add_checkpoint(&body, now)).await;
    match judged {
        Ok(Ok(answer)) => {
            tracing::info!(size = answer.head.size, "cosigned");
            let line = String::from_utf8_lossy(&answer.line).into_owned();
            never_kept(text(StatusCode::OK, line))
        }
        Ok(Err(refusal)) => never_kept(refused(&refusal)),
        Err(_) => never_kept(internal()),
    }
}

/// The status of each refusal (tlog-witness, "add-checkpoint"). What went wrong inside is told to the log of this process alone.
fn refused(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::Malformed(RequestError::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::Malformed(_) | Refusal::OldBeyond { .. } => StatusCode::BAD_REQUEST,
        Refusal::UnknownLog { .. } => StatusCode::NOT_FOUND,
        Refusal::NotSigned(_) => StatusCode::FORBIDDEN,
        Refusal::Conflict { known } => {
            let mut response = text(StatusCode::CONFLICT, format!("{known}\n"));
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(TLOG_SIZE));
            return response;
        }
        Refusal::EmptyRoot | Refusal::Forked { .. } | Refusal::Unproven { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Clock { .. } => {
            tracing::error!(reason = %refusal, "nothing is cosigned");
            StatusCode::SERVICE_UNAVAILABLE
        }
        Refusal::Sign(_) | Refusal::State(_) => {
            tracing::error!(reason = %refusal, "nothing is cosigned");
            return internal();
        }
    };
    text(status, format!("{refusal}\n"))
}

async fn status(State(shared): State<Shared>) -> Response {
    let witness = shared.witness.verifier_key().to_string();
    let logs = spawn_blocking(move || shared.witness.status()).await;
    let Ok(Ok(logs)) = logs else { return state_failed(logs) };
    let document = serde_json::json!({"witness": witness, "logs": logs});
    open(text_of(StatusCode::OK, JSON, format!("{document}\n")))
}

async fn front(State(shared): State<Shared>) -> Response {
    let key = shared.witness.verifier_key();
    let logs = spawn_blocking(move || shared.witness.status()).await;
    let Ok(Ok(logs)) = logs else { return state_failed(logs) };
    let mut response = text_of(StatusCode::OK, "text/html; charset=utf-8", front::page(&key, &logs));
    let headers = response.headers_mut();
    let policy =
        HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

async fn checkpoint(State(shared): State<Shared>, Path(hash): Path<String>) -> Response {
    let found = spawn_blocking(move || shared.witness.checkpoint(&hash)).await;
    let missing = "no checkpoint of that log was cosigned here\n";
    file(found, TEXT, missing)
}

async fn evidence(State(shared): State<Shared>, Path((hash, name)): Path<(String, String)>) -> Response {
    let found = spawn_blocking(move || shared.witness.evidence(&hash, &name)).await;
    file(found, JSON, "there is no such evidence here\n")
}

type Found<T> = Result<Result<T, StateError>, tokio::task::JoinError>;

fn file(found: Found<Option<Vec<u8>>>, kind: &'static str, missing: &str) -> Response {
    match found {
        Ok(Ok(Some(bytes))) => open(text_of(StatusCode::OK, kind, bytes)),
        Ok(Ok(None)) => open(text(StatusCode::NOT_FOUND, missing.to_owned())),
        failed => state_failed(failed),
    }
}

fn state_failed<T>(found: Found<T>) -> Response {
    if let Ok(Err(error)) = found {
        tracing::error!(reason = %error, "the state cannot be read");
    }
    internal()
}

fn internal() -> Response {
    text(
        StatusCode::INTERNAL_SERVER_ERROR,
        "something is wrong with this witness; its operator can read what\n".to_owned(),
    )
}

fn text(status: StatusCode, text: String) -> Response {
    text_of(status, TEXT, text)
}

fn text_of(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let nosniff = (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), nosniff], body.into()).into_response()
}

/// Any page may read it, and it is asked for again after a minute: monitors want what is new.
fn open(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    response
}

fn never_kept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests;
