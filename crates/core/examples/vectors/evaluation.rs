//! The blind evaluation: single elements, batches with strangers, and what a caller refuses.

use ceknik_core::encoding::base64url;
use ceknik_core::oprf::{
    BatchEvaluation, Blind, BlindedElement, EvaluatedElement, OprfInput, OprfSecretKey, Proof, blind, verify_batch,
};
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha512};

use crate::Vectors;
use crate::fixed::{Made, bytes, oprf_key, scalar, text};
use crate::json::{Json, object};

/// An input of the caller's own, blinded.
struct Own {
    input: [u8; 32],
    blind: [u8; 32],
    blinded: BlindedElement,
}

impl Own {
    fn new(name: &str) -> Made<Self> {
        let input = bytes(&format!("input of {name}"));
        let r = scalar(&format!("blind of {name}"));
        let blinded = blind_with(&input, r)?;
        Ok(Self { input, blind: r, blinded })
    }
}

fn blind_with(input: &[u8; 32], r: [u8; 32]) -> Made<BlindedElement> {
    let r = Blind::from_bytes(r).ok_or("no blind")?;
    Ok(blind(&OprfInput::from_bytes(*input), &r)?)
}

/// A stranger's element: random to everybody.
fn stranger(name: &str) -> Made<BlindedElement> {
    blind_with(&bytes(&format!("stranger's input, {name}")), scalar(&format!("stranger's blind, {name}")))
}

/// The seed of the composites, computed here from the specification.
fn composite_seed(key: &OprfSecretKey, batch: &[(BlindedElement, EvaluatedElement)]) -> Vec<u8> {
    let context = b"OPRFV1-\x01-ristretto255-SHA512";
    let mut hash = Sha512::new();
    hash.update([0, 32]);
    hash.update(key.public_key().to_bytes());
    hash.update(((5 + context.len()) as u16).to_be_bytes());
    hash.update(b"Seed-");
    hash.update(context);
    if batch.len() > 1 {
        hash.update((batch.len() as u16).to_be_bytes());
        for (c, d) in batch {
            hash.update(c.to_bytes());
            hash.update(d.to_bytes());
        }
    }
    hash.finalize().to_vec()
}

/// What an evaluation came to.
struct Evaluated {
    batch: Vec<(BlindedElement, EvaluatedElement)>,
    proof: Proof,
    json: Json,
}

fn evaluate(name: &str, key: &OprfSecretKey, n: usize, first: usize, own: usize) -> Made<Evaluated> {
    let own: Vec<Own> = (0..own).map(|i| Own::new(&format!("{name}, element {i}"))).collect::<Made<_>>()?;
    let mut sent = Vec::new();
    for place in 0..n {
        match place.checked_sub(first).and_then(|i| own.get(i)) {
            Some(own) => sent.push(own.blinded),
            None => sent.push(stranger(&format!("{name}, place {place}"))?),
        }
    }
    let nonce = scalar(&format!("nonce of {name}"));
    let BatchEvaluation { evaluated, proof } = key.evaluate_batch_with_nonce(&sent, nonce).ok_or("no nonce")?;
    let batch: Vec<_> = sent.into_iter().zip(evaluated).collect();
    let verified = verify_batch(key.public_key(), batch.clone(), &proof)?;
    let mut mine = Vec::new();
    for (i, own) in own.iter().enumerate() {
        let r = Blind::from_bytes(own.blind).ok_or("no blind")?;
        let y = verified.finalize(first + i, &OprfInput::from_bytes(own.input), &r).ok_or("no such place")?;
        mine.push(object! {
            "input": text(own.input),
            // The blind 1 shows HashToGroup(input) as it is.
            "hash_to_group": text(blind_with(&own.input, Scalar::ONE.to_bytes())?.to_bytes()),
            "blind": text(own.blind),
            "blinded": text(own.blinded.to_bytes()),
            "y": text(y.expose_bytes()),
        });
    }
    let json = object! {
        "name": name,
        "public_key": text(key.public_key().to_bytes()),
        "secret_key": text(*key.expose_bytes()),
        "nonce": text(nonce),
        "own": mine,
        "first": first,
        "batch": batch_json(&batch),
        "composite_seed": text(composite_seed(key, &batch)),
        "proof": text(proof.to_bytes()),
    };
    Ok(Evaluated { batch, proof, json })
}

