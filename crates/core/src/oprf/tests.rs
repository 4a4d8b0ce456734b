use curve25519_dalek::scalar::Scalar;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::Value;

use super::client::blind_bytes;
use super::element::derive_key_pair;
use super::*;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn unhex32(text: &str) -> [u8; 32] {
    unhex(text).try_into().unwrap()
}

fn list(value: &Value) -> Vec<String> {
    value.as_str().unwrap().split(',').map(str::to_owned).collect()
}

fn rfc() -> Value {
    let text = include_str!("../../../../tests/vectors/rfc9497-voprf-ristretto255-sha512.json");
    serde_json::from_str::<Vec<Value>>(text).unwrap().remove(0)
}

fn rfc_key(rfc: &Value) -> OprfSecretKey {
    OprfSecretKey::from_bytes(&unhex32(rfc["skSm"].as_str().unwrap())).unwrap()
}

#[test]
fn rfc9497_key() {
    let rfc = rfc();
    let derived = derive_key_pair(&unhex32(rfc["seed"].as_str().unwrap()), &unhex(rfc["keyInfo"].as_str().unwrap()));
    assert_eq!(derived.to_bytes().to_vec(), unhex(rfc["skSm"].as_str().unwrap()));
    assert_eq!(rfc_key(&rfc).public_key().to_bytes().to_vec(), unhex(rfc["pkSm"].as_str().unwrap()));
}

/// Vectors of one element pass whole; of two, all but the proof, whose seed is ours (spec, step 4).
#[test]
fn rfc9497_vectors() {
    let rfc = rfc();
    let key = rfc_key(&rfc);
    let mut seen = 0;
    for vector in rfc["vectors"].as_array().unwrap() {
        let inputs = list(&vector["Input"]);
        let blinds: Vec<Blind> =
            list(&vector["Blind"]).iter().map(|blind| Blind::from_bytes(unhex32(blind)).unwrap()).collect();
        let blinded: Vec<BlindedElement> =
            inputs.iter().zip(&blinds).map(|(input, blind)| blind_bytes(&unhex(input), blind).unwrap()).collect();
        let hex = |bytes: [u8; 32]| crate::encoding::hex(&bytes);
        assert_eq!(blinded.iter().map(|c| hex(c.to_bytes())).collect::<Vec<_>>(), list(&vector["BlindedElement"]));

        let r = unhex32(vector["Proof"]["r"].as_str().unwrap());
        let evaluation = key.evaluate_batch_with_nonce(&blinded, r).unwrap();
        assert_eq!(
            evaluation.evaluated.iter().map(|d| hex(d.to_bytes())).collect::<Vec<_>>(),
            list(&vector["EvaluationElement"])
        );
        let rfc_proof = unhex(vector["Proof"]["proof"].as_str().unwrap());
        assert_eq!(evaluation.proof.to_bytes().to_vec() == rfc_proof, blinded.len() == 1);

        let batch = blinded.iter().copied().zip(evaluation.evaluated.iter().copied()).collect();
        let verified = verify_batch(key.public_key(), batch, &evaluation.proof).unwrap();
        for (place, output) in list(&vector["Output"]).iter().enumerate() {
            let y = verified.finalize_bytes(place, &unhex(&inputs[place]), &blinds[place]).unwrap();
            assert_eq!(y.expose_bytes().to_vec(), unhex(output));
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}

#[test]
fn the_rfcs_batch_proof_is_refused() {
    let rfc = rfc();
    let vector = &rfc["vectors"][2];
    let elements = |name: &str| -> Vec<[u8; 32]> { list(&vector[name]).iter().map(|text| unhex32(text)).collect() };
    let batch = elements("BlindedElement")
        .iter()
        .zip(&elements("EvaluationElement"))
        .map(|(c, d)| (BlindedElement::from_bytes(c).unwrap(), EvaluatedElement::from_bytes(d).unwrap()))
        .collect();
    let proof: [u8; 64] = unhex(vector["Proof"]["proof"].as_str().unwrap()).try_into().unwrap();
    let refused = verify_batch(rfc_key(&rfc).public_key(), batch, &Proof::from_bytes(&proof).unwrap());
    assert_eq!(refused.unwrap_err(), ProofError::Invalid);
}

/// The crate `voprf` as an oracle for single elements, both ways.
mod oracle {
    use super::*;
    use voprf::{Ristretto255, VoprfClient, VoprfServer};

    #[test]
    fn voprf_verifies_ours_and_we_verify_voprfs() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for round in 0..20u8 {
            let key = OprfSecretKey::generate(&mut rng);
            let server = VoprfServer::<Ristretto255>::new_with_key(key.expose_bytes().as_slice()).unwrap();
            assert_eq!(server.get_public_key().compress().to_bytes(), key.public_key().to_bytes());
            let input = OprfInput::from_bytes([round; 32]);

            let theirs = VoprfClient::<Ristretto255>::blind(input.expose_bytes(), &mut rng).unwrap();
            let sent: [u8; 32] = theirs.message.serialize().as_slice().try_into().unwrap();
            let ours = key.evaluate_batch(&[BlindedElement::from_bytes(&sent).unwrap()], &mut rng).unwrap();
            let output = theirs
                .state
                .finalize(
                    input.expose_bytes(),
                    &voprf::EvaluationElement::deserialize(&ours.evaluated[0].to_bytes()).unwrap(),
                    &voprf::Proof::deserialize(&ours.proof.to_bytes()).unwrap(),
                    server.get_public_key(),
                )
                .unwrap();
            assert_eq!(output.as_slice(), key.evaluate(&input).expose_bytes());

            let r = Blind::random(&mut rng);
            let c = blind(&input, &r).unwrap();
            let answer = server.blind_evaluate(&mut rng, &voprf::BlindedElement::deserialize(&c.to_bytes()).unwrap());
            let d: [u8; 32] = answer.message.serialize().as_slice().try_into().unwrap();
            let proof: [u8; 64] = answer.proof.serialize().as_slice().try_into().unwrap();
            let verified = verify_batch(
                key.public_key(),
                vec![(c, EvaluatedElement::from_bytes(&d).unwrap())],
                &Proof::from_bytes(&proof).unwrap(),
            )
            .unwrap();
            assert_eq!(verified.finalize(0, &input, &r).unwrap(), key.evaluate(&input));
        }
    }
}

fn batch_of(n: usize, rng: &mut ChaCha20Rng) -> (OprfSecretKey, Vec<(BlindedElement, EvaluatedElement)>, Proof) {
    let key = OprfSecretKey::generate(rng);
    let blinded: Vec<_> = (0..n).map(|_| BlindedElement::random(rng)).collect();
    let BatchEvaluation { evaluated, proof } = key.evaluate_batch(&blinded, rng).unwrap();
    (key, blinded.into_iter().zip(evaluated).collect(), proof)
}

#[test]
fn a_batch_of_strangers() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let key = OprfSecretKey::generate(&mut rng);
    let input = OprfInput::from_bytes([9; 32]);
    let r = Blind::random(&mut rng);
    for n in [1, 2, 4, 16, 63, 64] {
        let mut blinded: Vec<_> = (0..n).map(|_| BlindedElement::random(&mut rng)).collect();
        blinded[n / 2] = blind(&input, &r).unwrap();
        let BatchEvaluation { evaluated, proof } = key.evaluate_batch(&blinded, &mut rng).unwrap();
        let batch = blinded.iter().copied().zip(evaluated).collect();
        let verified = verify_batch(key.public_key(), batch, &proof).unwrap();
        assert_eq!((verified.len(), verified.is_empty()), (n, false));
        assert_eq!(verified.finalize(n / 2, &input, &r).unwrap(), key.evaluate(&input));
        assert!(verified.finalize(n, &input, &r).is_none() && verified.blinded(n).is_none());
    }
}

