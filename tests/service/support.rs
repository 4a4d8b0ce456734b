//! A publication, a service on it, and what tests ask it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use ceknik_core::encoding::base64url;
use ceknik_core::oprf::BlindedElement;
use ceknikd::{Config, Peer, ServiceState};
use http_body_util::BodyExt;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::publication::{EpochPlan, Publisher};

/// The dataset of most tests.
pub(crate) const JAKARTA: &str = "jakarta-2024";

/// A directory with a publisher in it.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
    pub(crate) publisher: Publisher,
}

impl Home {
    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let publisher = Publisher::new(dir.path());
        Self { dir, publisher }
    }

    /// One dataset with one epoch.
    pub(crate) fn published() -> Self {
        let mut home = Self::empty();
        home.publisher.publish(JAKARTA, &EpochPlan::now());
        home
    }

    pub(crate) fn config(&self) -> Config {
        Config::new(self.publisher.public(), self.publisher.keys(), self.dir.path().join("state"))
    }

    pub(crate) fn open(&self) -> Service {
        self.open_with(self.config())
    }

    pub(crate) fn open_with(&self, config: Config) -> Service {
        Service::new(ServiceState::open(config).unwrap())
    }

    /// A page of these files, by their names.
    pub(crate) fn page(&self, files: &[(&str, impl AsRef<[u8]>)]) -> PathBuf {
        let dir = self.dir.path().join("page");
        for (name, bytes) in files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        dir
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// An answer, read whole.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text: String = String::from_utf8_lossy(&self.body).chars().take(300).collect();
        write!(f, "{} {text}", self.status)
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Checks that it is a problem of this type, and gives its detail.
    pub(crate) fn problem(&self, status: u16, slug: &str) -> String {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "{text}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        let document = self.json();
        assert_eq!(document["type"], format!("/problems/{slug}"), "{text}");
        assert_eq!(document["status"], status);
        assert!(!document["title"].as_str().unwrap().is_empty());
        document["detail"].as_str().unwrap().to_owned()
    }
}

/// A service without sockets.
pub(crate) struct Service {
    pub(crate) state: ServiceState,
    router: Router,
}

impl Service {
    pub(crate) fn new(state: ServiceState) -> Self {
        Self { router: ceknikd::router(state.clone()), state }
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.call(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[]).await
    }

    pub(crate) async fn evaluate(&self, dataset: &str, body: impl Into<Body>) -> Answer {
        self.evaluate_from(dataset, body, "192.0.2.1", &[]).await
    }

    pub(crate) async fn evaluate_from(
        &self,
        dataset: &str,
        body: impl Into<Body>,
        peer: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::post(format!("/v1/{dataset}/evaluate"))
            .header("content-type", "application/json")
            .extension(Peer(peer.parse().unwrap()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.call(request.body(body.into()).unwrap()).await
    }

    /// Waits until a path is answered as wanted.
    pub(crate) async fn wait_until(&self, path: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
        let begun = Instant::now();
        loop {
            let answer = self.get(path).await;
            if wanted(&answer) {
                return answer;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{path}: {answer:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the epoch of a dataset is served.
    pub(crate) async fn wait_for_epoch(&self, dataset: &str, epoch: u64) {
        let current = format!("/v1/{dataset}/manifest");
        self.wait_until(&current, |answer| answer.status == 200 && answer.json()["epoch"] == epoch).await;
    }
}

/// Random elements, different ones for each seed.
pub(crate) fn elements(count: usize, seed: u64) -> Vec<BlindedElement> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    (0..count).map(|_| BlindedElement::random(&mut rng)).collect()
}

/// A request's body.
pub(crate) fn body(key: &[u8; 32], elements: &[BlindedElement]) -> String {
    let blinded: Vec<String> = elements.iter().map(|element| base64url(&element.to_bytes())).collect();
    json!({"key": base64url(key), "blinded": blinded, "alone": false}).to_string()
}

/// A good body for the publisher's present key.
pub(crate) fn good_body(publisher: &Publisher, count: usize) -> String {
    body(&publisher.key(JAKARTA).public_key().to_bytes(), &elements(count, 5))
}
