use axum::http::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::fixture::{ORIGIN, TestLog, cosigner, followed, witness_key};
use crate::witness::create_state;

fn clock() -> Option<Timestamp> {
    Timestamp::from_unix(1_795_334_400).ok()
}

struct Scene {
    _dir: tempfile::TempDir,
    router: Router,
}

/// Status, media type, body.
type Seen = (u16, String, String);

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        create_state(&dir.path().join("state"), &witness_key(1)).unwrap();
        let witness = Witness::open(&dir.path().join("state"), cosigner(1), followed()).unwrap();
        Self { _dir: dir, router: router(Arc::new(witness), clock) }
    }

    async fn send(&self, method: Method, path: &str, body: impl Into<Body>) -> Seen {
        let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let kind = response.headers().get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, kind.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
    }

    async fn add(&self, body: impl Into<Body>) -> Seen {
        self.send(Method::POST, "/add-checkpoint", body).await
    }

    async fn get(&self, path: &str) -> Seen {
        self.send(Method::GET, path, Body::empty()).await
    }
}

fn seen(status: u16, kind: &str, body: &str) -> Seen {
    (status, kind.to_owned(), body.to_owned())
}

/// The matrix of tlog-witness, each answer to the byte.
#[tokio::test]
async fn every_answer_is_exact() {
    let (log, fork) = (TestLog::new(12), TestLog::forked(12, 3));
    let scene = Scene::new();
    let (status, kind, line) = scene.add(log.body(0, 7)).await;
    assert_eq!((status, kind.as_str()), (200, TEXT));
    assert!(log.signed(7).with_cosignature(line.as_bytes(), &witness_key(1)).unwrap().is_some());
    assert!(line.starts_with("— w1.example ") && line.ends_with('\n') && line.lines().count() == 1);

    let plain = |status, text: &str| seen(status, TEXT, &format!("{text}\n"));
    assert_eq!(
        scene.add("old x\n").await,
        plain(400, "line 1 of the body: expected \"old\", a space, and a tree size in decimal")
    );
    assert_eq!(scene.add(log.body(8, 7)).await, plain(400, "the old size 8 is more than the checkpoint's size 7"));
    let elsewhere = String::from_utf8(log.body(7, 9)).unwrap().replace(ORIGIN, "other.example/log");
    assert_eq!(scene.add(elsewhere).await, plain(404, "this witness does not follow the log \"other.example/log\""));
    let unsigned = String::from_utf8(log.body(7, 9)).unwrap().replace(&format!("— {ORIGIN}"), "— other.example/log");
    let message = format!("the checkpoint is not signed by the policy's key for the log {ORIGIN:?}");
    assert_eq!(scene.add(unsigned).await, plain(403, &message));
    let eight = String::from_utf8(log.body(7, 8)).unwrap();
    let nine = String::from_utf8(log.body(7, 9)).unwrap();
    let signature = |body: &str| body.lines().last().unwrap().to_owned();
    let false_signature = nine.replace(&signature(&nine), &signature(&eight));
    assert_eq!(
        scene.add(false_signature).await,
        plain(403, &format!("the signature of the log {ORIGIN:?} on the checkpoint is false"))
    );
    assert_eq!(scene.add(log.body(3, 9)).await, seen(409, TLOG_SIZE, "7\n"));
    assert_eq!(scene.add(log.body(0, 9)).await, seen(409, TLOG_SIZE, "7\n"));
    assert_eq!(
        scene.add(fork.body(7, 7)).await,
        plain(422, "a checkpoint of size 7 with another root was cosigned before")
    );
    let unproven = "the consistency proof does not show that the tree of size 9 begins with the tree of size 7";
    assert_eq!(scene.add(fork.body(7, 9)).await, plain(422, unproven));
    let long = vec![b'x'; MAX_REQUEST_BYTES + 1];
    assert_eq!(scene.add(long).await, plain(413, "the body is longer than the 133933 bytes that are read"));
    assert_eq!(scene.get("/add-checkpoint").await.0, 405);
}

