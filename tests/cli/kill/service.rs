//! The service, killed while it writes its budget down: a restart gives no fresh one.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use ceknik_core::encoding::base64url;
use ceknik_core::oprf::{Blind, OprfInput, blind};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

use super::import::{DEFINITION, plain_list};
use super::support::home::{DATASET, TestHome};
use super::support::http::Request;
use super::support::service::ceknikd;

const ELEMENTS: u64 = 16;
const EVALUATIONS_PER_DAY: u64 = 4000;
/// What is taken out of the file at once, at most: a 64th of what there is at the start.
const LEASE: u64 = 32;
/// A budget starts with what half a day gives.
const AT_START: u64 = EVALUATIONS_PER_DAY / 2;
/// Least kills that must hit the service while the new file is beside the old one, and most lives that this may take.
const WHILE_WRITING: u32 = 2;
const MOST_LIVES: u32 = 25;

fn start(home: &TestHome, state: &Path) -> (Child, SocketAddr) {
    let mut command = ceknikd(&home.public(), &home.oprf_keys(), state);
    command.args(["--network-share", "100"]).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let serving = loop {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if line["message"] == "serving" {
            break line["listen"].as_str().unwrap().parse().unwrap();
        }
    };
    thread::spawn(move || lines.for_each(drop));
    (child, serving)
}

fn evaluate(address: SocketAddr) -> Request {
    let manifest = Request::get(&format!("/v1/{DATASET}/manifest")).send(address).unwrap().json();
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let element = |place: u64| {
        let blinded = blind(&OprfInput::from_bytes([place as u8; 32]), &Blind::random(&mut rng)).unwrap();
        base64url(&blinded.to_bytes())
    };
    let blinded: Vec<String> = (0..ELEMENTS).map(element).collect();
    let body = json!({ "key": manifest["oprf"]["public_key"], "blinded": blinded, "alone": false });
    Request::post(&format!("/v1/{DATASET}/evaluate"), body.to_string())
}

#[test]
fn a_service_killed_over_its_budget_has_no_fresh_one() {
    let home = TestHome::new();
    let budget = format!("evaluations_per_day = {EVALUATIONS_PER_DAY}\npopulation");
    home.create_dataset(&DEFINITION.replacen("population", &budget, 1));
    home.import(plain_list(0..20));
    home.publish();
    let state = tempfile::tempdir().unwrap();
    let unfinished = state.path().join(format!("budget/{DATASET}.json.new"));
    let begun = Instant::now();
    let given = AtomicU64::new(0);
    let (mut lives, mut while_writing) = (0, 0);
    while while_writing < WHILE_WRITING {
        lives += 1;
        assert!(lives <= MOST_LIVES, "{while_writing} kills hit it while it wrote");
        let (mut child, address) = start(&home, state.path());
        let request = evaluate(address);
        thread::scope(|scope| {
            let asker = scope.spawn(|| {
                // Until it is dead, or has nothing left.
                while request.send(address).is_ok_and(|response| response.status == 200) {
                    given.fetch_add(ELEMENTS, Ordering::SeqCst);
                }
            });
            // One left by the kill before is there until the first write.
            let old = unfinished.exists();
            while !asker.is_finished() && unfinished.exists() == old {
                std::hint::spin_loop();
            }
            child.kill().unwrap();
            child.wait().unwrap();
        });
        while_writing += u32::from(unfinished.exists());
    }
    // What is left is given, and no more than that.
    let (mut child, address) = start(&home, state.path());
    let request = evaluate(address);
    while request.send(address).unwrap().status == 200 {
        given.fetch_add(ELEMENTS, Ordering::SeqCst);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let given = given.into_inner();
    let came_in = begun.elapsed().as_secs() * EVALUATIONS_PER_DAY / 86_400 + 1;
    assert!(given <= AT_START + came_in, "{given}");
    // A kill takes a lease with it, and the answer that was under way; no more.
    assert!(given + (LEASE + ELEMENTS) * u64::from(lives + 1) > AT_START, "{given} in {lives} lives");
    let text = format!("ceknikd: {while_writing} of {lives} kills landed while it wrote its budget down\n");
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}
