//! A witness that is killed at any moment while an honest log and a forked one, both signed by the same key, ask it for
//! cosignatures: none that left it is forgotten, and none contradicts another.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use ceknik_core::encoding::hex;
use ceknik_core::log::{Policy, SignedCheckpoint};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};

use crate::log::{ORIGIN, TestLog, signer};
use crate::support::http::Request;
use crate::support::witness::TestWitness;

const KILLS: u32 = 100;
const SIZE: u64 = 3000;
/// Where the second history parts from the first.
const FORKED_AT: u64 = 1;
/// Longest time between the first request to a process and its death: some cosignatures.
const LONGEST_LIFE: Duration = Duration::from_millis(150);

/// A cosignature that somebody received.
#[derive(Clone, Debug)]
struct Received {
    history: usize,
    size: u64,
    line: Vec<u8>,
}

struct Scene {
    histories: [TestLog; 2],
    received: Mutex<Vec<Received>>,
    /// Requests on their way.
    open: AtomicU32,
}

impl Scene {
    /// Asks for one tree after another of one history, up to a size and then for that again, until nobody answers.
    fn ask(&self, witness: std::net::SocketAddr, history: usize, most: u64, over: &AtomicBool) {
        let log = &self.histories[history];
        let mut old = 0;
        while !over.load(Ordering::SeqCst) {
            // By steps of different width, so that the two meet at the same sizes and pass each other.
            let size = if history == 0 { old + 1 } else { old + 2 }.min(most);
            self.open.fetch_add(1, Ordering::SeqCst);
            let answer = Request::post("/add-checkpoint", log.body(old, size)).send(witness);
            let Ok(answer) = answer else {
                // Left as open, since it was cut off: counted by whoever kills.
                return;
            };
            self.open.fetch_sub(1, Ordering::SeqCst);
            match (answer.status, answer.body.strip_suffix(b"\n")) {
                (200, Some(_)) => {
                    self.received.lock().unwrap().push(Received { history, size, line: answer.body });
                    old = size;
                }
                (409, Some(size)) => old = std::str::from_utf8(size).unwrap().parse().unwrap(),
                (422, Some(_)) => thread::sleep(Duration::from_millis(1)),
                // Cut off within the answer.
                (200 | 409 | 422, None) => return,
                other => panic!("{other:?}"),
            }
        }
    }

    /// All that was received is of one history, and states later times for larger trees. Gives the largest size.
    fn check(&self, witness: &TestWitness) -> Option<(usize, u64)> {
        let received = self.received.lock().unwrap().clone();
        let policy = format!("log {}\nwitness w {}\nquorum w\n", signer().verifier_key(), witness.key);
        let policy = Policy::parse(policy.as_bytes()).unwrap();
        let mut times: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
        for Received { history, size, line } in &received {
            let checkpoint = self.histories[*history].signed(*size);
            let (cosigned, time) = checkpoint.with_cosignature(line, &witness.key).unwrap().unwrap();
            cosigned.verify(&policy).unwrap();
            let (first, last) = times.entry(*size).or_insert((time, time));
            (*first, *last) = ((*first).min(time), (*last).max(time));
        }
        let histories: Vec<usize> =
            (0..2).filter(|history| received.iter().any(|r| r.size > FORKED_AT && r.history == *history)).collect();
        assert!(histories.len() <= 1, "both histories were cosigned");
        let mut latest = 0;
        for (first, last) in times.values() {
            assert!(*first >= latest, "a larger tree was cosigned at an earlier time");
            latest = *last;
        }
        Some((*histories.first()?, *times.keys().last()?))
    }
}

#[test]
fn a_witness_survives_a_hundred_kills() {
    let key = signer().verifier_key();
    let mut witness = TestWitness::new("w.example", &[&key]);
    let scene = Scene {
        histories: [TestLog::new(SIZE), TestLog::forked(SIZE, FORKED_AT)],
        received: Mutex::default(),
        open: AtomicU32::new(0),
    };
    let shown = format!("/{}/checkpoint", hex(&Sha256::digest(ORIGIN)));
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let (mut inside, mut remembered) = (0, 0);
    for kill in 0..KILLS {
        witness.start();
        // What is remembered is at least what left.
        let seen = witness.get(&shown);
        match scene.check(&witness) {
            None => assert!(seen.status == 404 || scene.received.lock().unwrap().iter().all(|r| r.size <= FORKED_AT)),
            Some((history, largest)) => {
                assert_eq!(seen.status, 200, "after {kill} kills");
                let head = SignedCheckpoint::parse(&seen.body).unwrap().head();
                assert!(head.size >= largest, "{} is remembered, {largest} was cosigned", head.size);
                assert_eq!(head, scene.histories[history].head(head.size));
                remembered = head.size;
            }
        }
        let (over, life) = (AtomicBool::new(false), LONGEST_LIFE.mul_f64(rng.gen_range(0.0..1.0)));
        scene.open.store(0, Ordering::SeqCst);
        // However fast the machine is, the log does not come to its end.
        let most = (SIZE - 1) * u64::from(kill + 1) / u64::from(KILLS);
        let address = witness.address();
        thread::scope(|scope| {
            for history in [0, 1, 0, 1] {
                let (scene, over) = (&scene, &over);
                scope.spawn(move || scene.ask(address, history, most, over));
            }
            thread::sleep(life);
            inside += u32::from(scene.open.load(Ordering::SeqCst) > 0);
            witness.kill();
            over.store(true, Ordering::SeqCst);
        });
    }
    witness.start();
    let (history, largest) = scene.check(&witness).unwrap();
    let received = scene.received.lock().unwrap().len();
    // The other history is refused for good, and the first goes on.
    let head = SignedCheckpoint::parse(&witness.get(&shown).body).unwrap().head();
    assert!(head.size >= remembered.max(largest) && head.size < SIZE);
    let answer = witness.add(scene.histories[1 - history].body(head.size, head.size));
    assert_eq!(answer.status, 422);
    assert_eq!(witness.add(scene.histories[history].body(head.size, head.size + 1)).status, 200);
    let report = format!(
        "witness: {KILLS} kills, {inside} of them with requests on their way; {received} cosignatures left it, of {} entries; none \
         was forgotten, none contradicts another\n",
        head.size
    );
    // Past the harness, which shows what tests print only when they fail.
    std::io::stderr().write_all(report.as_bytes()).unwrap();
    assert!(inside >= KILLS * 3 / 4, "{inside}");
    assert!(received >= KILLS as usize, "{received}");
}