#[test]
fn batch_sizes_are_bounded() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let key = OprfSecretKey::generate(&mut rng);
    let many: Vec<_> = (0..65).map(|_| BlindedElement::random(&mut rng)).collect();
    for n in [0, 65] {
        let refused = key.evaluate_batch(&many[..n], &mut rng);
        assert_eq!(refused.unwrap_err(), ProofError::BatchSize { count: n });
    }
    let (key, pairs, proof) = batch_of(1, &mut rng);
    assert_eq!(verify_batch(key.public_key(), vec![], &proof).unwrap_err(), ProofError::BatchSize { count: 0 });
    let refused = verify_batch(key.public_key(), vec![pairs[0]; 65], &proof);
    assert_eq!(refused.unwrap_err(), ProofError::BatchSize { count: 65 });
}

#[test]
fn any_alteration_of_a_batch_is_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let other_key = OprfSecretKey::generate(&mut rng);
    for n in [1, 2, 5] {
        let (key, pairs, proof) = batch_of(n, &mut rng);
        let refuse = |pairs: Vec<_>, proof: &Proof, key: &OprfPublicKey| {
            assert_eq!(verify_batch(key, pairs, proof).unwrap_err(), ProofError::Invalid);
        };
        refuse(pairs.clone(), &proof, other_key.public_key());
        for i in 0..n {
            let mut altered = pairs.clone();
            altered[i].0 = BlindedElement::random(&mut rng);
            refuse(altered, &proof, key.public_key());
            let mut altered = pairs.clone();
            altered[i].1 = EvaluatedElement::from_bytes(&BlindedElement::random(&mut rng).to_bytes()).unwrap();
            refuse(altered, &proof, key.public_key());
        }
        if n > 1 {
            let mut swapped = pairs.clone();
            swapped.swap(0, n - 1);
            refuse(swapped, &proof, key.public_key());
            refuse(pairs[1..].to_vec(), &proof, key.public_key());
        }
        for place in 0..PROOF_BYTES {
            let mut bytes = proof.to_bytes();
            bytes[place] ^= 1;
            if let Ok(altered) = Proof::from_bytes(&bytes) {
                refuse(pairs.clone(), &altered, key.public_key());
            }
        }
    }
}

