use ceknik_core::oprf::{
    BatchEvaluation, Blind, BlindedElement, ElementError, EvaluatedElement, OprfInput, OprfPublicKey, OprfSecretKey,
    Proof, ProofError, SecretKeyError, VerifiedBatch, blind, verify_batch,
};
use serde_json::Value;

use super::read::{array, bytes, error, file, list, small, what};

fn element_name(error: &ElementError) -> &'static str {
    match error {
        ElementError::NotCanonical => "element_not_canonical",
        ElementError::Identity => "element_identity",
    }
}

fn proof_name(error: &ProofError) -> &'static str {
    match error {
        ProofError::BatchSize { .. } => "batch_size",
        ProofError::NotCanonical => "proof_not_canonical",
        ProofError::Invalid => "proof_invalid",
    }
}

/// In the order of the specification: elements, proof, size, equations.
fn verify(case: &Value) -> Result<VerifiedBatch, &'static str> {
    let key = OprfPublicKey::from_bytes(&array(&case["public_key"])).unwrap();
    let mut batch = Vec::new();
    for pair in case["batch"].as_array().unwrap() {
        let blinded = BlindedElement::from_bytes(&array(&pair["blinded"])).map_err(|error| element_name(&error))?;
        let evaluated =
            EvaluatedElement::from_bytes(&array(&pair["evaluated"])).map_err(|error| element_name(&error))?;
        batch.push((blinded, evaluated));
    }
    let proof = Proof::from_bytes(&array(&case["proof"])).map_err(|error| proof_name(&error))?;
    verify_batch(&key, batch, &proof).map_err(|error| proof_name(&error))
}

#[test]
fn evaluations() {
    for case in list(&file("evaluation.json")["evaluations"]) {
        let key = OprfSecretKey::from_bytes(&array(&case["secret_key"])).unwrap();
        assert_eq!(key.public_key().to_bytes(), array(&case["public_key"]));
        let batch = list(&case["batch"]);
        let sent: Vec<_> =
            batch.iter().map(|pair| BlindedElement::from_bytes(&array(&pair["blinded"])).unwrap()).collect();
        let BatchEvaluation { evaluated, proof } = key.evaluate_batch_with_nonce(&sent, array(&case["nonce"])).unwrap();
        for (got, pair) in evaluated.iter().zip(batch) {
            assert_eq!(got.to_bytes(), array(&pair["evaluated"]));
        }
        assert_eq!(proof.to_bytes(), array(&case["proof"]));

        let verified = verify(case).unwrap();
        let first: usize = small(&case["first"]);
        for (own, place) in list(&case["own"]).iter().zip(first..) {
            let input = OprfInput::from_bytes(array(&own["input"]));
            let r = Blind::from_bytes(array(&own["blind"])).unwrap();
            let one: [u8; 32] = core::array::from_fn(|i| u8::from(i == 0));
            let hashed = blind(&input, &Blind::from_bytes(one).unwrap()).unwrap();
            assert_eq!(hashed.to_bytes(), array(&own["hash_to_group"]));
            let blinded = blind(&input, &r).unwrap();
            assert_eq!(blinded.to_bytes(), array(&own["blinded"]));
            assert_eq!(verified.blinded(place), Some(&blinded));
            let y = verified.finalize(place, &input, &r).unwrap();
            assert_eq!(y.expose_bytes(), &array::<64>(&own["y"]));
            assert_eq!(y, key.evaluate(&input), "as the importer computes it");
        }
    }
}

#[test]
fn refused_batches() {
    for case in list(&file("evaluation.json")["batches_refused"]) {
        assert_eq!(verify(case).err(), error(case), "{}", what(case));
    }
}

#[test]
fn elements_and_scalars() {
    let file = file("evaluation.json");
    for case in list(&file["elements"]) {
        let bytes = array(&case["element"]);
        let results = [
            BlindedElement::from_bytes(&bytes).map(|element| element.to_bytes()),
            EvaluatedElement::from_bytes(&bytes).map(|element| element.to_bytes()),
            OprfPublicKey::from_bytes(&bytes).map(|element| element.to_bytes()),
        ];
        for result in results {
            match result {
                Ok(again) => assert_eq!((again, error(case)), (bytes, None)),
                Err(refused) => assert_eq!(Some(element_name(&refused)), error(case), "{case}"),
            }
        }
    }
    for case in list(&file["scalars"]) {
        let scalar = array(&case["scalar"]);
        let refused = OprfSecretKey::from_bytes(&scalar).err().map(|error| match error {
            SecretKeyError::NotCanonical => "scalar_not_canonical",
            SecretKeyError::Zero => "scalar_zero",
        });
        assert_eq!(refused, error(case), "{case}");
        assert_eq!(Blind::from_bytes(scalar).is_none(), error(case).is_some());
    }
}

/// The seed is in the vectors for whoever looks for the step that went wrong; its length is all that core can say of it.
#[test]
fn composite_seeds_are_64_bytes() {
    let file = file("evaluation.json");
    assert!(list(&file["evaluations"]).iter().all(|case| bytes(&case["composite_seed"]).len() == 64));
}
