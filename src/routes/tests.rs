use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::*;
use crate::config::Config;

/// A service with nothing published, and handlers that no real route has.
struct Harness {
    _dir: tempfile::TempDir,
    state: ServiceState,
    router: Router,
}

fn harness(configure: impl FnOnce(&mut Config)) -> Harness {
    let dir = tempfile::tempdir().unwrap();
    for name in ["public", "keys"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
    }
    let path = |name: &str| dir.path().join(name);
    let mut config = Config::new(path("public"), path("keys"), path("state"));
    configure(&mut config);
    let state = ServiceState::open(config).unwrap();
    let routes = Router::new()
        .route("/panics", get(async || panic!("a secret") as &'static str))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_secs(3600)).await))
        .route(HEALTHZ, get(health::healthz));
    Harness { _dir: dir, router: surrounded(routes, state.clone()), state }
}

impl Harness {
    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.router.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_problem_that_tells_nothing() {
    let harness = harness(|_| {});
    let (status, body) = harness.get("/panics").await;
    assert_eq!(status, 500);
    assert!(body.contains("/problems/internal") && !body.contains("secret"), "{body}");
    let metrics = harness.state.metrics_text().unwrap();
    assert!(metrics.contains("ceknikd_panics_total 1"), "{metrics}");
    assert!(metrics.contains("ceknikd_refused_total{reason=\"internal\"} 1"), "{metrics}");
    assert!(metrics.contains("ceknikd_requests_in_flight 0"), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_come_is_given_up() {
    let harness = harness(|config| config.server.request_timeout = Duration::from_secs(3));
    let (status, body) = harness.get("/slow").await;
    assert_eq!(status, 503);
    assert!(body.contains("/problems/overloaded"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_at_once_are_turned_away_and_health_is_not() {
    let harness = harness(|config| config.server.requests = 2);
    let slow = || {
        let router = harness.router.clone();
        tokio::spawn(router.oneshot(Request::get("/slow").body(Body::empty()).unwrap()))
    };
    let (first, _second) = (slow(), slow());
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(harness.get("/slow").await.0, 503);
    assert_eq!(harness.get(HEALTHZ).await.0, 200);
    // Whoever goes away makes room.
    first.abort();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let third = slow();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!third.is_finished());
}

#[test]
fn labels_are_templates() {
    assert_eq!(label(None, EVALUATE), EVALUATE);
    assert_eq!(label(None, "/v1/jakarta/evaluate"), UNMATCHED);
}

#[test]
fn the_services_own_paths_are_known_by_their_beginning() {
    for path in ["/v1", "/v1/x", "/log/", "/log/tile/0", "/healthz", "/readyz/x", "/openapi.json"] {
        assert!(is_api(path), "{path}");
    }
    for path in ["/", "", "/x", "/v1x", "/V1", "/assets/v1", "//v1", "/openapi", "/index.html"] {
        assert!(!is_api(path), "{path}");
    }
}