#[tokio::test]
async fn what_was_seen_is_open_to_everybody() {
    let (log, fork) = (TestLog::new(12), TestLog::forked(12, 3));
    let scene = Scene::new();
    let hash = "97a0c9b4";
    assert_eq!(
        scene.get(&format!("/{hash}/checkpoint")).await,
        seen(404, TEXT, "no checkpoint of that log was cosigned here\n")
    );
    let hash = ceknik_core::encoding::hex(&<sha2::Sha256 as sha2::Digest>::digest(ORIGIN));
    assert_eq!(scene.get(&format!("/{hash}/checkpoint")).await.0, 404);
    let (_, _, line) = scene.add(log.body(0, 7)).await;
    let note = [log.signed(7).as_bytes(), line.as_bytes()].concat();
    assert_eq!(scene.get(&format!("/{hash}/checkpoint")).await, seen(200, TEXT, std::str::from_utf8(&note).unwrap()));

    let (_, _, page) = scene.get("/").await;
    for wanted in
        [&witness_key(1).to_string(), ORIGIN, "<td>7</td>", "2026-11-22T08:00:00Z", "Saksi w1.example", "In English"]
    {
        assert!(page.contains(wanted), "{wanted}");
    }
    for tag in ["<script", "<style", "<link", "<img", "<form", "<input", " style=", " onclick=", "fork-"] {
        assert!(!page.contains(tag), "{tag}");
    }
    scene.add(fork.body(7, 7)).await;
    let (status, kind, document) = scene.get("/status").await;
    assert_eq!((status, kind.as_str()), (200, JSON));
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["witness"], witness_key(1).to_string());
    let of_log = &document["logs"][0];
    assert_eq!((of_log["size"].as_u64(), of_log["origin_hash"].as_str()), (Some(7), Some(hash.as_str())));
    let name = of_log["evidence"][0].as_str().unwrap();
    assert!(name.starts_with("fork-"));
    let (status, kind, evidence) = scene.get(&format!("/{hash}/evidence/{name}")).await;
    assert_eq!((status, kind.as_str()), (200, JSON));
    let evidence: serde_json::Value = serde_json::from_str(&evidence).unwrap();
    assert_eq!(evidence["request"].as_str().unwrap().as_bytes(), fork.body(7, 7));
    assert!(scene.get("/").await.2.contains(name));
    for elsewhere in ["x.json", "..%2F..%2Fcheckpoint", "%2e%2e"] {
        assert_eq!(scene.get(&format!("/{hash}/evidence/{elsewhere}")).await.0, 404, "{elsewhere}");
    }
}

/// Somebody who asks and asks, and reads nothing, has his place for a while and no longer.
#[tokio::test]
async fn who_reads_nothing_keeps_no_place() {
    let scene = Scene::new();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let brief = Duration::from_millis(200);
    let limits = ServeLimits { connections: 1, timeout: brief, lifetime: brief, ..ServeLimits::default() };
    let server = tokio::spawn(accept(listener, limits, scene.router.clone(), std::future::pending()));
    let mut greedy = TcpStream::connect(address).await.unwrap();
    let requests = b"GET / HTTP/1.1\r\nHost: w1.example\r\n\r\n".repeat(1000);
    // Until no more can be written, since nothing is read.
    while tokio::time::timeout(brief / 4, greedy.write_all(&requests)).await.is_ok_and(|written| written.is_ok()) {}
    let answered = async {
        loop {
            let mut other = TcpStream::connect(address).await.unwrap();
            let request = b"GET /status HTTP/1.1\r\nHost: w1.example\r\nConnection: close\r\n\r\n";
            let mut answer = Vec::new();
            let _ = other.write_all(request).await;
            let _ = other.read_to_end(&mut answer).await;
            if answer.starts_with(b"HTTP/1.1 200 ") {
                break;
            }
            tokio::time::sleep(brief / 4).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), answered).await.expect("the place became free");
    drop(greedy);
    server.abort();
}
