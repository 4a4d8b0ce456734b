//! Each route: what it answers, with which headers.

use std::fs;
use std::time::SystemTime;

use axum::body::Body;
use axum::http::Request;
use ceknik_core::encoding::hex;
use ceknik_core::filter::FilterShard;
use ceknik_core::log::{Policy, TlogProof};
use ceknik_core::manifest::UnverifiedManifest;
use ceknikd::Config;
use http_body_util::BodyExt;
use tower::ServiceExt;

use crate::publication::EpochPlan;
use crate::support::{Answer, Home, JAKARTA, Service, good_body};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const IMMUTABLE_AS_IS: &str = "public, max-age=31536000, immutable, no-transform";
const SHORT: &str = "public, max-age=30, no-transform";

fn assert_security_headers(answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert!(answer.header("permissions-policy").contains("geolocation=()"));
    assert_eq!(answer.header("server"), "");
}

/// Checks a document: body, type, cache, tag, 304, HEAD, CORS.
async fn assert_document(service: &Service, path: &str, body: &[u8], media_type: &str, cache: &str) {
    let answer = service.get(path).await;
    assert_eq!(answer.status, 200, "{path}");
    assert!(answer.body == body, "{path}");
    assert_eq!(answer.header("content-type"), media_type, "{path}");
    assert_eq!(answer.header("cache-control"), cache, "{path}");
    assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
    assert_eq!(answer.header("access-control-expose-headers"), "etag, retry-after", "{path}");
    assert_security_headers(&answer);
    let tag = answer.header("etag").to_owned();
    assert!(tag.len() == 66 && tag.starts_with('"'), "{path}: {tag}");

    let head = service.ask("HEAD", path, &[]).await;
    assert_eq!(head.status, 200, "{path}");
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), body.len().to_string(), "{path}");

    let known = service.ask("GET", path, &[("if-none-match", &tag)]).await;
    assert_eq!(known.status, 304, "{path}");
    assert!(known.body.is_empty());
    assert_eq!((known.header("etag"), known.header("cache-control")), (&*tag, cache), "{path}");
    assert_eq!(known.header("access-control-allow-origin"), "*", "{path}");
    let other = service.ask("GET", path, &[("if-none-match", "\"other\"")]).await;
    assert_eq!(other.status, 200, "{path}");
}

#[tokio::test]
async fn documents_are_served_byte_for_byte() {
    let mut home = Home::published();
    home.publisher
        .publish(JAKARTA, &EpochPlan { published_at: EpochPlan::now().published_at + 60, ..EpochPlan::now() });
    let service = home.open();
    let file = |epoch, name| fs::read(home.publisher.epoch_dir(JAKARTA, epoch).join(name)).unwrap();
    let public = home.publisher.public();
    let json = "application/json";
    let text = "text/plain; charset=utf-8";
    assert_document(&service, "/v1/jakarta-2024/manifest", &file(2, "manifest"), json, SHORT).await;
    for epoch in [1, 2] {
        let path = format!("/v1/jakarta-2024/epochs/{epoch}/manifest");
        assert_document(&service, &path, &file(epoch, "manifest"), json, IMMUTABLE_AS_IS).await;
        let path = format!("/v1/jakarta-2024/epochs/{epoch}/proof");
        assert_document(&service, &path, &file(epoch, "proof"), text, SHORT).await;
    }
    assert_document(&service, "/v1/policy", &fs::read(public.join("policy")).unwrap(), text, SHORT).await;
    assert_document(&service, "/log/checkpoint", &fs::read(public.join("log/checkpoint")).unwrap(), text, SHORT).await;
    let openapi = service.get("/openapi.json").await;
    assert_document(&service, "/openapi.json", &openapi.body, json, SHORT).await;
    let page = include_bytes!("../../src/routes/front.html");
    assert_document(&service, "/", page, "text/html; charset=utf-8", SHORT).await;
    let datasets = service.get("/v1/datasets").await;
    assert_document(&service, "/v1/datasets", &datasets.body, json, SHORT).await;
    let manifest = home.publisher.manifest(JAKARTA);
    assert_eq!(
        datasets.json(),
        serde_json::json!({"datasets": [{
            "id": JAKARTA,
            "title": {"id": manifest.title.id, "en": manifest.title.en},
            "epoch": 2,
            "manifest": hex(&ceknik_core::manifest::manifest_sha256(&file(2, "manifest"))),
            "valid_until": manifest.valid_until.to_string(),
        }]})
    );
}

