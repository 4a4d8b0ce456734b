//! Sockets: accepting, limits of a connection, the end.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;
use std::{io, iter};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::envelope::soon;
use crate::metrics::OPENMETRICS;
use crate::problem::Problem;
use crate::service::{Peer, ServiceState};

mod network_places;
mod stall;

use network_places::{NetworkPlaces, TooMany};
use stall::StallGuard;

/// Most bytes of a request's head: paths and the headers that browsers send take far less.
const MOST_HEAD_BYTES: usize = 16 * 1024;
/// Most headers of a request.
const MOST_HEADERS: usize = 64;
/// Connections that are being told that there are too many; further ones are closed without a word.
const MOST_TURNED_AWAY: usize = 256;
/// How long such a connection, or one that was answered before it had sent all, is listened to, so that the answer is not
/// lost in a reset.
const LINGER: Duration = Duration::from_secs(1);
/// And how many bytes are taken from it meanwhile.
const MOST_LINGER_BYTES: usize = 256 * 1024;
/// How long a connection on which nothing was asked yet is listened to when the service stops.
const LAST_CALL: Duration = Duration::from_secs(1);
/// Most connections that are taken on then: as many as a system lets wait.
const MOST_WAITING: usize = 4096;
/// Connections of the metrics' listener.
const METRICS_CONNECTIONS: usize = 16;
/// After an error of accepting, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves both listeners until `shutdown` is ready, then finishes what was begun.
pub(crate) async fn serve(
    listener: TcpListener,
    metrics_listener: Option<TcpListener>,
    state: &ServiceState,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let (stop, stopping) = watch::channel(false);
    let stopper = tokio::spawn(async move {
        shutdown.await;
        tracing::info!("stopping");
        let _ = stop.send(true);
        // Kept open, so that whoever waits for the change sees one.
        stop.closed().await;
    });
    let metrics = metrics_listener.map(|listener| {
        let router = Router::new().route("/metrics", get(metrics_page)).with_state(state.clone());
        let doors = Doors::new(state, METRICS_CONNECTIONS, false);
        tokio::spawn(accept(listener, router, doors, stopping.clone()))
    });
    accept(listener, router, Doors::new(state, state.config().server.connections, true), stopping).await;
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    stopper.abort();
}

async fn metrics_page(State(state): State<ServiceState>) -> Response {
    match state.metrics_text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(_) => Problem::Internal.into_response(),
    }
}

/// How many may come in.
struct Doors {
    state: ServiceState,
    places: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    /// The metrics' own connections are neither among those that are counted nor limited by network.
    counted: bool,
    network_places: Arc<NetworkPlaces>,
}

impl Doors {
    fn new(state: &ServiceState, connections: usize, counted: bool) -> Self {
        let places = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
        let turned_away = Arc::new(Semaphore::new(MOST_TURNED_AWAY));
        let config = state.config();
        let of_network = if counted { config.server.network_connections } else { connections };
        let network_places = NetworkPlaces::new(of_network, config.network.limits(), config.proxies.clone());
        Self { state: state.clone(), places, turned_away, counted, network_places }
    }
}

async fn accept(listener: TcpListener, router: Router, doors: Doors, mut stopping: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let arrivals = Arrivals { router, doors, stopping: stopping.clone() };
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => arrivals.take_in(&mut connections, stream, peer.ip()),
            Err(error) => {
                tracing::warn!(reason = %error.kind(), "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    for (stream, peer) in waiting(listener) {
        arrivals.take_in(&mut connections, stream, peer);
    }
    let finished = async { while connections.join_next().await.is_some() {} };
    let timeout = arrivals.doors.state.config().server.shutdown_timeout;
    if tokio::time::timeout(timeout, finished).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut off at the end");
    }
}

/// The connections that the system has taken on and this process has not: with the listener they would be reset. Asks the
/// system itself, of which the runtime may not have heard yet.
fn waiting(listener: TcpListener) -> Vec<(TcpStream, IpAddr)> {
    let Ok(listener) = listener.into_std() else { return Vec::new() };
    let accept = || {
        let (stream, peer) = listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok::<_, io::Error>((TcpStream::from_std(stream)?, peer.ip()))
    };
    iter::from_fn(|| accept().ok()).take(MOST_WAITING).collect()
}