fn batch_json(batch: &[(BlindedElement, EvaluatedElement)]) -> Vec<Json> {
    batch.iter().map(|(c, d)| object! { "blinded": text(c.to_bytes()), "evaluated": text(d.to_bytes()) }).collect()
}

fn refused(what: &str, key: &OprfSecretKey, batch: Vec<Json>, proof: [u8; 64], error: &str) -> Json {
    object! {
        "what": what,
        "public_key": text(key.public_key().to_bytes()),
        "batch": batch,
        "proof": text(proof),
        "error": error,
    }
}

fn refused_batches(key: &OprfSecretKey, one: &Evaluated, four: &Evaluated, most: &Evaluated) -> Made<Vec<Json>> {
    let other = oprf_key("another key")?;
    let order = {
        // The group's order, little-endian: one more than the largest scalar.
        let mut order = (-Scalar::ONE).to_bytes();
        order[0] += 1;
        order
    };
    let proof = |evaluated: &Evaluated, at: usize| {
        let mut proof = evaluated.proof.to_bytes();
        proof[at] ^= 1;
        proof
    };
    let with_half = |half: usize, scalar: [u8; 32]| {
        let mut proof = one.proof.to_bytes();
        proof[32 * half..32 * (half + 1)].copy_from_slice(&scalar);
        proof
    };
    let element = |bytes: [u8; 32]| -> Json { text(bytes).into() };
    let single = batch_json(&one.batch);
    let with_element = |field: usize, bytes: [u8; 32]| {
        let mut batch = single.clone();
        if let Json::Object(fields) = &mut batch[0] {
            fields[field].1 = element(bytes);
        }
        batch
    };
    let mut swapped_answers = four.batch.clone();
    (swapped_answers[1].1, swapped_answers[2].1) = (swapped_answers[2].1, swapped_answers[1].1);
    let mut reordered = four.batch.clone();
    reordered.swap(1, 2);
    // Not multiplied by the key at all.
    let unkeyed = EvaluatedElement::from_bytes(&one.batch[0].0.to_bytes())?;
    let generator = EvaluatedElement::from_bytes(&RISTRETTO_BASEPOINT_POINT.compress().to_bytes())?;
    let mut one_more = most.batch.clone();
    one_more.push(one.batch[0]);
    let invalid = |what: &str, batch: Vec<(BlindedElement, EvaluatedElement)>| {
        refused(what, key, batch_json(&batch), four.proof.to_bytes(), "proof_invalid")
    };
    let single_answer = |what: &str, answer: EvaluatedElement| {
        refused(what, key, batch_json(&[(one.batch[0].0, answer)]), one.proof.to_bytes(), "proof_invalid")
    };
    Ok(vec![
        refused("verified under another key", &other, single.clone(), one.proof.to_bytes(), "proof_invalid"),
        refused("the challenge altered", key, single.clone(), proof(one, 0), "proof_invalid"),
        refused("the response altered", key, single.clone(), proof(one, 32), "proof_invalid"),
        refused("the proof of another batch", key, single.clone(), four.proof.to_bytes(), "proof_invalid"),
        single_answer("the answer is the question", unkeyed),
        single_answer("the answer is the generator", generator),
        invalid("two answers of a batch swapped", swapped_answers),
        invalid("two elements of a batch swapped, with their answers", reordered),
        invalid("an element of a batch left out", four.batch[..3].to_vec()),
        invalid("an element of a batch put in twice", [&four.batch[..], &four.batch[..1]].concat()),
        invalid("an answer of another batch", [&[(four.batch[0].0, one.batch[0].1)], &four.batch[1..]].concat()),
        refused("no element", key, Vec::new(), one.proof.to_bytes(), "batch_size"),
        refused("65 elements", key, batch_json(&one_more), most.proof.to_bytes(), "batch_size"),
        refused("the challenge is the group's order", key, single.clone(), with_half(0, order), "proof_not_canonical"),
        refused("the response is the group's order", key, single.clone(), with_half(1, order), "proof_not_canonical"),
        refused("the response is 2^256 - 1", key, single.clone(), with_half(1, [0xff; 32]), "proof_not_canonical"),
        refused("the identity evaluated", key, with_element(1, [0; 32]), one.proof.to_bytes(), "element_identity"),
        refused("the identity blinded", key, with_element(0, [0; 32]), one.proof.to_bytes(), "element_identity"),
        refused(
            "no element evaluated",
            key,
            with_element(1, [0xff; 32]),
            one.proof.to_bytes(),
            "element_not_canonical",
        ),
        rfc_batch(),
    ])
}