#[tokio::test]
async fn the_status_has_epochs_and_a_word_for_the_load() {
    let mut home = Home::empty();
    let plan = EpochPlan { evaluations_per_day: 40_000, ..EpochPlan::now() };
    home.publisher.publish(JAKARTA, &plan);
    home.publisher.publish("other", &EpochPlan { evaluations_per_day: 32_000, ..EpochPlan::now() });
    home.publisher.publish("other", &EpochPlan { published_at: plan.published_at + 60, ..plan.clone() });
    let status = |load: &str| {
        let of = |id, epoch, load: &str| {
            let valid_until = home.publisher.manifest(id).valid_until.to_string();
            serde_json::json!({"id": id, "epoch": epoch, "valid_until": valid_until, "load": load})
        };
        serde_json::json!({"datasets": [of(JAKARTA, 1, load), of("other", 2, "calm")]})
    };
    let service = home.open();
    let answer = service.get("/v1/status").await;
    assert_eq!(answer.json(), status("calm"));
    assert_document(&service, "/v1/status", &answer.body, "application/json", SHORT).await;

    // A fifth is left of the 20,000 that can be had at once.
    let config = Config { state: home.path().join("state-2"), ..home.config() };
    let budgets = config.state.join("budget");
    fs::create_dir_all(&budgets).unwrap();
    let at = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let left = format!(r#"{{"version":1,"dataset":"{JAKARTA}","elements":4000.0,"at":{at}}}"#);
    fs::write(budgets.join(format!("{JAKARTA}.json")), left).unwrap();
    let service = home.open_with(config);
    assert_eq!(service.get("/v1/status").await.json(), status("busy"));
    // Whoever asks by himself does not see it move.
    for _ in 0..5 {
        assert_eq!(service.evaluate(JAKARTA, good_body(&home.publisher, 16)).await.status, 200);
        assert_eq!(service.get("/v1/status").await.json(), status("busy"));
    }
}

/// What is served verifies, taken for itself.
#[tokio::test]
async fn everything_served_verifies_itself() {
    let home = Home::published();
    let service = home.open();
    let policy = Policy::parse(&service.get("/v1/policy").await.body).unwrap();
    let manifest = UnverifiedManifest::parse(service.get("/v1/jakarta-2024/manifest").await.body).unwrap();
    let proof = TlogProof::parse(&service.get("/v1/jakarta-2024/epochs/1/proof").await.body).unwrap();
    let manifest = manifest.verify(&policy, &proof).unwrap();
    let manifest = manifest.manifest();
    let mut records = 0;
    for index in 0..manifest.buckets.geometry.count() {
        let answer = service.get(&format!("/v1/jakarta-2024/epochs/1/buckets/{index}")).await;
        records += manifest.buckets.geometry.open_response(index, &manifest.buckets.root, &answer.body).unwrap().len();
    }
    assert_eq!(records as u64, manifest.records);
    let filter = manifest.filter.as_ref().unwrap();
    for (shard, digest) in (0..).zip(&filter.shards) {
        let answer = service.get(&format!("/v1/jakarta-2024/filter/{}", hex(&digest.sha256))).await;
        FilterShard::open(&filter.geometry, shard, digest, answer.body).unwrap();
    }
}

#[tokio::test]
async fn buckets_have_one_length_and_are_never_compressed_cut_or_spared() {
    let mut home = Home::published();
    home.publisher
        .publish(JAKARTA, &EpochPlan { published_at: EpochPlan::now().published_at + 60, ..EpochPlan::now() });
    let service = home.open();
    let response_bytes = home.publisher.manifest(JAKARTA).buckets.geometry.response_bytes();
    for epoch in [1, 2] {
        let file = fs::read(home.publisher.epoch_dir(JAKARTA, epoch).join("buckets")).unwrap();
        for (index, response) in file.chunks(response_bytes as usize).enumerate() {
            let path = format!("/v1/jakarta-2024/epochs/{epoch}/buckets/{index}");
            let headers = [("accept-encoding", "gzip, br"), ("range", "bytes=0-9"), ("if-none-match", "*")];
            let answer = service.ask("GET", &path, &headers).await;
            assert_eq!(answer.status, 200);
            assert!(answer.body == response);
            assert_eq!(answer.header("content-type"), "application/octet-stream");
            assert_eq!(answer.header("cache-control"), IMMUTABLE_AS_IS);
            assert_eq!(answer.header("accept-ranges"), "none");
            for absent in ["content-encoding", "etag", "content-range", "vary", "last-modified"] {
                assert!(!answer.headers.contains_key(absent), "{absent}");
            }
            assert_eq!(answer.header("access-control-allow-origin"), "*");
            assert_security_headers(&answer);
            let head = service.ask("HEAD", &path, &[]).await;
            assert_eq!(head.header("content-length"), response_bytes.to_string());
        }
    }
}

/// However slowly a long response is read, it is not held whole meanwhile, be its epoch the current one or not.
#[tokio::test]
async fn long_buckets_are_sent_piece_by_piece() {
    let mut home = Home::empty();
    let plan =
        EpochPlan { records: 2400, members: 2400, population: 40_000, bits: 0, filter: false, ..EpochPlan::now() };
    home.publisher.publish(JAKARTA, &plan);
    home.publisher.publish(JAKARTA, &EpochPlan { published_at: plan.published_at + 60, ..plan });
    let service = home.open();
    for epoch in [1, 2] {
        let file = fs::read(home.publisher.epoch_dir(JAKARTA, epoch).join("buckets")).unwrap();
        assert!(file.len() > 256 * 1024);
        let path = format!("/v1/jakarta-2024/epochs/{epoch}/buckets/0");
        let request = Request::get(&path).body(Body::empty()).unwrap();
        let mut body = ceknikd::router(service.state.clone()).oneshot(request).await.unwrap().into_body();
        let mut received = Vec::new();
        while let Some(frame) = body.frame().await {
            let piece = frame.unwrap().into_data().unwrap();
            assert!(piece.len() <= 64 * 1024, "{epoch}: {}", piece.len());
            received.extend(piece);
        }
        assert!(received == file, "{epoch}");
    }
}

#[tokio::test]
async fn bucket_number_out_of_range() {
    let service = Home::published().open();
    let range = "This epoch has 8 buckets, numbered 0 to 7.";
    let form =
        "A bucket's number is written in decimal digits alone, without zeros before it; the last of this epoch is 7.";
    let out_of_range = ["8", "16777216", "4294967296"].map(|index| (index, range));
    let malformed =
        ["99999999999999999999999", "-1", "+1", "01", "1.0", "x", "0x1", "%31%20"].map(|index| (index, form));
    for (index, told) in out_of_range.into_iter().chain(malformed) {
        let answer = service.get(&format!("/v1/jakarta-2024/epochs/1/buckets/{index}")).await;
        assert_eq!(answer.problem(404, "bucket-out-of-range"), told, "{index}");
    }
    assert_eq!(service.get("/v1/jakarta-2024/epochs/1/buckets/7").await.status, 200);
}

#[tokio::test]
async fn filters_are_served_plain_and_compressed() {
    let home = Home::published();
    let service = home.open();
    let sha256 = hex(&home.publisher.manifest(JAKARTA).filter.as_ref().unwrap().shards[0].sha256);
    let file = fs::read(home.publisher.dataset_dir(JAKARTA).join("filter").join(&sha256)).unwrap();
    let path = format!("/v1/jakarta-2024/filter/{sha256}");
    let plain = service.get(&path).await;
    assert!(plain.status == 200 && plain.body == file);
    assert_eq!(plain.header("cache-control"), IMMUTABLE);
    assert_eq!(plain.header("content-type"), "application/octet-stream");
    assert_eq!(plain.header("etag"), format!("\"{sha256}\""));
    assert_eq!(plain.header("vary"), "accept-encoding");
    assert!(!plain.headers.contains_key("content-encoding"));

    let packed = service.ask("GET", &path, &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(packed.header("etag"), format!("\"{sha256}-gzip\""));
    assert_eq!(packed.header("vary"), "accept-encoding");
    assert!(packed.body.len() * 16 < file.len() * 15);
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut unpacked).unwrap();
    assert!(unpacked == file);

    for (tag, coding, status) in [("", "", 304), ("-gzip", "gzip", 304), ("-gzip", "", 200), ("", "gzip", 200)] {
        let tag = format!("\"{sha256}{tag}\"");
        let answer = service.ask("GET", &path, &[("if-none-match", &tag), ("accept-encoding", coding)]).await;
        assert_eq!(answer.status, status);
    }
    let head = service.ask("HEAD", &path, &[]).await;
    assert_eq!((head.status.as_u16(), head.header("content-length")), (200, &*file.len().to_string()));

    let other = hex(&[7; 32]);
    for wrong in [&*other, "", "x", &sha256.to_uppercase(), &sha256[1..]] {
        service.get(&format!("/v1/jakarta-2024/filter/{wrong}")).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn log_files_are_served_by_their_one_path() {
    let home = Home::published();
    let service = home.open();
    let log = home.publisher.public().join("log");
    for path in ["tile/0/000.p/1", "tile/entries/000.p/1"] {
        let answer = service.get(&format!("/log/{path}")).await;
        assert!(answer.status == 200 && answer.body == fs::read(log.join(path)).unwrap());
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("cache-control"), IMMUTABLE);
    }
    // A secret beside the public directory, and spellings of paths that some servers follow.
    fs::write(home.path().join("secret"), "secret").unwrap();
    fs::write(log.join("tile/0/secret"), "secret").unwrap();
    for path in [
        "0/001",
        "0/000",
        "0/0",
        "0/00",
        "00/000.p/1",
        "0/000.p/01",
        "0/000.p/0",
        "0/x000/000.p/1",
        "0/secret",
        "../../secret",
        "%2e%2e/%2e%2e/secret",
        "..%2f..%2fsecret",
        "0/../0/000.p/1",
        "0//000.p/1",
        "0/000.p/1/",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "0/000.p/1%00",
        "%ff",
        "63/000",
        "entries/..%2f000.p/1",
    ] {
        let answer = service.get(&format!("/log/tile/{path}")).await;
        answer.problem(404, "not-found");
        assert!(!answer.body.windows(6).any(|window| window == b"secret"), "{path}");
    }
    // Where nothing was logged there is no checkpoint either.
    Home::empty().open().get("/log/checkpoint").await.problem(404, "not-found");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let service = Home::published().open();
    for path in [
        "/index.html",
        "/v1",
        "/v1/",
        "/v1/datasets/",
        "/v2/datasets",
        "/v1/other/manifest",
        "/v1/JAKARTA/manifest",
        "/v1/%ff/manifest",
        "/v1/..%2f..%2fkeys/manifest",
        "/v1/jakarta-2024/epochs/0/manifest",
        "/v1/jakarta-2024/epochs/2/manifest",
        "/v1/jakarta-2024/epochs/01/manifest",
        "/v1/jakarta-2024/epochs/x/manifest",
        "/v1/jakarta-2024/epochs/2/proof",
        "/v1/jakarta-2024/epochs/2/buckets/0",
        "/v1/jakarta-2024/epochs/1/",
        "/metrics",
        "/problems/not-found",
    ] {
        let answer = service.get(path).await;
        answer.problem(404, "not-found");
        assert_security_headers(&answer);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
    }
    service.evaluate("other", "{}").await.problem(404, "not-found");
}

#[tokio::test]
async fn other_methods_are_refused_with_what_is_allowed() {
    let service = Home::published().open();
    let get =
        ["/v1/datasets", "/v1/policy", "/v1/jakarta-2024/manifest", "/v1/jakarta-2024/epochs/1/buckets/0", "/healthz"];
    for path in get {
        for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "PROPFIND"] {
            let answer = service.ask(method, path, &[]).await;
            answer.problem(405, "method-not-allowed");
            assert_eq!(answer.header("allow"), "GET,HEAD", "{method} {path}");
        }
    }
    for method in ["GET", "HEAD", "PUT", "OPTIONS"] {
        let answer = service.ask(method, "/v1/jakarta-2024/evaluate", &[]).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "POST"), "{method}");
    }
}

