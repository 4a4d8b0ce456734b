//! Requests that the service refuses: what a caller is told, over real sockets.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ceknik_core::encoding::base64url;
use ceknik_core::oprf::BlindedElement;
use rand::rngs::OsRng;
use serde_json::{Value, json};

use crate::support::home::TestHome;
use crate::support::http::Response;
use crate::support::service::Ceknikd;

const EVALUATE: &str = "/v1/jakarta-2024/evaluate";
const GIGABYTE: u64 = 1 << 30;

struct Served {
    service: Ceknikd,
    _home: TestHome,
}

impl Served {
    fn new() -> Self {
        let home = TestHome::published(0..100);
        Self { service: Ceknikd::start(&home), _home: home }
    }

    fn key(&self) -> String {
        let manifest: Value = self.service.get("/v1/jakarta-2024/manifest").json();
        manifest["oprf"]["public_key"].as_str().unwrap().to_owned()
    }

    /// A good body with so many elements.
    fn body(&self, elements: usize) -> Value {
        let element = || base64url(&BlindedElement::random(&mut OsRng).to_bytes());
        let blinded: Vec<String> = (0..elements).map(|_| element()).collect();
        json!({"key": self.key(), "blinded": blinded, "alone": false})
    }

    /// The detail about a request whose element at `place` is another.
    fn refusal_of_element(&self, place: usize, element: &str) -> String {
        let mut body = self.body(4);
        body["blinded"][place] = json!(element);
        let response = self.service.post(EVALUATE, body.to_string());
        assert_eq!(response.json()["place"], place);
        let detail = response.problem(400, "invalid-element");
        assert!(element.is_empty() || !detail.contains(element), "what was sent is repeated");
        detail
    }
}

#[test]
fn element_that_is_the_identity() {
    assert_eq!(
        Served::new().refusal_of_element(2, &base64url(&[0; 32])),
        "Element 2 of `blinded`, counted from 0, is the identity element, which is refused."
    );
}

#[test]
fn element_that_is_not_canonical() {
    let served = Served::new();
    // The field's prime, which stands for zero.
    let mut prime = [0xff; 32];
    (prime[0], prime[31]) = (0xed, 0x7f);
    for bytes in [prime, [0xff; 32]] {
        assert_eq!(
            served.refusal_of_element(0, &base64url(&bytes)),
            "Element 0 of `blinded`, counted from 0, is not the canonical encoding of a ristretto255 element."
        );
    }
}

#[test]
fn element_that_is_not_base64url() {
    let served = Served::new();
    let good = base64url(&BlindedElement::random(&mut OsRng).to_bytes());
    for element in ["", "Selamat", &good[1..], &format!("{good}="), &"+".repeat(43), &"/".repeat(43)] {
        assert_eq!(
            served.refusal_of_element(3, element),
            "Element 3 of `blinded`, counted from 0, is not 32 bytes in base64url without padding."
        );
    }
}

#[test]
fn elements_that_are_0_2_3_5_or_17() {
    let served = Served::new();
    for elements in [0, 2, 3, 5, 17] {
        let response = served.service.post(EVALUATE, served.body(elements).to_string());
        assert_eq!(
            response.problem(400, "element-count"),
            format!("A request has exactly 1, 4 or 16 elements, this one {elements}. Fill up with random elements.")
        );
    }
    for elements in [1, 4, 16] {
        assert_eq!(served.service.post(EVALUATE, served.body(elements).to_string()).status, 200);
    }
}

/// Sends the head of a request and then bytes until the service has answered. Gives the answer, and how much was sent.
fn pour(service: &Ceknikd, framing: &str, piece: &[u8], most: u64) -> (Response, u64) {
    let mut stream = TcpStream::connect(service.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(30))).unwrap();
    let reader = stream.try_clone().unwrap();
    let answer = std::thread::spawn(move || Response::read(&reader).unwrap());
    let head = format!("POST {EVALUATE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{framing}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut sent = 0;
    while sent < most && !answer.is_finished() {
        // The service closes when it has had enough.
        if stream.write_all(piece).is_err() {
            break;
        }
        sent += piece.len() as u64;
    }
    (answer.join().unwrap(), sent)
}

#[test]
fn body_of_a_gigabyte() {
    const TOLD: &str = "A request body has at most 4096 bytes.";
    let served = Served::new();
    let begun = Instant::now();
    // Declared: refused before a byte of it is read.
    let (response, sent) = pour(&served.service, &format!("content-length: {GIGABYTE}"), b"", 0);
    assert_eq!((response.problem(413, "body-too-large").as_str(), sent), (TOLD, 0));
    // Declared and sent, and streamed without a length: refused after some of it.
    let piece = vec![b' '; 1 << 16];
    let chunk = [&b"10000\r\n"[..], &piece, b"\r\n"].concat();
    let declared = format!("content-length: {GIGABYTE}");
    for (framing, piece) in [(declared.as_str(), &piece), ("transfer-encoding: chunked", &chunk)] {
        let (response, sent) = pour(&served.service, framing, piece, GIGABYTE);
        assert_eq!(response.problem(413, "body-too-large"), TOLD);
        assert!(sent < 64 << 20, "{sent} bytes were taken");
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(served.service.get("/healthz").status, 200);
    let memory = std::fs::read_to_string(format!("/proc/{}/status", served.service.process_id())).unwrap();
    let peak = memory.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 200_000, "{kilobytes} kB at the peak");
}

#[test]
fn bucket_number_out_of_range() {
    let served = Served::new();
    assert_eq!(served.service.get("/v1/jakarta-2024/epochs/1/buckets/15").status, 200);
    let range = "This epoch has 16 buckets, numbered 0 to 15.";
    let form =
        "A bucket's number is written in decimal digits alone, without zeros before it; the last of this epoch is 15.";
    let out_of_range = ["16", "4294967296"].map(|index| (index, range));
    let malformed = ["99999999999999999999", "-1", "015", "x", "1.0"].map(|index| (index, form));
    for (index, told) in out_of_range.into_iter().chain(malformed) {
        let response = served.service.get(&format!("/v1/jakarta-2024/epochs/1/buckets/{index}"));
        let detail = response.problem(404, "bucket-out-of-range");
        assert_eq!(detail, told, "{index}");
    }
    let other_epoch = served.service.get("/v1/jakarta-2024/epochs/2/buckets/0").problem(404, "not-found");
    assert_eq!(other_epoch, "This epoch is not published, or its file is kept no more.");
    let other_list = served.service.get("/v1/bandung-2024/epochs/1/buckets/0").problem(404, "not-found");
    assert_eq!(other_list, "No dataset of this id is served; /v1/datasets lists those that are.");
}

#[test]
fn connection_that_sends_nonsense() {
    let served = Served::new();
    let mut stream = TcpStream::connect(served.service.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(&[0xff; 100]).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{:?}", String::from_utf8_lossy(&answer));
    assert_eq!(served.service.get("/healthz").status, 200);
}