/// What a connection needs that comes in.
struct Arrivals {
    router: Router,
    doors: Doors,
    stopping: watch::Receiver<bool>,
}

impl Arrivals {
    fn take_in(&self, connections: &mut JoinSet<()>, stream: TcpStream, peer: IpAddr) {
        let Self { router, doors, stopping } = self;
        let network_place = match doors.network_places.take(peer) {
            Ok(place) => place,
            // Closed without a word: an answer would be one more thing that many connections get from the service.
            Err(TooMany) => {
                doors.state.metrics().network_connections_refused.inc();
                return;
            }
        };
        // An answer leaves at once, not when more has gathered.
        let _ = stream.set_nodelay(true);
        if let Ok(place) = Arc::clone(&doors.places).try_acquire_owned() {
            let (state, router, stopping, counted) =
                (doors.state.clone(), router.clone(), stopping.clone(), doors.counted);
            connections.spawn(async move {
                let _places = (place, network_place);
                let _open = counted.then(|| Open::new(&state));
                connection(stream, peer, &state, router, stopping).await;
            });
        } else {
            doors.state.metrics().connections_refused.inc();
            if let Ok(place) = Arc::clone(&doors.turned_away).try_acquire_owned() {
                connections.spawn(async move {
                    let _place = place;
                    let _ = tokio::time::timeout(LINGER * 2, turn_away(stream)).await;
                });
            }
        }
    }
}

/// Counts a connection as long as it is open.
struct Open(ServiceState);

impl Open {
    fn new(state: &ServiceState) -> Self {
        state.metrics().connections.inc();
        Self(state.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics().connections.dec();
    }
}

async fn connection(
    stream: TcpStream,
    peer: IpAddr,
    state: &ServiceState,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) {
    let limits = &state.config().server;
    let io = TokioIo::new(StallGuard::new(stream, limits.write_timeout, limits.write_rate));
    let asked = AtomicBool::new(false);
    let service = service_fn(|mut request: Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(Peer(peer));
        Box::pin(router.clone().oneshot(request.map(Body::new)))
    });
    let mut http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(MOST_HEAD_BYTES)
        .max_headers(MOST_HEADERS)
        .serve_connection(io, service);
    let stopped = async move { stopping.wait_for(|stopping| *stopping).await.map(|_| ()) };
    // How a connection ends is the client's affair: it is neither counted nor logged.
    let stopped = tokio::select! {
        _ = poll_fn(|context| http.poll_without_shutdown(context)) => false,
        _ = stopped => true,
    };
    if stopped {
        // Who has only just come may have a request on the way.
        let first = poll_fn(|context| match http.poll_without_shutdown(context) {
            Poll::Pending if !asked.load(Ordering::Relaxed) => Poll::Pending,
            _ => Poll::Ready(()),
        });
        let _ = tokio::time::timeout(LAST_CALL, first).await;
        Pin::new(&mut http).graceful_shutdown();
        let _ = poll_fn(|context| http.poll_without_shutdown(context)).await;
    }
    linger(http.into_parts().io.into_inner().into_inner()).await;
}

/// Says that no more comes, and takes for a moment what is still being sent: closing at once would reset the connection, and
/// the answer could be lost with it.
async fn linger(mut stream: TcpStream) {
    if stream.shutdown().await.is_err() {
        return;
    }
    let drain = async {
        let mut buffer = [0u8; 4096];
        let mut taken = 0;
        while taken < MOST_LINGER_BYTES {
            match stream.read(&mut buffer).await {
                Ok(read) if read > 0 => taken += read,
                _ => return,
            }
        }
    };
    let _ = tokio::time::timeout(LINGER, drain).await;
}

/// Answers without reading: there are too many connections.
async fn turn_away(mut stream: TcpStream) {
    let problem = Problem::Overloaded { wait: soon() };
    let body = serde_json::to_string(&problem.document()).unwrap_or_default();
    let head = problem.into_response();
    let mut text = format!("HTTP/1.1 {}\r\nconnection: close\r\ncontent-length: {}\r\n", head.status(), body.len());
    for (name, value) in head.headers() {
        text.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or("")));
    }
    text.push_str("access-control-allow-origin: *\r\naccess-control-expose-headers: retry-after\r\n\r\n");
    text.push_str(&body);
    if stream.write_all(text.as_bytes()).await.is_ok() {
        linger(stream).await;
    }
}
