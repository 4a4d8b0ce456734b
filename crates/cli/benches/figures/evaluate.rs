//! Evaluations over HTTP: callers who share proofs against a proof for every request, by the same service on the same machine.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use ceknik_core::encoding::{base64url, from_base64url};
use ceknik_core::manifest::Manifest;
use ceknik_core::oprf::{BlindedElement, EvaluatedElement, OprfPublicKey, Proof, SERVER_BATCH_MOST, verify_batch};
use ceknikd::Config;
use rand::rngs::OsRng;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::measure::{figure, interleaved, micros};
use crate::press::{DATASET, Press};

const CONNECTIONS: usize = 64;
/// Of either service in turn.
const ROUNDS: usize = 4;
const ROUND: Duration = Duration::from_secs(5);

pub(crate) fn run() {
    let press = Press::new(20_000, true);
    press.import(&press.sample(2_000));
    press.publish();
    let manifest = std::fs::read(press.path("public/datasets").join(DATASET).join("epochs/1/manifest")).unwrap();
    let key = Manifest::parse(&manifest).unwrap().oprf.public_key;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let serve = |shared| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let state = press.path(&format!("state-{shared}"));
        let mut config = Config::new(press.path("public"), press.path("keys/oprf"), state);
        config.metrics_listen = None;
        config.shared_proof = shared;
        config.threads = std::thread::available_parallelism().ok().or(NonZeroUsize::new(1));
        // The limits are not what is measured.
        (config.network.burst, config.network.per_hour, config.network.share_percent) = (u32::MAX, u32::MAX, 100.0);
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            ceknikd::run(listener, config, std::future::pending()).await.unwrap();
        });
        // Until the list is served.
        while answer(&mut connect(address), &request(&key)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        address
    };
    let (shared, single) = (serve(SERVER_BATCH_MOST), serve(1));

    let mut done = [0; 2];
    for _ in 0..ROUNDS {
        for (done, address) in done.iter_mut().zip([shared, single]) {
            *done += load(address, &key);
        }
    }
    let rate = |done: usize| done as f64 / (ROUND * ROUNDS as u32).as_secs_f64();
    println!(
        "{CONNECTIONS} connections, one element a request: {:.0} a second with shared proofs, {:.0} with a proof each",
        rate(done[0]),
        rate(done[1])
    );
    figure("evaluate-shared", format!("{:.2}", rate(done[0]) / rate(done[1])), "x-unshared", ">=3.00");
    // What a peer that proves nothing answers on such a machine (brave/star-randsrv).
    figure("evaluate-rate", format!("{:.0}", rate(done[0])), "a-second", ">16100");

    let lone = |address| {
        let (mut connection, request) = (connect(address), request(&key));
        Box::new(move || drop(answer(&mut connection, &request).unwrap())) as Box<dyn FnMut()>
    };
    let [shared, single] = interleaved(2_000, 1, [lone(shared), lone(single)]);
    println!("a lone request: {} µs where proofs are shared, {} µs where not", micros(shared), micros(single));
    figure("evaluate-lone", format!("{:.2}", shared.as_secs_f64() / single.as_secs_f64()), "x-unshared", "<=1.10");
}

fn connect(address: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(address).unwrap();
    connection.set_nodelay(true).unwrap();
    connection
}

/// A request with one element of its own.
fn request(key: &OprfPublicKey) -> Vec<u8> {
    let element = base64url(&BlindedElement::random(&mut OsRng).to_bytes());
    let body = format!("{{\"key\":\"{}\",\"blinded\":[\"{element}\"],\"alone\":false}}", base64url(&key.to_bytes()));
    format!(
        "POST /v1/{DATASET}/evaluate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Where an answer ends that has come whole, and where its body begins.
fn whole(received: &[u8]) -> Option<(usize, usize)> {
    let head = received.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&received[..head]).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    let end = head + length.parse::<usize>().unwrap();
    (received.len() >= end).then_some((head, end))
}

/// The body of a success.
fn answer(connection: &mut TcpStream, request: &[u8]) -> Result<Vec<u8>, String> {
    connection.write_all(request).unwrap();
    let (mut received, mut piece) = (Vec::new(), [0u8; 4096]);
    let (head, end) = loop {
        let count = connection.read(&mut piece).map_err(|error| error.to_string())?;
        received.extend_from_slice(&piece[..count]);
        match whole(&received) {
            Some(places) => break places,
            None if count == 0 => return Err("closed".to_owned()),
            None => {}
        }
    };
    if received.starts_with(b"HTTP/1.1 200 ") { Ok(received[head..end].to_vec()) } else { Err("refused".to_owned()) }
}

/// How many requests were answered in a round, by all connections. The last answer of each is verified.
fn load(address: SocketAddr, key: &OprfPublicKey) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let until = Instant::now() + ROUND;
        let callers: Vec<_> = (0..CONNECTIONS).map(|_| tokio::spawn(ask_until(until, address, request(key)))).collect();
        let mut done = 0;
        for caller in callers {
            let (answered, last) = caller.await.unwrap();
            verify(key, &last);
            done += answered;
        }
        done
    })
}

async fn ask_until(until: Instant, address: SocketAddr, request: Vec<u8>) -> (usize, Vec<u8>) {
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.set_nodelay(true).unwrap();
    let (mut done, mut last, mut received) = (0, Vec::new(), Vec::with_capacity(4096));
    while Instant::now() < until {
        connection.write_all(&request).await.unwrap();
        received.clear();
        let (head, end) = loop {
            assert_ne!(connection.read_buf(&mut received).await.unwrap(), 0, "closed by the service");
            if let Some(places) = whole(&received) {
                break places;
            }
        };
        assert!(received.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&received));
        last = received[head..end].to_vec();
        done += 1;
    }
    (done, last)
}

fn verify(key: &OprfPublicKey, body: &[u8]) {
    let answer: Value = serde_json::from_slice(body).unwrap();
    let bytes = |text: &Value| from_base64url::<32>(text.as_str().unwrap()).unwrap();
    let pair = |pair: &Value| {
        let evaluated = EvaluatedElement::from_bytes(&bytes(&pair["evaluated"])).unwrap();
        (BlindedElement::from_bytes(&bytes(&pair["blinded"])).unwrap(), evaluated)
    };
    let pairs = answer["batch"].as_array().unwrap().iter().map(pair).collect();
    let proof = Proof::from_bytes(&from_base64url(answer["proof"].as_str().unwrap()).unwrap()).unwrap();
    verify_batch(key, pairs, &proof).unwrap();
}
