use ceknik_core::oprf::{Blind, OprfInput, OprfSecretKey, blind};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::*;

fn key() -> OprfSecretKey {
    OprfSecretKey::generate(&mut ChaCha20Rng::seed_from_u64(1))
}

/// Elements as a caller sends them, with the blinds.
fn sent(count: u8) -> (Vec<BlindedElement>, Vec<(OprfInput, Blind)>) {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let own: Vec<_> = (0..count).map(|n| (OprfInput::from_bytes([n; 32]), Blind::random(&mut rng))).collect();
    (own.iter().map(|(input, b)| blind(input, b).unwrap()).collect(), own)
}

fn response(blinded: &[BlindedElement], first: usize) -> String {
    let evaluation = key().evaluate_batch(blinded, &mut ChaCha20Rng::seed_from_u64(3)).unwrap();
    let pairs: Vec<String> = blinded
        .iter()
        .zip(&evaluation.evaluated)
        .map(|(c, d)| {
            format!(r#"{{"blinded":"{}","evaluated":"{}"}}"#, base64url(&c.to_bytes()), base64url(&d.to_bytes()))
        })
        .collect();
    let proof = base64url(&evaluation.proof.to_bytes());
    format!(r#"{{"batch":[{}],"first":{first},"proof":"{proof}"}}"#, pairs.join(","))
}

#[test]
fn request_sizes() {
    let sizes: Vec<usize> = (1..=16).map(request_size).collect();
    assert_eq!(sizes, [1, 4, 4, 4, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16]);
}

#[test]
fn the_request_has_these_bytes() {
    let (sent, _) = sent(2);
    let [one, two] = [0, 1].map(|place: usize| base64url(&sent[place].to_bytes()));
    let public_key = base64url(&key().public_key().to_bytes());
    let want = format!(r#"{{"key":"{public_key}","blinded":["{one}","{two}"],"alone":false}}"#);
    assert_eq!(request_body(key().public_key(), &sent, false), want);
    let alone = request_body(key().public_key(), &sent, true);
    assert!(alone.ends_with(r#""alone":true} "#) && alone.len() == want.len(), "{alone}");
}

#[test]
fn a_batch_with_strangers_gives_what_the_key_holder_computes() {
    let (all, own) = sent(7);
    let body = response(&all, 3);
    let evaluated = open_response(body.as_bytes(), key().public_key(), &all[3..5], false).unwrap();
    for place in 0..2 {
        let (input, blind) = &own[3 + place];
        let output = evaluated.batch.finalize(evaluated.first + place, input, blind).unwrap();
        assert_eq!(output, key().evaluate(input));
    }
    let foreign = open_response(body.as_bytes(), key().public_key(), &all[3..5], true).unwrap_err();
    assert!(matches!(foreign, EvaluationError::Foreign { .. }));
}

#[test]
fn a_name_given_twice_is_refused() {
    let (all, _) = sent(1);
    let body = response(&all, 0).replacen(r#""first":0"#, r#""first":0,"first":0"#, 1);
    let error = open_response(body.as_bytes(), key().public_key(), &all, false).unwrap_err();
    assert!(matches!(error, EvaluationError::Malformed { .. }));
    let trailing = format!("{} x", response(&all, 0));
    assert!(open_response(trailing.as_bytes(), key().public_key(), &all, false).is_err());
}

#[test]
fn the_longest_response_fits_the_cap() {
    let (all, _) = sent(64);
    let body = response(&all, 48);
    assert!((body.len() as u64) < MOST_RESPONSE_BYTES);
    assert!(open_response(body.as_bytes(), key().public_key(), &all[48..], false).is_ok());
}

/// The vectors' responses, which the script on other libraries reads too.
#[test]
fn the_vectors_responses() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../../../../tests/vectors/evaluation.json")).unwrap();
    let bytes = |value: &serde_json::Value| {
        let text = value.as_str().unwrap();
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..text.len()).step_by(2).map(byte).collect();
        <[u8; 32]>::try_from(bytes).unwrap()
    };
    let responses = vectors["responses"].as_array().unwrap();
    assert!(responses.len() >= 20);
    for case in responses {
        let key = OprfPublicKey::from_bytes(&bytes(&case["public_key"])).unwrap();
        let sent = case["sent"].as_array().unwrap().iter().map(|element| BlindedElement::from_bytes(&bytes(element)));
        let sent: Vec<_> = sent.map(Result::unwrap).collect();
        let response = case["response"].as_str().unwrap().as_bytes();
        let error = match open_response(response, &key, &sent, case["alone"].as_bool().unwrap()) {
            Ok(_) => None,
            Err(EvaluationError::Malformed { .. }) => Some("evaluation_invalid"),
            Err(EvaluationError::Foreign { .. }) => Some("evaluation_foreign"),
            Err(EvaluationError::Proof(_)) => Some("proof_invalid"),
        };
        assert_eq!(error, case["error"].as_str(), "{}", case["what"]);
    }
}