/// Right by the RFC, whose seed does not bind a batch's elements.
fn rfc_batch() -> Json {
    let pair = |blinded: &str, evaluated: &str| object! { "blinded": blinded, "evaluated": evaluated };
    object! {
        "what": "the batch of two of RFC 9497, appendix A.1.2.3, with the RFC's seed",
        "public_key": "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e",
        "batch": vec![
            pair(
                "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
                "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            ),
            pair(
                "90a0145ea9da29254c3a56be4fe185465ebb3bf2a1801f7124bbbadac751e654",
                "cc5ac221950a49ceaa73c8db41b82c20372a4c8d63e5dded2db920b7eee36a2a",
            ),
        ],
        "proof": "cc203910175d786927eeb44ea847328047892ddf8590e723c37205cb74600b0a\
                  5ab5337c8eb4ceae0494c2cf89529dcf94572ed267473d567aeed6ab873dee08",
        "error": "proof_invalid",
    }
}

/// Encodings of elements that are none (RFC 9496, appendix A.2, and the identity), and two of elements.
fn elements() -> Vec<Json> {
    let generator = RISTRETTO_BASEPOINT_POINT.compress().to_bytes();
    let mut high_bit = generator;
    high_bit[31] |= 0x80;
    let refused: [(&str, String, &str); 12] = [
        ("the identity", "00".repeat(32), "element_identity"),
        ("not below the field's order", "00".to_owned() + &"ff".repeat(31), "element_not_canonical"),
        ("not below the field's order", "ff".repeat(31) + "7f", "element_not_canonical"),
        ("not below the field's order", "f3".to_owned() + &"ff".repeat(30) + "7f", "element_not_canonical"),
        ("the field's order", "ed".to_owned() + &"ff".repeat(30) + "7f", "element_not_canonical"),
        ("negative", "01".to_owned() + &"00".repeat(31), "element_not_canonical"),
        ("negative", "01".to_owned() + &"ff".repeat(30) + "7f", "element_not_canonical"),
        (
            "x² is no square",
            "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371".into(),
            "element_not_canonical",
        ),
        (
            "x y is negative",
            "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e".into(),
            "element_not_canonical",
        ),
        ("y = 0", "ec".to_owned() + &"ff".repeat(30) + "7f", "element_not_canonical"),
        ("an element with its highest bit set", text(high_bit), "element_not_canonical"),
        ("all ones", "ff".repeat(32), "element_not_canonical"),
    ];
    let good = [
        ("the generator", text(generator)),
        ("the public key", "c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e".into()),
    ];
    let good = good.map(|(what, element)| object! { "what": what, "element": element, "error": Json::Null });
    let refused = refused.map(|(what, element, error)| object! { "what": what, "element": element, "error": error });
    good.into_iter().chain(refused).collect()
}

/// Scalars as blinds and as secret keys: both must be canonical and not zero.
fn scalars() -> Vec<Json> {
    let largest = (-Scalar::ONE).to_bytes();
    let mut order = largest;
    order[0] += 1;
    let cases: [(&str, [u8; 32], Option<&str>); 6] = [
        ("one", Scalar::ONE.to_bytes(), None),
        ("the largest", largest, None),
        ("any", scalar("any scalar"), None),
        ("zero", [0; 32], Some("scalar_zero")),
        ("the group's order", order, Some("scalar_not_canonical")),
        ("all ones", [0xff; 32], Some("scalar_not_canonical")),
    ];
    cases.map(|(what, scalar, error)| object! { "what": what, "scalar": text(scalar), "error": error }).to_vec()
}

/// A response's JSON.
fn response(batch: &[(BlindedElement, EvaluatedElement)], first: usize, proof: &Proof) -> String {
    let pairs = batch.iter().map(|(c, d)| {
        let (c, d) = (base64url(&c.to_bytes()), base64url(&d.to_bytes()));
        format!("{{\"blinded\":\"{c}\",\"evaluated\":\"{d}\"}}")
    });
    let (pairs, proof) = (pairs.collect::<Vec<_>>().join(","), base64url(&proof.to_bytes()));
    format!("{{\"batch\":[{pairs}],\"first\":{first},\"proof\":\"{proof}\"}}")
}

/// Responses to a caller who sent the four elements of a batch.
fn responses(key: &OprfSecretKey, four: &Evaluated, other: &Evaluated) -> Made<Vec<Json>> {
    let sent: Vec<BlindedElement> = four.batch.iter().map(|(c, _)| *c).collect();
    let good = response(&four.batch, 0, &four.proof);
    // The four among others, truly evaluated.
    let crowd: Vec<BlindedElement> = other.batch[..2].iter().map(|(c, _)| *c).chain(sent.iter().copied()).collect();
    let evaluation = key.evaluate_batch_with_nonce(&crowd, scalar("nonce of the crowd")).ok_or("no nonce")?;
    let crowd: Vec<_> = crowd.into_iter().zip(evaluation.evaluated).collect();
    let crowded = |first: usize| response(&crowd, first, &evaluation.proof);
    let most: Vec<_> = four.batch.iter().copied().cycle().take(65).collect();
    let cases = [
        ("alone, as was asked for", true, good.clone(), None),
        ("with white space", false, good.replace(':', " :\n"), None),
        ("members in another order", false, reordered(&good)?, None),
        ("a letter of a name and one of a value escaped", false, escaped(&good), None),
        ("among others", false, crowded(2), None),
        ("among others, though alone was asked for", true, crowded(2), Some("evaluation_foreign")),
        ("from another place on", false, crowded(1), Some("evaluation_foreign")),
        ("from a place too far", false, crowded(3), Some("evaluation_foreign")),
        ("another caller's batch", false, response(&other.batch[..4], 0, &other.proof), Some("evaluation_foreign")),
        ("the elements in another order", false, response(&swapped(four), 0, &four.proof), Some("evaluation_foreign")),
        ("the proof of another batch", false, response(&four.batch, 0, &other.proof), Some("proof_invalid")),
        ("no elements", false, response(&[], 0, &four.proof), Some("evaluation_invalid")),
        (
            "an own element that is no base64url",
            false,
            good.replacen("\"blinded\":\"2", "\"blinded\":\"+", 1),
            Some("evaluation_invalid"),
        ),
        ("from place 63 on", false, good.replace(":0,", ":63,"), Some("evaluation_foreign")),
        ("from place 64 on", false, good.replace(":0,", ":64,"), Some("evaluation_invalid")),
        ("65 elements", false, response(&most, 0, &four.proof), Some("evaluation_invalid")),
        ("an unknown member", false, good.replace("\"first\"", "\"key\":\"x\",\"first\""), Some("evaluation_invalid")),
        ("a member twice", false, good.replace("\"first\"", "\"first\":0,\"first\""), Some("evaluation_invalid")),
        ("no first", false, good.replace("\"first\":0,", ""), Some("evaluation_invalid")),
        ("a negative place", false, good.replace(":0,", ":-1,"), Some("evaluation_invalid")),
        ("a padded proof", false, format!("{}=\"}}", good.trim_end_matches("\"}")), Some("evaluation_invalid")),
        ("a place over 64 bits", false, good.replace(":0,", ":18446744073709551616,"), Some("evaluation_invalid")),
        ("an array", false, "[]".to_owned(), Some("evaluation_invalid")),
        ("an array of the members' values", false, members_in_an_array(&good)?, Some("evaluation_invalid")),
        ("an array of the values of a pair's members", false, pair_in_an_array(&good)?, Some("evaluation_invalid")),
        ("nothing", false, String::new(), Some("evaluation_invalid")),
    ];
    let cases = cases.map(|(what, alone, response, error)| {
        object! {
            "what": what,
            "public_key": text(key.public_key().to_bytes()),
            "sent": sent.iter().map(|c| text(c.to_bytes())).collect::<Vec<_>>(),
            "alone": alone,
            "response": response,
            "error": error,
        }
    });
    Ok(cases.to_vec())
}

fn swapped(four: &Evaluated) -> Vec<(BlindedElement, EvaluatedElement)> {
    let mut batch = four.batch.clone();
    batch.swap(0, 3);
    batch
}

fn reordered(response: &str) -> Made<String> {
    let (batch, rest) = response.split_once(",\"first\"").ok_or("no first")?;
    Ok(format!("{{\"first\"{},{}}}", rest.trim_end_matches('}'), batch.trim_start_matches('{')))
}

fn escaped(response: &str) -> String {
    response.replacen("\"batch\":[{\"blinded\":\"2", "\"b\\u0061tch\":[{\"blinded\":\"\\u0032", 1)
}

fn members_in_an_array(response: &str) -> Made<String> {
    let values = response.strip_prefix("{\"batch\":").and_then(|rest| rest.strip_suffix('}')).ok_or("no batch")?;
    Ok(format!("[{}]", values.replace("\"first\":", "").replace("\"proof\":", "")))
}

fn pair_in_an_array(response: &str) -> Made<String> {
    let (pair, rest) = response.split_once('}').ok_or("no pair")?;
    let (before, pair) = pair.split_once("{\"blinded\":").ok_or("no pair")?;
    Ok(format!("{before}[{}]{rest}", pair.replace("\"evaluated\":", "")))
}

pub(crate) fn vectors() -> Made<Vectors> {
    let key = oprf_key("evaluation key")?;
    let one = evaluate("one element", &key, 1, 0, 1)?;
    let four = evaluate("four elements of one caller", &key, 4, 0, 4)?;
    let most = evaluate("the most that a client accepts", &key, 64, 60, 4)?;
    let mut success =
        vec![one.json.clone(), evaluate("another single element", &oprf_key("another key")?, 1, 0, 1)?.json];
    success.push(evaluate("two elements, the second the caller's", &key, 2, 1, 1)?.json);
    success.push(four.json.clone());
    success.push(evaluate("four of one caller among sixteen", &key, 16, 5, 4)?.json);
    success.push(most.json.clone());
    Ok(Vectors {
        file: "evaluation.json",
        about: "The blind evaluation with fixed blinds and nonces: one element (RFC 9497), batches with strangers, and batches, elements and scalars that are refused.",
        spec: "Step 4, Blind evaluation",
        members: &[
            ("evaluations", "evaluations, with everything that the caller and the key holder know"),
            ("name", "to tell them apart"),
            ("public_key", "B"),
            ("secret_key", "k"),
            ("nonce", "u, with which the proof was made"),
            ("own", "the caller's own elements, in order"),
            ("input", "x"),
            ("hash_to_group", "HashToGroup(x)"),
            ("blind", "r"),
            ("blinded", "C"),
            ("y", "what the evaluation gives"),
            ("first", "the place in the batch, from 0, at which the caller's own elements begin"),
            ("batch", "the pairs of C and D, in order"),
            ("evaluated", "D"),
            ("composite_seed", "the seed from which the weights of the pairs follow"),
            ("proof", "c and s"),
            ("batches_refused", "batches and proofs that a caller refuses"),
            ("responses", "bodies with which a service answers"),
            ("sent", "the elements of the request, in order"),
            ("alone", "the request's `alone`"),
            ("response", "the body, exactly"),
            ("elements", "encodings of elements, of whoever they come"),
            ("element", "the 32 bytes"),
            ("scalars", "encodings of secret keys and blinds"),
            ("scalar", "the 32 bytes"),
        ],
        body: object! {
            "evaluations": success,
            "batches_refused": refused_batches(&key, &one, &four, &most)?,
            "responses": responses(&key, &four, &most)?,
            "elements": elements(),
            "scalars": scalars(),
        },
    })
}
