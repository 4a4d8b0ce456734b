//! The proof: one element against the crate `voprf`, batches against an evaluation without a proof.

use std::hint::black_box;

use ceknik_core::oprf::{BlindedElement, OprfSecretKey};
use rand::rngs::OsRng;
use voprf::{Ristretto255, VoprfServer};

use crate::measure::{figure, interleaved, micros};

pub(crate) fn run() {
    let key = OprfSecretKey::generate(&mut OsRng);
    let server = VoprfServer::<Ristretto255>::new_with_key(key.expose_bytes().as_slice()).unwrap();
    let requests: Vec<[u8; 32]> = (0..64).map(|_| BlindedElement::random(&mut OsRng).to_bytes()).collect();

    // From the bytes of a request to the bytes of its answer, each.
    let ours = |n: usize| {
        let (key, requests) = (&key, &requests);
        Box::new(move || {
            let blinded: Vec<_> =
                requests[..n].iter().map(|bytes| BlindedElement::from_bytes(bytes).unwrap()).collect();
            let batch = key.evaluate_batch(&blinded, &mut OsRng).unwrap();
            for element in &batch.evaluated {
                black_box(element.to_bytes());
            }
            black_box(batch.proof.to_bytes());
        }) as Box<dyn FnMut()>
    };
    let theirs = Box::new(|| {
        let blinded = voprf::BlindedElement::deserialize(&requests[0]).unwrap();
        let answer = server.blind_evaluate(&mut OsRng, &blinded);
        black_box((answer.message.serialize(), answer.proof.serialize()));
    });
    let plain = Box::new(|| {
        black_box(key.evaluate_unproved(&requests[0]).unwrap());
    });
    let [one, voprf, plain, sixteen, sixty_four] = interleaved(300, 1, [ours(1), theirs, plain, ours(16), ours(64)]);

    println!(
        "evaluate with proof: 1 element {} µs, crate voprf {} µs; plain {} µs; batch of 16 {} µs, of 64 {} µs an element",
        micros(one),
        micros(voprf),
        micros(plain),
        micros(sixteen / 16),
        micros(sixty_four / 64),
    );
    let ratio = |a: std::time::Duration, b: std::time::Duration| format!("{:.2}", a.as_secs_f64() / b.as_secs_f64());
    figure("proof-single", ratio(one, voprf), "x-voprf", "<=1.00");
    figure("proof-batch-16", ratio(sixteen / 16, plain), "x-plain", "<=1.70");
    figure("proof-batch-64", ratio(sixty_four / 64, plain), "x-plain", "<=1.70");
}
