//! The description of the service against what it answers.

use axum::body::Body;
use axum::http::Request;
use ceknik_core::encoding::hex;
use ceknikd::Peer;
use serde_json::Value;

use crate::support::{Answer, Home, JAKARTA, Service, good_body};

async fn ask(service: &Service, method: &str, path: &str, body: String) -> Answer {
    let request = Request::builder()
        .method(&*method.to_uppercase())
        .uri(path)
        .header("content-type", "application/json")
        .extension(Peer("192.0.2.1".parse().unwrap()));
    service.call(request.body(Body::from(body)).unwrap()).await
}

/// Checks an answer against what is described: status, media type, headers, members of JSON objects.
fn assert_described(operation: &Value, document: &Value, answer: &Answer, what: &str) {
    let status = answer.status.as_str();
    let described = &operation["responses"][status];
    assert!(described.is_object(), "{what}: {status} is not described");
    let media_type = answer.header("content-type");
    let content = &described["content"][media_type];
    assert!(content.is_object(), "{what}: {status} is not described as {media_type}");
    for name in described["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
        let optional = name == "Content-Encoding";
        assert!(optional || answer.headers.contains_key(name.to_lowercase()), "{what}: {name} is missing");
    }
    let mut schema = &content["schema"];
    if let Some(reference) = schema["$ref"].as_str() {
        schema = document.pointer(reference.strip_prefix('#').unwrap()).unwrap();
    }
    if let (Some(properties), true) = (schema["properties"].as_object(), media_type.ends_with("json")) {
        let body = answer.json();
        let members = body.as_object().unwrap();
        for member in members.keys() {
            assert!(properties.contains_key(member), "{what}: member {member} is not described");
        }
        for required in schema["required"].as_array().unwrap() {
            assert!(members.contains_key(required.as_str().unwrap()), "{what}: member {required} is missing");
        }
    }
}

#[tokio::test]
async fn answers_are_as_described() {
    let home = Home::published();
    let service = home.open();
    let document = service.get("/openapi.json").await.json();
    let shard = hex(&home.publisher.manifest(JAKARTA).filter.as_ref().unwrap().shards[0].sha256);
    let good = [("dataset", JAKARTA), ("epoch", "1"), ("index", "7"), ("sha256", &shard), ("path", "0/000.p/1")];
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            let what = format!("{method} {path}");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let fill = |wrong: &str| {
                good.iter().fold(path.clone(), |path, (name, value)| {
                    path.replace(&format!("{{{name}}}"), if *name == wrong { "0099" } else { value })
                })
            };
            let answer = ask(&service, method, &fill(""), good_body(&home.publisher, 4)).await;
            assert_eq!(answer.status, 200, "{what}");
            assert_described(operation, &document, &answer, &what);
            if method == "get" {
                let tag = answer.header("etag");
                if operation["responses"]["304"].is_object() {
                    assert_eq!(service.ask("GET", &fill(""), &[("if-none-match", tag)]).await.status, 304, "{what}");
                } else {
                    assert_eq!(tag, "", "{what}");
                }
            }
            // One wrong part of the path at a time.
            assert_eq!(parameters.len(), path.matches('{').count(), "{what}");
            for parameter in &parameters {
                let name = parameter["name"].as_str().unwrap();
                let answer = ask(&service, method, &fill(name), good_body(&home.publisher, 4)).await;
                assert_eq!(answer.status, 404, "{what}: {name}");
                assert_described(operation, &document, &answer, &what);
            }
            if method == "post" {
                for body in [good_body(&home.publisher, 3), "[]".to_owned(), "x".repeat(5000)] {
                    let answer = ask(&service, method, &fill(""), body).await;
                    assert_described(operation, &document, &answer, &what);
                }
            }
        }
    }
    assert_eq!(operations, 15);
}