#[test]
fn encodings_are_canonical() {
    assert_eq!(BlindedElement::from_bytes(&[0; 32]).unwrap_err(), ElementError::Identity);
    // RFC 9496, appendix A.2: non-canonical, negative and non-square field elements.
    for bad in [
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    ] {
        assert_eq!(BlindedElement::from_bytes(&unhex32(bad)).unwrap_err(), ElementError::NotCanonical, "{bad}");
    }
    assert_eq!(OprfSecretKey::from_bytes(&[0; 32]).unwrap_err(), SecretKeyError::Zero);
    assert_eq!(OprfSecretKey::from_bytes(&[0xff; 32]).unwrap_err(), SecretKeyError::NotCanonical);
    assert!(Blind::from_bytes([0; 32]).is_none() && Blind::from_bytes([0xff; 32]).is_none());
    let order = unhex32("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    assert!(Blind::from_bytes(order).is_none());
    let mut proof = [0u8; 64];
    proof[32..].copy_from_slice(&order);
    assert_eq!(Proof::from_bytes(&proof).unwrap_err(), ProofError::NotCanonical);
}

#[test]
fn a_failing_generator_does_not_repeat_a_nonce_for_two_batches() {
    struct Stuck;
    impl rand_core::RngCore for Stuck {
        fn next_u32(&mut self) -> u32 {
            7
        }
        fn next_u64(&mut self) -> u64 {
            7
        }
        fn fill_bytes(&mut self, dest: &mut [u8]) {
            dest.fill(7);
        }
        fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
            dest.fill(7);
            Ok(())
        }
    }
    impl rand_core::CryptoRng for Stuck {}

    let mut rng = ChaCha20Rng::seed_from_u64(5);
    let key = OprfSecretKey::generate(&mut rng);
    // With one nonce r for two challenges, s - s' = (c' - c) k gives the key away.
    let parts = |c: BlindedElement| {
        let bytes = key.evaluate_batch(&[c], &mut Stuck).unwrap().proof.to_bytes();
        let scalar = |half: usize| Scalar::from_canonical_bytes(bytes[32 * half..][..32].try_into().unwrap()).unwrap();
        (scalar(0), scalar(1))
    };
    let (c1, s1) = parts(BlindedElement::random(&mut rng));
    let (c2, s2) = parts(BlindedElement::random(&mut rng));
    let leaked = (s1 - s2) * (c2 - c1).invert();
    assert_ne!(leaked.to_bytes(), *key.expose_bytes());
}

#[test]
fn secrets_do_not_print() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let key = OprfSecretKey::generate(&mut rng);
    let blind = Blind::random(&mut rng);
    let c = BlindedElement::random(&mut rng);
    for text in
        [format!("{key:?}"), format!("{blind:?}"), format!("{c:?}"), format!("{:?}", OprfInput::from_bytes([7; 32]))]
    {
        assert!(text.ends_with("(REDACTED)"), "{text}");
    }
}

proptest! {
    #[test]
    fn blinding_does_not_change_the_output(input: [u8; 32], seed: u64) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let key = OprfSecretKey::generate(&mut rng);
        let input = OprfInput::from_bytes(input);
        let r = Blind::random(&mut rng);
        let c = blind(&input, &r).unwrap();
        let BatchEvaluation { evaluated, proof } = key.evaluate_batch(&[c], &mut rng).unwrap();
        let verified = verify_batch(key.public_key(), vec![(c, evaluated[0])], &proof).unwrap();
        prop_assert_eq!(verified.finalize(0, &input, &r).unwrap(), key.evaluate(&input));
    }

    #[test]
    fn elements_re_encode(bytes: [u8; 32]) {
        if let Ok(element) = BlindedElement::from_bytes(&bytes) {
            prop_assert_eq!(element.to_bytes(), bytes);
        }
    }
}
