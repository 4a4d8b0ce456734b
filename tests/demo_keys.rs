//! The public demo keys in `keys/demo` are those that the vectors are made with.

#![allow(clippy::unwrap_used, missing_docs)]

use ceknik_core::encoding::base64url;
use ceknik_core::log::LogSigner;
use ceknik_core::oprf::OprfSecretKey;
use serde_json::Value;

fn vectors(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn they_are_the_vectors() {
    let checkpoints = vectors(include_str!("vectors/checkpoint.json"));
    let log = LogSigner::from_skey(checkpoints["log_key"].as_str().unwrap()).unwrap();
    assert_eq!(include_str!("../keys/demo/log.pub").trim_end(), log.verifier_key().to_string());

    let walk = vectors(include_str!("vectors/walk.json"));
    let hex = walk["oprf_key"].as_str().unwrap();
    let bytes: [u8; 32] = std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap());
    let key = OprfSecretKey::from_bytes(&bytes).unwrap();
    assert_eq!(include_str!("../keys/demo/oprf.pub").trim_end(), base64url(&key.public_key().to_bytes()));
}