#[tokio::test]
async fn browsers_may_ask_from_everywhere() {
    let service = Home::published().open();
    let asks = |method| [("origin", "https://page.example"), ("access-control-request-method", method)];
    let answer = service.ask("OPTIONS", "/v1/jakarta-2024/evaluate", &asks("POST")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert_eq!(answer.header("access-control-allow-methods"), "POST");
    assert_eq!(answer.header("access-control-allow-headers"), "content-type");
    assert_eq!(answer.header("access-control-max-age"), "7200");
    let answer = service.ask("OPTIONS", "/v1/jakarta-2024/manifest", &asks("GET")).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-methods")), (204, "GET, HEAD"));
    assert_eq!(answer.header("access-control-allow-headers"), "if-none-match");
    service.ask("OPTIONS", "/nowhere", &asks("GET")).await.problem(404, "not-found");
}

#[tokio::test]
async fn evaluation_can_be_kept_to_some_origins() {
    let home = Home::published();
    let mut config = home.config();
    config.origins = ceknikd::Origins::These(vec!["https://cek.example.org".parse().unwrap()]);
    config.hsts_seconds = Some(31_536_000);
    let service = home.open_with(config);
    for (origin, allowed) in
        [("https://cek.example.org", "https://cek.example.org"), ("https://other.example", ""), ("null", "")]
    {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        let preflight = service.ask("OPTIONS", "/v1/jakarta-2024/evaluate", &headers).await;
        assert_eq!(preflight.header("access-control-allow-origin"), allowed);
        assert_eq!(preflight.header("vary"), "origin");
        let body = good_body(&home.publisher, 1);
        let answer = service.evaluate_from(JAKARTA, body, "192.0.2.1", &[("origin", origin)]).await;
        assert_eq!((answer.header("access-control-allow-origin"), answer.header("vary")), (allowed, "origin"));
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
        // What is static stays open.
        let manifest = service.ask("GET", "/v1/jakarta-2024/manifest", &[("origin", origin)]).await;
        assert_eq!(manifest.header("access-control-allow-origin"), "*");
    }
}

#[tokio::test]
async fn health_is_life_and_readiness_is_an_epoch_of_everything() {
    let mut home = Home::empty();
    let service = home.open();
    assert_eq!(service.get("/healthz").await.json()["status"], "ok");
    let answer = service.get("/readyz").await;
    answer.problem(503, "not-ready");
    assert!((1..=5).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
    assert_eq!(service.get("/v1/datasets").await.json(), serde_json::json!({"datasets": []}));
    home.publisher.publish(JAKARTA, &EpochPlan::now());
    service.wait_for_epoch(JAKARTA, 1).await;
    let answer = service.get("/readyz").await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (200, "no-store"));
}
